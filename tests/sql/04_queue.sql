-- The queue: positions, who goes first, what a claim answers.
BEGIN;
SELECT no_plan();

SELECT t.workspace('ws1'), t.workspace('ws2', 1000, 2), t.workspace('ws3');
SELECT t.lead('here');
SELECT fn.queue_recount();

-- The position is the truth: so many wait in front.
CREATE TEMP TABLE a AS SELECT n, x.call_id, (x.body::json->>'position')::int AS position
    FROM generate_series(0, 5) n, LATERAL t.accept(CASE WHEN n % 2 = 0 THEN 'ws1' ELSE 'ws2' END,
        p_key => 'k' || n) x;
SELECT is(position, n, 'position ' || n) FROM a;
SELECT t.dialing(call_id) FROM a WHERE n = 0;
SELECT is((SELECT (body::json->>'position')::int FROM t.accept('ws3')), 5, 'one has left');
SELECT fn.call_cancel('ws2', call_id) FROM a WHERE n = 3;
SELECT is((SELECT (body::json->>'position')::int FROM t.accept('ws3')), 5, 'another, by cancel');
UPDATE calls SET not_after = clock_timestamp() FROM a WHERE calls.call_id = a.call_id AND n = 5;
SELECT is((SELECT result FROM t.claim((SELECT call_id FROM a WHERE n = 5))), 'expired', 'a third');
SELECT is((SELECT (body::json->>'position')::int FROM t.accept('ws3')), 5, 'by expiry');
SELECT fn.dial_result((t.attempt(call_id)).attempt_id, 'throttled', NULL, '', 0) FROM a WHERE n = 0;
SELECT is((SELECT (body::json->>'position')::int FROM t.accept('ws3')), 7, 'one came back');
SELECT is((SELECT (body::json->>'position')::int FROM t.accept('ws3', p_direct => true, p_cap => 9)),
    0, 'a direct one goes first');
SELECT is((SELECT (body::json->>'position')::int FROM t.accept('ws3', p_direct => true, p_cap => 9)),
    1, 'behind other direct ones');
SELECT is((SELECT (body::json->>'position')::int FROM t.accept('ws3')), 10, 'and in front of all');
-- Numbers that no commit used.
SELECT nextval('call_queue_no') FROM generate_series(1, 5);
SELECT is((SELECT (body::json->>'position')::int FROM t.accept('ws3')), 16, 'lost numbers count');
SELECT fn.queue_recount();
SELECT is((SELECT (body::json->>'position')::int FROM t.accept('ws3')), 12, 'until the recount');

-- Claims.
CREATE TEMP TABLE b AS SELECT n, t.call(CASE WHEN n < 3 THEN 'ws2' ELSE 'ws3' END) AS call_id
    FROM generate_series(0, 5) n;
SELECT fn.call_cancel('ws2', call_id) FROM a WHERE n IN (1, 3, 5);
SELECT results_eq($$SELECT result, attempt_id IS NOT NULL, wait_us IS NULL
    FROM t.claim((SELECT call_id FROM b WHERE n = 0))$$, $$VALUES ('granted', true, true)$$,
    'granted');
SELECT is(t.story((SELECT call_id FROM b WHERE n = 0)), 'queued dialing', 'it is being dialed');
SELECT is((SELECT state || ' ' || (check_at > slot_at) FROM t.attempt((SELECT call_id FROM b
    WHERE n = 0))), 'intent true', 'its attempt stands, with an instant to look after it');
SELECT is((SELECT result FROM t.claim((SELECT call_id FROM b WHERE n = 0))), 'gone',
    'it cannot be claimed twice');
SELECT is((SELECT next_no FROM t.claim((SELECT call_id FROM b WHERE n = 1))),
    (SELECT queue_no FROM calls JOIN b USING (call_id) WHERE n = 2),
    'the next of the same workspace is named');
SELECT is((SELECT result FROM t.claim((SELECT call_id FROM b WHERE n = 2))), 'customer_at_cap', 'cap');
SELECT is(t.status((SELECT call_id FROM b WHERE n = 2)), 'queued', 'then it waits on');
SELECT is((SELECT result FROM t.claim((SELECT call_id FROM b WHERE n = 3), 1)), 'granted',
    'another workspace is not held up');
SELECT is((SELECT result FROM t.claim((SELECT call_id FROM b WHERE n = 4), 1)), 'customer_at_cap',
    'the default cap');
SELECT is((SELECT result FROM t.claim((SELECT call_id FROM b WHERE n = 4), 2)), 'granted', 'raised');
SELECT fn.call_cancel('ws3', call_id) FROM b WHERE n = 5;
SELECT is((SELECT result FROM t.claim((SELECT call_id FROM b WHERE n = 5))), 'gone', 'cancelled');
SELECT is((SELECT d.result FROM pacer p, fn.dial_claim(p.epoch, 999999, 0, 1000, 1, NULL) d), 'gone',
    'never there');
-- Where one has expired, many have: a claim steps over all of them, and the keeper ends them.
SELECT t.workspace('ws5');
CREATE TEMP TABLE late AS SELECT n, t.call('ws5') AS call_id FROM generate_series(0, 4) n;
UPDATE calls SET not_after = clock_timestamp() FROM late WHERE calls.call_id = late.call_id AND n < 3;
INSERT INTO call_expiry SELECT clock_timestamp() - interval '1 s', call_id, 'ws5' FROM late WHERE n < 3;
SELECT results_eq($$SELECT d.result, d.reason, d.next_no FROM late JOIN calls c USING (call_id), pacer p,
    fn.dial_claim(p.epoch, c.queue_no, 0, 1000, 9, NULL) d WHERE n = 0$$,
    $$SELECT 'off', 'expired', c.queue_no FROM late JOIN calls c USING (call_id) WHERE n = 3$$,
    'the next that has not expired');
SELECT is(string_agg(c.status::text, ' ' ORDER BY n), 'expired queued queued queued queued', 'the others wait on')
    FROM late JOIN calls c USING (call_id);
SELECT is(fn.expire_calls(10), 3, 'the keeper finds them');
SELECT is(string_agg(c.status::text, ' ' ORDER BY n), 'expired expired expired queued queued', 'and ends them')
    FROM late JOIN calls c USING (call_id);
UPDATE calls SET not_after = clock_timestamp() FROM late WHERE calls.call_id = late.call_id AND n > 2;
SELECT is(d.next_no, (SELECT c.queue_no FROM late JOIN calls c USING (call_id) WHERE n = 4),
    'all behind it have: the last of them') FROM late JOIN calls c USING (call_id), pacer p,
    fn.dial_claim(p.epoch, c.queue_no, 0, 1000, 9, NULL) d WHERE n = 3;
SELECT is(d.next_no, NULL, 'and behind that none') FROM late JOIN calls c USING (call_id), pacer p,
    fn.dial_claim(p.epoch, c.queue_no, 0, 1000, 9, NULL) d WHERE n = 4;
-- A call that somebody else has locked: whoever does not wait for it sees none.
CREATE TEMP TABLE new AS SELECT t.call('ws1') AS call_id;
CREATE TEMP TABLE locked AS SELECT call_id, queue_no FROM calls JOIN new USING (call_id);
UPDATE call_queue SET call_id = 'call_nobody' FROM locked WHERE call_queue.queue_no = locked.queue_no;
SELECT results_eq($$SELECT d.result, d.scope, d.reason, d.wait_us, d.attempt_id
    FROM locked, pacer p, fn.dial_claim(p.epoch, queue_no, 0, 1000, 1, NULL) d$$,
    $$VALUES ('held', 'call', 'locked', 50000::bigint, NULL::uuid)$$, 'held for a moment');
UPDATE call_queue SET call_id = locked.call_id FROM locked WHERE call_queue.queue_no = locked.queue_no;
SELECT is((SELECT result FROM locked, t.claim(call_id, 9)), 'granted', 'and dialed thereafter');

-- One unbound dial to a number at a time, over all workspaces.
CREATE TEMP TABLE c AS SELECT n, t.call(CASE WHEN n = 0 THEN 'ws1' ELSE 'ws3' END,
    p_phone => '+15550009999') AS call_id FROM generate_series(0, 1) n;
CREATE TEMP TABLE d AS SELECT t.dialing(call_id) AS attempt_id FROM c WHERE n = 0;
SELECT is((SELECT result FROM t.claim((SELECT call_id FROM c WHERE n = 1))), 'number_busy', 'intent');
SELECT fn.dial_result(attempt_id, 'unknown', NULL, '', 0) FROM d;
SELECT is((SELECT result FROM t.claim((SELECT call_id FROM c WHERE n = 1))), 'number_busy', 'unknown');
SELECT fn.dial_result(attempt_id, 'accepted', t.sid(), '', 0) FROM d;
SELECT is((SELECT result FROM t.claim((SELECT call_id FROM c WHERE n = 1))), 'granted', 'bound');

-- not_before.
CREATE TEMP TABLE e AS SELECT t.call('ws1') AS call_id;
SELECT fn.dial_result(t.dialing(call_id), 'throttled', NULL, '', 5) FROM e;
SELECT results_eq('SELECT result, wait_us BETWEEN 3000000 AND 6300000 FROM e, t.claim(call_id)',
    $$VALUES ('not_before', true)$$, 'not yet');
UPDATE call_queue SET not_before = clock_timestamp() FROM e WHERE call_queue.call_id = e.call_id;
SELECT is((SELECT result FROM e, t.claim(call_id)), 'granted', 'in time');

-- The epoch.
CREATE TEMP TABLE f AS SELECT t.call('ws1') AS call_id, (SELECT epoch FROM pacer) AS old;
SELECT t.lead('there');
SELECT is((SELECT result FROM f, t.claim(call_id, 1000, old)), 'deposed', 'an older epoch');
SELECT is((SELECT t.status(call_id) || ' ' || t.story(call_id) FROM f), 'queued queued',
    'changes nothing');
SELECT ok(EXISTS (SELECT FROM call_queue JOIN f USING (call_id)), 'it is still in the queue');
SELECT is((SELECT count(*) FROM attempts JOIN f USING (call_id)), 0::bigint, 'without an attempt');
SELECT is((SELECT result FROM f, t.claim(call_id, 1000, old + 2)), 'deposed', 'one that never was');
SELECT is(fn.pacer_seen((SELECT old FROM f), 10), false, 'the old leader learns of it');
SELECT is(fn.pacer_seen((SELECT old + 1 FROM f), 10), true, 'the new one stays');
SELECT is((SELECT result FROM f, t.claim(call_id)), 'granted', 'and dials');

-- The slot is as the leader says, at the latest.
CREATE TEMP TABLE g AS SELECT t.call('ws1') AS call_id, clock_timestamp() AS before;
SELECT is(d.result, 'granted', 'for later') FROM pacer p, g JOIN calls c USING (call_id),
    fn.dial_claim(p.epoch, c.queue_no, 50000, 20000, 1000, NULL) d;
SELECT ok(slot_at BETWEEN before + interval '70 ms' AND clock_timestamp() + interval '70 ms',
    'after the notice and what the claim may take') FROM attempts JOIN g USING (call_id);

-- What the leader knows of a workspace's calls in flight is believed below the cap, counted at it.
SELECT t.workspace('ws4', 1000, 2);
CREATE TEMP TABLE h AS SELECT n, t.call('ws4') AS call_id FROM generate_series(0, 3) n;
CREATE FUNCTION pg_temp.claim(p_n integer, p_in_flight bigint) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(d.reason, d.result) || ' ' || coalesce(d.in_flight::text, '?') FROM pacer p, calls c
        JOIN h USING (call_id), fn.dial_claim(p.epoch, c.queue_no, 0, 1000, 1000, p_in_flight) d
        WHERE h.n = p_n
$$;
SELECT is(pg_temp.claim(0, NULL), 'granted 1', 'unknown: counted');
SELECT is(pg_temp.claim(1, 9), 'granted 2', 'too many: counted');
SELECT is(pg_temp.claim(2, NULL), 'customer_at_cap 2', 'at the cap: counted');
SELECT is(pg_temp.claim(2, 2), 'customer_at_cap 2', 'at the cap, as the leader knew');
UPDATE workspaces SET max_concurrent = 1 WHERE workspace_id = 'ws4';
SELECT is(pg_temp.claim(2, 1), 'customer_at_cap 2', 'a cap that was lowered holds at once');
UPDATE workspaces SET max_concurrent = 9 WHERE workspace_id = 'ws4';
SELECT is(pg_temp.claim(2, 2), 'granted 3', 'so does one that was raised');

-- A place that is left in the queue of a call that does not wait is no dial.
CREATE TEMP TABLE gone AS SELECT t.call('ws4') AS call_id;
CREATE TEMP TABLE place AS SELECT q.* FROM call_queue q JOIN gone USING (call_id);
SELECT t.bring(call_id, 'failed') FROM gone;
INSERT INTO call_queue SELECT * FROM place;
SELECT is(d.result, 'gone', 'it has ended') FROM gone, t.claim(call_id) d;
DELETE FROM call_queue q USING place p WHERE q.queue_no = p.queue_no;

-- A call that is moved to where it is has moved nowhere, and tells nothing.
SELECT fn.call_move(call_id, status) FROM calls JOIN h USING (call_id) WHERE status = 'dialing';
SELECT is((SELECT count(*) FROM call_events e JOIN h USING (call_id) WHERE data->>'status' = data->>'previous'),
    0::bigint, 'no event says so');

SELECT is(t.departures_off(), 0::bigint, 'departures are counted one by one');
SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
