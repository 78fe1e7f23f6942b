-- What time brings: expiry, and forgetting.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.lead();

-- Expiry of what waits, and of nothing else.
CREATE TEMP TABLE a AS SELECT s AS status, (t.accept('ws1', p_not_after => clock_timestamp()
    + interval '1 h', p_cap => 99)).call_id FROM unnest(ARRAY['queued', 'dialing', 'dial_unknown',
    'in_progress', 'completed', 'cancelled']) s;
SELECT t.bring(call_id, status) FROM a;
CREATE TEMP TABLE before AS SELECT call_id, t.story(call_id) AS story FROM a;
SELECT is(fn.expire_calls(100), 0, 'nothing is due');
UPDATE call_expiry SET expires_at = clock_timestamp();
SELECT is(fn.expire_calls(2), 2, 'a batch');
SELECT is(fn.expire_calls(100), 4, 'the rest');
SELECT is(fn.expire_calls(100), 0, 'no more');
SELECT is(t.story(call_id), story || CASE status WHEN 'queued' THEN ' expired outcome' ELSE '' END,
    'expiry when ' || status) FROM a JOIN before USING (call_id);
SELECT is(t.outcome(call_id), 'expired expired', 'expired') FROM a WHERE status = 'queued';
SELECT is((SELECT count(*) FROM call_queue), 0::bigint, 'nothing waits');
SELECT is((SELECT result FROM t.claim(call_id)), 'gone', 'never dialed') FROM a WHERE status = 'queued';

-- 30 days in the queue.
CREATE TEMP TABLE b AS SELECT n, t.call('ws1') AS call_id FROM generate_series(1, 2) n;
UPDATE calls SET created_at = clock_timestamp() - interval '30 days 1 s' FROM b
    WHERE calls.call_id = b.call_id AND n = 1;
SELECT is(fn.expire_calls(100), 1, 'one is too old');
SELECT is(t.status(call_id), CASE n WHEN 1 THEN 'expired' ELSE 'queued' END, 'after 30 days') FROM b;

-- Keys.
SELECT t.accept('ws1', 'key' || n) FROM generate_series(1, 5) n;
UPDATE idempotency_keys SET created_at = clock_timestamp() - interval '24:59' WHERE key < 'key3';
UPDATE idempotency_keys SET created_at = clock_timestamp() - interval '25:01' WHERE key > 'key3';
SELECT is(fn.forget_idempotency_keys(1), 1, 'a batch of keys');
SELECT is(fn.forget_idempotency_keys(9), 1, 'the other');
SELECT results_eq('SELECT key FROM idempotency_keys ORDER BY key',
    $$VALUES ('key1'), ('key2'), ('key3')$$, 'the younger ones stay');

-- Calls: only old ones that are over everywhere, with all that belongs to them.
CREATE TEMP TABLE c AS SELECT n, 'call_old_' || n AS call_id FROM generate_series(1, 5) n;
INSERT INTO calls (call_id, workspace_id, task_id, status, direct, target_phone, brief, language,
        kind, ask_user_mode, machine_detection, queue_no, credits_reserved, price_cents, created_at)
    SELECT call_id, 'ws1', 'task_' || n, 'queued', false, t.phone(), 'b', 'en', 'other', 'any',
        'off', nextval('call_queue_no'), 1, 7, clock_timestamp() - interval '1 year' FROM c;
UPDATE calls SET task_id = 'task_1' WHERE call_id = 'call_old_5'; -- two calls, one task
INSERT INTO tasks SELECT task_id, workspace_id FROM calls WHERE call_id LIKE 'call_old%'
    ON CONFLICT DO NOTHING;
INSERT INTO call_queue (queue_no, workspace_id, call_id, rank)
    SELECT queue_no, workspace_id, call_id, 3 FROM calls
    WHERE call_id LIKE 'call_old%';
INSERT INTO call_events (call_id, event_id, workspace_id, event_type, data)
    SELECT call_id, 1, 'ws1', 'status_change', '{"status": "queued", "previous": null}' FROM c;
SELECT fn.credits_hold('ws1', (credit_month(clock_timestamp()) - interval '1 year')::date, 2);
INSERT INTO credit_ledger (call_id, step, workspace_id, month, reserved, settled)
    SELECT call_id, 1, 'ws1', (credit_month(clock_timestamp()) - interval '1 year')::date, 1, 0 FROM c;
SELECT fn.webhook_set('ws1', 'https://a.example/', 'whsec_' || repeat('A', 32), true);
INSERT INTO questions (call_id, request_id, workspace_id, message, expires_at)
    SELECT call_id, 'ask_1', 'ws1', 'What?', clock_timestamp() FROM c;
INSERT INTO webhook_deliveries (delivery_id, workspace_id, call_id, event_type, url, form)
    SELECT 'msg_' || call_id, 'ws1', call_id, 'carrier_status', 'https://b.example/', 'a=b' FROM c;
SELECT t.bring(call_id, 'completed') FROM c WHERE n IN (1, 2, 3);
SELECT t.bring(call_id, 'cancelled') FROM c WHERE n = 5;
SELECT t.dialed(call_id), fn.call_cancel('ws1', call_id) FROM c WHERE n = 4; -- its leg lives on
SET CONSTRAINTS ALL IMMEDIATE; -- what a commit would look at, before it is gone
SET CONSTRAINTS ALL DEFERRED;
SELECT is((SELECT count(DISTINCT call_id) FROM webhook_deliveries), 5::bigint, 'each has told its outcome');
SELECT is_empty('SELECT fn.forget_calls(1, 100)', 'nothing that ended lately, whatever is asked for');
UPDATE calls SET ended_at = clock_timestamp() - interval '100 days' FROM c
    WHERE calls.call_id = c.call_id AND n <> 3;
SELECT is_empty('SELECT fn.forget_calls(365, 100)', 'nothing that is younger than asked for');
SELECT is((SELECT count(*) FROM fn.forget_calls(93, 1)), 1::bigint, 'a batch');
SELECT is((SELECT count(*) FROM tasks WHERE task_id = 'task_1'), 1::bigint, 'its task has another');
SELECT is((SELECT count(*) FROM fn.forget_calls(93, 100)), 2::bigint, 'the rest');
SELECT results_eq($$SELECT call_id FROM calls WHERE call_id LIKE 'call_old%' ORDER BY 1$$,
    $$VALUES ('call_old_3'), ('call_old_4')$$, 'the young one stays, and the one with a leg');
SELECT is((SELECT count(*) FROM tasks WHERE task_id = 'task_1'), 0::bigint, 'the task is gone');
SELECT is((SELECT (SELECT count(*) FROM call_events WHERE call_id IN ('call_old_1', 'call_old_2'))
    + (SELECT count(*) FROM credit_ledger WHERE call_id IN ('call_old_1', 'call_old_2'))
    + (SELECT count(*) FROM attempts WHERE call_id IN ('call_old_1', 'call_old_2'))
    + (SELECT count(*) FROM recordings WHERE call_id IN ('call_old_1', 'call_old_2'))
    + (SELECT count(*) FROM questions WHERE call_id IN ('call_old_1', 'call_old_2'))
    + (SELECT count(*) FROM webhook_deliveries WHERE call_id IN ('call_old_1', 'call_old_2'))),
    0::bigint, 'with all that belonged to them');
SELECT is((SELECT count(DISTINCT call_id) FROM webhook_deliveries), 2::bigint, 'and to no other');
SELECT is_empty('SELECT fn.forget_calls(93, 100)', 'no more');

SELECT is_empty('SELECT t.broken()', 'the books balance all the same');
SELECT * FROM finish();
ROLLBACK;
