-- How a dial ended: every answer, in every state that its attempt may be in.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.lead();

-- The attempt was granted, reported unknown, bound by a callback, or has ended by one.
CREATE FUNCTION pg_temp.bring(p_call text, p_state text) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    v_attempt uuid := t.dialing(p_call);
    v_sid text := t.sid();
BEGIN
    IF p_state = 'unknown' THEN
        PERFORM fn.dial_result(v_attempt, 'unknown', NULL, '', 0);
    ELSIF p_state IN ('live', 'ended') THEN
        PERFORM t.news(p_call, v_sid, 'initiated', p_attempt => v_attempt);
        IF p_state = 'ended' THEN
            PERFORM t.news(p_call, v_sid, 'busy', p_attempt => v_attempt);
        END IF;
    END IF;
    RETURN v_attempt;
END $$;

CREATE TEMP TABLE expected (answer text, direct boolean, state text, call text, attempt text,
    again boolean);
INSERT INTO expected VALUES
    ('accepted', false, 'intent', 'dialing', 'live', false),
    ('accepted', false, 'unknown', 'dialing', 'live', false),
    ('accepted', false, 'live', 'dialing', 'live', false),
    ('accepted', false, 'ended', 'failed failed_busy', 'ended', false),
    ('refused', false, 'intent', 'failed failed_technical', 'refused', false),
    ('refused', false, 'unknown', 'failed failed_technical', 'refused', false),
    ('refused', false, 'live', 'dialing', 'live', false),
    ('refused', false, 'ended', 'failed failed_busy', 'ended', false),
    ('throttled', false, 'intent', 'queued', 'refused', true),
    ('throttled', false, 'unknown', 'queued', 'refused', true),
    ('throttled', false, 'live', 'dialing', 'live', false),
    ('throttled', false, 'ended', 'failed failed_busy', 'ended', false),
    ('throttled', true, 'intent', 'queued', 'refused', true),
    ('not_sent', false, 'intent', 'queued', 'refused', true),
    ('not_sent', false, 'unknown', 'queued', 'refused', true),
    ('not_sent', false, 'live', 'dialing', 'live', false),
    ('not_sent', false, 'ended', 'failed failed_busy', 'ended', false),
    ('not_sent', true, 'intent', 'failed failed_technical', 'refused', false),
    ('missed', false, 'intent', 'queued', 'refused', true),
    ('missed', false, 'unknown', 'queued', 'refused', true),
    ('missed', true, 'intent', 'queued', 'refused', true),
    ('missed', false, 'live', 'dialing', 'live', false),
    ('missed', false, 'ended', 'failed failed_busy', 'ended', false),
    ('unknown', false, 'intent', 'dial_unknown', 'unknown', false),
    ('unknown', true, 'intent', 'dial_unknown', 'unknown', false),
    ('unknown', false, 'unknown', 'dial_unknown', 'unknown', false),
    ('unknown', false, 'live', 'dialing', 'live', false),
    ('unknown', false, 'ended', 'failed failed_busy', 'ended', false);

CREATE TEMP TABLE a AS SELECT e.*, t.call('ws1', e.direct) AS call_id FROM expected e;
CREATE TEMP TABLE b AS SELECT a.*, pg_temp.bring(call_id, state) AS attempt_id FROM a;
CREATE TEMP TABLE c AS SELECT b.*, fn.dial_result(attempt_id, answer,
    CASE WHEN answer = 'accepted' THEN t.sid() END, 'Because.', 0) AS again_us FROM b;
SELECT is(coalesce(t.outcome(call_id), t.status(call_id)), call, format('%s%s, %s: the call', answer,
    CASE WHEN direct THEN ', direct' END, state)) FROM c;
SELECT is((SELECT state::text FROM attempts x WHERE x.attempt_id = c.attempt_id), attempt,
    format('%s, %s: the attempt', answer, state)) FROM c;
SELECT is(again_us IS NOT NULL, again, format('%s, %s: whether again', answer, state)) FROM c;
SELECT is((SELECT count(*) FROM call_queue q WHERE q.call_id = c.call_id),
    again::integer::bigint, format('%s, %s: its place in the queue', answer, state)) FROM c;
SELECT is((SELECT answer FROM attempts x WHERE x.attempt_id = c.attempt_id), answer,
    'the answer is kept') FROM c;
SELECT is((SELECT outcome_summary FROM calls JOIN c USING (call_id) WHERE answer = 'refused'
    AND state = 'intent'), 'Because.', 'the reason is kept');

-- It comes back to its old place, and not before its time; a missed slot is nobody's fault.
SELECT is((SELECT queue_no FROM call_queue q WHERE q.call_id = c.call_id),
    (SELECT queue_no FROM calls x WHERE x.call_id = c.call_id), answer || ': the old place')
    FROM c WHERE again;
SELECT ok(again_us = 0, 'missed: at once') FROM c WHERE answer = 'missed' AND again;
SELECT ok(again_us BETWEEN 750000 AND 1250000, answer || ': after about a second') FROM c
    WHERE answer IN ('throttled', 'not_sent') AND again;
SELECT is(t.story(call_id), 'queued dialing queued', answer || ' is told') FROM c
    WHERE again AND state = 'intent';

-- The waits grow, and heed what the carrier asks for.
CREATE TEMP TABLE d AS SELECT t.call('ws1') AS call_id;
CREATE FUNCTION pg_temp.again(p_answer text, p_retry integer) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    v_call text := (SELECT call_id FROM d);
BEGIN
    UPDATE call_queue SET not_before = NULL WHERE call_id = v_call;
    RETURN fn.dial_result(t.dialing(v_call), p_answer, NULL, '', p_retry) / 1000000.0;
END $$;
CREATE TEMP TABLE waits AS SELECT w, pg_temp.again('throttled', 0) AS s
    FROM unnest(ARRAY[1, 2, 4, 8, 16, 32, 60, 60]) w;
SELECT ok(s BETWEEN 0.75 * w AND 1.25 * w, 'wait of ' || w) FROM waits;
CREATE TEMP TABLE asked AS SELECT pg_temp.again('throttled', 120) AS s;
SELECT ok(s BETWEEN 90 AND 150, 'what the carrier asks for') FROM asked;
SELECT is(pg_temp.again('missed', 0), 0.0, 'missed: at once');

-- A day after the first dial it is given up; how long it waited before does not count.
CREATE TEMP TABLE e AS SELECT n, t.call('ws1') AS call_id FROM generate_series(1, 2) n;
UPDATE calls SET created_at = clock_timestamp() - interval '25 h' FROM e
    WHERE calls.call_id = e.call_id;
SELECT ok(fn.dial_result(t.dialing(call_id), 'throttled', NULL, '', 0) > 0, 'waited for a day')
    FROM e WHERE n = 1;
SELECT is(fn.dial_result(t.dialing(call_id), 'missed', NULL, '', 0), 0::bigint, 'likewise')
    FROM e WHERE n = 2;
UPDATE attempts SET created_at = clock_timestamp() - interval '25 h' FROM e
    WHERE attempts.call_id = e.call_id;
UPDATE call_queue SET not_before = NULL;
SELECT is(fn.dial_result(t.dialing(call_id), 'throttled', NULL, 'Busy for a day.', 0), NULL,
    'dialed for a day') FROM e WHERE n = 1;
SELECT is(t.outcome(call_id), 'failed failed_technical', 'and ended') FROM e WHERE n = 1;

-- A takeover: what the old leader granted and did not report is unknown.
CREATE TEMP TABLE f AS SELECT t.call('ws1') AS call_id;
CREATE TEMP TABLE g AS SELECT call_id, t.dialing(call_id) AS attempt_id FROM f;
SELECT is(fn.pacer_take((SELECT epoch - 1 FROM pacer), 'x', 1, 1, 1), NULL,
    'a lead that is not the newest cannot be taken over');
SELECT is(t.status(call_id), 'dialing', 'nothing has changed') FROM g;
SELECT ok(t.lead('x') > 0, 'taken over');
SELECT is(t.status(call_id), 'dial_unknown', 'its dial is unknown') FROM g;
SELECT fn.dial_result(attempt_id, 'accepted', t.sid(), '', 0) FROM g;
SELECT is(t.story(call_id), 'queued dialing dial_unknown dialing',
    'the old dialer''s report is taken all the same') FROM g;
SELECT fn.pacer_release((SELECT epoch - 1 FROM pacer));
SELECT isnt((SELECT seen_at FROM pacer), NULL, 'only the leader lays the lead down');
SELECT fn.pacer_release((SELECT epoch FROM pacer));
SELECT is((SELECT seen_at FROM pacer), NULL, 'laid down');

SELECT is(fn.dial_result(gen_random_uuid(), 'accepted', t.sid(), '', 0), NULL, 'no such attempt');
SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
