-- Many calls in one statement: each has its own verdict, whatever the others come to, and the books balance.
BEGIN;
SELECT no_plan();

SELECT t.workspace('ws1', 10), t.workspace('ws2', 2), t.workspace('ws3', 1000, 2);
SELECT t.key('key-1', 'workspace', 'ws1'), t.key('key-2', 'workspace', 'ws2');
SELECT t.key('key-p', 'platform', 'platform', true);

-- Calls as a committer hands them over: in their order, with what each of them is told.
CREATE TEMP TABLE wish (n integer PRIMARY KEY, secret text, ws text, key text, direct boolean DEFAULT false,
    credits integer DEFAULT 1, not_after timestamptz, answer text, priority text, body text DEFAULT 'body',
    call_id text DEFAULT 'call_' || lpad(nextval('t.number')::text, 26, '0'), phone text DEFAULT t.phone(),
    cap integer DEFAULT 1000, brief text DEFAULT 'Book a table.');
CREATE FUNCTION pg_temp.accept(OUT n integer, OUT result text, OUT workspace_id text, OUT status integer,
    OUT body text) RETURNS SETOF record
LANGUAGE sql AS $$
    SELECT w.n, a.result, a.workspace_id, a.status, a.body FROM (SELECT
            array_agg(sha256(secret::bytea) ORDER BY n) AS secrets, array_agg(ws ORDER BY n) AS names,
            array_agg(key ORDER BY n) AS keys, array_agg(sha256(body::bytea) ORDER BY n) AS prints,
            array_agg(call_id ORDER BY n) AS calls, array_agg('task_' || call_id ORDER BY n) AS tasks,
            array_agg(phone ORDER BY n) AS phones, array_agg(brief ORDER BY n) AS briefs,
            array_agg('en'::text) AS en, array_agg('other'::text) AS kinds,
            array_agg('any'::text) AS modes, array_agg('off'::machine_detection) AS machines,
            array_agg(not_after ORDER BY n) AS ends, array_agg(direct ORDER BY n) AS direct,
            array_agg(credits ORDER BY n) AS credits, array_agg(7) AS cents,
            array_agg(cap ORDER BY n) AS caps, array_agg(answer ORDER BY n) AS answers,
            array_agg(priority ORDER BY n) AS priorities, array_agg('POST /calls'::text) AS routes
        FROM wish) b, fn.calls_accept(secrets, NULL, NULL, NULL, names, keys, routes, prints, calls, tasks,
            phones, briefs, en, kinds, NULL, modes, machines, NULL, ends, direct, credits, cents, caps,
            answers, priorities) WITH ORDINALITY a (result, workspace_id, status, body, no)
        JOIN (SELECT n, row_number() OVER (ORDER BY n) AS no FROM wish) w USING (no) ORDER BY n
$$;
-- What each of them came to, as "result result …".
CREATE FUNCTION pg_temp.told() RETURNS text
LANGUAGE sql AS $$ SELECT string_agg(a.result, ' ' ORDER BY a.n) FROM pg_temp.accept() a $$;
-- Calls of the wishes that there are.
CREATE FUNCTION pg_temp.made() RETURNS bigint
LANGUAGE sql AS $$ SELECT count(*) FROM calls JOIN wish USING (call_id) $$;

SELECT is_empty($$SELECT * FROM fn.calls_accept(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)$$, 'none: no answer');
SELECT is_empty($$SELECT * FROM fn.calls_accept('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
    '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')$$, 'nor for empty arrays');

-- ---- every kind of them, beside each other ----

INSERT INTO wish (n, secret, ws, not_after, answer, priority) VALUES
    (1, 'key-1', NULL, NULL, NULL, 'high'),
    (2, 'nobody', NULL, NULL, NULL, NULL),
    (3, 'key-2', NULL, clock_timestamp() + interval '1 h', NULL, NULL),
    (4, 'key-p', NULL, NULL, NULL, NULL),
    (5, 'key-p', 'nowhere', NULL, NULL, NULL),
    (6, 'key-p', 'ws1', NULL, '{"mine": true}', 'low'),
    (7, 'key-2', 'ws1', NULL, NULL, NULL),
    (8, 'key-1', NULL, clock_timestamp() - interval '1 s', NULL, NULL),
    (9, 'key-2', 'ws2', NULL, NULL, NULL),
    (10, 'key-2', NULL, NULL, NULL, NULL);
CREATE TEMP TABLE told AS SELECT * FROM pg_temp.accept();
SELECT is((SELECT string_agg(result, ' ' ORDER BY n) FROM told), 'accepted unauthenticated accepted'
    ' workspace_missing workspace_unknown accepted workspace_unknown past accepted no_credit',
    'each has its own verdict');
SELECT is((SELECT string_agg(coalesce(workspace_id, '-'), ' ' ORDER BY n) FROM told),
    'ws1 - ws2 - - ws1 - ws1 ws2 ws2', 'and its workspace');
SELECT is((SELECT array_agg(n ORDER BY n) FROM told WHERE status = 202), '{1,3,6,9}', 'only they are 202');
SELECT is((SELECT count(*) FROM told WHERE status IS NOT NULL), 4::bigint, 'and the others nothing');
SELECT is((SELECT array_agg(n ORDER BY n) FROM told WHERE body IS NOT NULL), '{1,3,6,9}', 'with a body');
SELECT is((SELECT body FROM told WHERE n = 6), '{"mine": true}', 'which may have been made beforehand');
SELECT is((SELECT array_agg(n ORDER BY n) FROM told JOIN wish USING (n) JOIN calls c USING (call_id)
    WHERE told.body::json->>'call_id' = c.call_id AND told.body::json->>'queue_id' = 'q_' || c.queue_no),
    '{1,3,9}', 'each names its own call and place');
SELECT is((SELECT array_agg(n ORDER BY queue_no) FROM wish JOIN calls USING (call_id)), '{1,3,6,9}',
    'they wait in the order in which they came');
SELECT is((SELECT array_agg(queue_rank ORDER BY n) FROM wish JOIN calls USING (call_id)),
    '{2,3,4,3}'::smallint[], 'each where its priority puts it');
SELECT is((SELECT array_agg((told.body::json->>'position')::bigint ORDER BY n) FROM told WHERE n IN (1, 3, 9)),
    (SELECT ARRAY[p, p + 1, p + 3] FROM (SELECT (body::json->>'position')::bigint AS p FROM told WHERE n = 1) x),
    'behind each other');
SELECT is((SELECT array_agg(n ORDER BY n) FROM wish JOIN call_expiry USING (call_id)), '{3}', 'one expires');
SELECT is((SELECT array_agg(n ORDER BY n) FROM wish JOIN call_queue USING (call_id)), '{1,3,6,9}', 'all wait');
SELECT is((SELECT array_agg(n ORDER BY n) FROM wish JOIN calls USING (call_id)
    WHERE t.story(call_id) = 'queued'), '{1,3,6,9}', 'and have their event');
SELECT is(pg_temp.made(), 4::bigint, 'of the others there is no call');
SELECT is(t.credits('ws1') || ', ' || t.credits('ws2'), '2 0, 2 0', 'a credit for each, of its own workspace');
SELECT is_empty('SELECT t.broken()', 'the books balance');
SELECT is((SELECT count(*) FROM credit_months WHERE workspace_id = 'ws3'), 0::bigint,
    'a workspace that nobody asked for has no month');

-- ---- credits that do not cover all ----

TRUNCATE wish;
INSERT INTO wish (n, secret, credits) VALUES (1, 'key-1', 3), (2, 'key-1', 6), (3, 'key-1', 4), (4, 'key-1', 1),
    (5, 'key-1', 2), (6, 'key-1', 0);
SELECT is(pg_temp.told(), 'accepted no_credit accepted accepted no_credit accepted',
    'who comes first is served first, and who is refused takes nothing from those behind');
SELECT is(t.credits('ws1'), '10 0', 'all are spent');
SELECT is_empty('SELECT t.broken()', 'and the books balance');
SELECT is(fn.credits_grant('ws1', 100), 'granted', 'there are more');

-- ---- direct calls and the cap ----

TRUNCATE wish;
INSERT INTO wish (n, secret, ws, direct) SELECT n, 'key-p', 'ws3', n <> 3 FROM generate_series(1, 5) n;
CREATE TEMP TABLE direct AS SELECT * FROM pg_temp.accept();
SELECT is((SELECT string_agg(result, ' ' ORDER BY n) FROM direct), 'accepted accepted accepted at_cap at_cap',
    'as many direct calls as the cap allows; one that is queued waits for it');
SELECT is((SELECT array_agg((body::json->>'position')::int ORDER BY n) FROM direct WHERE n < 3), '{0,1}',
    'direct ones stand behind each other, before all others');
SELECT is(t.credits('ws3'), '3 0', 'what is refused costs nothing');
TRUNCATE wish;
INSERT INTO wish (n, secret, ws, direct) VALUES (1, 'key-p', 'ws3', true), (2, 'key-p', 'ws1', true);
SELECT is(pg_temp.told(), 'at_cap accepted', 'one customer''s cap is not another''s');

-- ---- keys ----

TRUNCATE wish;
INSERT INTO wish (n, secret, key, body, answer) VALUES (1, 'key-1', 'b', 'x', '{"first": 1}'),
    (2, 'key-1', 'a', 'x', NULL), (3, 'key-1', 'b', 'x', NULL), (4, 'key-1', NULL, 'x', NULL),
    (5, 'key-1', 'b', 'other', NULL);
SELECT is(pg_temp.told(), 'accepted accepted again accepted again',
    'one key twice: the second is to ask again when it is known how the first ended');
SELECT is(pg_temp.made(), 3::bigint, 'and has no call meanwhile');
DELETE FROM wish WHERE n NOT IN (3, 5);
CREATE TEMP TABLE later AS SELECT * FROM pg_temp.accept();
SELECT is((SELECT string_agg(result, ' ' ORDER BY n) FROM later), 'replay conflict', 'then it is told');
SELECT is((SELECT status || body FROM later WHERE n = 3), '202{"first": 1}', 'what the first was told');
SELECT is(pg_temp.made(), 0::bigint, 'and has none');
SELECT is((SELECT array_agg(key || status ORDER BY key) FROM idempotency_keys WHERE workspace_id = 'ws1'),
    '{a202,b202}', 'each key keeps its answer');

TRUNCATE wish;
INSERT INTO wish (n, secret, ws, key, answer) VALUES (1, 'key-p', 'ws3', 'c', '{"third": 1}');
SELECT is(pg_temp.told(), 'accepted', 'a key of another customer');
TRUNCATE wish;
INSERT INTO wish (n, secret, ws, key, body) VALUES (1, 'key-1', NULL, NULL, 'x'), (2, 'key-1', NULL, 'b', 'x'),
    (3, 'key-p', 'ws3', 'c', 'body'), (4, 'key-1', NULL, NULL, 'x');
CREATE TEMP TABLE mixed AS SELECT * FROM pg_temp.accept();
SELECT is((SELECT string_agg(result, ' ' ORDER BY n) FROM mixed), 'accepted replay replay accepted',
    'what is asked again waits with what is new');
SELECT is((SELECT string_agg(status || body, ' ' ORDER BY n) FROM mixed WHERE result = 'replay'),
    '202{"first": 1} 202{"third": 1}', 'and each is told what its own key was told');

TRUNCATE wish;
INSERT INTO wish (n, secret, ws, key) VALUES (1, 'key-2', NULL, 'k'), (2, 'key-p', 'ws3', 'k'),
    (3, 'key-2', NULL, 'k');
SELECT is(pg_temp.told(), 'no_credit accepted again', 'a key is its customer''s own');
DELETE FROM wish WHERE n = 2;
SELECT is((SELECT count(*) FROM idempotency_keys WHERE workspace_id = 'ws2'), 0::bigint, 'a refused one is free');
SELECT is(fn.credits_grant('ws2', 1), 'granted', 'one credit');
DELETE FROM wish WHERE n = 1;
SELECT is(pg_temp.told(), 'accepted', 'for who comes with it again');

TRUNCATE wish;
INSERT INTO wish (n, secret, ws, key, direct) VALUES (1, 'key-p', 'ws1', 'd', true),
    (2, 'key-p', 'ws1', 'd', true);
SELECT is(pg_temp.told(), 'accepted again', 'a direct call');
DELETE FROM wish WHERE n = 1;
SELECT is(pg_temp.told(), 'in_progress', 'is at work until its answer is known');
UPDATE idempotency_keys SET created_at = clock_timestamp() - interval '25 h' WHERE key IN ('a', 'b');
TRUNCATE wish;
INSERT INTO wish (n, secret, key) VALUES (1, 'key-1', 'b'), (2, 'key-1', 'c'), (3, 'key-1', 'a');
SELECT is(pg_temp.told(), 'accepted accepted accepted', 'after a day keys are free again, beside new ones');
SELECT is((SELECT count(*) FROM idempotency_keys JOIN wish USING (key, call_id)), 3::bigint,
    'and are of the new calls');

-- ---- maintenance ----

SELECT fn.maintenance_on(NULL, '2030-01-02T03:04:05Z');
TRUNCATE wish;
INSERT INTO wish (n, secret, key, body) VALUES (1, 'key-1', 'm', 'body'), (2, 'nobody', NULL, 'body'),
    (3, 'key-1', 'b', 'body'), (4, 'key-1', NULL, 'body');
SELECT is(pg_temp.told(), 'maintenance unauthenticated replay maintenance', 'nothing new is accepted');
SELECT is((SELECT count(DISTINCT a.body) FROM pg_temp.accept() a WHERE a.result = 'maintenance'), 1::bigint,
    'all are told until when');
SELECT is((SELECT count(*) FROM idempotency_keys WHERE key = 'm'), 0::bigint, 'the key is free');
SELECT fn.maintenance_off();

-- ---- one that is broken undoes all, so that each can be tried by itself ----

TRUNCATE wish;
INSERT INTO wish (n, secret, brief) VALUES (1, 'key-1', 'a'), (2, 'key-1', NULL), (3, 'key-1', 'c');
CREATE TEMP TABLE before AS SELECT t.credits('ws1') AS credits;
SELECT throws_ok('SELECT pg_temp.told()', '23502', NULL, 'a call without a brief');
SELECT is(pg_temp.made(), 0::bigint, 'leaves no call');
SELECT is(t.credits('ws1'), credits, 'and no credit taken') FROM before;
DELETE FROM wish WHERE n = 2;
SELECT is(pg_temp.told(), 'accepted accepted', 'without it');

-- ---- as many as come ----

SELECT fn.credits_grant('ws1', 1000), fn.credits_grant('ws2', 1000);
TRUNCATE wish;
INSERT INTO wish (n, secret, ws) SELECT n, 'key-p', 'ws' || 1 + n % 3 FROM generate_series(1, 64) n;
UPDATE before SET credits = t.credits('ws1');
SELECT is((SELECT count(*) FROM pg_temp.accept() WHERE result = 'accepted'), 64::bigint, 'sixty-four');
SELECT is(pg_temp.made(), 64::bigint, 'calls');
SELECT is((SELECT count(*) FROM wish JOIN call_queue USING (call_id)), 64::bigint, 'places');
SELECT is(split_part(t.credits('ws1'), ' ', 1)::int - split_part(credits, ' ', 1)::int, 21, 'credits')
    FROM before;

-- ---- what counts against the same limits comes one by one ----

SELECT fn.limit_set('ws1', 'trial_calls', 1, false);
TRUNCATE wish;
INSERT INTO wish (n, secret, key, phone) VALUES (1, 'key-1', 'far-1', '+35312345601'),
    (2, 'key-2', 'far-2', '+35312345602'), (3, 'key-1', 'far-3', '+35312345603'), (4, 'key-2', 'home', t.phone()),
    (5, 'key-2', 'premium', '+19005550100');
UPDATE before SET credits = t.credits('ws1');
SELECT is(pg_temp.told(), 'accepted accepted again accepted again',
    'one that is new for each customer; who calls at home only does not wait');
SELECT is((SELECT string_agg(call_id, ' ' ORDER BY call_id) FROM far_calls JOIN wish USING (call_id)),
    (SELECT string_agg(call_id, ' ' ORDER BY call_id) FROM wish WHERE n < 3), 'and each is noted');
DELETE FROM wish WHERE n IN (1, 2, 4);
CREATE TEMP TABLE barred AS SELECT * FROM pg_temp.accept();
SELECT is((SELECT string_agg(result || ' ' || status || ' ' || (body::json->'detail'->>'error_code'), ', ' ORDER BY n)
    FROM barred), 'barred 429 destination_limit, barred 403 destination_denied', 'then the others are told');
SELECT is(pg_temp.made(), 0::bigint, 'there is no call of them');
SELECT is((SELECT count(*) FROM idempotency_keys WHERE key IN ('far-3', 'premium')), 0::bigint, 'their keys are free');
SELECT is(split_part(t.credits('ws1'), ' ', 1)::int - split_part(credits, ' ', 1)::int, 1, 'and one credit is taken')
    FROM before;
-- Totals of who is not there cannot be had, however often they are asked for.
SELECT is((SELECT owners FROM fn.months_hold('{nobody,ws1}', credit_month(clock_timestamp()))), '{ws1}',
    'the others are held all the same');
DELETE FROM credit_months WHERE workspace_id = 'nobody';
SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
