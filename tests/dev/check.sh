# shellcheck shell=bash
# check.sh: ./dev check: every test, each on programs built for it. Part of ./dev.

# Like step, but the check goes on; the summary tells.
try() {
    timed "$@"
    SUMMARY+=("$(printf '%-34s%10s  %s' "$1" "$TOOK" "$( ((STATUS == 0)) && echo ok || echo "FAILED, see $2")")")
    if ((STATUS != 0)); then
        FAILED=true
        tail -n 40 "$2" | sed 's/^/    | /'
    fi
}

check_tests() { # DIR: the unit tests and the checks of the source, as that folder has built them
    if ! make -s -C "$1" -j"$(nproc)" check; then
        cat "$1"/test-suite.log
        return 1
    fi
}

check_pytest() { # FOLDER: tests stop what they start; what is left is stopped at the end
    timeout -k 30 2400 /usr/bin/python3 -B -m pytest -q -ra -p no:cacheprovider \
        --basetemp="$DIR/tmp/pytest" --durations=10 "$1"
}

check_sanitizers() {
    local reports

    mapfile -t reports < <(find "$DIR/" -name 'sanitizer.*' -size +0 2>/dev/null)
    ((${#reports[@]} == 0)) || {
        cat "${reports[@]}"
        return 1
    }
}

# The tarball holds everything, builds, installs, uninstalls and cleans up. Its tests have run.
check_dist() {
    make -s -C "$BUILD" -j"$(nproc)" distcheck TESTS= DISTCHECK_CONFIGURE_FLAGS='CFLAGS=-O1'
    rm -f "$BUILD"/offhook-*.tar.*
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
    local asan=$TOP/build-asan log=$BUILD/log began=$SECONDS

    SUMMARY=()
    FAILED=false
    check_folder
    setup
    try "lint" "$log/check-lint.log" "$TOP/dev" lint
    build_in "$BUILD"
    check_database
    try "make check (gcc)" "$log/check-gcc.log" check_tests "$BUILD"
    try "floors of the archives" "$log/check-floors.log" tests/check-floors "$BUILD"
    build_in "$asan"
    try "make check (clang, sanitizers)" "$log/check-asan.log" check_tests "$asan"
    check_stack "$asan"
    try "make distcheck" "$log/check-dist.log" check_dist
    FUZZ_SECONDS=5 try "fuzz, 5 s a target" "$log/check-fuzz.log" "$TOP/dev" fuzz
    say ""
    printf '%s\n' "${SUMMARY[@]}"
    printf '%-34s%8d s\n' "in all" $((SECONDS - began))
    check_cleanup $FAILED
    if $FAILED; then
        die check "failed; what the stacks have logged is in $CHECK_LINK"
    fi
    say "every test passed"
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
    trap 'trap "" INT TERM; check_cleanup true' EXIT
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
    local log=$BUILD/log folder name

    as_stack mkdir -p "$DIR/stacks"
    # Not in the stacks' own folders, which their tests remove.
    export ASAN_OPTIONS=log_path=$DIR/log/sanitizer
    export UBSAN_OPTIONS=print_stacktrace=1:$ASAN_OPTIONS
    export OFFHOOK_BUILD=$1 OFFHOOK_DEV_PORT OFFHOOK_BIN
    export OFFHOOK_NODE_MODULES=$BUILD/node # npm's library of the carrier, for one test
    OFFHOOK_BIN=$(prefix_of "$1")/bin
    # Customers are made by the thousand: not by the slow program, which tests/cli has for itself.
    export OFFHOOK_TEST_OPERATOR
    OFFHOOK_TEST_OPERATOR=$(prefix_of "$BUILD")/bin/offhook
    for folder in tests/*/; do
        name=$(basename "$folder")
        compgen -G "$folder/test_*.py" >/dev/null || continue
        OFFHOOK_DEV_PORT=$(free_port)
        OFFHOOK_DEV_DIR=$DIR/stacks/$name try "pytest $name" "$log/check-$name.log" \
            check_pytest "$folder"
    done
    try "no report of a sanitizer" "$log/check-sanitizers.log" check_sanitizers
}
