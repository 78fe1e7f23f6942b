-- The turn-based agent: what it heard, and what it said.

-- The carrier asks what to say: the callee is on the line and, after the first turn, said p_heard.
-- result is 'speak' (answer with fn.agent_said), 'replay' (twiml is what was answered before), 'hold'
-- (the question of the turn before has no answer yet: let the callee wait, and come back with the
-- same turn) or 'hang_up' (the call is over, or not the one that is dialed). After a question, asked
-- says what came of it: 'answered' (answer and mode), or 'dropped'; else it is NULL. learnt is what the
-- turns before have come to. thinking: a language model was asked for this turn (11_talker.sql).
CREATE FUNCTION fn.agent_hear(p_call text, p_attempt uuid, p_sid text, p_turn integer,
    p_heard text, p_answered_by text, p_max_talk_s integer,
    OUT result text, OUT twiml text, OUT brief text, OUT language text, OUT answered_by text,
    OUT silent_turns integer, OUT asked text, OUT answer text, OUT mode text,
    OUT kind text, OUT slots json, OUT learnt json, OUT thinking boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    c calls;
BEGIN
    result := 'hang_up';
    IF fn.carrier_news(p_call, p_attempt, p_sid, 'in-progress', NULL, p_answered_by,
        p_max_talk_s) NOT IN ('taken', 'old') THEN
        RETURN;
    END IF;
    SELECT * INTO STRICT c FROM calls WHERE call_id = p_call;
    SELECT t.twiml, t.asked_at IS NOT NULL INTO twiml, thinking FROM agent_turns t
        WHERE t.call_id = p_call AND t.turn = p_turn;
    IF twiml IS NOT NULL THEN
        result := 'replay';
        RETURN;
    ELSIF c.status <> 'in_progress' THEN
        RETURN;
    END IF;
    brief := c.brief;
    language := c.language;
    kind := c.kind;
    slots := c.parsed_slots;
    learnt := c.learnt;
    PERFORM fn.questions_expire(p_call);
    SELECT q.state, q.answer, q.mode INTO asked, answer, mode FROM questions q
        WHERE q.call_id = p_call AND q.request_id = fn.question_id(p_call, p_turn - 1);
    IF asked = 'pending' THEN
        result := 'hold';
        RETURN;
    END IF;
    INSERT INTO agent_turns (call_id, turn, workspace_id, heard, held)
        VALUES (p_call, p_turn, c.workspace_id, p_heard, asked IS NOT NULL) ON CONFLICT DO NOTHING;
    IF FOUND AND p_heard <> '' THEN
        PERFORM fn.transcript_add(c, 'operator', p_heard);
    END IF;
    result := 'speak';
    answered_by := c.answered_by;
    SELECT count(*) INTO silent_turns FROM agent_turns t
        WHERE t.call_id = p_call AND t.turn > 0 AND t.heard = '' AND NOT t.held;
END $$;

-- What the callee says while he waits for the human's answer, and what he is told upon it. Each look for the
-- answer in that turn (from 1) brings its own, and is taken in once.
CREATE FUNCTION fn.agent_held(p_call text, p_turn integer, p_look integer, p_heard text,
    p_words text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    c calls;
BEGIN
    SELECT * INTO STRICT c FROM calls WHERE call_id = p_call FOR UPDATE;
    UPDATE questions SET looks = p_look WHERE call_id = p_call AND workspace_id = c.workspace_id
        AND request_id = fn.question_id(p_call, p_turn - 1) AND looks < p_look;
    IF FOUND AND NOT call_is_final(c.status) THEN
        PERFORM fn.transcript_add(c, 'operator', p_heard);
        PERFORM fn.transcript_add(c, 'bot', p_words);
    END IF;
END $$;

-- Keeps the agent's answer to a turn: its words, its verdict when it ends the call, with what it
-- learnt (sql/008_bookings.sql), and what it asks its human when it must. An answer of the human that
-- it was given is taken up by these words. Returns the TwiML to answer with: an earlier answer to the
-- same turn wins.
CREATE FUNCTION fn.agent_said(p_call text, p_turn integer, p_words text, p_twiml text,
    p_verdict call_outcome, p_summary text, p_learnt json DEFAULT NULL,
    p_question text DEFAULT NULL, p_wait_s integer DEFAULT NULL, p_answer_url text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    c calls;
    v_twiml text;
BEGIN
    SELECT * INTO STRICT c FROM calls WHERE call_id = p_call FOR UPDATE;
    SELECT twiml INTO v_twiml FROM agent_turns WHERE call_id = p_call AND turn = p_turn;
    IF v_twiml IS NOT NULL THEN
        RETURN v_twiml;
    END IF;
    UPDATE agent_turns SET twiml = p_twiml WHERE call_id = p_call AND turn = p_turn;
    IF call_is_final(c.status) THEN
        RETURN p_twiml;
    END IF;
    IF p_words <> '' THEN
        PERFORM fn.transcript_add(c, 'bot', p_words);
    END IF;
    UPDATE calls SET agent_spoke = agent_spoke OR p_words <> '',
        agent_ended = agent_ended OR p_verdict IS NOT NULL, verdict = coalesce(p_verdict, verdict),
        outcome_summary = coalesce(p_summary, outcome_summary),
        learnt = coalesce(p_learnt, learnt) WHERE call_id = p_call;
    PERFORM fn.question_use(p_call, fn.question_id(p_call, p_turn - 1));
    IF p_question IS NOT NULL THEN
        PERFORM fn.question_ask(p_call, fn.question_id(p_call, p_turn), p_question, p_wait_s,
            p_answer_url);
    END IF;
    RETURN p_twiml;
END $$;

-- One turn of the transcript, timed from the answer.
CREATE FUNCTION fn.transcript_add(c calls, p_role text, p_text text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fn.event_add(c.call_id, 'transcript', json_build_object('role', p_role, 'text', p_text,
        'at_ms', greatest(0, round(extract(epoch FROM clock_timestamp() - c.answered_at) * 1000))
        ::integer));
END $$;
