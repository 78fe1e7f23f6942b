# shellcheck shell=bash
# stack.sh: ./dev up and ./dev down. Part of ./dev.

curl_stack() {
    curl -sS --noproxy '*' --cacert "$DIR/ca.pem" --max-time 20 "$@"
}

# A header with a key, on a pipe: command lines are for everyone to see.
key_header() {
    printf 'X-API-Key: %s\n' "$(recall "$1")"
}

wait_ready() {
    local tries name code=000

    for ((tries = 0; tries < 300; tries++)); do
        code=$(curl_stack -o /dev/null -w '%{http_code}' "$URL/readyz" 2>/dev/null) || true
        [[ $code != 200 ]] || return 0
        for name in "${DAEMONS[@]}"; do
            running "$name" || die "up: $name" "it has ended" "$DIR/log/$name.log"
        done
        sleep 0.1
    done
    die "up: ready" "/readyz answers $code after 30 s" "$DIR/log/api.log"
}

# NAME OPTIONS…: a key that works, remembered under NAME; a new one when the old is unknown.
up_key() {
    local name=$1 code key

    shift
    if [[ -n $(recall "$name") ]]; then
        code=$(curl_stack -o /dev/null -w '%{http_code}' -H @<(key_header "$name") \
            -H "X-Workspace-Id: $WORKSPACE" "$URL/users/me") || true
        [[ $code == 401 ]] || return 0
    fi
    key=$(cli key create --json "$@" 2>"$DIR/log/keys.log" | jq -r .api_key) ||
        die "up: keys" "offhook key create failed" "$DIR/log/keys.log"
    remember "$name" "$key"
}

up_workspace() {
    local log=$DIR/log/workspace.log

    if [[ -z $(recall workspace) ]]; then
        # It may be there already, in a database that several stacks share.
        cli workspace create "$WORKSPACE" --name Development --quota 1000000 --max-concurrent 100 \
            >"$log" 2>&1 || cli credits show "$WORKSPACE" >>"$log" 2>&1 ||
            die "up: workspace" "it could not be made" "$log"
        remember workspace "$WORKSPACE"
    fi
    up_key test_key --scope workspace --id "$WORKSPACE"
    up_key admin_key --scope platform --admin
}

# The file to source. Assignments first, for whoever reads it line by line.
write_env() {
    local database=${CONF[database.url]}
    local names=(OFFHOOK_URL OFFHOOK_CA OFFHOOK_CONF DATABASE_URL OFFHOOK_BIN OFFHOOK_WORKSPACE
        OFFHOOK_TEST_KEY OFFHOOK_ADMIN_KEY)

    {
        printf 'OFFHOOK_URL=%s\nOFFHOOK_CA=%s\nOFFHOOK_CONF=%s\n' "$URL" "$DIR/ca.pem" \
            "$DIR/offhook.conf"
        # Quoted only where a shell would need it.
        if [[ $database =~ ^[A-Za-z0-9/:@._?=%+,~-]+$ ]]; then
            printf 'DATABASE_URL=%s\n' "$database"
        else
            printf 'DATABASE_URL=%q\n' "$database"
        fi
        printf 'OFFHOOK_BIN=%s\n' "$BIN"
        printf 'OFFHOOK_WORKSPACE=%s\nOFFHOOK_TEST_KEY=%s\nOFFHOOK_ADMIN_KEY=%s\n' "$WORKSPACE" \
            "$(recall test_key)" "$(recall admin_key)"
        if $WITH_SIM; then
            names+=(OFFHOOK_SIM_URL OFFHOOK_SIM_LEDGER)
            printf 'OFFHOOK_SIM_URL=http://127.0.0.1:%s\nOFFHOOK_SIM_LEDGER=%s\n' \
                "$(recall sim_port)" "$DIR/sim.jsonl"
        fi
        printf 'export %s\n' "${names[*]}"
    } | put "$DIR/env"
}

any_running() {
    local name

    for name in nginx "${DAEMONS[@]}" sim postgres; do
        ! running "$name" || return 0
    done
    return 1
}

# Takes turns with any other ./dev on the same folder.
lock_folder() {
    exec 9<"$DIR"
    flock -w 300 9 || die lock "another ./dev has been busy with $DIR for 5 minutes"
}

choose_port() {
    local last

    last=$(recall port)
    PORT=${OFFHOOK_DEV_PORT:-${last:-8443}}
    [[ $PORT =~ ^[0-9]{1,5}$ ]] || die "up: port" "OFFHOOK_DEV_PORT is not a port: $PORT"
    if running nginx && [[ $PORT != "$last" ]]; then
        die "up: port" "this stack runs on port $last: ./dev down first"
    fi
    reap_strays nginx
    if ! running nginx && (: <"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then
        die "up: port" "something else listens on port $PORT: set OFFHOOK_DEV_PORT"
    fi
    remember port "$PORT"
    URL=https://localhost:$PORT
}

up() {
    local name

    locate
    make_folder
    lock_folder
    find_programs
    clean_environment
    any_running || as_stack rm -f "$DIR/state/settings"
    choose_port
    check_simulator_port
    settings
    WITH_SIM=false
    [[ -v GIVEN[twilio.api_url] ]] || WITH_SIM=true
    up_certificates
    if [[ ! -v CONF[database.url] ]]; then
        up_postgres
        CONF[database.url]=$(private_database_url)
    fi
    write_conf
    ! $WITH_SIM || up_simulator
    cli migrate >"$DIR/log/migrate.log" 2>&1 ||
        die "up: migrate" "the schema could not be brought up" "$DIR/log/migrate.log"
    for name in "${DAEMONS[@]}"; do
        running "$name" || must_start "$name" "$BIN/offhook-$name" --config "$DIR/offhook.conf" \
            --pid-file "$DIR/$name.pid"
    done
    up_nginx
    wait_ready
    up_workspace
    write_env
    exec 9<&-
}

down() {
    local i

    locate
    if [[ -e $DIR/.offhook-dev ]]; then
        lock_folder
        stop nginx TERM 5
        for ((i = ${#DAEMONS[@]} - 1; i >= 0; i--)); do
            stop "${DAEMONS[i]}" TERM 40
        done
        stop sim TERM 5
        stop postgres INT 30 QUIT 10
        exec 9<&-
        [[ ${1:-} != --wipe ]] || wipe
    fi
}

# Removes the folder, and what root had to keep elsewhere for it.
wipe() {
    [[ -e $DIR/.offhook-dev ]] || return 0
    rm -rf --one-file-system -- "$DIR"
    [[ ! -L $LINK ]] || rm -f -- "$LINK"
    if [[ $DIR == "$(outside)"/* ]] && ! compgen -G "$(outside)/run-*" >/dev/null; then
        rm -rf --one-file-system -- "$(outside)"
    fi
}
