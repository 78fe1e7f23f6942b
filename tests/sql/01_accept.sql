-- Accepting: every result of calls_accept, what it writes and what it leaves alone.
BEGIN;
SELECT no_plan();

SELECT t.workspace('ws1', 3);
SELECT t.workspace('ws2', 1000, 2);

-- What one acceptance writes.
CREATE TEMP TABLE a AS SELECT * FROM t.accept('ws1');
SELECT is(result, 'accepted', 'accepted') FROM a;
SELECT is(status, 202, 'answered 202') FROM a;
SELECT is(body::json->>'call_id', call_id, 'the body names the call') FROM a;
SELECT is(body::json->>'status', 'queued', 'and its status') FROM a;
SELECT is(body::json->>'queue_id', (SELECT 'q_' || queue_no FROM calls JOIN a USING (call_id)),
    'and its place') FROM a;
SELECT is((SELECT array_agg(k ORDER BY n) FROM json_object_keys(body::json)
    WITH ORDINALITY o (k, n)), ARRAY['call_id', 'queue_id', 'position', 'status'],
    'and nothing else') FROM a;
SELECT is(t.story(call_id), 'queued', 'one event') FROM a;
SELECT is((SELECT data->>'previous' FROM call_events e WHERE e.call_id = a.call_id), NULL,
    'which has no previous status') FROM a;
SELECT is(t.credits('ws1'), '1 0', 'one credit is reserved');
SELECT matches(task_id, '^task_.', 'the id of a task') FROM calls JOIN a USING (call_id);
SELECT is_empty('SELECT FROM tasks', 'which is nothing but an id');
SELECT ok(EXISTS (SELECT FROM call_queue JOIN a USING (call_id)), 'a place in the queue');
SELECT is((SELECT count(*) FROM call_expiry), 0::bigint, 'no expiry without not_after');
SELECT is((SELECT parsed_slots->>'guests' FROM calls JOIN a USING (call_id)), '2', 'slots kept');
SELECT is((SELECT metadata->>'a' FROM calls JOIN a USING (call_id)), '1', 'metadata kept');

SELECT is((SELECT result FROM t.accept('ws1', p_not_after => clock_timestamp() + interval '1 h')),
    'accepted', 'not_after in the future');
SELECT is((SELECT count(*) FROM call_expiry), 1::bigint, 'has its expiry');
SELECT is((SELECT result FROM t.accept('ws1', p_not_after => clock_timestamp())), 'past',
    'not_after that has passed');

-- Who asks.
SELECT is((SELECT result FROM fn.calls_accept(ARRAY[sha256('nobody')], NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, '{call_x}', '{task_x}', '{+15550000}', '{b}', '{en}', '{other}', NULL,
    '{any}', '{off}', NULL, NULL, '{false}', '{1}', '{0}', '{1}')), 'unauthenticated',
    'an unknown key');
SELECT is((SELECT result FROM fn.calls_accept(NULL, '{platform}', '{platform}', '{true}', NULL,
    NULL, NULL, NULL, '{call_x}', '{task_x}', '{+15550000}', '{b}', '{en}', '{other}', NULL,
    '{any}', '{off}', NULL, NULL, '{false}', '{1}', '{0}', '{1}')), 'workspace_missing',
    'a key above a workspace that names none');
SELECT is((SELECT result FROM fn.calls_accept(NULL, '{platform}', '{platform}', '{true}',
    '{nowhere}', NULL, NULL, NULL, '{call_x}', '{task_x}', '{+15550000}', '{b}', '{en}',
    '{other}', NULL, '{any}', '{off}', NULL, NULL, '{false}', '{1}', '{0}', '{1}')),
    'workspace_unknown', 'one that names a workspace that is none');
SELECT is((SELECT result FROM fn.calls_accept(NULL, '{workspace}', '{ws1}', '{true}', '{ws2}',
    NULL, NULL, NULL, '{call_x}', '{task_x}', '{+15550000}', '{b}', '{en}', '{other}', NULL,
    '{any}', '{off}', NULL, NULL, '{false}', '{1}', '{0}', '{1}')), 'workspace_unknown',
    'one that names a workspace out of its reach');

-- Quota, grants.
SELECT is((SELECT result FROM t.accept('ws1')), 'accepted', 'the last credit of the quota');
SELECT is((SELECT result FROM t.accept('ws1')), 'no_credit', 'none is left');
SELECT is((SELECT result FROM t.accept('ws1', p_direct => true, p_cap => 100)), 'no_credit',
    'none for a direct call either');
SELECT is((SELECT result FROM t.accept('ws1', p_credits => 0)), 'accepted', 'a call that costs none');
SELECT is(fn.credits_grant('nobody', 2), 'unknown', 'to nobody');
SELECT is(fn.credits_grant('ws1', 2), 'granted', 'two are granted');
SELECT is(fn.credits_grant('ws1', 1000000000), 'too_many', 'and not more than there may be');
SELECT is((SELECT result FROM t.accept('ws1', p_credits => 3)), 'no_credit', 'three are too many');
SELECT is((SELECT result FROM t.accept('ws1', p_credits => 2)), 'accepted', 'two are there');
SELECT is((SELECT result FROM t.accept('ws1')), 'no_credit', 'and gone');
SELECT is((SELECT fn.call_cancel('ws1', call_id) FROM a), true, 'one is cancelled');
SELECT is((SELECT result FROM t.accept('ws1')), 'accepted', 'and its credit is there again');
SELECT is((SELECT result FROM t.accept('ws2')), 'accepted', 'another workspace has its own');
SELECT is(fn.workspace_change('ws1', NULL, 0, NULL), 'changed', 'a quota may sink below its use');
SELECT is((SELECT result FROM t.accept('ws1')), 'no_credit', 'then nothing is accepted');
SELECT fn.workspace_change('ws1', NULL, 3, NULL);

-- The cap holds for direct calls at acceptance; queued ones wait for it.
SELECT is((SELECT result FROM t.accept('ws2', p_direct => true)), 'accepted', 'direct, first');
SELECT is((SELECT result FROM t.accept('ws2', p_direct => true)), 'accepted',
    'direct, second: the workspace has a cap of its own');
SELECT is((SELECT result FROM t.accept('ws2', p_direct => true)), 'at_cap', 'direct, third');
SELECT is((SELECT result FROM t.accept('ws2')), 'accepted', 'queued, over the cap');
SELECT is((SELECT count(*) FROM calls WHERE workspace_id = 'ws2'), 4::bigint, 'refused: no call');
SELECT is(t.credits('ws2'), '4 0', 'and no credit');
SELECT t.workspace('ws3');
SELECT is((SELECT result FROM t.accept('ws3', p_direct => true, p_cap => 1)), 'accepted', 'default');
SELECT is((SELECT result FROM t.accept('ws3', p_direct => true, p_cap => 1)), 'at_cap', 'cap');
SELECT is((SELECT result FROM t.accept('ws3', p_direct => true, p_cap => 2)), 'accepted', 'raised');

-- What is in flight counts, whatever its status.
SELECT t.workspace('ws4', 1000, 3);
SELECT t.bring(t.call('ws4'), s) FROM unnest(ARRAY['dialing', 'dial_unknown', 'in_progress']) s;
SELECT is((SELECT result FROM t.accept('ws4', p_direct => true)), 'at_cap', 'three in flight');
SELECT fn.call_cancel('ws4', call_id) FROM calls
    WHERE workspace_id = 'ws4' AND status = 'dial_unknown';
SELECT is((SELECT result FROM t.accept('ws4', p_direct => true)), 'accepted', 'two in flight');

-- Maintenance.
SELECT fn.maintenance_on(NULL, '2030-01-02T03:04:05Z');
CREATE TEMP TABLE m AS SELECT * FROM t.accept('ws2');
SELECT is(result, 'maintenance', 'in maintenance') FROM m;
SELECT is(body::json->'detail'->>'error_code', 'maintenance', 'the code') FROM m;
SELECT is(body::json->'detail'->>'resume_at', '2030-01-02T03:04:05.000Z', 'until when') FROM m;
SELECT isnt(body::json->'detail'->>'message', NULL, 'and why') FROM m;
SELECT fn.maintenance_off();
SELECT is((SELECT result FROM t.accept('ws2')), 'accepted', 'after it');

-- Credits of another month: both lines stay in the month of the reservation.
SELECT t.workspace('ws5', 1);
INSERT INTO calls (call_id, workspace_id, task_id, status, direct, target_phone, brief, language,
        kind, ask_user_mode, machine_detection, queue_no, credits_reserved, price_cents, created_at)
    SELECT 'call_old', 'ws5', 'task_old', 'queued', false, t.phone(), 'b', 'en', 'other', 'any',
        'off', nextval('call_queue_no'), 1, 7, clock_timestamp() - interval '1 month';
INSERT INTO call_queue (queue_no, workspace_id, call_id, rank)
    SELECT queue_no, workspace_id, call_id, 3 FROM calls
    WHERE call_id = 'call_old';
INSERT INTO call_events (call_id, event_id, workspace_id, event_type, data)
    VALUES ('call_old', 1, 'ws5', 'status_change', '{"status": "queued", "previous": null}');
SELECT ok(fn.credits_hold('ws5', (credit_month(clock_timestamp()) - interval '1 month')::date, 1),
    'covered');
INSERT INTO credit_ledger (call_id, step, workspace_id, month, reserved, settled)
    VALUES ('call_old', 1, 'ws5',
        (credit_month(clock_timestamp()) - interval '1 month')::date, 1, 0);
SELECT is((SELECT result FROM t.accept('ws5')), 'accepted', 'the new month has its own quota');
SELECT t.bring('call_old', 'in_progress');
UPDATE calls SET agent_spoke = true WHERE call_id = 'call_old';
SELECT t.news('call_old', (SELECT call_sid FROM calls WHERE call_id = 'call_old'), 'completed', 60);
SELECT is(t.credits('ws5'), '1 0', 'an old call is not charged to the new month');
SELECT is((SELECT reserved || ' ' || settled FROM credit_months WHERE workspace_id = 'ws5'
    AND month < credit_month(clock_timestamp())), '0 1', 'but to its own');

-- The first calls of a month come at once: the totals' row is not there yet (test_race.c has two).
SELECT is(credit_month('2026-01-31T23:59:59.999Z'), '2026-01-01'::date, 'the end of a month');
SELECT is(credit_month('2026-02-01T00:00:00Z'), '2026-02-01'::date, 'and the next');
SELECT is(credit_month('2026-02-01T00:30:00+01'), '2026-01-01'::date, 'in UTC');

SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
