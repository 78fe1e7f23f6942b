-- Lanes, the schedule, and what holds a waiting call back.
BEGIN;
SELECT no_plan();

SELECT t.workspace('ws1', 100000), t.workspace('ws2', 100000);
SELECT t.lead('here');
SELECT fn.queue_recount();
CREATE TEMP SEQUENCE made;

-- A call as the task routes make it: its row, then its place.
CREATE FUNCTION pg_temp.wait(p_ws text, p_rank integer, p_lane text, p_starts_at timestamptz DEFAULT NULL,
    p_phone text DEFAULT NULL, p_not_after timestamptz DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    c calls;
    v_call text := 'call_w' || lpad(nextval('made')::text, 25, '0');
BEGIN
    PERFORM fn.call_reserve(p_ws, v_call, 1);
    INSERT INTO calls (call_id, workspace_id, task_id, status, direct, target_phone, brief, language,
            kind, ask_user_mode, machine_detection, not_after, queue_no, queue_rank, queue_lane,
            starts_at, credits_reserved, price_cents)
        VALUES (v_call, p_ws, CASE WHEN p_lane IN ('', 'single') THEN 'task_' || v_call ELSE p_lane END,
            CASE WHEN p_starts_at IS NULL THEN 'queued' ELSE 'scheduled' END::call_status, false,
            coalesce(p_phone, t.phone()), 'b', 'en', 'other', 'any', 'off', p_not_after,
            CASE WHEN p_starts_at IS NULL THEN nextval('call_queue_no') END, p_rank, p_lane,
            p_starts_at, 1, 7) RETURNING * INTO c;
    PERFORM fn.call_wait(c);
    RETURN v_call;
END $$;

CREATE FUNCTION pg_temp.campaign(p_id text, p_spacing integer DEFAULT 0, p_max integer DEFAULT NULL)
RETURNS text LANGUAGE sql AS $$
    INSERT INTO tasks (task_id, workspace_id, kind, spacing_s, max_concurrent)
        VALUES (p_id, 'ws1', 'campaign', p_spacing, p_max) RETURNING task_id
$$;

-- What a claim answers: "result reason scope".
CREATE FUNCTION pg_temp.claim(p_call text, p_lane_in_flight bigint DEFAULT NULL, p_cap integer DEFAULT 1000)
RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', d.result, d.reason, CASE WHEN d.result = 'held' THEN d.scope END)
    FROM pacer p, calls c, fn.dial_claim(p.epoch, c.queue_no, 0, 1000, p_cap, NULL,
        p_lane_in_flight) d WHERE c.call_id = p_call
$$;

CREATE FUNCTION pg_temp.why(p_call text, p_cap integer DEFAULT 1000) RETURNS text LANGUAGE sql AS $$
    SELECT h.reason FROM calls c, fn.call_holds(c, p_cap) h WHERE c.call_id = p_call
$$;

-- ---- into the queue and the schedule ----

CREATE TEMP TABLE a AS SELECT pg_temp.wait('ws1', 4, '') AS queued,
    pg_temp.wait('ws1', 1, '', clock_timestamp() + interval '1 h') AS timed,
    pg_temp.wait('ws1', 3, 'single', clock_timestamp() + interval '1 h',
        p_not_after => clock_timestamp() + interval '2 h') AS delayed;
SELECT is(t.story(queued), 'queued', 'the first event of a queued call') FROM a;
SELECT is(t.story(timed), 'scheduled', 'and of a scheduled one') FROM a;
SELECT is((SELECT data->>'previous' FROM call_events WHERE call_id = timed), NULL, 'nothing before') FROM a;
SELECT results_eq('SELECT rank, lane FROM call_queue JOIN a ON call_id = queued',
    $$VALUES (4::smallint, '')$$, 'its lane');
SELECT is((SELECT count(*) FROM call_queue JOIN a ON call_id IN (timed, delayed)), 0::bigint,
    'a scheduled call has no place in the queue');
SELECT is((SELECT count(*) FROM call_expiry JOIN a ON call_id = delayed), 1::bigint, 'it may expire');
SELECT is(pg_temp.why(timed), 'not_due', 'its time has not come') FROM a;
SELECT is(pg_temp.why(queued), NULL, 'nothing holds the queued one') FROM a;
SELECT results_eq('SELECT queued, scheduled FROM fn.queue_status()', 'VALUES (1::bigint, 2::bigint)', 'status');
SELECT is_empty('SELECT t.broken()', 'nothing is broken');

-- Due: not before its time, in its own lane.
SELECT is((SELECT woken FROM fn.calls_wake('-infinity', 10)), 0, 'nobody is woken before his time');
SELECT ok((SELECT next_at > clock_timestamp() + interval '59 min' FROM fn.calls_wake('-infinity', 10)),
    'it says when the next is due');
CREATE FUNCTION pg_temp.due(p_call text, p_at timestamptz DEFAULT clock_timestamp()) RETURNS void
LANGUAGE sql AS $$
    UPDATE call_schedule SET starts_at = p_at WHERE call_id = p_call;
    UPDATE calls SET starts_at = p_at WHERE call_id = p_call
$$;
SELECT pg_temp.due(timed), pg_temp.due(delayed) FROM a;
SELECT is((SELECT woken FROM fn.calls_wake(clock_timestamp(), 10)), 0, 'nothing is read before p_from');
SELECT is((SELECT woken FROM fn.calls_wake(clock_timestamp() - interval '10 s', 10)), 2, 'due');
SELECT is(t.story(timed), 'scheduled queued', 'with its event') FROM a;
SELECT results_eq('SELECT rank, lane FROM call_queue JOIN a ON call_id = timed', $$VALUES (1::smallint, '')$$,
    'timed');
SELECT results_eq('SELECT rank, lane FROM call_queue JOIN a ON call_id = delayed',
    $$VALUES (3::smallint, 'single')$$, 'in its own rank and lane');
SELECT is((SELECT count(*) FROM call_schedule), 0::bigint, 'the schedule is empty');
SELECT is((SELECT next_at FROM fn.calls_wake('-infinity', 10)), NULL, 'nothing is due any more');
SELECT is(pg_temp.claim(timed), 'granted', 'and dialed') FROM a;
SELECT is(t.departures_off(), 0::bigint, 'departures are right');

-- Timed calls are woken first, the others in batches.
CREATE TEMP TABLE many AS SELECT n, pg_temp.wait('ws2', 3, '', clock_timestamp()) AS call_id
    FROM generate_series(1, 7) n;
INSERT INTO many SELECT n, pg_temp.wait('ws2', 1, '', clock_timestamp()) FROM generate_series(8, 10) n;
SELECT is((SELECT woken FROM fn.calls_wake('-infinity', 3)), 6, 'three of each');
SELECT is((SELECT count(*) FROM many JOIN calls USING (call_id) WHERE queue_rank = 1 AND status = 'queued'),
    3::bigint, 'all timed ones');
SELECT is((SELECT woken FROM fn.calls_wake('-infinity', 3)), 3, 'three more');
SELECT is((SELECT woken FROM fn.calls_wake('-infinity', 3)), 1, 'the last');

-- Cancelled and expired while they wait for their time.
CREATE TEMP TABLE b AS SELECT pg_temp.wait('ws1', 1, '', clock_timestamp() + interval '1 h') AS one,
    pg_temp.wait('ws1', 1, '', clock_timestamp() + interval '1 h',
        p_not_after => clock_timestamp() + interval '2 h') AS two,
    pg_temp.wait('ws1', 1, '', clock_timestamp() + interval '1 h') AS old;
SELECT ok(fn.call_cancel('ws1', one), 'a scheduled call can be cancelled') FROM b;
SELECT is(t.outcome(one), 'cancelled cancelled', 'with its outcome') FROM b;
UPDATE call_expiry SET expires_at = clock_timestamp() FROM b WHERE call_id = two;
UPDATE calls SET not_after = clock_timestamp() FROM b WHERE call_id = two;
SELECT fn.expire_calls(10);
SELECT is(t.outcome(two), 'expired expired', 'or expire') FROM b;
SELECT is((SELECT count(*) FROM call_schedule JOIN b ON call_id IN (one, two)), 0::bigint,
    'nothing of them is left in the schedule');
-- 30 days in the queue, not since it was asked for.
UPDATE calls SET created_at = clock_timestamp() - interval '40 days' FROM b WHERE call_id = old;
SELECT pg_temp.due(old) FROM b;
SELECT fn.calls_wake('-infinity', 10);
SELECT fn.expire_calls(10);
SELECT is(t.status(old), 'queued', 'a call that was scheduled 40 days ahead has its turn') FROM b;
UPDATE calls SET starts_at = clock_timestamp() - interval '31 days' FROM b WHERE call_id = old;
SELECT fn.expire_calls(10);
SELECT is(t.status(old), 'expired', 'for 30 days') FROM b;

-- ---- campaigns ----

-- Pause.
CREATE TEMP TABLE p AS SELECT pg_temp.campaign('task_p') AS task, pg_temp.wait('ws1', 3, 'task_p') AS one,
    pg_temp.wait('ws1', 3, 'task_p') AS two, pg_temp.wait('ws1', 3, '') AS other;
UPDATE tasks SET paused_at = clock_timestamp(), paused_why = 'customer' WHERE task_id = 'task_p';
SELECT is(pg_temp.claim(one), 'held paused lane', 'a paused campaign is not dialed') FROM p;
SELECT is(pg_temp.why(one), 'paused', 'and says so') FROM p;
SELECT is(t.story(one), 'queued', 'nothing has happened to it') FROM p;
SELECT is_empty($$SELECT * FROM fn.lanes_free('{ws1}', '{task_p}')$$, 'its lane is not free');
SELECT is(pg_temp.claim(other), 'granted', 'others are') FROM p;
UPDATE tasks SET paused_at = NULL, paused_why = NULL WHERE task_id = 'task_p';
SELECT results_eq($$SELECT workspace_id, lane FROM fn.lanes_free('{ws1,ws1}', '{task_p,task_none}')$$,
    $$VALUES ('ws1', 'task_p'), ('ws1', 'task_none')$$, 'free again; so is one of which nothing is known');
SELECT is(pg_temp.claim(one), 'granted', 'resumed') FROM p;
UPDATE tasks SET cancelled_at = clock_timestamp() WHERE task_id = 'task_p';
SELECT is(pg_temp.claim(two), 'held cancelled lane', 'a cancelled one is not dialed any more') FROM p;
SELECT is(pg_temp.why(two), 'cancelled', 'and says so') FROM p;

-- Spacing, from slot to slot.
CREATE TEMP TABLE s AS SELECT pg_temp.campaign('task_s', 2) AS task, pg_temp.wait('ws1', 3, 'task_s') AS one,
    pg_temp.wait('ws1', 3, 'task_s') AS two, pg_temp.wait('ws1', 2, 'task_s') AS high;
SELECT is(pg_temp.claim(one), 'granted', 'the first at once') FROM s;
SELECT is((SELECT next_dial_at FROM tasks WHERE task_id = 'task_s'),
    (SELECT slot_at + interval '2 s' FROM t.attempt(one)), 'the next two seconds after its slot') FROM s;
SELECT is(pg_temp.claim(two), 'held spacing lane', 'and not before') FROM s;
SELECT is(pg_temp.claim(high), 'held spacing lane', 'whatever its rank') FROM s;
SELECT is(pg_temp.why(two), 'spacing', 'it says so') FROM s;
SELECT is((SELECT h.until - k.next_dial_at FROM s, calls c, fn.call_holds(c, 1) h, tasks k
    WHERE c.call_id = two AND k.task_id = 'task_s'), fn.dial_slack(), 'and until when');
UPDATE tasks SET next_dial_at = clock_timestamp() - fn.dial_slack() WHERE task_id = 'task_s';
SELECT is(pg_temp.claim(two), 'granted', 'then it is dialed') FROM s;
-- A claim is judged by its slot, not by the time at which it is made.
UPDATE tasks SET next_dial_at = clock_timestamp() + interval '10 s' - fn.dial_slack() WHERE task_id = 'task_s';
SELECT is((SELECT d.result FROM pacer e, calls c, fn.dial_claim(e.epoch, c.queue_no, 9000000, 2000000, 1000,
    NULL) d WHERE c.call_id = high), 'held', 'a slot that may lie before it') FROM s;
SELECT is((SELECT d.result FROM pacer e, calls c, fn.dial_claim(e.epoch, c.queue_no, 10000000, 1000, 1000,
    NULL) d WHERE c.call_id = high), 'granted', 'a slot at it') FROM s;

-- A campaign's own cap.
CREATE TEMP TABLE c AS SELECT n, pg_temp.wait('ws1', 3, 'task_c') AS call_id FROM generate_series(1, 5) n;
SELECT pg_temp.campaign('task_c', 0, 2);
SELECT is(pg_temp.claim(call_id), 'granted', 'below the cap ' || n) FROM c WHERE n < 3;
SELECT is(pg_temp.claim(call_id), 'held campaign_at_cap lane', 'at the cap') FROM c WHERE n = 3;
SELECT is(pg_temp.claim(call_id, 2), 'held campaign_at_cap lane', 'as the dialer knew') FROM c WHERE n = 3;
SELECT is(pg_temp.why(call_id), 'campaign_at_cap', 'it says so') FROM c WHERE n = 3;
SELECT is_empty($$SELECT * FROM fn.lanes_free('{ws1}', '{task_c}')$$, 'its lane is not free');
SELECT fn.dial_result((t.attempt(call_id)).attempt_id, 'unknown', NULL, '', 0) FROM c WHERE n = 1;
SELECT is(pg_temp.claim(call_id), 'held campaign_at_cap lane', 'an unknown dial counts') FROM c WHERE n = 3;
SELECT fn.call_cancel('ws1', call_id) FROM c WHERE n = 2;
SELECT results_eq($$SELECT in_flight FROM fn.lanes_free('{ws1}', '{task_c}')$$, 'VALUES (1::bigint)', 'free, one in flight');
SELECT is(pg_temp.claim(call_id, 2), 'granted', 'when one has ended') FROM c WHERE n = 3;
SELECT is(pg_temp.claim(call_id, 1), 'granted', 'what the dialer brings is believed below the cap')
    FROM c WHERE n = 4;
UPDATE tasks SET max_concurrent = 4 WHERE task_id = 'task_c';
SELECT is(pg_temp.claim(call_id, 9), 'granted', 'a cap that was raised, and too many: counted') FROM c WHERE n = 5;

-- The customer's cap comes with it, whatever the campaign's.
CREATE TEMP TABLE k AS SELECT pg_temp.wait('ws1', 3, 'task_c') AS call_id;
UPDATE tasks SET max_concurrent = 50 WHERE task_id = 'task_c';
SELECT is(pg_temp.claim(call_id, p_cap => 2), 'held customer_at_cap customer', 'the customer''s cap') FROM k;
SELECT is(pg_temp.why(call_id, 2), 'customer_at_cap', 'it says so') FROM k;

-- ---- single calls a minute ----

CREATE TEMP TABLE m AS SELECT n, pg_temp.wait('ws2', 3, 'single') AS call_id FROM generate_series(1, 60) n;
CREATE FUNCTION pg_temp.dial_all(p_from integer, p_to integer) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(DISTINCT r, ',') FROM (SELECT pg_temp.claim(call_id) AS r FROM m
        WHERE n BETWEEN p_from AND p_to ORDER BY n) x
$$;
SELECT is(pg_temp.dial_all(1, 30), 'granted', '30 in a minute');
SELECT is(pg_temp.dial_all(31, 31), 'held single_rate lane', 'and no more');
SELECT is(pg_temp.why(call_id), 'single_rate', 'it says so') FROM m WHERE n = 31;
SELECT is((SELECT h.until FROM m, calls c, fn.call_holds(c, 1000) h WHERE c.call_id = m.call_id AND n = 31),
    (SELECT min(a.slot_at) + interval '60 s' + fn.dial_slack() FROM attempts a WHERE a.lane = 'single'),
    'until a minute after the first of the 30');
SELECT is(pg_temp.claim(pg_temp.wait('ws1', 3, 'single')), 'granted', 'another workspace is not concerned');
SELECT is(pg_temp.claim(pg_temp.wait('ws2', 3, '')), 'granted', 'nor are calls of POST /calls');
SELECT fn.dial_result((t.attempt(call_id)).attempt_id, 'missed', NULL, '', 0) FROM m WHERE n = 30;
SELECT is(pg_temp.dial_all(31, 31), 'granted', 'a dial that never left does not count');
SELECT is(pg_temp.dial_all(32, 32), 'held single_rate lane', 'then it is full again');
UPDATE attempts SET slot_at = slot_at - interval '59 s' WHERE lane = 'single' AND workspace_id = 'ws2';
SELECT is(pg_temp.dial_all(32, 32), 'held single_rate lane', '59 s later');
UPDATE attempts SET slot_at = clock_timestamp() - interval '60 s' - fn.dial_slack() WHERE lane = 'single'
    AND workspace_id = 'ws2' AND slot_at = (SELECT min(slot_at) FROM attempts WHERE workspace_id = 'ws2'
        AND lane = 'single' AND answer IS DISTINCT FROM 'missed');
SELECT is(pg_temp.dial_all(32, 33), 'granted,held single_rate lane', 'one has gone, one may come');
SELECT fn.config_patch('organization', 'default', '{"calls.single_calls_per_minute": 32}');
SELECT is(pg_temp.dial_all(33, 36), 'granted,held single_rate lane', 'the rate of the organization');
SELECT fn.config_patch('workspace', 'ws2', '{"calls.single_calls_per_minute": 31}');
SELECT is(pg_temp.dial_all(36, 36), 'held single_rate lane', 'the workspace''s own goes first');
SELECT fn.config_patch('workspace', 'ws2', '{"calls.single_calls_per_minute": "many"}');
SELECT is(pg_temp.dial_all(36, 36), 'held single_rate lane', 'what is no number is the default');
SELECT fn.config_patch('workspace', 'ws2', '{"calls.single_calls_per_minute": 34}');
SELECT is(pg_temp.dial_all(36, 40), 'granted,held single_rate lane', 'raised');

-- ---- the gate of the number ----

CREATE OR REPLACE FUNCTION fn.number_gate(c calls, OUT reason text, OUT until timestamptz)
LANGUAGE sql AS $$
    SELECT CASE replace(c.target_phone, '+44000000000', '') WHEN '7' THEN 'do_not_call' WHEN '8' THEN 'outside_window'
        WHEN '9' THEN 'outside_window' END,
        CASE replace(c.target_phone, '+44000000000', '') WHEN '8' THEN clock_timestamp() + interval '30 s'
        WHEN '9' THEN clock_timestamp() + interval '8 h' END
$$;
CREATE TEMP TABLE g AS SELECT pg_temp.wait('ws1', 3, '', p_phone => '+440000000007') AS never,
    pg_temp.wait('ws1', 3, '', p_phone => '+440000000008') AS soon,
    pg_temp.wait('ws1', 4, 'task_g', p_phone => '+440000000009') AS far,
    pg_temp.wait('ws1', 3, '', p_phone => '+440000000009') AS far2;
SELECT is(pg_temp.why(never), 'do_not_call', 'it says so before') FROM g;
SELECT is(pg_temp.claim(never), 'off do_not_call', 'on the list') FROM g;
SELECT is(t.outcome(never), 'failed failed_technical', 'ends the call') FROM g;
SELECT is((SELECT outcome_summary FROM calls WHERE call_id = never), 'The number is on the do-not-call list.',
    'with this sentence') FROM g;
SELECT is((SELECT count(*) FROM attempts JOIN g ON call_id = never), 0::bigint, 'without a dial');
SELECT is(pg_temp.claim(soon), 'held outside_window call', 'outside its window for a moment') FROM g;
SELECT is(pg_temp.claim(far), 'off outside_window', 'and for hours: it sleeps') FROM g;
SELECT is(t.status(far) || ' ' || t.story(far), 'queued queued', 'still queued') FROM g;
SELECT is((SELECT count(*) FROM call_queue JOIN g ON call_id = far), 0::bigint, 'not in the queue');
SELECT is(pg_temp.why(far), 'outside_window', 'it says why') FROM g;
SELECT results_eq('SELECT queued - (SELECT count(*) FROM call_queue), scheduled FROM fn.queue_status()',
    'VALUES (1::bigint, 0::bigint)', 'it counts as queued');
SELECT is(t.departures_off(), 0::bigint, 'positions know of it');
SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT pg_temp.claim(far2) FROM g;
SELECT ok(fn.call_cancel('ws1', far2), 'one that sleeps can be cancelled') FROM g;
SELECT is((SELECT count(*) FROM call_schedule JOIN g ON call_id = far2), 0::bigint, 'and is gone');
SELECT pg_temp.due(far) FROM g;
SELECT is((SELECT woken FROM fn.calls_wake('-infinity', 10)), 1, 'its window opens');
SELECT results_eq('SELECT q.queue_no = c.queue_no, q.rank, q.lane, q.not_before <= clock_timestamp()
    FROM g JOIN call_queue q ON q.call_id = far JOIN calls c ON c.call_id = far',
    $$VALUES (true, 4::smallint, 'task_g', true)$$, 'it comes back to its place');
SELECT is(t.story(far), 'queued', 'without an event') FROM g;
SELECT is(t.departures_off(), 0::bigint, 'positions know of that too');
UPDATE calls SET target_phone = t.phone() FROM g WHERE call_id = far;
SELECT is(pg_temp.claim(far), 'granted', 'and is dialed') FROM g;

-- ---- priorities of POST /calls ----

SELECT is(fn.priority_rank(p), r::smallint, 'priority ' || coalesce(p, 'none'))
    FROM (VALUES ('high', 2), ('normal', 3), ('low', 4), (NULL, 3), ('?', 3)) v (p, r);
SELECT is((SELECT result FROM fn.calls_accept(NULL, '{workspace}', '{ws1}', '{false}', NULL, NULL,
    NULL, NULL, '{call_high}', '{task_high}', ARRAY[t.phone()], '{b}', '{en}', '{other}', NULL,
    '{any}', '{off}', NULL, NULL, '{false}', '{1}', '{7}', '{1}', NULL, '{high}')), 'accepted',
    'a call of high priority');
SELECT is((SELECT rank FROM call_queue WHERE call_id = 'call_high'), 2::smallint, 'its rank in the queue');
SELECT is((SELECT queue_rank FROM calls WHERE call_id = 'call_high'), 2::smallint, 'and where it is kept');
SELECT fn.dial_result(t.dialing('call_high'), 'throttled', NULL, '', 5);
SELECT is((SELECT rank FROM call_queue WHERE call_id = 'call_high'), 2::smallint, 'it comes back as what it was');
SELECT is(pg_temp.why('call_high'), 'not_before', 'and says that it waits for the carrier');

-- ---- weights ----

SELECT is(fn.workspace_create('heavy', 'default', 'h', 10, NULL, 100), 'created', 'a weight');
SELECT is(fn.workspace_change('heavy', NULL, 11, NULL), 'changed', 'another thing');
SELECT is((SELECT weight FROM workspaces WHERE workspace_id = 'heavy'), 100, 'keeps it');
SELECT is(fn.workspace_change('heavy', NULL, NULL, NULL, 7), 'changed', 'a new weight');
CREATE TEMP TABLE w AS SELECT pg_temp.wait('heavy', 3, '') AS call_id;
SELECT is((SELECT d.weight FROM w JOIN calls c USING (call_id), pacer e,
    fn.dial_claim(e.epoch, c.queue_no, 0, 1000, 1000, NULL) d), 7, 'the grant tells it');
SELECT throws_ok($$SELECT fn.workspace_create('w0', 'default', 'h', 10, NULL, 0)$$, '23514', NULL, 'at least 1');

-- ---- woken by somebody else ----

SELECT is(fn.call_wake('call_nobody', clock_timestamp()), false, 'a call that is not there, or held by another');
SELECT is(fn.call_wake('call_high', clock_timestamp()), false, 'one that somebody was quicker with');
INSERT INTO call_schedule (starts_at, call_id, workspace_id, rank)
    VALUES (clock_timestamp() - interval '1 s', 'call_nobody', 'heavy', 3);
SELECT is((SELECT woken FROM fn.calls_wake('-infinity', 10)), 0, 'they do not count');
DELETE FROM call_schedule WHERE call_id = 'call_nobody';

SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
