-- The settings of the tree. A row is one setting of one level, by its whole path; the nearest level that
-- has the row decides. Which settings there are and what they may be is src/domain/setting.c's.

-- A level and those above it, nearest first; no row when there is no such level.
CREATE FUNCTION fn.config_levels(p_scope text, p_id text)
RETURNS TABLE (distance integer, scope key_scope, scope_id text)
LANGUAGE sql STABLE AS $$
    SELECT l.* FROM (
        SELECT workspace_id, organization_id, partner_id FROM workspaces
            WHERE p_scope = 'workspace' AND workspace_id = p_id
        UNION ALL
        SELECT NULL, organization_id, partner_id FROM organizations
            WHERE p_scope = 'organization' AND organization_id = p_id
        UNION ALL
        SELECT NULL, NULL, partner_id FROM partners WHERE p_scope = 'partner' AND partner_id = p_id
        UNION ALL
        SELECT NULL, NULL, NULL WHERE p_scope = 'platform' AND p_id = 'default') at
    CROSS JOIN LATERAL (VALUES (1, 'workspace'::key_scope, at.workspace_id),
        (2, 'organization', at.organization_id), (3, 'partner', at.partner_id),
        (4, 'platform', 'default')) l (distance, scope, scope_id)
    WHERE l.scope_id IS NOT NULL
$$;

-- What is set for a workspace: by itself or by the nearest level above it that says something. NULL when
-- nobody says anything.
CREATE FUNCTION fn.setting(p_workspace text, p_path text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT s.value FROM fn.config_levels('workspace', p_workspace) l
    JOIN settings s ON s.scope = l.scope AND s.scope_id = l.scope_id AND s.path = p_path
    ORDER BY l.distance LIMIT 1
$$;

-- Whether a key may read and change a level: its own and those below, the platform's only as an admin.
-- 'ok', 'forbidden', or 'unknown', which only a key that reaches everything is told.
CREATE FUNCTION fn.config_reach(key_scope text, key_scope_id text, is_admin boolean, p_scope text,
    p_id text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN $1 = 'platform' AND NOT EXISTS (SELECT FROM fn.config_levels($4, $5)) THEN 'unknown'
        WHEN $4 = 'platform' AND NOT $3 THEN 'forbidden'
        WHEN EXISTS (SELECT FROM fn.config_levels($4, $5) l WHERE l.scope::text = $1
            AND (l.scope = 'platform' OR l.scope_id = $2)) THEN 'ok'
        ELSE 'forbidden' END
$$;

-- What a level itself sets, or (p_effective) what holds there, with the level that it comes from.
-- p_secrets are the paths of which no more than the last four characters leave the database.
CREATE FUNCTION fn.config_read(p_scope text, p_id text, p_effective boolean, p_secrets text[])
RETURNS TABLE (path text, value jsonb, source text, updated_at timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (s.path) s.path, CASE WHEN s.path = ANY (p_secrets)
            THEN to_jsonb('…' || right(s.value #>> '{}', 4)) ELSE s.value END,
        s.scope || '/' || s.scope_id, s.updated_at
    FROM fn.config_levels(p_scope, p_id) l
    JOIN settings s ON s.scope = l.scope AND s.scope_id = l.scope_id
    WHERE p_effective OR l.scope::text = p_scope
    ORDER BY s.path, l.distance
$$;

-- Sets the paths of an object at a level, all of them; JSON's null removes one. How many rows are other
-- than before; NULL when there is no such level.
CREATE FUNCTION fn.config_patch(p_scope text, p_id text, p_patch jsonb) RETURNS bigint
LANGUAGE plpgsql STRICT AS $$
DECLARE
    v_removed bigint;
    v_set bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM fn.config_levels(p_scope, p_id)) THEN
        RETURN NULL;
    END IF;
    DELETE FROM settings s USING jsonb_each(p_patch) p
        WHERE s.scope = p_scope::key_scope AND s.scope_id = p_id AND s.path = p.key AND p.value = 'null';
    GET DIAGNOSTICS v_removed = ROW_COUNT;
    INSERT INTO settings AS s (scope, scope_id, path, value)
        SELECT p_scope::key_scope, p_id, p.key, p.value FROM jsonb_each(p_patch) p
            WHERE p.value <> 'null' ORDER BY p.key
        ON CONFLICT (scope, scope_id, path) DO UPDATE
        SET value = excluded.value, updated_at = excluded.updated_at WHERE s.value <> excluded.value;
    GET DIAGNOSTICS v_set = ROW_COUNT;
    RETURN v_removed + v_set;
END $$;
