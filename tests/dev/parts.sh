# shellcheck shell=bash
# parts.sh: what the stack is made of: settings, certificates, PostgreSQL, simulator, nginx. Part
# of ./dev.

# What our programs get as environment beside OFFHOOK_…: nothing that would lead them elsewhere.
clean_environment() {
    CLEAN=(-u DATABASE_URL -u NOTIFY_SOCKET -u LISTEN_FDS -u LISTEN_PID -u LISTEN_FDNAMES)
    if [[ ! -v OFFHOOK_DATABASE_URL ]]; then
        CLEAN+=(-u PGHOST -u PGPORT -u PGUSER -u PGPASSWORD -u PGDATABASE -u PGSERVICE)
    fi
    if [[ ! -v OFFHOOK_TWILIO_API_URL ]]; then
        CLEAN+=(-u TWILIO_ACCOUNT_SID -u TWILIO_AUTH_TOKEN -u TWILIO_PHONE_NUMBER)
    fi
    CLEAN+=(HOME="$DIR" TMPDIR="$DIR/tmp" MEMCHECK_DIR="${MEMCHECK_DIR:-$DIR/log}"
        no_proxy='localhost,127.0.0.1,::1' NO_PROXY='localhost,127.0.0.1,::1'
        ASAN_OPTIONS="${ASAN_OPTIONS:-log_path=$DIR/log/sanitizer}"
        UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1:log_path=$DIR/log/sanitizer}")
}

random_hex() { # BYTES
    openssl rand -hex "$1"
}

postgres_bin() {
    local newest

    newest=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
    [[ -x $newest/postgres ]] || die "up: postgres" "PostgreSQL is not installed: run ./dev setup"
    printf '%s' "$newest"
}

# Without its fsync of every file, which takes longer than all the rest: what a crash of the machine
# could spoil is made again.
make_cluster() {
    local bin=$1

    as_stack rm -rf "$DIR/postgres.new"
    as_stack "$bin/initdb" -D "$DIR/postgres.new" -U postgres --auth=scram-sha-256 \
        --pwfile="$DIR/state/postgres_password" -E UTF8 --locale=C.UTF-8 --no-instructions --no-sync &&
        as_stack mv "$DIR/postgres.new" "$DIR/postgres"
}

# As the superuser of the private cluster: psql's arguments.
superuser() {
    PGPASSWORD=$(recall postgres_password) as_stack -u PGSERVICE "$PGBIN/psql" -X -q -At \
        -v ON_ERROR_STOP=1 -h "$DIR/sock" -p 5432 -U postgres "$@"
}

# The private PostgreSQL: a socket in a folder that is closed to others, and no port at all.
up_postgres() {
    local tries

    PGBIN=$(postgres_bin)
    recall_or postgres_password random_hex 16 >/dev/null
    if [[ ! -d $DIR/postgres ]]; then
        make_cluster "$PGBIN" >"$DIR/log/initdb.log" 2>&1 ||
            die "up: postgres" "initdb failed" "$DIR/log/initdb.log"
    fi
    # After a kill -9 the last backends may outlive the master for a moment.
    for ((tries = 0; ; tries++)); do
        ! start_postgres || break
        ((tries < 20)) || die "up: postgres" "it did not start" "$DIR/log/postgres.log"
        sleep 0.5
    done
    for ((tries = 0; tries < 600; tries++)); do
        ! as_stack "$PGBIN/pg_isready" -q -h "$DIR/sock" -p 5432 -U postgres || break
        sleep 0.1
    done
    make_database || die "up: postgres" "it does not answer" "$DIR/log/postgres.log"
}

# No log holds a value of a row (terse: no DETAIL); shared memory lies in the folder.
start_postgres() {
    running postgres || start postgres "$PGBIN/postgres" -D "$DIR/postgres" -p 5432 \
        -c listen_addresses= -c unix_socket_directories="$DIR/sock" \
        -c external_pid_file="$DIR/postgres.pid" -c dynamic_shared_memory_type=mmap \
        -c max_connections=200 -c shared_buffers=256MB -c max_wal_size=2GB -c jit=off \
        -c log_error_verbosity=terse -c 'log_line_prefix=%m [%p] %q%a: '
}

# The application's own role, which is no superuser, and its database.
make_database() {
    local password

    password=$(recall_or database_password random_hex 16)
    if [[ $(superuser -d postgres -c "SELECT 1 FROM pg_roles WHERE rolname = 'offhook'") != 1 ]]; then
        superuser -d postgres -v password="$password" \
            <<<"CREATE ROLE offhook LOGIN CREATEDB PASSWORD :'password'" || return 1
    fi
    if [[ $(superuser -d postgres -c "SELECT 1 FROM pg_database WHERE datname = 'offhook'") != 1 ]]; then
        superuser -d postgres -c 'CREATE DATABASE offhook OWNER offhook' || return 1
    fi
}

private_database_url() {
    printf 'postgresql://offhook:%s@/offhook?host=%s/sock' "$(recall database_password)" "$DIR"
}

# A CA of this folder's own, and a certificate for localhost, renewed in its last week.
up_certificates() {
    local log=$DIR/log/openssl.log

    [[ -f $DIR/ca.pem && -f $DIR/tls/ca.key ]] || make_ca >"$log" 2>&1 ||
        die "up: certificates" "openssl failed" "$log"
    if ! openssl x509 -noout -checkend 604800 -in "$DIR/tls/server.pem" >/dev/null 2>&1; then
        make_certificate >"$log" 2>&1 || die "up: certificates" "openssl failed" "$log"
        ! running nginx || kill -HUP "$PID"
    fi
}

make_ca() {
    put "$DIR/tls/ca.cnf" <<'EOF'
[req]
distinguished_name = dn
x509_extensions = ext
prompt = no
[dn]
CN = Offhook development CA
[ext]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
EOF
    as_stack openssl req -x509 -config "$DIR/tls/ca.cnf" -newkey ec \
        -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -keyout "$DIR/tls/ca.key" \
        -out "$DIR/tls/ca.new" && as_stack rm -f "$DIR/tls/server.pem" &&
        as_stack mv "$DIR/tls/ca.new" "$DIR/ca.pem"
}

make_certificate() {
    put "$DIR/tls/server.cnf" <<'EOF'
[req]
distinguished_name = dn
prompt = no
[dn]
CN = localhost
[ext]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
EOF
    as_stack openssl req -new -config "$DIR/tls/server.cnf" -newkey ec \
        -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$DIR/tls/server.key" \
        -out "$DIR/tls/server.csr" &&
        as_stack openssl x509 -req -in "$DIR/tls/server.csr" -CA "$DIR/ca.pem" \
            -CAkey "$DIR/tls/ca.key" -set_serial "0x$(random_hex 16)" -days 397 \
            -extfile "$DIR/tls/server.cnf" -extensions ext -out "$DIR/tls/server.new" &&
        as_stack mv "$DIR/tls/server.new" "$DIR/tls/server.pem"
}

# A port of loopback on which nobody listens, below the range that the kernel hands out itself. It is
# bound seconds later: so that stacks which are made at once do not choose the same, each begins with
# the one that its own port leads to.
free_port() {
    local port=$((20000 + 10#$PORT % 10000)) tries

    for ((tries = 0; tries < 100; tries++)); do
        if [[ $port != "$PORT" ]] && ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            printf '%s' "$port"
            return 0
        fi
        port=$((20000 + SRANDOM % 10000))
    done
    return 1
}

# Our programs' command line, as the stack's user.
cli() {
    as_stack "${CLEAN[@]}" "$BIN/offhook" "$@" --config "$DIR/offhook.conf"
}

# The settings of the stack in the array CONF: its own, then those of the environment. What the
# environment said holds until "down", so that a later "up" starts a lost daemon with the same.
declare -A CONF GIVEN
settings() {
    local key value variable

    GIVEN=()
    while IFS='=' read -r key value; do
        [[ -z $key ]] || GIVEN[$key]=$value
    done < <(recall settings)
    while read -r key; do
        variable=OFFHOOK_${key^^}
        variable=${variable//./_}
        [[ -v $variable ]] || continue
        [[ ${!variable} != *$'\n'* ]] || die "up: settings" "$variable has more than one line"
        GIVEN[$key]=${!variable}
    done < <(known_settings)
    CONF=(
        [server.public_url]="$URL"
        [server.data_dir]="$DIR/data"
        [api.socket]="$DIR/sock/api.sock"
        [events.socket]="$DIR/sock/events.sock"
        [voice.socket]="$DIR/sock/voice.sock"
        [voice.listen_dir]="$DIR/sock"
        [voice.loops]=1
        [queue.cps]=10
        [webhooks.ca_file]="$DIR/ca.pem"
    )
    # The simulator's account stands in the place of a real one.
    if [[ ! -v GIVEN[twilio.api_url] ]]; then
        recall_or sim_port free_port >/dev/null
        CONF[twilio.api_url]=http://127.0.0.1:$(recall sim_port)
        CONF[twilio.account_sid]=AC$(recall_or sim_account random_hex 16)
        CONF[twilio.auth_token]=$(recall_or sim_token random_hex 16)
        CONF[twilio.phone_number]=+15005550006
    fi
    for key in "${!GIVEN[@]}"; do
        CONF[$key]=${GIVEN[$key]}
    done
}

# Every section.key, read from the sample file that the programs print.
known_settings() {
    as_stack "${CLEAN[@]}" "$BIN/offhook" config sample |
        sed -n -e 's/^\[\(.*\)\]$/[\1/p' -e 's/^#\{0,1\}\([a-z][a-z0-9_]*\) *=.*/\1/p' |
        while read -r line; do
            if [[ $line == \[* ]]; then
                section=${line#[}
            else
                printf '%s.%s\n' "$section" "$line"
            fi
        done
}

# Writes offhook.conf, and remembers what the environment said, when the settings are right. Wrong
# ones change nothing: what runs keeps its file, and the next "up" starts from there.
write_conf() {
    local key value section=''

    {
        printf '# Written by ./dev up at each start.\n'
        printf '%s\n' "${!CONF[@]}" | sort | while read -r key; do
            if [[ ${key%%.*} != "$section" ]]; then
                section=${key%%.*}
                printf '\n[%s]\n' "$section"
            fi
            value=${CONF[$key]//\\/\\\\}
            printf '%s = "%s"\n' "${key#*.}" "${value//\"/\\\"}"
        done
    } | put "$DIR/wrong.conf"
    as_stack "${CLEAN[@]}" "$BIN/offhook" config check --config "$DIR/wrong.conf" \
        >"$DIR/log/config.log" 2>&1 ||
        die "up: settings" "they are wrong, and were not taken" "$DIR/log/config.log"
    as_stack mv -f "$DIR/wrong.conf" "$DIR/offhook.conf"
    for key in "${!GIVEN[@]}"; do
        printf '%s=%s\n' "$key" "${GIVEN[$key]}"
    done | put "$DIR/state/settings"
}

up_simulator() {
    local more=() outer=("${CLEAN[@]}")
    # The account goes through the environment: command lines are for everyone to see.
    local CLEAN=("${outer[@]}" TWILIO_ACCOUNT_SID="${CONF[twilio.account_sid]}"
        TWILIO_AUTH_TOKEN="${CONF[twilio.auth_token]}")

    [[ -z ${OFFHOOK_DEV_SIM_CPS:-} ]] || more=(--cps "$OFFHOOK_DEV_SIM_CPS")
    [[ -z ${OFFHOOK_DEV_SIM_LATENCY_MS:-} ]] || more+=(--latency-ms "$OFFHOOK_DEV_SIM_LATENCY_MS")
    running sim || must_start sim "$BIN/offhook-sim" --listen "127.0.0.1:$(recall sim_port)" \
        --ledger "$DIR/sim.jsonl" --ca-file "$DIR/ca.pem" --recordings "$DIR/sim-recordings" \
        --pid-file "$DIR/sim.pid" "${more[@]}"
}

# Another program may have taken the simulator's port while it was down.
check_simulator_port() {
    local port

    port=$(recall sim_port)
    if [[ -n $port ]] && ! running sim && (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        as_stack rm -f "$DIR/state/sim_port"
    fi
}

# The first name server of this host, as nginx writes one.
name_server() {
    local first

    first=$(awk '$1 == "nameserver" && $2 !~ /%/ { print $2; exit }' /etc/resolv.conf 2>/dev/null) || true
    [[ $first != *:* ]] || first="[$first]"
    printf '%s' "${first:-127.0.0.1}"
}

# Whom nginx trusts when it fetches: this folder's own CA, and the system's.
put_authorities() {
    {
        cat "$DIR/ca.pem"
        cat /etc/ssl/certs/ca-certificates.crt 2>/dev/null || true
    } | put "$DIR/tls/authorities.pem"
}

up_nginx() {
    local api events voice doors data listen="listen 127.0.0.1:$PORT ssl http2;" rate drop=() socket_dir files

    running nginx && return 0
    api=$(cli config get api.socket)
    events=$(cli config get events.socket)
    voice=$(cli config get voice.socket)
    doors=$(cli config get voice.listen_dir)
    data=$(cli config get server.data_dir)
    rate=$(cli config get api.requests_per_second)
    socket_dir=${api%/*}
    # An event stream takes two of nginx's connections.
    files=$(ulimit -Hn)
    ((files <= 32768)) || files=32768
    ! grep -q '^0*1 ' /proc/net/if_inet6 2>/dev/null || listen+=" listen [::1]:$PORT ssl http2;"
    ((rate > 0)) || drop+=(-e '/limit_req/d')
    grep -q max_headers /usr/sbin/nginx || drop+=(-e '/max_headers/d')
    sed "${drop[@]}" -e "s|@listen@|$listen|" -e 's|@server_name@|localhost|' \
        -e "s|@certificate@|$DIR/tls/server.pem|" -e "s|@certificate_key@|$DIR/tls/server.key|" \
        -e "s|@api_socket@|$api|" -e "s|@carrier_socket@|$socket_dir/carrier.sock|" \
        -e "s|@events_socket@|$events|" -e "s|@voice_socket@|$voice|" \
        -e "s|@listen_dir@|$doors|" \
        -e "s|@data_dir@|$data|" -e "s|@docs_dir@|${BIN%/bin}/share/offhook/docs|" \
        -e "s|@requests_per_second@|$rate|" -e "s|@burst@|$((rate * 2))|" \
        -e "s|@log_dir@|$DIR/log|" -e "s|@fastcgi_params@|$DIR/fastcgi_offhook.conf|" \
        -e "s|@source_params@|$DIR/offhook_source.conf|" \
        -e "s|@resolver@|$(name_server)|" -e "s|@authorities@|$DIR/tls/authorities.pem|" \
        -e "s|@metrics_allow@|$DIR/nginx-metrics*.conf|" nginx/offhook.conf.in |
        put "$DIR/nginx-site.conf"
    put_authorities
    put "$DIR/fastcgi_offhook.conf" <nginx/fastcgi_offhook.conf
    put "$DIR/offhook_source.conf" <nginx/offhook_source.conf
    put "$DIR/nginx.conf" <<EOF
# Written by ./dev up: nginx as an ordinary user, with all that it writes in this folder.
daemon off;
worker_processes auto;
worker_rlimit_nofile $files;
pid $DIR/nginx.pid;
lock_file $DIR/tmp/nginx.lock;
error_log stderr warn;
events { worker_connections $((files - 64)); }
http {
    client_body_temp_path $DIR/tmp/nginx-body;
    fastcgi_temp_path $DIR/tmp/nginx-fastcgi;
    proxy_temp_path $DIR/tmp/nginx-proxy;
    scgi_temp_path $DIR/tmp/nginx-scgi;
    uwsgi_temp_path $DIR/tmp/nginx-uwsgi;
    sendfile on;
    tcp_nopush on;
    include $DIR/nginx-site.conf;
}
EOF
    must_start nginx nginx -e stderr -p "$DIR" -c "$DIR/nginx.conf"
}
