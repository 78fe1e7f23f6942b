-- The agent's turns: heard once, answered once, and the same answer to a webhook that comes twice.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.lead();

CREATE FUNCTION pg_temp.hear(p_call text, p_sid text, p_turn integer, p_heard text DEFAULT '',
    p_answered_by text DEFAULT NULL, p_attempt uuid DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws('|', result, twiml, silent_turns, answered_by)
    FROM fn.agent_hear(p_call, p_attempt, p_sid, p_turn, p_heard, p_answered_by, 1800)
$$;

-- A conversation. The first question is the answer of the callee, too.
CREATE TEMP TABLE a AS SELECT t.call('ws1') AS call_id;
CREATE TEMP TABLE b AS SELECT call_id, t.dialed(call_id) AS sid FROM a;
SELECT is(pg_temp.hear(call_id, sid, 0), 'speak|0', 'the first turn') FROM b;
SELECT is(t.status(call_id), 'in_progress', 'whoever asks what to say has answered') FROM b;
SELECT is((SELECT brief || language FROM fn.agent_hear(call_id, NULL, sid, 0, '', NULL, 1800)),
    'Book a table.en', 'what to say it from') FROM b;
SELECT is(pg_temp.hear(call_id, sid, 0), 'speak|0', 'again, before it was answered') FROM b;
SELECT is(fn.agent_said(call_id, 0, 'Hello.', '<one/>', NULL, NULL), '<one/>', 'answered') FROM b;
SELECT is(fn.agent_said(call_id, 0, 'Hello!', '<two/>', NULL, NULL), '<one/>', 'the first wins') FROM b;
SELECT is(pg_temp.hear(call_id, sid, 0), 'replay|<one/>', 'the webhook again') FROM b;
SELECT is(pg_temp.hear(call_id, sid, 1, 'What?'), 'speak|0', 'the next turn') FROM b;
SELECT is(pg_temp.hear(call_id, sid, 1, 'What?'), 'speak|0', 'twice: heard once') FROM b;
SELECT is(fn.agent_said(call_id, 1, 'Sorry?', '<three/>', NULL, NULL), '<three/>', 'answered') FROM b;
SELECT is(pg_temp.hear(call_id, sid, 2, ''), 'speak|1', 'silence') FROM b;
SELECT fn.agent_said(call_id, 2, 'Hello?', '<four/>', NULL, NULL) FROM b;
SELECT is(pg_temp.hear(call_id, sid, 3, ''), 'speak|2', 'and silence') FROM b;
SELECT is(pg_temp.hear(call_id, sid, 1, 'Something else.'), 'replay|<three/>', 'an old turn') FROM b;
SELECT is(fn.agent_said(call_id, 3, 'Thanks.', '<five/>', 'success_booked', 'Agreed.'), '<five/>',
    'the verdict') FROM b;
SELECT is(t.story(call_id), 'queued dialing in_progress +bot +operator +bot +bot +bot', 'turns') FROM b;
SELECT is((SELECT string_agg(data->>'text', ' ' ORDER BY event_id) FROM call_events JOIN b
    USING (call_id) WHERE event_type = 'transcript'), 'Hello. What? Sorry? Hello? Thanks.', 'words');
SELECT is((SELECT count(*) FROM call_events JOIN b USING (call_id) WHERE event_type = 'transcript'
    AND (data->>'at_ms')::integer < 0), 0::bigint, 'timed from the answer');
SELECT t.news(call_id, sid, 'completed', 30) FROM b;
SELECT is(t.outcome(call_id), 'completed success_booked', 'the end') FROM b;
SELECT is(pg_temp.hear(call_id, sid, 3, ''), 'replay|<five/>', 'a late webhook, the same answer') FROM b;
SELECT is(pg_temp.hear(call_id, sid, 4, 'Hello?'), 'hang_up', 'a new turn after the end') FROM b;
SELECT is((SELECT count(*) FROM agent_turns JOIN b USING (call_id)), 4::bigint, 'is not kept');
SELECT is(t.story(call_id), 'queued dialing in_progress +bot +operator +bot +bot +bot completed'
    ' outcome', 'nor told') FROM b;

-- An answer that comes when the call has ended meanwhile changes nothing.
CREATE TEMP TABLE c AS SELECT t.call('ws1') AS call_id;
CREATE TEMP TABLE d AS SELECT call_id, t.dialed(call_id) AS sid FROM c;
SELECT pg_temp.hear(call_id, sid, 0) FROM d;
SELECT t.news(call_id, sid, 'completed', 10) FROM d;
SELECT is(fn.agent_said(call_id, 0, 'Hello.', '<x/>', 'success_booked', 'Agreed.'), '<x/>', 'too late')
    FROM d;
SELECT is(t.outcome(call_id), 'completed failed_no_agent_available', 'no booking comes of it') FROM d;
SELECT is(t.story(call_id), 'queued dialing in_progress completed outcome', 'nor an event') FROM d;

-- Who may ask.
CREATE TEMP TABLE e AS SELECT t.call('ws1') AS call_id;
CREATE TEMP TABLE f AS SELECT call_id, t.dialing(call_id) AS attempt_id, t.sid() AS sid FROM e;
SELECT is(pg_temp.hear('call_none', t.sid(), 0), 'hang_up', 'no such call');
SELECT is(pg_temp.hear(call_id, sid, 0, p_attempt => gen_random_uuid()), 'hang_up', 'no such dial')
    FROM f;
SELECT is(pg_temp.hear(call_id, sid, 0, p_attempt => attempt_id), 'speak|0',
    'the webhook may come before the dial''s answer') FROM f;
SELECT is(t.story(call_id), 'queued dialing in_progress', 'and binds it') FROM f;
SELECT is(pg_temp.hear(call_id, t.sid(), 0, p_attempt => attempt_id), 'hang_up', 'another leg') FROM f;
SELECT is(pg_temp.hear(call_id, sid, 0, p_answered_by => 'machine_start'), 'speak|0|machine_start',
    'what detection said') FROM f;
SELECT is(pg_temp.hear(call_id, sid, 0), 'speak|0|machine_start', 'is remembered') FROM f;
SELECT fn.agent_said(call_id, 0, '', '<hangup/>', 'failed_voicemail', 'A machine answered.') FROM f;
SELECT is(t.story(call_id), 'queued dialing in_progress', 'saying nothing is no turn') FROM f;
SELECT t.news(call_id, sid, 'completed', 4) FROM f;
SELECT is(t.outcome(call_id), 'completed failed_voicemail', 'a machine') FROM f;

SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
