-- The carrier's news: early, late, twice, out of order, of another call, after the end.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.lead();

-- As it should be.
CREATE TEMP TABLE a AS SELECT t.call('ws1') AS call_id, t.sid() AS sid;
SELECT fn.dial_result(t.dialing(call_id), 'accepted', sid, '', 0) FROM a;
SELECT is((SELECT call_sid FROM calls JOIN a USING (call_id)), sid, 'bound') FROM a;
SELECT is(t.news(call_id, sid, s), 'taken', s)
    FROM a, unnest(ARRAY['initiated', 'ringing', 'in-progress', 'completed']) s;
SELECT is(t.story(call_id), 'queued dialing in_progress completed outcome', 'the story') FROM a;
SELECT is(t.news(call_id, sid, s), 'old', s || ' again, after the end')
    FROM a, unnest(ARRAY['initiated', 'ringing', 'in-progress', 'completed', 'busy', 'failed']) s;
SELECT is(t.story(call_id), 'queued dialing in_progress completed outcome', 'the same') FROM a;

-- Twice and backwards: what is behind the newest changes nothing.
CREATE TEMP TABLE b AS SELECT t.call('ws1') AS call_id, t.sid() AS sid;
SELECT fn.dial_result(t.dialing(call_id), 'accepted', sid, '', 0) FROM b;
SELECT results_eq($$SELECT t.news(call_id, sid, s) FROM b, unnest(ARRAY['in-progress', 'ringing',
    'in-progress', 'initiated', 'queued', 'what?']) s$$, $$VALUES ('taken'), ('old'), ('old'), ('old'),
    ('old'), ('old')$$, 'backwards');
SELECT is(t.status(call_id), 'in_progress', 'never backwards') FROM b;
SELECT is(t.news(call_id, sid, 'completed'), 'taken', 'and on') FROM b;

-- The end alone, without anything before.
CREATE TEMP TABLE c AS SELECT t.call('ws1') AS call_id, t.sid() AS sid;
SELECT fn.dial_result(t.dialing(call_id), 'accepted', sid, '', 0) FROM c;
SELECT is(t.news(call_id, sid, 'completed', 12), 'taken', 'completed alone') FROM c;
SELECT ok(answered_at IS NOT NULL AND duration_sec = 12 AND answered_at < ended_at,
    'it was answered all the same') FROM calls JOIN c USING (call_id);

-- Late binding: the callback comes before the answer to the dial, or instead of it.
CREATE TEMP TABLE d AS SELECT n, t.call('ws1') AS call_id, t.sid() AS sid FROM generate_series(1, 4) n;
CREATE TEMP TABLE e AS SELECT d.*, t.dialing(call_id) AS attempt_id FROM d;
SELECT is(t.news(call_id, sid, 'initiated', p_attempt => attempt_id), 'taken', 'before') FROM e
    WHERE n = 1;
SELECT fn.dial_result(attempt_id, 'accepted', sid, '', 0) FROM e WHERE n = 1;
SELECT is(t.story(call_id), 'queued dialing', 'it is bound once') FROM e WHERE n = 1;
SELECT fn.dial_result(attempt_id, 'unknown', NULL, '', 0) FROM e WHERE n > 1;
SELECT is(t.news(call_id, sid, 'initiated', p_attempt => attempt_id), 'taken', 'instead') FROM e
    WHERE n = 2;
SELECT is(t.story(call_id), 'queued dialing dial_unknown dialing', 'unknown no more') FROM e
    WHERE n = 2;
SELECT is(t.news(call_id, sid, 'in-progress', p_attempt => attempt_id), 'taken', 'answered at once')
    FROM e WHERE n = 3;
SELECT is(t.story(call_id), 'queued dialing dial_unknown dialing in_progress', 'likewise') FROM e
    WHERE n = 3;
SELECT is(t.news(call_id, sid, 'no-answer', p_attempt => attempt_id), 'taken', 'over at once') FROM e
    WHERE n = 4;
SELECT is(t.outcome(call_id), 'failed failed_no_answer', 'its end is known') FROM e WHERE n = 4;
SELECT is(c.call_sid, e.sid, 'the sid is the call''s') FROM calls c JOIN e USING (call_id);

-- Another sid, another attempt, another call.
SELECT is(t.news(call_id, t.sid(), 'completed'), 'foreign', 'another sid') FROM e WHERE n = 2;
SELECT is(t.status(call_id), 'dialing', 'changes nothing') FROM e WHERE n = 2;
SELECT is(t.news(call_id, sid, 'completed', p_attempt => gen_random_uuid()), 'unknown',
    'an attempt that is none') FROM e WHERE n = 2;
SELECT is(t.news((SELECT call_id FROM e WHERE n = 3), sid, 'completed', p_attempt => attempt_id),
    'unknown', 'an attempt of another call') FROM e WHERE n = 2;
SELECT is(t.news('call_none', sid, 'completed'), 'unknown', 'no such call') FROM e WHERE n = 2;
SELECT is(t.news(t.call('ws1'), t.sid(), 'completed'), 'unknown', 'one that was never dialed');
SELECT is(fn.sid_bound(sid), true, 'a sid that is bound') FROM e WHERE n = 2;
SELECT is(fn.sid_bound(t.sid()), false, 'one that is not');

-- A refused dial has no call: whatever says that it has is foreign.
CREATE TEMP TABLE f AS SELECT t.call('ws1') AS call_id;
CREATE TEMP TABLE g AS SELECT call_id, t.dialing(call_id) AS attempt_id FROM f;
SELECT fn.dial_result(attempt_id, 'refused', NULL, '', 0) FROM g;
SELECT is(t.news(call_id, t.sid(), 'in-progress', p_attempt => attempt_id), 'foreign', 'refused')
    FROM g;
SELECT is(t.outcome(call_id), 'failed failed_technical', 'stays refused') FROM g;

-- A second dial of the same call: the first one's news are the first one's.
CREATE TEMP TABLE h AS SELECT t.call('ws1') AS call_id;
CREATE TEMP TABLE i AS SELECT call_id, t.dialing(call_id) AS first FROM h;
SELECT fn.dial_result(first, 'throttled', NULL, '', 0) FROM i;
UPDATE call_queue SET not_before = NULL;
CREATE TEMP TABLE j AS SELECT call_id, first, t.dialed(call_id) AS sid FROM i;
SELECT is(t.news(call_id, t.sid(), 'busy', p_attempt => first), 'foreign', 'the first dial') FROM j;
SELECT is(t.news(call_id, sid, 'in-progress'), 'taken', 'the second') FROM j;

-- A dial that was given up and turns up after all: the call stays over, the leg is hung up.
CREATE TEMP TABLE k AS SELECT t.call('ws1') AS call_id, t.sid() AS sid;
CREATE TEMP TABLE l AS SELECT k.*, t.dialing(call_id) AS attempt_id FROM k;
SELECT fn.dial_result(attempt_id, 'unknown', NULL, '', 0) FROM l;
UPDATE attempts SET deadline_at = clock_timestamp() FROM l
    WHERE attempts.attempt_id = l.attempt_id;
SELECT fn.watch_not_found(attempt_id) FROM l;
SELECT is(t.outcome(call_id) || ' ' || (t.attempt(call_id)).state, 'failed failed_technical lost',
    'lost') FROM l;
SELECT is(t.news(call_id, sid, 'in-progress', p_attempt => attempt_id), 'taken', 'it turns up') FROM l;
SELECT is((t.attempt(call_id)).state || ' ' || ((t.attempt(call_id)).hangup_at IS NOT NULL),
    'live true', 'and is hung up') FROM l;
SELECT is(t.news(call_id, sid, 'completed', p_attempt => attempt_id), 'taken', 'until it is over')
    FROM l;
SELECT is(t.outcome(call_id) || ' ' || (t.attempt(call_id)).state, 'failed failed_technical ended',
    'the call is what it was') FROM l;
SELECT is(t.story(call_id), 'queued dialing dial_unknown failed outcome', 'no event more') FROM l;

-- What machine detection says may come at any time.
CREATE TEMP TABLE m AS SELECT t.call('ws1') AS call_id;
CREATE TEMP TABLE n AS SELECT call_id, t.answered(call_id) AS sid FROM m;
SELECT is(t.news(call_id, sid, 'in-progress', p_answered_by => 'machine_start'), 'old', 'amd') FROM n;
SELECT is((SELECT answered_by FROM calls JOIN n USING (call_id)), 'machine_start', 'is kept');
SELECT is(t.news(call_id, sid, 'in-progress'), 'old', 'said no more') FROM n;
SELECT is((SELECT answered_by FROM calls JOIN n USING (call_id)), 'machine_start', 'still');

SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
