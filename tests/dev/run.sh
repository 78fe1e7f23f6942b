# shellcheck shell=bash
# run.sh: ./dev run: one call through the public API, followed to its end. Part of ./dev.

# Prints the events of call $1 that came after number LAST, one a line.
show_events() {
    local events

    events=$(curl_stack -H 'Accept: application/json' -H @<(key_header test_key) \
        "$URL/calls/$1/events" | jq -c 'if type == "array" then .[] else empty end') || return 0
    [[ -n $events ]] || return 0
    jq -r --argjson last "$LAST" 'select(.event_id > $last) |
        "  \(.created_at[11:23])  \((.event_type + "                ")[0:17])" +
        (if .event_type == "status_change" then "\(.data.previous // "new") -> \(.data.status)"
         elif .event_type == "transcript" then "\(.data.role): \(.data.text)"
         elif .event_type == "outcome" then "\(.data.outcome_type): \(.data.summary // "")"
         else (.data | tojson | .[0:120]) end)' <<<"$events"
    LAST=$(jq -s --argjson last "$LAST" 'map(.event_id) + [$last] | max' <<<"$events")
}

# Places the call; sets CALL.
place_call() {
    local answer code body

    body='{"target_phone": "'$PHONE'", "language": "en", "kind": "restaurant_booking", "brief": "Ask for a table for two tonight at eight, in the name of Ada."}'
    answer=$(curl_stack -w '\n%{http_code}' -H 'Content-Type: application/json' \
        -H @<(key_header test_key) --data "$body" "$URL/calls") || die "run: call" "POST /calls failed"
    code=${answer##*$'\n'}
    answer=${answer%$'\n'*}
    [[ $code == 201 || $code == 202 ]] ||
        die "run: call" "POST /calls answered $code: $answer" "$DIR/log/api.log"
    CALL=$(jq -r '.call_id // .call.call_id' <<<"$answer")
    say "POST /calls answered $code: $CALL"
}

# Follows the call to its end; false unless it completed.
follow_call() {
    local status='' until=$((SECONDS + 120))

    LAST=0
    while ((SECONDS < until)); do
        status=$(curl_stack -H @<(key_header test_key) "$URL/calls/$CALL" | jq -r .status)
        show_events "$CALL"
        case $status in
        completed) return 0 ;;
        failed | cancelled | expired) break ;;
        esac
        sleep 0.3
    done
    say "the call is $status after $((SECONDS - until + 120)) s; logs are in $DIR/log"
    return 1
}

# Waits for the recording and reads it as an administrator would; false unless it is an MP3.
fetch_recording() {
    local code=000 until=$((SECONDS + 60)) magic

    while ((SECONDS < until)); do
        code=$(curl_stack -o "$SCRATCH/call.mp3" -w '%{http_code}' -H @<(key_header admin_key) \
            -H "X-Workspace-Id: $WORKSPACE" "$URL/calls/$CALL/recording") || true
        [[ $code == 202 ]] || break
        sleep 0.5
    done
    show_events "$CALL"
    if [[ $code != 200 ]]; then
        say "GET /calls/$CALL/recording answers $code; logs are in $DIR/log"
        return 1
    fi
    magic=$(od -An -tx1 -N3 "$SCRATCH/call.mp3" | tr -d ' ')
    if [[ $magic != 494433 && ! $magic =~ ^ff[ef] ]]; then
        say "the recording is no MP3: it begins with $magic"
        return 1
    fi
    put "$DIR/first-call.mp3" <"$SCRATCH/call.mp3"
}

tell_where() {
    cat <<EOF

The call is completed.
  recording   $DIR/first-call.mp3, or
              . $LINK/env; curl --cacert \$OFFHOOK_CA -H "X-API-Key: \$OFFHOOK_ADMIN_KEY" \\
                  -H "X-Workspace-Id: \$OFFHOOK_WORKSPACE" -o call.mp3 $URL/calls/$CALL/recording
  transcript  curl --cacert \$OFFHOOK_CA -H "X-API-Key: \$OFFHOOK_TEST_KEY" \\
                  $URL/calls/$CALL | jq .transcript_full
EOF
}

run() {
    local once=false status=0

    WAS_UP=false
    case ${1:-} in
    --once) once=true ;;
    '') ;;
    *) wrong_usage ;;
    esac
    setup
    build_in "$BUILD"
    locate
    ! any_running || WAS_UP=true
    SCRATCH=$(mktemp -d)
    SLEEPER=
    trap 'trap "" INT TERM; trap - EXIT; run_end' EXIT
    timed_up
    place_call
    if follow_call && fetch_recording; then
        tell_where
    else
        status=1
    fi
    ! $once || exit "$status"
    WAS_UP=false
    say "
Offhook is at $URL; Ctrl-C stops it."
    sleep infinity &
    SLEEPER=$!
    wait "$SLEEPER" || true
}

# A stack that ran before "run --once" goes on running.
run_end() {
    rm -rf "$SCRATCH"
    [[ -z $SLEEPER ]] || kill "$SLEEPER" 2>/dev/null || true
    $WAS_UP || down
}

timed_up() {
    local began

    began=$(now_ms)
    up
    printf '%-34s%8d.%d s\n' "up" $((($(now_ms) - began) / 1000)) \
        $((($(now_ms) - began) % 1000 / 100))
}
