-- Who changed what, and when: one row a change, written by the change's own transaction, whoever makes it.
-- Rows are only added. Not by functions that others must remember to call: by triggers on the tables.

CREATE TABLE audit_log (
    audit_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor        text NOT NULL, -- 'user:NAME' of this host, 'key:ID', 'caller:SCOPE/ID', 'guard', 'role:NAME'
    action       text NOT NULL, -- 'create', 'change' or 'remove'
    what         text NOT NULL, -- 'workspace', 'api_key', 'setting', …
    subject      text NOT NULL, -- which one; 'all' for what is everybody's
    workspace_id text,          -- whom it concerns; NULL: more than one
    before       jsonb,         -- of a change, what is different; secrets never
    after        jsonb
);
CREATE INDEX audit_log_at ON audit_log (at);
CREATE INDEX audit_log_workspace ON audit_log (workspace_id, at);

CREATE FUNCTION audit_log_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only added to' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_log_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    EXECUTE FUNCTION audit_log_keep();
REVOKE UPDATE, DELETE, TRUNCATE ON audit_log FROM PUBLIC, CURRENT_USER;

-- A row as the log may show it: no hash of a key, no secret of a webhook and of its URL the host alone, of a
-- secret setting the last four characters, of a number on a do-not-call list its beginning and its end.
CREATE FUNCTION audit_row(p_table text, r jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_table
        WHEN 'api_keys' THEN r - 'key_hash'
        WHEN 'webhooks' THEN r - '{secret,old_secret,old_until}'::text[]
            || jsonb_build_object('url', substring(r->>'url' FROM '^[a-z]+://[^/?#]*'))
        WHEN 'settings' THEN CASE WHEN r->>'path' ~ '(key|secret|token|password)$'
            THEN r || jsonb_build_object('value', '…' || right(r->>'value', 4)) ELSE r END - 'updated_at'
        WHEN 'dnc' THEN r || jsonb_build_object('number',
            left(r->>'number', 4) || '…' || right(r->>'number', 2))
        ELSE r END
$$;

-- The fields of a that b does not have, or has otherwise.
CREATE FUNCTION audit_difference(a jsonb, b jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}') FROM jsonb_each(a) e
        WHERE b->e.key IS DISTINCT FROM e.value
$$;

-- Arguments: what a row of the table is called, then the columns that name it. Whoever asks has said who
-- he is in offhook.actor; who has not, is the role that he is connected as. A change that changes nothing
-- is none.
CREATE FUNCTION audit_note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_old jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    v_new jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    v_row jsonb := audit_row(TG_TABLE_NAME, coalesce(v_new, v_old));
    v_names text[] := TG_ARGV[1:];
BEGIN
    IF v_old = v_new THEN
        RETURN NULL;
    END IF;
    INSERT INTO audit_log (actor, action, what, subject, workspace_id, before, after)
        SELECT coalesce(nullif(current_setting('offhook.actor', true), ''), 'role:' || session_user),
            CASE TG_OP WHEN 'INSERT' THEN 'create' WHEN 'UPDATE' THEN 'change' ELSE 'remove' END,
            TG_ARGV[0],
            coalesce((SELECT string_agg(v_row->>n, '/' ORDER BY no) FROM unnest(v_names)
                WITH ORDINALITY u (n, no) WHERE v_row->>n <> ''), 'all'),
            nullif(coalesce(v_row->>'workspace_id',
                CASE v_row->>'scope' WHEN 'workspace' THEN v_row->>'scope_id' END), ''),
            CASE TG_OP WHEN 'UPDATE' THEN audit_difference(audit_row(TG_TABLE_NAME, v_old), v_row)
                WHEN 'DELETE' THEN v_row END,
            CASE TG_OP WHEN 'UPDATE' THEN audit_difference(v_row, audit_row(TG_TABLE_NAME, v_old))
                WHEN 'INSERT' THEN v_row END;
    RETURN NULL;
END $$;

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON partners FOR EACH ROW
    EXECUTE FUNCTION audit_note('partner', 'partner_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON organizations FOR EACH ROW
    EXECUTE FUNCTION audit_note('organization', 'organization_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON workspaces FOR EACH ROW
    EXECUTE FUNCTION audit_note('workspace', 'workspace_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON api_keys FOR EACH ROW
    EXECUTE FUNCTION audit_note('api_key', 'api_key_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON settings FOR EACH ROW
    EXECUTE FUNCTION audit_note('setting', 'scope', 'scope_id', 'path');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON maintenance FOR EACH ROW
    EXECUTE FUNCTION audit_note('maintenance');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON credit_grants FOR EACH ROW
    EXECUTE FUNCTION audit_note('credit_grant', 'workspace_id', 'month');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON dnc FOR EACH ROW
    EXECUTE FUNCTION audit_note('do_not_call', 'workspace_id', 'number');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON webhooks FOR EACH ROW
    EXECUTE FUNCTION audit_note('webhook', 'workspace_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON call_rules FOR EACH ROW
    EXECUTE FUNCTION audit_note('rule', 'workspace_id', 'prefix');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON call_limits FOR EACH ROW
    EXECUTE FUNCTION audit_note('limit', 'workspace_id', 'name');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON dialing_stops FOR EACH ROW
    EXECUTE FUNCTION audit_note('dialing_stop', 'workspace_id');
