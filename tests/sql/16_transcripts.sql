-- Merged transcripts: enqueued by what settles the recording, leased, done once, built again, given up.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.workspace('ws2'), t.lead();

CREATE FUNCTION pg_temp.transcript(p_call text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', state, version, CASE WHEN check_at IS NULL THEN 'never'
        WHEN check_at <= clock_timestamp() THEN 'now' ELSE 'later' END, reason)
    FROM transcripts WHERE call_id = p_call
$$;
CREATE FUNCTION pg_temp.told(p_call text) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM call_events WHERE call_id = p_call AND event_type = 'transcript_ready'
$$;

CREATE TEMP TABLE a AS SELECT n, t.call('ws1') AS call_id FROM generate_series(1, 4) n;
CREATE TEMP TABLE b AS SELECT a.*, t.answered(call_id) AS sid FROM a;
SELECT t.news(call_id, sid, 'completed', 9) FROM b;

-- Nothing before the recording is settled; then by each way in which it can be.
SELECT is_empty('SELECT FROM transcripts', 'nothing yet');
SELECT is(fn.transcript_rebuild('ws1', call_id), 'pending', 'it will come') FROM b WHERE n = 1;
SELECT is_empty('SELECT FROM transcripts', 'and asking for it makes none');
SELECT fn.recording_news(call_id, sid, 'RE1', 'completed', 9) FROM b WHERE n = 1;
SELECT is(pg_temp.transcript(call_id), NULL, 'told of is not stored') FROM b WHERE n = 1;
SELECT fn.recording_stored(call_id, 1234) FROM b WHERE n = 1;
SELECT fn.recording_news(call_id, sid, 'RE2', 'absent', NULL) FROM b WHERE n = 2;
SELECT fn.recording_missed(call_id, true) FROM b WHERE n = 3;
SELECT is(pg_temp.transcript(call_id), 'pending 0 now', format('enqueued: %s', n)) FROM b WHERE n < 4;
SELECT is(pg_temp.transcript(call_id), NULL, 'not that one') FROM b WHERE n = 4;

-- Leased with what it is made of.
CREATE TEMP TABLE due AS SELECT * FROM fn.transcripts_due(9);
SELECT is((SELECT count(*) FROM due), 3::bigint, 'all that are due');
SELECT is_empty('SELECT FROM fn.transcripts_due(9)', 'leased');
SELECT is(concat_ws(' ', d.lease, attempts, call_ms, recording_sid, json_typeof(turns)),
    '1 1 9000 RE1 array', 'with its recording') FROM due d JOIN b USING (call_id) WHERE n = 1;
SELECT is(recording_sid, NULL, 'without one') FROM due JOIN b USING (call_id) WHERE n = 2;

-- Done once, by the newest holder alone, told of in the same transaction.
SELECT is(fn.transcript_done(call_id, 2, '{"turns":[]}', NULL), false, 'not the holder') FROM b
    WHERE n = 1;
SELECT is(pg_temp.told(call_id), 0::bigint, 'nothing told') FROM b WHERE n = 1;
SELECT is(fn.transcript_done(call_id, 1, '{"turns":[]}', NULL), true, 'the holder') FROM b WHERE n = 1;
SELECT is(fn.transcript_done(call_id, 1, '{"turns":[]}', NULL), false, 'once') FROM b WHERE n = 1;
SELECT is(pg_temp.transcript(call_id), 'done 1 never', 'done') FROM b WHERE n = 1;
SELECT is((SELECT result::text FROM transcripts x WHERE x.call_id = b.call_id),
    '{"version":1,"turns":[]}', 'with its version') FROM b WHERE n = 1;
SELECT is((SELECT data->>'url' FROM call_events e WHERE e.call_id = b.call_id
    AND event_type = 'transcript_ready'), '/calls/' || call_id || '/transcript-merged', 'told')
    FROM b WHERE n = 1;

-- Put off with growing waits; held.
SELECT fn.transcript_later(call_id, 9, 'away') FROM b WHERE n = 2;
SELECT is(pg_temp.transcript(call_id), 'pending 0 later', 'not by others') FROM b WHERE n = 2;
UPDATE transcripts SET attempts = 4 FROM b WHERE transcripts.call_id = b.call_id AND n = 2;
SELECT fn.transcript_later(call_id, 1, 'away') FROM b WHERE n = 2;
SELECT is(pg_temp.transcript(call_id), 'pending 0 later away', 'the reason is kept') FROM b WHERE n = 2;
SELECT ok((SELECT check_at - clock_timestamp() BETWEEN interval '11 s' AND interval '21 s'
    FROM transcripts x WHERE x.call_id = b.call_id), 'about 16 s') FROM b WHERE n = 2;
SELECT fn.transcript_hold(call_id, 1) FROM b WHERE n = 2;
SELECT ok((SELECT check_at > clock_timestamp() + interval '140 s' FROM transcripts x
    WHERE x.call_id = b.call_id), 'held') FROM b WHERE n = 2;

-- One that no merger survives is given up; an older version stays.
UPDATE transcripts SET attempts = 12, check_at = clock_timestamp() FROM b
    WHERE transcripts.call_id = b.call_id AND n = 3;
SELECT is_empty('SELECT FROM fn.transcripts_due(9)', 'given up');
SELECT is(pg_temp.transcript(call_id), 'failed 0 never The merger did not survive it.', 'and says why')
    FROM b WHERE n = 3;

-- Built again: nothing of others, one at a time, each after a longer wait.
SELECT is(fn.transcript_rebuild('ws2', call_id), NULL, 'not another''s') FROM b WHERE n = 1;
SELECT is(fn.transcript_rebuild('ws1', 'call_none'), NULL, 'none that is not');
SELECT is(fn.transcript_rebuild('ws1', call_id), 'pending', 'again') FROM b WHERE n IN (1, 3);
SELECT is(fn.transcript_rebuild('ws1', call_id), 'pending', 'it is already') FROM b WHERE n = 1;
SELECT is(pg_temp.transcript(call_id), 'pending 1 later', 'version 1 stays until then') FROM b
    WHERE n = 1;
UPDATE transcripts SET check_at = clock_timestamp();
CREATE TEMP TABLE again AS SELECT * FROM fn.transcripts_due(9);
SELECT is(d.lease || ' ' || d.attempts, '2 1', 'a new lease') FROM again d JOIN b USING (call_id)
    WHERE n = 1;
SELECT is(fn.transcript_done(call_id, 1, '{"turns":[1]}', NULL), false, 'an old holder') FROM b
    WHERE n = 1;
SELECT is(fn.transcript_done(call_id, 2, '{"turns":[2]}', 'estimated'), true, 'the new one') FROM b
    WHERE n = 1;
SELECT is(pg_temp.transcript(call_id), 'done 2 never estimated', 'version 2') FROM b WHERE n = 1;
SELECT is(pg_temp.told(call_id), 2::bigint, 'told again') FROM b WHERE n = 1;
UPDATE transcripts SET version = 6 FROM b WHERE transcripts.call_id = b.call_id AND n = 1;
SELECT fn.transcript_rebuild('ws1', call_id) FROM b WHERE n = 1;
SELECT ok((SELECT check_at - clock_timestamp() BETWEEN interval '55 s' AND interval '65 s'
    FROM transcripts x WHERE x.call_id = b.call_id), 'after 64 s') FROM b WHERE n = 1;
UPDATE transcripts SET attempts = 12, check_at = clock_timestamp() FROM b
    WHERE transcripts.call_id = b.call_id AND n = 1;
SELECT count(*) FROM fn.transcripts_due(9);
SELECT is(split_part(pg_temp.transcript(call_id), ' ', 1), 'done', 'an older version stays') FROM b
    WHERE n = 1;

-- Of what nobody answered there is none.
CREATE TEMP TABLE c AS SELECT t.call('ws1') AS call_id;
CREATE TEMP TABLE d AS SELECT call_id, t.dialed(call_id) AS sid FROM c;
SELECT t.news(call_id, sid, 'busy') FROM d;
SELECT is(fn.transcript_rebuild('ws1', call_id), 'never', 'never answered') FROM d;
SELECT is(pg_temp.transcript(call_id), NULL, 'nothing made') FROM d;

-- Somebody asks for a recording that is expected: now, and not twice in three seconds.
SELECT is(fn.recording_ask(call_id), true, 'asked for') FROM b WHERE n = 4;
SELECT is((SELECT count(*) FROM fn.recordings_due(9)), 1::bigint, 'due at once');
SELECT is(fn.recording_ask(call_id), false, 'not again') FROM b WHERE n = 4;
UPDATE recordings SET asked_at = clock_timestamp() - interval '4 s';
SELECT is(fn.recording_ask(call_id), true, 'later again') FROM b WHERE n = 4;
SELECT is(fn.recording_ask(call_id), false, 'not what is stored or absent') FROM b WHERE n < 4;

SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
