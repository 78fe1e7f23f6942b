-- Negotiations: prices are exact, calls are made once and all or none, how they stand is read from
-- the calls, and what backends report.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.workspace('ws2'), t.workspace('poor', 2), t.lead();

-- ---- prices ----
SELECT is(fn.price(x::numeric)::text, y, x || ' is written ' || y) FROM (VALUES ('150.00', '150.0'),
    ('135.5', '135.5'), ('99.99', '99.99'), ('0', '0.0'), ('9999999999.99', '9999999999.99'),
    (NULL, NULL)) v (x, y);
SELECT is(fn.as_price(x::json)::text, y, coalesce(x, 'NULL') || ' is read as ' || coalesce(y, 'none'))
    FROM (VALUES ('150', '150.00'), ('0.1', '0.10'), ('1.5e2', '150.00'), ('1E+2', '100.00'),
    ('99.990', '99.99'), ('9999999999.99', '9999999999.99'), ('9999999999.999', NULL),
    ('10000000000', NULL), ('1e10', NULL), ('-1', NULL), ('1e-300', NULL), ('1e999999999', NULL),
    ('"1"', NULL), ('null', NULL), ('true', NULL), ('[1]', NULL), (NULL, NULL),
    ('0.' || repeat('0', 20000) || '1', NULL)) v (x, y);
-- Three times 0.1 is 0.3, and a third of a million cents are no cent more or less.
SELECT is((SELECT sum(fn.as_price('0.1'::json)) FROM generate_series(1, 3)), 0.3, 'sums are exact');
SELECT is((SELECT sum(fn.as_price('0.01'::json)) FROM generate_series(1, 333333)), 3333.33,
    'also long ones');

-- ---- jobs ----
CREATE FUNCTION pg_temp.job(p_ws text, p_phones text[], p_more text DEFAULT '') RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    v record;
BEGIN
    SELECT * INTO v FROM fn.negotiation_create(p_ws, ('{"description": "A sink"' || p_more || ', "providers": '
        || (SELECT coalesce(json_agg(json_build_object('name', 'P' || no, 'phone', phone,
            'estimated_price', 150)), '[]')
            FROM unnest(p_phones) WITH ORDINALITY u (phone, no)) || '}')::json, p_phones);
    IF v.fault IS NOT NULL THEN
        RAISE EXCEPTION '%', v.fault;
    END IF;
    RETURN v.job_id;
END $$;

-- Starts a job as a worker does; result and count.
CREATE FUNCTION pg_temp.start(p_ws text, p_job uuid, p_key text DEFAULT NULL, p_credits integer DEFAULT 1)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v record;
BEGIN
    SELECT * INTO v FROM fn.negotiation_start(NULL, 'workspace', p_ws, false, NULL, p_key, 'route',
        sha256('x'), p_job, 'task_' || p_job,
        (SELECT coalesce(json_agg(json_build_object('id', p.id, 'call_id',
            'call_' || lpad(nextval('t.number')::text, 26, '0'), 'brief', 'Ask.', 'slots',
            json_build_object('job', 'A sink'))), '[]') FROM fn.negotiation_plan(p_ws, p_job) p
            WHERE p.id IS NOT NULL), 'auto', p_credits, 7);
    RETURN concat_ws(' ', v.result, v.status, v.body::json->>'provider_count');
END $$;

CREATE FUNCTION pg_temp.stands(p_ws text, p_job uuid) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(':', v.call_status, v.negotiated_price), ' ' ORDER BY v.id)
    FROM fn.provider_view(p_ws, p_job) v
$$;

CREATE FUNCTION pg_temp.call(p_job uuid, p_no integer) RETURNS text LANGUAGE sql AS $$
    SELECT call_id FROM providers WHERE job_id = p_job ORDER BY id OFFSET p_no - 1 LIMIT 1
$$;

SELECT is((fn.negotiation_create('ws1', '{"description": "x", "providers": [{"name": "A", "phone": "1"},
    {"name": "B", "phone": "2", "estimated_price": 1.001}, {"estimated_price": -1}]}', '{1,2,3}')).fault,
    'providers[1].estimated_price must be a number from 0 to 9999999999.99 with at most two decimals',
    'the first wrong price is named');
SELECT is((SELECT count(*) FROM negotiation_jobs), 0::bigint, 'and nothing is made');

CREATE TEMP TABLE j AS SELECT pg_temp.job('ws1', ARRAY[t.phone(), t.phone(), t.phone()]) AS id,
    pg_temp.job('ws2', '{}') AS empty;
SELECT is((SELECT string_agg(result, ' ') FROM fn.negotiation_plan('ws1', id)), 'found found found', 'the plan')
    FROM j;
SELECT is((SELECT result FROM fn.negotiation_plan('ws2', id)), 'unknown', 'is nobody else''s') FROM j;
SELECT is((SELECT result FROM fn.negotiation_plan('ws2', empty)), 'empty', 'a job without providers') FROM j;
SELECT is_empty('SELECT b.* FROM j, fn.negotiation_show(''ws2'', id) b', 'nobody else sees it');
SELECT is_empty('SELECT b.* FROM j, fn.negotiation_providers(''ws2'', id, true) b', 'nor its providers');

-- ---- calls ----
SELECT is(pg_temp.stands('ws1', id), 'pending pending pending', 'before a start') FROM j;
SELECT is(pg_temp.start('ws1', id), 'accepted 200 3', 'a start') FROM j;
SELECT is(pg_temp.start('ws1', id), 'accepted 200 0', 'a second one calls nobody') FROM j;
SELECT is(pg_temp.stands('ws1', id), 'pending pending pending', 'queued') FROM j;
SELECT is((SELECT count(*) || ' ' || count(DISTINCT c.task_id) FROM calls c JOIN providers p USING (call_id)),
    '3 1', 'each has a call, all one task');
SELECT t.bring(pg_temp.call(id, 3), 'failed') FROM j;
SELECT t.dialing(pg_temp.call(id, 2)) FROM j;
SELECT is(pg_temp.stands('ws1', id), 'pending in_progress failed', 'as the calls stand') FROM j;
SELECT is(pg_temp.start('ws1', id), 'accepted 200 0', 'none while any is under way') FROM j;

CREATE TEMP TABLE a AS SELECT pg_temp.call(id, 1) AS call_id, t.answered(pg_temp.call(id, 1)) AS sid FROM j;
SELECT fn.agent_hear(call_id, NULL, sid, 0, '', NULL, 1800) FROM a;
SELECT is((SELECT call_transcript FROM j, fn.provider_view('ws1', id) LIMIT 1), NULL,
    'nothing said: no transcript');
SELECT fn.agent_said(call_id, 0, 'Hello.', '<x/>', NULL, NULL) FROM a;
SELECT fn.agent_hear(call_id, NULL, sid, 1, E'It costs\n150 dollars.', NULL, 1800) FROM a;
SELECT fn.agent_said(call_id, 1, 'Less?', '<x/>', NULL, NULL,
    '{"countered": true, "price": "150.00", "evidence": "It costs 150 dollars."}') FROM a;
SELECT is(pg_temp.stands('ws1', id), 'in_progress:150.0 in_progress failed', 'a price while it goes on')
    FROM j;
SELECT is((SELECT call_transcript FROM j, fn.provider_view('ws1', id) LIMIT 1),
    E'Agent: Hello.\nProvider: It costs 150 dollars.\nAgent: Less?', 'a line for each turn');
SELECT is((fn.agent_hear(call_id, NULL, sid, 2, 'Yes.', NULL, 1800)).learnt->>'price', '150.00',
    'the agent is told what it has learnt') FROM a;
SELECT fn.agent_said(call_id, 2, 'Thanks.', '<x/>', 'success_no_booking', 'Said.',
    '{"price": "135.50", "evidence": "Yes."}') FROM a;
SELECT t.news(call_id, sid, 'completed', 10) FROM a;
SELECT is((SELECT negotiated_price || ' ' || price_evidence FROM providers JOIN a USING (call_id)),
    '135.50 Yes.', 'the price stays with the provider');
SELECT t.bring(pg_temp.call(id, 2), 'cancelled') FROM j;
SELECT is(pg_temp.stands('ws1', id), 'completed:135.5 failed failed', 'after all have ended') FROM j;
SELECT is(pg_temp.start('ws1', id), 'accepted 200 2', 'those that came to nothing are called again')
    FROM j;

-- Slots and what was learnt are free text: the call must end whatever stands there.
SELECT is(fn.learnt_price(x::json), NULL, 'no price in ' || x) FROM (VALUES ('1'), ('[]'), ('{}'), ('null'),
    ('{"price": 1e400}'), ('{"price": "a"}'), ('{"price": {}}'), ('{"price": "1.001"}'),
    ('{"price": "-1"}'), ('{"offer": "1"}')) v (x);

-- Outcomes that are no conversation.
SELECT is(fn.provider_status((SELECT p FROM providers p JOIN a USING (call_id)), 'completed', o::call_outcome), s,
    o || ' is ' || s) FROM (VALUES ('success_no_booking', 'completed'), ('success_refused', 'completed'),
    ('failed_voicemail', 'failed'), ('failed_short_hangup', 'failed')) v (o, s);

-- ---- all or none ----
CREATE TEMP TABLE k AS SELECT pg_temp.job('poor', ARRAY[t.phone(), t.phone(), t.phone()]) AS id;
SELECT is(pg_temp.start('poor', id, 'key'), 'no_credit', 'not enough for all') FROM k;
SELECT is((SELECT count(*) FROM calls WHERE workspace_id = 'poor'), 0::bigint, 'nobody is called');
SELECT is(t.credits('poor'), '0 0', 'nothing is reserved');
SELECT is((SELECT count(*) FROM idempotency_keys WHERE workspace_id = 'poor'), 0::bigint,
    'the key is free again');
SELECT is((SELECT sum(starts) FROM providers JOIN k ON k.id = job_id), 0::bigint, 'nobody was started');
UPDATE workspaces SET quota = 3 WHERE workspace_id = 'poor';
SELECT is(pg_temp.start('poor', id, 'key'), 'accepted 200 3', 'then enough') FROM k;
SELECT is(pg_temp.start('poor', id, 'key'), 'replay 200 3', 'and the first answer again') FROM k;

-- ---- retention ----
UPDATE calls SET ended_at = clock_timestamp() - interval '100 days' FROM a
    WHERE calls.call_id = a.call_id;
SELECT fn.providers_detach(ARRAY[call_id]) FROM a;
SELECT is(split_part(pg_temp.stands('ws1', id), ' ', 1), 'completed:135.5',
    'how it ended outlives the call') FROM j;

-- ---- an external backend ----
CREATE TEMP TABLE e AS SELECT pg_temp.job('ws1', ARRAY[t.phone(), t.phone()]) AS id;
CREATE TEMP TABLE s AS SELECT b.* FROM e, fn.start_begin('ws1', id, 'https://x/y') b;
SELECT is(result || ' ' || (body::json#>>'{providers,1,estimated_price}') || ' '
    || (body::json->>'update_url'), 'ask 150.0 https://x/y', 'what it is sent') FROM s;
SELECT is(result, 'nobody', 'a second start meanwhile') FROM e, fn.start_begin('ws1', id, 'u') b;
SELECT fn.start_end('ws1', id, s.ids::bigint[], false) FROM e, s;
SELECT is(b.request, s.request, 'again after a failure: the same request')
    FROM s, e, fn.start_begin('ws1', id, 'u') b;
SELECT is(fn.start_end('ws1', id, s.ids::bigint[], true), 2, 'taken') FROM e, s;
SELECT is(result, 'nobody', 'and then nobody is left') FROM e, fn.start_begin('ws1', id, 'u') b;
SELECT is(result, 'unknown', 'another''s job') FROM e, fn.start_begin('ws2', id, 'u') b;

CREATE FUNCTION pg_temp.report(p_said text, p_ws text DEFAULT 'ws1', p_trusted boolean DEFAULT false)
RETURNS text LANGUAGE sql AS $$
    SELECT r.result FROM (SELECT min(p.id) AS id, e.id AS job FROM e JOIN providers p ON p.job_id = e.id
        GROUP BY e.id) x, fn.provider_report(p_ws, p_trusted, x.job, x.id, p_said::json) r
$$;
SELECT is(pg_temp.report('{"call_status": "in_progress"}'), 'taken', 'a report');
SELECT is(pg_temp.report('{"call_status": "completed", "negotiated_price": 0.3}', NULL, true), 'taken',
    'by the backend itself');
SELECT is(pg_temp.report('{"call_status": "pending"}'), 'taken', 'one that is late');
SELECT is(pg_temp.report('{}', 'ws2'), 'unknown', 'one of somebody else');
SELECT is(pg_temp.report('{"negotiated_price": 1.001}'), 'invalid', 'no price');
SELECT is(pg_temp.stands('ws1', id), 'completed:0.3 pending', 'as reported') FROM e;
SELECT is(r.result, 'ours', 'on a call of our own') FROM providers p JOIN k ON k.id = p.job_id,
    fn.provider_report('poor', false, p.job_id, p.id, '{"negotiated_price": 1}') r LIMIT 1;

-- ---- being one ----
CREATE FUNCTION pg_temp.take(p_ids integer[]) RETURNS uuid LANGUAGE sql AS $$
    SELECT (fn.negotiation_take_over('ws2', '7', 'https://o/7', true, json_build_object('job',
        json_build_object('description', 'A sink', 'max_price', 200.5), 'providers',
        (SELECT json_agg(json_build_object('id', i, 'name', 'P', 'phone', '+1')) FROM unnest(p_ids) i)),
        (SELECT array_agg(t.phone()) FROM unnest(p_ids)))).job_id
$$;
CREATE TEMP TABLE r AS SELECT pg_temp.take('{1,2}') AS id;
SELECT is(pg_temp.take('{2,3}'), id, 'taken over twice, it is one job') FROM r;
SELECT is((SELECT string_agg(remote_id, ' ' ORDER BY id) FROM providers WHERE job_id = r.id), '1 2 3',
    'with each provider once') FROM r;
SELECT is_empty('SELECT * FROM fn.reports_due(10)', 'before the start nothing is told');
SELECT is(pg_temp.start('ws2', id), 'accepted 200 3', 'started') FROM r;
UPDATE providers SET report_at = clock_timestamp() WHERE report_at IS NOT NULL;
CREATE TEMP TABLE d AS SELECT * FROM fn.reports_due(10);
SELECT is((SELECT string_agg(url || ' ' || keyed || ' ' || (body::json->>'call_status') || ' ' || final, ', '
    ORDER BY url) FROM d WHERE url LIKE '%/1'), 'https://o/7/1 true pending false', 'a report');
SELECT is_empty('SELECT * FROM fn.reports_due(10)', 'leased');
SELECT fn.report_result(id, workspace_id, call_id, body, final, 200, 0) FROM d;
UPDATE providers SET report_at = clock_timestamp() WHERE report_at IS NOT NULL;
SELECT is_empty('SELECT * FROM fn.reports_due(10)', 'nothing new');
SELECT t.bring(pg_temp.call(id, 1), 'failed') FROM r;
UPDATE providers SET report_at = clock_timestamp() WHERE report_at IS NOT NULL;
TRUNCATE d;
INSERT INTO d SELECT * FROM fn.reports_due(10);
SELECT is((SELECT string_agg(body::json->>'call_status' || ' ' || final, ' ') FROM d), 'failed true', 'the end');
SELECT fn.report_result(id, workspace_id, call_id, body, final, 0, 0) FROM d;
SELECT ok(p.report_at BETWEEN clock_timestamp() + interval '3 s' AND clock_timestamp() + interval '7 s'
    AND p.report_tries = 1, 'is told again when it was lost') FROM providers p JOIN d USING (id);
SELECT fn.report_result(id, workspace_id, call_id, body, final, 500, 60) FROM d;
SELECT ok(p.report_at > clock_timestamp() + interval '50 s', 'later when that is asked for')
    FROM providers p JOIN d USING (id);
SELECT fn.report_result(id, workspace_id, 'call_other', body, final, 200, 0) FROM d;
SELECT ok(p.report_at IS NOT NULL, 'an old call''s end is not the new one''s')
    FROM providers p JOIN d USING (id);
SELECT fn.report_result(id, workspace_id, call_id, body, final, 404, 0) FROM d;
SELECT is(p.report_at, NULL, 'never again to who does not want it') FROM providers p JOIN d USING (id);

-- ---- prices that a language model reads ----

CREATE TEMP TABLE u AS SELECT pg_temp.job('ws1', ARRAY[t.phone()], ', "max_price": 200') AS id;
SELECT pg_temp.start('ws1', id) FROM u;
CREATE TEMP TABLE v AS SELECT pg_temp.call(id, 1) AS call_id, t.answered(pg_temp.call(id, 1)) AS sid FROM u;
SELECT fn.agent_hear(call_id, NULL, sid, 0, '', NULL, 1800) FROM v;
SELECT fn.agent_said(call_id, 0, 'What is the price? 99?', '<x/>', NULL, NULL) FROM v;
SELECT fn.agent_hear(call_id, NULL, sid, 1, 'A gross  of them.', NULL, 1800) FROM v;
SELECT fn.agent_said(call_id, 1, 'Thanks.', '<x/>', 'success_no_booking', 'Said.') FROM v;
SELECT is_empty('SELECT * FROM fn.prices_due(10)', 'nothing is read while they talk');
SELECT t.news(call_id, sid, 'completed', 10) FROM v;
CREATE TEMP TABLE w AS SELECT * FROM fn.prices_due(10);
SELECT is((SELECT transcript FROM w), E'Agent: What is the price? 99?\nProvider: A gross of them.\nAgent: Thanks.',
    'what was said');
SELECT is_empty('SELECT * FROM fn.prices_due(10)', 'leased');
SELECT is(fn.price_read(id, workspace_id, call_id, price, sentence, NULL), false, price || ' ' || sentence)
    FROM w, (VALUES ('144', 'He never said that.'), ('99', 'What is the price? 99?'), ('201', 'A gross of them.'),
    ('-1', 'A gross of them.'), ('1e2', 'A gross of them.'), ('144', ''), ('144', ' ')) x (price, sentence);
SELECT is(fn.price_read(id, workspace_id, call_id, NULL, NULL, NULL), false, 'none') FROM w;
SELECT is(fn.price_read(id, workspace_id, 'call_other', '144', 'A gross of them.', NULL), false, 'an older call')
    FROM w;
SELECT is((SELECT negotiated_price FROM providers JOIN w USING (id)), NULL, 'nothing is made up');
SELECT is(fn.price_read(id, workspace_id, call_id, NULL, NULL, 30), false, 'not read') FROM w;
SELECT ok(p.read_at BETWEEN clock_timestamp() + interval '20 s' AND clock_timestamp() + interval '31 s',
    'once more, later') FROM providers p JOIN w USING (id);
SELECT is(fn.price_read(id, workspace_id, call_id, '144', E'A gross\nof them.', NULL), true, 'proved') FROM w;
SELECT is((SELECT negotiated_price || ' ' || price_evidence FROM providers JOIN w USING (id)),
    '144.00 A gross of them.', 'and kept');
UPDATE providers SET negotiated_price = NULL, read_tries = 4, read_at = clock_timestamp() FROM w
    WHERE providers.id = w.id;
SELECT is((SELECT count(*) FROM fn.prices_due(10)), 1::bigint, 'a fifth time');
SELECT is((SELECT read_at FROM providers JOIN w USING (id)), NULL, 'and never again');

SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
