-- The audit log: who is behind a change that the API makes, and reading it. It is written by triggers alone
-- (sql/027_audit.sql).

-- From here to the end of the transaction it is this caller of the API who changes something: a key, or
-- (hash NULL) whom the worker has verified itself.
CREATE FUNCTION fn.act_as(p_key_hash bytea, p_key_id text, p_scope text) RETURNS text
LANGUAGE sql VOLATILE AS $$
    SELECT set_config('offhook.actor', CASE WHEN p_key_hash IS NULL THEN 'caller:' || p_scope || '/'
        ELSE 'key:' END || p_key_id, true)
$$;

-- The newest entries since an instant, of one workspace or (NULL) of all, oldest first.
CREATE FUNCTION fn.audit_read(p_since timestamptz, p_workspace text, p_limit integer)
RETURNS SETOF audit_log LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF p_workspace IS NULL THEN
        RETURN QUERY SELECT * FROM (SELECT * FROM audit_log a WHERE a.at >= coalesce(p_since, '-infinity')
            ORDER BY a.at DESC, a.audit_id DESC LIMIT p_limit) newest ORDER BY at, audit_id;
    ELSE
        RETURN QUERY SELECT * FROM (SELECT * FROM audit_log a WHERE a.workspace_id = p_workspace
            AND a.at >= coalesce(p_since, '-infinity')
            ORDER BY a.at DESC, a.audit_id DESC LIMIT p_limit) newest ORDER BY at, audit_id;
    END IF;
END $$;
