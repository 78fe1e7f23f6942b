-- Turns that a language model answers: asked for once, leased, renewed, answered once, given up in time.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.lead();

CREATE FUNCTION pg_temp.ask(p_call text, p_turn integer) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws('|', state, say, verdict, talked) FROM fn.talk_ask(p_call, p_turn, 'One moment.')
$$;
CREATE FUNCTION pg_temp.hear(p_call text, p_sid text, p_turn integer, p_heard text DEFAULT '')
RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws('|', result, silent_turns, thinking)
    FROM fn.agent_hear(p_call, NULL, p_sid, p_turn, p_heard, NULL, 1800)
$$;
CREATE FUNCTION pg_temp.due(p_holder text DEFAULT 'a') RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(turn::text, ' ' ORDER BY call_id, turn), 'none')
    FROM fn.talks_due(p_holder, 10)
$$;
-- So much time passes for the turns that are open.
CREATE FUNCTION pg_temp.pass(p_seconds integer) RETURNS void LANGUAGE sql AS $$
    UPDATE agent_turns SET asked_at = asked_at - p_seconds * interval '1 s',
        due_at = due_at - p_seconds * interval '1 s' WHERE twiml IS NULL AND asked_at IS NOT NULL
$$;
CREATE FUNCTION pg_temp.done(p_call text, p_turn integer, p_reply json, p_again_s integer DEFAULT NULL)
RETURNS void LANGUAGE sql AS $$ SELECT fn.talk_done(p_call, p_turn, 'ws1', p_reply, p_again_s) $$;

-- The first reply is asked for while the first words are spoken.
CREATE TEMP TABLE a AS SELECT t.call('ws1') AS call_id;
CREATE TEMP TABLE b AS SELECT call_id, t.dialed(call_id) AS sid FROM a;
SELECT is(pg_temp.hear(call_id, sid, 0), 'speak|0', 'the callee answers') FROM b;
SELECT fn.agent_said(call_id, 0, 'Hello.', '<hello/>', NULL, NULL) FROM b;
SELECT is(pg_temp.due(), 'none', 'nobody has asked');
SELECT is(pg_temp.ask(call_id, 1), 'wait|f', 'asked ahead') FROM b;
SELECT is(pg_temp.hear(call_id, sid, 1), 'speak|0|t', 'who had to wait was not silent') FROM b;
SELECT is(pg_temp.ask(call_id, 1), 'wait|f', 'asked once') FROM b;
SELECT results_eq('SELECT call_id, brief, language, kind, slots::text, talk::text, question, answer FROM fn.talks_due(''a'', 10)',
    $$SELECT call_id, 'Book a table.', 'en', 'other', '{"guests": 2}', '[{"agent" : "Hello."}]', NULL, NULL FROM b$$,
    'all that there is to answer from');
SELECT is(pg_temp.due('b'), 'none', 'leased');
SELECT pg_temp.pass(3), fn.talks_hold('a'), pg_temp.pass(3);
SELECT is(pg_temp.due('b'), 'none', 'and renewed');
SELECT pg_temp.pass(1), fn.talks_hold('b');
SELECT is(pg_temp.due('b'), '1', 'a lease that nobody renews is over: another has it');
SELECT pg_temp.done(call_id, 1, '{"say": "A table?"}') FROM b;
SELECT pg_temp.done(call_id, 1, '{"say": "Two tables?"}') FROM b;
SELECT is(pg_temp.ask(call_id, 1), 'reply|A table?|t', 'the first reply stands') FROM b;
SELECT is(fn.agent_said(call_id, 1, 'A table?', '<table/>', NULL, NULL), '<table/>', 'said') FROM b;
SELECT is(pg_temp.due(), 'none', 'nothing is left to do');

-- A turn with words; one that takes long; one that never comes.
SELECT is(pg_temp.hear(call_id, sid, 2, 'Which day?'), 'speak|0', 'words') FROM b;
SELECT is(pg_temp.ask(call_id, 2), 'wait|t', 'for the model') FROM b;
SELECT is(pg_temp.hear(call_id, sid, 2), 'speak|0|t', 'the request that comes back brings no words') FROM b;
SELECT is((SELECT talk->-1->>'callee' FROM fn.talks_due('a', 10)), 'Which day?', 'the model sees them');
SELECT pg_temp.pass(8);
SELECT is(pg_temp.ask(call_id, 2), 'moment|t', 'it takes long') FROM b;
SELECT is(pg_temp.ask(call_id, 2), 'wait|t', 'which is said once') FROM b;
SELECT is((SELECT data->>'text' FROM call_events JOIN b USING (call_id) WHERE event_type = 'transcript'
    ORDER BY event_id DESC LIMIT 1), 'One moment.', 'and stands in the transcript');
SELECT pg_temp.pass(8);
SELECT is(pg_temp.ask(call_id, 2), 'away|t', 'too long') FROM b;
SELECT is(pg_temp.due(), 'none', 'and nobody takes it up any more');
SELECT is((SELECT due_at FROM agent_turns JOIN b USING (call_id) WHERE turn = 2), NULL, 'nor looks at it');

-- Tries have a distance and an end.
SELECT pg_temp.hear(call_id, sid, 3, 'Hello?'), pg_temp.ask(call_id, 3) FROM b;
SELECT is(pg_temp.due(), '3', 'the first try');
SELECT pg_temp.done(call_id, 3, NULL, 0) FROM b;
SELECT is(pg_temp.due(), 'none', 'not at once');
SELECT is(pg_temp.ask(call_id, 3), 'wait|t', 'but again') FROM b;
CREATE FUNCTION pg_temp.again() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_due text;
BEGIN
    UPDATE agent_turns SET due_at = clock_timestamp() - interval '1 s' WHERE due_at IS NOT NULL;
    v_due := pg_temp.due();
    PERFORM pg_temp.done(call_id, 3, NULL, 0) FROM b;
    RETURN v_due;
END $$;
SELECT is((SELECT string_agg(pg_temp.again(), ' ') FROM generate_series(1, 6)), '3 3 3 3 none none',
    'five tries');
SELECT is(pg_temp.ask(call_id, 3), 'away|t', 'given up') FROM b;
SELECT pg_temp.hear(call_id, sid, 4, 'Hello?'), pg_temp.ask(call_id, 4), pg_temp.due() FROM b;
SELECT pg_temp.done(call_id, 4, NULL) FROM b;
SELECT is(pg_temp.ask(call_id, 4), 'away|t', 'no use: given up at once') FROM b;

-- The human's answer goes to the model; what ends the call is kept as the script's is.
SELECT pg_temp.hear(call_id, sid, 5, 'Nine?'), pg_temp.ask(call_id, 5) FROM b;
SELECT pg_temp.due(), pg_temp.done(call_id, 5, '{"say": "I will ask.", "question": "Is nine right?"}') FROM b;
SELECT is((SELECT question FROM fn.talk_ask(call_id, 5, '')), 'Is nine right?', 'a question') FROM b;
SELECT fn.agent_said(call_id, 5, 'I will ask.', '<hold/>', NULL, NULL, NULL, 'Is nine right?', 60, 'https://x') FROM b;
SELECT is(pg_temp.hear(call_id, sid, 6), 'hold', 'the callee waits') FROM b;
SELECT fn.question_answer('ws1', call_id, NULL, 'Yes.', 'context') FROM b;
SELECT is(pg_temp.hear(call_id, sid, 6), 'speak|0', 'until it is answered') FROM b;
SELECT pg_temp.ask(call_id, 6) FROM b;
SELECT results_eq('SELECT question, answer, mode FROM fn.talks_due(''a'', 10)',
    $$VALUES ('Is nine right?', 'Yes.', 'context')$$, 'the model is told');
SELECT pg_temp.done(call_id, 6, '{"say": "Fine. Goodbye.", "verdict": "success_booked", "summary": "Done.",
    "learnt": {"time": "21:00"}}') FROM b;
SELECT results_eq('SELECT t.verdict, t.summary, t.learnt->>''time'' FROM b, fn.talk_ask(b.call_id, 6, '''') t',
    $$VALUES ('success_booked', 'Done.', '21:00')$$, 'the end');

-- A call that has ended is answered by nobody.
SELECT pg_temp.hear(call_id, sid, 7, 'Hello?'), pg_temp.ask(call_id, 7), t.news(call_id, sid, 'completed', 30) FROM b;
SELECT is(pg_temp.due(), 'none', 'the call is over');

SELECT * FROM finish();
ROLLBACK;
