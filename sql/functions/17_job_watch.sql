-- How the post-call pipeline does, for /metrics and the operator. Nothing here walks over jobs that have
-- ended: these were counted when they did.

-- What has not ended, by status: how many, and how long ago the oldest was queued.
CREATE FUNCTION fn.jobs_open() RETURNS TABLE (status job_status, jobs bigint, oldest_seconds float8)
LANGUAGE sql STABLE AS $$
    SELECT s.status, (SELECT count(*) FROM jobs j WHERE j.status = s.status AND j.ended_at IS NULL),
        (SELECT round(extract(epoch FROM clock_timestamp() - min(j.queued_at)), 3) FROM jobs j
            WHERE j.status = s.status AND j.ended_at IS NULL)
    FROM unnest('{queued,transcribing,analyzing,publishing}'::job_status[]) WITH ORDINALITY s (status, no)
    ORDER BY s.no
$$;

-- The tallies of all workspaces together: completed and skipped; failed, and for what; begun, and which
-- stage; wrong, and what.
CREATE FUNCTION fn.job_tallied() RETURNS TABLE (kind text, label text, times bigint)
LANGUAGE sql STABLE AS $$
    SELECT split_part(t.what, ':', 1), split_part(t.what, ':', 2), sum(t.count)::bigint
    FROM job_tallies t GROUP BY 1, 2
$$;

CREATE FUNCTION fn.job_workers_alive() RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT count(*) FROM job_workers WHERE seen_at > clock_timestamp() - interval '45 s'
$$;

-- Prometheus samples, as figures_read() answers them. What was never counted is 0.
CREATE FUNCTION fn.job_figures() RETURNS TABLE (name text, label text, value numeric)
LANGUAGE sql STABLE AS $$
    WITH failures (word) AS (SELECT unnest('{call_not_found,fetch,transcription,model,mail,lost,settings}'::text[])),
    known (kind, label) AS (
        VALUES ('completed', ''), ('skipped', ''), ('begun', 'transcribe'), ('begun', 'summarise'),
            ('begun', 'publish')
        UNION ALL SELECT 'failed', word FROM failures
        UNION ALL SELECT 'wrong', word FROM failures WHERE word NOT IN ('call_not_found', 'lost')),
    tallies AS (SELECT kind, label, coalesce(t.times, 0) AS times
        FROM known FULL JOIN fn.job_tallied() t USING (kind, label)),
    usage AS (SELECT sum(requests) AS requests, sum(prompt_tokens) AS prompt,
        sum(completion_tokens) AS completion, sum(cost_micros) AS cost FROM job_usage)
    SELECT f.name, f.label, f.value FROM (
        SELECT 'jobs', format('status="%s"', o.status), o.jobs FROM fn.jobs_open() o
        UNION ALL SELECT 'jobs_oldest_seconds', format('status="%s"', o.status),
            coalesce(o.oldest_seconds, 0)::numeric FROM fn.jobs_open() o
        UNION ALL SELECT 'jobs_ended_total', format('status="%s",reason="%s"', t.kind, t.label), t.times
            FROM tallies t WHERE t.kind IN ('completed', 'skipped', 'failed')
        UNION ALL SELECT 'job_stage_begun_total', format('stage="%s"', t.label), t.times FROM tallies t
            WHERE t.kind = 'begun'
        UNION ALL SELECT 'job_stage_wrong_total', format('reason="%s"', t.label), t.times FROM tallies t
            WHERE t.kind = 'wrong'
        UNION ALL SELECT 'job_model_requests_total', NULL, coalesce(u.requests, 0) FROM usage u
        UNION ALL SELECT 'job_model_tokens_total', 'kind="prompt"', coalesce(u.prompt, 0) FROM usage u
        UNION ALL SELECT 'job_model_tokens_total', 'kind="completion"', coalesce(u.completion, 0) FROM usage u
        UNION ALL SELECT 'job_model_cost_total', NULL, round(coalesce(u.cost, 0) / 1000000, 6) FROM usage u
        UNION ALL SELECT 'job_workers', NULL, fn.job_workers_alive()) f (name, label, value)
    ORDER BY f.name, f.label
$$;

-- What went wrong lately: of the thousand jobs that ended last, those that failed within a day, by the
-- word, most first; and the newest sentence of each.
CREATE FUNCTION fn.job_troubles() RETURNS TABLE (failure text, jobs bigint, error text)
LANGUAGE sql STABLE AS $$
    SELECT f.failure, count(*), (array_agg(f.error ORDER BY f.ended_at DESC))[1]
    FROM (SELECT j.failure, j.error, j.ended_at FROM jobs j WHERE j.ended_at IS NOT NULL
        ORDER BY j.ended_at DESC LIMIT 1000) f
    WHERE f.failure IS NOT NULL AND f.ended_at > clock_timestamp() - interval '1 day'
    GROUP BY f.failure ORDER BY 2 DESC, 1
$$;

-- The jobs whose newest try went wrong, among the thousand oldest of each status, and what the newest of
-- these says.
CREATE FUNCTION fn.jobs_trying(OUT jobs bigint, OUT error text)
LANGUAGE sql STABLE AS $$
    SELECT count(*), (array_agg(o.error ORDER BY o.updated_at DESC))[1]
    FROM unnest('{transcribing,analyzing,publishing}'::job_status[]) s (status)
    CROSS JOIN LATERAL (SELECT j.error, j.updated_at FROM jobs j WHERE j.status = s.status
        AND j.ended_at IS NULL ORDER BY j.queued_at LIMIT 1000) o
    WHERE o.error IS NOT NULL
$$;
