-- Questions to the human: one answer, one end, and who waits for it.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.workspace('ws2'), t.lead();

CREATE FUNCTION pg_temp.talking(p_ws text DEFAULT 'ws1') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_call text := t.call(p_ws);
BEGIN
    PERFORM t.answered(v_call);
    RETURN v_call;
END $$;

CREATE FUNCTION pg_temp.answer(p_call text, p_request text DEFAULT NULL, p_ws text DEFAULT 'ws1',
    p_mode text DEFAULT 'voice') RETURNS boolean LANGUAGE sql AS $$
    SELECT fn.question_answer(p_ws, p_call, p_request, 'Seven.', p_mode)
$$;

-- The questions of a call in the order in which they were asked: "ask_1 pending" and so on.
CREATE FUNCTION pg_temp.questions(p_call text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', request_id, state, mode, dropped_reason), ', '
        ORDER BY asked_at, request_id) FROM questions WHERE call_id = p_call
$$;

-- Only what the story tells after the call was answered.
CREATE FUNCTION pg_temp.story(p_call text) RETURNS text LANGUAGE sql AS $$
    SELECT substr(t.story(p_call), length('queued dialing in_progress') + 2)
$$;

-- Asked, answered, used.
CREATE TEMP TABLE a AS SELECT pg_temp.talking() AS call_id;
SELECT is(pg_temp.answer(call_id), false, 'nothing was asked') FROM a;
SELECT fn.question_ask(call_id, 'ask_1', 'Seven or nine?', 60, 'https://x/answer') FROM a;
SELECT is(pg_temp.questions(call_id), 'ask_1 pending', 'asked') FROM a;
SELECT is((SELECT data->>'request_id' || ' ' || (data->>'message') || ' ' || (data->>'answer_url')
    || ' ' || ((data->>'expires_at')::timestamptz - created_at BETWEEN interval '59 s'
        AND interval '61 s') FROM call_events JOIN a USING (call_id) WHERE event_type = 'ask_user'),
    'ask_1 Seven or nine? https://x/answer true', 'its event');
SELECT is(pg_temp.answer(call_id, p_ws => 'ws2'), NULL, 'another customer''s') FROM a;
SELECT is(pg_temp.answer('call_none'), NULL, 'no call');
SELECT is(pg_temp.answer(call_id, 'ask_2'), false, 'another question') FROM a;
SELECT is(pg_temp.questions(call_id), 'ask_1 pending', 'still waiting') FROM a;
SELECT is(pg_temp.answer(call_id), true, 'answered') FROM a;
SELECT is(pg_temp.answer(call_id), false, 'once') FROM a;
SELECT is(pg_temp.answer(call_id, 'ask_1', p_mode => 'context'), false, 'the first wins') FROM a;
SELECT is(pg_temp.questions(call_id), 'ask_1 answered voice', 'by its mode') FROM a;
SELECT fn.question_use(call_id, 'ask_1'), fn.question_use(call_id, 'ask_1') FROM a;
SELECT is(pg_temp.questions(call_id), 'ask_1 used voice', 'used') FROM a;
SELECT fn.question_drop(call_id, 'ask_1', 'timeout') FROM a;
SELECT is(pg_temp.story(call_id), 'ask_user answered answer_spoken', 'told once each') FROM a;
SELECT is((SELECT data::text FROM call_events JOIN a USING (call_id)
    WHERE event_type = 'answered'), '{"request_id" : "ask_1", "mode" : "voice"}', 'answered');
SELECT is((SELECT (data->>'spoken_at')::timestamptz <= clock_timestamp() FROM call_events
    JOIN a USING (call_id) WHERE event_type = 'answer_spoken'), true, 'spoken');

-- Several: the oldest first, or the one that is named; silence in mode context.
CREATE TEMP TABLE b AS SELECT pg_temp.talking() AS call_id;
SELECT fn.question_ask(call_id, 'ask_' || n, 'What?', 60, 'u') FROM b, generate_series(1, 4) n;
SELECT is(pg_temp.answer(call_id, 'ask_3', p_mode => 'context'), true, 'the third') FROM b;
SELECT is(pg_temp.answer(call_id), true, 'the oldest') FROM b;
SELECT is(pg_temp.answer(call_id), true, 'the next') FROM b;
SELECT is(pg_temp.questions(call_id), 'ask_1 answered voice, ask_2 answered voice,'
    ' ask_3 answered context, ask_4 pending', 'in turn') FROM b;
SELECT fn.question_use(call_id, 'ask_3') FROM b;
SELECT is(pg_temp.story(call_id), 'ask_user ask_user ask_user ask_user answered answered answered',
    'nobody hears of a context') FROM b;
-- The call ends: what was not used is dropped, before the outcome is told.
SELECT fn.call_cancel('ws1', call_id) FROM b;
SELECT is(pg_temp.questions(call_id), 'ask_1 dropped voice call_ended, ask_2 dropped voice'
    ' call_ended, ask_3 used context, ask_4 dropped call_ended', 'the end') FROM b;
SELECT is(pg_temp.story(call_id), 'ask_user ask_user ask_user ask_user answered answered answered'
    ' answer_dropped answer_dropped answer_dropped cancelled outcome', 'told before') FROM b;
SELECT is(pg_temp.answer(call_id), false, 'too late') FROM b;

-- Time: whoever looks first sees that it is over.
CREATE TEMP TABLE c AS SELECT n, pg_temp.talking() AS call_id FROM generate_series(1, 2) n;
SELECT fn.question_ask(call_id, 'ask_1', 'What?', 60, 'u') FROM c;
SELECT is(fn.expire_questions(10), 0, 'not yet');
UPDATE questions SET expires_at = clock_timestamp() WHERE state = 'pending';
SELECT is(pg_temp.answer(call_id), false, 'an answer after its time') FROM c WHERE n = 1;
SELECT is(fn.expire_questions(10), 1, 'the keeper');
SELECT is(fn.expire_questions(10), 0, 'once');
SELECT is(pg_temp.questions(call_id), 'ask_1 dropped timeout', 'no answer came') FROM c;
SELECT is(pg_temp.story(call_id), 'ask_user answer_dropped', 'told') FROM c;
SELECT is((SELECT data::text FROM call_events JOIN c USING (call_id)
    WHERE event_type = 'answer_dropped' AND n = 1),
    '{"request_id" : "ask_1", "reason" : "timeout"}', 'and why');

-- The turn-based agent: asks in a turn, holds in the next, goes on with what came of it.
CREATE FUNCTION pg_temp.hear(p_call text, p_turn integer, p_heard text DEFAULT '') RETURNS text
LANGUAGE sql AS $$
    SELECT concat_ws('|', h.result, h.twiml, h.asked, h.answer, h.mode, h.silent_turns)
    FROM calls c, fn.agent_hear(p_call, NULL, c.call_sid, p_turn, p_heard, NULL, 1800) h
    WHERE c.call_id = p_call
$$;
CREATE TEMP TABLE d AS SELECT n, pg_temp.talking() AS call_id FROM generate_series(1, 4) n;
SELECT pg_temp.hear(call_id, 0), fn.agent_said(call_id, 0, 'Hello.', '<0/>', NULL, NULL) FROM d;
SELECT is(pg_temp.hear(call_id, 1, 'Ask your client.'), 'speak|0', 'what it cannot know') FROM d;
SELECT is(fn.agent_said(call_id, 1, 'Hold on.', '<1/>', NULL, NULL, NULL, 'Ask your client.',
    60, 'url'),
    '<1/>', 'asks') FROM d;
SELECT is(fn.agent_said(call_id, 1, 'Hold on.', '<2/>', NULL, NULL, NULL, 'Ask your client.',
    60, 'url'),
    '<1/>', 'once') FROM d;
SELECT is(pg_temp.hear(call_id, 1, 'Ask your client.'), 'replay|<1/>', 'the webhook again') FROM d;
SELECT is(pg_temp.hear(call_id, 2), 'hold|pending', 'nobody has answered') FROM d;
SELECT is(pg_temp.hear(call_id, 2), 'hold|pending', 'yet') FROM d;
SELECT is(pg_temp.questions(call_id), fn.question_id(call_id, 1) || ' pending', 'one question') FROM d;
SELECT is(pg_temp.answer(call_id), true, 'answered') FROM d WHERE n IN (1, 4);
SELECT is(pg_temp.answer(call_id, p_mode => 'context'), true, 'in silence') FROM d WHERE n = 2;
UPDATE questions q SET expires_at = clock_timestamp() FROM d WHERE q.call_id = d.call_id AND n = 3;
SELECT is(pg_temp.hear(call_id, 2), CASE n WHEN 1 THEN 'speak|answered|Seven.|voice|0'
    WHEN 2 THEN 'speak|answered|Seven.|context|0' ELSE 'speak|dropped|0' END, 'goes on')
    FROM d WHERE n < 4;
SELECT is(pg_temp.hear(call_id, 2), CASE n WHEN 1 THEN 'speak|answered|Seven.|voice|0'
    WHEN 2 THEN 'speak|answered|Seven.|context|0' ELSE 'speak|dropped|0' END, 'again, if it died')
    FROM d WHERE n < 4;
SELECT fn.agent_said(call_id, 2, 'Seven.', '<3/>', NULL, NULL) FROM d WHERE n < 4;
SELECT is(pg_temp.hear(call_id, 2), 'replay|<3/>', 'answered once') FROM d WHERE n < 4;
SELECT is(pg_temp.hear(call_id, 3), 'speak|1', 'holding the line was no silence') FROM d WHERE n < 4;
SELECT is(pg_temp.story(call_id), '+bot +operator +bot ask_user ' || CASE n
    WHEN 1 THEN 'answered +bot answer_spoken' WHEN 2 THEN 'answered +bot'
    ELSE 'answer_dropped +bot' END, 'the story') FROM d WHERE n < 4;
-- The callee hangs up before the answer is said.
SELECT t.news(call_id, call_sid, 'completed', 9) FROM d JOIN calls USING (call_id) WHERE n = 4;
SELECT is(pg_temp.story(call_id), '+bot +operator +bot ask_user answered answer_dropped completed'
    ' outcome', 'hung up') FROM d WHERE n = 4;
SELECT is(pg_temp.hear(call_id, 2), 'hang_up', 'nobody is there') FROM d WHERE n = 4;

SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
