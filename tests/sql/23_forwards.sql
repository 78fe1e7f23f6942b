-- The customer's own agent and number, and the carrier's news that go on to the customer's URL.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws' || n) FROM generate_series(1, 4) n;
SELECT t.lead();

-- A call with URLs of its customer's.
CREATE FUNCTION pg_temp.own(p_ws text, p_agent text DEFAULT NULL, p_status text DEFAULT NULL,
    p_from text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_call text := t.call(p_ws);
BEGIN
    UPDATE calls SET webhook_url = p_agent, status_callback_url = p_status, from_number = p_from
        WHERE call_id = v_call;
    RETURN v_call;
END $$;
-- The carrier's callback.
CREATE FUNCTION pg_temp.told(p_call text, p_sid text, p_status text, p_attempt uuid DEFAULT NULL)
RETURNS text LANGUAGE sql AS $$
    SELECT fn.carrier_news(p_call, p_attempt, p_sid, p_status, 10, NULL, 1800,
        'CallSid=' || p_sid || '&CallStatus=' || p_status)
$$;
CREATE FUNCTION pg_temp.states(p_call text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', substr(form, 44, position('&call_id' in form) - 44), state, attempts, error),
        ', ' ORDER BY created_at) FROM webhook_deliveries WHERE call_id = p_call AND url IS NOT NULL
$$;
CREATE FUNCTION pg_temp.due(p_ws text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', event_type, url, right(secret, 1)), ', ' ORDER BY delivery_id)
        FROM fn.webhooks_due(100, 8, '', '{}', '{}') WHERE workspace_id = p_ws
$$;
CREATE FUNCTION pg_temp.result(p_call text, p_status integer, p_error text, p_url text)
RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(fn.webhook_result(delivery_id, workspace_id, attempts, p_url, p_status, p_error,
        0, NULL, NULL, NULL)::text, ' ') FROM webhook_deliveries
        WHERE call_id = p_call AND state = 'pending'
$$;

-- The dial is told whose number and whose agent; the watcher, whose number to look for.
CREATE TEMP TABLE a AS SELECT pg_temp.own('ws1', 'https://agent.example/', NULL, '+15550199') AS call_id;
SELECT results_eq('SELECT d.result, d.from_number, d.url FROM a JOIN calls USING (call_id), pacer p,'
    ' fn.dial_claim(p.epoch, queue_no, 0, 1, 9, NULL) d',
    $$VALUES ('granted', '+15550199', 'https://agent.example/')$$, 'their own');
SELECT fn.dial_result(attempt_id, 'unknown', NULL, '', 0) FROM a JOIN calls USING (call_id);
UPDATE attempts SET check_at = clock_timestamp();
SELECT results_eq('SELECT from_number FROM fn.watch_due(9)', $$VALUES ('+15550199')$$, 'looked for so');
CREATE TEMP TABLE b AS SELECT t.call('ws1') AS call_id;
SELECT results_eq('SELECT d.result, d.from_number, d.url FROM b JOIN calls USING (call_id), pacer p,'
    ' fn.dial_claim(p.epoch, queue_no, 0, 1, 9, NULL) d',
    'VALUES (''granted'', NULL::text, NULL::text)', 'or ours');

-- How a call ends whose agent is not ours: nobody knows who hung up, or whether it spoke.
CREATE TEMP TABLE o AS SELECT v.*, pg_temp.own('ws1', 'https://agent.example/') AS call_id FROM (VALUES
    ('completed', 1, NULL, 'completed success_no_booking'),
    ('completed', 20, 'human', 'completed success_no_booking'),
    ('completed', 20, 'machine_start', 'completed failed_voicemail'),
    ('busy', NULL, NULL, 'failed failed_busy'),
    ('no-answer', NULL, NULL, 'failed failed_no_answer'),
    ('failed', NULL, NULL, 'failed failed_technical')) v (said, duration, answered_by, outcome);
SELECT t.news(call_id, t.dialed(call_id), said, duration, answered_by) FROM o;
SELECT is(t.outcome(call_id), outcome, concat_ws(' ', said, duration, answered_by)) FROM o;

-- Each status goes into the outbox once, in the transaction that takes it in; without a webhook too.
CREATE TEMP TABLE f AS SELECT pg_temp.own('ws2', NULL, 'https://news.example/') AS call_id;
ALTER TABLE f ADD COLUMN sid text;
UPDATE f SET sid = t.dialed(call_id);
SELECT is(pg_temp.told(call_id, sid, 'ringing'), 'taken', 'rings') FROM f;
SELECT is(pg_temp.told(call_id, sid, 'initiated'), 'old', 'comes late') FROM f;
SELECT is(pg_temp.told(call_id, sid, 'ringing'), 'old', 'comes twice') FROM f;
SELECT is(pg_temp.told(call_id, t.sid(), 'completed'), 'foreign', 'another''s') FROM f;
SELECT is(pg_temp.told(call_id, sid, 'in-progress'), 'taken', 'answered') FROM f;
SELECT is(pg_temp.told(call_id, sid, 'completed'), 'taken', 'over') FROM f;
SELECT is(pg_temp.told(call_id, sid, 'in-progress'), 'old', 'behind the end') FROM f;
SELECT is(pg_temp.states(call_id), 'CallStatus=ringing pending 0, CallStatus=initiated pending 0,'
    ' CallStatus=in-progress pending 0, CallStatus=completed pending 0', 'once each') FROM f;
SELECT is((SELECT count(*) FROM webhook_deliveries d JOIN f USING (call_id) WHERE d.delivery_id ~
    '^msg_[A-Za-z0-9_]+$' AND d.event_id IS NULL AND d.form LIKE '%&call_id=' || f.call_id), 4::bigint,
    'with the call''s id');
SELECT is(t.news(call_id, sid, 'completed'), 'old', 'what the watcher learns') FROM f;
SELECT is(pg_temp.told(call_id, sid, repeat('Weird-', 99)), 'old', 'an unknown word') FROM f;
SELECT is((SELECT count(*) FROM webhook_deliveries JOIN f USING (call_id)), 5::bigint, 'is told as well');
DELETE FROM webhook_deliveries WHERE delivery_id LIKE '%Weird%';
SELECT is_empty('SELECT FROM webhook_deliveries WHERE event_id IS NOT NULL', 'no events');
SELECT is(pg_temp.told(call_id, t.dialed(call_id), 'ringing'), 'taken', 'a call without')
    FROM (SELECT t.call('ws2') AS call_id) x;
SELECT is((SELECT count(*) FROM webhook_deliveries), 4::bigint, 'is forwarded nowhere');

-- They are sent without a webhook, unsigned; signed with one, also with one that is off.
SELECT is(fn.webhooks_bury(9), 0, 'nothing is buried');
SELECT is(pg_temp.due('ws2'), string_agg('carrier_status https://news.example/', ', '), 'unsigned')
    FROM generate_series(1, 4);
SELECT is(pg_temp.due('ws2'), NULL, 'leased');
UPDATE webhook_deliveries SET next_at = clock_timestamp();
SELECT fn.webhook_set('ws2', 'https://hook.example/', 'whsec_' || repeat('A', 31) || 'B', true);
SELECT is(pg_temp.due('ws2'), string_agg('carrier_status https://news.example/ B', ', '), 'signed')
    FROM generate_series(1, 4);
UPDATE webhook_deliveries SET next_at = clock_timestamp();
SELECT results_eq('SELECT form LIKE ''CallSid=%&call_id='' || d.call_id, call_id, data::text FROM'
    ' fn.webhooks_due(9, 9, '''', ''{}'', ''{}'') d', 'SELECT true, call_id, NULL FROM f,'
    ' generate_series(1, 4)', 'as it came');
UPDATE webhook_deliveries SET next_at = clock_timestamp();
UPDATE webhooks SET off_at = clock_timestamp();
SELECT is(fn.webhooks_bury(9), 0, 'off: nothing is buried');
SELECT is(pg_temp.due('ws2'), string_agg('carrier_status https://news.example/ B', ', '), 'still signed')
    FROM generate_series(1, 4);
UPDATE webhooks SET off_at = NULL;

-- How they end: put off, dead after a day or a 410, which does not switch the webhook off.
SELECT is(pg_temp.result(call_id, 500, 'answered HTTP 500', 'https://news.example/'),
    'pending pending pending pending', 'put off') FROM f;
UPDATE webhook_deliveries SET retry_until = clock_timestamp();
SELECT is(pg_temp.result(call_id, 500, 'answered HTTP 500', 'https://news.example/'),
    'dead dead dead dead', 'dead') FROM f;
SELECT is(fn.webhook_redeliver('ws2', delivery_id), 'pending', 'again by request') FROM webhook_deliveries;
SELECT fn.webhook_clear('ws2');
SELECT is(fn.webhook_redeliver('ws2', delivery_id), 'pending', 'without a webhook') FROM webhook_deliveries;
SELECT fn.webhook_set('ws2', 'https://news.example/', 'whsec_' || repeat('A', 32), true);
SELECT is(pg_temp.result(call_id, 410, 'answered HTTP 410', 'https://news.example/'),
    'dead dead dead dead', '410') FROM f;
SELECT is((SELECT off_at FROM webhooks), NULL, 'says nothing of the webhook');
SELECT is((SELECT count(*) FROM fn.webhook_list('ws2', 'dead', NULL, 9) WHERE url IS NOT NULL), 4::bigint,
    'listed');

-- Events for the webhook and forwards beside each other: each under its own rule.
CREATE TEMP TABLE m AS SELECT pg_temp.own('ws3', NULL, 'https://news.example/') AS call_id;
SELECT fn.webhook_set('ws3', 'https://hook.example/', 'whsec_' || repeat('A', 32), true);
SELECT pg_temp.told(call_id, t.dialed(call_id), 'busy') FROM m;
SELECT fn.webhook_clear('ws3');
SELECT is(pg_temp.due('ws3'), 'carrier_status https://news.example/', 'the form alone is sent');
SELECT is(fn.webhooks_bury(9), 1, 'the event is buried');
SELECT is((SELECT string_agg(event_type || ' ' || state, ', ' ORDER BY event_type) FROM webhook_deliveries
    JOIN m USING (call_id)), 'carrier_status pending, outcome dead', 'alone');

SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
