-- The doors of jobs: which workspaces a key reaches, and what it may see there and queue again.

-- ---- reach ----

-- Whether a key of that scope reaches a workspace. False also when there is none.
CREATE FUNCTION fn.reaches(p_scope text, p_scope_id text, p_workspace text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM workspaces w WHERE w.workspace_id = p_workspace
        AND CASE p_scope WHEN 'workspace' THEN w.workspace_id = p_scope_id
            WHEN 'organization' THEN w.organization_id = p_scope_id
            WHEN 'partner' THEN w.partner_id = p_scope_id
            ELSE p_scope = 'platform' END)
$$;

-- The workspaces that it reaches; p_only (unless NULL): of those that one alone.
CREATE FUNCTION fn.reached(p_scope text, p_scope_id text, p_only text) RETURNS SETOF text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF p_only IS NOT NULL OR p_scope = 'workspace' THEN
        RETURN QUERY SELECT w FROM coalesce(p_only, p_scope_id) w WHERE fn.reaches(p_scope, p_scope_id, w);
    ELSE
        RETURN QUERY SELECT w.workspace_id FROM workspaces w WHERE CASE p_scope
            WHEN 'organization' THEN w.organization_id = p_scope_id
            WHEN 'partner' THEN w.partner_id = p_scope_id
            ELSE p_scope = 'platform' END;
    END IF;
END $$;

-- How one job stands to a key that acts in the workspace p_named (NULL: in all that it reaches): 'ok',
-- 'forbidden' or 'unknown'.
CREATE FUNCTION fn.job_reach(p_scope text, p_scope_id text, p_named text, p_job bigint) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT CASE WHEN fn.reaches(p_scope, p_scope_id, j.workspace_id)
            AND j.workspace_id = coalesce(p_named, j.workspace_id) THEN 'ok' ELSE 'forbidden' END
        FROM jobs j WHERE j.job_id = p_job), 'unknown')
$$;

-- ---- what is looked for ----

-- Each NULL lets all jobs through. skipped_reason is the whole of it, or its part before the colon; since
-- is inclusive, until is not.
CREATE TYPE fn.job_filter AS (status job_status, source job_source, external_id text, call_id text,
    skipped_reason text, failure text, since timestamptz, until timestamptz);

CREATE FUNCTION fn.job_fits(j jobs, f fn.job_filter) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT (f.status IS NULL OR j.status = f.status) AND (f.source IS NULL OR j.source = f.source)
        AND (f.external_id IS NULL OR j.external_id = f.external_id)
        AND (f.call_id IS NULL OR j.call_id = f.call_id)
        AND (f.skipped_reason IS NULL OR f.skipped_reason IN (j.skipped_reason,
            split_part(j.skipped_reason, ':', 1)))
        AND (f.failure IS NULL OR j.failure = f.failure)
        AND (f.since IS NULL OR j.created_at >= f.since) AND (f.until IS NULL OR j.created_at < f.until)
$$;

-- The jobs of one workspace that a filter lets through, newest first, behind (p_at, p_id), each way by an
-- index that has them in this order: no walk over the others. With a status or a source it is one look for
-- each pair of them.
CREATE FUNCTION fn.jobs_of(p_workspace text, f fn.job_filter, p_at timestamptz, p_id bigint,
    p_limit integer) RETURNS TABLE (job_id bigint, workspace_id text, created_at timestamptz)
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
DECLARE
    v_reason text := split_part(f.skipped_reason, ':', 1);
    v_since timestamptz := coalesce(f.since, '-infinity');
    v_at timestamptz := least(p_at, f.until);
    v_id bigint := CASE WHEN f.until <= p_at THEN 0 ELSE p_id END;
BEGIN
    IF f.external_id IS NOT NULL THEN
        RETURN QUERY SELECT j.job_id, j.workspace_id, j.created_at FROM jobs j
            WHERE j.workspace_id = p_workspace AND j.external_id = f.external_id AND fn.job_fits(j, f)
                AND (j.created_at, j.job_id) < (v_at, v_id);
    ELSIF f.call_id IS NOT NULL THEN
        RETURN QUERY SELECT j.job_id, j.workspace_id, j.created_at FROM jobs j
            WHERE j.workspace_id = p_workspace AND j.call_id = f.call_id AND fn.job_fits(j, f)
                AND (j.created_at, j.job_id) < (v_at, v_id);
    ELSIF f.skipped_reason IS NOT NULL THEN
        RETURN QUERY SELECT j.job_id, j.workspace_id, j.created_at FROM jobs j
            WHERE j.workspace_id = p_workspace AND split_part(j.skipped_reason, ':', 1) = v_reason
                AND j.skipped_reason IS NOT NULL AND j.created_at >= v_since AND fn.job_fits(j, f)
                AND (j.created_at, j.job_id) < (v_at, v_id)
            ORDER BY j.created_at DESC, j.job_id DESC LIMIT p_limit;
    ELSIF f.failure IS NOT NULL THEN
        RETURN QUERY SELECT j.job_id, j.workspace_id, j.created_at FROM jobs j
            WHERE j.workspace_id = p_workspace AND j.failure = f.failure AND j.created_at >= v_since
                AND fn.job_fits(j, f) AND (j.created_at, j.job_id) < (v_at, v_id)
            ORDER BY j.created_at DESC, j.job_id DESC LIMIT p_limit;
    ELSIF f.status IS NOT NULL OR f.source IS NOT NULL THEN
        RETURN QUERY SELECT d.* FROM unnest(CASE WHEN f.status IS NULL THEN enum_range(NULL::job_status)
                ELSE ARRAY[f.status] END) s (status)
            CROSS JOIN unnest(CASE WHEN f.source IS NULL THEN enum_range(NULL::job_source)
                ELSE ARRAY[f.source] END) o (source)
            CROSS JOIN LATERAL (SELECT j.job_id, j.workspace_id, j.created_at FROM jobs j
                WHERE j.workspace_id = p_workspace AND j.status = s.status AND j.source = o.source
                    AND j.created_at >= v_since AND fn.job_fits(j, f)
                    AND (j.created_at, j.job_id) < (v_at, v_id)
                ORDER BY j.created_at DESC, j.job_id DESC LIMIT p_limit) d
            ORDER BY d.created_at DESC, d.job_id DESC LIMIT p_limit;
    ELSE
        RETURN QUERY SELECT j.job_id, j.workspace_id, j.created_at FROM jobs j
            WHERE j.workspace_id = p_workspace AND j.created_at >= v_since AND fn.job_fits(j, f)
                AND (j.created_at, j.job_id) < (v_at, v_id)
            ORDER BY j.created_at DESC, j.job_id DESC LIMIT p_limit;
    END IF;
END $$;

-- The same of all workspaces that a key reaches, or of p_named alone.
CREATE FUNCTION fn.jobs_newest(p_scope text, p_scope_id text, p_named text, f fn.job_filter,
    p_at timestamptz, p_id bigint, p_limit integer)
RETURNS TABLE (job_id bigint, workspace_id text, created_at timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT j.* FROM fn.reached(p_scope, p_scope_id, p_named) w
        CROSS JOIN LATERAL fn.jobs_of(w, f, p_at, p_id, p_limit) j
        ORDER BY j.created_at DESC, j.job_id DESC LIMIT p_limit
$$;

-- How many there are, counted up to p_most.
CREATE FUNCTION fn.jobs_count(p_scope text, p_scope_id text, p_named text, f fn.job_filter, p_most integer)
RETURNS integer LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_workspace text;
    v_count integer := 0;
BEGIN
    FOR v_workspace IN SELECT fn.reached(p_scope, p_scope_id, p_named) LOOP
        v_count := v_count + (SELECT count(*) FROM fn.jobs_of(v_workspace, f, 'infinity',
            9223372036854775807, p_most - v_count));
        EXIT WHEN v_count >= p_most;
    END LOOP;
    RETURN v_count;
END $$;

-- ---- the doors ----
-- Each answers a word, 'forbidden' or 'unknown' among them, and with the others a body.

-- Takes a call from elsewhere in. p_workspace is the one that the caller acts in, NULL when it reaches
-- none of the name p_named. 'created', 'existing', 'forbidden', or 'unnamed'.
CREATE FUNCTION fn.job_create(p_workspace text, p_named text, p_external text, p_duration integer,
    p_recording_url text, p_items jsonb, p_metadata jsonb, OUT word text, OUT body text)
LANGUAGE plpgsql AS $$
DECLARE
    v_job bigint;
    v_created boolean;
BEGIN
    IF p_workspace IS NULL THEN
        word := CASE WHEN p_named IS NULL THEN 'unnamed' ELSE 'forbidden' END;
        RETURN;
    END IF;
    SELECT i.job_id, i.created INTO v_job, v_created FROM fn.job_ingest(p_workspace, 'api', p_external,
        p_duration, p_recording_url, p_items, nullif(p_metadata, 'null'), NULL) i;
    word := CASE WHEN v_created THEN 'created' ELSE 'existing' END;
    SELECT fn.job_json(j) INTO body FROM jobs j WHERE j.job_id = v_job AND j.workspace_id = p_workspace;
END $$;

-- A page, and where the next one begins: micros since the epoch, a point, and the id. 'ok'.
CREATE FUNCTION fn.job_list(p_scope text, p_scope_id text, p_named text, p_filter jsonb, p_at_us bigint,
    p_id bigint, p_limit integer, OUT word text, OUT body text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF p_named IS NOT NULL AND NOT fn.reaches(p_scope, p_scope_id, p_named) THEN
        word := 'forbidden';
        RETURN;
    END IF;
    WITH page AS MATERIALIZED (
        SELECT n.*, row_number() OVER (ORDER BY n.created_at DESC, n.job_id DESC) AS no
        FROM fn.jobs_newest(p_scope, p_scope_id, p_named, jsonb_populate_record(NULL::fn.job_filter, p_filter),
            coalesce('epoch'::timestamptz + p_at_us * interval '1 us', 'infinity'),
            coalesce(p_id, 9223372036854775807), p_limit + 1) n)
    SELECT 'ok', jsonb_build_object('jobs', coalesce(jsonb_agg((SELECT fn.job_json(j) FROM jobs j
                WHERE j.job_id = p.job_id AND j.workspace_id = p.workspace_id) ORDER BY p.no)
            FILTER (WHERE p.no <= p_limit), '[]'),
            'next_cursor', (SELECT (extract(epoch FROM l.created_at) * 1000000)::bigint || '.' || l.job_id
                FROM page l WHERE l.no = p_limit AND EXISTS (SELECT FROM page m WHERE m.no > p_limit)))
        INTO word, body FROM page p;
END $$;

-- How a job came where it is: its changes of status, oldest first, at most the newest thousand.
CREATE FUNCTION fn.job_history(p_job bigint, p_workspace text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('at', fn.iso(h.at), 'status', h.status, 'previous',
        h.previous, 'reason', nullif(h.message, initcap(h.status::text) || '.')) ORDER BY h.line), '[]')
    FROM (SELECT l.* FROM job_log l WHERE l.job_id = p_job AND l.workspace_id = p_workspace
        AND (l.previous IS NOT NULL OR l.message = 'Queued.') ORDER BY l.line DESC LIMIT 1000) h
$$;

-- All about one. 'ok'.
CREATE FUNCTION fn.job_show(p_scope text, p_scope_id text, p_named text, p_job bigint, OUT word text,
    OUT body text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    word := fn.job_reach(p_scope, p_scope_id, p_named, p_job);
    IF word = 'ok' THEN
        SELECT fn.job_json(j) || jsonb_build_object('transcript', j.items, 'history',
            fn.job_history(j.job_id, j.workspace_id)) INTO body FROM jobs j WHERE j.job_id = p_job;
    END IF;
END $$;

-- What is said in its log behind a line, oldest first. 'ok'.
CREATE FUNCTION fn.job_lines(p_scope text, p_scope_id text, p_named text, p_job bigint, p_after bigint,
    p_limit integer, OUT word text, OUT body text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    word := fn.job_reach(p_scope, p_scope_id, p_named, p_job);
    IF word <> 'ok' THEN
        RETURN;
    END IF;
    WITH page AS MATERIALIZED (
        SELECT l.*, row_number() OVER (ORDER BY l.line) AS no FROM job_log l
            WHERE l.job_id = p_job AND l.line > p_after ORDER BY l.line LIMIT p_limit + 1)
    SELECT jsonb_build_object('logs', coalesce(jsonb_agg(jsonb_build_object('at', fn.iso(p.at), 'level',
            p.level, 'status', p.status, 'previous', p.previous, 'message', p.message) ORDER BY p.line)
            FILTER (WHERE p.no <= p_limit), '[]'),
            'next_cursor', max(p.line) FILTER (WHERE p.no = p_limit AND EXISTS (SELECT FROM page m
                WHERE m.no > p_limit))::text)
        INTO body FROM page p;
END $$;

-- Queues a skipped one again, or (p_failed) one that has failed. 'ok'; 'not_skipped', whose body is the
-- status that it has.
CREATE FUNCTION fn.job_requeue_one(p_scope text, p_scope_id text, p_named text, p_job bigint,
    p_failed boolean DEFAULT false, OUT word text, OUT body text)
LANGUAGE plpgsql AS $$
DECLARE
    j jobs;
    v_count bigint;
BEGIN
    word := fn.job_reach(p_scope, p_scope_id, p_named, p_job);
    IF word <> 'ok' THEN
        RETURN;
    END IF;
    SELECT * INTO STRICT j FROM jobs WHERE job_id = p_job FOR UPDATE;
    IF j.status <> 'skipped' AND NOT (p_failed AND j.status = 'failed') THEN
        word := 'not_skipped';
        body := j.status;
        RETURN;
    END IF;
    v_count := fn.job_requeue(j, p_scope);
    body := jsonb_build_object('job_id', p_job::text, 'previous_status', j.status, 'new_status', 'queued',
        'message', format('Job requeued successfully (requeue #%s). Job will be re-validated against '
            'current processing filters.', v_count));
END $$;

-- Queues skipped or failed ones again, the newest p_limit that the filter lets through (it has one of
-- these statuses), or only says which (p_dry). What another one is at just now is left to that one. 'ok'.
CREATE FUNCTION fn.jobs_requeue(p_scope text, p_scope_id text, p_named text, p_filter jsonb,
    p_dry boolean, p_limit integer, OUT word text, OUT body text)
LANGUAGE plpgsql AS $$
DECLARE
    f fn.job_filter := jsonb_populate_record(NULL::fn.job_filter, p_filter);
    v_ids text[] := '{}';
    v_matched integer;
    v_next record;
    j jobs;
BEGIN
    IF p_named IS NOT NULL AND NOT fn.reaches(p_scope, p_scope_id, p_named) THEN
        word := 'forbidden';
        RETURN;
    END IF;
    v_matched := fn.jobs_count(p_scope, p_scope_id, p_named, f, 10000);
    IF p_dry THEN
        SELECT coalesce(array_agg(n.job_id::text ORDER BY n.created_at DESC, n.job_id DESC), '{}') INTO v_ids
            FROM fn.jobs_newest(p_scope, p_scope_id, p_named, f, 'infinity', 9223372036854775807, p_limit) n;
    ELSE
        FOR v_next IN SELECT * FROM fn.jobs_newest(p_scope, p_scope_id, p_named, f, 'infinity',
            9223372036854775807, p_limit) LOOP
            SELECT * INTO j FROM jobs x WHERE x.job_id = v_next.job_id
                AND x.workspace_id = v_next.workspace_id AND x.status = f.status FOR UPDATE SKIP LOCKED;
            CONTINUE WHEN NOT FOUND;
            PERFORM fn.job_requeue(j, p_scope);
            v_ids := v_ids || j.job_id::text;
        END LOOP;
    END IF;
    word := 'ok';
    body := jsonb_build_object('dry_run', p_dry, 'matched', v_matched,
        'requeued', CASE WHEN p_dry THEN 0 ELSE cardinality(v_ids) END,
        'more', v_matched > cardinality(v_ids), 'job_ids', to_jsonb(v_ids));
END $$;
