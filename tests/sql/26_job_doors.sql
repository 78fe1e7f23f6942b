-- The doors of jobs: whom a key reaches, lists and their pages, the log, and requeueing one or many.
BEGIN;
SELECT no_plan();
SELECT fn.partner_create('p-a', 'p-a'), fn.partner_create('p-b', 'p-b'), fn.organization_create('o-a', 'p-a', 'o-a'),
    fn.organization_create('o-b', 'p-a', 'o-b'), fn.organization_create('o-c', 'p-b', 'o-c'),
    fn.workspace_create('wa1', 'o-a', 'wa1', 1, NULL), fn.workspace_create('wa2', 'o-a', 'wa2', 1, NULL),
    fn.workspace_create('wb1', 'o-b', 'wb1', 1, NULL), fn.workspace_create('wc1', 'o-c', 'wc1', 1, NULL);

-- A job that was created p_ago minutes ago, in a state of its own.
CREATE FUNCTION pg_temp.make(p_ws text, p_ext text, p_ago integer DEFAULT 0, p_skip text DEFAULT NULL,
    p_failure text DEFAULT NULL, p_source job_source DEFAULT 'api') RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_job bigint;
BEGIN
    SELECT job_id INTO v_job FROM fn.job_ingest(p_ws, p_source, p_ext, 60, NULL, '[]', '{"k": 1}', p_skip);
    IF p_failure IS NOT NULL THEN
        PERFORM fn.job_move(v_job, p_ws, 'failed', 'Gone.', p_failure);
    END IF;
    UPDATE jobs SET created_at = '2026-11-20 12:00Z'::timestamptz - p_ago * interval '1 minute' WHERE job_id = v_job;
    RETURN v_job;
END $$;
CREATE FUNCTION pg_temp.id(p_ext text) RETURNS bigint LANGUAGE sql AS $$ SELECT job_id FROM jobs WHERE external_id = p_ext $$;
-- The external ids of a list, in its order.
CREATE FUNCTION pg_temp.list(p_filter jsonb, p_scope text DEFAULT 'platform', p_id text DEFAULT 'default',
    p_named text DEFAULT NULL, p_limit integer DEFAULT 200, p_cursor text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce((SELECT string_agg(j->>'external_id', ' ') FROM jsonb_array_elements(d.body::jsonb->'jobs') j), d.word)
    FROM fn.job_list(p_scope, p_id, p_named, p_filter, split_part(p_cursor, '.', 1)::bigint,
        split_part(p_cursor, '.', 2)::bigint, p_limit) d $$;
CREATE FUNCTION pg_temp.cursor(p_filter jsonb, p_limit integer, p_cursor text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT d.body::jsonb->>'next_cursor' FROM fn.job_list('platform', 'default', NULL, p_filter,
        split_part(p_cursor, '.', 1)::bigint, split_part(p_cursor, '.', 2)::bigint, p_limit) d $$;

-- ---- reach ----

SELECT is(ARRAY(SELECT r FROM fn.reached(s, i, NULL) r WHERE r LIKE 'w__' ORDER BY r), w::text[], s || ' ' || i || ' reaches its own')
    FROM (VALUES ('workspace', 'wa1', '{wa1}'), ('organization', 'o-a', '{wa1,wa2}'), ('partner', 'p-a', '{wa1,wa2,wb1}'),
        ('platform', 'platform', '{wa1,wa2,wb1,wc1}'), ('organization', 'none', '{}'), ('workspace', 'none', '{}'),
        ('other', 'o-a', '{}')) x (s, i, w);
SELECT is(ARRAY(SELECT r FROM fn.reached('partner', 'p-a', n) r), w::text[], 'of those the one that is named: ' || n)
    FROM (VALUES ('wa2', '{wa2}'), ('wc1', '{}'), ('none', '{}')) x (n, w);
SELECT is(fn.reaches(s, i, w), yes, format('%s %s and %s', s, i, w)) FROM (VALUES ('workspace', 'wa1', 'wa1', true),
    ('workspace', 'wa1', 'wa2', false), ('organization', 'o-a', 'wa2', true), ('organization', 'o-a', 'wb1', false),
    ('partner', 'p-a', 'wb1', true), ('partner', 'p-a', 'wc1', false), ('platform', 'platform', 'wc1', true),
    ('platform', 'platform', 'none', false)) x (s, i, w, yes);

-- ---- lists ----

SELECT pg_temp.make('wa1', 'a-new', 1, p_source => 'callrail'), pg_temp.make('wa1', 'a-skip', 2, 'rate_limit'),
    pg_temp.make('wa1', 'a-short', 3, 'duration_below_minimum:1<30'), pg_temp.make('wa1', 'a-short2', 4, 'duration_below_minimum:2<30', NULL, 'callrail'),
    pg_temp.make('wa1', 'a-model', 5, NULL, 'model'), pg_temp.make('wa1', 'a-mail', 6, NULL, 'mail'),
    pg_temp.make('wa2', 'b-skip', 2, 'rate_limit'), pg_temp.make('wa2', 'b-old', 99), pg_temp.make('wb1', 'c-skip', 7, 'skip_all_on_ingest'),
    pg_temp.make('wc1', 'd-skip', 0, 'rate_limit');
SELECT is(pg_temp.list(f), l, f::text) FROM (VALUES
    ('{}'::jsonb, 'd-skip a-new b-skip a-skip a-short a-short2 a-model a-mail c-skip b-old'),
    ('{"status": "skipped"}', 'd-skip b-skip a-skip a-short a-short2 c-skip'),
    ('{"status": "failed"}', 'a-model a-mail'),
    ('{"source": "callrail"}', 'a-new a-short2'),
    ('{"status": "skipped", "source": "callrail"}', 'a-short2'),
    ('{"skipped_reason": "rate_limit"}', 'd-skip b-skip a-skip'),
    ('{"skipped_reason": "duration_below_minimum"}', 'a-short a-short2'),
    ('{"skipped_reason": "duration_below_minimum:2<30"}', 'a-short2'),
    ('{"skipped_reason": "rate"}', 'ok'),
    ('{"skipped_reason": "rate_limit", "status": "failed"}', 'ok'),
    ('{"skipped_reason": "duration_below_minimum", "source": "api"}', 'a-short'),
    ('{"failure": "model"}', 'a-model'),
    ('{"failure": "model", "status": "skipped"}', 'ok'),
    ('{"external_id": "a-mail"}', 'a-mail'),
    ('{"external_id": "a-mail", "status": "skipped"}', 'ok'),
    ('{"external_id": "nobody"}', 'ok'),
    ('{"since": "2026-11-20T11:58:00Z"}', 'd-skip a-new b-skip a-skip'),
    ('{"until": "2026-11-20T11:55:00Z"}', 'a-mail c-skip b-old'),
    ('{"since": "2026-11-20T11:55:00Z", "until": "2026-11-20T11:57:00Z"}', 'a-short2 a-model'),
    ('{"status": "skipped", "since": "2026-11-20T11:53:00Z", "until": "2026-11-20T11:57:00Z"}', 'a-short2 c-skip'),
    ('{"skipped_reason": "rate_limit", "until": "2026-11-20T12:00:00Z"}', 'b-skip a-skip')) x (f, l);
SELECT is(pg_temp.list('{}', s, i, n), l, format('%s %s as %s', s, i, n)) FROM (VALUES
    ('workspace', 'wa1', NULL, 'a-new a-skip a-short a-short2 a-model a-mail'), ('workspace', 'wa1', 'wa1', 'a-new a-skip a-short a-short2 a-model a-mail'),
    ('workspace', 'wa1', 'wa2', 'forbidden'), ('organization', 'o-a', 'wa2', 'b-skip b-old'), ('organization', 'o-a', 'wb1', 'forbidden'),
    ('partner', 'p-a', 'wb1', 'c-skip'), ('partner', 'p-b', NULL, 'd-skip'), ('platform', 'platform', 'none', 'forbidden')) x (s, i, n, l);
WITH RECURSIVE pages AS (
    SELECT 1 AS no, pg_temp.list(f, p_limit => 3) AS jobs, pg_temp.cursor(f, 3) AS next, f
        FROM (VALUES ('{}'::jsonb), ('{"status": "skipped"}')) x (f)
    UNION ALL
    SELECT no + 1, pg_temp.list(f, p_limit => 3, p_cursor => next), pg_temp.cursor(f, 3, next), f FROM pages WHERE next IS NOT NULL
)
SELECT is(string_agg(jobs, ' | ' ORDER BY no), CASE f WHEN '{}' THEN 'd-skip a-new b-skip | a-skip a-short a-short2 | a-model a-mail c-skip | b-old'
    ELSE 'd-skip b-skip a-skip | a-short a-short2 c-skip' END, 'page by page, none twice, and an end: ' || f::text) FROM pages GROUP BY f;
UPDATE jobs SET created_at = '2026-11-20 12:00Z' WHERE workspace_id = 'wa1';
SELECT is(pg_temp.list('{}', 'workspace', 'wa1'), 'a-mail a-model a-short2 a-short a-skip a-new', 'those of one instant by their ids');
SELECT is(pg_temp.list('{}', 'workspace', 'wa1', NULL, 2, '1795176000000000.' || pg_temp.id('a-short2')), 'a-short a-skip', 'also from page to page');

-- ---- one ----

SELECT is(fn.job_reach(s, i, n, pg_temp.id('a-skip')), w, format('%s %s as %s', s, i, n)) FROM (VALUES ('workspace', 'wa1', NULL, 'ok'),
    ('workspace', 'wa1', 'wa1', 'ok'), ('workspace', 'wa1', 'wa2', 'forbidden'), ('workspace', 'wa2', NULL, 'forbidden'),
    ('organization', 'o-a', NULL, 'ok'), ('organization', 'o-a', 'wa2', 'forbidden'), ('organization', 'o-b', NULL, 'forbidden'),
    ('partner', 'p-a', NULL, 'ok'), ('partner', 'p-b', NULL, 'forbidden'), ('platform', 'platform', NULL, 'ok')) x (s, i, n, w);
SELECT is(fn.job_reach('platform', 'platform', NULL, 9223372036854775807), 'unknown', 'none');
SELECT is(fn.job_reach('platform', 'platform', NULL, NULL), 'unknown', 'and no number');
SELECT is(word || coalesce(body, '-'), 'forbidden-', 'a foreign key sees nothing') FROM fn.job_show('workspace', 'wa2', NULL, pg_temp.id('a-skip'));
SELECT is((body::jsonb->'history'->0) - 'at', '{"status": "queued", "previous": null, "reason": null}', 'its history begins')
    FROM fn.job_show('workspace', 'wa1', NULL, pg_temp.id('a-skip'));
SELECT is((body::jsonb->'history'->1) - 'at', '{"status": "skipped", "previous": "queued", "reason": "rate_limit"}', 'and says why')
    FROM fn.job_show('workspace', 'wa1', NULL, pg_temp.id('a-skip'));
SELECT is(body::jsonb->'transcript', '[]', 'with its transcript') FROM fn.job_show('workspace', 'wa1', NULL, pg_temp.id('a-skip'));

-- ---- the log ----

SELECT is(word, 'forbidden', 'nor its log') FROM fn.job_lines('workspace', 'wa2', NULL, pg_temp.id('a-skip'), 0, 10);
SELECT is(string_agg(l->>'message', ' ' ORDER BY n), 'Queued. rate_limit', 'oldest first') FROM fn.job_lines('workspace', 'wa1', NULL, pg_temp.id('a-skip'), 0, 2) d,
    jsonb_array_elements(d.body::jsonb->'logs') WITH ORDINALITY x (l, n);
SELECT is(body::jsonb->>'next_cursor', NULL, 'the last page has none behind it') FROM fn.job_lines('workspace', 'wa1', NULL, pg_temp.id('a-skip'), 0, 2);
SELECT is((n.body::jsonb->'logs'->0->>'message') || jsonb_array_length(n.body::jsonb->'logs'), 'rate_limit1', 'the next page')
    FROM fn.job_lines('workspace', 'wa1', NULL, pg_temp.id('a-skip'), 0, 1) d,
    fn.job_lines('workspace', 'wa1', NULL, pg_temp.id('a-skip'), (d.body::jsonb->>'next_cursor')::bigint, 1) n;

-- ---- taking in ----

SELECT is(word, w, 'taken in: ' || w) FROM (VALUES (NULL, NULL, 'unnamed'), (NULL, 'wb1', 'forbidden'), ('wa1', NULL, 'created')) x (ws, n, w),
    fn.job_create(ws, n, 'new', 5, NULL, '[]', 'null') d;
SELECT is(word || ' ' || (body::jsonb->>'external_id'), 'existing new', 'once') FROM fn.job_create('wa1', NULL, 'new', 5, NULL, NULL, NULL);
SELECT is(source_metadata, '{}', 'null is no metadata') FROM jobs WHERE external_id = 'new';

-- ---- requeueing one ----

SELECT is(word, 'forbidden', 'not by another') FROM fn.job_requeue_one('workspace', 'wa2', NULL, pg_temp.id('a-skip'));
SELECT is(status, 'skipped', 'who changes nothing') FROM jobs WHERE external_id = 'a-skip';
SELECT is(word || ' ' || body, 'not_skipped failed', 'one that failed is not skipped') FROM fn.job_requeue_one('workspace', 'wa1', NULL, pg_temp.id('a-model'));
SELECT is(word, 'unknown', 'nor one that is not there') FROM fn.job_requeue_one('workspace', 'wa1', NULL, 9223372036854775807);
SELECT is(body::jsonb, jsonb_build_object('job_id', pg_temp.id('a-skip')::text, 'previous_status', 'skipped', 'new_status', 'queued', 'message',
    'Job requeued successfully (requeue #1). Job will be re-validated against current processing filters.'), 'requeued')
    FROM fn.job_requeue_one('organization', 'o-a', NULL, pg_temp.id('a-skip'));
SELECT is(word || ' ' || body, 'not_skipped queued', 'once') FROM fn.job_requeue_one('workspace', 'wa1', NULL, pg_temp.id('a-skip'));
SELECT is(source_metadata - '{last_requeued_at,previous_skipped_at}'::text[], '{"k": 1, "requeue_count": 1, "last_requeued_by": "organization",
    "previous_skipped_reason": "rate_limit"}', 'it says so') FROM jobs WHERE external_id = 'a-skip';
SELECT (fn.job_move(pg_temp.id('a-skip'), 'wa1', 'skipped', 'rate_limit')).status;
SELECT is(body::jsonb->>'message' LIKE '%(requeue #2)%', true, 'counted') FROM fn.job_requeue_one('workspace', 'wa1', NULL, pg_temp.id('a-skip'));

-- ---- requeueing many ----

CREATE FUNCTION pg_temp.many(p_filter jsonb, p_dry boolean, p_limit integer DEFAULT 100, p_scope text DEFAULT 'partner', p_id text DEFAULT 'p-a',
    p_named text DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT coalesce((d.body::jsonb - 'job_ids') || jsonb_build_object('jobs', (SELECT coalesce(string_agg(j.external_id, ' ' ORDER BY no), '')
        FROM jsonb_array_elements_text(d.body::jsonb->'job_ids') WITH ORDINALITY i (id, no) JOIN jobs j ON j.job_id = i.id::bigint)), to_jsonb(d.word))
    FROM fn.jobs_requeue(p_scope, p_id, p_named, p_filter, p_dry, p_limit) d $$;
SELECT is(pg_temp.many('{"status": "skipped"}', true), '{"dry_run": true, "matched": 4, "requeued": 0, "more": false, "jobs": "a-short2 a-short b-skip c-skip"}', 'a dry run');
SELECT is(pg_temp.many('{"status": "skipped"}', true, 2), '{"dry_run": true, "matched": 4, "requeued": 0, "more": true, "jobs": "a-short2 a-short"}', 'of so many at most');
SELECT is(count(*), 4::bigint, 'changes nothing') FROM jobs WHERE status = 'skipped' AND workspace_id IN ('wa1', 'wa2', 'wb1');
SELECT is(pg_temp.many('{"status": "skipped"}', false, 2), '{"dry_run": false, "matched": 4, "requeued": 2, "more": true, "jobs": "a-short2 a-short"}', 'two of them');
SELECT is(pg_temp.many('{"status": "skipped"}', false, 2), '{"dry_run": false, "matched": 2, "requeued": 2, "more": false, "jobs": "b-skip c-skip"}', 'the others');
SELECT is(status || (source_metadata->>'last_requeued_by'), 'queuedpartner', 'each of them') FROM jobs WHERE external_id IN ('a-short', 'a-short2', 'b-skip', 'c-skip');
SELECT is(status, 'skipped', 'but not what is another''s') FROM jobs WHERE external_id = 'd-skip';
SELECT is(pg_temp.many('{"status": "failed", "failure": "mail"}', false, p_named => 'wa2'), '{"dry_run": false, "matched": 0, "requeued": 0, "more": false, "jobs": ""}', 'elsewhere');
SELECT is(pg_temp.many('{"status": "failed", "failure": "mail"}', false, p_named => 'wc1'), '"forbidden"', 'beyond its reach');
SELECT is(pg_temp.many('{"status": "failed", "failure": "mail"}', false, p_named => 'wa1'), '{"dry_run": false, "matched": 1, "requeued": 1, "more": false, "jobs": "a-mail"}', 'a failed one');
SELECT is(source_metadata->>'previous_error', 'Gone.', 'with what was wrong') FROM jobs WHERE external_id = 'a-mail';
SELECT is(fn.jobs_count('platform', 'platform', NULL, jsonb_populate_record(NULL::fn.job_filter, '{}'), n), least(n, 11), 'counted up to ' || n)
    FROM generate_series(1, 12) n;

-- ---- nothing is walked over ----

-- As the programs' sessions have it.
SET LOCAL plan_cache_mode = force_generic_plan;
SET LOCAL enable_seqscan = off;
INSERT INTO jobs (workspace_id, source, external_id, status, due_at, ended_at, skipped_reason, skipped_at, failure, created_at)
    SELECT 'wc1', CASE WHEN n % 1000 = 1 THEN 'api' ELSE 'callrail' END::job_source, 'bulk' || n, s::job_status, NULL, now(),
        CASE s WHEN 'skipped' THEN CASE WHEN n % 1000 = 1 THEN 'no_recording' ELSE 'rate_limit' END END, NULL,
        CASE s WHEN 'failed' THEN CASE WHEN n % 1000 = 2 THEN 'mail' ELSE 'model' END END, '2026-01-01Z'::timestamptz + n * interval '1 s'
    FROM generate_series(1, 3000) n CROSS JOIN LATERAL (SELECT CASE n % 2 WHEN 1 THEN 'skipped' ELSE 'failed' END) x (s);
CREATE FUNCTION pg_temp.rows_read() RETURNS bigint LANGUAGE sql AS $$
    SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'jobs' $$;
-- How many rows of jobs a page of five takes.
CREATE FUNCTION pg_temp.cost(p_filter jsonb, p_cursor text DEFAULT NULL) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_before bigint := pg_temp.rows_read();
BEGIN
    PERFORM pg_temp.list(p_filter, 'workspace', 'wc1', NULL, 5, p_cursor);
    RETURN pg_temp.rows_read() - v_before;
END $$;
SELECT ok(pg_temp.cost(f, c) BETWEEN 1 AND 60, format('a page of %s behind %s', f, coalesce(c, 'nothing'))) FROM (VALUES
    ('{}'::jsonb, NULL), ('{}', '1767226000000000.1'), ('{"status": "skipped"}', NULL), ('{"status": "failed"}', '1767226000000000.1'),
    ('{"source": "api"}', NULL), ('{"source": "api", "status": "skipped"}', NULL), ('{"skipped_reason": "no_recording"}', NULL),
    ('{"failure": "mail"}', NULL), ('{"external_id": "bulk7"}', NULL), ('{"until": "2026-01-01T00:00:09Z"}', NULL),
    ('{"since": "2026-01-01T00:10:00Z", "until": "2026-01-01T00:10:02Z"}', NULL),
    ('{"status": "skipped", "until": "2026-01-01T00:00:09Z"}', NULL), ('{"failure": "model", "until": "2026-01-01T00:00:09Z"}', NULL)) x (f, c);
RESET plan_cache_mode;
RESET enable_seqscan;

-- ---- watching ----

DELETE FROM jobs;
DELETE FROM job_tallies;
SELECT is(array_agg(status || ' ' || jobs || ' ' || coalesce(oldest_seconds::text, '-')), '{queued 0 -,transcribing 0 -,analyzing 0 -,publishing 0 -}', 'nothing waits')
    FROM fn.jobs_open();
SELECT pg_temp.make('wa1', 'w1'), pg_temp.make('wa2', 'w2'), pg_temp.make('wa1', 'w3', 0, 'rate_limit'), pg_temp.make('wa1', 'w4', 0, NULL, 'model'),
    pg_temp.make('wa2', 'w5', 0, NULL, 'model'), pg_temp.make('wa2', 'w6', 0, NULL, 'mail');
UPDATE jobs SET queued_at = clock_timestamp() - interval '50 s' WHERE external_id = 'w2';
SELECT is(jobs, 2::bigint, 'two wait') FROM fn.jobs_open() WHERE status = 'queued';
SELECT ok(oldest_seconds BETWEEN 50 AND 60, 'the oldest for so long') FROM fn.jobs_open() WHERE status = 'queued';
SELECT is(array_agg(kind || ':' || label || ' ' || times ORDER BY kind, label), '{failed:mail 1,failed:model 2,skipped: 1}', 'tallies of all workspaces')
    FROM fn.job_tallied();
SELECT is(value, v::numeric, n || ' ' || l) FROM (VALUES ('jobs', 'status="queued"', 2), ('jobs_ended_total', 'status="failed",reason="model"', 2),
    ('jobs_ended_total', 'status="completed",reason=""', 0), ('jobs_ended_total', 'status="failed",reason="lost"', 0)) x (n, l, v)
    LEFT JOIN fn.job_figures() f ON f.name = n AND f.label = l;
SELECT is(count(*), count(DISTINCT (name, label)), 'each figure once') FROM fn.job_figures();
SELECT is(array_agg(failure || ' ' || jobs || ' ' || error), '{model 2 Gone.,mail 1 Gone.}', 'what went wrong lately') FROM fn.job_troubles();
UPDATE jobs SET ended_at = clock_timestamp() - interval '25 hours' WHERE failure = 'model';
SELECT is(array_agg(failure), '{mail}', 'within a day') FROM fn.job_troubles();
SELECT is(jobs, 0::bigint, 'nobody tries again') FROM fn.jobs_trying();
UPDATE jobs SET status = 'transcribing', error = 'Away.' WHERE external_id = 'w1';
SELECT is(jobs || ' ' || error, '1 Away.', 'somebody does') FROM fn.jobs_trying();
SELECT is(fn.job_workers_alive(), 0::bigint, 'nobody is at work');
SELECT fn.job_worker_join('here', 1, 1), fn.job_worker_join('gone', 1, 1);
UPDATE job_workers SET seen_at = clock_timestamp() - interval '46 s' WHERE host = 'gone';
SELECT is(fn.job_workers_alive(), 1::bigint, 'but who was heard of lately');

-- ---- the operator's way ----

SELECT is(word, 'not_skipped', 'a key may not') FROM fn.job_requeue_one('platform', 'platform', NULL, pg_temp.id('w6'));
SELECT is(body::jsonb->>'previous_status', 'failed', 'the operator may') FROM fn.job_requeue_one('platform', 'platform', NULL, pg_temp.id('w6'), true);

SELECT * FROM finish();
ROLLBACK;
