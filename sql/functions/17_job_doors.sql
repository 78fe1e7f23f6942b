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
