-- How a call ends, from what the carrier says and what the agent did; what it costs; what is told.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1', 100000), t.lead();

CREATE TEMP TABLE expected (said text, duration numeric, answered boolean, answered_by text,
    spoke boolean, ended boolean, verdict call_outcome, status text, outcome text, summary text);
INSERT INTO expected VALUES
    -- never answered
    ('busy', NULL, false, NULL, false, false, NULL, 'failed', 'failed_busy', 'The line was busy.'),
    ('no-answer', NULL, false, NULL, false, false, NULL, 'failed', 'failed_no_answer',
        'Nobody answered.'),
    ('failed', NULL, false, NULL, false, false, NULL, 'failed', 'failed_technical', NULL),
    ('canceled', NULL, false, NULL, false, false, NULL, 'failed', 'failed_technical', NULL),
    ('busy', 0, false, NULL, false, false, NULL, 'failed', 'failed_busy', NULL),
    -- answered; the agent never got to speak
    ('completed', 20, true, NULL, false, false, NULL, 'completed', 'failed_no_agent_available', NULL),
    ('completed', 20, false, NULL, false, false, NULL, 'completed', 'failed_no_agent_available', NULL),
    -- the callee hung up at once, or at leisure
    ('completed', 0, true, NULL, true, false, NULL, 'completed', 'failed_short_hangup', NULL),
    ('completed', 1, true, NULL, true, false, NULL, 'completed', 'failed_short_hangup', NULL),
    ('completed', 3, true, NULL, true, false, NULL, 'completed', 'failed_short_hangup', NULL),
    ('completed', 4, true, NULL, true, false, NULL, 'completed', 'success_no_booking', NULL),
    ('completed', 20, true, 'human', true, false, NULL, 'completed', 'success_no_booking', NULL),
    ('completed', NULL, true, NULL, true, false, NULL, 'completed', 'failed_short_hangup', NULL),
    -- the agent hung up: never a short hang-up
    ('completed', 1, true, NULL, true, true, NULL, 'completed', 'success_no_booking', NULL),
    ('completed', 1, true, NULL, true, true, 'success_booked', 'completed', 'success_booked',
        'As agreed.'),
    ('completed', 20, true, NULL, true, true, 'success_refused', 'completed', 'success_refused',
        'As agreed.'),
    ('completed', 20, true, NULL, true, true, 'success_no_booking', 'completed',
        'success_no_booking', 'As agreed.'),
    ('completed', 20, true, NULL, true, true, 'failed_voicemail', 'completed', 'failed_voicemail',
        'As agreed.'),
    -- a machine
    ('completed', 20, true, 'machine_start', true, false, NULL, 'completed', 'failed_voicemail', NULL),
    ('completed', 20, true, 'machine_end_beep', false, true, NULL, 'completed', 'failed_voicemail',
        'A machine answered.'),
    ('completed', 1, true, 'fax', false, false, NULL, 'completed', 'failed_voicemail', NULL),
    ('completed', 20, true, 'unknown', true, false, NULL, 'completed', 'success_no_booking', NULL),
    ('completed', 20, true, 'machine_start', true, true, 'success_booked', 'completed',
        'success_booked', 'As agreed.'),
    -- the leg broke while they talked
    ('failed', NULL, true, NULL, true, false, NULL, 'failed', 'failed_technical', NULL),
    ('failed', 5, true, NULL, false, false, NULL, 'failed', 'failed_technical', NULL);

CREATE TEMP TABLE a AS SELECT row_number() OVER () AS n, e.*, t.call('ws1', p_credits => 3) AS call_id
    FROM expected e;
CREATE TEMP TABLE b AS SELECT a.*, t.dialed(call_id) AS sid FROM a;
SELECT t.news(call_id, sid, 'in-progress', p_answered_by => answered_by) FROM b WHERE answered;
UPDATE calls c SET agent_spoke = spoke, agent_ended = ended, verdict = b.verdict,
    outcome_summary = CASE WHEN b.verdict IS NOT NULL THEN 'As agreed.' END
    FROM b WHERE c.call_id = b.call_id;
SELECT t.news(call_id, sid, said, duration, answered_by) FROM b;

SELECT is(t.outcome(call_id), status || ' ' || outcome,
    format('%s after %s s%s%s%s%s%s', said, duration, CASE WHEN answered THEN ', answered' END,
        ', ' || answered_by, CASE WHEN spoke THEN ', the agent spoke' END,
        CASE WHEN ended THEN ', and hung up' END, ', ' || verdict)) FROM b;
SELECT is(c.outcome_summary, b.summary, 'the summary of ' || b.n)
    FROM calls c JOIN b USING (call_id) WHERE b.summary IS NOT NULL;
SELECT is((SELECT count(*) FROM calls WHERE coalesce(outcome_summary, '') = ''), 0::bigint,
    'every call has a summary');
SELECT is(c.charge_cents, CASE WHEN b.outcome LIKE 'success%' THEN 7 ELSE 0 END, 'the charge of '
    || b.outcome) FROM calls c JOIN b USING (call_id);
SELECT is((SELECT array_agg(reserved || ' ' || settled ORDER BY step) FROM credit_ledger l
    WHERE l.call_id = b.call_id), ARRAY['3 0', '-3 ' || CASE WHEN outcome LIKE 'success%' THEN 3
    ELSE 0 END], 'the ledger of ' || outcome) FROM b;
SELECT is(t.credits('ws1'), '0 ' || 3 * (SELECT count(*) FROM b WHERE outcome LIKE 'success%'),
    'the month');
SELECT is(t.story(call_id), 'queued dialing' || CASE WHEN answered THEN ' in_progress' ELSE '' END
    || ' ' || status || ' outcome', 'the events of ' || n) FROM b;
SELECT is((SELECT data->>'outcome_type' || ' ' || (data->>'charge_cents') FROM call_events e
    WHERE e.call_id = b.call_id AND event_type = 'outcome'), outcome || ' ' ||
    CASE WHEN outcome LIKE 'success%' THEN 7 ELSE 0 END, 'the outcome is told') FROM b;
SELECT is(EXISTS (SELECT FROM recordings r WHERE r.call_id = b.call_id),
    answered OR said = 'completed', 'a recording is expected of what was answered') FROM b;
SELECT is(c.duration_sec, b.duration, 'the carrier''s duration') FROM calls c JOIN b USING (call_id)
    WHERE b.duration IS NOT NULL AND (b.answered OR b.said = 'completed');
SELECT ok(c.duration_sec IS NULL, 'no duration of what was never answered')
    FROM calls c JOIN b USING (call_id) WHERE NOT b.answered AND b.said <> 'completed';
SELECT ok(c.started_at <= c.answered_at AND c.answered_at <= c.ended_at, 'times in order')
    FROM calls c JOIN b USING (call_id) WHERE b.answered;

SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
