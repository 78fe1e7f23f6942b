-- Recordings: told of or asked for, early, twice, never.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.lead();

CREATE FUNCTION pg_temp.recording(p_call text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', state, recording_sid, CASE WHEN check_at IS NULL THEN 'never'
        WHEN check_at <= clock_timestamp() THEN 'now' ELSE 'later' END)
    FROM recordings WHERE call_id = p_call
$$;

CREATE TEMP TABLE a AS SELECT n, t.call('ws1') AS call_id FROM generate_series(1, 6) n;
CREATE TEMP TABLE b AS SELECT a.*, t.answered(call_id) AS sid FROM a;

-- Told before the end.
SELECT is(fn.recording_news(call_id, sid, 'RE1', 'in-progress', NULL), false, 'not yet') FROM b
    WHERE n = 1;
SELECT is(pg_temp.recording(call_id), NULL, 'nothing') FROM b WHERE n = 1;
SELECT is(fn.recording_news(call_id, t.sid(), 'RE1', 'completed', 9), false, 'of another leg') FROM b
    WHERE n = 1;
SELECT is(fn.recording_news('call_none', sid, 'RE1', 'completed', 9), false, 'of no call') FROM b
    WHERE n = 1;
SELECT is(fn.recording_news(call_id, sid, 'RE1', 'completed', 9), true, 'told') FROM b WHERE n = 1;
SELECT is(pg_temp.recording(call_id), 'ready RE1 now', 'to be fetched') FROM b WHERE n = 1;
SELECT is(fn.recording_news(call_id, sid, 'RE1', 'completed', 9), false, 'twice') FROM b WHERE n = 1;
SELECT is(fn.recording_news(call_id, sid, 'RE2', 'absent', NULL), false, 'out of order') FROM b
    WHERE n = 1;
SELECT t.news(call_id, sid, 'completed', 9) FROM b;
SELECT is(pg_temp.recording(call_id), 'ready RE1 now', 'after the end') FROM b WHERE n = 1;

-- Told after the end, or not at all.
SELECT is(pg_temp.recording(call_id), 'expected later', 'expected') FROM b WHERE n > 1;
SELECT is(fn.recording_news(call_id, sid, 'RE2', 'completed', 9), true, 'told late') FROM b WHERE n = 2;
SELECT is(pg_temp.recording(call_id), 'ready RE2 now', 'likewise') FROM b WHERE n = 2;
SELECT is(fn.recording_news(call_id, sid, 'RE3', 'absent', NULL), true, 'absent') FROM b WHERE n = 3;
SELECT is(pg_temp.recording(call_id), 'absent never', 'there is none') FROM b WHERE n = 3;
SELECT is(fn.recording_news(call_id, sid, 'RE3', 'completed', 9), false, 'and never will be') FROM b
    WHERE n = 3;
SELECT is((SELECT count(*) FROM fn.recordings_due(1)), 1::bigint, 'one at a time');
SELECT is((SELECT count(*) FROM fn.recordings_due(9)), 1::bigint, 'then the other');
SELECT is_empty('SELECT * FROM fn.recordings_due(9)', 'leased');

-- Stored.
SELECT is(fn.recording_stored(call_id, 1234), true, 'stored') FROM b WHERE n = 1;
SELECT is(fn.recording_stored(call_id, 1234), false, 'once') FROM b WHERE n = 1;
SELECT is(t.story(call_id), 'queued dialing in_progress completed outcome recording_ready', 'told once')
    FROM b WHERE n = 1;
SELECT is((SELECT data->>'recording_url' || ' ' || (data->>'duration_sec') FROM call_events e
    WHERE e.call_id = b.call_id AND event_type = 'recording_ready'),
    '/calls/' || call_id || '/recording 9', 'where it is') FROM b WHERE n = 1;
SELECT is(fn.recording_stored(call_id, 1), false, 'what is not ready cannot be stored') FROM b
    WHERE n IN (3, 4);
SELECT fn.recording_missed(call_id, true) FROM b WHERE n = 1;
SELECT is(pg_temp.recording(call_id), 'stored RE1 never', 'stored is stored') FROM b WHERE n = 1;

-- Missed: later, with growing waits; after two hours, or when the carrier says so, never.
CREATE TEMP TABLE waits AS SELECT n AS attempts, NULL::numeric AS s FROM generate_series(0, 10) n;
CREATE FUNCTION pg_temp.missed(p_call text, p_attempts integer) RETURNS numeric LANGUAGE plpgsql AS $$
BEGIN
    UPDATE recordings SET attempts = p_attempts WHERE call_id = p_call;
    PERFORM fn.recording_missed(p_call, false);
    RETURN (SELECT extract(epoch FROM check_at - clock_timestamp()) FROM recordings
        WHERE call_id = p_call);
END $$;
UPDATE waits SET s = pg_temp.missed((SELECT call_id FROM b WHERE n = 4), attempts);
SELECT ok(s BETWEEN 0.74 * least(300, 2 ^ attempts) AND 1.26 * least(300, 2 ^ attempts),
    format('wait after %s: %s', attempts, round(s, 1))) FROM waits;
SELECT is(pg_temp.recording(call_id), 'expected later', 'still expected') FROM b WHERE n = 4;
UPDATE recordings SET created_at = clock_timestamp() - interval '121 min' FROM b
    WHERE recordings.call_id = b.call_id AND n IN (2, 4);
SELECT fn.recording_missed(call_id, false) FROM b WHERE n IN (2, 4);
SELECT is(split_part(pg_temp.recording(call_id), ' ', 1), 'absent', 'after two hours') FROM b
    WHERE n IN (2, 4);
SELECT fn.recording_missed(call_id, true) FROM b WHERE n = 5;
SELECT is(pg_temp.recording(call_id), 'absent never', 'the carrier has none') FROM b WHERE n = 5;

-- Only what was answered has one.
CREATE TEMP TABLE c AS SELECT t.call('ws1') AS call_id;
CREATE TEMP TABLE d AS SELECT call_id, t.dialed(call_id) AS sid FROM c;
SELECT t.news(call_id, sid, 'busy') FROM d;
SELECT is(pg_temp.recording(call_id), NULL, 'never answered') FROM d;

SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
