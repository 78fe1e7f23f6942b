-- The watcher: who is looked at when, what follows from what it finds, and every deadline.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.lead();

-- In how many seconds the newest attempt of a call is looked at, or given up.
CREATE FUNCTION pg_temp.check_in(p_call text) RETURNS numeric LANGUAGE sql AS $$
    SELECT extract(epoch FROM (t.attempt(p_call)).check_at - statement_timestamp())
$$;
CREATE FUNCTION pg_temp.deadline_in(p_call text) RETURNS numeric LANGUAGE sql AS $$
    SELECT extract(epoch FROM (t.attempt(p_call)).deadline_at - statement_timestamp())
$$;
-- Lets time pass for an attempt.
CREATE FUNCTION pg_temp.later(p_call text, p_s numeric) RETURNS void LANGUAGE sql AS $$
    UPDATE attempts SET check_at = check_at - p_s * interval '1 s',
        deadline_at = deadline_at - p_s * interval '1 s',
        created_at = created_at - p_s * interval '1 s', slot_at = slot_at - p_s * interval '1 s'
        WHERE attempt_id = (SELECT attempt_id FROM calls WHERE call_id = p_call)
$$;
CREATE FUNCTION pg_temp.near(p_is numeric, p_low numeric, p_high numeric, p_what text) RETURNS text
LANGUAGE sql AS $$
    SELECT ok(p_is BETWEEN p_low - 0.5 AND p_high + 0.5,
        format('%s: %s in [%s, %s]', p_what, round(p_is, 1), p_low, p_high))
$$;

-- When each kind is looked at first.
CREATE TEMP TABLE a AS SELECT s AS status, t.call('ws1') AS call_id
    FROM unnest(ARRAY['dialing', 'dial_unknown', 'in_progress']) s;
SELECT t.bring(call_id, status) FROM a;
INSERT INTO a SELECT 'live', t.call('ws1');
SELECT t.dialed(call_id) FROM a WHERE status = 'live';
SELECT pg_temp.near(pg_temp.check_in(call_id), 60, 60.1, 'no report from the dialer') FROM a
    WHERE status = 'dialing';
SELECT pg_temp.near(pg_temp.check_in(call_id), 2, 2, 'an answer was lost') FROM a
    WHERE status = 'dial_unknown';
SELECT pg_temp.near(pg_temp.check_in(call_id), 15, 15, 'dialed, no callback') FROM a
    WHERE status = 'live';
SELECT pg_temp.near(pg_temp.check_in(call_id), 18.75, 25, 'answered, no callback') FROM a
    WHERE status = 'in_progress';
SELECT pg_temp.near(pg_temp.deadline_in(call_id), d, d, 'given up when ' || status)
    FROM a JOIN (VALUES ('dial_unknown', 120), ('live', 120), ('in_progress', 1860)) v (status, d)
    USING (status);

-- Due, leased, and not taken twice.
SELECT is_empty('SELECT * FROM fn.watch_due(100)', 'nothing is due');
SELECT pg_temp.later(call_id, 61) FROM a WHERE status <> 'in_progress';
SELECT results_eq($$SELECT d.state::text, d.hang_up, d.overdue, d.call_sid IS NOT NULL,
        abs(d.age_s - extract(epoch FROM clock_timestamp() - t.created_at)) < 0.5
    FROM fn.watch_due(100) d JOIN attempts t USING (attempt_id) ORDER BY 1$$, $$VALUES ('intent', false, false, false, true),
    ('live', false, false, true, true), ('unknown', false, false, false, true)$$, 'three are due');
SELECT is_empty('SELECT * FROM fn.watch_due(100)', 'and leased');
SELECT pg_temp.near(pg_temp.check_in(call_id), 45, 45, 'the lease') FROM a
    WHERE status = 'live';
SELECT pg_temp.later(call_id, 46) FROM a WHERE status IN ('live', 'dial_unknown');
SELECT is((SELECT count(*) FROM fn.watch_due(1)), 1::bigint, 'no more than asked for');
SELECT is((SELECT count(*) FROM fn.watch_due(5)), 1::bigint, 'the rest later');

-- An answer that was lost, and the carrier knows nothing: 2, 4, 8, 16, 30, 30 … and the end.
CREATE TEMP TABLE b AS SELECT t.call('ws1') AS call_id;
SELECT t.bring(call_id, 'dial_unknown') FROM b;
CREATE TEMP TABLE looks (n integer, at numeric);
CREATE FUNCTION pg_temp.until_lost(p_call text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    v_at numeric := 0;
    v_in numeric;
BEGIN
    FOR n IN 1..50 LOOP
        v_in := pg_temp.check_in(p_call);
        IF v_in IS NULL THEN
            RETURN n;
        END IF;
        v_at := v_at + v_in;
        INSERT INTO looks VALUES (n, v_at);
        PERFORM pg_temp.later(p_call, v_in + 0.001);
        PERFORM fn.watch_due(100);
        PERFORM fn.watch_not_found((t.attempt(p_call)).attempt_id);
    END LOOP;
    RETURN 99;
END $$;
SELECT ok(pg_temp.until_lost(call_id) < 12, 'it ends') FROM b;
SELECT pg_temp.near(at, v.w, v.w, 'look ' || n) FROM looks JOIN (VALUES (1, 2), (2, 4), (3, 8),
    (4, 16), (5, 32), (6, 62), (7, 92), (8, 120)) v (n, w) USING (n);
SELECT is((SELECT count(*) FROM looks), 8::bigint, 'eight looks');
SELECT is(t.outcome(call_id), 'failed failed_technical', 'it failed') FROM b;
SELECT is(t.story(call_id), 'queued dialing dial_unknown failed outcome', 'the story') FROM b;
SELECT is((t.attempt(call_id)).state, 'lost', 'the attempt is lost') FROM b;
SELECT is((SELECT result FROM t.claim(call_id)), 'gone', 'never dialed again') FROM b;

-- A dialer that never reports: unknown after a minute, then the same.
CREATE TEMP TABLE c AS SELECT t.call('ws1') AS call_id;
SELECT t.dialing(call_id), pg_temp.later(call_id, 61) FROM c;
SELECT fn.watch_not_found((t.attempt(call_id)).attempt_id) FROM c;
SELECT is(t.status(call_id), 'dial_unknown', 'after a minute') FROM c;
SELECT pg_temp.near(pg_temp.deadline_in(call_id), 120, 120, 'and two more') FROM c;
SELECT ok(pg_temp.until_lost(call_id) < 12, 'then it ends') FROM c;
SELECT is(t.outcome(call_id), 'failed failed_technical', 'likewise') FROM c;
-- One that was bound meanwhile is not lost.
SELECT fn.watch_not_found((t.attempt(call_id)).attempt_id) FROM a WHERE status = 'live';
SELECT is((t.attempt(call_id)).state, 'live', 'bound: not lost') FROM a WHERE status = 'live';

-- The carrier cannot be asked: the call ends in time all the same, its attempt is asked for on.
CREATE FUNCTION pg_temp.until_failed(p_call text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    v_at numeric := 0;
    v_in numeric;
BEGIN
    WHILE NOT call_is_final(t.status(p_call)::call_status) LOOP
        v_in := pg_temp.check_in(p_call);
        v_at := v_at + v_in;
        PERFORM pg_temp.later(p_call, v_in + 0.001);
        PERFORM fn.watch_due(100);
        PERFORM fn.watch_failed((t.attempt(p_call)).attempt_id);
    END LOOP;
    RETURN v_at;
END $$;
CREATE TEMP TABLE d AS SELECT s AS status, n, t.call('ws1') AS call_id
    FROM unnest(ARRAY['dial_unknown', 'in_progress']) s, generate_series(1, 20) n;
SELECT t.bring(call_id, status) FROM d;
CREATE TEMP TABLE e AS SELECT d.*, pg_temp.until_failed(call_id) AS took FROM d;
SELECT ok(max(took) <= 150, 'an unknown dial is settled within 150 s: ' || round(max(took)))
    FROM e WHERE status = 'dial_unknown';
SELECT ok(max(took) <= 1895, 'a call within half a minute of its deadline: ' || round(max(took)))
    FROM e WHERE status = 'in_progress';
SELECT is((SELECT count(*) FROM e WHERE t.outcome(call_id) <> 'failed failed_technical'), 0::bigint,
    'as failures');
SELECT is((SELECT count(*) FROM e WHERE (t.attempt(call_id)).check_at IS NULL
    OR (t.attempt(call_id)).hangup_at IS NULL), 0::bigint, 'their legs are hung up when that is possible');
SELECT pg_temp.later(call_id, 90000) FROM e WHERE n = 1;
SELECT fn.watch_failed((t.attempt(call_id)).attempt_id) FROM e WHERE n = 1;
SELECT is((t.attempt(call_id)).state || ' ' || coalesce((t.attempt(call_id)).check_at::text, 'never'),
    'lost never', 'a day long') FROM e WHERE n = 1;
SELECT fn.watch_failed((t.attempt(call_id)).attempt_id) FROM e WHERE n = 1;
SELECT is((t.attempt(call_id)).state, 'lost', 'and no longer') FROM e WHERE n = 1;

-- Past its deadline: hung up first, then ended as the carrier says.
CREATE TEMP TABLE f AS SELECT t.call('ws1') AS call_id;
CREATE TEMP TABLE g AS SELECT call_id, t.answered(call_id) AS sid FROM f;
SELECT pg_temp.later(call_id, 1861) FROM g;
SELECT results_eq('SELECT overdue, hang_up FROM fn.watch_due(100)', 'VALUES (true, false)', 'overdue');
SELECT fn.watch_give_up((t.attempt(call_id)).attempt_id) FROM g;
SELECT is(t.status(call_id), 'in_progress', 'not ended before it is hung up') FROM g;
SELECT t.news(call_id, sid, 'in-progress') FROM g;
SELECT pg_temp.near(pg_temp.check_in(call_id), 0.75, 2, 'asked again soon') FROM g;
SELECT pg_temp.later(call_id, 60) FROM g;
SELECT results_eq('SELECT overdue, hang_up FROM fn.watch_due(100)', 'VALUES (true, true)', 'hang up');
SELECT t.news(call_id, sid, 'completed', 1861) FROM g;
SELECT is(t.status(call_id), 'completed', 'ended') FROM g;

-- A carrier that says for ever that it goes on: the call ends all the same.
CREATE TEMP TABLE h AS SELECT t.call('ws1') AS call_id;
CREATE TEMP TABLE i AS SELECT call_id, t.answered(call_id) AS sid FROM h;
SELECT pg_temp.later(call_id, 1861) FROM i;
SELECT fn.watch_give_up((t.attempt(call_id)).attempt_id) FROM i;
SELECT t.news(call_id, sid, 'in-progress') FROM i;
SELECT is(t.status(call_id), 'in_progress', 'not at once') FROM i;
SELECT pg_temp.later(call_id, 31) FROM i;
SELECT t.news(call_id, sid, 'in-progress') FROM i;
SELECT is(t.outcome(call_id), 'failed failed_technical', 'half a minute after its deadline') FROM i;
SELECT is((t.attempt(call_id)).state || ' ' || ((t.attempt(call_id)).check_at IS NOT NULL),
    'live true', 'its leg is hung up on') FROM i;
SELECT t.news(call_id, sid, 'completed', 1900) FROM i;
SELECT is((t.attempt(call_id)).state, 'ended', 'until it is over') FROM i;

-- A deadline that passes when the call has ended already, or is dialed anew, takes the attempt alone.
CREATE TEMP TABLE j AS SELECT t.call('ws1') AS call_id;
SELECT t.bring(call_id, 'dial_unknown') FROM j;
CREATE TEMP TABLE k AS SELECT call_id, (t.attempt(call_id)).attempt_id FROM j;
SELECT fn.call_cancel('ws1', call_id) FROM j;
SELECT pg_temp.later(call_id, 121) FROM j;
SELECT fn.watch_not_found(attempt_id) FROM k;
SELECT is((SELECT state::text FROM attempts JOIN k USING (attempt_id)), 'lost', 'given up');
SELECT is(t.status(call_id), 'cancelled', 'and the call stays as it ended') FROM j;

-- The carrier's id of an earlier attempt comes when the call is dialed anew: it is kept there alone.
CREATE TEMP TABLE l AS SELECT t.call('ws1') AS call_id;
CREATE TEMP TABLE m AS SELECT call_id, t.dialing(call_id) AS attempt_id FROM l;
SELECT fn.dial_result(attempt_id, 'missed', NULL, '', 0) FROM m;
SELECT t.dialing(call_id) FROM l;
SELECT fn.dial_result(attempt_id, 'accepted', 'CA-late', '', 0) FROM m;
SELECT is((SELECT call_sid FROM attempts JOIN m USING (attempt_id)), 'CA-late', 'the attempt has it');
SELECT is((SELECT call_sid FROM calls JOIN l USING (call_id)), NULL, 'the call has not');
SELECT t.news(call_id, 'CA-late', 'no-answer', 0, NULL, attempt_id) FROM m;
SELECT is(t.status(call_id), 'dialing', 'what becomes of the earlier one is not its end') FROM l;

SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
