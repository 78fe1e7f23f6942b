-- The do-not-call lists, for whoever keeps them.

-- Whose list a caller may keep: his workspace's, or '' (the platform's) for an admin of the platform
-- who asks for it; NULL when it is none.
CREATE FUNCTION fn.dnc_list(p_scope text, p_is_admin boolean, p_workspace text, p_platform boolean)
RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN NOT p_platform THEN p_workspace
        WHEN p_scope = 'platform' AND p_is_admin THEN '' END
$$;

-- Puts a number on a list and returns its row; a second time only its reason changes, when there is a
-- new one. Nothing without a list.
CREATE FUNCTION fn.dnc_add(p_list text, p_number text, p_reason text) RETURNS SETOF dnc
LANGUAGE sql AS $$
    INSERT INTO dnc AS d (workspace_id, number, reason)
        SELECT p_list, p_number, p_reason WHERE p_list IS NOT NULL
        ON CONFLICT (workspace_id, number) DO UPDATE SET reason = coalesce(p_reason, d.reason)
        RETURNING d.*
$$;

CREATE FUNCTION fn.dnc_remove(p_list text, p_number text) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM dnc WHERE workspace_id = p_list AND number = p_number;
    RETURN FOUND;
END $$;
