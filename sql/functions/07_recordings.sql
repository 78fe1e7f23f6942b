-- Recordings: told of by the carrier or asked for, then fetched.

-- The carrier's word on a recording: 'completed' or 'absent'; anything else changes nothing.
CREATE FUNCTION fn.recording_news(p_call text, p_sid text, p_recording_sid text, p_status text,
    p_duration numeric) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    c calls;
BEGIN
    SELECT * INTO c FROM calls WHERE call_id = p_call FOR UPDATE;
    IF NOT FOUND OR c.call_sid IS DISTINCT FROM p_sid
        OR p_status NOT IN ('completed', 'absent') THEN
        RETURN false;
    END IF;
    INSERT INTO recordings AS r (call_id, workspace_id, call_sid, state, recording_sid,
            duration_sec, check_at)
        VALUES (p_call, c.workspace_id, p_sid,
            CASE p_status WHEN 'completed' THEN 'ready' ELSE 'absent' END::recording_state,
            CASE p_status WHEN 'completed' THEN p_recording_sid END, p_duration,
            CASE p_status WHEN 'completed' THEN clock_timestamp() END)
        ON CONFLICT (call_id, workspace_id) DO UPDATE SET state = excluded.state,
            recording_sid = excluded.recording_sid, duration_sec = excluded.duration_sec,
            check_at = excluded.check_at WHERE r.state = 'expected';
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF p_status = 'absent' THEN
        PERFORM fn.transcript_enqueue(p_call, c.workspace_id);
    END IF;
    RETURN true;
END $$;

-- The recordings to see to now: 'expected' ones are asked for, 'ready' ones fetched. Leased.
CREATE FUNCTION fn.recordings_due(p_limit integer)
RETURNS TABLE (call_id text, call_sid text, state recording_state, recording_sid text)
LANGUAGE sql AS $$
    WITH due AS MATERIALIZED ( -- once: a join could run it again, with a limit of its own
        SELECT d.call_id, d.workspace_id FROM recordings d
            WHERE d.check_at <= statement_timestamp() ORDER BY d.check_at LIMIT p_limit
            FOR UPDATE SKIP LOCKED
    )
    UPDATE recordings t SET check_at = clock_timestamp() + interval '150 s',
            attempts = t.attempts + 1
        FROM due
        WHERE t.call_id = due.call_id AND t.workspace_id = due.workspace_id
        RETURNING t.call_id, t.call_sid, t.state, t.recording_sid
$$;

-- The file is in the spool, complete and synced.
CREATE FUNCTION fn.recording_stored(p_call text, p_bytes bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    r recordings;
BEGIN
    PERFORM FROM calls WHERE call_id = p_call FOR UPDATE;
    UPDATE recordings SET state = 'stored', bytes = p_bytes, check_at = NULL
        WHERE call_id = p_call AND state = 'ready' RETURNING * INTO r;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM fn.event_add(p_call, 'recording_ready', json_build_object('recording_url',
        '/calls/' || p_call || '/recording', 'duration_sec', r.duration_sec));
    PERFORM fn.transcript_enqueue(p_call, r.workspace_id);
    RETURN true;
END $$;

-- Not there yet, or not to be had now: again later, with growing waits; after two hours never.
-- p_never says that the carrier knows it will never be.
CREATE FUNCTION fn.recording_missed(p_call text, p_never boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    r recordings;
BEGIN
    UPDATE recordings SET
        state = CASE WHEN gone THEN 'absent' ELSE state END,
        check_at = CASE WHEN gone THEN NULL ELSE clock_timestamp()
            + least(300, 2 ^ least(attempts, 9)) * (0.75 + random() / 2) * interval '1 s' END
        FROM (SELECT p_never OR o.created_at < clock_timestamp() - interval '2 hours' AS gone
            FROM recordings o WHERE o.call_id = p_call) x
        WHERE call_id = p_call AND state IN ('expected', 'ready') RETURNING recordings.* INTO r;
    IF r.state = 'absent' THEN
        PERFORM fn.transcript_enqueue(p_call, r.workspace_id);
    END IF;
END $$;

-- Somebody wants a recording that the carrier has not told of: the recorder asks it now, at most once
-- in three seconds. True when it is going to.
CREATE FUNCTION fn.recording_ask(p_call text) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE recordings SET check_at = clock_timestamp(), asked_at = clock_timestamp()
        WHERE call_id = p_call AND state = 'expected' AND check_at > clock_timestamp()
            AND coalesce(asked_at < clock_timestamp() - interval '3 s', true);
    RETURN FOUND;
END $$;
