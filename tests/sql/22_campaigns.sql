-- Campaigns: who is called again and who is not, what stops them, and what their owner sees.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1', 100000), t.workspace('ws2', 100000), t.workspace('ws3', 1), t.lead();

-- A campaign of so many numbers, without spacing; its id.
CREATE FUNCTION pg_temp.campaign(p_ws text, p_count integer, p_max integer DEFAULT 0,
    p_on call_outcome[] DEFAULT NULL, p_each json DEFAULT NULL, p_more text DEFAULT NULL,
    p_name text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_task text := 'task_' || lpad(nextval('t.number')::text, 26, '0');
    a record;
BEGIN
    SELECT * INTO a FROM fn.task_accept(NULL, 'workspace', p_ws, false, NULL, NULL, 'r', 'f', v_task,
        'campaign', ARRAY(SELECT fn.call_id() FROM generate_series(1, p_count)),
        ARRAY(SELECT t.phone() FROM generate_series(1, p_count)), 'Say hello.', 'en', '{"a": 1}', NULL,
        '+15550199', 'https://agent.example/', 'https://news.example/', 2::smallint, v_task, NULL, 0,
        0, NULL, 1, 7, 'queued', 1, NULL, p_name => p_name, p_retry_max => p_max,
        p_retry_after_s => 60, p_retry_on => p_on, p_window_from => '09:00', p_window_to => '17:00',
        p_window_days => '{1,2}', p_zone => 'Europe/Berlin', p_each => p_each, p_more => p_more);
    IF a.result <> 'accepted' THEN
        RAISE EXCEPTION '%', a.result;
    END IF;
    UPDATE tasks SET window_from = NULL, window_to = NULL WHERE task_id = v_task; -- at any time
    INSERT INTO answers VALUES (v_task, a.body::json);
    RETURN v_task;
END $$;
CREATE TEMP TABLE answers (task_id text, body json);
-- The nth waiting call of a campaign.
CREATE FUNCTION pg_temp.next(p_task text) RETURNS text LANGUAGE sql AS $$
    SELECT call_id FROM calls WHERE task_id = p_task AND status = 'queued' ORDER BY queue_no LIMIT 1
$$;
-- Ends the next call of a campaign as the carrier says; its id.
CREATE FUNCTION pg_temp.ends(p_task text, p_status text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_call text := pg_temp.next(p_task);
BEGIN
    PERFORM t.news(v_call, t.dialed(v_call), p_status, 10);
    RETURN v_call;
END $$;
CREATE FUNCTION pg_temp.retry(p_task text) RETURNS calls LANGUAGE sql AS $$
    SELECT c FROM calls c WHERE task_id = p_task AND retry_no > 0 ORDER BY retry_no DESC LIMIT 1
$$;
-- Brings what is scheduled into the queue, as if its time had come.
CREATE FUNCTION pg_temp.wake(p_task text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE call_schedule s SET starts_at = clock_timestamp() - interval '1 s' FROM calls c
        WHERE c.call_id = s.call_id AND c.task_id = p_task;
    UPDATE calls SET starts_at = s.starts_at FROM call_schedule s WHERE calls.call_id = s.call_id;
    PERFORM fn.calls_wake('-infinity', 100);
END $$;
CREATE FUNCTION pg_temp.stand(p_ws text, p_task text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', status, progress, paused_why) FROM fn.campaign_show(p_ws, p_task)
$$;

CREATE FUNCTION pg_temp.plan(p_statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL enable_seqscan = off;
    RETURN QUERY EXECUTE 'EXPLAIN ' || p_statement;
END $$;

-- Ids as the product's own, in the order of time.
CREATE TEMP TABLE ids AS SELECT n, fn.call_id() AS id FROM generate_series(1, 100) n;
SELECT is(count(DISTINCT id) || ' ' || bool_and(id ~ '^call_[0-7][0-9a-hjkmnp-tv-z]{25}$'), '100 true',
    'ids') FROM ids;
SELECT is(bool_and(left(id, 13) >= before), true, 'sort by time')
    FROM (SELECT id, lag(left(id, 13)) OVER (ORDER BY n) AS before FROM ids) x;

-- What is kept of a campaign.
CREATE TEMP TABLE a AS SELECT pg_temp.campaign('ws1', 2, p_each => '[{"x": 1}, {"x": 2}]',
    p_more => '{"more": [1]}', p_name => 'Spring') AS id;
SELECT is((SELECT string_agg(c.metadata->>'x', ' ' ORDER BY queue_no) FROM calls c, a WHERE task_id = id),
    '1 2', 'metadata of each');
SELECT is((SELECT bool_and(zones = '{Europe/Berlin}') FROM calls, a WHERE task_id = id), true, 'zone');
SELECT is((SELECT (body->>'more') || (body->>'total_calls') FROM answers JOIN a ON id = task_id), '[1]2',
    'what is added to the answer');
UPDATE tasks SET window_from = '09:00', window_to = '17:00' FROM a WHERE task_id = id;
SELECT is((SELECT concat_ws(' ', name, status, counts->>'queued', paused, delay_between_calls,
    max_concurrent_calls, retries::jsonb, calling_window::jsonb, call_metadata, duplicates)
    FROM a, fn.campaign_show('ws1', id)), 'Spring PENDING 2 f 0 {"on": ["busy", "no_answer", "failed"],'
    ' "max": 0, "after_seconds": 60} {"to": "17:00", "days": [1, 2], "from": "09:00"} {"a": 1} []', 'shown');
SELECT is_empty('SELECT FROM a, fn.campaign_show(''ws2'', id)', 'not to another');
SELECT is_empty('SELECT FROM fn.campaign_show(''ws1'', (SELECT task_id FROM calls WHERE call_id ='
    ' t.call(''ws1'')))', 'a call is none');

-- Retries: off unless asked for.
CREATE TEMP TABLE b AS SELECT pg_temp.campaign('ws1', 1) AS id;
SELECT pg_temp.ends(id, 'busy') FROM b;
SELECT is((SELECT count(*) FROM calls, b WHERE task_id = id), 1::bigint, 'none');
SELECT is(pg_temp.stand('ws1', id), 'FAILURE 100', 'the end') FROM b;

-- Again and again up to the cap: a new call, its own credit, later, the same in all else.
CREATE TEMP TABLE c AS SELECT pg_temp.campaign('ws2', 1, 2) AS id;
CREATE TEMP TABLE c1 AS SELECT pg_temp.ends(id, 'busy') AS call_id FROM c;
SELECT is(t.credits('ws2'), '1 0', 'one released, one reserved');
SELECT is(pg_temp.stand('ws2', id), 'PROGRESS 0', 'it goes on') FROM c;
SELECT results_eq('SELECT (pg_temp.retry(id)).retry_no, t.story((pg_temp.retry(id)).call_id) FROM c',
    $$VALUES (1, 'scheduled')$$, 'the first');
SELECT is(extract(epoch FROM (pg_temp.retry(id)).starts_at - clock_timestamp()) BETWEEN 58 AND 60, true,
    'in a minute') FROM c;
SELECT is(ROW(r.target_phone, r.from_number, r.webhook_url, r.status_callback_url, r.queue_rank, r.queue_lane,
    r.brief, r.metadata::text, r.zones, r.price_cents)::text, ROW(o.target_phone, '+15550199',
    'https://agent.example/', 'https://news.example/', 2::smallint, id, 'Say hello.', '{"a": 1}',
    '{Europe/Berlin}'::text[], 7)::text, 'alike')
    FROM c, c1 JOIN calls o USING (call_id), pg_temp.retry((SELECT id FROM c)) r;
SELECT is(outcome_summary, 'The line was busy.', 'and no word of it') FROM calls JOIN c1 USING (call_id);
SELECT pg_temp.wake(id) FROM c;
SELECT pg_temp.ends(id, 'no-answer') FROM c;
SELECT is((pg_temp.retry(id)).retry_no, 2, 'the second') FROM c;
SELECT pg_temp.wake(id) FROM c;
SELECT pg_temp.ends(id, 'failed') FROM c;
SELECT is((SELECT count(*) FROM calls WHERE task_id = id), 3::bigint, 'no third') FROM c;
SELECT is(pg_temp.stand('ws2', id), 'FAILURE 100', 'the end') FROM c;
SELECT is((counts->>'total') || (counts->>'failed'), '11', 'one number') FROM c, fn.campaign_show('ws2', id);
SELECT is(t.credits('ws2'), '0 0', 'nothing is left reserved');

-- Not for any end: only those that were named, that the carrier told, and while it is not cancelled.
CREATE TEMP TABLE d AS SELECT v.*, pg_temp.campaign('ws1', 1, 3, v.outcomes::call_outcome[]) AS id FROM (VALUES
    ('busy', '{failed_busy}', true), ('no-answer', '{failed_busy}', false),
    ('failed', '{failed_busy,failed_no_answer}', false), ('failed', '{failed_technical}', true),
    ('completed', '{failed_busy,failed_no_answer,failed_technical}', false),
    ('canceled', '{failed_technical}', true)) v (said, outcomes, again);
SELECT pg_temp.ends(id, said) FROM d;
SELECT is((SELECT count(*) = 2 FROM calls WHERE task_id = id), again, said || outcomes) FROM d;
CREATE TEMP TABLE e AS SELECT w, pg_temp.campaign('ws1', 1, 3) AS id FROM unnest(ARRAY['refused', 'cancel', 'lost',
    'expired', 'task']) w;
SELECT t.bring(pg_temp.next(id), CASE w WHEN 'refused' THEN 'failed' WHEN 'cancel' THEN 'cancelled'
    WHEN 'lost' THEN 'dial_unknown' WHEN 'expired' THEN 'expired' ELSE 'dialing' END) FROM e;
UPDATE attempts a SET deadline_at = clock_timestamp() FROM calls c, e WHERE a.call_id = c.call_id
    AND c.task_id = e.id AND w = 'lost';
SELECT fn.watch_not_found(attempt_id) FROM calls JOIN e ON task_id = id WHERE w = 'lost';
SELECT is(fn.task_cancel('ws1', id), true, 'cancelled') FROM e WHERE w = 'task';
-- What the carrier says of a call whose campaign was cancelled meanwhile.
CREATE TEMP TABLE late AS SELECT pg_temp.campaign('ws1', 1, 3) AS id;
CREATE TEMP TABLE late_leg AS SELECT call_id, t.dialed(call_id) AS sid FROM late, pg_temp.next(id) call_id;
UPDATE tasks SET cancelled_at = clock_timestamp() FROM late WHERE task_id = id;
SELECT t.news(call_id, sid, 'busy', 0) FROM late_leg;
SELECT is(t.outcome(call_id), 'failed failed_busy', 'its end is told') FROM late_leg;
SELECT is((SELECT count(*) FROM calls JOIN late ON task_id = id), 1::bigint, 'nobody is called again for it');
SELECT is((SELECT count(*) FROM calls WHERE task_id = id), CASE w WHEN 'refused' THEN 2 ELSE 1 END::bigint, w)
    FROM e;
SELECT is(t.outcome(call_id), 'failed failed_technical', 'lost') FROM calls JOIN e ON task_id = id
    WHERE w = 'lost';

-- Without a credit there is no retry, and that is said; the credit of the call that ended will do.
CREATE TEMP TABLE f AS SELECT pg_temp.campaign('ws3', 1, 5) AS id;
SELECT pg_temp.ends(id, 'busy') FROM f;
SELECT is((pg_temp.retry(id)).retry_no, 1, 'the same credit') FROM f;
SELECT pg_temp.wake(id) FROM f;
UPDATE workspaces SET quota = 0 WHERE workspace_id = 'ws3';
CREATE TEMP TABLE f1 AS SELECT pg_temp.ends(id, 'busy') AS call_id FROM f;
SELECT is((SELECT count(*) FROM calls WHERE task_id = id), 2::bigint, 'none') FROM f;
SELECT is(outcome_summary, 'The line was busy. Not called again: there is no credit left.', 'said')
    FROM calls JOIN f1 USING (call_id);
SELECT is(data->>'summary', 'The line was busy. Not called again: there is no credit left.', 'told')
    FROM call_events JOIN f1 USING (call_id) WHERE event_type = 'outcome';
SELECT is(pg_temp.stand('ws3', id), 'FAILURE 100', 'the end') FROM f;

-- The circuit breaker: half of at least 10, of the newest 20; counted anew after it went on.
CREATE TEMP TABLE g AS SELECT pg_temp.campaign('ws1', 100) AS id;
SELECT pg_temp.ends(id, 'failed') FROM g, generate_series(1, 9);
SELECT is(pg_temp.stand('ws1', id), 'PROGRESS 9', 'nine') FROM g;
SELECT pg_temp.ends(id, 'busy') FROM g;
SELECT is(pg_temp.stand('ws1', id), 'PROGRESS 10 circuit_breaker', 'ten') FROM g;
SELECT is((SELECT result || ' ' || coalesce(reason, '') FROM calls, pacer p, fn.dial_claim(p.epoch, queue_no, 0, 1,
    9, NULL) d WHERE calls.call_id = pg_temp.next(id)), 'held paused', 'nothing is dialed') FROM g;
SELECT is(next_dial_at, NULL, 'at no time') FROM g, fn.campaign_show('ws1', id);
SELECT is(fn.campaign_pause('ws1', id, true), 'done', 'pause') FROM g;
SELECT is(pg_temp.stand('ws1', id), 'PROGRESS 10 circuit_breaker', 'for the first reason') FROM g;
SELECT is(fn.campaign_pause('ws1', id, false), 'done', 'resume') FROM g;
SELECT is(pg_temp.stand('ws1', id), 'PROGRESS 10', 'it goes on') FROM g;
SELECT pg_temp.ends(id, 'failed') FROM g, generate_series(1, 9);
SELECT is(pg_temp.stand('ws1', id), 'PROGRESS 19', 'and counts anew') FROM g;
SELECT pg_temp.ends(id, 'completed') FROM g, generate_series(1, 1);
SELECT is(pg_temp.stand('ws1', id), 'PROGRESS 20 circuit_breaker', 'to the same end') FROM g;
CREATE TEMP TABLE h AS SELECT pg_temp.campaign('ws1', 100) AS id;
SELECT pg_temp.ends(id, CASE WHEN n % 20 < 11 THEN 'completed' ELSE 'failed' END) FROM h,
    generate_series(0, 39) n;
SELECT is(pg_temp.stand('ws1', id), 'PROGRESS 40', 'nine of twenty are not half') FROM h;
SELECT t.bring(pg_temp.next(id), 'cancelled') FROM h, generate_series(1, 20); -- never dialed: not counted
SELECT is(pg_temp.stand('ws1', id), 'PROGRESS 60', 'nor is what was never dialed') FROM h;
SELECT pg_temp.ends(id, 'failed') FROM h;
SELECT is(pg_temp.stand('ws1', id), 'PROGRESS 61 circuit_breaker', 'ten of twenty are') FROM h;
SELECT matches((SELECT string_agg(x, ' ') FROM pg_temp.plan('SELECT FROM calls e WHERE e.queue_lane = ''t'''
    ' AND e.queue_lane NOT IN ('''', ''single'') AND e.dials > 0 AND e.ended_at > now() ORDER BY e.ended_at'
    ' DESC LIMIT 20') x), 'calls_lane_ended', 'by its index');

-- Pause and resume by the owner, any number of times; what is over has neither.
CREATE TEMP TABLE i AS SELECT pg_temp.campaign('ws1', 2) AS id;
SELECT is(fn.campaign_pause('ws2', id, true), 'unknown', 'another''s') FROM i;
SELECT is(fn.campaign_pause('ws1', 'task_x', true), 'unknown', 'none');
SELECT is(fn.campaign_pause('ws1', id, false), 'done', 'runs already') FROM i;
SELECT is(resumed_at, NULL, 'and did not pause') FROM tasks JOIN i ON id = task_id;
SELECT is(fn.campaign_pause('ws1', id, true), 'done', 'paused') FROM i, generate_series(1, 2);
SELECT is(pg_temp.stand('ws1', id), 'PENDING 0 customer', 'so') FROM i;
SELECT is(fn.campaign_pause('ws1', id, false), 'done', 'resumed') FROM i, generate_series(1, 2);
SELECT is(pg_temp.stand('ws1', id), 'PENDING 0', 'so') FROM i;
SELECT fn.task_cancel('ws1', id) FROM i;
SELECT is(fn.campaign_pause('ws1', id, true), 'over', 'cancelled') FROM i;
SELECT is(fn.campaign_pause('ws1', id, true), 'over', 'ended') FROM b;

-- The list: newest first, by pages.
SELECT results_eq('SELECT * FROM fn.campaigns_list(''ws1'', NULL, 3)',
    'SELECT id FROM (VALUES (1, (SELECT id FROM i)), (2, (SELECT id FROM h)), (3, (SELECT id FROM g))) v (n, id)'
    ' ORDER BY n', 'newest first');
SELECT results_eq('SELECT * FROM fn.campaigns_list(''ws1'', (SELECT id FROM h), 1)', 'SELECT id FROM g', 'a page');
SELECT is((SELECT count(*) FROM fn.campaigns_list('ws2', NULL, 9)), 1::bigint, 'its own');

SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
