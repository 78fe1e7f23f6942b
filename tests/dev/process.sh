# shellcheck shell=bash
# process.sh: starting, finding and stopping detached programs by their pid files. Part of ./dev.

# NAME: whether it is to run under valgrind.
checked() {
    [[ " ${OFFHOOK_MEMCHECK:-} " == *" $1 "* ]]
}

comm_of() { # NAME: how the kernel calls its process
    if checked "$1"; then
        printf 'memcheck-amd64-'
        return 0
    fi
    case $1 in
    postgres | nginx) printf '%s' "$1" ;;
    *)
        local comm=offhook-$1

        printf '%s' "${comm:0:15}"
        ;;
    esac
}

# PID: sets STATE, GROUP, BEGAN (seconds since 1970) and OWNER of a process; false without one.
look_at() {
    local line fields up key rest now=$EPOCHSECONDS # before the uptime: who is interrupted here sees it older

    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
    read -ra fields <<<"${line##*) }"
    STATE=${fields[0]}
    GROUP=${fields[2]}
    read -r up _ </proc/uptime
    BEGAN=$((now - (${up/./} - fields[19]) / 100))
    OWNER=
    while read -r key rest; do
        [[ $key != Uid: ]] || OWNER=${rest%%[[:space:]]*}
    done 2>/dev/null <"/proc/$1/status" || true
    [[ $STATE != Z ]]
}

comm_is() { # PID COMM
    local comm

    { read -r comm <"/proc/$1/comm"; } 2>/dev/null && [[ $comm == "$2" ]]
}

# NAME: whether the program of our pid file runs; sets PID. A number that now belongs to another
# process does not count: that one has another name or user, or began after the file was written.
running() {
    local file=$DIR/$1.pid

    PID=
    { read -r PID <"$file"; } 2>/dev/null || [[ -n $PID ]] || return 1
    [[ $PID =~ ^[0-9]+$ ]] && comm_is "$PID" "$(comm_of "$1")" && look_at "$PID" &&
        ((OWNER == RUN_UID && BEGAN <= $(stat -c %Y "$file" 2>/dev/null || echo 0) + 2))
}

# NAME PID: kills what a master that was killed has left behind in its process group.
kill_strays() {
    local comm stat pid

    [[ $2 =~ ^[0-9]+$ ]] || return 0
    comm=$(comm_of "$1")
    for stat in /proc/[0-9]*/stat; do
        pid=${stat#/proc/}
        pid=${pid%/stat}
        if comm_is "$pid" "$comm" && look_at "$pid" && ((GROUP == $2 && OWNER == RUN_UID)); then
            kill -KILL "$pid" 2>/dev/null || true
        fi
    done
}

# NAME: the same, when the master of our pid file runs no more. Conversations are finished by the loops of a
# master that has gone.
reap_strays() {
    local last=''

    running "$1" && return 0
    { read -r last <"$DIR/$1.pid"; } 2>/dev/null || true
    [[ $1 == voice ]] || kill_strays "$1" "$last"
    as_stack rm -f "$DIR/$1.pid"
}

# NAME COMMAND…: starts it detached, in the clean environment, output in log/NAME.log. Returns
# when its pid file names it; false when it has ended before.
start() {
    local name=$1 child tries

    shift
    ! checked "$name" || set -- "$TOP/tests/dev/memcheck" "$@"
    reap_strays "$name"
    (
        # Nothing of the caller stays open, or whoever reads its pipes would wait for ever.
        for fd in /proc/self/fd/*; do
            fd=${fd##*/}
            ((fd <= 2)) || eval "exec $fd>&-"
        done
        cd "$DIR" || exit 1
        umask 027
        # shellcheck disable=SC2016 # expanded by the inner shell
        exec setsid "${RUN[@]}" env --default-signal=INT,QUIT "${CLEAN[@]}" sh -c \
            'log=$1; shift; exec "$@" >>"$log" 2>&1' sh "$DIR/log/$name.log" "$@" \
            </dev/null >/dev/null 2>&1
    ) &
    child=$!
    for ((tries = 0; tries < 400; tries++)); do
        ! running "$name" || return 0
        kill -0 "$child" 2>/dev/null || return 1
        sleep 0.05
    done
    return 1
}

must_start() {
    start "$@" || die "up: $1" "it did not start" "$DIR/log/$1.log"
}

# SECONDS PID: false when it still runs after that time.
wait_end() {
    local tries

    for ((tries = $1 * 20; tries > 0; tries--)); do
        look_at "$2" || return 0
        sleep 0.05
    done
    return 1
}

# NAME SIGNAL SECONDS [SIGNAL SECONDS]…: stops it, more firmly each time, and at last by force.
stop() {
    local name=$1 pid='' done=false

    shift
    if running "$name"; then
        pid=$PID
        while (($# > 0)) && ! $done; do
            kill -"$1" "$pid" 2>/dev/null || true
            ! wait_end "$2" "$pid" || done=true
            shift 2
        done
        if ! $done; then
            say "$name did not stop in time: killed"
            kill -KILL "$pid" 2>/dev/null || true
            wait_end 5 "$pid" || true
        fi
        kill_strays "$name" "$pid"
    fi
    reap_strays "$name"
}
