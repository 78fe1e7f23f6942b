-- The functions live in a schema of their own, which is made anew whenever one of them changes:
-- what stands in these files is what runs. One function a state change, one transaction each; rows
-- are always locked in the order pacer, call, attempt, queue, ledger. What is due is compared with
-- statement_timestamp(): clock_timestamp() is volatile, so no index can be read up to it, and every look
-- would walk all that is due later.

DROP SCHEMA IF EXISTS fn CASCADE;
CREATE SCHEMA fn;

-- 2026-11-20T22:51:05.123Z
CREATE FUNCTION fn.iso(t timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$ SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;

-- Whose key this is, and in which workspace it asks: no row when nobody's. workspace_id is NULL when
-- a key above a workspace named none, or one that it does not reach.
CREATE FUNCTION fn.key_caller(key_hash bytea, workspace text)
RETURNS TABLE (api_key_id text, api_key_last_4 text, scope text, scope_id text, is_admin boolean,
    workspace_id text)
LANGUAGE sql STABLE AS $$
    SELECT k.api_key_id, k.last_4, k.scope::text, k.scope_id, k.is_admin, w.workspace_id
        FROM api_keys k LEFT JOIN workspaces w
            ON w.workspace_id = CASE WHEN $2 IS NULL AND k.scope = 'workspace' THEN k.scope_id
                ELSE $2 END
            AND CASE k.scope WHEN 'workspace' THEN w.workspace_id = k.scope_id
                WHEN 'organization' THEN w.organization_id = k.scope_id
                WHEN 'partner' THEN w.partner_id = k.scope_id ELSE true END
        WHERE k.key_hash = $1 AND k.revoked_at IS NULL
$$;

-- The same for every caller: either the hash of a key, or (hash NULL) a scope that the worker has
-- verified itself: the bootstrap key or the gateway's token.
CREATE FUNCTION fn.caller(key_hash bytea, scope text, scope_id text, is_admin boolean,
    workspace text)
RETURNS TABLE (api_key_id text, api_key_last_4 text, scope text, scope_id text, is_admin boolean,
    workspace_id text)
LANGUAGE sql STABLE AS $$
    SELECT * FROM fn.key_caller($1, $5)
    UNION ALL
    SELECT $3, NULL, $2, $3, $4, w.workspace_id
        FROM (SELECT) one LEFT JOIN workspaces w
            ON w.workspace_id = CASE WHEN $5 IS NULL AND $2 = 'workspace' THEN $3 ELSE $5 END
            AND CASE $2 WHEN 'workspace' THEN w.workspace_id = $3
                WHEN 'organization' THEN w.organization_id = $3
                WHEN 'partner' THEN w.partner_id = $3 ELSE true END
        WHERE $1 IS NULL AND CASE $2
            WHEN 'workspace' THEN EXISTS (SELECT FROM workspaces x WHERE x.workspace_id = $3)
            WHEN 'organization' THEN
                EXISTS (SELECT FROM organizations x WHERE x.organization_id = $3)
            WHEN 'partner' THEN EXISTS (SELECT FROM partners x WHERE x.partner_id = $3)
            ELSE $2 = 'platform' END
$$;

-- Adds an event to a call whose row the caller holds locked, and what its customer's webhook is to
-- be told of it. Returns its number.
CREATE FUNCTION fn.event_add(p_call text, p_type text, p_data json) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    c record;
BEGIN
    UPDATE calls SET event_count = event_count + 1 WHERE call_id = p_call
        RETURNING event_count, workspace_id, ask_user_mode INTO STRICT c;
    INSERT INTO call_events (call_id, event_id, workspace_id, event_type, data)
        VALUES (p_call, c.event_count, c.workspace_id, p_type, p_data);
    PERFORM fn.webhook_offer(p_call, c.event_count, c.workspace_id, p_type, c.ask_user_mode);
    RETURN c.event_count;
END $$;

-- How far along a carrier's word for a call's status is; news that are not further are old.
CREATE FUNCTION fn.carrier_rank(status text) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE status WHEN 'queued' THEN 1 WHEN 'initiated' THEN 1 WHEN 'ringing' THEN 2
        WHEN 'in-progress' THEN 3 WHEN 'completed' THEN 4 WHEN 'busy' THEN 4
        WHEN 'failed' THEN 4 WHEN 'no-answer' THEN 4 WHEN 'canceled' THEN 4 ELSE 0 END
$$;

CREATE FUNCTION fn.in_flight(p_workspace text) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT count(*) FROM calls WHERE workspace_id = p_workspace
        AND status IN ('dialing', 'dial_unknown', 'in_progress')
$$;

-- Where a call of that priority waits: calls.queue_rank.
CREATE FUNCTION fn.priority_rank(p_priority text) RETURNS smallint
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_priority WHEN 'high' THEN 2::smallint WHEN 'low' THEN 4::smallint
        ELSE 3::smallint END
$$;
