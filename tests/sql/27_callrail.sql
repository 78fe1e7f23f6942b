-- CallRail: who wants calls, whose turn it is, how pages are turned, what is skipped, and refusals.
BEGIN;
SELECT no_plan();
SELECT fn.partner_create('acme', 'Acme'), fn.organization_create('north', 'acme', 'North');
SELECT fn.workspace_create(w, 'north', w, 10, NULL) FROM (VALUES ('no1'), ('no2')) v (w);
SELECT t.workspace('ws1'), t.workspace('ws2');

-- Settings of a level, without their common beginning.
CREATE FUNCTION pg_temp.set(p_place text, p_values jsonb) RETURNS bigint LANGUAGE sql AS $$
    SELECT fn.config_patch(split_part(p_place, '/', 1), split_part(p_place, '/', 2),
        (SELECT jsonb_object_agg('integrations.callrail.' || key, value) FROM jsonb_each(p_values))) $$;
CREATE FUNCTION pg_temp.sources() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', workspace_id, account_id, nullif(company_id, ''), api_key, every,
        backfill), ', '
        ORDER BY workspace_id) FROM fn.callrail_sources() $$;
CREATE FUNCTION pg_temp.account(p_id text) RETURNS callrail_accounts LANGUAGE sql AS $$
    SELECT * FROM callrail_accounts WHERE account_id = p_id $$;
CREATE FUNCTION pg_temp.feed(p_ws text) RETURNS callrail_feeds LANGUAGE sql AS $$
    SELECT * FROM callrail_feeds WHERE workspace_id = p_ws AND walk_id IS NOT NULL $$;
-- Whose turn it is, by the settings as they are.
CREATE FUNCTION pg_temp.ask(p_limit integer) RETURNS TABLE (account_id text, lease bigint, company_id text,
    api_key text, from_us bigint, until_us bigint, page integer) LANGUAGE sql AS $$
    SELECT fn.callrail_refresh();
    SELECT * FROM fn.callrail_turn(p_limit) $$;
CREATE FUNCTION pg_temp.turn(p_limit integer DEFAULT 10) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', account_id, lease, company_id, api_key, page), ', ' ORDER BY account_id)
    FROM pg_temp.ask(p_limit) $$;
-- Time goes by for what waits for its interval, for leases, and for pauses.
CREATE FUNCTION pg_temp.pass(p_time interval) RETURNS void LANGUAGE sql AS $$
    UPDATE callrail_walks SET began_at = began_at - p_time, asked_at = asked_at - p_time,
        next_at = next_at - p_time, until_at = until_at - p_time, from_at = from_at - p_time,
        done_at = done_at - p_time;
    UPDATE callrail_feeds SET polled_until = polled_until - p_time, joined_at = joined_at - p_time;
    UPDATE callrail_accounts SET next_at = next_at - p_time, leased_until = leased_until - p_time,
        left_at = left_at - p_time $$;
-- Everybody who is due is asked, and has nothing, until nobody is.
CREATE FUNCTION pg_temp.settle() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fn.callrail_turned(account_id, lease, true, 0) FROM callrail_accounts WHERE leased_until > 'now';
    WHILE (SELECT count(fn.callrail_turned(account_id, lease, true, 0)) FROM pg_temp.ask(100)) > 0 LOOP
    END LOOP;
END $$;
CREATE FUNCTION pg_temp.failed(p_account text, p_useless boolean, p_status integer, p_retry integer DEFAULT 0)
RETURNS boolean LANGUAGE sql AS $$
    SELECT fn.callrail_failed(p_account, (pg_temp.account(p_account)).lease, p_useless, p_status, p_retry,
        'CallRail answered ' || p_status) $$;
-- A page of calls, each "id age_in_hours duration what": r has a recording, t words, - nothing.
CREATE FUNCTION pg_temp.calls(VARIADIC p_calls text[]) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', p[1],
        'start', clock_timestamp() - p[2]::float8 * interval '1 hour',
        'duration', nullif(p[3], '?')::integer, 'url', CASE p[4] WHEN 'r' THEN 'https://x.example/' || p[1] END,
        'items', CASE p[4] WHEN 't' THEN '[{"seq": 1, "role": "Agent", "text": "Hello."}]'::jsonb END,
        'metadata', '{"account_id": "A"}'::jsonb)))
    FROM unnest(p_calls) c CROSS JOIN LATERAL string_to_array(c, ' ') p $$;
CREATE FUNCTION pg_temp.jobs(p_ws text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', external_id, status, skipped_reason), ', ' ORDER BY job_id) FROM jobs
    WHERE workspace_id = p_ws $$;

-- ---- who wants calls ----

SELECT is(pg_temp.sources(), NULL, 'nobody does by himself');
SELECT is(pg_temp.turn(), NULL, 'and nobody is asked');
SELECT pg_temp.set('workspace/ws1', '{"enabled": true, "account_id": "A"}');
SELECT is(pg_temp.sources(), NULL, 'without a key there is nobody to ask');
SELECT pg_temp.set('workspace/ws1', '{"api_key": "key-of-ws1"}');
SELECT is(pg_temp.sources(), 'ws1 A key-of-ws1 00:01:00 7 days', 'with the defaults');
SELECT pg_temp.set('organization/north', '{"enabled": true, "account_id": "N", "api_key": "key-of-n",
    "company_id": "COM1", "poll_interval_seconds": 30}');
SELECT pg_temp.set('workspace/no2', '{"company_id": "COM2", "backfill_days": 0}');
SELECT pg_temp.set('platform/default', '{"backfill_days": 3}');
SELECT is(pg_temp.sources(), 'no1 N COM1 key-of-n 00:00:30 3 days, no2 N COM2 key-of-n 00:00:30 00:00:00, '
    'ws1 A key-of-ws1 00:01:00 3 days', 'the nearest level decides, setting by setting');
SELECT is(count(*), 3::bigint, 'and says the same to one as to all') FROM fn.callrail_sources() a
    JOIN (SELECT w.workspace_id, s.* FROM workspaces w CROSS JOIN LATERAL fn.callrail_source(w.workspace_id) s) o
    USING (workspace_id, account_id, company_id, api_key, key_hash);
SELECT pg_temp.set('workspace/no1', '{"enabled": false}');
SELECT is(pg_temp.sources() LIKE 'no2 N COM2 %', true, 'a workspace may not want what its organization does');
SELECT pg_temp.set('platform/default', '{"backfill_days": null}');
SELECT pg_temp.set('organization/north', '{"enabled": null}');
SELECT pg_temp.set('workspace/no1', '{"enabled": null}');

-- ---- a walk ----

SELECT is(pg_temp.turn(), 'A 1 key-of-ws1 1', 'the first page');
SELECT is(pg_temp.turn(), NULL, 'the account is leased');
SELECT is((until_at - from_at) BETWEEN interval '7 days 59 minutes' AND interval '7 days 61 minutes', true,
    'the first window reaches as far back as backfill_days, and an hour') FROM callrail_walks;
SELECT is(array_agg(x)::text, '{ws1}', 'who is to have it') FROM fn.callrail_takers('A', 1) x;
SELECT is((SELECT count(*) FROM fn.callrail_takers('A', 0)), 0::bigint, 'nobody, by an older lease');
SELECT is(fn.callrail_take('A', 1, 'ws1', pg_temp.calls('c1 167 60 r', 'old 169 60 r', 'now 0.1 ? -', 'c2 1 61 t',
    'c3 2 62 -')), 2::bigint, 'two to work on');
SELECT is(pg_temp.jobs('ws1'), 'c1 queued, c3 skipped no_recording, c2 queued',
    'in order; not what is older than was wanted, nor what is not over');
SELECT is(recording_url || ' ' || duration_seconds || ' ' || source || source_metadata,
    'https://x.example/c1 60 callrail{"account_id": "A"}', 'with what is known of it')
    FROM jobs WHERE external_id = 'c1';
SELECT is(items, '[{"seq": 1, "role": "Agent", "text": "Hello."}]', 'and what was said') FROM jobs WHERE external_id = 'c2';
SELECT is(fn.callrail_take('A', 1, 'ws1', pg_temp.calls('c1 167 60 r', 'c2 1 61 t', 'c3 2 62 -')), 0::bigint,
    'a page that comes twice changes nothing');
SELECT is(count(*), 3::bigint, 'and makes none anew') FROM jobs WHERE workspace_id = 'ws1';
SELECT is(fn.callrail_take('A', 1, 'ws2', pg_temp.calls('c1 167 60 r')), NULL, 'not for whom it is not');
SELECT is(fn.callrail_take('A', 0, 'ws1', pg_temp.calls('c9 1 60 r')), NULL, 'not by an older lease');
SELECT is(pg_temp.jobs('ws2'), NULL, 'another workspace is untouched');
SELECT is(fn.callrail_turned('A', 0, true, 0), false, 'an older lease turns no page');
SELECT is(fn.callrail_turned('A', 1, false, 2), true, 'turned, with two odd entries');
SELECT is((pg_temp.feed('ws1')).polled_until < clock_timestamp() - interval '6 days', true,
    'which does not make the window complete');
SELECT is(pg_temp.turn(), 'A 2 key-of-ws1 2', 'the next page comes at once');
-- A poller dies here; another goes on when the lease has run out.
UPDATE callrail_accounts SET leased_until = leased_until - interval '59 s';
SELECT is(pg_temp.turn(), NULL, 'while the lease lasts nobody does');
UPDATE callrail_accounts SET leased_until = leased_until - interval '1 s';
SELECT is(pg_temp.turn(), 'A 3 key-of-ws1 2', 'then with the same page');
SELECT is(fn.callrail_take('A', 2, 'ws1', pg_temp.calls('c9 1 60 r')), NULL, 'the one before writes no more');
SELECT is(fn.callrail_failed('A', 2, false, 0, 0, 'late'), false, 'nor says that it failed');
SELECT is(fn.callrail_turned('A', 3, true, 1), true, 'the last page');
SELECT is(pg_temp.turn(), NULL, 'after it, nothing until the interval is over');
SELECT is((pg_temp.feed('ws1')).polled_until = until_at, true, 'complete up to the end of the window') FROM callrail_walks;
SELECT is(done_at = began_at, true, 'which is the present') FROM callrail_walks;
SELECT is(error, '3 entries of its list could not be read', 'what could not be read is told') FROM fn.callrail_troubles();
SELECT pg_temp.pass('61 s');
SELECT is(from_us < extract(epoch FROM clock_timestamp() - interval '25 hours') * 1000000
    AND until_us > extract(epoch FROM clock_timestamp() + interval '23 hours') * 1000000
    AND from_us > extract(epoch FROM clock_timestamp() - interval '26 hours') * 1000000, true,
    'the next window overlaps the last, and asks a day more on both sides') FROM pg_temp.ask(1);

-- ---- recordings that come late ----

SELECT is(fn.callrail_take('A', 4, 'ws1', pg_temp.calls('c3 2 65 r', 'now 0.1 30 r')), 2::bigint, 'now they are there');
SELECT is(pg_temp.jobs('ws1'), 'c1 queued, c3 queued, c2 queued, now queued', 'and wait');
SELECT is(recording_url || duration_seconds || source_metadata, 'https://x.example/c365{"account_id": "A"}',
    'as if it had been there at once') FROM jobs WHERE external_id = 'c3';
SELECT is(string_agg(message, ' ' ORDER BY line), 'Queued. no_recording The recording has come.', 'with its history')
    FROM job_log JOIN jobs USING (job_id) WHERE external_id = 'c3';
SELECT fn.callrail_turned('A', 4, true, 0);
SELECT is(pg_temp.turn(), NULL, 'so much for now');

-- ---- what is asked for before it was brought ----

SELECT is(fn.job_process('ws1', 'call-that-rails', 'workspace'), 'queued', 'somebody knows its id already');
SELECT fn.jobs_check(100, 100, '');
SELECT pg_temp.pass('61 s'), pg_temp.turn();
SELECT is(fn.callrail_take('A', 5, 'ws1', pg_temp.calls('call-that-rails 1 60 r')), 1::bigint, 'it is filled in');
SELECT is(status || ' ' || source, 'queued callrail', 'and queued') FROM jobs WHERE external_id = 'call-that-rails';
SELECT is(count(*), 1::bigint, 'there is one') FROM fn.job_ingest('ws1', 'api', 'of-the-api', 60, NULL, NULL, NULL, 'no_recording');
SELECT is(fn.callrail_take('A', 5, 'ws1', pg_temp.calls('of-the-api 1 60 r')), 0::bigint, 'what another way has brought');
SELECT is(recording_url, NULL, 'stays as it is') FROM jobs WHERE external_id = 'of-the-api';

-- ---- what is skipped ----

DELETE FROM callrail_days;
SELECT pg_temp.set('workspace/ws1', '{"max_calls_per_workspace": 2}');
SELECT is(fn.callrail_take('A', 5, 'ws1', pg_temp.calls('m1 1.5 60 -', 'm2 1.4 60 r', 'm3 1.3 60 r', 'm4 1.2 60 r')),
    2::bigint, 'two a day');
SELECT is(string_agg(concat_ws(' ', external_id, status, skipped_reason), ', ' ORDER BY job_id),
    'm1 skipped no_recording, m2 queued, m3 queued, m4 skipped rate_limit', 'those that are worked on count')
    FROM jobs WHERE external_id LIKE 'm_';
SELECT is(fn.callrail_take('A', 5, 'ws1', pg_temp.calls('m1 1.5 60 r')), 0::bigint, 'a recording that comes late');
SELECT is(skipped_reason, 'rate_limit', 'is no way around it') FROM jobs WHERE external_id = 'm1';
SELECT is(fn.callrail_take('A', 5, 'ws1', pg_temp.calls('m1 1.5 60 r', 'm4 1.2 60 r')), 0::bigint, 'nor is time');
UPDATE callrail_days SET day = day - 1;
SELECT is(fn.callrail_take('A', 5, 'ws1', pg_temp.calls('m5 1 60 r')), 1::bigint, 'the next day begins anew');
SELECT pg_temp.set('workspace/ws1', '{"max_calls_per_workspace": 0}');
SELECT is(fn.callrail_take('A', 5, 'ws1', pg_temp.calls('m6 1 60 r')), 0::bigint, 'none is a number too');
SELECT is(skipped_reason, 'rate_limit', 'over none') FROM jobs WHERE external_id = 'm6';
SELECT pg_temp.set('workspace/ws1', '{"max_calls_per_workspace": null, "max_total_calls": 7}');
INSERT INTO callrail_days VALUES ((clock_timestamp() AT TIME ZONE 'UTC')::date, 'ws2', 5);
SELECT is(fn.callrail_take('A', 5, 'ws1', pg_temp.calls('m7 0.9 60 r', 'm8 0.8 60 r')), 1::bigint,
    'those of all workspaces count');
SELECT is(skipped_reason, 'rate_limit', 'over them') FROM jobs WHERE external_id = 'm8';
SELECT is(count(*), 1::bigint, 'and nobody else takes any meanwhile') FROM pg_locks WHERE locktype = 'advisory'
    AND pid = pg_backend_pid() AND objid::bigint = hashtext('callrail_total')::bigint & 4294967295;
SELECT pg_temp.set('workspace/ws1', '{"skip_all_on_ingest": true, "max_total_calls": 0}');
SELECT is(fn.callrail_take('A', 5, 'ws1', pg_temp.calls('s1 0.9 60 r', 's2 0.8 60 -')), 0::bigint, 'all are skipped');
SELECT is(string_agg(skipped_reason, ' '), 'skip_all_on_ingest skip_all_on_ingest', 'for that reason, whatever others there are')
    FROM jobs WHERE external_id LIKE 's_';
SELECT is(sum(calls), 7::numeric, 'and do not count') FROM callrail_days WHERE day = (clock_timestamp() AT TIME ZONE 'UTC')::date;
SELECT pg_temp.set('workspace/ws1', '{"skip_all_on_ingest": null, "max_total_calls": null}');
SELECT is(fn.callrail_take('A', 5, 'ws1', pg_temp.calls('s2 0.8 60 r')), 0::bigint, 'its recording has come');
SELECT is(status || ' ' || skipped_reason || ' ' || recording_url, 'skipped skip_all_on_ingest https://x.example/s2',
    'it stays skipped, but could be queued now') FROM jobs WHERE external_id = 's2';
SELECT fn.callrail_turned('A', 5, true, 0);

-- ---- several workspaces ----

SELECT pg_temp.set('organization/north', '{"enabled": true}'), pg_temp.set('workspace/no2', '{"company_id": null}');
SELECT is(pg_temp.turn(), 'N 1 COM1 key-of-n 1', 'both share the question');
SELECT is(array_agg(x)::text, '{no1,no2}', 'and the answer') FROM fn.callrail_takers('N', 1) x;
SELECT is(fn.callrail_take('N', 1, 'no1', pg_temp.calls('c1 30 60 r')) || ' '
    || fn.callrail_take('N', 1, 'no2', pg_temp.calls('c1 30 60 r')), '1 0', 'each as far back as it wants');
SELECT is(fn.callrail_turned('N', 1, false, 0), true, 'page 1');
SELECT pg_temp.turn();
-- One leaves, and comes again before the window is over: it has missed a page.
SELECT pg_temp.set('workspace/no1', '{"enabled": false}');
SELECT is(array_agg(x)::text, '{no2}', 'who has left gets nothing more') FROM fn.callrail_takers('N', 2) x;
SELECT is(fn.callrail_turned('N', 2, false, 0), true, 'page 2');
SELECT pg_temp.set('workspace/no1', '{"enabled": true}');
SELECT pg_temp.turn();
SELECT is(array_agg(x)::text, '{no1,no2}', 'who has come again does') FROM fn.callrail_takers('N', 3) x;
SELECT is(fn.callrail_turned('N', 3, true, 0), true, 'page 3, the last');
SELECT is((pg_temp.feed('no1')).polled_until < clock_timestamp() - interval '6 days', true, 'who missed a page has not got all');
SELECT is((pg_temp.feed('no2')).polled_until > clock_timestamp() - interval '1 minute', true, 'the other has');
SELECT pg_temp.pass('31 s');
SELECT is(from_us < extract(epoch FROM clock_timestamp() - interval '7 days') * 1000000, true,
    'so the next window goes back for it') FROM pg_temp.ask(1) WHERE account_id = 'N';
SELECT fn.callrail_turned('N', 4, true, 0);
SELECT is((pg_temp.feed('no1')).polled_until > clock_timestamp() - interval '1 minute', true, 'until it has');

-- ---- windows ----

SELECT pg_temp.set('workspace/ws2', '{"enabled": true, "account_id": "LONG", "api_key": "key-of-ws2", "backfill_days": 20}');
CREATE FUNCTION pg_temp.days() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(round((extract(epoch FROM clock_timestamp()) - from_us / 1e6) / 86400, 1) || ' to '
        || round((extract(epoch FROM clock_timestamp()) - until_us / 1e6) / 86400, 1), '')
    FROM pg_temp.ask(10) WHERE account_id = 'LONG' $$;
SELECT is(pg_temp.days(), '21.0 to 11.0', 'a long past is walked through in pieces');
SELECT fn.callrail_turned('LONG', 1, true, 0);
SELECT is(pg_temp.days(), '13.0 to 3.0', 'without a pause');
SELECT fn.callrail_turned('LONG', 2, true, 0);
SELECT is(pg_temp.days(), '5.0 to -1.0', 'up to the present');
SELECT fn.callrail_turned('LONG', 3, true, 0);
SELECT is(pg_temp.days(), NULL, 'and then by the interval');
UPDATE callrail_feeds SET polled_until = clock_timestamp() - interval '5 years' WHERE workspace_id = 'ws2';
SELECT pg_temp.pass('61 s');
SELECT is(from_us > extract(epoch FROM clock_timestamp() - interval '25 months') * 1000000, true,
    'never further back than calls are kept') FROM pg_temp.ask(10) WHERE account_id = 'LONG';
UPDATE callrail_feeds SET polled_until = clock_timestamp() WHERE workspace_id = 'ws2';

-- ---- changes take effect by themselves ----

SELECT pg_temp.settle(), pg_temp.pass('1 day'), pg_temp.set('workspace/ws1', '{"enabled": false}');
SELECT is(array_agg(account_id)::text, '{N,LONG}', 'also when nobody has looked at the settings yet')
    FROM fn.callrail_turn(10);
SELECT pg_temp.set('workspace/ws1', '{"enabled": true}'), pg_temp.settle();

-- Whose turn it is, without the numbers of the leases.
CREATE FUNCTION pg_temp.who() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', account_id, company_id, api_key, page), ', ' ORDER BY account_id)
    FROM pg_temp.ask(10) $$;
SELECT pg_temp.settle();
SELECT is(pg_temp.who(), NULL, 'all wait');
SELECT pg_temp.set('workspace/ws2', '{"poll_interval_seconds": 1}'), pg_temp.pass('2 s');
SELECT is(pg_temp.who(), 'LONG key-of-ws2 1', 'a shorter interval');
SELECT pg_temp.settle(), pg_temp.set('workspace/ws2', '{"api_key": "new-key-of-ws2"}');
SELECT is(pg_temp.who(), 'LONG new-key-of-ws2 1', 'another key is asked with at once');
SELECT is((pg_temp.feed('ws2')).polled_until > clock_timestamp() - interval '1 minute', true, 'and goes on from where it was');
SELECT pg_temp.settle(), pg_temp.set('workspace/ws2', '{"company_id": "COM9"}');
SELECT is(pg_temp.who(), 'LONG COM9 new-key-of-ws2 1', 'another company');
SELECT is((pg_temp.feed('ws2')).polled_until < clock_timestamp() - interval '19 days', true, 'from its beginning');
SELECT pg_temp.settle(), pg_temp.set('workspace/ws2', '{"enabled": false}'), pg_temp.pass('10 s');
SELECT is(pg_temp.who(), NULL, 'who wants nothing is not asked for');
SELECT is(count(*), 0::bigint, 'no walk is left of it') FROM callrail_walks WHERE account_id = 'LONG';

-- ---- refusals ----

SELECT pg_temp.set('workspace/ws2', '{"enabled": true, "account_id": "N", "api_key": "bad-key", "company_id": null}');
SELECT is(pg_temp.who(), 'N bad-key 1', 'another key of an account is asked with by itself');
SELECT is(pg_temp.failed('N', true, 401), true, 'and refused');
SELECT is(account_id || workspace_id || status || error, 'Nws2401CallRail answered 401', 'which is told') FROM fn.callrail_troubles();
SELECT is(next_at BETWEEN clock_timestamp() + interval '29 s' AND clock_timestamp() + interval '60 s', true,
    'it is asked with again after half a minute to a minute') FROM callrail_walks WHERE failures = 1;
SELECT is(page, NULL, 'from its first page') FROM callrail_walks WHERE failures = 1;
SELECT is(pg_temp.who(), NULL, 'and not before');
SELECT pg_temp.pass('61 s');
SELECT is(pg_temp.who(), 'A key-of-ws1 1, N COM1 key-of-n 1', 'the others go on meanwhile');
SELECT fn.callrail_turned(account_id, lease, true, 0) FROM callrail_accounts WHERE account_id IN ('A', 'N');
SELECT is(pg_temp.who(), 'N bad-key 1', 'each in its turn');
SELECT pg_temp.failed('N', true, 401);
SELECT is(failures || ' ' || (next_at > clock_timestamp() + interval '59 s'), '2 true', 'later each time')
    FROM callrail_walks WHERE failures > 0;
UPDATE callrail_walks SET failures = 50 WHERE failures = 2;
SELECT pg_temp.pass('2 minutes'), pg_temp.who();
SELECT fn.callrail_turned(account_id, lease, true, 0) FROM callrail_accounts WHERE account_id IN ('A', 'N');
SELECT is(pg_temp.who(), 'N bad-key 1', 'once more');
SELECT pg_temp.failed('N', true, 401);
SELECT is(next_at <= clock_timestamp() + interval '1 hour', true, 'but within the hour') FROM callrail_walks WHERE failures > 0;
SELECT pg_temp.set('workspace/ws2', '{"api_key": "good-key"}');
SELECT is(pg_temp.who(), 'N good-key 1', 'a new key makes it well at once');
SELECT pg_temp.settle();
SELECT is(count(*), 0::bigint, 'nothing is wrong') FROM fn.callrail_troubles();

SELECT pg_temp.pass('2 hours');
SELECT pg_temp.who() LIKE 'A %', pg_temp.failed('A', false, 429);
SELECT is((pg_temp.account('A')).next_at BETWEEN clock_timestamp() + interval '119 s'
    AND clock_timestamp() + interval '240 s', true, 'minutes after a 429');
SELECT pg_temp.pass('110 s');
SELECT is(pg_temp.who() LIKE '%A %', false, 'nobody asks the account meanwhile');
SELECT is(fn.callrail_spend('A', 0) > 0, true, 'also not for a recording');
SELECT is(error, 'CallRail answered 429', 'which is told') FROM fn.callrail_troubles() WHERE account_id = 'A';
SELECT pg_temp.pass('131 s');
SELECT is(page, 1, 'then with the page that it was') FROM pg_temp.ask(10) WHERE account_id = 'A';
SELECT pg_temp.failed('A', false, 429);
SELECT is((pg_temp.account('A')).next_at BETWEEN clock_timestamp() + interval '239 s'
    AND clock_timestamp() + interval '480 s', true, 'twice as long');
SELECT pg_temp.pass('481 s');
SELECT pg_temp.who() LIKE 'A %', pg_temp.failed('A', false, 503, 1800);
SELECT is((pg_temp.account('A')).next_at BETWEEN clock_timestamp() + interval '1799 s'
    AND clock_timestamp() + interval '1801 s', true, 'as long as it says itself');
SELECT fn.callrail_pause('A', 500, 0, 'CallRail answered 500');
SELECT is((pg_temp.account('A')).next_at > clock_timestamp() + interval '1799 s', true, 'a shorter pause ends no longer one');
SELECT pg_temp.pass('1801 s'), pg_temp.settle();
SELECT is((pg_temp.account('A')).failures, 0, 'an answer makes it well');
SELECT is(count(*), 0::bigint, 'nothing is told') FROM fn.callrail_troubles();

-- ---- at most 900 an hour and 9,000 a day ----

-- How many of this many requests, spread over this time, an account may make that was asked nothing before.
CREATE FUNCTION pg_temp.spent(p_account text, p_count integer, p_time interval, p_keep integer DEFAULT 0)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    v_count integer := 0;
BEGIN
    FOR i IN 1 .. p_count LOOP
        v_count := v_count + (fn.callrail_spend(p_account, p_keep) = 0)::integer;
        UPDATE callrail_accounts SET left_at = left_at - p_time / p_count WHERE account_id = p_account;
    END LOOP;
    RETURN v_count;
END $$;
SELECT is(pg_temp.spent('hour', 1200, '1 hour') BETWEEN 850 AND 900, true, 'within 900 in the first hour');
SELECT is(pg_temp.spent('hour', 600, '1 hour') BETWEEN 440 AND 451, true, 'which the next one pays for');
SELECT fn.callrail_spend('day', 0);
UPDATE callrail_accounts SET left_at = left_at - interval '1 year' WHERE account_id = 'day';
SELECT is(fn.callrail_spend('day', 0), 0, 'after a long time');
SELECT is(hour_left || ' ' || day_left, '449 899', 'no more is saved up than that') FROM callrail_accounts WHERE account_id = 'day';
UPDATE callrail_accounts SET hour_left = 450, day_left = 0, left_at = left_at - interval '1 hour' WHERE account_id = 'day';
SELECT is(pg_temp.spent('day', 345, '1 s'), 337, 'of a day''s 8,100 an hour brings its part back');
SELECT is(pg_temp.spent('keep', 500, '1 s', 60), 390, 'some are kept for the poller');
SELECT is(fn.callrail_spend('keep', 60) BETWEEN 1 AND 10, true, 'whoever is refused knows when to come again');
SELECT is(fn.callrail_spend('keep', 0), 0, 'which may go on');
SELECT pg_temp.settle(), pg_temp.pass('1 day');
UPDATE callrail_accounts SET hour_left = 0, left_at = clock_timestamp() WHERE account_id = 'A';
SELECT is(pg_temp.who() LIKE '%A %', false, 'an account that is used up has no turn');
SELECT pg_temp.pass('10 s');
SELECT is(pg_temp.who() LIKE '%A %', true, 'until something has come back');

SELECT * FROM finish();
ROLLBACK;
