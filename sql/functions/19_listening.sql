-- Live listening: who may hear a call while it goes on, and where that call is talked (sql/021_listening.sql).

-- How a call stands to it: 'open', with its door; 'forbidden' (voice.live_listening); 'waits' (nobody has
-- answered); 'turns' (the agent does not talk in real time, or not yet); 'over'; 'closed' (its loop has no
-- door); 'elsewhere' (it is talked on another machine).
CREATE FUNCTION fn.listening_stand(p_call text, p_host text, OUT stand text, OUT door text)
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN fn.setting(c.workspace_id, 'voice.live_listening') IS DISTINCT FROM 'true'::jsonb
            THEN 'forbidden'
        WHEN call_is_final(c.status) OR s.ended_at IS NOT NULL THEN 'over'
        WHEN c.status <> 'in_progress' THEN 'waits'
        WHEN s.begun_at IS NULL THEN 'turns'
        WHEN s.door IS NULL THEN 'closed'
        WHEN s.host <> p_host THEN 'elsewhere'
        ELSE 'open' END, s.door
    FROM calls c LEFT JOIN voice_streams s USING (call_id, workspace_id) WHERE c.call_id = p_call
$$;

-- Somebody begins to listen, if the call is open to it; its owner sees who and when in the call's events.
CREATE FUNCTION fn.listening_open(p_call text, p_host text, p_listener text, OUT stand text, OUT door text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM calls WHERE call_id = p_call FOR UPDATE;
    SELECT s.stand, s.door INTO stand, door FROM fn.listening_stand(p_call, p_host) s;
    IF stand = 'open' THEN
        PERFORM fn.event_add(p_call, 'supervisor', json_build_object('decision', 'live_listening',
            'text', p_listener || ' has begun to listen to the call.'));
    END IF;
END $$;

-- Who asks by a credential, and about which call: no row when nobody's. An admin reaches any call below his
-- scope, whether or not he named a workspace. stand is NULL when he reaches no such call, and 'admins' for
-- those who are none. p_act says what is wanted: 'look' (nothing is changed), 'open', or 'ticket' (p_ticket is
-- its hash, expires_at its end).
CREATE FUNCTION fn.listening_ask(p_key_hash bytea, p_scope text, p_scope_id text, p_is_admin boolean,
    p_workspace text, p_call text, p_host text, p_listener text, p_act text, p_ticket bytea)
RETURNS TABLE (stand text, door text, expires_at text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    w record;
    v_listener text;
    v_expires timestamptz;
BEGIN
    SELECT who.*, c.call_id INTO w
        FROM fn.caller(p_key_hash, p_scope, p_scope_id, p_is_admin, p_workspace) who
        LEFT JOIN (calls c JOIN workspaces o USING (workspace_id))
            ON c.call_id = p_call AND (p_workspace IS NULL OR c.workspace_id = who.workspace_id)
            AND CASE who.scope WHEN 'platform' THEN true
                WHEN 'partner' THEN o.partner_id = who.scope_id
                WHEN 'organization' THEN o.organization_id = who.scope_id
                ELSE c.workspace_id = who.scope_id END;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    v_listener := coalesce(p_listener, w.api_key_id);
    IF w.call_id IS NOT NULL AND NOT w.is_admin THEN
        stand := 'admins';
    ELSIF w.call_id IS NOT NULL AND p_act = 'open' THEN
        SELECT l.stand, l.door INTO stand, door FROM fn.listening_open(p_call, p_host, v_listener) l;
    ELSIF w.call_id IS NOT NULL THEN
        SELECT l.stand, l.door INTO stand, door FROM fn.listening_stand(p_call, p_host) l;
    END IF;
    IF stand = 'open' AND p_act = 'ticket' THEN
        INSERT INTO listening_tickets AS t (ticket_hash, call_id, listener, expires_at)
            VALUES (p_ticket, p_call, v_listener, clock_timestamp() + interval '60 s')
            RETURNING t.expires_at INTO v_expires;
        expires_at := fn.iso(v_expires);
    END IF;
    RETURN NEXT;
END $$;

-- A ticket is shown: no row when it is not good for this call. It is taken when the call is open to listening,
-- once, and p_open.
CREATE FUNCTION fn.listening_take(p_ticket bytea, p_call text, p_host text, p_open boolean)
RETURNS TABLE (stand text, door text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_listener text;
BEGIN
    SELECT t.listener INTO v_listener FROM listening_tickets t
        WHERE t.ticket_hash = p_ticket AND t.call_id = p_call AND t.expires_at > clock_timestamp()
            AND NOT EXISTS (SELECT FROM api_keys k
                WHERE k.api_key_id = t.listener AND k.revoked_at IS NOT NULL);
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT l.stand, l.door INTO stand, door FROM fn.listening_stand(p_call, p_host) l;
    IF stand = 'open' AND p_open THEN
        DELETE FROM listening_tickets t WHERE t.ticket_hash = p_ticket;
        IF NOT FOUND THEN
            RETURN; -- somebody was faster
        END IF;
        SELECT l.stand, l.door INTO stand, door FROM fn.listening_open(p_call, p_host, v_listener) l;
    END IF;
    RETURN NEXT;
END $$;

-- Tickets that nobody has shown in time.
CREATE FUNCTION fn.forget_listening_tickets(p_limit integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_count integer;
BEGIN
    DELETE FROM listening_tickets t USING (SELECT ticket_hash FROM listening_tickets
            WHERE expires_at < statement_timestamp() ORDER BY expires_at LIMIT p_limit) old
        WHERE t.ticket_hash = old.ticket_hash;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END $$;
