-- Accepting a call: who asks, the idempotency key, maintenance, credits, the cap of a direct call,
-- call, event, place in the queue: one statement, one round trip, one commit. The task of a single
-- call is an id and nothing else.
--
-- result is 'accepted', or why not: 'unauthenticated', 'workspace_missing', 'workspace_unknown',
-- 'past', 'conflict', 'in_progress', 'state_unknown', 'maintenance', 'no_credit', 'at_cap'; or
-- 'replay' with the status and body that were given first, or 'barred' with fn.may_call's. The body of
-- 'accepted' is p_answer where the caller has made it beforehand.
CREATE FUNCTION fn.call_accept(
    p_key_hash bytea, p_scope text, p_scope_id text, p_is_admin boolean, p_workspace text,
    p_idem_key text, p_idem_route text, p_fingerprint bytea,
    p_call text, p_task text, p_phone text, p_brief text, p_language text, p_kind text,
    p_slots json, p_ask_user_mode text, p_machine_detection machine_detection, p_metadata json,
    p_not_after timestamptz, p_direct boolean, p_credits integer, p_price_cents integer,
    p_default_cap integer, p_answer text DEFAULT NULL, p_priority text DEFAULT NULL,
    OUT result text, OUT workspace_id text, OUT status integer, OUT body text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_who record;
    v_closed boolean;
    v_far boolean;
    v_rank smallint := CASE WHEN p_direct THEN 0 ELSE fn.priority_rank(p_priority) END;
    v_queue_no bigint;
    v_position bigint;
BEGIN
    IF p_key_hash IS NOT NULL THEN -- half the cost of the general question
        SELECT c.workspace_id INTO v_who FROM fn.key_caller(p_key_hash, p_workspace) c;
    ELSE
        SELECT c.workspace_id INTO v_who
            FROM fn.caller(NULL, p_scope, p_scope_id, p_is_admin, p_workspace) c;
    END IF;
    IF NOT FOUND THEN
        result := 'unauthenticated';
        RETURN;
    END IF;
    workspace_id := v_who.workspace_id;
    IF workspace_id IS NULL THEN
        result := CASE WHEN p_workspace IS NULL THEN 'workspace_missing'
            ELSE 'workspace_unknown' END;
        RETURN;
    END IF;
    IF p_not_after <= clock_timestamp() THEN
        result := 'past';
        RETURN;
    END IF;

    IF p_idem_key IS NOT NULL THEN
        SELECT k.result, k.status, k.body INTO result, status, body
            FROM fn.key_claim(v_who.workspace_id, p_idem_route, p_idem_key, p_fingerprint,
                p_call) k;
        IF result <> 'accepted' THEN
            RETURN;
        END IF;
    END IF;

    SELECT m.active INTO v_closed FROM maintenance m WHERE m.one;
    IF v_closed THEN
        result := 'maintenance';
        body := fn.maintenance_answer();
    ELSE
        SELECT m.status, m.body, m.far INTO status, body, v_far
            FROM fn.may_call(v_who.workspace_id, ARRAY[p_phone]) m;
        result := CASE WHEN status IS NOT NULL THEN 'barred'
            ELSE fn.call_reserve(workspace_id, p_call, p_credits, p_direct, p_default_cap) END;
    END IF;
    IF result <> 'accepted' THEN -- the key is free again: no call exists
        DELETE FROM idempotency_keys i WHERE i.workspace_id = v_who.workspace_id
            AND i.route = p_idem_route AND i.key = p_idem_key;
        RETURN;
    END IF;

    v_queue_no := nextval('call_queue_no');
    INSERT INTO calls (call_id, workspace_id, task_id, status, direct, target_phone, brief,
            language, kind, parsed_slots, ask_user_mode, machine_detection, metadata, not_after,
            queue_no, queue_rank, credits_reserved, price_cents)
        VALUES (p_call, v_who.workspace_id, p_task, 'queued', p_direct, p_phone, p_brief,
            p_language, p_kind, p_slots, p_ask_user_mode, p_machine_detection, p_metadata,
            p_not_after, v_queue_no, v_rank, p_credits, p_price_cents);
    INSERT INTO call_events (call_id, event_id, workspace_id, event_type, data)
        VALUES (p_call, 1, v_who.workspace_id, 'status_change',
            '{"status": "queued", "previous": null}');
    INSERT INTO call_queue (queue_no, workspace_id, call_id, rank)
        VALUES (v_queue_no, v_who.workspace_id, p_call, v_rank);
    IF p_not_after IS NOT NULL THEN
        INSERT INTO call_expiry (expires_at, call_id, workspace_id)
            VALUES (p_not_after, p_call, v_who.workspace_id);
    END IF;
    IF v_far THEN
        PERFORM fn.far_note(v_who.workspace_id, ARRAY[p_call], ARRAY[p_phone]);
    END IF;

    IF p_direct THEN
        SELECT count(*) INTO v_position FROM call_queue q WHERE q.rank = 0 AND q.queue_no < v_queue_no;
    ELSE
        SELECT greatest(0, v_queue_no - (l.last_value - r.last_value) - 1) INTO v_position
            FROM queue_left l, queue_returned r;
    END IF;
    status := 202;
    body := coalesce(p_answer, '{"call_id": "' || p_call || '", "queue_id": "q_' || v_queue_no
        || '", "position": ' || v_position || ', "status": "queued"}');
    IF p_idem_key IS NOT NULL AND NOT p_direct THEN
        UPDATE idempotency_keys i SET status = 202, body = call_accept.body
            WHERE i.workspace_id = v_who.workspace_id AND i.route = p_idem_route
                AND i.key = p_idem_key;
    END IF;
END $$;

-- Reserves the credits of a call that is about to be accepted. For a direct call the cap is
-- checked too, under the lock of the month's row, so that two at once cannot both be the last.
CREATE FUNCTION fn.call_reserve(p_workspace text, p_call text, p_credits integer,
    p_direct boolean, p_default_cap integer) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_month date := credit_month(clock_timestamp());
    v_active bigint;
    v_cap integer;
BEGIN
    IF p_direct THEN
        IF NOT fn.credits_hold(p_workspace, v_month, p_credits) THEN
            RETURN 'no_credit';
        END IF;
        SELECT coalesce(max_concurrent, p_default_cap) INTO v_cap FROM workspaces
            WHERE workspace_id = p_workspace;
        SELECT fn.in_flight(p_workspace) + count(*) INTO v_active FROM call_queue
            WHERE workspace_id = p_workspace AND rank = 0;
        IF v_active >= v_cap THEN
            RETURN 'at_cap';
        END IF;
    END IF;
    INSERT INTO credit_ledger (call_id, step, workspace_id, month, reserved, settled)
        VALUES (p_call, 1, p_workspace, v_month, p_credits, 0);
    RETURN CASE WHEN FOUND THEN 'accepted' ELSE 'no_credit' END;
END $$;

-- Locks the totals of a month, so that what they cover now is still covered when it is written. Whether
-- they cover so many credits more.
CREATE FUNCTION fn.credits_hold(p_workspace text, p_month date, p_credits integer) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO credit_months (workspace_id, month) VALUES (p_workspace, p_month)
        ON CONFLICT DO NOTHING;
    PERFORM FROM credit_months m, workspaces w
        WHERE m.workspace_id = p_workspace AND m.month = p_month
            AND w.workspace_id = p_workspace
            AND w.quota + m.granted - m.reserved - m.settled >= p_credits FOR UPDATE OF m;
    RETURN FOUND;
END $$;

-- Claims an idempotency key for a request that is about to be accepted: 'accepted', or what the
-- request is told instead. p_made is the id of what comes of it.
CREATE FUNCTION fn.key_claim(p_workspace text, p_route text, p_key text, p_fingerprint bytea,
    p_made text, OUT result text, OUT status integer, OUT body text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_key idempotency_keys;
BEGIN
    -- Waits for a twin that is being committed; a key older than a day is free again.
    INSERT INTO idempotency_keys AS i (workspace_id, route, key, fingerprint, call_id)
        VALUES (p_workspace, p_route, p_key, p_fingerprint, p_made)
        ON CONFLICT (workspace_id, route, key) DO UPDATE SET fingerprint = p_fingerprint,
            call_id = p_made, created_at = clock_timestamp(), status = NULL, body = NULL
        WHERE i.created_at < clock_timestamp() - interval '24 hours';
    IF FOUND THEN
        result := 'accepted';
        RETURN;
    END IF;
    SELECT * INTO STRICT v_key FROM idempotency_keys i
        WHERE i.workspace_id = p_workspace AND i.route = p_route AND i.key = p_key;
    result := fn.key_result(v_key, p_fingerprint);
    IF result = 'replay' THEN
        status := v_key.status;
        body := v_key.body;
    END IF;
END $$;

-- What a request is told that comes with a key which is in use.
CREATE FUNCTION fn.key_result(k idempotency_keys, p_fingerprint bytea) RETURNS text
LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN k.fingerprint <> p_fingerprint THEN 'conflict'
        WHEN k.status IS NOT NULL THEN 'replay'
        WHEN k.created_at > clock_timestamp() - interval '60 s' THEN 'in_progress'
        ELSE 'state_unknown' END
$$;

CREATE FUNCTION fn.maintenance_answer() RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('detail', json_build_object('error_code', 'maintenance', 'message',
        m.message, 'resume_at', fn.iso(m.resume_at)))::text FROM maintenance m
$$;

-- What fn.call_accept would say to a call, up to its credits, without accepting it: for a request
-- that is going to be refused for a reason that comes after these. 'accepted' when they say nothing.
CREATE FUNCTION fn.call_foretell(
    p_key_hash bytea, p_scope text, p_scope_id text, p_is_admin boolean, p_workspace text,
    p_idem_key text, p_idem_route text, p_fingerprint bytea, p_credits integer,
    OUT result text, OUT workspace_id text, OUT status integer, OUT body text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_key idempotency_keys;
BEGIN
    SELECT CASE WHEN c.workspace_id IS NOT NULL THEN 'accepted' WHEN p_workspace IS NULL
            THEN 'workspace_missing' ELSE 'workspace_unknown' END, c.workspace_id
        INTO result, workspace_id
        FROM fn.caller(p_key_hash, p_scope, p_scope_id, p_is_admin, p_workspace) c;
    IF result IS DISTINCT FROM 'accepted' THEN
        result := coalesce(result, 'unauthenticated');
        RETURN;
    END IF;
    SELECT * INTO v_key FROM idempotency_keys i WHERE i.workspace_id = call_foretell.workspace_id
        AND i.route = p_idem_route AND i.key = p_idem_key
        AND i.created_at >= clock_timestamp() - interval '24 hours';
    IF FOUND THEN
        result := fn.key_result(v_key, p_fingerprint);
        status := v_key.status;
        body := v_key.body;
    ELSIF EXISTS (SELECT FROM maintenance WHERE active) THEN
        result := 'maintenance';
        body := fn.maintenance_answer();
    ELSIF NOT EXISTS (SELECT FROM workspaces w LEFT JOIN credit_months m
            ON m.workspace_id = w.workspace_id AND m.month = credit_month(clock_timestamp())
        WHERE w.workspace_id = call_foretell.workspace_id AND w.quota + coalesce(m.granted
            - m.reserved - m.settled, 0) >= p_credits) THEN
        result := 'no_credit';
    END IF;
END $$;
