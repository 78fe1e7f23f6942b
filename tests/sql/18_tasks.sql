-- Tasks: accepted whole or not at all, read from their calls, cancelled at once.
BEGIN;
SELECT plan(73);

CREATE FUNCTION t.task(p_ws text, p_phones text[], p_kind task_kind DEFAULT 'campaign',
    p_delay integer DEFAULT 0, p_starts timestamptz DEFAULT NULL, p_key text DEFAULT NULL,
    p_body text DEFAULT 'body', p_credits integer DEFAULT 1, p_rank integer DEFAULT 3, p_spacing integer DEFAULT 0,
    OUT result text, OUT task_id text, OUT status integer, OUT body json)
LANGUAGE plpgsql AS $$
BEGIN
    task_id := 'task_' || lpad(nextval('t.number')::text, 26, '0');
    SELECT a.result, a.status, a.body INTO result, status, body
        FROM fn.task_accept(NULL, 'workspace', p_ws, false, NULL, p_key, 'POST /tasks',
            sha256(p_body::bytea), task_id, p_kind,
            (SELECT array_agg('call_' || lpad(nextval('t.number')::text, 26, '0'))
                FROM generate_series(1, cardinality(p_phones))),
            p_phones, 'Say hello.', 'en', '{"a": 1}', '["+15550001111"]', '+15559990000',
            'https://agent.example/voice', 'https://agent.example/status', p_rank::smallint,
            CASE p_kind WHEN 'campaign' THEN task_id WHEN 'single' THEN 'single' ELSE '' END,
            p_starts, p_delay, p_spacing, 3, p_credits, 7, 'queued', NULL, NULL) a;
END $$;
-- Its id, once accepted.
CREATE FUNCTION t.task_of(p_ws text, p_phones text[] DEFAULT NULL, p_kind task_kind DEFAULT 'campaign',
    p_starts timestamptz DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT task_id FROM t.task(p_ws, coalesce(p_phones, ARRAY[t.phone()]), p_kind,
        p_starts => p_starts) WHERE result = 'accepted'
$$;
-- The nth call of a task.
CREATE FUNCTION t.nth(p_task text, p_n integer) RETURNS text LANGUAGE sql AS $$
    SELECT call_id FROM calls WHERE task_id = p_task ORDER BY retry_no, queue_no, call_id
        OFFSET p_n - 1 LIMIT 1
$$;
-- How it stands: status, progress, message.
CREATE FUNCTION t.stand(p_ws text, p_task text) RETURNS text LANGUAGE sql AS $$
    SELECT status || ' ' || progress || ' ' || message FROM fn.task_show(p_ws, p_task, true)
$$;
CREATE FUNCTION t.result(p_ws text, p_task text) RETURNS json LANGUAGE sql AS $$
    SELECT result FROM fn.task_show(p_ws, p_task, true)
$$;

SELECT t.workspace('task-a', 5000);
SELECT t.workspace('task-b');
SELECT t.workspace('task-c', 3);
SELECT t.lead();

-- ---- a list ----

CREATE TEMP TABLE many AS
    SELECT * FROM t.task('task-a', ARRAY['+15550000003', '+15550000001', '+15550000002'], p_rank => 4,
        p_spacing => 30);
SELECT is(result || ' ' || status, 'accepted 200', 'a list is accepted') FROM many;
SELECT is(body->>'total_calls', '3', 'how many') FROM many;
SELECT is(body->>'task_id', task_id, 'its id') FROM many;
SELECT is(body->>'note', NULL, 'what is not there is left out') FROM many;
SELECT is(string_agg(c.target_phone, ' ' ORDER BY q.queue_no), '+15550000003 +15550000001 +15550000002',
    'they wait in the order of the list') FROM many m JOIN calls c USING (task_id)
    JOIN call_queue q ON q.call_id = c.call_id AND q.queue_no = c.queue_no;
SELECT is(count(*), 3::bigint, 'in a lane of their own') FROM many m JOIN call_queue q
    ON q.lane = m.task_id AND q.rank = 4 AND q.workspace_id = 'task-a';
SELECT is(count(*), 3::bigint, 'as their rows say') FROM many m JOIN calls c USING (task_id)
    WHERE c.queue_lane = m.task_id AND c.queue_rank = 4 AND c.status = 'queued' AND NOT c.direct
        AND c.from_number = '+15559990000' AND c.webhook_url = 'https://agent.example/voice'
        AND c.status_callback_url = 'https://agent.example/status' AND c.metadata->>'a' = '1'
        AND c.brief = 'Say hello.' AND c.kind = 'other';
SELECT is(kind || ' ' || spacing_s || ' ' || max_concurrent, 'campaign 30 3', 'the task')
    FROM tasks JOIN many USING (task_id);
SELECT is(t.story(t.nth(task_id, 1)), 'queued', 'the first event') FROM many;
SELECT is(data->>'previous', NULL, 'with nothing before it') FROM many JOIN call_events e
    ON e.call_id = t.nth(task_id, 1);
SELECT is(t.credits('task-a'), '3 0', 'credits are reserved for all');
SELECT is(count(*), 0::bigint, 'nothing is scheduled') FROM call_schedule WHERE workspace_id = 'task-a';

-- ---- one ----

CREATE TEMP TABLE one AS SELECT * FROM t.task('task-a', ARRAY['+15550000010'], 'single', p_rank => 2);
SELECT is((body->>'estimated_completion')::timestamptz - (body->>'created_at')::timestamptz,
    interval '60 s', 'a minute') FROM one;
SELECT matches(body->>'created_at', '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$', 'times are in seconds') FROM one;
SELECT is(q.rank || ' ' || q.lane, '2 single', 'its lane') FROM one
    JOIN call_queue q ON q.call_id = t.nth(task_id, 1);
SELECT is(body->>'total_calls', NULL, 'a count is a list''s') FROM one;

CREATE TEMP TABLE late AS SELECT * FROM t.task('task-a', ARRAY['+15550000011'], 'single', 10);
SELECT is((body->>'estimated_completion')::timestamptz - (body->>'created_at')::timestamptz,
    interval '70 s', 'the delay and a minute') FROM late;
SELECT is(c.status || ' ' || c.queue_lane || ' ' || c.queue_rank || ' ' || coalesce(c.queue_no, 0),
    'scheduled single 3 0', 'scheduled, and where it will wait') FROM late JOIN calls c USING (task_id);
SELECT is(c.starts_at - c.created_at, interval '10 s', 'exactly so long') FROM late
    JOIN calls c USING (task_id);
SELECT is(count(*), 1::bigint, 'by its time') FROM late JOIN calls c USING (task_id)
    JOIN call_schedule s ON s.call_id = c.call_id AND s.starts_at = c.starts_at
        AND s.workspace_id = 'task-a';
SELECT is(t.story(t.nth(task_id, 1)), 'scheduled', 'its first event') FROM late;
SELECT matches(t.stand('task-a', task_id), '^PENDING 0 Call is scheduled for 2.*:..Z$', 'so it stands')
    FROM late;

-- ---- one at a time ----

CREATE TEMP TABLE timed AS SELECT * FROM t.task('task-a', ARRAY['+15550000012'], 'scheduled',
    p_starts => '2036-01-15T14:00:00Z', p_rank => 1);
SELECT is(body->>'estimated_completion', '2036-01-15T14:00:00Z', 'is done then') FROM timed;
SELECT is(c.status || ' ' || c.queue_rank || ' ' || c.queue_lane, 'scheduled 1 ', 'it goes first')
    FROM timed JOIN calls c USING (task_id);
SELECT is((SELECT body->>'estimated_completion' FROM t.task('task-a', ARRAY[t.phone()], 'scheduled',
    p_starts => '2036-01-15T14:00:00.25Z')), '2036-01-15T14:00:00.250Z', 'milliseconds that were given');
SELECT is((SELECT result FROM t.task('task-a', ARRAY[t.phone()], 'scheduled',
    p_starts => clock_timestamp() - interval '1 ms')), 'past', 'the past');

-- ---- refusals ----

SELECT is((SELECT result FROM t.task('nobody', ARRAY[t.phone()])), 'unauthenticated', 'a stranger');
SELECT is((SELECT result FROM t.task('task-c', ARRAY['+15550000021', '+15550000022', '+15550000023',
    '+15550000024'], p_key => 'k')), 'no_credit', 'four calls for three credits');
SELECT is((SELECT count(*) FROM calls WHERE workspace_id = 'task-c'), 0::bigint, 'all or nothing');
SELECT is((SELECT count(*) FROM tasks WHERE workspace_id = 'task-c'), 0::bigint, 'and no task');
SELECT is(t.credits('task-c'), '0 0', 'and no credit');
SELECT is((SELECT result FROM t.task('task-c', ARRAY['+15550000021', '+15550000022', '+15550000023'],
    p_key => 'k')), 'accepted', 'the key is free; three do');
SELECT is((SELECT result FROM t.task('task-c', ARRAY['+15550000021'])), 'no_credit', 'no more');

CREATE TEMP TABLE keyed AS SELECT * FROM t.task('task-b', ARRAY['+15550000031'], p_key => 'k');
CREATE TEMP TABLE again AS SELECT * FROM t.task('task-b', ARRAY['+15550000031'], p_key => 'k');
SELECT is(result || ' ' || status, 'replay 200', 'the key again') FROM again;
SELECT is(a.body::text, k.body::text, 'the first answer') FROM again a, keyed k;
SELECT is((SELECT result FROM t.task('task-b', ARRAY['+15550000031'], p_key => 'k', p_body => 'x')),
    'conflict', 'another request');
SELECT is((SELECT count(*) FROM calls WHERE workspace_id = 'task-b'), 1::bigint, 'one call');
CREATE TEMP TABLE soon AS SELECT * FROM t.task('task-b', ARRAY[t.phone()], 'scheduled',
    p_starts => clock_timestamp() + interval '50 ms', p_key => 'soon');
SELECT pg_sleep(0.1);
SELECT is((SELECT result FROM t.task('task-b', ARRAY[t.phone()], 'scheduled',
    p_starts => clock_timestamp() - interval '1 s', p_key => 'soon')), 'replay',
    'a repetition is one also when its time has come');

UPDATE maintenance SET active = true;
SELECT is((SELECT result FROM t.task('task-b', ARRAY[t.phone()])), 'maintenance', 'maintenance');
UPDATE maintenance SET active = false;

-- ---- how a task stands ----

SELECT is(t.stand('task-a', task_id), 'PENDING 0 0 of 3 calls have ended, 0 are being made, 3 wait',
    'none has begun') FROM many;
SELECT is(t.result('task-a', task_id)->'calls'->0->>'to_number', '+15550000003', 'rows in order') FROM many;
SELECT is(t.result('task-a', task_id)->>'duplicates', '["+15550001111"]', 'duplicates') FROM many;
SELECT is(t.result('task-a', task_id)->'call_metadata'->>'a', '1', 'metadata') FROM many;
UPDATE tasks SET spacing_s = 0 WHERE workspace_id LIKE 'task-%'; -- now they may be dialed at once
SELECT t.bring(t.nth(task_id, 1), 'completed') FROM many;
SELECT is(t.stand('task-a', task_id), 'PROGRESS 33 1 of 3 calls have ended, 0 are being made, 2 wait',
    'a third') FROM many;
SELECT t.bring(t.nth(task_id, 2), 'in_progress') FROM many;
SELECT is(t.stand('task-a', task_id), 'PROGRESS 33 1 of 3 calls have ended, 1 are being made, 1 wait',
    'and one that talks') FROM many;
SELECT is(t.result('task-a', task_id)->'counts'->>'in_progress', '1', 'counts') FROM many;
SELECT t.news(c, (SELECT call_sid FROM calls WHERE call_id = c), 'completed', 9)
    FROM (SELECT t.nth(task_id, 2) AS c FROM many) x;
SELECT t.bring(t.nth(task_id, 3), 'failed') FROM many;
SELECT is(t.stand('task-a', task_id), 'SUCCESS 100 Campaign completed: 2 of 3 calls completed',
    'one that completed is enough') FROM many;
SELECT is(error, NULL, 'and no error') FROM many m, fn.task_show('task-a', m.task_id, true);

CREATE TEMP TABLE none AS SELECT t.task_of('task-a', ARRAY['+15550000041', '+15550000042']) AS task_id;
SELECT t.news(c, t.dialed(c), 'busy') FROM none, t.nth(task_id, 1) c;
SELECT t.bring(t.nth(task_id, 2), 'failed') FROM none;
SELECT is(t.stand('task-a', task_id), 'FAILURE 100 Campaign failed: none of 2 calls completed', 'none did')
    FROM none;
SELECT matches(error, '^None of 2 calls completed: 1 failed_[a-z]+, 1 failed_[a-z]+$', 'and why')
    FROM none n, fn.task_show('task-a', n.task_id, true);

SELECT is(t.stand('task-a', task_id), 'PENDING 0 Call is queued', 'one that waits') FROM one;
SELECT t.bring(t.nth(task_id, 1), 'dialing') FROM one;
SELECT is(t.stand('task-a', task_id), 'PROGRESS 50 Creating call', 'one that is dialed') FROM one;
SELECT fn.dial_result((t.attempt(t.nth(task_id, 1))).attempt_id, 'accepted', 'CAone', '', 0) FROM one;
SELECT t.news(t.nth(task_id, 1), 'CAone', 'no-answer') FROM one;
SELECT is(t.stand('task-a', task_id), 'FAILURE 100 Call failed', 'one that failed') FROM one;
SELECT is(error, 'Nobody answered.', 'and why') FROM one o, fn.task_show('task-a', o.task_id, true);

-- A retry is a call of its own, and its number's newest.
CREATE TEMP TABLE retried AS SELECT t.task_of('task-a', ARRAY['+15550000051']) AS task_id;
SELECT t.bring(t.nth(task_id, 1), 'failed') FROM retried;
CREATE TEMP TABLE retry AS SELECT t.call('task-a', p_phone => '+15550000051') AS call_id;
UPDATE calls c SET task_id = r.task_id, retry_no = 1 FROM retried r, retry y
    WHERE c.call_id = y.call_id;
SELECT is(t.stand('task-a', task_id), 'PROGRESS 0 Call is queued', 'the retry counts') FROM retried;
SELECT is(t.result('task-a', task_id)->'calls'->0->>'retries', '1', 'it is one number, tried again')
    FROM retried;

-- A task without a row is its call.
CREATE TEMP TABLE plain AS SELECT 'task_' || c AS task_id, c AS call_id FROM t.call('task-a') c;
SELECT is(t.stand('task-a', task_id), 'PENDING 0 Call is queued', 'a call by itself') FROM plain;
SELECT t.bring(call_id, 'cancelled') FROM plain;
SELECT is(t.stand('task-a', task_id), 'REVOKED 100 Task was cancelled', 'that was cancelled') FROM plain;

SELECT is(t.stand('task-b', task_id), NULL, 'another''s is none') FROM many;
SELECT is(t.stand('task-a', 'task_x'), NULL, 'nor is what does not exist');

-- ---- those that have not ended ----

SELECT t.workspace('task-d');
SELECT is((SELECT count(*) FROM fn.tasks_active('task-d', 10)), 0::bigint, 'none');
CREATE TEMP TABLE open AS SELECT 1 AS n, t.task_of('task-d') AS task_id;
INSERT INTO open SELECT 2, t.task_of('task-d', NULL, 'single');
INSERT INTO open SELECT 3, t.task_of('task-d', NULL, 'scheduled', '2036-01-01T00:00:00Z');
INSERT INTO open SELECT 4, 'task_' || t.call('task-d');
INSERT INTO open SELECT 5, t.task_of('task-d', ARRAY[t.phone(), t.phone()]);
SELECT is((SELECT array_agg(o.n) FROM fn.tasks_active('task-d', 10) WITH ORDINALITY a (task_id, no)
    JOIN open o USING (task_id)), ARRAY[5, 4, 3, 2, 1], 'all kinds, the newest first');
SELECT is((SELECT array_agg(o.n) FROM fn.tasks_active('task-d', 2) WITH ORDINALITY a (task_id, no)
    JOIN open o USING (task_id)), ARRAY[5, 4], 'so many');
SELECT t.bring(t.nth(task_id, 1), 'in_progress') FROM open WHERE n = 4;
SELECT t.bring(t.nth(task_id, 1), 'completed') FROM open WHERE n = 2;
SELECT fn.task_cancel('task-d', task_id) FROM open WHERE n = 3;
SELECT is((SELECT array_agg(o.n) FROM fn.tasks_active('task-d', 10) WITH ORDINALITY a (task_id, no)
    JOIN open o USING (task_id)), ARRAY[5, 4, 1], 'what has ended is not among them');

-- ---- the end before its time ----

CREATE TEMP TABLE ending AS SELECT t.task_of('task-d', ARRAY['+15550000061', '+15550000062',
    '+15550000063']) AS task_id;
SELECT t.bring(t.nth(task_id, 1), 'completed') FROM ending;
SELECT t.bring(t.nth(task_id, 2), 'in_progress') FROM ending;
SELECT ok(NOT fn.task_cancel('task-a', task_id), 'another''s cannot be cancelled') FROM ending;
SELECT ok(fn.task_cancel('task-d', task_id), 'cancelled') FROM ending;
SELECT is(t.stand('task-d', task_id), 'REVOKED 100 Task was cancelled: 1 of 3 calls had completed',
    'so it stands') FROM ending;
SELECT isnt((t.attempt(t.nth(task_id, 2))).hangup_at, NULL, 'what talks is hung up') FROM ending;
SELECT is((SELECT count(*) FROM call_queue WHERE lane = task_id), 0::bigint, 'nothing waits') FROM ending;
SELECT ok(NOT fn.task_cancel('task-d', task_id), 'not twice') FROM ending;
SELECT ok(NOT fn.task_cancel('task-a', task_id), 'nor what has ended') FROM many;

-- ---- health ----

SELECT is(alive || ' ' || answer, 'true accepted', 'a leader, and how the carrier answered last')
    FROM fn.task_health();
UPDATE pacer SET seen_at = clock_timestamp() - interval '11 s';
SELECT is((SELECT alive FROM fn.task_health()), false, 'not seen for long');
UPDATE pacer SET seen_at = NULL;
SELECT is((SELECT alive::text || seen_at FROM fn.task_health()), NULL, 'nobody leads');

SELECT is_empty('SELECT * FROM t.broken()', 'all holds');
SELECT * FROM finish();
ROLLBACK;
