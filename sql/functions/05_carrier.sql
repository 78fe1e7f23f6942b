-- What the carrier says: by its callbacks, by its answers, and when the watcher asks it.

-- Takes in news of a call: a status in the carrier's words. They may come twice, late and out of
-- order; nothing goes backwards. p_attempt is the token from the callback's URL, or NULL. News
-- under another call_sid than the bound one change nothing. p_form is the carrier's callback as it
-- came, or NULL: it is forwarded to the customer's own URL, also when it is old.
-- Returns 'taken', 'old', 'unknown' (no such call or attempt) or 'foreign' (another sid).
CREATE FUNCTION fn.carrier_news(p_call text, p_attempt uuid, p_sid text, p_status text,
    p_duration numeric, p_answered_by text, p_max_talk_s integer, p_form text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    a attempts;
    c calls;
    v_rank integer := fn.carrier_rank(p_status);
BEGIN
    SELECT * INTO c FROM calls WHERE call_id = p_call FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'unknown';
    END IF;
    SELECT * INTO a FROM attempts WHERE attempt_id = coalesce(p_attempt, c.attempt_id)
        AND call_id = p_call FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'unknown';
    ELSIF a.call_sid IS NULL AND a.state IN ('intent', 'unknown', 'lost') THEN
        -- One that was given up for lost and turns up after all is bound too, to be hung up.
        PERFORM fn.attempt_bind(a, c, p_sid);
        SELECT * INTO c FROM calls WHERE call_id = p_call;
        SELECT * INTO a FROM attempts WHERE attempt_id = a.attempt_id;
    ELSIF a.call_sid IS DISTINCT FROM p_sid THEN
        RETURN 'foreign';
    END IF;
    PERFORM fn.forward_offer(c, p_sid, p_status, p_form);
    IF p_answered_by IS NOT NULL THEN
        UPDATE calls SET answered_by = p_answered_by WHERE call_id = p_call;
    END IF;
    IF v_rank <= a.progress OR a.state = 'ended' THEN
        IF a.state = 'live' THEN
            UPDATE attempts SET checks = checks + 1, check_at = fn.next_check(a)
                WHERE attempt_id = a.attempt_id;
        END IF;
        IF a.hangup_at IS NOT NULL AND a.deadline_at < clock_timestamp() - interval '30 s'
            AND c.attempt_id = a.attempt_id AND NOT call_is_final(c.status) THEN
            PERFORM fn.call_end(p_call, 'failed', 'failed_technical',
                'The call''s deadline passed and the carrier did not end it.');
        END IF;
        RETURN 'old';
    END IF;
    UPDATE attempts SET progress = v_rank, check_at = fn.next_check(a)
        WHERE attempt_id = a.attempt_id;
    IF v_rank = 4 THEN
        UPDATE attempts SET state = 'ended', check_at = NULL WHERE attempt_id = a.attempt_id;
    END IF;
    IF call_is_final(c.status) OR c.attempt_id <> a.attempt_id THEN
        RETURN 'taken'; -- the leg of a call that is over: only the attempt moves
    END IF;
    IF v_rank = 3 THEN
        UPDATE calls SET answered_at = clock_timestamp() WHERE call_id = p_call;
        UPDATE attempts SET deadline_at = clock_timestamp() + (p_max_talk_s + 60) * interval '1 s'
            WHERE attempt_id = a.attempt_id;
        PERFORM fn.call_move(p_call, 'in_progress');
    ELSIF v_rank = 4 THEN
        PERFORM fn.call_hung_up(p_call, p_status, p_duration);
    END IF;
    RETURN 'taken';
END $$;

-- When the watcher looks at a live attempt next: soon when it is to be hung up.
CREATE FUNCTION fn.next_check(a attempts) RETURNS timestamptz
LANGUAGE sql VOLATILE AS $$
    SELECT clock_timestamp() + CASE WHEN a.hangup_at IS NOT NULL
        THEN least(60, 2 ^ least(a.checks, 6)) ELSE 25 END * (0.75 + random() / 4) * interval '1 s'
$$;

-- Ends a call (locked) as the carrier says that its leg ended.
CREATE FUNCTION fn.call_hung_up(p_call text, p_status text, p_duration numeric) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    c calls;
    v_outcome call_outcome;
    v_status call_status := 'failed';
    v_summary text;
BEGIN
    UPDATE calls SET duration_sec = CASE WHEN answered_at IS NULL AND p_status <> 'completed'
            THEN NULL ELSE coalesce(p_duration,
            round(extract(epoch FROM clock_timestamp() - answered_at)::numeric, 3)) END,
        answered_at = CASE WHEN p_status = 'completed' THEN coalesce(answered_at,
            clock_timestamp() - coalesce(p_duration, 0) * interval '1 s') ELSE answered_at END
        WHERE call_id = p_call RETURNING * INTO STRICT c;
    IF p_status = 'completed' THEN
        v_status := 'completed';
        v_outcome := CASE
            WHEN c.verdict IS NOT NULL THEN c.verdict
            WHEN c.answered_by LIKE 'machine%' OR c.answered_by = 'fax' THEN 'failed_voicemail'
            -- The customer's own agent talked: who hung up, and whether it spoke, is not known.
            WHEN c.webhook_url IS NOT NULL THEN 'success_no_booking'
            WHEN NOT c.agent_spoke THEN 'failed_no_agent_available'
            WHEN NOT c.agent_ended AND c.duration_sec <= 3 THEN 'failed_short_hangup'
            ELSE 'success_no_booking' END::call_outcome;
    ELSE
        v_outcome := CASE p_status WHEN 'busy' THEN 'failed_busy'
            WHEN 'no-answer' THEN 'failed_no_answer' ELSE 'failed_technical' END::call_outcome;
    END IF;
    v_summary := coalesce(c.outcome_summary, CASE v_outcome
        WHEN 'failed_busy' THEN 'The line was busy.'
        WHEN 'failed_no_answer' THEN 'Nobody answered.'
        WHEN 'failed_voicemail' THEN 'A machine answered.'
        WHEN 'failed_no_agent_available' THEN 'The call was answered, but the agent never spoke.'
        WHEN 'failed_short_hangup' THEN 'The callee hung up at once.'
        WHEN 'success_no_booking' THEN 'The conversation ended without a verdict.'
        ELSE 'The carrier could not complete the call (' || p_status || ').' END);
    PERFORM fn.call_end(p_call, v_status, v_outcome, v_summary);
END $$;

-- The attempts that the watcher is to look at now, leased for a while so that a second watcher
-- leaves them alone.
CREATE FUNCTION fn.watch_due(p_limit integer)
RETURNS TABLE (attempt_id uuid, call_id text, state attempt_state, call_sid text, to_number text,
    hang_up boolean, overdue boolean, age_s float8, created_epoch bigint, from_number text)
LANGUAGE sql AS $$
    WITH due AS MATERIALIZED ( -- once: a join could run it again, with a limit of its own
        SELECT d.attempt_id, d.workspace_id FROM attempts d
            WHERE d.check_at <= statement_timestamp() ORDER BY d.check_at LIMIT p_limit
            FOR UPDATE SKIP LOCKED
    )
    UPDATE attempts t SET check_at = clock_timestamp() + interval '45 s', checks = t.checks + 1
        FROM due
        WHERE t.attempt_id = due.attempt_id AND t.workspace_id = due.workspace_id
        RETURNING t.attempt_id, t.call_id, t.state, t.call_sid, t.to_number,
            t.hangup_at IS NOT NULL, coalesce(t.deadline_at < clock_timestamp(), false),
            extract(epoch FROM clock_timestamp() - t.created_at)::float8,
            extract(epoch FROM t.created_at)::bigint, (SELECT c.from_number FROM calls c
                WHERE c.call_id = t.call_id AND c.workspace_id = t.workspace_id)
$$;

-- Whether a carrier's call is bound to an attempt already.
CREATE FUNCTION fn.sid_bound(p_sid text) RETURNS boolean
LANGUAGE sql STABLE AS $$ SELECT EXISTS (SELECT FROM attempts WHERE call_sid = p_sid) $$;

-- Looks again at an attempt that the carrier did not know (2, 5, 10, 30, 60, 120 s after the
-- dial); when its deadline has passed it is lost: the call ends, its credits go back. An attempt
-- still in intent belongs to a dialer that is at work or dead; it becomes unknown first.
CREATE FUNCTION fn.watch_not_found(p_attempt uuid) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    a attempts;
    c calls;
BEGIN
    SELECT x.* INTO STRICT c FROM attempts t JOIN calls x USING (call_id)
        WHERE t.attempt_id = p_attempt FOR UPDATE OF x;
    SELECT * INTO STRICT a FROM attempts WHERE attempt_id = p_attempt FOR UPDATE;
    IF a.state = 'intent' THEN
        PERFORM fn.dial_result(p_attempt, 'unknown', NULL, 'The dialer never reported.', 0);
    ELSIF a.state <> 'unknown' THEN
        RETURN;
    ELSIF a.deadline_at > clock_timestamp() THEN
        UPDATE attempts SET check_at = least(deadline_at, clock_timestamp()
            + least(30, 2 ^ least(checks, 5)) * interval '1 s') WHERE attempt_id = p_attempt;
    ELSE
        UPDATE attempts SET state = 'lost', check_at = NULL WHERE attempt_id = p_attempt;
        IF c.attempt_id = p_attempt AND NOT call_is_final(c.status) THEN
            PERFORM fn.call_end(c.call_id, 'failed', 'failed_technical',
                'The carrier''s answer to the dial was lost, and it does not know the call.');
        END IF;
    END IF;
END $$;

-- Asks for a live attempt to be hung up from now on: its deadline has passed.
CREATE FUNCTION fn.watch_give_up(p_attempt uuid) RETURNS void
LANGUAGE sql AS $$
    UPDATE attempts SET hangup_at = coalesce(hangup_at, clock_timestamp())
        WHERE attempt_id = p_attempt AND state = 'live'
$$;

-- The carrier could not be asked. A call whose deadline has long passed ends all the same; its
-- attempt is asked for until the carrier answers, for a day. An attempt still in intent gets its
-- deadline here.
CREATE FUNCTION fn.watch_failed(p_attempt uuid) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    a attempts;
    c calls;
    v_end timestamptz;
BEGIN
    SELECT x.* INTO STRICT c FROM attempts t JOIN calls x USING (call_id)
        WHERE t.attempt_id = p_attempt FOR UPDATE OF x;
    SELECT * INTO STRICT a FROM attempts WHERE attempt_id = p_attempt FOR UPDATE;
    IF a.state NOT IN ('live', 'unknown', 'intent') THEN
        RETURN;
    ELSIF a.state = 'intent' THEN
        PERFORM fn.dial_result(p_attempt, 'unknown', NULL, 'The dialer never reported.', 0);
        RETURN;
    END IF;
    v_end := a.deadline_at + interval '20 s'; -- a dial_unknown is 140 s old then, of 150
    UPDATE attempts SET check_at = least(clock_timestamp()
            + least(60, 2 ^ least(checks, 6)) * (0.75 + random() / 2) * interval '1 s',
            CASE WHEN v_end > clock_timestamp() THEN v_end END)
        WHERE attempt_id = p_attempt;
    IF a.created_at < clock_timestamp() - interval '24 hours' THEN
        UPDATE attempts SET state = 'lost', check_at = NULL WHERE attempt_id = p_attempt;
    END IF;
    IF v_end <= clock_timestamp() AND c.attempt_id = p_attempt AND NOT call_is_final(c.status) THEN
        UPDATE attempts SET hangup_at = coalesce(hangup_at, clock_timestamp())
            WHERE attempt_id = p_attempt;
        PERFORM fn.call_end(c.call_id, 'failed', 'failed_technical',
            'The call''s deadline passed and the carrier could not be asked.');
    END IF;
END $$;
