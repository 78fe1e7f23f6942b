-- Outgoing webhooks: the endpoint and its secrets, the outbox, and how a delivery ends.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws' || n) FROM generate_series(1, 5) n;
SELECT t.lead();

CREATE FUNCTION pg_temp.secret(n integer) RETURNS text LANGUAGE sql AS $$
    SELECT 'whsec_' || lpad(n::text, 32, 'A')
$$;
CREATE FUNCTION pg_temp.hook(p_ws text, n integer DEFAULT 1, p_regenerate boolean DEFAULT true,
    p_url text DEFAULT 'https://a.example/') RETURNS text LANGUAGE sql AS $$
    SELECT fn.webhook_set(p_ws, p_url, pg_temp.secret(n), p_regenerate)
$$;
-- A call that has ended, and so has an outcome to tell of.
CREATE FUNCTION pg_temp.told(p_ws text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_call text := t.call(p_ws);
BEGIN
    PERFORM t.bring(v_call, 'failed');
    RETURN v_call;
END $$;
CREATE FUNCTION pg_temp.due(p_limit integer DEFAULT 100, p_each integer DEFAULT 8,
    p_after text DEFAULT '', p_ws text[] DEFAULT '{}', p_rooms integer[] DEFAULT '{}')
RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(workspace_id || ' ' || event_type || ' ' || attempt, ', '
        ORDER BY workspace_id, delivery_id) FROM fn.webhooks_due(p_limit, p_each, p_after, p_ws,
        p_rooms)
$$;
CREATE FUNCTION pg_temp.states(p_ws text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', event_type, state, attempts, response_status, error), ', '
        ORDER BY created_at, event_id) FROM webhook_deliveries WHERE workspace_id = p_ws
$$;
CREATE FUNCTION pg_temp.result(p_ws text, p_attempt integer, p_status integer, p_error text,
    p_retry_s integer DEFAULT 0, p_url text DEFAULT 'https://a.example/') RETURNS text
LANGUAGE sql AS $$
    SELECT fn.webhook_result(delivery_id, p_ws, p_attempt, p_url, p_status, p_error, p_retry_s,
        NULL, NULL, NULL)::text FROM webhook_deliveries WHERE workspace_id = p_ws
        ORDER BY created_at LIMIT 1
$$;
-- In how many seconds the first of a workspace is tried next, about.
CREATE FUNCTION pg_temp.wait(p_ws text) RETURNS integer LANGUAGE sql AS $$
    SELECT extract(epoch FROM min(next_at) - clock_timestamp())::integer FROM webhook_deliveries
        WHERE workspace_id = p_ws
$$;

-- The endpoint: a secret is shown when it is new.
SELECT is(pg_temp.hook('ws1', 1, false), pg_temp.secret(1), 'the first is made all the same');
SELECT is(pg_temp.hook('ws1', 2, false), NULL, 'the same goes on');
SELECT is((SELECT secret || coalesce(old_secret, '-') FROM webhooks), pg_temp.secret(1) || '-', 'alone');
SELECT is(pg_temp.hook('ws1', 3), pg_temp.secret(3), 'another');
SELECT is((SELECT secret || old_secret || (old_until - clock_timestamp() > interval '23:59')
    FROM webhooks), pg_temp.secret(3) || pg_temp.secret(1) || 'true', 'the one before signs for a day');
SELECT throws_ok('SELECT fn.webhook_set(''ws1'', ''u'', ''secret'', true)', '23514', NULL, 'no secret');

-- What goes into the outbox: with the event, or not at all.
SELECT pg_temp.told('ws2');
SELECT is(pg_temp.states('ws2'), NULL, 'no webhook, nothing to send');
CREATE TEMP TABLE a AS SELECT t.call('ws1') AS call_id;
SELECT t.answered(call_id) FROM a;
SELECT is(pg_temp.states('ws1'), NULL, 'statuses are not sent');
SELECT fn.question_ask(call_id, 'ask_1', 'What?', 60, 'u') FROM a;
SELECT fn.call_cancel('ws1', call_id) FROM a;
SELECT fn.event_add(call_id, 'recording_ready', '{}'), fn.event_add(call_id, 'transcript_ready', '{}')
    FROM a;
SELECT is(pg_temp.states('ws1'), 'ask_user pending 0, outcome pending 0, recording_ready pending 0,'
    ' transcript_ready pending 0', 'four kinds are');
SELECT is((SELECT count(*) FROM webhook_deliveries JOIN a USING (call_id)
    WHERE delivery_id = 'msg_' || substr(call_id, 6) || '_' || event_id), 4::bigint, 'under their ids');
CREATE TEMP TABLE b AS SELECT t.call('ws1') AS call_id;
UPDATE calls SET ask_user_mode = 'stream' FROM b WHERE calls.call_id = b.call_id;
SELECT t.answered(call_id) FROM b;
SELECT fn.question_ask(call_id, 'ask_1', 'What?', 60, 'u') FROM b;
SELECT is((SELECT count(*) FROM webhook_deliveries JOIN b USING (call_id)), 0::bigint, 'stream asks nobody');
SELECT fn.call_cancel('ws1', call_id) FROM b;
SELECT is((SELECT string_agg(event_type, ' ') FROM webhook_deliveries JOIN b USING (call_id)),
    'outcome', 'but tells its outcome');

-- The event comes along as it is read.
SELECT results_eq('SELECT event_id, call_id, event_type, created_at, data::text FROM'
    ' fn.webhooks_due(1, 1, '''', ''{}'', ''{}'')', 'SELECT event_id, call_id, event_type,'
    ' fn.iso(created_at), data::text FROM call_events JOIN a USING (call_id)'
    ' WHERE event_type = ''ask_user''', 'an event');
-- Both secrets go along for a day.
SELECT is((SELECT secret || old_secret || request_id FROM fn.webhooks_due(9, 9, '', '{}', '{}') LIMIT 1),
    NULL, 'an outcome asks nothing');
UPDATE webhook_deliveries SET next_at = clock_timestamp();
SELECT is((SELECT string_agg(secret || old_secret || request_id, '') FROM
    fn.webhooks_due(9, 9, '', '{}', '{}')), pg_temp.secret(3) || pg_temp.secret(1) || 'ask_1', 'a question');
UPDATE webhook_deliveries SET next_at = clock_timestamp();
UPDATE webhooks SET old_until = clock_timestamp();
SELECT is((SELECT count(old_secret) FROM fn.webhooks_due(9, 9, '', '{}', '{}')), 0::bigint, 'no longer');
DELETE FROM webhook_deliveries;

-- Leases: what is taken is not taken twice, and comes back.
SELECT pg_temp.hook('ws' || n) FROM generate_series(1, 5) n;
SELECT pg_temp.told('ws1') FROM generate_series(1, 3) n;
SELECT is(pg_temp.due(p_each => 2), 'ws1 outcome 1, ws1 outcome 1', 'two of one customer');
SELECT is(pg_temp.due(p_ws => '{ws1}', p_rooms => '{0}'), NULL, 'none for whom there is no room');
SELECT is(pg_temp.due(p_ws => '{ws1}', p_rooms => '{5}'), 'ws1 outcome 1', 'the rest');
SELECT is(pg_temp.due(), NULL, 'all are taken');
SELECT is(pg_temp.wait('ws1') BETWEEN 18 AND 20, true, 'for 20 s');
UPDATE webhook_deliveries SET next_at = clock_timestamp();
SELECT is(pg_temp.due(), 'ws1 outcome 2, ws1 outcome 2, ws1 outcome 2', 'again');
DELETE FROM webhook_deliveries;

-- One with many does not hide the others; and a round goes on where the last one ended.
SELECT pg_temp.told('ws1') FROM generate_series(1, 20) n;
SELECT pg_temp.told('ws' || n) FROM generate_series(2, 4) n;
SELECT is(pg_temp.due(p_limit => 4, p_each => 2), 'ws1 outcome 1, ws1 outcome 1, ws2 outcome 1,'
    ' ws3 outcome 1', 'each has its share');
SELECT is(pg_temp.due(p_limit => 4, p_each => 2, p_after => 'ws3'), 'ws4 outcome 1', 'the others');
UPDATE webhook_deliveries SET next_at = clock_timestamp();
SELECT is((SELECT count(DISTINCT last) || max(last) FROM fn.webhooks_due(3, 2, '', '{}', '{}')), '1ws2',
    'where it came to');
DELETE FROM webhook_deliveries;

-- How it ends.
SELECT pg_temp.told('ws1');
SELECT pg_temp.due();
SELECT is(pg_temp.result('ws1', 1, 200, NULL), 'delivered', 'a 2xx');
SELECT is(pg_temp.states('ws1'), 'outcome delivered 1 200', 'is the end');
SELECT is(pg_temp.result('ws1', 1, 500, 'answered HTTP 500'), NULL, 'a late failure changes nothing');
SELECT is(pg_temp.states('ws1'), 'outcome delivered 1 200', 'delivered');
DELETE FROM webhook_deliveries;

-- Retries: 5 s, doubling to an hour, or when the receiver says; only the newest try counts.
SELECT pg_temp.told('ws1');
SELECT pg_temp.due();
SELECT is(pg_temp.result('ws1', 1, 500, 'answered HTTP 500'), 'pending', 'a failure');
SELECT is(pg_temp.states('ws1'), 'outcome pending 1 500 answered HTTP 500', 'is kept');
SELECT is(pg_temp.wait('ws1') BETWEEN 4 AND 6, true, 'again in about 5 s');
SELECT is(pg_temp.result('ws1', 9, NULL, 'no route'), NULL, 'another try''s word');
SELECT is(pg_temp.states('ws1'), 'outcome pending 1 500 answered HTTP 500', 'is not heard');
SELECT is(pg_temp.result('ws1', 9, 204, NULL), 'delivered', 'but that it arrived');
UPDATE webhook_deliveries SET state = 'pending', delivered_at = NULL, next_at = clock_timestamp();
SELECT is(pg_temp.due(), 'ws1 outcome 2', 'the second');
SELECT is(pg_temp.result('ws1', 2, 503, 'answered HTTP 503', 120), 'pending', 'Retry-After');
SELECT is(pg_temp.wait('ws1') BETWEEN 119 AND 120, true, 'is kept to');
SELECT is(bool_and(extract(epoch FROM fn.webhook_wait(n, 0)) BETWEEN 0.79 * w AND 1.21 * w), true,
    'after so many: ' || n) FROM (VALUES (1, 5), (2, 10), (3, 20), (10, 2560), (11, 3600),
    (1000000, 3600)) v (n, w), generate_series(1, 20) GROUP BY n;
SELECT is(extract(epoch FROM fn.webhook_wait(1, 1000000)), 3600::numeric, 'an hour at most');

-- A day is over.
UPDATE webhook_deliveries SET retry_until = clock_timestamp() + interval '2 s',
    next_at = clock_timestamp();
SELECT is(pg_temp.due(), 'ws1 outcome 3', 'the last');
SELECT is(pg_temp.result('ws1', 3, NULL, 'timed out'), 'dead', 'is the end');
SELECT is(pg_temp.states('ws1'), 'outcome dead 3 timed out', 'listed so');
SELECT is(pg_temp.due(), NULL, 'not sent any more');
CREATE TEMP TABLE d AS SELECT delivery_id FROM webhook_deliveries;
SELECT is(fn.webhook_redeliver('ws2', delivery_id), 'unknown', 'another''s') FROM d;
SELECT is(fn.webhook_redeliver('ws1', 'msg_none'), 'unknown', 'none');
SELECT is(fn.webhook_redeliver('ws1', delivery_id), 'pending', 'again by request') FROM d;
SELECT is(pg_temp.due(), 'ws1 outcome 1', 'from the start');
SELECT is((SELECT retry_until > clock_timestamp() + interval '23:59' FROM webhook_deliveries), true,
    'for a day');
SELECT is(pg_temp.result('ws1', 1, 204, NULL), 'delivered', 'arrived');
SELECT is(fn.webhook_redeliver('ws1', delivery_id), 'pending', 'and once more') FROM d;

-- 410 switches it off, if it is still the same place; what waits for it is dead.
SELECT pg_temp.told('ws1');
SELECT is(pg_temp.due(), 'ws1 outcome 1, ws1 outcome 1', 'two');
SELECT is(pg_temp.result('ws1', 1, 410, 'answered HTTP 410', p_url => 'https://old.example/'), 'dead', '410');
SELECT is((SELECT off_at FROM webhooks WHERE workspace_id = 'ws1'), NULL, 'of an older place');
SELECT is(fn.webhooks_bury(9), 0, 'nothing to bury');
SELECT is(fn.webhook_redeliver('ws1', delivery_id), 'pending', 'again') FROM d;
SELECT is(pg_temp.due(), 'ws1 outcome 1', 'taken');
SELECT is(pg_temp.result('ws1', 1, 410, 'answered HTTP 410'), 'dead', '410 of this one');
SELECT isnt((SELECT off_at FROM webhooks WHERE workspace_id = 'ws1'), NULL, 'switches it off');
SELECT pg_temp.told('ws1');
SELECT is((SELECT count(*) FROM webhook_deliveries WHERE workspace_id = 'ws1'), 2::bigint, 'no new ones');
UPDATE webhook_deliveries SET next_at = clock_timestamp() WHERE state = 'pending';
SELECT is(pg_temp.due(), NULL, 'nothing is sent');
SELECT is(fn.webhooks_bury(9), 1, 'what waits');
SELECT is(fn.webhooks_bury(9), 0, 'is buried once');
SELECT is(fn.webhook_redeliver('ws1', delivery_id), 'no_webhook', 'nowhere to') FROM d;
SELECT pg_temp.hook('ws1', 7, false);
SELECT is(fn.webhook_redeliver('ws1', delivery_id), 'pending', 'on again') FROM d;
SELECT fn.webhook_clear('ws1');
SELECT is(fn.webhooks_bury(9), 1, 'removed: dead');
DELETE FROM webhook_deliveries;

-- The reply to a question may be its answer; the first answer wins, and it is delivered either way.
CREATE TEMP TABLE q AS SELECT n, t.call('ws2') AS call_id FROM generate_series(1, 2) n;
SELECT t.answered(call_id), fn.question_ask(call_id, 'ask_1', 'What?', 60, 'u') FROM q;
SELECT is(fn.question_answer('ws2', call_id, NULL, 'Nine.', 'voice'), true, 'somebody was quicker')
    FROM q WHERE n = 2;
SELECT is(fn.webhook_result(delivery_id, 'ws2', 1, 'u', 200, NULL, 0, 'ask_1', 'Seven.', 'context'),
    'delivered', 'a reply with an answer') FROM webhook_deliveries JOIN q USING (call_id);
SELECT is((SELECT string_agg(answer || mode, ' ' ORDER BY n) FROM questions JOIN q USING (call_id)),
    'Seven.context Nine.voice', 'the answers');
SELECT is((SELECT count(*) FROM call_events JOIN q USING (call_id) WHERE event_type = 'answered'),
    2::bigint, 'told once each');
DELETE FROM webhook_deliveries;

-- The list: newest first, by pages.
SELECT pg_temp.told('ws3') FROM generate_series(1, 5);
SELECT pg_temp.told('ws4');
CREATE TEMP TABLE l AS SELECT row_number() OVER () AS n, x.* FROM fn.webhook_list('ws3', NULL, NULL, 9) x;
SELECT is((SELECT count(*) FROM l), 5::bigint, 'its own');
SELECT is((SELECT bool_and(created_at <= before) FROM (SELECT created_at, lag(created_at) OVER
    (ORDER BY n) AS before FROM l) x), true, 'newest first');
SELECT results_eq('SELECT delivery_id FROM fn.webhook_list(''ws3'', NULL, (SELECT delivery_id FROM l'
    ' WHERE n = 2), 2)', 'SELECT delivery_id FROM l WHERE n IN (3, 4) ORDER BY n', 'a page');
SELECT is_empty('SELECT FROM fn.webhook_list(''ws3'', ''dead'', NULL, 9)', 'in a state');
SELECT is((SELECT count(*) FROM fn.webhook_list(NULL, 'pending', NULL, 9)), 6::bigint, 'of all');

SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
