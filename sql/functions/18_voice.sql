-- The voice: the calls that talk over a media stream (sql/019_voice.sql). Whoever changes something
-- holds the row of the call locked; what comes for a call that is over changes nothing.

-- The carrier asks what to do with a callee who has answered. result is 'stream' (answer with a stream
-- whose token has this hash) or 'hang_up' (the call is over, is not the one that is dialed, or has had
-- its stream). A question that comes twice makes the token before it worthless.
CREATE FUNCTION fn.voice_offer(p_call text, p_attempt uuid, p_sid text, p_answered_by text,
    p_max_talk_s integer, p_token_hash bytea) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    c calls;
BEGIN
    IF fn.carrier_news(p_call, p_attempt, p_sid, 'in-progress', NULL, p_answered_by,
        p_max_talk_s) NOT IN ('taken', 'old') THEN
        RETURN 'hang_up';
    END IF;
    SELECT * INTO STRICT c FROM calls WHERE call_id = p_call;
    IF c.status <> 'in_progress' THEN
        RETURN 'hang_up';
    END IF;
    INSERT INTO voice_streams AS s (call_id, workspace_id, call_sid, token_hash, expires_at)
        VALUES (p_call, c.workspace_id, p_sid, p_token_hash, clock_timestamp() + interval '60 s')
        ON CONFLICT (call_id, workspace_id) DO UPDATE SET call_sid = excluded.call_sid,
            token_hash = excluded.token_hash, expires_at = excluded.expires_at
        WHERE s.begun_at IS NULL;
    RETURN CASE WHEN FOUND THEN 'stream' ELSE 'hang_up' END;
END $$;

-- The carrier's socket is here and shows its token, which is good once, for this call and this sid. One row
-- with what the talk needs, or none. since_ms: from the answer to now, for the times of the transcript. Where
-- the conversation is held is kept for listeners (NULL: there is no way to it).
CREATE FUNCTION fn.voice_begin(p_call text, p_sid text, p_token_hash bytea, p_host text, p_door text)
RETURNS TABLE (brief text, language text, kind text, slots json, learnt json, answered_by text,
    since_ms bigint, voicemail text, transfer_numbers jsonb)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    c calls;
BEGIN
    SELECT * INTO c FROM calls WHERE call_id = p_call FOR UPDATE;
    IF c.status IS DISTINCT FROM 'in_progress' THEN
        RETURN;
    END IF;
    UPDATE voice_streams s SET begun_at = clock_timestamp(), host = p_host, door = p_door
        WHERE s.call_id = p_call AND s.workspace_id = c.workspace_id AND s.call_sid = p_sid AND s.token_hash = p_token_hash
        AND s.begun_at IS NULL AND s.expires_at > clock_timestamp();
    IF FOUND THEN
        RETURN QUERY SELECT c.brief, c.language, c.kind, c.parsed_slots, c.learnt, c.answered_by,
            greatest(0, round(extract(epoch FROM clock_timestamp() - c.answered_at) * 1000))::bigint,
            fn.setting(c.workspace_id, 'voice.voicemail_message') #>> '{}',
            fn.transfers_open(c.workspace_id,
                coalesce(fn.setting(c.workspace_id, 'voice.transfer_numbers'), '[]'));
    END IF;
END $$;

-- The call while it goes on (locked), or a row of NULLs.
CREATE FUNCTION fn.voice_call(p_call text) RETURNS calls
LANGUAGE sql AS $$
    SELECT * FROM calls WHERE call_id = p_call AND NOT call_is_final(status) FOR UPDATE
$$;

-- Whether a record of the call (locked) has not come before. Those of a call come in the order of their
-- numbers, and the last one again when nobody knew whether it was written (sql/022_voice_records.sql).
CREATE FUNCTION fn.voice_is_new(p_call text, p_record integer) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE voice_streams SET last_record = p_record WHERE call_id = p_call AND last_record < p_record;
    RETURN FOUND;
END $$;

-- Whether the call goes on (it is locked then), and this record of it is a new one.
CREATE FUNCTION fn.voice_writes(p_call text, p_record integer) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    RETURN CASE WHEN (fn.voice_call(p_call)).call_id IS NOT NULL
        THEN fn.voice_is_new(p_call, p_record) ELSE false END;
END $$;

-- Somebody has said something, so many milliseconds after the answer: bot, operator, supervisor_stt or
-- system (nobody has: it is ours to note). The carrier's word that the call is over may come before what
-- was said last.
CREATE FUNCTION fn.voice_told(p_call text, p_record integer, p_role text, p_text text, p_at_ms integer)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM calls WHERE call_id = p_call AND (NOT call_is_final(status)
        OR ended_at > clock_timestamp() - interval '10 s') FOR UPDATE;
    IF FOUND AND fn.voice_is_new(p_call, p_record) THEN
        PERFORM fn.event_add(p_call, 'transcript',
            json_build_object('role', p_role, 'text', p_text, 'at_ms', p_at_ms));
    END IF;
END $$;

-- The agent's first sound has left for the callee.
CREATE FUNCTION fn.voice_spoke(p_call text) RETURNS void
LANGUAGE sql AS $$ UPDATE calls SET agent_spoke = true WHERE call_id = p_call AND NOT agent_spoke $$;

-- What the agent has decided, or noticed, on the way.
CREATE FUNCTION fn.voice_noted(p_call text, p_record integer, p_decision text, p_text text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF fn.voice_writes(p_call, p_record) THEN
        PERFORM fn.event_add(p_call, 'supervisor',
            json_build_object('decision', p_decision, 'text', p_text));
    END IF;
END $$;

-- Keys were pressed: by the callee (in) or by the agent (out).
CREATE FUNCTION fn.voice_keys(p_call text, p_record integer, p_digits text, p_direction text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF fn.voice_writes(p_call, p_record) THEN
        PERFORM fn.event_add(p_call, 'dtmf',
            json_build_object('digits', p_digits, 'direction', p_direction));
    END IF;
END $$;

-- The agent asks its human.
CREATE FUNCTION fn.voice_ask(p_call text, p_record integer, p_request text, p_message text, p_wait_s integer,
    p_answer_url text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF fn.voice_writes(p_call, p_record) THEN
        PERFORM fn.question_ask(p_call, p_request, p_message, p_wait_s, p_answer_url);
    END IF;
END $$;

-- It has taken the answer up: said it, or gone by it.
CREATE FUNCTION fn.voice_used(p_call text, p_record integer, p_request text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF fn.voice_writes(p_call, p_record) THEN
        PERFORM fn.question_use(p_call, p_request);
    END IF;
END $$;

-- What is new of these calls: whether each is over, what the carrier's machine detection says, and what
-- came of its questions: [{"request_id", "state" (answered or dropped), "answer", "mode"}].
CREATE FUNCTION fn.voice_news(p_calls text[])
RETURNS TABLE (call_id text, over boolean, answered_by text, questions json)
LANGUAGE sql STABLE AS $$
    SELECT c.call_id, call_is_final(c.status), c.answered_by, (SELECT json_agg(json_build_object(
            'request_id', q.request_id, 'state', q.state, 'answer', q.answer, 'mode', q.mode)
            ORDER BY q.answered_at, q.request_id)
        FROM questions q WHERE q.call_id = c.call_id AND q.workspace_id = c.workspace_id
            AND q.state IN ('answered', 'dropped'))
    FROM calls c WHERE c.call_id = ANY (p_calls)
$$;

-- The stream is over. The agent ended the talk when there is a verdict: with what it learnt
-- (sql/008_bookings.sql), and perhaps the number that the callee is to be connected with. Should the
-- carrier not go on from there, the watcher hangs up. A verdict that stands already stays.
CREATE FUNCTION fn.voice_end(p_call text, p_verdict call_outcome, p_summary text, p_learnt json,
    p_transfer_to text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    c calls := fn.voice_call(p_call);
BEGIN
    IF c.call_id IS NULL THEN
        RETURN;
    END IF;
    UPDATE voice_streams SET ended_at = coalesce(ended_at, clock_timestamp()),
        transfer_to = coalesce(transfer_to, p_transfer_to)
        WHERE call_id = p_call AND workspace_id = c.workspace_id AND begun_at IS NOT NULL;
    IF p_verdict IS NULL THEN
        RETURN;
    END IF;
    UPDATE calls SET agent_ended = true, verdict = coalesce(verdict, p_verdict),
        outcome_summary = CASE WHEN verdict IS NULL THEN p_summary ELSE outcome_summary END,
        learnt = CASE WHEN verdict IS NULL THEN coalesce(p_learnt, learnt) ELSE learnt END
        WHERE call_id = p_call;
    IF p_transfer_to IS NULL THEN
        UPDATE attempts SET deadline_at = least(deadline_at, clock_timestamp() + interval '20 s'),
            check_at = least(check_at, clock_timestamp() + interval '21 s')
            WHERE attempt_id = c.attempt_id AND state = 'live';
    END IF;
END $$;

-- The carrier asks what comes after the stream: 'hang_up', 'dial' (a number, shown ours, for so many
-- seconds) or 'sorry': the stream broke off, or never began, and the callee is told so.
CREATE FUNCTION fn.voice_after(p_call text, p_sid text, p_max_talk_s integer, OUT result text,
    OUT language text, OUT number text, OUT shown text, OUT seconds integer)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    c calls := fn.voice_call(p_call);
    s voice_streams;
BEGIN
    result := 'hang_up';
    IF c.status IS DISTINCT FROM 'in_progress' OR c.call_sid IS DISTINCT FROM p_sid THEN
        RETURN;
    END IF;
    language := c.language;
    SELECT * INTO s FROM voice_streams v
        WHERE v.call_id = p_call AND v.workspace_id = c.workspace_id FOR UPDATE;
    IF s.transfer_to IS NOT NULL AND s.moved_at IS NULL THEN
        UPDATE voice_streams v SET moved_at = clock_timestamp()
            WHERE v.call_id = p_call AND v.workspace_id = c.workspace_id;
        result := 'dial';
        number := s.transfer_to;
        shown := c.from_number;
        seconds := greatest(1, p_max_talk_s
            - ceil(extract(epoch FROM clock_timestamp() - c.answered_at))::integer);
    ELSIF c.verdict IS NULL AND NOT c.agent_ended THEN
        result := 'sorry';
        IF s.begun_at IS NOT NULL THEN
            UPDATE calls SET verdict = 'failed_technical', agent_ended = true,
                outcome_summary = 'The conversation broke off for technical reasons.'
                WHERE call_id = p_call;
        END IF;
    END IF;
END $$;
