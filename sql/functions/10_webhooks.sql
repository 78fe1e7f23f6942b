-- Outgoing webhooks: the customer's endpoint, and the outbox.

-- ---- the endpoint ----

-- Sets a workspace's webhook, on again if it was off. p_secret is used when p_regenerate says so or
-- there is none yet; returns it then, else NULL: nobody is shown one twice.
CREATE FUNCTION fn.webhook_set(p_workspace text, p_url text, p_secret text, p_regenerate boolean)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_secret text;
BEGIN
    INSERT INTO webhooks AS w (workspace_id, url, secret) VALUES (p_workspace, p_url, p_secret)
        ON CONFLICT (workspace_id) DO UPDATE SET url = p_url, off_at = NULL,
            secret = CASE WHEN p_regenerate THEN p_secret ELSE w.secret END,
            old_secret = CASE WHEN p_regenerate THEN w.secret ELSE w.old_secret END,
            old_until = CASE WHEN p_regenerate THEN clock_timestamp() + interval '24 hours'
                ELSE w.old_until END
        RETURNING secret INTO v_secret;
    RETURN CASE WHEN v_secret = p_secret THEN p_secret END;
END $$;

-- What was not delivered yet dies with it (fn.webhooks_bury).
CREATE FUNCTION fn.webhook_clear(p_workspace text) RETURNS void
LANGUAGE sql AS $$ DELETE FROM webhooks WHERE workspace_id = p_workspace $$;

-- ---- the outbox ----

-- The webhook-id of an event's message.
CREATE FUNCTION fn.delivery_id(p_call text, p_event integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT 'msg_' || substr(p_call, 6) || '_' || p_event $$;

-- Puts an event that has just been added into the outbox, if its customer is to be told of it. A
-- call with ask_user_mode stream asks nobody but its stream.
CREATE FUNCTION fn.webhook_offer(p_call text, p_event integer, p_workspace text, p_type text,
    p_ask_user_mode text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF p_type NOT IN ('ask_user', 'outcome', 'recording_ready', 'transcript_ready')
        OR (p_type = 'ask_user' AND p_ask_user_mode = 'stream') THEN
        RETURN;
    END IF;
    INSERT INTO webhook_deliveries (delivery_id, workspace_id, call_id, event_id, event_type)
        SELECT fn.delivery_id(p_call, p_event), w.workspace_id, p_call, p_event, p_type
        FROM webhooks w WHERE w.workspace_id = p_workspace AND w.off_at IS NULL;
END $$;

-- Puts the carrier's form into the outbox, if the customer of the call wants it forwarded; as it came,
-- with the call's id behind. What comes twice (the same status of the same leg) has the same id, and is
-- forwarded once.
CREATE FUNCTION fn.forward_offer(c calls, p_sid text, p_status text, p_form text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF c.status_callback_url IS NULL OR p_form IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO webhook_deliveries (delivery_id, workspace_id, call_id, event_type, url, form)
        VALUES ('msg_' || substr(c.call_id, 6) || '_' || left(regexp_replace(p_sid || '_' || p_status,
                '[^A-Za-z0-9]+', '_', 'g'), 64), c.workspace_id, c.call_id, 'carrier_status',
            c.status_callback_url, p_form || '&call_id=' || c.call_id)
        ON CONFLICT DO NOTHING;
END $$;

-- The workspaces behind p_after that have something to send, in order; found by jumping from one
-- to the next, however much each has.
CREATE FUNCTION fn.webhooks_waiting(p_after text) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE hop AS (
        SELECT min(d.workspace_id) AS w FROM webhook_deliveries d
            WHERE d.state = 'pending' AND d.workspace_id > p_after
        UNION ALL
        SELECT (SELECT min(d.workspace_id) FROM webhook_deliveries d
            WHERE d.state = 'pending' AND d.workspace_id > hop.w) FROM hop WHERE hop.w IS NOT NULL
    )
    SELECT w FROM hop WHERE w IS NOT NULL
$$;

-- Takes what is to be sent now, at most p_limit, and leases it for 20 s: a sender that dies loses
-- nothing, and what it had sent is sent again under the same id. Of each workspace at most p_each
-- are taken, or as many as p_rooms says for one of p_workspaces (what the sender has under way is
-- its business). Goes through the workspaces behind p_after; last is where it came to. What has a
-- URL of its own needs no webhook; it is signed when there is one.
CREATE FUNCTION fn.webhooks_due(p_limit integer, p_each integer, p_after text,
    p_workspaces text[], p_rooms integer[])
RETURNS TABLE (delivery_id text, workspace_id text, attempt integer, url text, secret text,
    old_secret text, request_id text, last text, form text, event_id integer, call_id text,
    event_type text, created_at text, data json, job text)
LANGUAGE plpgsql AS $$ -- whose plan is kept: it is asked many times a second, mostly for nothing
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH due AS MATERIALIZED ( -- once: a join could run it again, with a limit of its own
        SELECT d.* FROM fn.webhooks_waiting(p_after) x (w)
            LEFT JOIN webhooks h ON h.workspace_id = x.w AND h.off_at IS NULL
            LEFT JOIN unnest(p_workspaces, p_rooms) busy (w, room) ON busy.w = x.w
            CROSS JOIN LATERAL (SELECT o.delivery_id, o.workspace_id, o.call_id, o.event_id
                FROM webhook_deliveries o WHERE o.workspace_id = x.w AND o.state = 'pending'
                    AND o.next_at <= statement_timestamp()
                    AND (o.url IS NOT NULL OR h.workspace_id IS NOT NULL)
                ORDER BY o.next_at LIMIT coalesce(busy.room, p_each) FOR UPDATE SKIP LOCKED) d
            LIMIT p_limit
    ), taken AS (
        UPDATE webhook_deliveries t
            SET attempts = t.attempts + 1, next_at = clock_timestamp() + interval '20 s'
            FROM due LEFT JOIN webhooks h USING (workspace_id)
                LEFT JOIN call_events e USING (call_id, event_id, workspace_id)
            WHERE t.delivery_id = due.delivery_id AND t.workspace_id = due.workspace_id
                AND (t.url IS NOT NULL
                    OR (h.url IS NOT NULL AND (e.event_id IS NOT NULL OR t.job_id IS NOT NULL)))
            RETURNING t.delivery_id, t.workspace_id, t.attempts, coalesce(t.url, h.url) AS url,
                h.secret, CASE WHEN h.old_until > clock_timestamp() THEN h.old_secret END AS old_secret,
                CASE t.event_type WHEN 'ask_user' THEN e.data->>'request_id' END AS request_id,
                t.form, t.event_id, t.call_id, t.event_type, fn.iso(e.created_at) AS created_at, e.data,
                t.job_id
    )
    SELECT x.delivery_id, x.workspace_id, x.attempts, x.url, x.secret, x.old_secret, x.request_id,
        max(x.workspace_id) OVER (), x.form, x.event_id, x.call_id, x.event_type, x.created_at, x.data,
        fn.job_event(x.job_id, x.workspace_id)
        FROM taken x;
END $$;

-- When the next try is made after so many: about 5 s, then twice as long each time up to an hour,
-- or when the receiver asks for it.
CREATE FUNCTION fn.webhook_wait(p_attempts integer, p_retry_after_s integer) RETURNS interval
LANGUAGE sql VOLATILE AS $$
    SELECT greatest(least(3600, 5 * 2 ^ least(p_attempts - 1, 10)) * (0.8 + random() * 0.4),
        least(3600, p_retry_after_s)) * interval '1 s'
$$;

-- How a try ended. p_status is the answer's, or NULL when there was none; p_error NULL: it is
-- delivered, with the answer p_answer to its question when one came along (first of all, so that
-- rows are locked in the usual order). A 410 from the URL that is still the webhook's switches it
-- off, if it was asked as such. Only the newest try may put a delivery off; that it is delivered, each may say.
CREATE FUNCTION fn.webhook_result(p_delivery text, p_workspace text, p_attempt integer, p_url text,
    p_status integer, p_error text, p_retry_after_s integer, p_request text, p_answer text,
    p_mode text) RETURNS delivery_state
LANGUAGE plpgsql AS $$
DECLARE
    v_wait interval := fn.webhook_wait(p_attempt, p_retry_after_s);
    v_call text;
    v_state delivery_state;
BEGIN
    IF p_answer IS NOT NULL THEN
        SELECT d.call_id INTO v_call FROM webhook_deliveries d
            WHERE d.delivery_id = p_delivery AND d.workspace_id = p_workspace;
        PERFORM fn.question_answer(p_workspace, v_call, p_request, p_answer, p_mode);
    END IF;
    IF p_error IS NULL THEN
        UPDATE webhook_deliveries SET state = 'delivered', next_at = NULL, error = NULL,
            delivered_at = coalesce(delivered_at, clock_timestamp()), response_status = p_status
            WHERE delivery_id = p_delivery AND workspace_id = p_workspace;
        RETURN 'delivered';
    END IF;
    IF p_status = 410 THEN
        UPDATE webhooks SET off_at = clock_timestamp()
            WHERE workspace_id = p_workspace AND url = p_url AND off_at IS NULL
                AND EXISTS (SELECT FROM webhook_deliveries d WHERE d.delivery_id = p_delivery
                    AND d.workspace_id = p_workspace AND d.url IS NULL);
    END IF;
    UPDATE webhook_deliveries d SET response_status = p_status, error = p_error,
        state = CASE WHEN gone THEN 'dead' ELSE 'pending' END::delivery_state,
        next_at = CASE WHEN gone THEN NULL ELSE clock_timestamp() + v_wait END
        FROM (SELECT coalesce(p_status = 410, false)
            OR o.retry_until < clock_timestamp() + v_wait AS gone
            FROM webhook_deliveries o
            WHERE o.delivery_id = p_delivery AND o.workspace_id = p_workspace) x
        WHERE d.delivery_id = p_delivery AND d.workspace_id = p_workspace
            AND d.state = 'pending' AND d.attempts = p_attempt
        RETURNING d.state INTO v_state;
    RETURN v_state;
END $$;

-- What waits for a webhook that is gone or off is dead. Returns how many it buried.
CREATE FUNCTION fn.webhooks_bury(p_limit integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_count integer;
BEGIN
    WITH gone AS MATERIALIZED (
        SELECT d.delivery_id, d.workspace_id FROM fn.webhooks_waiting('') x (w)
            CROSS JOIN LATERAL (SELECT o.delivery_id, o.workspace_id FROM webhook_deliveries o
                WHERE o.workspace_id = x.w AND o.state = 'pending' AND o.url IS NULL LIMIT p_limit
                FOR UPDATE SKIP LOCKED) d
            WHERE NOT EXISTS (SELECT FROM webhooks h
                WHERE h.workspace_id = x.w AND h.off_at IS NULL)
            LIMIT p_limit
    )
    UPDATE webhook_deliveries t SET state = 'dead', next_at = NULL,
        error = 'There is no webhook any more, or it has answered 410.'
        FROM gone WHERE t.delivery_id = gone.delivery_id AND t.workspace_id = gone.workspace_id;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END $$;

-- Sends a delivery again, for another day, whatever became of it: the receiver knows it by its id.
-- 'pending', 'unknown' (none of that workspace), or 'no_webhook'.
CREATE FUNCTION fn.webhook_redeliver(p_workspace text, p_delivery text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_url text;
BEGIN
    SELECT d.url INTO v_url FROM webhook_deliveries d
        WHERE d.delivery_id = p_delivery AND d.workspace_id = p_workspace;
    IF NOT FOUND THEN
        RETURN 'unknown';
    END IF;
    PERFORM FROM webhooks w WHERE w.workspace_id = p_workspace AND w.off_at IS NULL;
    IF NOT FOUND AND v_url IS NULL THEN
        RETURN 'no_webhook';
    END IF;
    UPDATE webhook_deliveries SET state = 'pending', attempts = 0, delivered_at = NULL,
        error = NULL, next_at = clock_timestamp(),
        retry_until = clock_timestamp() + interval '24 hours'
        WHERE delivery_id = p_delivery AND workspace_id = p_workspace;
    RETURN 'pending';
END $$;

-- Deliveries of a workspace (NULL: of all), newest first, in a state (NULL: in any), behind a
-- delivery (NULL: from the start).
CREATE FUNCTION fn.webhook_list(p_workspace text, p_state text, p_after text, p_limit integer)
RETURNS SETOF webhook_deliveries LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_after webhook_deliveries;
BEGIN
    IF p_workspace IS NULL THEN
        RETURN QUERY SELECT d.* FROM webhook_deliveries d
            WHERE p_state IS NULL OR d.state = p_state::delivery_state
            ORDER BY d.delivery_id DESC LIMIT p_limit;
        RETURN;
    END IF;
    IF p_after IS NOT NULL THEN
        SELECT * INTO v_after FROM webhook_deliveries d
            WHERE d.delivery_id = p_after AND d.workspace_id = p_workspace;
    END IF;
    RETURN QUERY SELECT d.* FROM webhook_deliveries d WHERE d.workspace_id = p_workspace
        AND (p_state IS NULL OR d.state = p_state::delivery_state)
        AND (d.created_at, d.delivery_id) < (coalesce(v_after.created_at, 'infinity'),
            coalesce(v_after.delivery_id, ''))
        ORDER BY d.created_at DESC, d.delivery_id DESC LIMIT p_limit;
END $$;
