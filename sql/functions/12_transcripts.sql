-- Merged transcripts: enqueued by what settles the recording, leased by the merger, built again when
-- the owner wants it.

-- Nothing when the call has one already.
CREATE FUNCTION fn.transcript_enqueue(p_call text, p_workspace text) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO transcripts (call_id, workspace_id, check_at)
        VALUES (p_call, p_workspace, clock_timestamp()) ON CONFLICT DO NOTHING
$$;

-- The transcripts to merge now, leased for 150 s, with what they are made of: the turns as they came,
-- and whether there is a recording. One that has outlived its mergers is given up: an older version
-- stays, otherwise it has failed.
CREATE FUNCTION fn.transcripts_due(p_limit integer)
RETURNS TABLE (call_id text, call_sid text, lease integer, attempts integer, language text, call_ms bigint,
    recording_sid text, turns json)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    UPDATE transcripts SET check_at = NULL, updated_at = clock_timestamp(),
            state = CASE WHEN result IS NULL THEN 'failed' ELSE 'done' END::transcript_state,
            reason = coalesce(reason, 'The merger did not survive it.')
        WHERE check_at <= statement_timestamp() AND attempts >= 12;
    RETURN QUERY WITH due AS MATERIALIZED ( -- once: a join could run it again, with a new limit
        SELECT d.call_id, d.workspace_id FROM transcripts d
            WHERE d.check_at <= statement_timestamp() ORDER BY d.check_at LIMIT p_limit
            FOR UPDATE SKIP LOCKED),
    leased AS (
        UPDATE transcripts t SET check_at = clock_timestamp() + interval '150 s',
                lease = t.lease + 1, attempts = t.attempts + 1
            FROM due
            WHERE t.call_id = due.call_id AND t.workspace_id = due.workspace_id
            RETURNING t.call_id, t.workspace_id, t.lease, t.attempts)
        SELECT l.call_id, c.call_sid, l.lease, l.attempts, c.language,
            (coalesce(c.duration_sec, 0) * 1000)::bigint,
            (SELECT r.recording_sid FROM recordings r WHERE r.call_id = l.call_id
                AND r.workspace_id = l.workspace_id AND r.state = 'stored'),
            (SELECT coalesce(json_agg(e.data ORDER BY e.event_id), '[]') FROM call_events e
                WHERE e.call_id = l.call_id AND e.event_type = 'transcript')
        FROM leased l JOIN calls c USING (call_id, workspace_id);
END $$;

-- The merger is still at work on it.
CREATE FUNCTION fn.transcript_hold(p_call text, p_lease integer) RETURNS void
LANGUAGE sql AS $$
    UPDATE transcripts SET check_at = clock_timestamp() + interval '150 s'
        WHERE call_id = p_call AND lease = p_lease AND state = 'pending'
$$;

-- Merged. p_reason says what it lacks, if anything. False when another merger has taken over.
CREATE FUNCTION fn.transcript_done(p_call text, p_lease integer, p_result text, p_reason text)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM calls WHERE call_id = p_call FOR UPDATE;
    UPDATE transcripts SET state = 'done', version = version + 1, check_at = NULL,
            reason = p_reason, updated_at = clock_timestamp(),
            result = ('{"version":' || version + 1 || ',' || substr(p_result, 2))::json
        WHERE call_id = p_call AND lease = p_lease AND state = 'pending';
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM fn.event_add(p_call, 'transcript_ready',
        json_build_object('url', '/calls/' || p_call || '/transcript-merged'));
    RETURN true;
END $$;

-- Not now: again after a wait that grows from 2 s to 5 min.
CREATE FUNCTION fn.transcript_later(p_call text, p_lease integer, p_reason text) RETURNS void
LANGUAGE sql AS $$
    UPDATE transcripts SET reason = p_reason, check_at = clock_timestamp()
            + least(300, 2 ^ least(attempts, 9)) * (0.75 + random() / 2) * interval '1 s'
        WHERE call_id = p_call AND lease = p_lease AND state = 'pending'
$$;

-- How the transcript of a call stands: 'done', 'failed', 'pending' (it will come) or 'never' (nobody
-- answered: nothing was said).
CREATE FUNCTION fn.transcript_stand(c calls, p_state transcript_state) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN p_state IS NOT NULL THEN p_state::text
        WHEN call_is_final(c.status) AND c.answered_at IS NULL THEN 'never' ELSE 'pending' END
$$;

-- Builds it anew, from the beginning; nothing more while it is pending. Each time it waits twice as
-- long as before, up to an hour: speech to text is paid for. Returns how it stands now, NULL for no
-- such call.
CREATE FUNCTION fn.transcript_rebuild(p_workspace text, p_call text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    c calls;
BEGIN
    SELECT * INTO c FROM calls WHERE call_id = p_call AND workspace_id = p_workspace FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE transcripts SET state = 'pending', attempts = 0, reason = NULL,
            check_at = greatest(clock_timestamp(),
                updated_at + least(3600, 2 ^ least(version, 12)) * interval '1 s')
        WHERE call_id = p_call AND workspace_id = p_workspace AND state IN ('done', 'failed');
    RETURN fn.transcript_stand(c, (SELECT state FROM transcripts
        WHERE call_id = p_call AND workspace_id = p_workspace));
END $$;
