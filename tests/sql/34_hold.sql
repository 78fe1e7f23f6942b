-- What a callee says who holds the line: taken in once for each look for the human's answer.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.lead();

CREATE FUNCTION pg_temp.said(p_call text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(data->>'role' || ': ' || (data->>'text'), ', ' ORDER BY event_id), 'nothing')
    FROM call_events WHERE call_id = p_call AND event_type = 'transcript'
$$;

CREATE TEMP TABLE a AS SELECT t.call('ws1') AS call_id;
CREATE TEMP TABLE b AS SELECT call_id, t.dialed(call_id) AS sid FROM a;
SELECT is((fn.agent_hear(call_id, NULL, sid, 0, '', NULL, 1800)).result, 'speak', 'the callee answers') FROM b;
SELECT fn.agent_said(call_id, 0, 'Hold on.', '<hold/>', NULL, NULL, NULL, 'Which day?', 60, 'https://x') FROM b;
SELECT is((fn.agent_hear(call_id, NULL, sid, 1, 'Well?', NULL, 1800)).result, 'hold', 'nobody has answered') FROM b;
SELECT is(pg_temp.said(call_id), 'bot: Hold on.', 'to look keeps nothing') FROM b;
SELECT fn.agent_held(call_id, 1, 1, 'Well?', 'Patience.') FROM b;
SELECT fn.agent_held(call_id, 1, 1, 'Well?', 'Patience.') FROM b;
SELECT is(pg_temp.said(call_id), 'bot: Hold on., operator: Well?, bot: Patience.', 'once a look') FROM b;
SELECT fn.agent_held(call_id, 1, 3, 'So?', 'Patience.') FROM b;
SELECT fn.agent_held(call_id, 1, 2, 'Late.', 'Patience.') FROM b;
SELECT is(pg_temp.said(call_id),
    'bot: Hold on., operator: Well?, bot: Patience., operator: So?, bot: Patience.', 'in order') FROM b;
SELECT fn.agent_held(call_id, 0, 9, 'Nobody asked.', 'Patience.') FROM b;
SELECT is((SELECT count(*)::integer FROM call_events JOIN b USING (call_id) WHERE event_type = 'transcript'), 5,
    'a turn that nobody waits in');
SELECT is((SELECT count(*)::integer FROM agent_turns JOIN b USING (call_id)), 1, 'no turn of the agent comes of it');
SELECT fn.question_answer('ws1', call_id, NULL, 'Monday.', 'voice') FROM b;
SELECT is((SELECT concat_ws('|', h.result, h.silent_turns, h.answer)
    FROM fn.agent_hear(call_id, NULL, sid, 1, 'Hello?', NULL, 1800) h), 'speak|0|Monday.', 'the answer is there') FROM b;
SELECT is((SELECT data->>'text' FROM call_events JOIN b USING (call_id) WHERE event_type = 'transcript'
    ORDER BY event_id DESC LIMIT 1), 'Hello?', 'and what came with that look is heard as well');
SELECT fn.carrier_news(call_id, NULL, sid, 'completed', 3, NULL, 1800) FROM b;
SELECT fn.agent_held(call_id, 1, 99, 'Gone.', 'Patience.') FROM b;
SELECT isnt((SELECT data->>'text' FROM call_events JOIN b USING (call_id) WHERE event_type = 'transcript'
    ORDER BY event_id DESC LIMIT 1), 'Patience.', 'a call that is over');
SELECT * FROM finish();
ROLLBACK;
