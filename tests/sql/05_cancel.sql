-- Cancelling in each status, and what the dialer and the carrier may still say afterwards.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.workspace('ws2'), t.lead();

CREATE TEMP TABLE a AS SELECT s AS status, t.call('ws1') AS call_id FROM unnest(ARRAY['queued',
    'dialing', 'dial_unknown', 'in_progress', 'completed', 'failed', 'cancelled', 'expired']) s;
SELECT t.bring(call_id, status) FROM a;
CREATE TEMP TABLE before AS SELECT a.status, t.outcome(call_id) AS outcome, t.story(call_id) AS story
    FROM a;

SELECT is(fn.call_cancel('ws2', call_id), false, 'another''s call: ' || status) FROM a;
SELECT is(fn.call_cancel('ws1', call_id), status IN ('queued', 'dialing', 'dial_unknown',
    'in_progress'), 'cancel when ' || status) FROM a;
SELECT is(t.outcome(call_id), CASE WHEN NOT call_is_final(a.status::call_status)
    THEN 'cancelled cancelled' ELSE b.outcome END, 'the outcome when ' || a.status)
    FROM a JOIN before b USING (status);
SELECT is(t.story(call_id), b.story || CASE WHEN NOT call_is_final(a.status::call_status)
    THEN ' cancelled outcome' ELSE '' END, 'the events when ' || a.status)
    FROM a JOIN before b USING (status);
SELECT is(fn.call_cancel('ws1', call_id), false, 'cancel again when ' || status) FROM a;
SELECT is(fn.call_cancel('ws1', 'call_none'), false, 'no such call');
SELECT is(t.credits('ws1'), '0 0', 'every credit has come back');
SELECT is((SELECT count(*) FROM call_queue), 0::bigint, 'nothing waits');
SELECT is((SELECT count(*) FROM calls WHERE charge_cents > 0), 0::bigint, 'nothing is charged');

-- A leg that the carrier may have is to be hung up, and looked at now.
SELECT ok((t.attempt(call_id)).hangup_at IS NOT NULL AND (t.attempt(call_id)).check_at
    <= clock_timestamp(), 'hung up when ' || status)
    FROM a WHERE status IN ('dialing', 'dial_unknown', 'in_progress');
SELECT is((SELECT count(*) FROM fn.watch_due(100) WHERE hang_up), 3::bigint, 'the watcher has three');
SELECT is((SELECT result FROM t.claim(call_id)), 'gone', 'never dialed: ' || status) FROM a;

-- What comes too late changes no call: the answer to the dial first.
SELECT fn.dial_result((t.attempt(call_id)).attempt_id, 'accepted', t.sid(), '', 0)
    FROM a WHERE status IN ('dialing', 'dial_unknown');
SELECT results_eq($$SELECT (x).state::text, (x).hangup_at IS NOT NULL,
        (x).check_at <= clock_timestamp()
    FROM (SELECT t.attempt(call_id) AS x FROM a WHERE status IN ('dialing', 'dial_unknown')) y$$,
    $$VALUES ('live', true, true), ('live', true, true)$$, 'bound, to be hung up');
SELECT is(t.news(call_id, (t.attempt(call_id)).call_sid, s), 'taken', s || ' after cancel')
    FROM a, unnest(ARRAY['ringing', 'in-progress', 'completed']) s WHERE status = 'dialing';
SELECT is((t.attempt(call_id)).state, 'ended', 'the leg has ended') FROM a WHERE status = 'dialing';
SELECT is(t.outcome(call_id), 'cancelled cancelled', 'the call stays cancelled')
    FROM a WHERE status = 'dialing';
SELECT is((SELECT result FROM fn.agent_hear(call_id, NULL, (t.attempt(call_id)).call_sid, 0, '',
    NULL, 1800)), 'hang_up', 'who answers all the same hears nothing') FROM a
    WHERE status = 'dial_unknown';

-- A dial that turns out not to have been made, after the cancel: no call comes back.
CREATE TEMP TABLE b AS SELECT w, t.call('ws1') AS call_id
    FROM unnest(ARRAY['missed', 'not_sent', 'throttled', 'refused', 'unknown']) w;
CREATE TEMP TABLE c AS SELECT w, call_id, t.dialing(call_id) AS attempt_id FROM b;
SELECT fn.call_cancel('ws1', call_id) FROM c;
SELECT is(fn.dial_result(attempt_id, w, NULL, '', 0), NULL, w || ' after cancel') FROM c;
SELECT is(t.outcome(call_id), 'cancelled cancelled', w || ' does not bring it back') FROM c;
SELECT is((t.attempt(call_id)).state::text, CASE w WHEN 'unknown' THEN 'unknown' ELSE 'refused' END,
    w || ': the attempt') FROM c;

SELECT is((SELECT count(*) FROM call_queue), 0::bigint, 'nothing waits');
SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
