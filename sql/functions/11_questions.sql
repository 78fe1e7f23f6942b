-- Questions to the human: asked, answered once, used or dropped. Whoever changes one holds the row
-- of its call locked, so that answer, timeout and the call's end come one after the other.

-- Asks, for a call that the caller holds locked.
CREATE FUNCTION fn.question_ask(p_call text, p_request text, p_message text, p_wait_s integer,
    p_answer_url text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    q questions;
BEGIN
    INSERT INTO questions (call_id, request_id, workspace_id, message, expires_at)
        SELECT p_call, p_request, c.workspace_id, p_message,
            clock_timestamp() + p_wait_s * interval '1 s'
        FROM calls c WHERE c.call_id = p_call RETURNING * INTO STRICT q;
    PERFORM fn.event_add(p_call, 'ask_user', json_build_object('request_id', p_request,
        'message', p_message, 'answer_url', p_answer_url, 'expires_at', fn.iso(q.expires_at)));
END $$;

-- The id of the question that the turn-based agent asked in a turn.
CREATE FUNCTION fn.question_id(p_call text, p_turn integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT 'ask_' || substr(p_call, 6) || '_' || p_turn $$;

-- Nothing will come of a question (its call locked).
CREATE FUNCTION fn.question_drop(p_call text, p_request text, p_reason text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE questions SET state = 'dropped', dropped_reason = p_reason
        WHERE call_id = p_call AND request_id = p_request AND state IN ('pending', 'answered');
    IF FOUND THEN
        PERFORM fn.event_add(p_call, 'answer_dropped',
            json_build_object('request_id', p_request, 'reason', p_reason));
    END IF;
END $$;

-- Drops those of a call (locked) that nobody has answered in time.
CREATE FUNCTION fn.questions_expire(p_call text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fn.question_drop(d.call_id, d.request_id, 'timeout') FROM (SELECT * FROM questions
        WHERE call_id = p_call AND state = 'pending' AND expires_at <= clock_timestamp()
        ORDER BY asked_at, request_id) d;
END $$;

-- The call (locked) is over.
CREATE FUNCTION fn.questions_end(p_call text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fn.question_drop(d.call_id, d.request_id, 'call_ended') FROM (SELECT * FROM questions
        WHERE call_id = p_call AND state IN ('pending', 'answered')
        ORDER BY asked_at, request_id) d;
END $$;

-- Somebody answers: the named question, or (p_request NULL) the oldest that waits. True when one
-- was waiting and now has this answer; NULL when the workspace has no such call.
CREATE FUNCTION fn.question_answer(p_workspace text, p_call text, p_request text, p_answer text,
    p_mode text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_request text;
BEGIN
    PERFORM FROM calls WHERE call_id = p_call AND workspace_id = p_workspace FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM fn.questions_expire(p_call);
    UPDATE questions SET state = 'answered', answer = p_answer, mode = p_mode,
        answered_at = clock_timestamp()
        WHERE call_id = p_call AND request_id = (SELECT o.request_id FROM questions o
            WHERE o.call_id = p_call AND o.state = 'pending'
                AND o.request_id = coalesce(p_request, o.request_id)
            ORDER BY o.asked_at, o.request_id LIMIT 1)
        RETURNING request_id INTO v_request;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM fn.event_add(p_call, 'answered',
        json_build_object('request_id', v_request, 'mode', p_mode));
    RETURN true;
END $$;

-- The agent has taken the answer up (its call locked): in mode voice it has been said, in mode
-- context nobody hears of it.
CREATE FUNCTION fn.question_use(p_call text, p_request text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    q questions;
BEGIN
    UPDATE questions SET state = 'used',
        spoken_at = CASE mode WHEN 'voice' THEN clock_timestamp() END
        WHERE call_id = p_call AND request_id = p_request AND state = 'answered'
        RETURNING * INTO q;
    IF q.spoken_at IS NOT NULL THEN
        PERFORM fn.event_add(p_call, 'answer_spoken', json_build_object('request_id', p_request,
            'spoken_at', fn.iso(q.spoken_at)));
    END IF;
END $$;

-- Those whose time is over and that nobody has looked at since. Returns how many it looked at.
CREATE FUNCTION fn.expire_questions(p_limit integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_due record;
    v_seen integer := 0;
BEGIN
    FOR v_due IN SELECT q.call_id FROM questions q WHERE q.state = 'pending'
        AND q.expires_at <= statement_timestamp() ORDER BY q.expires_at LIMIT p_limit LOOP
        -- Never waits with the rows of earlier ones locked: one that is busy has its turn later.
        PERFORM FROM calls WHERE call_id = v_due.call_id FOR UPDATE SKIP LOCKED;
        IF FOUND THEN
            PERFORM fn.questions_expire(v_due.call_id);
            v_seen := v_seen + 1;
        END IF;
    END LOOP;
    RETURN v_seen;
END $$;
