-- What is set for a workspace: by itself or by the nearest level above it that says something. A value
-- may stand at its own path or inside one that was set as a whole. NULL when nobody says anything.
CREATE FUNCTION fn.setting(p_workspace text, p_path text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT v.value FROM workspaces w
    CROSS JOIN LATERAL (VALUES (1, 'workspace'::key_scope, w.workspace_id),
        (2, 'organization', w.organization_id), (3, 'partner', w.partner_id),
        (4, 'platform', 'platform')) l (level, scope, scope_id)
    JOIN settings s ON s.scope = l.scope AND s.scope_id = l.scope_id
        AND (s.path = p_path OR starts_with(p_path, s.path || '.'))
    CROSS JOIN LATERAL (SELECT s.value #> string_to_array(substr(p_path, length(s.path) + 2), '.'))
        AS v (value)
    WHERE w.workspace_id = p_workspace AND v.value <> 'null'
    ORDER BY l.level LIMIT 1
$$;
