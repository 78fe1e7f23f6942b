-- What the tables themselves refuse, whoever asks.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.lead();

-- Every pair of statuses.
CREATE TEMP TABLE moves (f call_status, t call_status);
INSERT INTO moves SELECT f, unnest(string_to_array(t, ' '))::call_status FROM (VALUES
    ('scheduled'::call_status, 'queued cancelled expired'),
    ('queued', 'dialing failed cancelled expired'),
    ('dialing', 'queued dial_unknown in_progress completed failed cancelled'),
    ('dial_unknown', 'dialing queued in_progress completed failed cancelled'),
    ('in_progress', 'completed failed cancelled')) v (f, t);
CREATE FUNCTION pg_temp.move(p_from call_status, p_to call_status) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_call text := 'call_' || p_from || '_' || p_to;
BEGIN
    INSERT INTO calls (call_id, workspace_id, task_id, status, direct, target_phone, brief, language,
            kind, ask_user_mode, machine_detection, credits_reserved, price_cents, ended_at,
            outcome_type)
        VALUES (v_call, 'ws1', 'task', p_from, false, '+1', 'b', 'en', 'other', 'any', 'off', 0, 0,
            CASE WHEN call_is_final(p_from) THEN clock_timestamp() END,
            CASE WHEN call_is_final(p_from) THEN 'cancelled'::call_outcome END);
    UPDATE calls SET status = p_to, ended_at = CASE WHEN call_is_final(p_to) THEN clock_timestamp() END,
        outcome_type = CASE WHEN call_is_final(p_to) THEN 'cancelled'::call_outcome END
        WHERE call_id = v_call;
    RETURN true;
EXCEPTION WHEN check_violation THEN
    RETURN false;
END $$;
SELECT is(pg_temp.move(a, b), a = b OR EXISTS (SELECT FROM moves WHERE f = a AND t = b),
    a || ' to ' || b) FROM unnest(enum_range(NULL::call_status)) a
    CROSS JOIN unnest(enum_range(NULL::call_status)) b;
DELETE FROM calls WHERE call_id LIKE 'call_%_%' AND task_id = 'task';
SELECT set_eq('SELECT s FROM unnest(enum_range(NULL::call_status)) s WHERE call_is_final(s)',
    $$VALUES ('completed'::call_status), ('failed'), ('cancelled'), ('expired')$$, 'the final ones');

-- A status and what goes with it.
CREATE TEMP TABLE a AS SELECT t.call('ws1') AS call_id;
SELECT throws_ok($$UPDATE calls SET ended_at = now() FROM a WHERE calls.call_id = a.call_id$$, '23514',
    NULL, 'no end without a final status');
SELECT throws_ok($$UPDATE calls SET outcome_type = 'success_booked' FROM a
    WHERE calls.call_id = a.call_id$$, '23514', NULL, 'no outcome');
SELECT throws_ok($$UPDATE calls SET charge_cents = 1 FROM a WHERE calls.call_id = a.call_id$$, '23514',
    NULL, 'no charge');

-- The ledger.
SELECT throws_ok('UPDATE credit_ledger SET reserved = 0', '23514', NULL, 'the ledger is not changed');
SELECT throws_ok('UPDATE credit_ledger SET created_at = now()', '23514', NULL, 'not at all');
SELECT throws_ok('DELETE FROM credit_ledger', '23514', NULL, 'nor shortened');
SELECT throws_ok($$INSERT INTO credit_ledger SELECT call_id, 1, 'ws1', credit_month(now()), 1, 0
    FROM a$$, '23505', NULL, 'one reservation a call');
SELECT throws_ok($$INSERT INTO credit_ledger SELECT call_id, 2, 'ws1', credit_month(now()), -2, 0
    FROM a$$, '23514', NULL, 'the closing line is the reservation''s');
SELECT throws_ok($$INSERT INTO credit_ledger SELECT call_id, 2, 'ws1',
    (credit_month(now()) - interval '1 month')::date, -1, 0 FROM a$$, '23514', NULL, 'of its month');
SELECT throws_ok($$INSERT INTO credit_ledger SELECT call_id, 2, 'ws1', credit_month(now()), -1, 2
    FROM a$$, '23514', NULL, 'no more is settled than was reserved');
SELECT throws_ok($$INSERT INTO credit_ledger SELECT call_id, 2, 'ws1', credit_month(now()), -1, -1
    FROM a$$, '23514', NULL, 'nor less than nothing');
SELECT throws_ok($$INSERT INTO credit_ledger VALUES ('call_none', 2, 'ws1', credit_month(now()), -1, 0)$$,
    '23514', NULL, 'nothing is closed that was not open');
SELECT throws_ok($$INSERT INTO credit_ledger VALUES ('call_x', 1, 'ws1', credit_month(now()), -1, 0)$$,
    '23514', NULL, 'nothing negative is reserved');
SELECT throws_ok($$INSERT INTO credit_ledger VALUES ('call_x', 1, 'ws1', credit_month(now()), 1000, 0)$$,
    '23514', NULL, 'what is not covered is not written');
SELECT throws_ok($$INSERT INTO credit_ledger VALUES ('call_x', 1, 'ws1', credit_month(now()), 1, 0),
    ('call_y', 1, 'ws1', credit_month(now()), 999, 0)$$, '23514', NULL, 'nor what together is not');
SELECT throws_ok($$INSERT INTO credit_ledger VALUES ('call_x', 1, 'ws1', '2001-01-01', 1, 0)$$, '23514',
    NULL, 'nor in a month without totals');
SELECT throws_ok($$UPDATE credit_months SET reserved = -1$$, '23514', NULL, 'no negative total');
SELECT is(t.credits('ws1'), '1 0', 'nothing of that has counted');

-- No call ends with its credits open.
SELECT throws_ok($$
    UPDATE calls SET status = 'cancelled', ended_at = now(), outcome_type = 'cancelled' FROM a
        WHERE calls.call_id = a.call_id;
    SET CONSTRAINTS ALL IMMEDIATE$$, '23514', NULL, 'an end without a closing line');
SET CONSTRAINTS ALL DEFERRED;

-- Events without gaps.
SELECT throws_ok($$INSERT INTO call_events SELECT call_id, 3, 'ws1', 'x', now(), '{}' FROM a$$, '23514',
    NULL, 'a gap');
SELECT throws_ok($$INSERT INTO call_events SELECT call_id, 1, 'ws1', 'x', now(), '{}' FROM a$$, '23505',
    NULL, 'twice');
SELECT throws_ok($$INSERT INTO call_events SELECT call_id, 0, 'ws1', 'x', now(), '{}' FROM a$$, '23514',
    NULL, 'from 1 on');
SELECT is(fn.event_add(call_id, 'x', '{}'), 2, 'the next') FROM a;

-- Attempts.
SELECT t.dialing(call_id) FROM a;
SELECT throws_ok($$UPDATE attempts SET state = 'live'$$, '23514', NULL, 'live without a sid');
SELECT throws_ok($$UPDATE attempts SET check_at = NULL$$, '23514', NULL, 'open, and never looked at');

-- The tree.
SELECT throws_ok(format('SELECT fn.workspace_create(%L, %L, %L, 1, 1)', id, 'default', 'x'), '23514',
    NULL, format('the id "%s"', id)) FROM unnest(ARRAY['', 'ab', repeat('a', 65), 'a b c', 'ä-ö-ü',
    E'abc\n', 'a/b/c', '{abc}', '"abc"', 'abc,def']) id;
SELECT is(fn.workspace_create('x-_9', 'nowhere', 'x', 1, 1), 'parent_unknown', 'no such parent');
SELECT is(fn.workspace_create('ws1', 'default', 'x', 1, 1), 'exists', 'there already');

SELECT * FROM finish();
ROLLBACK;
