-- The voice: a stream is offered, begun once with its token, and what comes after it.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.lead();

CREATE FUNCTION pg_temp.hash(p_word text) RETURNS bytea LANGUAGE sql AS $$
    SELECT sha256(p_word::bytea)
$$;
CREATE FUNCTION pg_temp.offer(p_call text, p_sid text, p_word text, p_by text DEFAULT NULL)
RETURNS text LANGUAGE sql AS $$
    SELECT fn.voice_offer(p_call, NULL, p_sid, p_by, 1800, pg_temp.hash(p_word))
$$;
CREATE FUNCTION pg_temp.begin(p_call text, p_sid text, p_word text) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM fn.voice_begin(p_call, p_sid, pg_temp.hash(p_word), 'here', 'door')
$$;
CREATE FUNCTION pg_temp.after(p_call text, p_sid text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws('|', result, number, shown) FROM fn.voice_after(p_call, p_sid, 1800)
$$;

-- A conversation from offer to end.
CREATE TEMP TABLE a AS SELECT t.call('ws1') AS call_id;
CREATE TEMP TABLE b AS SELECT call_id, t.dialed(call_id) AS sid FROM a;
SELECT is(pg_temp.offer(call_id, sid, 'one'), 'stream', 'whoever answers has a stream') FROM b;
SELECT is(t.status(call_id), 'in_progress', 'and has answered') FROM b;
SELECT is(pg_temp.offer(call_id, sid, 'two'), 'stream', 'the webhook again') FROM b;
SELECT is(pg_temp.begin(call_id, sid, 'one'), 0::bigint, 'the first token is worth nothing') FROM b;
SELECT is(pg_temp.begin(call_id, 'CA' || repeat('0', 32), 'two'), 0::bigint, 'another sid') FROM b;
SELECT is(pg_temp.begin('call_unknown', sid, 'two'), 0::bigint, 'another call') FROM b;
SELECT is((SELECT brief || language || (since_ms >= 0)::text || coalesce(voicemail, '-') || transfer_numbers
    FROM fn.voice_begin(call_id, sid, pg_temp.hash('two'), NULL, NULL)), 'Book a table.entrue-[]', 'what it is about')
    FROM b;
SELECT is(pg_temp.begin(call_id, sid, 'two'), 0::bigint, 'once') FROM b;
SELECT is(pg_temp.offer(call_id, sid, 'three'), 'hang_up', 'a call has one stream') FROM b;
SELECT fn.voice_spoke(call_id), fn.voice_told(call_id, 1, 'bot', 'Hello.', 120),
    fn.voice_told(call_id, 2, 'operator', 'Yes.', 900), fn.voice_noted(call_id, 3, 'note', 'Well.'),
    fn.voice_keys(call_id, 4, '5', 'in'), fn.voice_ask(call_id, 5, 'ask_x_v1', 'When?', 60, 'https://x/'),
    fn.voice_ask(call_id, 6, 'ask_x_v2', 'Who?', 60, 'https://x/') FROM b;
SELECT is(t.story(call_id),
    'queued dialing in_progress +bot +operator supervisor dtmf ask_user ask_user', 'what was told') FROM b;
SELECT is((SELECT string_agg(data->>'at_ms', ' ' ORDER BY event_id) FROM call_events JOIN b USING (call_id)
    WHERE event_type = 'transcript'), '120 900', 'with its times');
SELECT ok((SELECT agent_spoke FROM calls JOIN b USING (call_id)), 'the agent has spoken');
SELECT is((SELECT questions FROM b, fn.voice_news(ARRAY[call_id]))::text, NULL, 'no answer yet');
SELECT fn.question_answer('ws1', call_id, 'ask_x_v2', 'Ada', 'voice') FROM b;
SELECT is((SELECT over || (questions->0->>'request_id') || (questions->0->>'answer') || json_array_length(questions)
    FROM b, fn.voice_news(ARRAY[call_id, 'call_unknown'])), 'falseask_x_v2Ada1', 'an answer');
SELECT fn.voice_used(call_id, 7, 'ask_x_v2') FROM b;
SELECT is((SELECT state::text FROM questions JOIN b USING (call_id) WHERE request_id = 'ask_x_v2'), 'used',
    'taken up');
SELECT fn.voice_end(call_id, 'success_booked', 'Agreed.', '{"time": "20:00"}', NULL) FROM b;
SELECT is((SELECT verdict || '|' || outcome_summary || '|' || learnt || '|' || agent_ended
    FROM calls JOIN b USING (call_id)), 'success_booked|Agreed.|{"time": "20:00"}|true', 'the verdict');
SELECT fn.voice_end(call_id, 'success_refused', 'No.', NULL, '+12025550177') FROM b;
SELECT is((SELECT verdict || outcome_summary FROM calls JOIN b USING (call_id)), 'success_bookedAgreed.',
    'the first stands');
SELECT ok((SELECT deadline_at < clock_timestamp() + interval '21 s' FROM attempts JOIN b USING (call_id)),
    'should the carrier not go on, the watcher hangs up');
UPDATE voice_streams SET transfer_to = NULL WHERE call_id = (SELECT call_id FROM b);
SELECT is(pg_temp.after(call_id, sid), 'hang_up', 'after it') FROM b;
SELECT t.news(call_id, sid, 'completed', 30) FROM b;
SELECT is(t.outcome(call_id), 'completed success_booked', 'the end') FROM b;
SELECT is((SELECT state::text FROM questions JOIN b USING (call_id) WHERE request_id = 'ask_x_v1'), 'dropped',
    'a question that nobody answered');
SELECT fn.voice_told(call_id, 8, 'bot', 'Goodbye.', 2000), fn.voice_noted(call_id, 9, 'late', 'Late.') FROM b;
SELECT ok(t.story(call_id) LIKE '%outcome +bot', 'the last words may come after the end, nothing else may')
    FROM b;
UPDATE calls SET ended_at = ended_at - interval '11 s' WHERE call_id = (SELECT call_id FROM b);
SELECT fn.voice_told(call_id, 10, 'bot', 'Hello?', 9000) FROM b;
SELECT ok(t.story(call_id) LIKE '%outcome +bot', '… for ten seconds') FROM b;
SELECT ok((SELECT over FROM b, fn.voice_news(ARRAY[call_id])), 'it is over');

-- A token has its time; a call that is over has no stream.
CREATE TEMP TABLE c AS SELECT call_id, t.dialed(call_id) AS sid FROM (SELECT t.call('ws1') AS call_id) x;
SELECT pg_temp.offer(call_id, sid, 'one') FROM c;
SELECT is((SELECT expires_at - clock_timestamp() BETWEEN interval '50 s' AND interval '60 s' FROM voice_streams
    WHERE call_id = (SELECT call_id FROM c)), true, 'a token is good for a minute');
UPDATE voice_streams SET expires_at = clock_timestamp() WHERE call_id = (SELECT call_id FROM c);
SELECT is(pg_temp.begin(call_id, sid, 'one'), 0::bigint, 'too late') FROM c;
SELECT is(pg_temp.after(call_id, sid), 'sorry', 'a stream that never began') FROM c;
SELECT is((SELECT verdict FROM calls JOIN c USING (call_id)), NULL, 'is no verdict');
SELECT is(pg_temp.offer(call_id, 'CA' || repeat('0', 32), 'two'), 'hang_up', 'another leg') FROM c;
SELECT is(pg_temp.after(call_id, 'CA' || repeat('0', 32)), 'hang_up', 'likewise') FROM c;
SELECT pg_temp.offer(call_id, sid, 'three') FROM c;
SELECT t.news(call_id, sid, 'completed', 5) FROM c;
SELECT is(t.outcome(call_id), 'completed failed_no_agent_available', 'the agent never spoke') FROM c;
SELECT is(pg_temp.begin(call_id, sid, 'three'), 0::bigint, 'the call is over') FROM c;
SELECT is(pg_temp.offer(call_id, sid, 'four'), 'hang_up', 'likewise') FROM c;
SELECT is(pg_temp.after(call_id, sid), 'hang_up', 'likewise') FROM c;

-- A stream that breaks off: nobody has ended it.
CREATE TEMP TABLE d AS SELECT call_id, t.dialed(call_id) AS sid FROM (SELECT t.call('ws1') AS call_id) x;
SELECT pg_temp.offer(call_id, sid, 'one'), pg_temp.begin(call_id, sid, 'one'), fn.voice_spoke(call_id) FROM d;
SELECT fn.voice_end(call_id, NULL, NULL, NULL, NULL) FROM d;
SELECT is(pg_temp.after(call_id, sid), 'sorry', 'an apology') FROM d;
SELECT is(pg_temp.after(call_id, sid), 'hang_up', 'once') FROM d;
SELECT t.news(call_id, sid, 'completed', 9) FROM d;
SELECT is(t.outcome(call_id), 'completed failed_technical', 'a truthful end') FROM d;

-- The callee hangs up.
CREATE TEMP TABLE e AS SELECT call_id, t.dialed(call_id) AS sid FROM (SELECT t.call('ws1') AS call_id) x;
SELECT pg_temp.offer(call_id, sid, 'one'), pg_temp.begin(call_id, sid, 'one'), fn.voice_spoke(call_id) FROM e;
SELECT fn.voice_end(call_id, NULL, NULL, NULL, NULL), t.news(call_id, sid, 'completed', 9) FROM e;
SELECT is(t.outcome(call_id), 'completed success_no_booking', 'as turn by turn') FROM e;

-- Settings of the workspace, and a transfer.
CREATE TEMP TABLE f AS SELECT call_id, t.dialed(call_id) AS sid FROM (SELECT t.call('ws1') AS call_id) x;
SELECT fn.config_patch('workspace', 'ws1', '{"voice.voicemail_message": "Call back.",
    "voice.transfer_numbers": ["+12025550177"]}');
SELECT pg_temp.offer(call_id, sid, 'one', 'machine_start') FROM f;
SELECT is((SELECT voicemail || transfer_numbers || answered_by FROM fn.voice_begin(call_id, sid,
    pg_temp.hash('one'), NULL, NULL)), 'Call back.["+12025550177"]machine_start', 'what the workspace has set') FROM f;
SELECT fn.voice_end(call_id, 'success_no_booking', 'Connected.', NULL, '+12025550177') FROM f;
SELECT is(pg_temp.after(call_id, sid), 'dial|+12025550177', 'connected') FROM f;
SELECT is(pg_temp.after(call_id, sid), 'hang_up', 'once') FROM f;
SELECT ok((SELECT deadline_at > clock_timestamp() + interval '60 s' FROM attempts JOIN f USING (call_id)),
    'they may talk');

SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
