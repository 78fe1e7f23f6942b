-- Campaigns: a number that could not be reached is called again, too many failures stop all, and what
-- their owner sees of them. How they are accepted and cancelled stands in 15_tasks.sql, how they are
-- dialed in 14_lanes.sql.

-- ---- when a call of theirs ends ----

-- A new call's id, as src/base/id.c makes them: 48 bits of milliseconds and 80 that nobody can guess.
CREATE FUNCTION fn.call_id() RETURNS text
LANGUAGE sql VOLATILE AS $$
    SELECT 'call_' || string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz',
            substr(x.bits, 5 * n + 1, 5)::bit(5)::integer + 1, 1), '' ORDER BY n)
    FROM (SELECT '00' || ('x' || lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12,
            '0') || left(u.hex, 12) || right(u.hex, 8))::bit(128)::text AS bits
        FROM (SELECT replace(gen_random_uuid()::text, '-', '') AS hex OFFSET 0) u OFFSET 0) x,
        generate_series(0, 25) n
$$;

-- Places the next call to the number of one (locked) that ends with p_outcome, where its campaign wants
-- that: a new call with a credit of its own, later. Only after an end that the carrier has told: of a
-- dial that was lost nobody knows whether the callee was called, and one that was never made is not
-- made up for. NULL, or a sentence why the number is not called again.
CREATE FUNCTION fn.retry_place(c calls, p_outcome call_outcome) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    t tasks;
    n calls;
    v_call text := fn.call_id();
BEGIN
    IF c.queue_lane <> c.task_id THEN
        RETURN NULL;
    END IF;
    SELECT * INTO t FROM tasks WHERE task_id = c.task_id AND workspace_id = c.workspace_id;
    IF NOT FOUND OR t.cancelled_at IS NOT NULL OR c.retry_no >= t.retry_max
        OR p_outcome <> ALL (t.retry_on) OR NOT EXISTS (SELECT FROM attempts a
            WHERE a.attempt_id = c.attempt_id AND a.workspace_id = c.workspace_id
                AND a.state IN ('ended', 'refused')) THEN
        RETURN NULL;
    END IF;
    IF NOT fn.call_reserve(c.workspace_id, v_call, c.credits_reserved) THEN
        RETURN 'Not called again: there is no credit left.';
    END IF;
    INSERT INTO calls (call_id, workspace_id, task_id, status, direct, target_phone, brief, language,
            kind, parsed_slots, ask_user_mode, machine_detection, metadata, queue_rank, queue_lane,
            starts_at, from_number, webhook_url, status_callback_url, retry_no, zones,
            credits_reserved, price_cents)
        VALUES (v_call, c.workspace_id, c.task_id, 'scheduled', false, c.target_phone, c.brief,
            c.language, c.kind, c.parsed_slots, c.ask_user_mode, c.machine_detection, c.metadata,
            c.queue_rank, c.queue_lane, clock_timestamp() + t.retry_after_s * interval '1 s',
            c.from_number, c.webhook_url, c.status_callback_url, c.retry_no + 1, c.zones,
            c.credits_reserved, c.price_cents)
        RETURNING * INTO n;
    PERFORM fn.far_again(c.call_id, v_call);
    PERFORM fn.call_wait(n);
    RETURN NULL;
END $$;

-- The circuit breaker: pauses the campaign of a call that has just ended when of its newest 20 calls that
-- were dialed and have ended (since it was resumed; at least 10) half or more failed for technical
-- reasons.
CREATE FUNCTION fn.breaker_check(c calls) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_since timestamptz;
    v_ended integer;
    v_failed integer;
BEGIN
    IF c.queue_lane <> c.task_id THEN
        RETURN;
    END IF;
    SELECT coalesce(t.resumed_at, '-infinity') INTO v_since FROM tasks t
        WHERE t.task_id = c.task_id AND t.workspace_id = c.workspace_id AND t.paused_at IS NULL
            AND t.cancelled_at IS NULL;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT count(*), count(*) FILTER (WHERE x.outcome_type = 'failed_technical')
        INTO v_ended, v_failed
        FROM (SELECT e.outcome_type FROM calls e WHERE e.queue_lane = c.queue_lane
                AND e.queue_lane NOT IN ('', 'single') AND e.dials > 0 AND e.ended_at > v_since
            ORDER BY e.ended_at DESC LIMIT 20) x;
    IF v_ended >= 10 AND 2 * v_failed >= v_ended THEN
        UPDATE tasks SET paused_at = clock_timestamp(), paused_why = 'circuit_breaker'
            WHERE task_id = c.task_id AND workspace_id = c.workspace_id AND paused_at IS NULL;
    END IF;
END $$;

-- ---- what their owner sees ----

-- The words of the routes for what is called again.
CREATE FUNCTION fn.retry_words() RETURNS TABLE (word text, outcome call_outcome)
LANGUAGE sql IMMUTABLE AS $$
    VALUES ('busy', 'failed_busy'::call_outcome), ('no_answer', 'failed_no_answer'),
        ('failed', 'failed_technical')
$$;

-- A campaign of a workspace as its routes show it; no row when there is none. next_dial_at: no call of it
-- is dialed before, NULL when none waits or it is paused.
CREATE FUNCTION fn.campaign_show(p_workspace text, p_task text)
RETURNS TABLE (campaign_id text, task_id text, name text, status text, progress integer,
    message text, counts json, paused boolean, paused_at text, paused_why text, next_dial_at text,
    delay_between_calls integer, max_concurrent_calls integer, retries json, calling_window json,
    call_metadata json, duplicates json, created_at text, updated_at text)
LANGUAGE sql STABLE AS $$
    SELECT t.task_id, t.task_id, t.name, s.status, s.progress, s.message, s.counts,
        t.paused_at IS NOT NULL, fn.iso_s(t.paused_at), t.paused_why,
        CASE WHEN t.paused_at IS NULL AND w.first_at IS NOT NULL THEN
            fn.iso_s(greatest(t.next_dial_at, w.first_at, clock_timestamp())) END,
        t.spacing_s, t.max_concurrent,
        json_build_object('max', t.retry_max, 'after_seconds', t.retry_after_s, 'on',
            (SELECT json_agg(o.word) FROM fn.retry_words() o WHERE o.outcome = ANY (t.retry_on))),
        CASE WHEN t.window_from IS NOT NULL THEN json_build_object(
            'from', to_char(t.window_from, 'HH24:MI'), 'to', to_char(t.window_to, 'HH24:MI'),
            'days', t.window_days) END,
        t.metadata, coalesce(t.duplicates, '[]'), s.created_at, s.updated_at
    FROM tasks t CROSS JOIN LATERAL fn.task_show(p_workspace, t.task_id, false) s
    LEFT JOIN LATERAL (SELECT min(coalesce(c.starts_at, c.created_at)) AS first_at FROM calls c
        WHERE c.task_id = t.task_id AND c.workspace_id = p_workspace
            AND c.status IN ('queued', 'scheduled') HAVING count(*) > 0) w ON true
    WHERE t.task_id = p_task AND t.workspace_id = p_workspace AND t.kind = 'campaign'
$$;

-- Campaigns of a workspace, newest first, behind one of them (NULL: from the start).
CREATE FUNCTION fn.campaigns_list(p_workspace text, p_after text, p_limit integer)
RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT t.task_id FROM tasks t WHERE t.workspace_id = p_workspace AND t.kind = 'campaign'
        AND (p_after IS NULL OR (t.created_at, t.task_id) < (SELECT a.created_at, a.task_id
            FROM tasks a WHERE a.task_id = p_after AND a.workspace_id = p_workspace))
    ORDER BY t.created_at DESC, t.task_id DESC LIMIT p_limit
$$;

-- ---- pause ----

-- Pauses or resumes a campaign for its owner: 'done', also when it was so already; 'over' when it has no
-- call left that could be dialed, 'unknown' when there is none. What is in flight goes on. One that the
-- circuit breaker has paused stays so until it is resumed, and then counts anew.
CREATE FUNCTION fn.campaign_pause(p_workspace text, p_task text, p_pause boolean) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    t tasks;
BEGIN
    SELECT * INTO t FROM tasks WHERE task_id = p_task AND workspace_id = p_workspace
        AND kind = 'campaign' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'unknown';
    END IF;
    IF t.cancelled_at IS NOT NULL OR NOT EXISTS (SELECT FROM calls c WHERE c.task_id = p_task
        AND c.workspace_id = p_workspace AND NOT call_is_final(c.status)) THEN
        RETURN 'over';
    END IF;
    IF p_pause AND t.paused_at IS NULL THEN
        UPDATE tasks SET paused_at = clock_timestamp(), paused_why = 'customer'
            WHERE task_id = p_task AND workspace_id = p_workspace;
    ELSIF NOT p_pause AND t.paused_at IS NOT NULL THEN
        UPDATE tasks SET paused_at = NULL, paused_why = NULL, resumed_at = clock_timestamp()
            WHERE task_id = p_task AND workspace_id = p_workspace;
    END IF;
    RETURN 'done';
END $$;
