# shellcheck shell=bash
# check.sh: ./dev check: every test, each on programs built for it. Part of ./dev.

UNSTEADY_MAX=10

# Like step, but the check goes on; the summary tells.
try() {
    timed "$@"
    if ((STATUS == 0)); then
        sum_up "$1" "$TOOK" ok
    else
        sum_up "$1" "$TOOK" "FAILED, see $2"
        tell_failure "$2"
    fi
    tell_beside
}

# LOG: which tests failed, and the end of what was said.
tell_failure() {
    { grep -E '^(FAILED|ERROR|UNSTEADY) ' "$1" | cut -c1-200 || true; tail -n 40 "$1"; } | sed 's/^/    | /'
}

sum_up() { # WHAT TOOK HOW
    printf '%-34s%10s  %s\n' "$@" >>"$SUMMARY"
}

# ---- beside: what computes, while the tests at the front mostly wait --------------------------

# COMMAND…: runs it at a low priority, in a job of its own. What it says is told between our steps,
# by tell_beside; join_beside waits for its end.
beside() {
    BESIDE_LOG=$BUILD/log/check-beside.log
    BESIDE_TOLD=0
    : >"$BESIDE_LOG"
    set -m
    (
        set +m
        JOB=
        BESIDE_LOG=
        trap - EXIT
        trap 'end_jobs; exit 143' INT TERM
        renice -n 10 "$BASHPID" >/dev/null
        "$@"
    ) >"$BESIDE_LOG" 2>&1 </dev/null &
    BESIDE=$!
    set +m
}

tell_beside() {
    local line i=0

    [[ -n ${BESIDE_LOG:-} ]] || return 0
    while IFS= read -r line; do # the last line may not be whole yet: it is told later
        ((++i <= BESIDE_TOLD)) || printf 'beside: %s\n' "$line"
    done <"$BESIDE_LOG"
    BESIDE_TOLD=$i
}

join_beside() {
    local status=0 began=$SECONDS

    wait "$BESIDE" || status=$?
    BESIDE=
    tell_beside
    sum_up "waiting for what ran beside" "$((SECONDS - began)) s" \
        "$( ((status == 0)) && echo ok || echo "FAILED with $status, see $BESIDE_LOG")"
}

check_computing() {
    try "models of the dialer" "$BUILD/log/check-model.log" "$TOP/dev" model
    try "make distcheck" "$BUILD/log/check-dist.log" check_dist
    # Three times as long as it would be alone.
    FUZZ_SECONDS=8 try "fuzz, 8 s a target" "$BUILD/log/check-fuzz.log" "$TOP/dev" fuzz
}

# ---- the parts ---------------------------------------------------------------------------------

# Most tests wait rather than compute: twice as many at once as there are processors.
at_once() {
    printf '%d' $((2 * $(nproc)))
}

check_tests() { # DIR: the unit tests and the checks of the source, as that folder has built them
    if ! make -s -C "$1" -j"$(at_once)" check; then
        cat "$1"/test-suite.log
        return 1
    fi
}

# OPTIONS…: tests stop what they start; what is left is stopped at the end.
check_pytest() {
    timeout -k 30 2400 /usr/bin/python3 -B -m pytest -q -ra -o cache_dir="$CHECK_DIR/tmp/pytest-cache" \
        --rootdir="$TOP" --basetemp="$DIR/tmp/pytest" --durations=10 "$@"
}

# FOLDER OPTIONS…: tests beside each other, on processors that are never idle. A few that fail there are
# tried once more, one after the other: what fails again is broken; what passes is told as unsteady, to be
# mended. Not the fault tests: they strike at random instants, and what they find once is found.
check_pytest_beside() {
    local status=0 failed

    check_pytest "$@" -n "$(at_once)" -m "not alone" | tee "$DIR/tmp/first" || status=$?
    [[ $1 != */faults/ ]] || return "$status"
    failed=$(grep -cE '^(FAILED|ERROR) ' "$DIR/tmp/first" || true)
    ((status == 1 && failed > 0 && failed <= UNSTEADY_MAX)) || return "$status"
    check_pytest "$1" --last-failed --last-failed-no-failures none || return 1
    sed -nE 's/^(FAILED|ERROR) /UNSTEADY /p' "$DIR/tmp/first"
}

check_sanitizers() {
    local reports

    # LeakSanitizer looks at all threads; of one that ends meanwhile it says this line, and goes on.
    mapfile -t reports < <(find "$DIR/" -name 'sanitizer.*' -exec \
        grep -lvxE '==[0-9]+==Unable to get registers from thread [0-9]+\.' {} + 2>/dev/null)
    ((${#reports[@]} == 0)) || {
        cat "${reports[@]}"
        return 1
    }
}

# The tarball holds everything, builds, installs, uninstalls and cleans up. Its tests have run.
check_dist() {
    local missing

    make -s -C "$BUILD" -j"$(nproc)" distcheck TESTS= DISTCHECK_CONFIGURE_FLAGS='CFLAGS=-O1'
    missing=$(comm -13 <(tar -tf "$BUILD"/offhook-*.tar.* | sed 's,^[^/]*/,,' | sort) <(tracked | sort))
    rm -f "$BUILD"/offhook-*.tar.*
    [[ -z $missing ]] || {
        printf 'not in the tarball: %s\n' $missing
        return 1
    }
}

# What is kept in the repository, but the dot files.
tracked() {
    [[ ! -e $TOP/.git ]] || git -C "$TOP" -c safe.directory="$TOP" ls-files ':!:.*'
}

# KEEP: stops every stack below the folder of this check and the database of its unit tests;
# removes the folder unless it is to be kept.
check_cleanup() {
    local mark

    trap - EXIT
    while read -r mark; do
        [[ ${mark%/*} == "$CHECK_DIR" ]] || (OFFHOOK_DEV_DIR=${mark%/*} down) || true
    done < <([[ ! -d $CHECK_DIR ]] || find "$CHECK_DIR/" -maxdepth 6 -name .offhook-dev)
    rm -rf --one-file-system "$BUILD"/offhook-[0-9]*
    if $1; then
        OFFHOOK_DEV_DIR=$CHECK_LINK down
    else
        OFFHOOK_DEV_DIR=$CHECK_LINK down --wipe
    fi
}

check() {
    local asan=$TOP/build-asan log=$BUILD/log began=$SECONDS failed=false

    SUMMARY=$log/check-summary
    check_folder
    setup
    mkdir -p "$log"
    : >"$SUMMARY"
    try "lint" "$log/check-lint.log" "$TOP/dev" lint
    build_in "$BUILD"
    check_database
    try "make check (gcc)" "$log/check-gcc.log" check_tests "$BUILD"
    try "floors of the archives" "$log/check-floors.log" tests/check-floors "$BUILD"
    try "hardening of the programs" "$log/check-hardening.log" tests/check-hardening "$BUILD"
    build_in "$asan"
    beside check_computing
    try "make check (clang, sanitizers)" "$log/check-asan.log" check_tests "$asan"
    check_stack "$asan"
    try "benchmarks, in small" "$log/check-benches.log" check_benches
    say ""
    cat "$SUMMARY"
    grep -h '^UNSTEADY ' "$log"/check-*.log | cut -c1-200 || true
    printf '%-34s%8d s\n' "in all" $((SECONDS - began))
    ! grep -q FAILED "$SUMMARY" || failed=true
    check_cleanup $failed
    if $failed; then
        die check "failed; what the stacks have logged is in $CHECK_LINK"
    fi
    say "every test passed"
}

# The benchmarks in their shortest form: that each figure can be measured, not how large it is. Those of the voice,
# of peers and of faults take longer than that.
check_benches() {
    local name

    for name in accept carrier drain growth jobs pace read refusals soak streams tasks webhooks; do
        OFFHOOK_BUILD=$BUILD OFFHOOK_DEV_DIR=$DIR/stacks/bench tests/bench/$name --small || return 1
    done
}

# A folder beside the developer's own stack, empty, and no setting of the caller's.
check_folder() {
    local variable

    export OFFHOOK_DEV_DIR=${OFFHOOK_DEV_DIR:-$TOP/.run}-check
    for variable in "${!OFFHOOK_@}"; do
        [[ $variable == OFFHOOK_DEV_DIR ]] || unset "$variable"
    done
    unset DATABASE_URL
    locate
    CHECK_DIR=$DIR
    CHECK_LINK=$LINK
    check_cleanup false
    make_folder
    trap 'trap "" INT TERM; end_jobs; check_cleanup true' EXIT
}

# A throw-away PostgreSQL for the unit tests of the database.
check_database() {
    clean_environment
    up_postgres
    OFFHOOK_TEST_DATABASE_URL=$(private_database_url)
    export OFFHOOK_TEST_DATABASE_URL
}

# The tests of the whole, over real programs with sanitizers and crash points. Each folder has
# fixtures of its own, so each is a run of its own.
check_stack() {
    local log=$BUILD/log folder name share

    as_stack mkdir -p "$DIR/stacks"
    # Not in the stacks' own folders, which their tests remove.
    export ASAN_OPTIONS=log_path=$DIR/log/sanitizer
    export UBSAN_OPTIONS=print_stacktrace=1:$ASAN_OPTIONS
    export OFFHOOK_BUILD=$1 OFFHOOK_BIN
    export OFFHOOK_NODE_MODULES=$BUILD/node # npm's library of the carrier, for one test
    OFFHOOK_BIN=$(prefix_of "$1")/bin
    # Customers are made by the thousand: not by the slow program, which tests/cli has for itself.
    export OFFHOOK_TEST_OPERATOR
    OFFHOOK_TEST_OPERATOR=$(prefix_of "$BUILD")/bin/offhook
    for folder in tests/*/; do
        name=$(basename "$folder")
        compgen -G "$folder/test_*.py" >/dev/null || continue
        [[ $name != ha ]] || continue # wants root and other packages: ./dev ha
        # Stacks live as long as a file's tests; where there are none, any test may go anywhere.
        share=load
        [[ ! $name =~ ^(api|faults)$ ]] || share=loadfile
        OFFHOOK_DEV_DIR=$DIR/stacks/$name try "pytest $name" "$log/check-$name.log" \
            check_pytest_beside "$folder" --dist "$share"
    done
    join_beside
    for folder in $(grep -l 'pytest\.mark\.alone' tests/*/test_*.py | xargs -rn1 dirname | sort -u); do
        name=$(basename "$folder")
        OFFHOOK_DEV_DIR=$DIR/stacks/$name try "pytest $name, one by one" \
            "$log/check-$name-alone.log" check_pytest -m alone "$folder"
    done
    try "no report of a sanitizer" "$log/check-sanitizers.log" check_sanitizers
}
