-- What the operator's command asks for: the tree, keys, credits, maintenance, and the
-- views of queue and calls. A function that changes something answers with one word.

-- ---- the tree ----

CREATE FUNCTION fn.scope_exists(p_scope text, p_id text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT CASE p_scope
        WHEN 'workspace' THEN EXISTS (SELECT FROM workspaces WHERE workspace_id = p_id)
        WHEN 'organization' THEN EXISTS (SELECT FROM organizations WHERE organization_id = p_id)
        WHEN 'partner' THEN EXISTS (SELECT FROM partners WHERE partner_id = p_id)
        ELSE p_scope = 'platform' END
$$;

-- These three answer 'created', 'exists' or 'parent_unknown'.
CREATE FUNCTION fn.partner_create(p_id text, p_name text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO partners (partner_id, name) VALUES (p_id, p_name) ON CONFLICT DO NOTHING;
    RETURN CASE WHEN FOUND THEN 'created' ELSE 'exists' END;
END $$;

CREATE FUNCTION fn.organization_create(p_id text, p_parent text, p_name text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT fn.scope_exists('partner', p_parent) THEN
        RETURN 'parent_unknown';
    END IF;
    INSERT INTO organizations (organization_id, partner_id, name)
        VALUES (p_id, p_parent, p_name) ON CONFLICT DO NOTHING;
    RETURN CASE WHEN FOUND THEN 'created' ELSE 'exists' END;
END $$;

CREATE FUNCTION fn.workspace_create(p_id text, p_parent text, p_name text, p_quota integer,
    p_max_concurrent integer, p_weight integer DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT fn.scope_exists('organization', p_parent) THEN
        RETURN 'parent_unknown';
    END IF;
    INSERT INTO workspaces (workspace_id, organization_id, partner_id, name, quota, max_concurrent,
            weight)
        SELECT p_id, o.organization_id, o.partner_id, p_name, p_quota, p_max_concurrent,
            coalesce(p_weight, 1) FROM organizations o WHERE o.organization_id = p_parent ON CONFLICT DO NOTHING;
    RETURN CASE WHEN FOUND THEN 'created' ELSE 'exists' END;
END $$;

-- Changes what is not NULL. 'changed' or 'unknown'.
CREATE FUNCTION fn.workspace_change(p_id text, p_name text, p_quota integer,
    p_max_concurrent integer, p_weight integer DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE workspaces SET name = coalesce(p_name, name), quota = coalesce(p_quota, quota),
        max_concurrent = coalesce(p_max_concurrent, max_concurrent),
        weight = coalesce(p_weight, weight) WHERE workspace_id = p_id;
    RETURN CASE WHEN FOUND THEN 'changed' ELSE 'unknown' END;
END $$;

-- ---- keys ----

-- 'created' or 'scope_unknown'.
CREATE FUNCTION fn.key_create(p_key_id text, p_hash bytea, p_last_4 text, p_scope text,
    p_scope_id text, p_is_admin boolean) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT fn.scope_exists(p_scope, p_scope_id) THEN
        RETURN 'scope_unknown';
    END IF;
    INSERT INTO api_keys (api_key_id, key_hash, last_4, scope, scope_id, is_admin)
        VALUES (p_key_id, p_hash, p_last_4, p_scope::key_scope, p_scope_id, p_is_admin);
    RETURN 'created';
END $$;

-- 'revoked', 'already' or 'unknown'.
CREATE FUNCTION fn.key_revoke(p_key_id text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE api_keys SET revoked_at = clock_timestamp()
        WHERE api_key_id = p_key_id AND revoked_at IS NULL;
    IF FOUND THEN
        RETURN 'revoked';
    END IF;
    PERFORM FROM api_keys WHERE api_key_id = p_key_id;
    RETURN CASE WHEN FOUND THEN 'already' ELSE 'unknown' END;
END $$;

-- ---- credits ----

-- Grants credits for this month. 'granted', 'unknown', or 'too_many': the sum of quota and grants
-- must stay a number that the accept path can add with.
CREATE FUNCTION fn.credits_grant(p_workspace text, p_amount integer) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_month date := credit_month(clock_timestamp());
BEGIN
    IF NOT fn.scope_exists('workspace', p_workspace) THEN
        RETURN 'unknown';
    END IF;
    INSERT INTO credit_months AS m (workspace_id, month, granted)
        VALUES (p_workspace, v_month, p_amount)
        ON CONFLICT (workspace_id, month) DO UPDATE SET granted = m.granted + excluded.granted
        WHERE m.granted <= 1000000000 - excluded.granted;
    IF NOT FOUND THEN
        RETURN 'too_many';
    END IF;
    INSERT INTO credit_grants (workspace_id, month, amount)
        VALUES (p_workspace, v_month, p_amount);
    RETURN 'granted';
END $$;

-- What a workspace has this month; no row when there is no such workspace.
CREATE FUNCTION fn.credits_show(p_workspace text)
RETURNS TABLE (workspace_id text, month text, quota_limit bigint, granted integer,
    reserved integer, settled integer, available bigint)
LANGUAGE sql STABLE AS $$
    SELECT w.workspace_id, to_char(n.month, 'YYYY-MM'), w.quota::bigint + coalesce(m.granted, 0),
        coalesce(m.granted, 0), coalesce(m.reserved, 0), coalesce(m.settled, 0),
        greatest(0, w.quota::bigint + coalesce(m.granted, 0) - coalesce(m.reserved, 0)
            - coalesce(m.settled, 0))
    FROM workspaces w
    CROSS JOIN (SELECT credit_month(clock_timestamp()) AS month) n
    LEFT JOIN credit_months m ON m.workspace_id = w.workspace_id AND m.month = n.month
    WHERE w.workspace_id = p_workspace
$$;

-- The totals of the months against the ledger and the grants. Lines of calls that retention has
-- removed are missing from months that are over: there the ledger may show less that was settled,
-- never more; what is reserved must always agree, since an open call is never removed.
CREATE FUNCTION fn.credits_audit_months()
RETURNS TABLE (workspace_id text, month date, call_id text, what text, kept bigint, computed bigint)
LANGUAGE sql STABLE SET enable_seqscan = on AS $$
    WITH sums AS (
        SELECT workspace_id, month, sum(granted) AS granted, sum(reserved) AS reserved,
            sum(settled) AS settled
        FROM (SELECT workspace_id, month, 0 AS granted, reserved, settled FROM credit_ledger
            UNION ALL
            SELECT workspace_id, month, amount, 0, 0 FROM credit_grants) lines
        GROUP BY workspace_id, month
    ), pairs AS (
        SELECT workspace_id, month, v.what, coalesce(v.kept, 0) AS kept,
            coalesce(v.computed, 0) AS computed
        FROM credit_months m FULL JOIN sums s USING (workspace_id, month)
        CROSS JOIN LATERAL (VALUES ('granted', m.granted::bigint, s.granted),
            ('reserved', m.reserved, s.reserved), ('settled', m.settled, s.settled))
            AS v (what, kept, computed)
    )
    SELECT workspace_id, month, NULL, what, kept, computed FROM pairs
        WHERE kept <> computed AND (what <> 'settled' OR kept < computed
            OR month >= credit_month(clock_timestamp()) - interval '2 months')
$$;

-- Each call against its lines: what was reserved when it was accepted, what is open, and what was
-- settled, which is its charge; and lines that belong to no call.
CREATE FUNCTION fn.credits_audit_calls()
RETURNS TABLE (workspace_id text, month date, call_id text, what text, kept bigint, computed bigint)
LANGUAGE sql STABLE SET enable_seqscan = on AS $$
    WITH lines AS (
        SELECT workspace_id, call_id, min(month) AS month,
            coalesce(sum(reserved) FILTER (WHERE step = 1), 0) AS taken,
            sum(reserved) AS reserved, sum(settled) AS settled
        FROM credit_ledger GROUP BY workspace_id, call_id
    ), pairs AS (
        SELECT workspace_id, l.month, call_id, v.what, v.kept, coalesce(v.computed, 0) AS computed
        FROM calls c LEFT JOIN lines l USING (workspace_id, call_id)
        CROSS JOIN LATERAL (SELECT c.outcome_type::text LIKE 'success%' AS charged) o
        CROSS JOIN LATERAL (VALUES ('call_taken', c.credits_reserved::bigint, l.taken),
            ('call_reserved', CASE WHEN call_is_final(c.status) THEN 0 ELSE c.credits_reserved END,
                l.reserved),
            ('call_settled', CASE WHEN o.charged THEN c.credits_reserved ELSE 0 END, l.settled),
            ('call_charge_cents', c.charge_cents, CASE WHEN o.charged THEN c.price_cents ELSE 0
                END)) AS v (what, kept, computed)
    )
    SELECT workspace_id, month, call_id, what, kept, computed FROM pairs WHERE kept <> computed
    UNION ALL
    SELECT l.workspace_id, l.month, l.call_id, 'no_such_call', 0, l.taken FROM lines l
        WHERE NOT EXISTS (SELECT FROM calls c
            WHERE c.call_id = l.call_id AND c.workspace_id = l.workspace_id)
$$;

-- ---- maintenance ----

-- New calls are refused from now on. p_message NULL: the usual words.
CREATE FUNCTION fn.maintenance_on(p_message text, p_resume_at timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE maintenance SET active = true, message = DEFAULT, resume_at = p_resume_at;
    IF p_message IS NOT NULL THEN
        UPDATE maintenance SET message = p_message;
    END IF;
END $$;

CREATE FUNCTION fn.maintenance_off() RETURNS void
LANGUAGE sql AS $$ UPDATE maintenance SET active = false, message = DEFAULT, resume_at = NULL $$;

-- ---- after a restore ----

-- The database has been put back to an earlier instant. An epoch of the time that was lost may be given
-- again, so the next is far from all of them, and whoever takes it is careful: somebody may still lead with
-- an old one. False, and nothing is done, while somebody leads this database.
CREATE FUNCTION fn.restored() RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pacer SET epoch = epoch + 1000000, seen_at = NULL, doubted_at = clock_timestamp()
        WHERE one AND (seen_at > clock_timestamp() - interval '10 s') IS NOT TRUE;
    RETURN FOUND;
END $$;

-- The calls that the carrier may have and we not know of: those to the same number beside each other, in
-- the order in which they would be dialed, first the one whose dial is under way. from_number '': ours.
CREATE FUNCTION fn.restored_doubts()
RETURNS TABLE (call_id text, to_number text, from_number text)
LANGUAGE sql STABLE AS $$
    SELECT call_id, target_phone, coalesce(from_number, '') FROM calls
        WHERE status IN ('queued', 'scheduled', 'dialing', 'dial_unknown') AND call_sid IS NULL
        ORDER BY target_phone, coalesce(from_number, ''), status IN ('queued', 'scheduled'),
            queue_no NULLS LAST, starts_at, call_id
$$;

-- Such a call is the carrier's call p_sid. One that waits does so no more, and gets the attempt that was
-- lost; the watcher asks at once how it stands. False when it has ended or is bound meanwhile, or the sid is.
CREATE FUNCTION fn.restored_bind(p_call text, p_sid text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    c calls;
    a attempts;
    q call_queue;
BEGIN
    SELECT * INTO c FROM calls WHERE call_id = p_call FOR UPDATE;
    IF NOT FOUND OR c.call_sid IS NOT NULL OR call_is_final(c.status) OR fn.sid_bound(p_sid) THEN
        RETURN false;
    END IF;
    IF c.status IN ('queued', 'scheduled') THEN
        SELECT * INTO q FROM call_queue WHERE queue_no = c.queue_no;
        IF NOT FOUND THEN
            PERFORM fn.call_wake(p_call, c.starts_at);
            SELECT * INTO c FROM calls WHERE call_id = p_call;
            SELECT * INTO STRICT q FROM call_queue WHERE queue_no = c.queue_no;
        END IF;
        PERFORM fn.dial_grant(q, c, (SELECT epoch FROM pacer), clock_timestamp(), 0);
        SELECT * INTO c FROM calls WHERE call_id = p_call;
    END IF;
    SELECT * INTO STRICT a FROM attempts WHERE attempt_id = c.attempt_id FOR UPDATE;
    PERFORM fn.attempt_bind(a, c, p_sid);
    UPDATE attempts SET check_at = clock_timestamp() WHERE attempt_id = a.attempt_id;
    RETURN true;
END $$;

-- All of the carrier's calls are known: this history of the database may be dialed by.
CREATE FUNCTION fn.reconciled() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pacer SET timeline = fn.timeline() WHERE one;
    DELETE FROM dialing_stops WHERE workspace_id = '' AND guarded;
END $$;

-- ---- queue and calls ----

-- The leader is named while its last sign of life is younger than 10 s; cps is its rate, NULL
-- when there is none.
CREATE FUNCTION fn.queue_status()
RETURNS TABLE (queued bigint, scheduled bigint, dialing bigint, dial_unknown bigint,
    in_progress bigint, cps float8, leader text, oldest_queued_seconds float8)
LANGUAGE sql STABLE AS $$
    SELECT (SELECT count(*) FROM call_queue) + w.asleep, w.scheduled,
        f.dialing, f.dial_unknown, f.in_progress, p.cps, p.host || '/' || p.pid,
        (SELECT round(extract(epoch FROM clock_timestamp() - c.created_at), 3)
            FROM (SELECT call_id FROM call_queue ORDER BY queue_no LIMIT 1) q
            JOIN calls c USING (call_id))
    FROM (SELECT count(*) FILTER (WHERE status = 'dialing') AS dialing,
            count(*) FILTER (WHERE status = 'dial_unknown') AS dial_unknown,
            count(*) FILTER (WHERE status = 'in_progress') AS in_progress
        FROM calls WHERE status IN ('dialing', 'dial_unknown', 'in_progress')) f
    CROSS JOIN (SELECT count(*) FILTER (WHERE queue_no IS NULL) AS scheduled, count(queue_no) AS asleep
        FROM call_schedule) w
    LEFT JOIN pacer p ON p.seen_at > clock_timestamp() - interval '10 s'
$$;

-- Dials of the last minute. Their calls are in flight, ended since, or back in the queue: each of
-- the three can be found without reading all calls.
CREATE FUNCTION fn.dials_last_minute() RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT count(*) FROM attempts a
        WHERE a.created_at > clock_timestamp() - interval '1 minute' AND a.call_id IN (
            SELECT call_id FROM calls WHERE status IN ('dialing', 'dial_unknown', 'in_progress')
            UNION ALL
            SELECT call_id FROM calls WHERE ended_at > clock_timestamp() - interval '1 minute'
            UNION ALL
            SELECT call_id FROM call_queue WHERE not_before IS NOT NULL)
$$;

-- Calls, newest first; of one workspace, in one status, or (NULL) of any. Ids grow with time, so
-- that without a workspace the primary key gives them in order.
CREATE FUNCTION fn.calls_newest(p_workspace text, p_status text, p_limit integer)
RETURNS SETOF calls LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF p_workspace IS NULL THEN
        RETURN QUERY SELECT * FROM calls c
            WHERE p_status IS NULL OR c.status = p_status::call_status
            ORDER BY c.call_id DESC LIMIT p_limit;
    ELSE
        RETURN QUERY SELECT * FROM calls c WHERE c.workspace_id = p_workspace
            AND (p_status IS NULL OR c.status = p_status::call_status)
            ORDER BY c.created_at DESC, c.call_id DESC LIMIT p_limit;
    END IF;
END $$;
