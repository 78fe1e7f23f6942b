# shellcheck shell=bash
# tools.sh: ./dev fmt, lint, bench, fuzz, model, planted, valgrind and ha. Part of ./dev.

c_files() {
    find src tests \( -name '*.[ch]' -o -name '*.cc' \) -not -name config.h | sort
}

fmt() {
    mapfile -t files < <(c_files)
    clang-format -i "${files[@]}"
}

lint_format() {
    mapfile -t files < <(c_files)
    clang-format --dry-run -Werror "${files[@]}"
}

lint_shell() {
    local files=()

    mapfile -t files < <(grep -lE '^#!.*\b(bash|sh)$' dev .ci/run tests/check-* tests/dev/* tests/bench/* tests/model/run tests/sql/run 2>/dev/null)
    shellcheck -x "${files[@]}"
}

lint_cppcheck() {
    local queue

    # The one system header whose macros it must know to read our sources at all. One job: several do not look
    # from one file into another.
    queue=$(printf '#include <sys/queue.h>\n' | gcc -M -x c - | tr ' ' '\n' | grep 'sys/queue\.h$')
    cppcheck --quiet --include="$queue" --std=c11 --enable=warning,performance,portability --inline-suppr \
        --error-exitcode=1 -j 1 -I src -D_GNU_SOURCE -DHAVE_SYSTEMD \
        --suppress=missingInclude --suppress=missingIncludeSystem "--suppress=*:$queue" src
}

lint_manuals() {
    local files=()

    mapfile -t files < <(find doc -name '*.[158]' | sort)
    ((${#files[@]} == 0)) || mandoc -T lint -W warning "${files[@]}"
}

# What a planted bug takes away must still be there.
lint_planted() {
    tests/faults/planted/run --check
}

# FILE…, or all sources: gcc's and clang's analyzers; the first time takes long, then what has changed does.
lint_deep() {
    local files=("$@")

    ((${#files[@]} > 0)) || mapfile -t files < <(find src -name '*.c' | sort)
    printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 1 tests/dev/analyze "$BUILD"
}

# No argument: every check; the names of those that failed are said at the end. --deep: the analyzers too, of the
# files that are named, or of all.
lint() {
    local log=$BUILD/log failed=() script deep=false

    if [[ ${1:-} == --deep ]]; then
        deep=true
        shift
        build_in "$BUILD" # for what configure and the build make
    fi

    lint_one() {
        timed "$1" "$2" "${@:3}"
        if ((STATUS != 0)); then
            tail -n 40 "$2" | sed 's/^/    | /'
            failed+=("$1")
        fi
    }
    lint_one "lint: format" "$log/lint-format.log" lint_format
    lint_one "lint: shell" "$log/lint-shell.log" lint_shell
    lint_one "lint: cppcheck" "$log/lint-cppcheck.log" lint_cppcheck
    lint_one "lint: manual pages" "$log/lint-manuals.log" lint_manuals
    lint_one "lint: planted bugs" "$log/lint-planted.log" lint_planted
    for script in floors settings units; do
        [[ ! -x tests/check-$script ]] ||
            lint_one "lint: $script" "$log/lint-$script.log" "tests/check-$script"
    done
    ! $deep || lint_one "lint: analyzers" "$log/lint-analyzers.log" lint_deep "$@"
    ((${#failed[@]} == 0)) || die lint "failed: ${failed[*]}; the logs are in $log"
}

bench() {
    local script name found=false

    if [[ ${1:-} == --list ]]; then
        for script in tests/bench/*; do
            [[ ! -f $script || ! -x $script ]] || say "${script##*/}"
        done
        return 0
    fi
    setup
    build_in "$BUILD"
    for script in tests/bench/*; do
        name=${script##*/}
        [[ -f $script && -x $script && (-z ${1:-} || $name == "$1") ]] || continue
        found=true
        say "== $name"
        OFFHOOK_BUILD=$BUILD "$script" "${@:2}" || die "bench: $name" "failed"
    done
    $found || die bench "there is no tests/bench/${1:-*}; ./dev bench --list names them"
}

# FILE: builds one target against every library of the fuzz build and runs it.
fuzz_one() {
    local source=$1 dir=$TOP/build-fuzz name corpus seeds=() libs=() dictionary=()

    name=${source##*/fuzz_}
    name=${name%.c}
    corpus=$dir/corpus/$name
    mkdir -p "$corpus" "$dir/found"
    mapfile -t libs < <(find "$dir/src" -name 'lib*.a' | sort)
    [[ ! -d tests/fuzz/corpus/$name ]] || seeds=("$TOP/tests/fuzz/corpus/$name")
    [[ ! -f tests/fuzz/$name.dict ]] || dictionary=(-dict="$TOP/tests/fuzz/$name.dict")
    clang -g -O1 -std=gnu11 -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined \
        -fno-sanitize-recover=all -I src -I "$dir/src" "$source" -o "$dir/fuzz_$name" \
        -Wl,--start-group "${libs[@]}" -Wl,--end-group -Wl,--as-needed -lfcgi -lpq -lcurl -lgmime-3.0 -lgobject-2.0 -lglib-2.0 -ljwt \
        -ljansson -levent_core -lpcre2-8 -lcrypto -lz -lsystemd -lexpat -lmicrohttpd -lwebsockets -lspandsp -lespeak-ng \
        -lspeexdsp -lm -lpthread
    "$dir/fuzz_$name" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=5 -rss_limit_mb=1024 \
        -print_final_stats=1 -artifact_prefix="$dir/found/$name-" "${dictionary[@]}" \
        "$corpus" "${seeds[@]}"
}

# The archives of a build folder that a worker is made of.
worker_archives() {
    printf 'src/%s\n' api/libapi.a work/libwork.a remote/libremote.a domain/libdomain.a auth/libauth.a http/libhttp.a \
        db/libdb.a phone/libphone.a sys/libsys.a base/libbase.a
}

# Builds a worker with AFL's compiler and the sanitizers: DIR/fuzz_worker.
fuzz_worker_build() {
    local dir=$1 archives data

    data=$(prefix_of "$BUILD")/share/offhook
    mapfile -t archives < <(worker_archives)
    make -s -C "$dir" -j"$(nproc)" "${archives[@]}" || return 1
    (cd "$dir" && afl-clang-fast -g -O1 -std=gnu11 -D_GNU_SOURCE -fsanitize=address,undefined -fno-sanitize-recover=all \
        -I "$TOP/src" -I src -DOFFHOOK_SYSCONFDIR='"/etc"' -DOFFHOOK_DATADIR="\"$data\"" \
        "$TOP/tests/fuzz/worker/worker.c" "$TOP/src/prog/options.c" "$TOP/src/prog/settings.c" -o fuzz_worker \
        -Wl,--start-group "${archives[@]}" -Wl,--end-group -lphonenumber -lstdc++ -lfcgi -lcurl -lpq -ljwt -ljansson \
        -lpcre2-8 -lcrypto -lz -lsystemd -lm -lpthread)
}

# A stack of its own, of which AFL's worker uses the database; nobody dials.
fuzz_worker_run() {
    local dir=$1 seconds=${FUZZ_SECONDS:-60}

    # shellcheck source=/dev/null
    . "$DIR/env"
    rm -rf "$dir/worker"
    tests/fuzz/worker/seeds "$dir/worker" || return 1
    export ASAN_OPTIONS=abort_on_error=1:symbolize=0:detect_leaks=0 UBSAN_OPTIONS=abort_on_error=1:symbolize=0
    AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 \
        afl-fuzz -V "$seconds" -t 5000 -m none -x "$dir/worker/dictionary" -i "$dir/worker/seeds" \
        -o "$dir/worker/found" -- "$dir/fuzz_worker"
}

fuzz_worker() {
    local dir=$TOP/build-afl log stats

    log=$dir/log
    mkdir -p "$log"
    build_in "$BUILD"
    configure_in "$dir" "$dir/prefix"
    step "build the worker" "$log/fuzz-worker-build.log" fuzz_worker_build "$dir"
    # Beside the developer's own stack.
    export OFFHOOK_DEV_DIR=$TOP/.run-fuzz OFFHOOK_DEV_PORT=$((${OFFHOOK_DEV_PORT:-8443} + 20))
    export OFFHOOK_API_REQUESTS_PER_SECOND=0 OFFHOOK_QUEUE_ENABLED=true
    up
    stop scheduler TERM 40
    trap 'end_jobs; down --wipe' EXIT
    step "fuzz worker" "$log/fuzz-worker.log" fuzz_worker_run "$dir"
    stats=$dir/worker/found/default/fuzzer_stats
    sed -n -E 's/^(execs_done|corpus_count|edges_found|saved_crashes|saved_hangs) *: /    \1: /p' "$stats"
    grep -qE '^saved_crashes *: 0$' "$stats" || die "fuzz worker" "it died; see ${stats%/*}/crashes"
}

# Without a name every target but the worker, which wants AFL++ and a stack.
fuzz() {
    local source found=false name log

    setup
    if [[ ${1:-} == worker ]]; then
        fuzz_worker
        return
    fi
    build_in "$TOP/build-fuzz"
    for source in tests/fuzz/fuzz_*.c; do
        name=${source##*/fuzz_}
        name=${name%.c}
        [[ -f $source && (-z ${1:-} || $name == "${1#fuzz_}") ]] || continue
        found=true
        log=$TOP/build-fuzz/log/fuzz-$name.log
        step "fuzz $name" "$log" fuzz_one "$source"
        sed -n 's/^stat::number_of_executed_units: */    inputs tried: /p' "$log"
    done
    $found || die fuzz "there is no tests/fuzz/fuzz_${1:-*}.c"
}

# [--large]
model() {
    tests/model/run "$@"
}

# [NAME…]
planted() {
    tests/faults/planted/run "$@" || die planted "failed"
}

# DIR: fails with what memcheck has found.
memcheck_reports() {
    local reports

    mapfile -t reports < <(find "$1" -name 'memcheck.*' -size +0)
    ((${#reports[@]} == 0)) || {
        head -c 100000 "${reports[@]}"
        return 1
    }
}

# In this process's own namespaces nothing is changed but for a folder of names, /run/netns.
ha() {
    ((EUID == 0)) || die ha "network namespaces are made by root alone"
    "$TOP/dev" build # by the checkout's owner
    OFFHOOK_BUILD=$BUILD /usr/bin/python3 -B -m pytest -q -s -p no:cacheprovider --rootdir="$TOP" \
        "${@:-tests/ha}" || die ha "failed"
}
valgrind_units() {
    make -s -C "$BUILD" -j"$(nproc)" check LOG_COMPILER="$TOP/tests/dev/memcheck" || {
        cat "$BUILD/test-suite.log"
        return 1
    }
}

valgrind_pytest() {
    /usr/bin/python3 -B -m pytest -q -ra -p no:cacheprovider --rootdir="$TOP" "$@"
}

# The stack's user writes the reports too.
valgrind() {
    local log=$BUILD/log

    build_in "$BUILD"
    MEMCHECK_DIR=$(mktemp -d /tmp/offhook-memcheck.XXXXXX)
    chmod 1777 "$MEMCHECK_DIR"
    export MEMCHECK_DIR OFFHOOK_BUILD=$BUILD OFFHOOK_MEMCHECK=${OFFHOOK_MEMCHECK:-voice}
    trap 'rm -rf "$MEMCHECK_DIR"' EXIT
    if (($# > 0)); then
        timed "tests under memcheck" "$log/valgrind-tests.log" valgrind_pytest "$@"
    else
        timed "unit tests under memcheck" "$log/valgrind-units.log" valgrind_units
        timed "voice under memcheck" "$log/valgrind-voice.log" valgrind_pytest \
            tests/api/test_voice_line.py tests/api/test_voice_questions.py \
            tests/api/test_voice_ears.py -m "not alone"
    fi
    step "no report of memcheck" "$log/valgrind-reports.log" memcheck_reports "$MEMCHECK_DIR"
}
