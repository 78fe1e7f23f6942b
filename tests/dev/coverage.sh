# shellcheck shell=bash
# coverage.sh: ./dev coverage and ./dev torture: what the tests come by, and what can fail there. Part of
# ./dev.

# The statements of PL/pgSQL are counted by an extension, which each new database has from its template.
coverage_database() {
    check_database
    superuser -d postgres -c "LOAD 'plpgsql_check'" \
        -c "ALTER SYSTEM SET shared_preload_libraries = 'plpgsql', 'plpgsql_check'" \
        -c "ALTER SYSTEM SET plpgsql_check.profiler = on"
    superuser -d template1 -c 'CREATE EXTENSION plpgsql_check'
    stop postgres INT 30
    up_postgres
}

coverage_pytest() { # FOLDER
    check_pytest "$1" -n "$(at_once)" --dist loadfile -m "not alone"
}

# Programs add to their counts when they end, so whoever runs them must be able to write these.
coverage() {
    local dir=$TOP/build-cov log=$TOP/build-cov/log folder name

    reachable "$dir" || die coverage "the stack's user must be able to reach $dir"
    check_folder
    build_in "$dir"
    find "$dir" -name '*.gcda' -delete
    coverage_database
    export OFFHOOK_SQL_COVERAGE=$log/coverage-sql.tsv OFFHOOK_BUILD=$dir OFFHOOK_BIN TORTURE=all
    OFFHOOK_BIN=$(prefix_of "$dir")/bin
    step "make check" "$log/coverage-units.log" check_tests "$dir"
    chmod -R a+rwX "$dir/src"
    for folder in tests/faults tests/api tests/cli; do
        name=${folder#tests/}
        # What a test says is ./dev check's to judge: here what it runs is counted.
        OFFHOOK_DEV_DIR=$DIR/stacks/$name timed "pytest $name" "$log/coverage-$name.log" coverage_pytest "$folder"
    done
    check_cleanup false
    timed "count" "$log/coverage.log" tests/coverage/report "$dir" "$OFFHOOK_SQL_COVERAGE"
    cat "$log/coverage.log"
    ((STATUS == 0)) || die coverage "less than is to be"
}

# Each call that can fail does, in the programs with sanitizers.
torture() {
    local asan=$TOP/build-asan log=$BUILD/log

    check_folder
    build_in "$asan"
    rm -f "$log/torture.tsv"
    export OFFHOOK_BUILD=$asan TORTURE=all TORTURE_REPORT=$log/torture.tsv
    OFFHOOK_DEV_DIR=$DIR/stacks timed "torture" "$log/torture.log" check_pytest tests/faults/test_torture.py "$@"
    tail -n 5 "$log/torture.log"
    [[ ! -f $TORTURE_REPORT ]] || tests/torture/report "$TORTURE_REPORT"
    ((STATUS == 0)) || die torture "failed" "$log/torture.log"
    check_cleanup false
}
