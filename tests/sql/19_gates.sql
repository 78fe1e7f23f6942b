-- The gates before a dial: do-not-call lists, and calling hours by the clocks of the callee.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.workspace('ws2');

CREATE TEMP TABLE a AS SELECT t.call('ws1', p_phone => '+12025550111') AS call_id;
CREATE FUNCTION pg_temp.gate() RETURNS text LANGUAGE sql AS $$
    SELECT g.reason FROM calls c JOIN a USING (call_id), fn.number_gate(c) g
$$;
CREATE FUNCTION pg_temp.opens(p_zones text, p_at text, p_from text, p_to text,
    p_days smallint[] DEFAULT '{1,2,3,4,5,6,7}') RETURNS text LANGUAGE sql AS $$
    SELECT to_char(fn.window_opens(string_to_array(p_zones, ','), p_from::time, p_to::time, p_days,
        p_at::timestamptz) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
$$;

-- ---- do-not-call lists ----
SELECT is(pg_temp.gate(), NULL, 'a number on no list may be called');
SELECT fn.dnc_add('ws2', '+12025550111', NULL);
SELECT is(pg_temp.gate(), NULL, 'another customer''s list is his own');
SELECT is((SELECT count(*) FROM fn.dnc_add(NULL, '+12025550111', NULL)), 0::bigint, 'no list, no row');
SELECT is((SELECT reason FROM fn.dnc_add('ws1', '+12025550111', 'asked')), 'asked', 'on the list');
SELECT is(pg_temp.gate(), 'do_not_call', 'its own forbids it');
SELECT is((SELECT reason FROM fn.dnc_add('ws1', '+12025550111', NULL)), 'asked', 'the reason stays');
SELECT is((SELECT reason FROM fn.dnc_add('ws1', '+12025550111', 'again')), 'again', 'or changes');
SELECT ok(fn.dnc_remove('ws1', '+12025550111'), 'taken off');
SELECT ok(NOT fn.dnc_remove('ws1', '+12025550111'), 'once');
SELECT is(pg_temp.gate(), NULL, 'and may be called again');
SELECT fn.dnc_add('', '+12025550111', NULL);
SELECT is(pg_temp.gate(), 'do_not_call', 'the platform''s list forbids it to all');
SELECT fn.dnc_remove('', '+12025550111');
SELECT throws_ok($$SELECT fn.dnc_add('ws1', '2025550111', NULL)$$, '23514', NULL, 'E.164 only');
SELECT is(fn.dnc_list('workspace', true, 'ws1', true), NULL, 'the platform''s list is not a workspace''s');
SELECT is(fn.dnc_list('platform', false, 'ws1', true), NULL, 'nor anybody''s of the platform');
SELECT is(fn.dnc_list('platform', true, 'ws1', true), '', 'but its admins''');
SELECT is(fn.dnc_list('platform', true, 'ws1', false), 'ws1', 'who may keep a workspace''s too');

-- ---- the hours of a campaign ----
INSERT INTO tasks (task_id, workspace_id, kind, window_from, window_to)
    VALUES ('task_w', 'ws1', 'campaign', '00:00', '24:00');
UPDATE calls SET task_id = 'task_w' FROM a WHERE calls.call_id = a.call_id;
SELECT is(pg_temp.gate(), NULL, 'hours bind the calls of the campaign''s lane alone');
UPDATE calls SET queue_lane = 'task_w' FROM a WHERE calls.call_id = a.call_id;
SELECT is(pg_temp.gate(), 'no_zone', 'where nobody knows the zone, it is closed');
UPDATE calls SET zones = '{}' FROM a WHERE calls.call_id = a.call_id;
SELECT is(pg_temp.gate(), 'no_zone', 'also with an empty list');
UPDATE calls SET zones = '{America/New_York,Mars/Olympus}' FROM a WHERE calls.call_id = a.call_id;
SELECT is(pg_temp.gate(), 'no_zone', 'and with one that there is not');
UPDATE calls SET zones = '{America/New_York,Asia/Tokyo}' FROM a WHERE calls.call_id = a.call_id;
SELECT is(pg_temp.gate(), NULL, 'all day is open everywhere');
UPDATE tasks SET window_from = '09:00', window_to = '17:00';
SELECT is(pg_temp.gate(), 'no_window', 'zones so far apart never share their working hours');
UPDATE calls SET zones = '{UTC}' FROM a WHERE calls.call_id = a.call_id;
UPDATE tasks SET window_days = ARRAY[extract(isodow FROM now() AT TIME ZONE 'UTC' + interval '2 days')];
SELECT is(pg_temp.gate(), 'outside_window', 'another day');
SELECT is((SELECT g.until FROM calls c JOIN a USING (call_id), fn.number_gate(c) g),
    (date_trunc('day', now() AT TIME ZONE 'UTC') + interval '2 days 9 hours') AT TIME ZONE 'UTC',
    'and when it comes');
UPDATE tasks SET window_days = '{}';
SELECT is(pg_temp.gate(), 'no_window', 'no day at all');
SELECT is((SELECT count(*) FROM unnest(ARRAY['do_not_call', 'no_zone', 'no_window']) r
    WHERE fn.gate_verdict(r) IS NOT NULL), 3::bigint, 'what never may be called is told why');
SELECT is(fn.gate_verdict('outside_window'), NULL, 'what waits is not');

-- ---- edges; whole years are in tests/api/test_windows.py ----
SELECT is(pg_temp.opens('UTC', '2026-11-26T09:00:00Z', '09:00', '17:00'), '2026-11-26 09:00:00',
    'the first instant is inside');
SELECT is(pg_temp.opens('UTC', '2026-11-26T16:59:59.5Z', '09:00', '17:00'), '2026-11-26 16:59:59',
    'and the last');
SELECT is(pg_temp.opens('UTC', '2026-11-26T17:00:00Z', '09:00', '17:00'), '2026-11-27 09:00:00',
    'the end is not');
SELECT is(pg_temp.opens('UTC', '2026-11-27T17:00:00Z', '09:00', '17:00', '{1,2,3,4,5}'),
    '2026-11-30 09:00:00', 'Friday evening to Monday');
SELECT is(pg_temp.opens('America/Los_Angeles,America/Boise', '2026-11-26T15:30:00Z', '08:00', '20:00'),
    '2026-11-26 16:00:00', 'inside in both zones, the later morning');
SELECT is(pg_temp.opens('America/Los_Angeles,America/Boise', '2026-11-27T03:30:00Z', '08:00', '20:00'),
    '2026-11-27 16:00:00', 'and the earlier evening');
SELECT is(pg_temp.opens('America/New_York', '2026-03-08T06:00:00Z', '02:30', '04:00'),
    '2026-03-08 07:00:00', 'a beginning that the clock jumps over is when it has jumped');
SELECT is(pg_temp.opens('America/New_York', '2026-03-08T06:00:00Z', '02:10', '02:50'),
    '2026-03-09 06:10:00', 'hours that do not exist on that day come on the next');
SELECT is(pg_temp.opens('America/New_York', '2026-11-01T05:45:00Z', '01:00', '01:30'),
    '2026-11-01 06:00:00', 'hours that come twice are open twice');
SELECT is(pg_temp.opens('Africa/Cairo', '2026-04-23T21:59:00Z', '00:00', '06:00'),
    '2026-04-23 22:00:00', 'a midnight that does not exist');
SELECT is(pg_temp.opens('Australia/Lord_Howe', '2026-10-03T15:00:00Z', '02:15', '05:00'),
    '2026-10-03 15:30:00', 'a jump of half an hour');
SELECT is(pg_temp.opens('Pacific/Kiritimati,Pacific/Niue', '2026-11-26T00:00:00Z', '00:00', '24:00',
    '{4}'), NULL, 'never Thursday in both');
SELECT * FROM finish();
ROLLBACK;
