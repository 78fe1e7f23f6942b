-- Accepting calls: who asks, the idempotency key, maintenance, credits, the cap of a direct call, call,
-- event, place in the queue: one statement, one round trip, one commit, for as many calls as wait. The
-- task of a single call is an id and nothing else.
--
-- The arrays belong together, a call at each index; one that is shorter, or NULL, has no value there.
-- A row each, in their order. result is 'accepted', or why not: 'unauthenticated', 'workspace_missing',
-- 'workspace_unknown', 'past', 'conflict', 'in_progress', 'state_unknown', 'maintenance', 'no_credit',
-- 'at_cap'; or 'replay' with the status and body that were given first, or 'barred' with fn.may_call's; or
-- 'again': nothing was done for it, because a call before it here has the same key or counts against the same
-- limits, so that what it is told depends on how that one ends, or because somebody else is at its customer's
-- credits. p_may_call: somebody has asked fn.may_call about these numbers already, as the list that they are.
-- The body of 'accepted' is p_answer where the caller has made it beforehand.
--
-- What one call is refused for leaves the others alone; an error, such as a text that is no JSON, undoes
-- all of them. Credits go to those that come first. Locked are, in this order, keys and the totals of
-- months, each sorted, as everybody does who locks some of them.
CREATE FUNCTION fn.calls_accept(
    p_key_hash bytea[], p_scope text[], p_scope_id text[], p_is_admin boolean[], p_workspace text[],
    p_idem_key text[], p_idem_route text[], p_fingerprint bytea[],
    p_call text[], p_task text[], p_phone text[], p_brief text[], p_language text[], p_kind text[],
    p_slots json[], p_ask_user_mode text[], p_machine_detection machine_detection[],
    p_metadata json[], p_not_after timestamptz[], p_direct boolean[], p_credits integer[],
    p_price_cents integer[], p_default_cap integer[], p_answer text[] DEFAULT NULL,
    p_priority text[] DEFAULT NULL, p_may_call boolean DEFAULT false)
RETURNS TABLE (result text, workspace_id text, status integer, body text)
LANGUAGE plpgsql ROWS 64 AS $$
#variable_conflict use_column
DECLARE
    v_month date := credit_month(clock_timestamp());
    v_keys boolean := cardinality(array_remove(p_idem_key, NULL)) > 0;
    v_closed boolean;
    v_told record; -- an assignment costs a third of what SELECT INTO costs
    v_held record;
    v_result text[];
    v_far boolean[];
    v_ws text[];
    v_status integer[];
    v_body text[];
BEGIN
    SELECT array_agg(fn.caller_result(c.scope, c.workspace_id, a.workspace, a.not_after) ORDER BY a.no),
            array_agg(c.workspace_id ORDER BY a.no), bool_or(m.active)
        INTO v_result, v_ws, v_closed
        FROM unnest(p_call, p_key_hash, p_workspace, p_not_after)
            WITH ORDINALITY AS a (call_id, key_hash, workspace, not_after, no)
        CROSS JOIN maintenance m
        LEFT JOIN LATERAL fn.key_caller(a.key_hash, a.workspace) c ON true;
    IF 'unauthenticated' = ANY (v_result) THEN -- half the cost of the general question for all
        v_told := fn.calls_vouched(v_result, v_ws, p_key_hash, p_scope, p_scope_id, p_is_admin,
            p_workspace, p_not_after);
        v_result := v_told.results;
        v_ws := v_told.workspaces;
    END IF;
    IF v_keys THEN
        v_told := fn.keys_claim(v_result, v_ws, p_idem_route, p_idem_key, p_fingerprint, p_call);
        v_result := v_told.results;
        v_status := v_told.statuses;
        v_body := v_told.bodies;
    END IF;
    IF v_closed THEN
        v_result := array_replace(v_result, 'accepted', 'maintenance');
    ELSIF 'accepted' = ANY (v_result) AND NOT p_may_call THEN
        v_told := fn.calls_bar(v_result, v_ws, p_phone, v_status, v_body);
        v_result := v_told.results;
        v_status := v_told.statuses;
        v_body := v_told.bodies;
        v_far := v_told.far;
    END IF;
    IF 'accepted' = ANY (v_result) THEN
        v_held := fn.months_hold(v_ws, v_month);
        v_result := fn.calls_choose(v_result, v_ws, p_credits, p_direct, p_default_cap,
            v_held.owners, v_held.credits, v_held.caps);
    END IF;

    IF 'accepted' = ANY (v_result) THEN
        WITH placed AS (
            INSERT INTO calls (call_id, workspace_id, task_id, status, direct, target_phone, brief,
                    language, kind, parsed_slots, ask_user_mode, machine_detection, metadata,
                    not_after, queue_no, queue_rank, credits_reserved, price_cents)
                SELECT n.call_id, n.ws, n.task_id, 'queued', n.direct, n.phone, n.brief, n.language,
                    n.kind, n.slots, n.ask_user_mode, n.machine_detection, n.metadata, n.not_after,
                    nextval('call_queue_no'),
                    CASE WHEN n.direct THEN 0 ELSE fn.priority_rank(n.priority) END,
                    n.credits, n.price_cents
                FROM unnest(v_result, v_ws, p_call, p_task, p_phone, p_brief, p_language, p_kind,
                        p_slots, p_ask_user_mode, p_machine_detection, p_metadata, p_not_after,
                        p_direct, p_credits, p_price_cents, p_priority)
                    AS n (result, ws, call_id, task_id, phone, brief, language, kind, slots,
                        ask_user_mode, machine_detection, metadata, not_after, direct, credits,
                        price_cents, priority)
                WHERE n.result = 'accepted'
                RETURNING call_id, workspace_id, queue_no, queue_rank, not_after, credits_reserved
        ), told AS (
            INSERT INTO call_events (call_id, event_id, workspace_id, event_type, data)
                SELECT p.call_id, 1, p.workspace_id, 'status_change',
                    '{"status": "queued", "previous": null}' FROM placed p
        ), reserved AS (
            INSERT INTO credit_ledger (call_id, step, workspace_id, month, reserved, settled)
                SELECT p.call_id, 1, p.workspace_id, v_month, p.credits_reserved, 0 FROM placed p
        ), waiting AS (
            INSERT INTO call_queue (queue_no, workspace_id, call_id, rank)
                SELECT p.queue_no, p.workspace_id, p.call_id, p.queue_rank FROM placed p
        ), ends AS (
            INSERT INTO call_expiry (expires_at, call_id, workspace_id)
                SELECT p.not_after, p.call_id, p.workspace_id FROM placed p
                WHERE p.not_after IS NOT NULL
        )
        SELECT array_agg(CASE WHEN p.call_id IS NULL THEN n.body ELSE coalesce(n.answer,
                fn.queued_answer(p.call_id, p.queue_no, CASE WHEN p.queue_rank = 0
                    THEN (SELECT count(*) FROM call_queue q WHERE q.rank = 0
                            AND q.queue_no < p.queue_no)
                        + (SELECT count(*) FROM placed x WHERE x.queue_rank = 0
                            AND x.queue_no < p.queue_no)
                    ELSE greatest(0, p.queue_no - l.last_value + r.last_value - 1) END)) END
                ORDER BY n.no)
            INTO v_body
            FROM queue_left l CROSS JOIN queue_returned r
            CROSS JOIN unnest(p_call, p_answer, v_body)
                WITH ORDINALITY AS n (call_id, answer, body, no)
            LEFT JOIN placed p ON p.call_id = n.call_id;
    END IF;
    IF true = ANY (v_far) THEN
        PERFORM fn.far_note(n.ws, ARRAY[n.call_id], ARRAY[n.phone])
            FROM unnest(v_result, v_ws, v_far, p_call, p_phone) AS n (result, ws, far, call_id, phone)
            WHERE n.result = 'accepted' AND n.far;
    END IF;
    IF v_keys THEN
        PERFORM fn.keys_settle(v_result, v_ws, p_idem_route, p_idem_key, p_call, p_direct, v_body);
    END IF;
    RETURN QUERY SELECT n.result, n.ws, CASE WHEN n.result = 'accepted' THEN 202 ELSE n.status END,
            CASE WHEN n.result = 'maintenance' THEN fn.maintenance_answer() ELSE n.body END
        FROM unnest(v_result, v_ws, v_status, v_body) AS n (result, ws, status, body);
END $$;

-- What a caller is told whom fn.key_caller or fn.caller found (scope NULL: nobody), up to the time.
CREATE FUNCTION fn.caller_result(p_scope text, p_workspace_id text, p_named text,
    p_not_after timestamptz) RETURNS text
LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN p_scope IS NULL THEN 'unauthenticated'
        WHEN p_workspace_id IS NOT NULL THEN
            CASE WHEN p_not_after <= clock_timestamp() THEN 'past' ELSE 'accepted' END
        WHEN p_named IS NULL THEN 'workspace_missing' ELSE 'workspace_unknown' END
$$;

-- The same for those without a key's hash: their worker has verified the scope itself.
CREATE FUNCTION fn.calls_vouched(
    p_results text[], p_workspaces text[], p_key_hash bytea[], p_scope text[], p_scope_id text[],
    p_is_admin boolean[], p_workspace text[], p_not_after timestamptz[], OUT results text[],
    OUT workspaces text[])
LANGUAGE plpgsql AS $$
DECLARE
    c record;
BEGIN
    results := p_results;
    workspaces := p_workspaces;
    FOR i IN 1..cardinality(results) LOOP
        CONTINUE WHEN p_key_hash[i] IS NOT NULL;
        SELECT * INTO c FROM fn.caller(NULL, p_scope[i], p_scope_id[i], p_is_admin[i],
            p_workspace[i]);
        workspaces[i] := c.workspace_id;
        results[i] := fn.caller_result(c.scope, c.workspace_id, p_workspace[i], p_not_after[i]);
    END LOOP;
END $$;

-- Which of the calls that nothing has refused yet may go to their numbers. The limits of a workspace are counted
-- before its calls are there, so of those that have any only one is looked at, and the next ones have to come again.
-- far: fn.far_note is to be called for it.
CREATE FUNCTION fn.calls_bar(
    p_results text[], p_workspaces text[], p_phones text[], p_statuses integer[], p_bodies text[],
    OUT results text[], OUT statuses integer[], OUT bodies text[], OUT far boolean[])
LANGUAGE plpgsql AS $$
DECLARE
    v_seen text[] := '{}';
    m record;
BEGIN
    results := p_results;
    statuses := p_statuses;
    bodies := p_bodies;
    FOR i IN 1..cardinality(results) LOOP
        CONTINUE WHEN results[i] <> 'accepted' OR fn.number_plain(p_workspaces[i], p_phones[i]);
        IF p_workspaces[i] = ANY (v_seen) THEN
            results[i] := 'again';
            CONTINUE;
        END IF;
        IF far IS NULL THEN
            far := array_fill(false, ARRAY[cardinality(results)]);
            statuses := coalesce(statuses, array_fill(NULL::integer, ARRAY[cardinality(results)]));
            bodies := coalesce(bodies, array_fill(NULL::text, ARRAY[cardinality(results)]));
        END IF;
        v_seen := v_seen || p_workspaces[i];
        m := fn.may_call(p_workspaces[i], p_phones[i:i]);
        far[i] := m.far;
        IF m.status IS NOT NULL THEN
            results[i] := 'barred';
            statuses[i] := m.status;
            bodies[i] := m.body;
        END IF;
    END LOOP;
END $$;

-- Locks the totals of a month of these workspaces (one may be named twice, NULL is none), so that what they
-- cover now is still covered when it is written; they are made where there are none. Each workspace once,
-- with what it has left and its cap; those that somebody else holds are left out, since one customer must
-- not hold up the others.
CREATE FUNCTION fn.months_hold(p_workspaces text[], p_month date, OUT owners text[],
    OUT credits integer[], OUT caps integer[])
LANGUAGE plpgsql AS $$
BEGIN
    FOR try IN 1..2 LOOP
        SELECT array_agg(h.workspace_id), array_agg(h.credits), array_agg(h.max_concurrent)
            INTO owners, credits, caps
            FROM (SELECT w.workspace_id, w.max_concurrent,
                    w.quota + m.granted - m.reserved - m.settled AS credits
                FROM workspaces w JOIN credit_months m
                    ON m.workspace_id = w.workspace_id AND m.month = p_month
                WHERE w.workspace_id = ANY (p_workspaces)
                ORDER BY w.workspace_id FOR UPDATE OF m SKIP LOCKED) h;
        IF owners @> array_remove(p_workspaces, NULL) THEN
            RETURN;
        END IF;
        INSERT INTO credit_months (workspace_id, month)
            SELECT DISTINCT w, p_month FROM unnest(p_workspaces) w WHERE w IS NOT NULL
                AND NOT EXISTS (SELECT FROM credit_months WHERE workspace_id = w AND month = p_month)
            ORDER BY w ON CONFLICT DO NOTHING; -- which would wait for whoever writes the same row
    END LOOP;
END $$;

-- Which of the calls that nothing has refused yet are accepted, one after the other: those that their
-- workspaces' credits cover, as months_hold knows them, and of direct ones those below the cap. No other can
-- be the last at the same time, since the months' rows are locked; 'again' where that of the workspace is not.
CREATE FUNCTION fn.calls_choose(
    p_results text[], p_workspaces text[], p_credits integer[], p_direct boolean[],
    p_default_cap integer[], p_owners text[], p_left integer[], p_caps integer[]) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
    v_active bigint[];
    o integer;
BEGIN
    FOR i IN 1..cardinality(p_results) LOOP
        CONTINUE WHEN p_results[i] <> 'accepted';
        o := array_position(p_owners, p_workspaces[i]);
        IF o IS NULL OR p_left[o] < p_credits[i] THEN
            p_results[i] := CASE WHEN o IS NULL THEN 'again' ELSE 'no_credit' END;
            CONTINUE;
        END IF;
        IF p_direct[i] THEN
            v_active[o] := coalesce(v_active[o], fn.in_flight(p_workspaces[i]) + (SELECT count(*)
                FROM call_queue q WHERE q.workspace_id = p_workspaces[i] AND q.rank = 0));
            IF v_active[o] >= coalesce(p_caps[o], p_default_cap[i]) THEN
                p_results[i] := 'at_cap';
                CONTINUE;
            END IF;
            v_active[o] := v_active[o] + 1;
        END IF;
        p_left[o] := p_left[o] - p_credits[i];
    END LOOP;
    RETURN p_results;
END $$;

-- The body that a queued call is answered with.
CREATE FUNCTION fn.queued_answer(p_call text, p_queue_no bigint, p_position bigint) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT '{"call_id": "' || p_call || '", "queue_id": "q_' || p_queue_no || '", "position": '
        || p_position || ', "status": "queued"}'
$$;

-- Reserves the credits of one call; false when they are not there.
CREATE FUNCTION fn.call_reserve(p_workspace text, p_call text, p_credits integer) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_month date := credit_month(clock_timestamp());
BEGIN
    IF NOT fn.credits_hold(p_workspace, v_month, p_credits) THEN
        RETURN false;
    END IF;
    INSERT INTO credit_ledger (call_id, step, workspace_id, month, reserved, settled)
        VALUES (p_call, 1, p_workspace, v_month, p_credits, 0);
    RETURN true;
END $$;

-- Locks the totals of a month, as fn.months_hold does, but waits for who else holds them. Whether they cover
-- so many credits more.
CREATE FUNCTION fn.credits_hold(p_workspace text, p_month date, p_credits integer) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO credit_months (workspace_id, month) VALUES (p_workspace, p_month)
        ON CONFLICT DO NOTHING;
    PERFORM FROM credit_months m WHERE m.workspace_id = p_workspace AND m.month = p_month FOR UPDATE;
    RETURN coalesce((SELECT h.credits[1] >= p_credits
        FROM fn.months_hold(ARRAY[p_workspace], p_month) h), false);
END $$;

-- ---- idempotency keys ----

-- Claims the idempotency keys of requests that nothing has refused yet: 'accepted', or what each is told
-- instead; 'again' to one whose key is claimed here for another. p_made are the ids of what comes of them.
CREATE FUNCTION fn.keys_claim(
    p_results text[], p_workspaces text[], p_routes text[], p_keys text[], p_fingerprints bytea[],
    p_made text[], OUT results text[], OUT statuses integer[], OUT bodies text[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_key idempotency_keys;
    v_claimed text[];
BEGIN
    results := p_results;
    -- Waits for a twin that is being committed; a key older than a day is free again.
    WITH claimed AS (
        INSERT INTO idempotency_keys AS i (workspace_id, route, key, fingerprint, call_id)
            SELECT DISTINCT ON (n.ws, n.route, n.key) n.ws, n.route, n.key, n.fingerprint, n.made
            FROM unnest(p_results, p_workspaces, p_routes, p_keys, p_fingerprints, p_made)
                WITH ORDINALITY AS n (result, ws, route, key, fingerprint, made, no)
            WHERE n.result = 'accepted' AND n.key IS NOT NULL
            ORDER BY n.ws, n.route, n.key, n.no
            ON CONFLICT (workspace_id, route, key) DO UPDATE SET fingerprint = excluded.fingerprint,
                call_id = excluded.call_id, created_at = clock_timestamp(), status = NULL, body = NULL
            WHERE i.created_at < clock_timestamp() - interval '24 hours'
            RETURNING call_id
    ) SELECT array_agg(c.call_id) INTO v_claimed FROM claimed c;
    FOR i IN 1..cardinality(results) LOOP
        CONTINUE WHEN results[i] <> 'accepted' OR p_keys[i] IS NULL OR p_made[i] = ANY (v_claimed);
        SELECT * INTO STRICT v_key FROM idempotency_keys k WHERE k.workspace_id = p_workspaces[i]
            AND k.route = p_routes[i] AND k.key = p_keys[i];
        results[i] := CASE WHEN v_key.call_id = ANY (v_claimed) THEN 'again'
            ELSE fn.key_result(v_key, p_fingerprints[i]) END;
        IF results[i] = 'replay' THEN
            -- Whole arrays: one that began at i would be read as if it began at 1.
            statuses := coalesce(statuses, array_fill(NULL::integer, ARRAY[cardinality(results)]));
            bodies := coalesce(bodies, array_fill(NULL::text, ARRAY[cardinality(results)]));
            statuses[i] := v_key.status;
            bodies[i] := v_key.body;
        END IF;
    END LOOP;
END $$;

-- The same for one request.
CREATE FUNCTION fn.key_claim(p_workspace text, p_route text, p_key text, p_fingerprint bytea,
    p_made text, OUT result text, OUT status integer, OUT body text)
LANGUAGE sql AS $$
    SELECT k.results[1], k.statuses[1], k.bodies[1] FROM fn.keys_claim(ARRAY['accepted'],
        ARRAY[p_workspace], ARRAY[p_route], ARRAY[p_key], ARRAY[p_fingerprint], ARRAY[p_made]) k
$$;

-- Keeps the answers of accepted calls under the keys that were claimed for them (that of a direct one is
-- not known yet), and frees those of the others, of which no call exists.
CREATE FUNCTION fn.keys_settle(p_results text[], p_workspaces text[], p_routes text[], p_keys text[],
    p_made text[], p_direct boolean[], p_bodies text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE idempotency_keys i SET status = 202, body = n.body
        FROM unnest(p_results, p_workspaces, p_routes, p_keys, p_made, p_direct, p_bodies)
            AS n (result, ws, route, key, made, direct, body)
        WHERE n.result = 'accepted' AND NOT n.direct AND i.workspace_id = n.ws
            AND i.route = n.route AND i.key = n.key AND i.call_id = n.made;
    IF p_results && '{maintenance,barred,no_credit,at_cap,again}' THEN
        DELETE FROM idempotency_keys i
            USING unnest(p_results, p_workspaces, p_routes, p_keys, p_made)
                AS n (result, ws, route, key, made)
            WHERE n.result IN ('maintenance', 'barred', 'no_credit', 'at_cap', 'again') AND i.workspace_id = n.ws
                AND i.route = n.route AND i.key = n.key AND i.call_id = n.made;
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

-- What fn.calls_accept would say to a call, up to its credits, without accepting it: for a request
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
