-- The task routes: one or many calls accepted as one task, how the task stands (read from its calls),
-- and its end before its time.

-- ---- times ----

-- 2026-11-20T22:51:05Z, as the task routes write times; what is finer than a second is cut off.
CREATE FUNCTION fn.iso_s(t timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$ SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') $$;

-- The same for a time that its owner chose: with its milliseconds when it has some.
CREATE FUNCTION fn.iso_chosen(t timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN date_trunc('second', t) = t THEN fn.iso_s(t) ELSE fn.iso(t) END
$$;

-- ---- accepting ----

-- Accepts a task with all its calls, or nothing of it. p_calls and p_phones belong together, in the
-- order in which they are to be dialed. With p_starts_at or a delay the calls are scheduled, else they
-- wait in p_lane. The answer is made here, because the instant of acceptance stands in it; p_more (an
-- object's text) is put behind it. p_each, an array in the order of p_calls, holds metadata of each call;
-- p_zone is the zone of all numbers, where their owner knows it; otherwise p_zone_of says which of
-- p_zone_sets (texts of arrays, from 1; 0: none) is each number's.
-- result as from fn.calls_accept; 'past' is p_starts_at's.
CREATE FUNCTION fn.task_accept(
    p_key_hash bytea, p_scope text, p_scope_id text, p_is_admin boolean, p_workspace text,
    p_idem_key text, p_idem_route text, p_fingerprint bytea,
    p_task text, p_kind task_kind, p_calls text[], p_phones text[], p_brief text, p_language text,
    p_metadata json, p_duplicates json, p_from text, p_webhook text, p_status_callback text,
    p_rank smallint, p_lane text, p_starts_at timestamptz, p_delay_s integer,
    p_spacing_s integer, p_max_concurrent integer, p_credits integer, p_price_cents integer,
    p_message text, p_minutes integer, p_note text,
    p_name text DEFAULT NULL, p_retry_max integer DEFAULT NULL, p_retry_after_s integer DEFAULT NULL,
    p_retry_on call_outcome[] DEFAULT NULL, p_window_from time DEFAULT NULL,
    p_window_to time DEFAULT NULL, p_window_days smallint[] DEFAULT NULL, p_zone text DEFAULT NULL,
    p_each json DEFAULT NULL, p_more text DEFAULT NULL, p_zone_sets text[] DEFAULT NULL,
    p_zone_of integer[] DEFAULT NULL,
    OUT result text, OUT workspace_id text, OUT status integer, OUT body text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz := clock_timestamp();
    v_starts timestamptz := coalesce(p_starts_at,
        CASE WHEN p_delay_s > 0 THEN v_now + p_delay_s * interval '1 s' END);
    v_all integer := p_credits * cardinality(p_calls);
    v_ws text;
    v_far boolean;
BEGIN
    SELECT f.result, f.workspace_id, f.status, f.body INTO result, workspace_id, status, body
        FROM fn.call_foretell(p_key_hash, p_scope, p_scope_id, p_is_admin, p_workspace,
            p_idem_key, p_idem_route, p_fingerprint, v_all) f;
    v_ws := workspace_id;
    IF result IN ('accepted', 'no_credit', 'maintenance') AND p_starts_at <= v_now THEN
        result := 'past';
    END IF;
    IF result IN ('accepted', 'no_credit') THEN
        SELECT m.status, m.body, m.far INTO status, body, v_far FROM fn.may_call(v_ws, p_phones) m;
        result := CASE WHEN status IS NOT NULL THEN 'barred' ELSE result END;
    END IF;
    IF result = 'accepted' AND p_idem_key IS NOT NULL THEN -- a twin may have come meanwhile
        SELECT k.result, k.status, k.body INTO result, status, body
            FROM fn.key_claim(v_ws, p_idem_route, p_idem_key, p_fingerprint, p_task) k;
    END IF;
    IF result <> 'accepted' THEN
        RETURN;
    END IF;
    IF NOT fn.credits_hold(v_ws, credit_month(v_now), v_all) THEN
        DELETE FROM idempotency_keys i WHERE i.workspace_id = v_ws AND i.route = p_idem_route
            AND i.key = p_idem_key;
        result := 'no_credit';
        RETURN;
    END IF;

    INSERT INTO tasks (task_id, workspace_id, created_at, kind, metadata, duplicates, spacing_s,
            max_concurrent, name, retry_max, retry_after_s, retry_on, window_from, window_to,
            window_days)
        VALUES (p_task, v_ws, v_now, p_kind, p_metadata, p_duplicates, p_spacing_s,
            p_max_concurrent, p_name, coalesce(p_retry_max, 0), coalesce(p_retry_after_s, 300),
            coalesce(p_retry_on, '{failed_busy,failed_no_answer,failed_technical}'), p_window_from,
            p_window_to, coalesce(p_window_days, '{1,2,3,4,5,6,7}'));
    INSERT INTO credit_ledger (call_id, step, workspace_id, month, reserved, settled)
        SELECT c, 1, v_ws, credit_month(v_now), p_credits, 0 FROM unnest(p_calls) c;
    WITH placed AS (
        INSERT INTO calls (call_id, workspace_id, task_id, status, direct, target_phone, brief,
                language, kind, ask_user_mode, machine_detection, metadata, created_at, queue_no,
                queue_rank, queue_lane, starts_at, from_number, webhook_url, status_callback_url,
                credits_reserved, price_cents, zones)
            SELECT n.call_id, v_ws, p_task,
                CASE WHEN v_starts IS NULL THEN 'queued' ELSE 'scheduled' END::call_status, false,
                n.phone, p_brief, p_language, 'other', 'any', 'off',
                coalesce(e.value, p_metadata), v_now,
                CASE WHEN v_starts IS NULL THEN nextval('call_queue_no') END,
                p_rank, p_lane, v_starts, p_from, p_webhook, p_status_callback,
                p_credits, p_price_cents, CASE WHEN p_zone IS NOT NULL THEN ARRAY[p_zone]
                    ELSE p_zone_sets[p_zone_of[n.no]]::text[] END
            FROM unnest(p_calls, p_phones) WITH ORDINALITY AS n (call_id, phone, no)
                LEFT JOIN json_array_elements(p_each) WITH ORDINALITY AS e (value, no) USING (no)
            ORDER BY no
            RETURNING call_id, status, queue_no
    ), told AS (
        INSERT INTO call_events (call_id, event_id, workspace_id, event_type, data)
            SELECT p.call_id, 1, v_ws, 'status_change',
                json_build_object('status', p.status, 'previous', NULL) FROM placed p
    ), waiting AS (
        INSERT INTO call_queue (queue_no, workspace_id, call_id, rank, lane)
            SELECT p.queue_no, v_ws, p.call_id, p_rank, p_lane FROM placed p
            WHERE p.status = 'queued'
    )
    INSERT INTO call_schedule (starts_at, call_id, workspace_id, rank)
        SELECT v_starts, p.call_id, v_ws, p_rank FROM placed p WHERE p.status = 'scheduled';
    IF v_far THEN
        PERFORM fn.far_note(v_ws, p_calls, p_phones);
    END IF;

    status := 200;
    body := fn.task_answer(p_task, p_kind, cardinality(p_calls), v_now, p_starts_at, p_delay_s,
        p_message, p_minutes, p_note);
    IF p_more IS NOT NULL THEN
        body := left(body, -1) || ', ' || substr(p_more, 2);
    END IF;
    IF p_idem_key IS NOT NULL THEN
        UPDATE idempotency_keys i SET status = 200, body = task_accept.body
            WHERE i.workspace_id = v_ws AND i.route = p_idem_route AND i.key = p_idem_key;
    END IF;
END $$;

-- The body that an accepted task is answered with.
CREATE FUNCTION fn.task_answer(p_task text, p_kind task_kind, p_calls integer, p_now timestamptz,
    p_starts_at timestamptz, p_delay_s integer, p_message text, p_minutes integer, p_note text)
RETURNS text LANGUAGE sql STABLE AS $$
    SELECT json_strip_nulls(json_build_object('success', true, 'task_id', p_task,
        'message', p_message,
        'total_calls', CASE WHEN p_kind = 'campaign' THEN p_calls END,
        'estimated_duration_minutes', p_minutes,
        'created_at', fn.iso_s(p_now),
        'estimated_completion', CASE p_kind WHEN 'scheduled' THEN fn.iso_chosen(p_starts_at)
            WHEN 'single' THEN fn.iso_s(p_now + (p_delay_s + 60) * interval '1 s') END,
        'note', p_note))::text
$$;

-- ---- how a task stands ----

-- The numbers of a task, each as its newest call has it (a retry is a call of its own), in the order
-- in which they were given.
CREATE FUNCTION fn.task_numbers(p_workspace text, p_task text)
RETURNS TABLE (to_number text, call_id text, status call_status, outcome_type call_outcome,
    summary text, retries integer, starts_at timestamptz, started_at timestamptz,
    ended_at timestamptz, duration_sec numeric, first_at timestamptz, first_no bigint,
    changed_at timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (c.target_phone) c.target_phone, c.call_id, c.status, c.outcome_type,
        CASE WHEN call_is_final(c.status) THEN c.outcome_summary END, c.retry_no, c.starts_at,
        c.started_at, c.ended_at, c.duration_sec, min(c.created_at) OVER w,
        min(c.queue_no) OVER w, coalesce(e.created_at, c.created_at)
    FROM calls c LEFT JOIN call_events e ON e.call_id = c.call_id AND e.event_id = c.event_count
        AND e.workspace_id = c.workspace_id
    WHERE c.task_id = p_task AND c.workspace_id = p_workspace
    WINDOW w AS (PARTITION BY c.target_phone)
    ORDER BY c.target_phone, c.retry_no DESC, c.created_at DESC
$$;

-- What happens with the only number of a task.
CREATE FUNCTION fn.task_says_one(p_status text, p_call call_status, p_starts_at timestamptz)
RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE p_status WHEN 'SUCCESS' THEN 'Call completed'
        WHEN 'FAILURE' THEN 'Call failed'
        WHEN 'REVOKED' THEN 'Task was cancelled'
        ELSE CASE p_call
            WHEN 'scheduled' THEN 'Call is scheduled for ' || fn.iso_s(p_starts_at)
            WHEN 'queued' THEN 'Call is queued'
            WHEN 'dialing' THEN 'Creating call'
            WHEN 'dial_unknown' THEN 'Creating call: the carrier is asked whether it has it'
            ELSE 'Call in progress' END END
$$;

-- What happens with many.
CREATE FUNCTION fn.task_says_many(p_status text, p_paused_why text, p_total bigint, p_ended bigint,
    p_completed bigint, p_waiting bigint) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_status
        WHEN 'SUCCESS' THEN 'Campaign completed: ' || p_completed || ' of ' || p_total
            || ' calls completed'
        WHEN 'FAILURE' THEN 'Campaign failed: none of ' || p_total || ' calls completed'
        WHEN 'REVOKED' THEN 'Task was cancelled: ' || p_completed || ' of ' || p_total
            || ' calls had completed'
        ELSE CASE p_paused_why WHEN 'customer' THEN 'Paused: '
                WHEN 'circuit_breaker' THEN 'Paused, because too many calls failed: '
                ELSE '' END
            || p_ended || ' of ' || p_total || ' calls have ended, '
            || p_total - p_ended - p_waiting || ' are being made, ' || p_waiting || ' wait' END
$$;

-- A task of a workspace as its routes show it; no row when there is none. result is left out (NULL)
-- without p_detail.
CREATE FUNCTION fn.task_show(p_workspace text, p_task text, p_detail boolean)
RETURNS TABLE (task_id text, status text, progress integer, message text, result json, error text,
    created_at text, updated_at text, total_calls bigint, counts json)
LANGUAGE sql STABLE AS $$
    WITH numbers AS MATERIALIZED (SELECT * FROM fn.task_numbers(p_workspace, p_task)),
    counts AS (
        SELECT count(*) AS total,
            count(*) FILTER (WHERE n.status = 'scheduled') AS scheduled,
            count(*) FILTER (WHERE n.status = 'queued') AS queued,
            count(*) FILTER (WHERE n.status = 'dialing') AS dialing,
            count(*) FILTER (WHERE n.status = 'dial_unknown') AS dial_unknown,
            count(*) FILTER (WHERE n.status = 'in_progress') AS in_progress,
            count(*) FILTER (WHERE n.status = 'completed') AS completed,
            count(*) FILTER (WHERE n.status = 'failed') AS failed,
            count(*) FILTER (WHERE n.status = 'cancelled') AS cancelled,
            count(*) FILTER (WHERE n.status = 'expired') AS expired
        FROM numbers n
    ), span AS (
        SELECT count(*) FILTER (WHERE call_is_final(n.status)) AS ended,
            bool_or(n.status NOT IN ('scheduled', 'queued') OR n.retries > 0) AS began,
            min(n.first_at) AS first_at, max(n.changed_at) AS changed_at
        FROM numbers n
    ), stand AS (
        SELECT CASE WHEN t.cancelled_at IS NOT NULL OR k.cancelled = k.total THEN 'REVOKED'
            WHEN s.ended < k.total THEN CASE WHEN s.began THEN 'PROGRESS' ELSE 'PENDING' END
            WHEN k.completed > 0 THEN 'SUCCESS' ELSE 'FAILURE' END AS status,
            t.created_at, t.metadata, t.duplicates, t.paused_why,
            greatest(s.changed_at, t.paused_at, t.cancelled_at) AS changed_at
        FROM counts k CROSS JOIN span s LEFT JOIN tasks t
            ON t.task_id = p_task AND t.workspace_id = p_workspace
    )
    SELECT p_task, d.status,
        CASE WHEN k.total > 1 THEN (100 * s.ended / k.total)::integer
            ELSE 100 * s.ended + 75 * k.in_progress + 50 * (k.dialing + k.dial_unknown) END::integer,
        CASE WHEN k.total = 1 THEN (SELECT fn.task_says_one(d.status, n.status, n.starts_at)
                FROM numbers n)
            ELSE fn.task_says_many(d.status, d.paused_why, k.total, s.ended, k.completed,
                k.scheduled + k.queued) END,
        CASE WHEN p_detail THEN json_build_object('counts', row_to_json(k),
            'calls', (SELECT json_agg(json_build_object('to_number', r.to_number,
                    'call_id', r.call_id, 'status', r.status, 'outcome_type', r.outcome_type,
                    'summary', r.summary, 'retries', r.retries, 'duration_sec', r.duration_sec,
                    'started_at', fn.iso_s(r.started_at), 'ended_at', fn.iso_s(r.ended_at))
                    ORDER BY r.first_no, r.first_at, r.call_id)
                FROM (SELECT * FROM numbers n ORDER BY n.first_no, n.first_at, n.call_id
                    LIMIT 1000) r),
            'duplicates', coalesce(d.duplicates, '[]'),
            'call_metadata', coalesce(d.metadata, (SELECT c.metadata FROM calls c
                WHERE c.task_id = p_task AND c.workspace_id = p_workspace LIMIT 1))) END,
        CASE WHEN d.status = 'FAILURE' AND k.total = 1 THEN
                (SELECT coalesce(n.summary, n.outcome_type::text) FROM numbers n)
            WHEN d.status = 'FAILURE' THEN 'None of ' || k.total || ' calls completed: '
                || (SELECT string_agg(o.times || ' ' || o.outcome_type, ', ' ORDER BY o.times DESC)
                    FROM (SELECT count(*) AS times, n.outcome_type FROM numbers n
                        GROUP BY n.outcome_type) o) END,
        fn.iso_s(coalesce(d.created_at, s.first_at)), fn.iso_s(d.changed_at), k.total,
        row_to_json(k)
    FROM counts k CROSS JOIN span s CROSS JOIN stand d WHERE k.total > 0
$$;

-- ---- those that have not ended ----

-- The lanes of campaigns in which calls of a workspace wait: each costs one look into the index,
-- however many wait there.
CREATE FUNCTION fn.lanes_waiting(p_workspace text) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE lanes AS (
        SELECT r.rank, (SELECT min(q.lane) FROM call_queue q
            WHERE q.workspace_id = p_workspace AND q.rank = r.rank AND q.lane > '') AS lane
        FROM generate_series(0, 4) AS r (rank)
        UNION ALL
        SELECT l.rank, (SELECT min(q.lane) FROM call_queue q
            WHERE q.workspace_id = p_workspace AND q.rank = l.rank AND q.lane > l.lane)
        FROM lanes l WHERE l.lane IS NOT NULL
    )
    SELECT DISTINCT lane FROM lanes WHERE lane NOT IN ('', 'single')
$$;

-- The tasks of a workspace that have a call in flight, waiting or scheduled: the newest of them, and
-- bounded work, whatever waits.
CREATE FUNCTION fn.tasks_active(p_workspace text, p_limit integer) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    SELECT a.task_id FROM (
        SELECT c.task_id, c.created_at FROM calls c WHERE c.workspace_id = p_workspace
            AND c.status IN ('dialing', 'dial_unknown', 'in_progress')
        UNION ALL
        SELECT c.task_id, c.created_at
            FROM generate_series(0, 4) AS r (rank) CROSS JOIN (VALUES (''), ('single')) AS l (lane)
            CROSS JOIN LATERAL (SELECT q.call_id FROM call_queue q
                WHERE q.workspace_id = p_workspace AND q.rank = r.rank AND q.lane = l.lane
                ORDER BY q.queue_no DESC LIMIT p_limit) w
            JOIN calls c ON c.call_id = w.call_id AND c.workspace_id = p_workspace
        UNION ALL
        SELECT t.task_id, t.created_at FROM fn.lanes_waiting(p_workspace) AS w (lane)
            JOIN tasks t ON t.task_id = w.lane AND t.workspace_id = p_workspace
        UNION ALL
        SELECT c.task_id, c.created_at FROM (SELECT s.call_id FROM call_schedule s
                WHERE s.workspace_id = p_workspace ORDER BY s.starts_at DESC LIMIT 10000) w
            JOIN calls c ON c.call_id = w.call_id AND c.workspace_id = p_workspace
                AND NOT call_is_final(c.status)) a
    GROUP BY a.task_id ORDER BY min(a.created_at) DESC, a.task_id DESC LIMIT p_limit
$$;

-- ---- the end before its time ----

-- Cancels what has not ended of a task: what waits is never dialed, what the carrier has is hung up.
-- False when there is nothing to cancel, or it was cancelled already. All calls are locked before the
-- first ends, because an end locks the ledger, which others lock after a call.
CREATE FUNCTION fn.task_cancel(p_workspace text, p_task text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_call text;
    v_calls text[];
BEGIN
    SELECT array_agg(o.call_id) INTO v_calls FROM (SELECT c.call_id FROM calls c
        WHERE c.task_id = p_task AND c.workspace_id = p_workspace AND NOT call_is_final(c.status)
        ORDER BY c.call_id FOR UPDATE) o;
    IF v_calls IS NULL THEN
        RETURN false;
    END IF;
    UPDATE tasks SET cancelled_at = clock_timestamp() WHERE task_id = p_task
        AND workspace_id = p_workspace AND cancelled_at IS NULL;
    FOREACH v_call IN ARRAY v_calls LOOP
        PERFORM fn.call_cancel(p_workspace, v_call);
    END LOOP;
    -- A retry that was placed by the end of a call for which we waited.
    FOR v_call IN SELECT c.call_id FROM calls c WHERE c.task_id = p_task
            AND c.workspace_id = p_workspace AND NOT call_is_final(c.status) ORDER BY c.call_id LOOP
        PERFORM fn.call_cancel(p_workspace, v_call);
    END LOOP;
    RETURN true;
END $$;

-- ---- whether calls can be made ----

-- The scheduler's leader and the carrier, as far as the database knows: whether the leader lives (a
-- standby takes over from one that was not seen for 4 s), when it was last seen, and how and when the
-- carrier answered last among the newest 1,000 dials.
CREATE FUNCTION fn.task_health(OUT alive boolean, OUT seen_at text, OUT answer text,
    OUT answer_at text)
LANGUAGE sql STABLE AS $$
    SELECT coalesce(p.seen_at > clock_timestamp() - interval '10 s', false), fn.iso_s(p.seen_at),
        a.answer, fn.iso_s(a.created_at)
    FROM pacer p LEFT JOIN LATERAL (SELECT d.answer, d.created_at
            FROM (SELECT x.answer, x.created_at FROM attempts x
                ORDER BY x.created_at DESC LIMIT 1000) d
            WHERE d.answer IN ('accepted', 'refused', 'throttled')
            ORDER BY d.created_at DESC LIMIT 1) a ON true
    WHERE p.one
$$;
