-- The turns of the agent that a language model answers: asked for by the worker that answers the carrier,
-- brought by the talker. Nothing here waits for a model.

-- What has become of a turn of a call on the line; the first time, it is asked for. state is 'reply' (all
-- that follows), 'wait', 'moment' (it takes long: p_moment is to be said, once) or 'away' (nothing will come
-- of it). talked: the model has replied in this call before.
CREATE FUNCTION fn.talk_ask(p_call text, p_turn integer, p_moment text,
    OUT state text, OUT say text, OUT digits text, OUT question text, OUT verdict text,
    OUT summary text, OUT learnt json, OUT talked boolean)
LANGUAGE plpgsql AS $$
DECLARE
    c calls;
    t agent_turns;
    v_age interval;
BEGIN
    SELECT * INTO STRICT c FROM calls WHERE call_id = p_call FOR UPDATE;
    -- One that had to wait, and so said nothing, was not silent.
    INSERT INTO agent_turns AS a (call_id, turn, workspace_id, heard, held, asked_at, due_at)
        VALUES (p_call, p_turn, c.workspace_id, '', true, clock_timestamp(), clock_timestamp())
        ON CONFLICT (call_id, turn, workspace_id) DO UPDATE SET held = a.held OR a.heard = '',
            asked_at = coalesce(a.asked_at, excluded.asked_at),
            due_at = CASE WHEN a.asked_at IS NULL THEN excluded.due_at ELSE a.due_at END
        RETURNING * INTO STRICT t;
    v_age := clock_timestamp() - t.asked_at;
    state := CASE WHEN t.reply IS NOT NULL THEN 'reply'
        WHEN t.due_at IS NULL OR v_age >= interval '16 s' THEN 'away'
        WHEN NOT t.moment AND v_age >= interval '8 s' THEN 'moment' ELSE 'wait' END;
    IF state = 'moment' THEN
        UPDATE agent_turns SET moment = true WHERE call_id = p_call AND turn = p_turn;
        IF NOT call_is_final(c.status) THEN
            PERFORM fn.transcript_add(c, 'bot', p_moment);
        END IF;
    END IF;
    say := t.reply->>'say';
    digits := t.reply->>'digits';
    question := t.reply->>'question';
    verdict := t.reply->>'verdict';
    summary := t.reply->>'summary';
    learnt := t.reply->'learnt';
    talked := EXISTS (SELECT FROM agent_turns o WHERE o.call_id = p_call AND o.reply IS NOT NULL);
END $$;

-- What was said in a call so far, the newest hundred turns of it.
CREATE FUNCTION fn.talk_so_far(p_call text) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT coalesce(json_agg(json_build_object(CASE e.data->>'role' WHEN 'bot' THEN 'agent'
        ELSE 'callee' END, e.data->>'text') ORDER BY e.event_id), '[]')
    FROM (SELECT * FROM call_events WHERE call_id = p_call AND event_type = 'transcript'
        ORDER BY event_id DESC LIMIT 100) e
$$;

-- Turns to be answered, with all that there is to answer them from; leased for four seconds, which their
-- holder renews (fn.talks_hold). Five times at most, and not once the callee has been told otherwise.
CREATE FUNCTION fn.talks_due(p_holder text, p_limit integer)
RETURNS TABLE (call_id text, turn integer, workspace_id text, brief text, language text, kind text,
    slots json, talk json, question text, answer text, mode text, today text)
LANGUAGE sql AS $$
    WITH due AS MATERIALIZED (
        SELECT t.call_id, t.turn, t.workspace_id FROM agent_turns t
            WHERE t.due_at <= statement_timestamp() ORDER BY t.due_at LIMIT p_limit
            FOR UPDATE SKIP LOCKED
    ), taken AS (
        UPDATE agent_turns t SET holder = p_holder, tries = t.tries + 1,
            due_at = CASE WHEN t.twiml IS NULL AND t.tries < 5
                AND t.asked_at > clock_timestamp() - interval '16 s'
                THEN clock_timestamp() + interval '4 s' END
            FROM due d WHERE t.call_id = d.call_id AND t.turn = d.turn
                AND t.workspace_id = d.workspace_id
            RETURNING t.*
    )
    SELECT k.call_id, k.turn, k.workspace_id, c.brief, c.language, c.kind, c.parsed_slots,
        fn.talk_so_far(k.call_id), q.message, q.answer, q.mode,
        to_char(statement_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD')
    FROM taken k JOIN calls c ON c.call_id = k.call_id AND c.workspace_id = k.workspace_id
        LEFT JOIN questions q ON q.call_id = k.call_id AND q.workspace_id = k.workspace_id
            AND q.request_id = fn.question_id(k.call_id, k.turn - 1)
    WHERE k.due_at IS NOT NULL AND c.status = 'in_progress'
$$;

-- The talker lives: what it has under way stays its own.
CREATE FUNCTION fn.talks_hold(p_holder text) RETURNS void
LANGUAGE sql AS $$
    UPDATE agent_turns SET due_at = clock_timestamp() + interval '4 s'
        WHERE holder = p_holder AND due_at IS NOT NULL
$$;

-- The reply; or none (NULL): in so many seconds at the earliest it is asked for again, or (NULL) never.
-- The first reply stands.
CREATE FUNCTION fn.talk_done(p_call text, p_turn integer, p_workspace text, p_reply json,
    p_again_s integer) RETURNS void
LANGUAGE sql AS $$
    UPDATE agent_turns SET reply = p_reply, holder = NULL,
            due_at = CASE WHEN p_reply IS NULL AND p_again_s IS NOT NULL AND tries < 5
                THEN clock_timestamp() + greatest(p_again_s, tries * (0.75 + random() / 4))
                    * interval '1 s' END
        WHERE call_id = p_call AND turn = p_turn AND workspace_id = p_workspace
            AND asked_at IS NOT NULL AND reply IS NULL
$$;
