-- What a conversation writes comes twice when nobody knew whether it was written: it stands there once.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.lead();

CREATE TEMP TABLE a AS SELECT call_id, t.dialed(call_id) AS sid FROM (SELECT t.call('ws1') AS call_id) x;
SELECT fn.voice_told(call_id, 1, 'bot', 'Hello.', 0), fn.voice_noted(call_id, 2, 'note', 'Well.') FROM a;
SELECT is(t.story(call_id), 'queued dialing', 'a call without a stream has no conversation') FROM a;

SELECT fn.voice_offer(call_id, NULL, sid, NULL, 1800, sha256('one')) FROM a;
SELECT count(*) FROM a, fn.voice_begin(call_id, sid, sha256('one'), NULL, NULL);
SELECT fn.voice_told(call_id, 1, 'bot', 'Hello.', 120), fn.voice_told(call_id, 1, 'bot', 'Hello.', 120),
    fn.voice_told(call_id, 2, 'operator', 'Yes.', 900), fn.voice_told(call_id, 2, 'operator', 'Yes.', 900),
    fn.voice_told(call_id, 3, 'operator', 'Yes.', 900) FROM a;
SELECT is(t.story(call_id), 'queued dialing in_progress +bot +operator +operator',
    'a turn stands there once; the same words again are another') FROM a;
SELECT fn.voice_told(call_id, 1, 'bot', 'Hello.', 120) FROM a;
SELECT is(t.story(call_id), 'queued dialing in_progress +bot +operator +operator', 'an older one is known too')
    FROM a;
SELECT fn.voice_noted(call_id, 4, 'note', 'Well.'), fn.voice_noted(call_id, 4, 'note', 'Well.'),
    fn.voice_keys(call_id, 5, '5', 'in'), fn.voice_keys(call_id, 5, '5', 'in'),
    fn.voice_keys(call_id, 6, '5', 'in') FROM a;
SELECT is(t.story(call_id), 'queued dialing in_progress +bot +operator +operator supervisor dtmf dtmf',
    'a decision, a key') FROM a;
SELECT fn.voice_ask(call_id, 7, 'ask_x_v1', 'When?', 60, 'https://x/') FROM a;
SELECT lives_ok(format('SELECT fn.voice_ask(%L, 7, ''ask_x_v1'', ''When?'', 60, ''https://x/'')', call_id),
    'a question') FROM a;
SELECT fn.question_answer('ws1', call_id, 'ask_x_v1', 'At eight.', 'voice') FROM a;
SELECT fn.voice_used(call_id, 8, 'ask_x_v1'), fn.voice_used(call_id, 8, 'ask_x_v1') FROM a;
SELECT is(t.story(call_id), 'queued dialing in_progress +bot +operator +operator supervisor dtmf dtmf ask_user'
    ' answered answer_spoken', 'and its answer') FROM a;

-- Left out is no reason to stop: the numbers may have gaps.
SELECT fn.voice_told(call_id, 20, 'bot', 'Goodbye.', 4000) FROM a;
SELECT is((SELECT last_record FROM voice_streams JOIN a USING (call_id)), 20, 'the last one');
SELECT is((SELECT count(*)::integer FROM call_events JOIN a USING (call_id)),
    (SELECT event_count::integer FROM calls JOIN a USING (call_id)), 'events have no gaps');

-- Late, the last words as well.
SELECT t.news(call_id, sid, 'completed', 9) FROM a;
SELECT fn.voice_told(call_id, 21, 'bot', 'Bye.', 5000), fn.voice_told(call_id, 21, 'bot', 'Bye.', 5000),
    fn.voice_noted(call_id, 22, 'late', 'Late.') FROM a;
SELECT ok(t.story(call_id) LIKE '%outcome +bot', 'what was said last, once') FROM a;

-- Another call counts for itself.
CREATE TEMP TABLE b AS SELECT call_id, t.dialed(call_id) AS sid FROM (SELECT t.call('ws1') AS call_id) x;
SELECT fn.voice_offer(call_id, NULL, sid, NULL, 1800, sha256('two')) FROM b;
SELECT count(*) FROM b, fn.voice_begin(call_id, sid, sha256('two'), NULL, NULL);
SELECT fn.voice_told(call_id, 1, 'bot', 'Hello.', 120) FROM b;
SELECT is(t.story(call_id), 'queued dialing in_progress +bot', 'another call begins with 1') FROM b;

SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
