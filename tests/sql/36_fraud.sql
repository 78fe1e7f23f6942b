-- Toll fraud: which numbers may be called, how many of what is new, and what stops dialing. When calls are
-- accepted, and once more when they are dialed.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1', 100000), t.workspace('ws2', 100000), t.workspace('ws3', 100000),
    t.workspace('old', 100000), t.lead();

-- What becomes of a call to that number: the result, or the code of what bars it and its status.
CREATE FUNCTION pg_temp.tries(p_ws text, p_number text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE a.result WHEN 'barred' THEN a.status || ' ' || (a.body::json->'detail'->>'error_code')
        ELSE a.result END FROM t.accept(p_ws, p_phone => p_number) a
$$;
CREATE FUNCTION pg_temp.message(p_ws text, p_number text) RETURNS text LANGUAGE sql AS $$
    SELECT a.body::json->'detail'->>'message' FROM t.accept(p_ws, p_phone => p_number) a
$$;
CREATE FUNCTION pg_temp.where_is(p_number text, p_ws text DEFAULT 'ws1') RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', region, prefix, CASE WHEN allow THEN 'allow' WHEN NOT allow THEN 'deny' END, rule_of)
        FROM fn.destination(p_ws, p_number)
$$;
-- Why a waiting call may not be dialed now, by the claim's own question.
CREATE FUNCTION pg_temp.holds(p_call text) RETURNS text LANGUAGE sql AS $$
    SELECT h.reason FROM calls c, fn.call_holds(c, 1000) h WHERE c.call_id = p_call
$$;
CREATE FUNCTION pg_temp.stopped(p_ws text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN guarded THEN 'guard: ' ELSE 'person: ' END || coalesce(reason, '')
        FROM dialing_stops WHERE workspace_id = p_ws
$$;

-- ---- where a number lies, and which rule is about it ----

SELECT is(pg_temp.where_is(number), said, number || ': ' || said) FROM (VALUES
    ('+12025550143', 'US'), ('+14165550143', 'US'), ('+18765550143', 'JM'), ('+17875550143', 'PR'),
    ('+19005550100', 'US +1900 deny '), ('+442079460018', 'GB'), ('+449012345678', 'GB +4490 deny '),
    ('+79161234567', 'RU'), ('+77011234567', 'KZ'), ('+37441467478', 'AM'), ('+5355512345', 'CU'),
    ('+88233555678', '001 +882 deny '), ('+870773123456', '001 +870 deny '), ('+979123456789', '001 +979 deny '),
    ('+999999999999999', 'ZZ')) v (number, said);
SELECT is((SELECT count(*) FROM call_rules WHERE workspace_id = '' AND allow), 0::bigint,
    'nothing is opened as it is delivered');
SELECT is((SELECT count(*) FROM unnest(ARRAY['+1900', '+1976', '+870', '+878', '+881', '+882', '+883', '+979',
    '+4490', '+4484', '+49900', '+3389']) p JOIN call_rules r ON r.prefix = p AND NOT r.allow
    AND r.workspace_id = ''), 12::bigint, 'premium rate, shared cost and networks without a country are denied');

SELECT is(fn.rule_set('ws1', '+1876555', true, 3, 'a friend'), 'set', 'a rule for a workspace');
SELECT is(pg_temp.where_is('+18765550143'), 'JM +1876555 allow ws1', 'its numbers');
SELECT is(pg_temp.where_is('+18764550143'), 'JM', 'not the others of the country');
SELECT is(pg_temp.where_is('+18765550143', 'ws2'), 'JM', 'not another workspace''s');
SELECT is(fn.rule_set(NULL, 'JM', false, NULL, NULL), 'set', 'a country for all');
SELECT is(pg_temp.where_is('+18764550143', ws), 'JM +1876 deny ', 'binds ' || ws)
    FROM unnest('{ws1,ws2}'::text[]) ws;
SELECT is(pg_temp.where_is('+16585550143'), 'JM +1658 deny ', 'all of its area codes');
SELECT is(pg_temp.where_is('+18765550143'), 'JM +1876555 allow ws1', 'the longest prefix decides');
SELECT fn.rule_set('ws2', 'JM', true, NULL, NULL);
SELECT is(pg_temp.where_is('+18764550143', 'ws2'), 'JM +1876 allow ws2', 'of two alike the workspace''s own');
SELECT fn.rule_set(NULL, '+1', true, NULL, NULL);
SELECT is(pg_temp.where_is('+12425550143'), 'BS', '+1 is not the Bahamas');
SELECT is(pg_temp.where_is('+12025550143'), 'US +1 allow ', 'it is the United States and Canada');
SELECT is(pg_temp.where_is('+19005550143'), 'US +1900 deny ', 'but not their premium numbers');
SELECT is(fn.rule_remove(NULL, '+1'), 'removed', 'a rule goes');
SELECT is(fn.rule_remove(NULL, '+1'), 'none', 'once');
SELECT fn.rule_set('ws3', 'all', true, NULL, NULL);
SELECT is(pg_temp.where_is('+18764550143', 'ws3'), 'JM +1876 deny ', 'all is the shortest prefix');
SELECT is(pg_temp.where_is('+442079460018', 'ws3'), 'GB + allow ws3', 'and every number''s');
SELECT fn.rule_remove('ws3', 'all');
SELECT is(fn.rule_set('nobody', 'JM', true, NULL, NULL), 'workspace_unknown', 'no such workspace');
SELECT is(fn.rule_set(NULL, target, true, NULL, NULL), 'target_unknown', 'no such target: ' || target)
    FROM unnest('{XX,+0,+123456789,1876,jm,"",+}'::text[]) target;
SELECT throws_ok($$INSERT INTO call_rules VALUES ('', '+01', false)$$, '23514', NULL, 'no prefix begins with 0');
SELECT is(fn.rule_remove('ws1', '+1876555') || fn.rule_remove('ws2', 'JM') || fn.rule_remove(NULL, 'JM'),
    'removedremovedremoved', 'all as before');

-- ---- accepting: what is forbidden, and what is new ----

SELECT is(pg_temp.tries('ws1', '+19005550100'), '403 destination_denied', 'premium numbers are refused');
SELECT is(pg_temp.message('ws1', '+19005550100'),
    'The number begins with +1900, and such numbers may not be called.', 'it says which');
SELECT is((SELECT count(*) FROM calls WHERE workspace_id = 'ws1'), 0::bigint, 'no call');
SELECT is(t.credits('ws1'), '0 0', 'no credit');
SELECT is((SELECT count(*) FROM far_calls WHERE workspace_id = 'ws1'), 0::bigint, 'nothing noted');
SELECT is((SELECT a.result FROM t.accept('ws1', 'key-1', p_phone => '+19005550100') a), 'barred', 'with a key');
SELECT is((SELECT a.result FROM t.accept('ws1', 'key-1') a), 'accepted', 'the key is free again');

SELECT is((SELECT count(*) FROM generate_series(1, 300) i WHERE pg_temp.tries('ws1', '+1202555' || (1000 + i))
    = 'accepted'), 300::bigint, 'calls at home are not counted');
SELECT is((SELECT count(*) FROM far_calls WHERE workspace_id = 'ws1'), 0::bigint, 'nor noted');

CREATE TEMP TABLE tried AS SELECT i, pg_temp.tries('ws1', '+44207946' || (1000 + i)) AS became
    FROM generate_series(1, 12) i ORDER BY i;
SELECT is((SELECT string_agg(became, ' ' ORDER BY i) FROM tried WHERE i <= 10),
    trim(repeat('accepted ', 10)), 'ten calls to a country that is new');
SELECT is((SELECT array_agg(became ORDER BY i) FROM tried WHERE i > 10),
    '{429 destination_limit,429 destination_limit}', 'and no more');
SELECT is(pg_temp.tries('ws1', '+37441467478'), '429 destination_limit', 'whatever country is new');
SELECT is(pg_temp.message('ws1', '+37441467478'), 'The number is in a country that is new to this workspace,'
    ' where at most 10 calls a day are tried. Its operator can open the country.', 'it says what to do');
SELECT is(pg_temp.tries('ws1', '+12025559999'), 'accepted', 'home is as open as before');
SELECT is(pg_temp.tries('ws2', '+37441467478'), 'accepted', 'another workspace has its own ten');
SELECT is((SELECT count(*) FROM far_calls WHERE workspace_id = 'ws1' AND trial AND region = 'GB' AND cost = 10),
    10::bigint, 'noted: ten trials');
UPDATE far_calls SET placed_at = placed_at - interval '24 hours 1 s' WHERE workspace_id = 'ws1';
SELECT is(pg_temp.tries('ws1', '+37441467478'), 'accepted', 'a day later they are tried again');
UPDATE far_calls SET placed_at = clock_timestamp() WHERE workspace_id = 'ws1';
SELECT fn.rule_set('ws1', 'AM', true, NULL, NULL);
SELECT is(pg_temp.tries('ws1', '+37441467478'), 'accepted', 'a country that was opened');
SELECT is(pg_temp.tries('ws1', '+442079461999'), '429 destination_limit', 'opens no other');
SELECT fn.limit_set('ws1', 'trial_calls', 13, false);
SELECT is(pg_temp.tries('ws1', '+442079461999'), 'accepted', 'a limit of its own');
SELECT fn.limit_set('ws1', 'trial_calls', NULL, false);
SELECT is((SELECT count(*) FROM generate_series(1, 20) i WHERE pg_temp.tries('ws1', '+33155501' || (100 + i))
    = 'accepted'), 20::bigint, 'or none');
SELECT fn.limit_set('ws1', 'trial_calls', NULL, true);
SELECT is(pg_temp.tries('ws1', '+33155509999'), '429 destination_limit', 'back to the one of all');

-- ---- a country that is in use ----

-- Twelve conversations two days ago that ended well, one that was busy.
CREATE FUNCTION pg_temp.past(p_ws text, p_number text, p_status text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_call text := t.call(p_ws, p_phone => p_number);
BEGIN
    UPDATE calls SET agent_spoke = true WHERE call_id = v_call;
    PERFORM t.news(v_call, t.answered(v_call), p_status, 10);
    UPDATE far_calls SET placed_at = placed_at - interval '2 days', dialed_at = dialed_at - interval '2 days'
        WHERE call_id = v_call;
END $$;
SELECT pg_temp.past('old', '+49301234' || (100 + i), 'completed') FROM generate_series(1, 12) i;
UPDATE far_calls SET placed_at = placed_at - interval '3 days' WHERE workspace_id = 'old';
SELECT is((SELECT count(*) FROM generate_series(1, 22) i WHERE pg_temp.tries('old', '+49301235' || (100 + i))
    = 'accepted'), 22::bigint, 'as many more as were completed before, and ten to try');
SELECT is(pg_temp.tries('old', '+49301235999'), '429 destination_limit', 'then no more');
SELECT is((SELECT count(*) FROM far_calls WHERE workspace_id = 'old' AND trial
    AND placed_at > now() - interval '1 day'), 10::bigint, 'ten of them are trials');
UPDATE calls SET outcome_type = 'failed_busy' WHERE workspace_id = 'old' AND outcome_type = 'success_no_booking';
SELECT is(fn.calls_known('old', 'DE'), 0::bigint, 'what did not end well is no use');
UPDATE calls SET outcome_type = 'success_no_booking' WHERE workspace_id = 'old' AND outcome_type = 'failed_busy';

-- ---- many at once ----

CREATE FUNCTION pg_temp.bulk(p_ws text, p_numbers text[], OUT result text, OUT status integer, OUT message text)
LANGUAGE plpgsql AS $$
DECLARE
    v_task text := 'task_' || lpad(nextval('t.number')::text, 26, '0');
    a record;
BEGIN
    SELECT * INTO a FROM fn.task_accept(NULL, 'workspace', p_ws, false, NULL, NULL, 'r', 'f', v_task,
        'campaign', ARRAY(SELECT fn.call_id() FROM unnest(p_numbers)), p_numbers, 'Say hello.', 'en', NULL,
        NULL, NULL, NULL, NULL, 2::smallint, v_task, NULL, 0, 0, NULL, 1, 7, 'queued', 1, NULL,
        p_retry_max => 2, p_retry_after_s => 1);
    result := a.result;
    status := a.status;
    message := a.body::json->'detail'->>'message';
END $$;
SELECT is(b::text, '(barred,403,"1 of 3 numbers are refused, so none is called: number 2 of the list begins with'
    ' +882, and such numbers may not be called.")', 'one that is forbidden bars a campaign')
    FROM pg_temp.bulk('ws3', '{+12025550101,+88233555678,+442079460101}') b;
SELECT is(b.result || ' ' || b.status, 'barred 429', 'so do eleven that are new') FROM pg_temp.bulk('ws3',
    ARRAY(SELECT '+3315550' || (1000 + i) FROM generate_series(1, 6) i UNION ALL
        SELECT '+4930555' || (1000 + i) FROM generate_series(1, 5) i)) b;
SELECT is((SELECT count(*) FROM calls WHERE workspace_id = 'ws3'), 0::bigint, 'nothing of them is accepted');
SELECT is(t.credits('ws3'), '0 0', 'or reserved');
SELECT is(b.result, 'accepted', 'ten go') FROM pg_temp.bulk('ws3', ARRAY(SELECT '+3315550' || (1000 + i)
    FROM generate_series(1, 10) i)) b;
SELECT is((SELECT count(*) FROM far_calls f JOIN calls c USING (call_id, workspace_id)
    WHERE f.workspace_id = 'ws3' AND f.trial AND f.region = 'FR' AND c.target_phone LIKE '+33%'), 10::bigint,
    'each is noted');

-- ---- dialing ----

CREATE TEMP TABLE d AS SELECT call_id, row_number() OVER (ORDER BY queue_no) AS n FROM calls
    WHERE workspace_id = 'ws3';
SELECT is((SELECT result FROM t.claim((SELECT call_id FROM d WHERE n = 1))), 'granted', 'a trial is dialed');
SELECT isnt((SELECT dialed_at FROM far_calls JOIN d USING (call_id) WHERE n = 1), NULL, 'and that is noted');
SELECT fn.limit_set('ws3', 'trial_calls', 1, false);
SELECT is(pg_temp.holds(call_id), 'trial_limit', 'a limit that was lowered holds what waits') FROM d WHERE n = 2;
SELECT ok(wait_us BETWEEN 590e6 AND 601e6, 'looked at again in ten minutes')
    FROM (SELECT extract(epoch FROM g.until - clock_timestamp()) * 1e6 AS wait_us FROM calls c
        JOIN d USING (call_id), fn.number_gate(c) g WHERE d.n = 2) w;
SELECT is((SELECT result FROM t.claim((SELECT call_id FROM d WHERE n = 2))), 'trial_limit', 'the claim too');
SELECT is(t.status(call_id), 'queued', 'it waits on') FROM d WHERE n = 2;
UPDATE far_calls SET dialed_at = dialed_at - interval '24 hours' WHERE workspace_id = 'ws3';
SELECT is((SELECT result FROM t.claim((SELECT call_id FROM d WHERE n = 3))), 'granted', 'a day later it goes on');
SELECT is((SELECT result FROM t.claim((SELECT call_id FROM d WHERE n = 4))), 'trial_limit', 'one by one');
SELECT fn.limit_set('ws3', 'trial_calls', NULL, true);
SELECT fn.rule_set('ws3', 'FR', false, NULL, NULL);
SELECT is(pg_temp.holds(call_id), 'destination_denied', 'a rule that came later') FROM d WHERE n = 5;
SELECT is((SELECT result FROM t.claim((SELECT call_id FROM d WHERE n = 5))), 'destination_denied',
    'bars at the dial');
SELECT is(t.outcome(call_id), 'failed failed_technical', 'the call ends') FROM d WHERE n = 5;
SELECT is((SELECT outcome_summary FROM calls JOIN d USING (call_id) WHERE n = 5),
    'Numbers that begin so may not be called.', 'and says why');
SELECT fn.rule_set('ws3', 'FR', true, NULL, NULL);
SELECT is((SELECT result FROM t.claim((SELECT call_id FROM d WHERE n = 6))), 'granted', 'one that opens');
-- A retry is a call of its own, and as much a trial as the first.
SELECT t.news(call_id, t.sid(), 'busy', 0, NULL, (t.attempt(call_id)).attempt_id) FROM d WHERE n = 6;
SELECT is((SELECT count(*) FROM far_calls f JOIN calls c USING (call_id, workspace_id) WHERE c.retry_no = 1
    AND f.workspace_id = 'ws3' AND f.trial AND f.dialed_at IS NULL), 1::bigint, 'a retry is noted');

-- ---- limits of a day, and of an hour ----

SELECT t.workspace('hour', 100000);
SELECT fn.limit_set('hour', 'calls_per_hour', 2, false);
SELECT is(ARRAY(SELECT pg_temp.tries('hour', '+1202555' || (1000 + i)) FROM generate_series(1, 3) i),
    '{accepted,accepted,429 hourly_limit}', 'calls an hour');
SELECT is(pg_temp.message('hour', '+12025550199'),
    'This workspace may place 2 calls an hour. Its operator can raise that.', 'it says so');
UPDATE calls SET created_at = created_at - interval '31 min' WHERE workspace_id = 'hour';
SELECT is(pg_temp.tries('hour', '+12025550199'), '429 hourly_limit', 'any hour');
UPDATE calls SET created_at = created_at - interval '31 min' WHERE workspace_id = 'hour';
SELECT is(pg_temp.tries('hour', '+12025550199'), 'accepted', 'an hour later');

SELECT t.workspace('day', 100000);
SELECT fn.limit_set('day', 'calls_per_day', 2, false);
SELECT is(ARRAY(SELECT pg_temp.tries('day', '+1202555' || (1000 + i)) FROM generate_series(1, 3) i),
    '{accepted,accepted,429 daily_limit}', 'calls a day');
SELECT is(pg_temp.message('day', '+12025550199'),
    'This workspace may place 2 calls a day (UTC). Its operator can raise that.', 'it says so');
UPDATE calls SET created_at = created_at - interval '1 day' WHERE workspace_id = 'day';
SELECT is(pg_temp.tries('day', '+12025550199'), 'accepted', 'the next day they begin anew');
SELECT fn.limit_set('day', 'calls_per_day', NULL, true), fn.limit_set('day', 'cost_per_day', 12, false);
SELECT is(pg_temp.tries('day', '+442079460018'), 'accepted', 'one at home and one abroad: 11');
SELECT is(pg_temp.tries('day', '+442079460019'), '429 daily_limit', 'another abroad would be 21');
SELECT is(pg_temp.tries('day', '+12025550198'), 'accepted', 'at home: 12');
SELECT is(pg_temp.tries('day', '+12025550197'), '429 daily_limit', 'no more');
SELECT is((SELECT used FROM fn.limits_show('day') WHERE name = 'cost_per_day'), 12::bigint, 'as it is shown');
SELECT fn.rule_set('day', 'US', true, 0, NULL);
SELECT is(pg_temp.tries('day', '+12025550196'), 'accepted', 'what costs nothing goes');
SELECT t.workspace('new', 100000);
SELECT fn.limit_set(NULL, 'first_day_calls', 2, false);
SELECT is(ARRAY(SELECT pg_temp.tries('new', '+1202555' || (2000 + i)) FROM generate_series(1, 3) i),
    '{accepted,accepted,429 daily_limit}', 'the first day of a new workspace');
UPDATE workspaces SET created_at = created_at - interval '3 days' WHERE workspace_id = 'new';
SELECT is(fn.young_limit('new', 2), 2, 'age alone is not enough');
UPDATE calls SET agent_spoke = true WHERE workspace_id = 'new';
SELECT t.news(call_id, t.answered(call_id), 'completed', 10) FROM calls WHERE workspace_id = 'new';
SELECT is(fn.young_limit('new', 2), 4, 'calls that were charged raise it');
UPDATE credit_months SET settled = 1000 WHERE workspace_id = 'new';
SELECT is(fn.young_limit('new', 2), 16, 'to what doubles with each day');
UPDATE workspaces SET created_at = created_at - interval '27 days' WHERE workspace_id = 'new';
SELECT is(fn.young_limit('new', 2), NULL, 'after thirty days it is new no more');
UPDATE credit_months SET settled = 2 WHERE workspace_id = 'new';
SELECT fn.limit_set(NULL, 'first_day_calls', NULL, true);
SELECT is(fn.limit_set('nobody', 'trial_calls', 1, false), 'workspace_unknown', 'no such workspace');
SELECT throws_ok($$SELECT fn.limit_set('ws1', 'dances', 1, false)$$, '23514', NULL, 'no such limit');

-- ---- a key that was stolen ----

SELECT t.workspace('victim', 100000);
SELECT is((SELECT count(*) FROM generate_series(1, 50) WHERE pg_temp.tries('victim', '+19005550100')
    = '403 destination_denied'), 50::bigint, 'one number, again and again, stops nobody');
SELECT is(pg_temp.stopped('victim'), NULL, 'really');
CREATE TEMP TABLE theft AS SELECT i, pg_temp.tries('victim', (ARRAY['+5355512', '+2525551', '+18765551', '+881655',
    '+37155512'])[1 + i % 5] || (1000 + i)) AS became FROM generate_series(1, 200) i ORDER BY i;
SELECT cmp_ok((SELECT count(*) FROM theft WHERE became = 'accepted'), '<=', 10::bigint,
    'a thief has ten calls accepted, at most');
SELECT is((SELECT count(*) FROM theft WHERE became = '403 dialing_held') > 100, true, 'and is held soon');
SELECT is(pg_temp.stopped('victim'), 'guard: 20 numbers were refused within an hour.', 'by the guard');
SELECT is(pg_temp.tries('victim', '+12025550143'), '403 dialing_held', 'at home too');
SELECT is(pg_temp.holds(call_id), 'stopped', 'what was accepted is not dialed') FROM calls
    WHERE workspace_id = 'victim' AND status = 'queued' LIMIT 1;
SELECT is((SELECT count(*) FROM calls WHERE workspace_id = 'victim' AND status <> 'queued'), 0::bigint,
    'nor lost');
SELECT is(pg_temp.stopped('ws1'), NULL, 'nobody else is stopped');
SELECT is(pg_temp.tries('ws1', '+12025550143'), 'accepted', 'nor refused');
SELECT is(fn.dialing_stop('victim', 'Seen.'), 'already', 'it is stopped');
SELECT is(fn.dialing_start('victim'), 'started', 'until somebody starts it');
SELECT is(pg_temp.tries('victim', '+12025550143'), 'accepted', 'then it calls again');
SELECT is(pg_temp.tries('victim', '+5355519999'), '429 destination_limit', 'as little that is new as before');
SELECT is(pg_temp.stopped('victim'), NULL, 'and one refusal does not stop it again');
SELECT is((SELECT count(*) FROM call_refusals WHERE number_hash = '\x' OR length(number_hash) <> 8), 0::bigint,
    'refusals hold digests alone');

-- ---- the switch ----

SELECT t.workspace('st1'), t.workspace('st2');
CREATE TEMP TABLE s AS SELECT ws, t.call(ws) AS call_id FROM unnest('{st1,st2}'::text[]) ws;
SELECT is(fn.dialing_stop('st1', 'A reason.'), 'stopped', 'one workspace');
SELECT is(fn.dialing_stop('nobody', NULL), 'workspace_unknown', 'one that is there');
SELECT is((SELECT result FROM t.claim(call_id)), 'stopped', 'its calls wait') FROM s WHERE ws = 'st1';
SELECT is((SELECT scope FROM calls c JOIN call_queue q USING (call_id), fn.dial_holds(q, c, now(), 9) h
    WHERE c.call_id = s.call_id), 'customer', 'all of them at once') FROM s WHERE ws = 'st1';
SELECT is(pg_temp.holds(call_id), NULL, 'not another''s') FROM s WHERE ws = 'st2';
SELECT is(pg_temp.tries('st1', '+12025550143'), 'accepted', 'new ones are accepted');
SELECT is(fn.dialing_stop(NULL, NULL), 'stopped', 'all');
SELECT is(fn.dialing_stop(NULL, NULL), 'already', 'once');
SELECT is((SELECT result FROM t.claim(call_id)), 'stopped', 'everybody''s wait') FROM s WHERE ws = 'st2';
SELECT is(fn.dialing_start(NULL), 'started', 'all start');
SELECT is(pg_temp.holds(call_id), 'stopped', 'but who is stopped himself') FROM s WHERE ws = 'st1';
SELECT is((SELECT result FROM t.claim(call_id)), 'granted', 'the others go on') FROM s WHERE ws = 'st2';
SELECT is(fn.dialing_start('st1'), 'started', 'he too, when asked for');
SELECT is(fn.dialing_start('st1'), 'already', 'once');
SELECT is((SELECT result FROM t.claim(call_id)), 'granted', 'and none was lost') FROM s WHERE ws = 'st1';

-- ---- where home is, and what is plain ----

SELECT ok(fn.number_plain('st1', '+12025550143'), 'a number at home is plain');
SELECT ok(NOT fn.number_plain('st1', number), number || ' is not') FROM unnest('{+19005550100,+18765550143,
    +442079460018,+999999999999999}'::text[]) number;
SELECT fn.home_is('+442079460018');
SELECT ok(fn.number_plain('st1', '+442079460018'), 'home is where our number is');
SELECT ok(NOT fn.number_plain('st1', number), number || ' is not') FROM unnest('{+12025550143,+449012345678,
    +448451234567}'::text[]) number;
SELECT is(pg_temp.tries('ws2', '+442079460018'), 'accepted', 'and is not limited');
SELECT fn.home_is('');
SELECT is((SELECT region FROM call_home), 'GB', 'without a number home stays');
SELECT fn.home_is('+12025550143');
SELECT fn.rule_set(NULL, 'US', false, NULL, NULL);
SELECT ok(NOT fn.number_plain('st1', '+12025550143'), 'a rule for all makes it special');
SELECT is(pg_temp.tries('st1', '+12025550143'), '403 destination_denied', 'and is kept at home as well');
SELECT fn.rule_remove(NULL, 'US'), fn.rule_set(NULL, 'all', false, NULL, NULL);
SELECT is(pg_temp.tries('st1', '+12025550143'), '403 destination_denied', 'so is one for all numbers');
SELECT fn.rule_remove(NULL, 'all'), fn.rule_set(NULL, '+1202', false, NULL, NULL);
SELECT is(pg_temp.tries('st1', '+12025550143'), '403 destination_denied', 'and one for some');
SELECT is(pg_temp.tries('st1', '+14155550143'), 'accepted', 'of which others are free');
SELECT fn.rule_remove(NULL, '+1202'), fn.limit_set(NULL, 'calls_per_day', 100000, false);
SELECT ok(NOT fn.number_plain('st1', '+12025550143'), 'a limit of all too');
SELECT fn.limit_set(NULL, 'calls_per_day', NULL, true);
SELECT ok(fn.number_plain('st1', '+12025550143'), 'as before');
SELECT is(r::text, said, 'rules test: ' || said) FROM (VALUES ('st1', '+12025550143', '(allowed,US,,,1,)'),
    ('st1', '+442079460018', '(trial,GB,,,10,0)'), (NULL, '+19005550100', '(denied,US,+1900,all,1,)'))
    v (ws, number, said), fn.rule_test(ws, number) r;

-- ---- transfers ----

SELECT is(fn.transfers_open('st1', '["+12025550177", "+19005550100", "+442079460018", "+14155550177"]'),
    '["+12025550177", "+14155550177"]', 'a callee is connected with nobody abroad, and with no premium number');
SELECT fn.rule_set('st1', 'GB', true, NULL, NULL);
SELECT is(fn.transfers_open('st1', '["+442079460018"]'), '["+442079460018"]', 'but where a rule allows it');
SELECT is(fn.transfers_open('st1', '[]'), '[]', 'none');
SELECT fn.rule_remove('st1', 'GB');

-- ---- looked up, not walked ----

CREATE FUNCTION pg_temp.plan(p_statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_line text;
    v_all text := '';
BEGIN
    SET LOCAL enable_seqscan = off;
    FOR v_line IN EXECUTE 'EXPLAIN ' || p_statement LOOP
        v_all := v_all || v_line;
    END LOOP;
    RETURN v_all;
END $$;
SELECT matches(pg_temp.plan($$SELECT count(*) FROM far_calls f WHERE f.workspace_id = 'w' AND f.trial
    AND f.placed_at > statement_timestamp() - interval '24 hours'$$),
    'far_calls_(trial|day).*Cond: .*placed_at >', 'trials of a day');
SELECT matches(pg_temp.plan($$SELECT count(*) FROM call_refusals r WHERE r.workspace_id = 'w'
    AND r.refused_at > statement_timestamp() - interval '1 hour'$$), 'Cond: .*refused_at >', 'refusals of an hour');

-- ---- forgetting, and figures ----

UPDATE call_refusals SET refused_at = now() - interval '31 days' WHERE workspace_id = 'ws1';
SELECT cmp_ok(fn.forget_refusals(1000), '>', 0, 'old refusals go');
SELECT is((SELECT count(*) FROM call_refusals WHERE workspace_id = 'ws1'), 0::bigint, 'all of them');
SELECT fn.dialing_stop(NULL, NULL);
SELECT is((SELECT value FROM fn.fraud_figures() WHERE name = 'dialing_stopped' AND label = 'scope="all"'), 1::bigint,
    'a figure of what is stopped');
SELECT is((SELECT count(*) FROM fn.fraud_figures() WHERE name = 'numbers_refused_last_hour'), 2::bigint,
    'and of what is refused');
SELECT is_empty('SELECT t.broken()', 'all holds');
SELECT finish();
ROLLBACK;
