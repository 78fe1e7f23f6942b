-- Idempotency keys: one call a key, and always the same answer.
BEGIN;
SELECT no_plan();

SELECT t.workspace('ws1', 5);
SELECT t.workspace('ws2');

CREATE TEMP TABLE a AS SELECT * FROM t.accept('ws1', 'k1');
SELECT is(result, 'accepted', 'the first') FROM a;
SELECT is(r.result, 'replay', 'the second is a replay') FROM t.accept('ws1', 'k1') r;
SELECT is(r.status, 202, 'of the status') FROM t.accept('ws1', 'k1') r;
SELECT ok(r.body = a.body AND sha256(r.body::bytea) = sha256(a.body::bytea),
    'and of the body, byte for byte') FROM a, t.accept('ws1', 'k1') r;
SELECT is((SELECT count(*) FROM calls WHERE workspace_id = 'ws1'), 1::bigint, 'one call');
SELECT is(t.credits('ws1'), '1 0', 'one credit');
SELECT t.bring(call_id, 'completed') FROM a;
SELECT is((SELECT body FROM t.accept('ws1', 'k1')), (SELECT body FROM a),
    'the answer is the same when the call is over');

SELECT is((SELECT result FROM t.accept('ws1', 'k1', p_body => 'other')), 'conflict',
    'another request under the same key');
SELECT is((SELECT result FROM t.accept('ws1', 'k1', p_route => 'POST /skills/x/run')), 'accepted',
    'the same key on another route');
SELECT is((SELECT result FROM t.accept('ws2', 'k1')), 'accepted', 'of another customer');
SELECT is((SELECT result FROM t.accept('ws1', 'K1')), 'accepted', 'in other letters');

-- 24 hours.
UPDATE idempotency_keys SET created_at = clock_timestamp() - interval '23:59'
    WHERE workspace_id = 'ws1' AND key = 'k1';
SELECT is((SELECT result FROM t.accept('ws1', 'k1')), 'replay', 'just before a day is over');
SELECT is((SELECT result FROM t.accept('ws1', 'k1', p_body => 'other')), 'conflict', 'likewise');
UPDATE idempotency_keys SET created_at = clock_timestamp() - interval '24:00:01'
    WHERE workspace_id = 'ws1' AND key = 'k1';
CREATE TEMP TABLE b AS SELECT * FROM t.accept('ws1', 'k1', p_body => 'other');
SELECT is(result, 'accepted', 'a day later the key is free') FROM b;
SELECT is(r.body, b.body, 'and replays the new answer')
    FROM b, t.accept('ws1', 'k1', p_body => 'other') r;

-- A direct call's answer comes later.
CREATE TEMP TABLE d AS SELECT * FROM t.accept('ws2', 'k2', p_direct => true, p_cap => 9);
SELECT is(result, 'accepted', 'direct') FROM d;
SELECT is((SELECT result FROM t.accept('ws2', 'k2', p_direct => true, p_cap => 9)), 'in_progress',
    'while it is dialed');
SELECT is((SELECT result FROM t.accept('ws2', 'k2', p_body => 'other')), 'conflict',
    'a conflict all the same');
UPDATE idempotency_keys SET created_at = clock_timestamp() - interval '59 s' WHERE key = 'k2';
SELECT is((SELECT result FROM t.accept('ws2', 'k2', p_direct => true)), 'in_progress', '59 s');
UPDATE idempotency_keys SET created_at = clock_timestamp() - interval '61 s' WHERE key = 'k2';
SELECT is((SELECT result FROM t.accept('ws2', 'k2', p_direct => true)), 'state_unknown',
    'the lock is stale after 60 s');
UPDATE idempotency_keys SET status = 201, body = '{"call": 1}' WHERE key = 'k2';
SELECT is(r::text, '(replay,' || r.call_id || ',201,"{""call"": 1}")', 'an answer that came later')
    FROM t.accept('ws2', 'k2', p_direct => true) r;
SELECT is((SELECT count(*) FROM calls WHERE workspace_id = 'ws2' AND direct), 1::bigint, 'one call');

-- A refusal frees the key: no call exists.
SELECT fn.workspace_change('ws1', NULL, 0, NULL);
SELECT is((SELECT result FROM t.accept('ws1', 'k3')), 'no_credit', 'refused');
SELECT is((SELECT count(*) FROM idempotency_keys WHERE key = 'k3'), 0::bigint, 'the key is free');
SELECT fn.workspace_change('ws1', NULL, 100, NULL);
SELECT is((SELECT result FROM t.accept('ws1', 'k3', p_body => 'other')), 'accepted', 'for any body');
SELECT is((SELECT result FROM t.accept('ws2', 'k4', p_direct => true, p_cap => 1)), 'at_cap', 'cap');
SELECT is((SELECT result FROM t.accept('ws2', 'k4', p_direct => true, p_cap => 9)), 'accepted',
    'frees it too');
SELECT fn.maintenance_on('Later.', NULL);
SELECT is((SELECT result FROM t.accept('ws1', 'k5')), 'maintenance', 'maintenance');
SELECT is((SELECT result FROM t.accept('ws1', 'k3', p_body => 'other')), 'replay',
    'answers that stand are given in maintenance too');
SELECT is((SELECT result FROM t.accept('ws1', 'k3')), 'conflict', 'and conflicts');
SELECT fn.maintenance_off();
SELECT is((SELECT result FROM t.accept('ws1', 'k5')), 'accepted', 'frees it as well');
SELECT is((SELECT result FROM t.accept('ws1', 'k6', p_not_after => clock_timestamp())), 'past', 'past');
SELECT is((SELECT result FROM t.accept('ws1', 'k6')), 'accepted', 'never took it');

-- Over the day, refused anew: the old answer is gone with its key, and the call stays.
UPDATE idempotency_keys SET created_at = clock_timestamp() - interval '25 h' WHERE key = 'k3';
SELECT fn.workspace_change('ws1', NULL, 0, NULL);
SELECT is((SELECT result FROM t.accept('ws1', 'k3')), 'no_credit', 'an old key, refused');
SELECT is((SELECT count(*) FROM idempotency_keys WHERE key = 'k3'), 0::bigint, 'is free');
SELECT fn.workspace_change('ws1', NULL, 100, NULL);

SELECT is((SELECT result FROM t.accept('ws1', repeat('k', 255))), 'accepted', '255 characters');
SELECT throws_ok($$SELECT t.accept('ws1', repeat('k', 256))$$, '23514', NULL, '256 are too many');

SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
