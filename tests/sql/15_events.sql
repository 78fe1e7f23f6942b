-- The feed of all events, and when nothing more is to come of a call.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.lead();

CREATE TEMP TABLE a AS SELECT n, t.call('ws1') AS call_id FROM generate_series(1, 4) n;
SELECT is(bool_or(fn.call_settled(call_id)), false, 'a call that waits') FROM a;
SELECT is(fn.call_settled('call_none'), true, 'no call');
CREATE TEMP TABLE b AS SELECT a.*, t.answered(call_id) AS sid FROM a WHERE n < 4;
SELECT is(bool_or(fn.call_settled(call_id)), false, 'a call that talks') FROM b;

SELECT ok(fn.call_cancel('ws1', call_id), 'cancelled') FROM a WHERE n = 4;
SELECT is(fn.call_settled(call_id), true, 'ended without a recording') FROM a WHERE n = 4;

SELECT t.news(call_id, sid, 'completed', 9) FROM b;
SELECT is(bool_or(fn.call_settled(call_id)), false, 'its recording is to come') FROM b;
SELECT fn.recording_news(call_id, sid, 'RE1', 'completed', 9) FROM b WHERE n = 1;
SELECT is(fn.call_settled(call_id), false, 'to be fetched') FROM b WHERE n = 1;
SELECT ok(fn.recording_stored(call_id, 100), 'stored') FROM b WHERE n = 1;
SELECT is(fn.call_settled(call_id), false, 'its transcript is to come') FROM b WHERE n = 1;
SELECT count(*) FROM fn.transcripts_due(9);
SELECT ok(fn.transcript_done(call_id, 1, '{"turns":[]}', NULL), 'merged') FROM b WHERE n = 1;
SELECT is(fn.call_settled(call_id), true, 'here') FROM b WHERE n = 1;
SELECT fn.recording_news(call_id, sid, 'RE2', 'absent', NULL) FROM b WHERE n = 2;
SELECT count(*) FROM fn.transcripts_due(9);
SELECT ok(fn.transcript_done(call_id, 1, '{"turns":[]}', NULL), 'merged') FROM b WHERE n = 2;
SELECT is(fn.call_settled(call_id), true, 'never will be') FROM b WHERE n = 2;

-- Each event has a place in the order of all, which follows the order of its call.
SELECT is(count(DISTINCT seq), count(*), 'no number twice') FROM call_events;
SELECT is(bool_and(seq > before), true, 'in the order of the call') FROM (SELECT seq,
    lag(seq) OVER (PARTITION BY call_id ORDER BY event_id) AS before FROM call_events) x
    WHERE before IS NOT NULL;

SELECT * FROM finish();
ROLLBACK;
