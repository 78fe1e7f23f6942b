-- The post-call pipeline: how jobs come, what the filters make of them, leases, tries, and ends.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.workspace('ws2');

CREATE FUNCTION pg_temp.set(p_path text, p_value jsonb, p_ws text DEFAULT 'ws1') RETURNS bigint LANGUAGE sql AS $$
    SELECT fn.config_patch('workspace', p_ws, jsonb_build_object(p_path, p_value)) $$;
-- Items, one a word of the text.
CREATE FUNCTION pg_temp.items(p_text text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('seq', no, 'role', 'Agent', 'text', word) ORDER BY no), '[]')
    FROM regexp_split_to_table(p_text, ' ') WITH ORDINALITY w (word, no) WHERE p_text <> '' $$;
CREATE FUNCTION pg_temp.ingest(p_ext text, p_duration integer DEFAULT 60, p_text text DEFAULT 'one two three',
    p_url text DEFAULT NULL, p_skip text DEFAULT NULL, p_ws text DEFAULT 'ws1', p_metadata jsonb DEFAULT NULL)
RETURNS bigint LANGUAGE sql AS $$
    SELECT job_id FROM fn.job_ingest(p_ws, 'api', p_ext, p_duration, p_url,
        CASE WHEN p_text IS NOT NULL THEN pg_temp.items(p_text) END, p_metadata, p_skip) $$;
CREATE FUNCTION pg_temp.job(p_job bigint) RETURNS jobs LANGUAGE sql AS $$
    SELECT * FROM jobs WHERE job_id = p_job $$;
CREATE FUNCTION pg_temp.story(p_job bigint) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(status::text, ' ' ORDER BY line) FROM job_log
    WHERE job_id = p_job AND (previous IS NOT NULL OR message = 'Queued.') $$;
-- A test is one statement, which lasts no time: what became due in it, or rests, is due.
CREATE FUNCTION pg_temp.soon() RETURNS void LANGUAGE sql AS $$
    UPDATE jobs SET due_at = statement_timestamp()
        WHERE due_at BETWEEN statement_timestamp() AND clock_timestamp() + fn.job_pause() $$;
CREATE FUNCTION pg_temp.check() RETURNS integer LANGUAGE sql AS $$
    SELECT pg_temp.soon();
    SELECT checked FROM fn.jobs_check(100, 100, '') $$;
CREATE FUNCTION pg_temp.due(p_job bigint) RETURNS void LANGUAGE sql AS $$
    UPDATE jobs SET due_at = statement_timestamp() WHERE job_id = p_job AND due_at < 'infinity' $$;
CREATE TEMP TABLE me AS SELECT fn.job_worker_join('host', 7, 8) AS worker, fn.job_worker_join('else', 7, 8) AS other;
-- Leases what is due in a stage: "job/lease" of each.
CREATE FUNCTION pg_temp.lease(p_stage job_stage, p_limit integer DEFAULT 100, p_each integer DEFAULT 100,
    p_after text DEFAULT '') RETURNS TABLE (job bigint, lease bigint) LANGUAGE sql AS $$
    SELECT pg_temp.soon();
    SELECT job_id, lease FROM me, fn.jobs_lease(worker, p_stage, p_limit, p_each, p_after) $$;
-- A job that is leased in the stage of its model.
CREATE FUNCTION pg_temp.leased(p_ext text, OUT job bigint, OUT lease bigint) LANGUAGE plpgsql AS $$
BEGIN
    job := pg_temp.ingest(p_ext);
    PERFORM pg_temp.check();
    SELECT l.lease INTO STRICT lease FROM pg_temp.lease('summarise') l WHERE l.job = leased.job;
END $$;

-- ---- ingestion ----

SELECT is(created, true, 'the first is made') FROM fn.job_ingest('ws1', 'api', 'a', 40, NULL, pg_temp.items('one two three'),
    '{"k": 1, "requeue_count": 7, "last_requeued_by": "me", "previous_skipped_reason": "x"}', NULL);
SELECT is(created, false, 'the second is that one') FROM fn.job_ingest('ws1', 'api', 'a', 99, 'https://x.example/', NULL, NULL, NULL);
SELECT is(duration_seconds, 40, 'which stays as it is') FROM jobs WHERE external_id = 'a';
SELECT is(source_metadata, '{"k": 1}', 'nobody brings our own metadata along') FROM jobs WHERE external_id = 'a';
SELECT is(created, true, 'another workspace has its own') FROM fn.job_ingest('ws2', 'api', 'a', 1, NULL, pg_temp.items('x'), NULL, NULL);
SELECT is((pg_temp.job(pg_temp.ingest('s', p_skip => 'rate_limit'))).skipped_reason, 'rate_limit', 'skipped as it comes');
SELECT is(pg_temp.story(pg_temp.ingest('s')), 'queued skipped', 'with its history');

-- ---- the filters ----

SELECT pg_temp.ingest('short', 29), pg_temp.ingest('just', 30), pg_temp.ingest('nobody knows', NULL),
    pg_temp.ingest('nothing', 60, NULL);
SELECT pg_temp.check();
SELECT is(skipped_reason, 'duration_below_minimum:29<30', 'shorter than the default') FROM jobs WHERE external_id = 'short';
SELECT is(status, 'analyzing', 'as long as it must be') FROM jobs WHERE external_id = 'just';
SELECT is(status, 'analyzing', 'an unknown duration passes') FROM jobs WHERE external_id = 'nobody knows';
SELECT is(skipped_reason, 'no_recording', 'nothing to hear and nothing to read') FROM jobs WHERE external_id = 'nothing';
SELECT is(skipped_reason, 'duration_below_minimum:1<30', 'of another workspace') FROM jobs WHERE workspace_id = 'ws2';
SELECT pg_temp.set('processing.filters.min_duration_seconds', '10'), pg_temp.ingest('ten', 10), pg_temp.ingest('nine', 9);
SELECT fn.config_patch('organization', 'default', '{"processing.filters.min_duration_seconds": 50}');
SELECT fn.job_ingest('ws2', 'api', 'b', 49, NULL, pg_temp.items('one two three'), NULL, NULL);
SELECT pg_temp.check();
SELECT is(status, 'analyzing', 'the workspace has set 10') FROM jobs WHERE external_id = 'ten';
SELECT is(skipped_reason, 'duration_below_minimum:9<10', 'and 9 is less') FROM jobs WHERE external_id = 'nine';
SELECT is(skipped_reason, 'duration_below_minimum:49<50', 'the organization sets it for the others') FROM jobs WHERE external_id = 'b';

-- ---- the empty rule ----

SELECT pg_temp.ingest('two', 60, 'one two'), pg_temp.ingest('three', 60, 'one two three'), pg_temp.ingest('none', 60, ''),
    pg_temp.ingest('dots', 60, '… - . !');
SELECT pg_temp.check();
SELECT is(status || ' ' || result::text, 'completed {"empty": true}', external_id || ' is empty') FROM jobs
    WHERE external_id IN ('two', 'none', 'dots');
SELECT is(status, 'analyzing', 'three items are something') FROM jobs WHERE external_id = 'three';
SELECT is(pg_temp.story(pg_temp.ingest('two')), 'queued transcribing analyzing completed', 'the way of an empty one');
SELECT is(count(*), 0::bigint, 'no model is asked about an empty one') FROM pg_temp.lease('summarise') l JOIN jobs j ON j.job_id = l.job
    WHERE j.external_id IN ('two', 'none', 'dots');

-- ---- the door of 000 ----

SELECT is(fn.job_process('ws1', 'ghost', 'workspace'), 'queued', 'an unknown call is queued');
SELECT is(fn.job_process('ws1', 'ghost', 'workspace'), 'already_queued_or_in_progress', 'once');
SELECT is((SELECT due_at - clock_timestamp() > interval '1 s' FROM jobs WHERE external_id = 'ghost'), true,
    'and rests, so that all who ask together find it queued');
SELECT pg_temp.check();
SELECT is(status || ' ' || error || ' ' || failure, 'failed call not found call_not_found', 'and fails') FROM jobs WHERE external_id = 'ghost';
SELECT is(fn.job_process('ws1', 'ghost', 'workspace', queued_at - interval '1 ms'), 'already_queued_or_in_progress',
    'a request that was kept has had its turn') FROM jobs WHERE external_id = 'ghost';
SELECT is(fn.job_process('ws1', 'ghost', 'workspace', queued_at + interval '1 ms'), 'queued',
    'one that came later has not') FROM jobs WHERE external_id = 'ghost';
SELECT pg_temp.check();
SELECT is(fn.job_process('ws1', 'ghost', 'organization'), 'queued', 'a failed one is queued again');
SELECT is((SELECT due_at - clock_timestamp() > interval '1 s' FROM jobs WHERE external_id = 'ghost'), true, 'and rests as well');
SELECT pg_temp.check();
SELECT is(fn.job_process('ws1', 'two', 'workspace'), 'already_completed', 'a completed one is not');
SELECT is(fn.job_process('ws1', 'nine', 'partner'), 'queued', 'a skipped one is');
SELECT is(source_metadata - 'last_requeued_at' - 'previous_skipped_at', '{"requeue_count": 1, "last_requeued_by": "partner",
    "previous_skipped_reason": "duration_below_minimum:9<10"}', 'with its metadata') FROM jobs WHERE external_id = 'nine';
SELECT ok(source_metadata->>'last_requeued_at' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$'
    AND source_metadata->>'previous_skipped_at' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$', 'and its times') FROM jobs WHERE external_id = 'nine';
SELECT is(created, true, 'who brings an unknown one later') FROM fn.job_ingest('ws1', 'api', 'ghost', 60, NULL, pg_temp.items('one two three'), '{"a": 1}', NULL);
SELECT is(status::text || known, 'queuedtrue', 'has it queued with what it is') FROM jobs WHERE external_id = 'ghost';
SELECT pg_temp.check();
SELECT is(status, 'analyzing', 'and it goes its way') FROM jobs WHERE external_id = 'ghost';

-- ---- our own calls ----

CREATE TEMP TABLE own AS SELECT t.call('ws1') AS call_id;
SELECT is(fn.job_process('ws1', call_id, 'workspace'), 'queued', 'a call that has not ended') FROM own;
SELECT is(fn.job_process('ws2', call_id, 'workspace'), 'queued', 'is nobody else''s') FROM own;
SELECT pg_temp.check();
SELECT is(j.status, 'queued', 'waits for its end') FROM own JOIN jobs j USING (call_id);
SELECT is(j.status, 'failed', 'and is not found elsewhere') FROM own JOIN jobs j ON external_id = own.call_id;
SELECT t.bring(call_id, 'completed') FROM own;
SELECT pg_temp.due(job_id), pg_temp.check() FROM own JOIN jobs j USING (call_id);
SELECT is(j.status || ' ' || j.duration_seconds, 'transcribing 10', 'then for its transcript') FROM own JOIN jobs j USING (call_id);
SELECT is(count(*), 0::bigint, 'which no worker need hear') FROM own JOIN jobs j USING (call_id) JOIN pg_temp.lease('transcribe') l ON l.job = j.job_id;
INSERT INTO transcripts (call_id, workspace_id, state, result) SELECT call_id, 'ws1', 'done', '{"version": 1, "parts":
    [{"speaker": "bot", "text": "Hello", "start_ms": 1, "end_ms": 2}, {"speaker": "operator", "text": "Yes", "start_ms": 3, "end_ms": 4},
     {"speaker": "bot", "text": "Bye", "start_ms": 5, "end_ms": 6}]}' FROM own;
SELECT pg_temp.due(job_id), pg_temp.check() FROM own JOIN jobs j USING (call_id);
SELECT is(j.status, 'analyzing', 'and goes on with it') FROM own JOIN jobs j USING (call_id);
SELECT is(j.items->1, '{"seq": 2, "role": "operator", "text": "Yes", "start_ms": 3, "end_ms": 4}', 'in order') FROM own JOIN jobs j USING (call_id);

TRUNCATE own;
INSERT INTO own VALUES (t.call('ws1'));
SELECT t.bring(call_id, 'completed') FROM own;
SELECT is(count(j.job_id), 0::bigint, 'no call of ours enters by itself') FROM own LEFT JOIN jobs j USING (call_id);
SELECT pg_temp.set('processing.auto', 'true');
TRUNCATE own;
INSERT INTO own VALUES (t.call('ws1')), (t.call('ws1'));
SELECT t.bring(min(call_id), 'completed'), fn.call_cancel('ws1', max(call_id)) FROM own;
SELECT is(array_agg(j.source || ' ' || j.status), '{offhook queued}', 'but where the workspace wants it, once it was dialed') FROM own JOIN jobs j USING (call_id);
SELECT pg_temp.set('processing.auto', 'null');
TRUNCATE own;
INSERT INTO own VALUES (t.call('ws1'));
SELECT t.news(call_id, t.dialed(call_id), 'no-answer') FROM own;
SELECT fn.job_process('ws1', call_id, 'workspace'), pg_temp.check() FROM own;
SELECT is(j.skipped_reason, 'duration_below_minimum:0<10', 'nobody answered: it lasted no second') FROM own JOIN jobs j USING (call_id);

-- ---- leases ----

SELECT is(l.lease, 1::bigint, 'a lease has a number') FROM pg_temp.leased('l1') l;
SELECT is(count(*), 0::bigint, 'leased once') FROM pg_temp.lease('summarise');
SELECT ok(NOT fn.job_summarised(job_id, 'ws1', 0, 's', '{}'), 'an older lease writes nothing') FROM jobs WHERE external_id = 'l1';
SELECT is(fn.job_worker_gone(worker, true) > 0, true, 'a worker dies') FROM me;
SELECT is(tries || ' ' || losses || ' ' || attempts, '0 1 1', 'its try was lost, and does not count') FROM jobs WHERE external_id = 'l1';
SELECT ok(NOT fn.job_summarised(job_id, 'ws1', 1, 's', '{}'), 'it can write no more') FROM jobs WHERE external_id = 'l1';
SELECT is(count(*), 0::bigint, 'nor lease') FROM pg_temp.lease('summarise');
UPDATE me SET worker = other;
SELECT is(l.lease, 2::bigint, 'another goes on') FROM pg_temp.lease('summarise') l JOIN jobs j ON j.job_id = l.job WHERE external_id = 'l1';
SELECT ok(fn.job_worker_seen(me.worker, (SELECT array_agg(job_id) FROM jobs WHERE external_id = 'l1')), 'it shows that it is alive') FROM me;
SELECT is(due_at, 'infinity', 'with what it has under way') FROM jobs WHERE external_id = 'l1';
SELECT ok(fn.job_worker_seen(worker, '{}'), 'it knows of nothing under way') FROM me;
SELECT is(tries || ' ' || losses || ' ' || (due_at <= clock_timestamp()), '0 1 true', 'so that is due again') FROM jobs WHERE external_id = 'l1';
SELECT pg_temp.check();
SELECT is(array_agg(s::text), '{summarise}', 'as a look shows') FROM fn.jobs_look() s;
SELECT is(l.lease, 3::bigint, 'and leased again') FROM pg_temp.lease('summarise') l JOIN jobs j ON j.job_id = l.job WHERE external_id = 'l1';
UPDATE job_workers SET seen_at = clock_timestamp() - interval '46 s';
SELECT ok(fn.job_workers_silent() > 0, 'nothing is heard of it');
SELECT ok(NOT fn.job_worker_seen(worker, '{}'), 'it is told that it was given up') FROM me;
UPDATE me SET worker = fn.job_worker_join('host', 9, 9);
UPDATE jobs SET losses = 25, due_at = clock_timestamp() WHERE external_id = 'l1';
SELECT is(count(*), 0::bigint, 'what kills its workers') FROM pg_temp.lease('summarise') l JOIN jobs j ON j.job_id = l.job WHERE external_id = 'l1';
SELECT is(status || ' ' || failure, 'failed lost', 'is given up') FROM jobs WHERE external_id = 'l1';
SELECT is(l.lease, 1::bigint, 'one of which workers die') FROM pg_temp.leased('l2') l;
SELECT fn.job_died(job_id) FROM jobs, generate_series(1, 2) WHERE external_id = 'l2';
UPDATE jobs SET worker = NULL, due_at = clock_timestamp() WHERE external_id = 'l2';
SELECT is(l.lease, 2::bigint, 'is tried a third time') FROM pg_temp.lease('summarise') l JOIN jobs j ON j.job_id = l.job WHERE external_id = 'l2';
SELECT fn.job_died(job_id) FROM jobs WHERE external_id = 'l2';
UPDATE jobs SET worker = NULL, due_at = clock_timestamp() WHERE external_id = 'l2';
SELECT is(count(*), 0::bigint, 'and not a fourth') FROM pg_temp.lease('summarise') l JOIN jobs j ON j.job_id = l.job WHERE external_id = 'l2';
SELECT is(status || ' ' || failure || ' ' || error, 'failed lost Three workers have died of it.', 'but is given up') FROM jobs WHERE external_id = 'l2';
SELECT fn.job_died(job_id) FROM jobs WHERE external_id = 'l2';
SELECT is(deaths, 0, 'a job that has ended has killed nobody') FROM jobs WHERE external_id = 'l2';
UPDATE jobs SET due_at = 'infinity', worker = me.worker FROM me WHERE stage = 'summarise';
SELECT pg_temp.ingest('f' || n || w, 60, p_ws => w) FROM generate_series(1, 5) n, (VALUES ('ws1'), ('ws2')) w (w);
SELECT pg_temp.check();
SELECT is(count(*) || ' ' || count(*) FILTER (WHERE workspace_id = 'ws1'), '6 3', 'a few of each workspace')
    FROM pg_temp.lease('summarise', 100, 3) l JOIN jobs j ON j.job_id = l.job;

-- ---- tries ----

SELECT is(l.lease, 1::bigint, 'a job of its own') FROM pg_temp.leased('w1') l;
SELECT is(fn.job_wrong(job_id, 'ws1', 1, 'model', 'It is away.', 0), 'analyzing', 'the first try goes wrong') FROM jobs WHERE external_id = 'w1';
SELECT ok(due_at - clock_timestamp() BETWEEN interval '3.5 s' AND interval '6.1 s', 'again after about 5 s')
    FROM jobs WHERE external_id = 'w1';
SELECT is(error, 'It is away.', 'it says what is wrong meanwhile') FROM jobs WHERE external_id = 'w1';
SELECT is(fn.job_wrong(job_id, 'ws1', 1, 'model', 'x', 0), NULL, 'nobody says so twice') FROM jobs WHERE external_id = 'w1';
SELECT pg_temp.due(job_id) FROM jobs WHERE external_id = 'w1';
SELECT is(l.lease, 2::bigint, 'the second try') FROM pg_temp.lease('summarise') l;
SELECT is(fn.job_wrong(job_id, 'ws1', 2, 'model', 'Wait.', 77), 'analyzing', 'is told to wait') FROM jobs WHERE external_id = 'w1';
SELECT ok(due_at - clock_timestamp() BETWEEN interval '76 s' AND interval '78 s', 'and does') FROM jobs WHERE external_id = 'w1';
SELECT pg_temp.due(job_id) FROM jobs WHERE external_id = 'w1';
SELECT is(l.lease, 3::bigint, 'the third') FROM pg_temp.lease('summarise') l;
SELECT is(fn.job_wrong(job_id, 'ws1', 3, 'model', 'Gone.', 0), 'failed', 'is the last') FROM jobs WHERE external_id = 'w1';
SELECT is(status || ' ' || failure || ' ' || error || ' ' || attempts, 'failed model Gone. 3', 'it has failed') FROM jobs WHERE external_id = 'w1';
SELECT is(fn.job_process('ws1', 'w1', 'workspace'), 'queued', 'it may be queued again') FROM me;
SELECT is(attempts || ' ' || coalesce(error, '-'), '0 -', 'from the beginning') FROM jobs WHERE external_id = 'w1';
SELECT pg_temp.set('processing.max_attempts', '1'), pg_temp.check();
SELECT is(l.lease, 4::bigint, 'leases go on counting') FROM pg_temp.lease('summarise') l;
SELECT is(fn.job_wrong(job_id, 'ws1', 4, 'model', 'x', 0), 'failed', 'the setting holds at the moment') FROM jobs WHERE external_id = 'w1';
SELECT pg_temp.set('processing.max_attempts', '5');
SELECT is(fn.job_wrong(l.job, 'ws1', l.lease, 'model', 'No key.', NULL), 'failed', 'some things are of no use twice') FROM pg_temp.leased('w2') l;
SELECT is(count, 5::bigint, 'what went wrong is counted') FROM job_tallies WHERE workspace_id = 'ws1' AND what = 'wrong:model';

-- ---- what models cost ----

SELECT fn.job_used('ws1', 2, 100, 10, 7), fn.job_used('ws1', 1, 50, 5, 3), fn.job_used('ws1', 0, 9, 9, 9);
SELECT is((requests, prompt_tokens, completion_tokens, cost_micros)::text, '(3,150,15,10)', 'a day''s use of models') FROM job_usage;

SELECT ok(fn.job_rest(l.job, 'ws1', l.lease, 60), 'what was not tried rests') FROM pg_temp.leased('w3') l;
SELECT is(tries || ' ' || status, '0 analyzing', 'and has lost no try') FROM jobs WHERE external_id = 'w3';
SELECT ok(due_at - clock_timestamp() BETWEEN interval '59 s' AND interval '67 s', 'for so long') FROM jobs WHERE external_id = 'w3';
SELECT ok(NOT fn.job_rest(job_id, 'ws1', 1, 1), 'whoever holds it no more says nothing') FROM jobs WHERE external_id = 'w3';
UPDATE jobs SET due_at = clock_timestamp() + interval '1 hour' WHERE external_id = 'w3';

-- ---- parts of a long one ----

CREATE TEMP TABLE long AS SELECT * FROM pg_temp.leased('long');
SELECT fn.job_died(job) FROM long;
SELECT ok(fn.job_noted(job, 'ws1', lease, '{"n": 1}'), 'a part is read') FROM long;
SELECT is(deaths, 0, 'of which nobody has died') FROM jobs JOIN long ON job = job_id;
SELECT ok(NOT fn.job_noted(job, 'ws1', lease, '{"n": 2}'), 'once') FROM long;
SELECT is(l.lease, 2::bigint, 'the next is due at once') FROM pg_temp.lease('summarise') l;
SELECT ok(fn.job_noted(job, 'ws1', 2, '{"n": 2}'), 'the next') FROM long;
SELECT is(notes::text, '[{"n": 1}, {"n": 2}]', 'in order') FROM jobs WHERE external_id = 'long';

-- ---- the end without mail, and the webhook ----

SELECT fn.webhook_set('ws1', 'https://hooks.example/', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', true);
CREATE TEMP TABLE done AS SELECT * FROM pg_temp.leased('done');
SELECT ok(fn.job_summarised(job, 'ws1', lease, 'All is well.', '{"outcome": "agreed"}'), 'summarised') FROM done;
SELECT is(pg_temp.story(job), 'queued transcribing analyzing publishing completed', 'its way') FROM done;
SELECT ok(NOT fn.job_summarised(job, 'ws1', lease, 'x', '{}'), 'once') FROM done;
SELECT is(summary, 'All is well.', 'it stays') FROM jobs WHERE external_id = 'done';
SELECT is((SELECT string_agg(concat_ws(' ', w.job::json->>'event_type', w.job::json->'data'->>'summary',
        w.job::json->'data'->>'status', delivery_id), ',') FROM fn.webhooks_due(10, 10, '', '{}', '{}') w
        WHERE w.job::json->>'job_id' = done.job::text),
    'job.completed All is well. completed msg_job_' || done.job, 'the webhook is told') FROM done;

-- ---- mails ----

SELECT pg_temp.set('email.recipients', '["a@example.com", "b@example.com"]');
CREATE TEMP TABLE mail AS SELECT * FROM pg_temp.leased('mail');
SELECT ok(fn.job_summarised(job, 'ws1', lease, 'S', '{}'), 'summarised') FROM mail;
SELECT is(status, 'publishing', 'there is somebody to tell') FROM jobs WHERE external_id = 'mail';
UPDATE mail SET lease = l.lease FROM pg_temp.lease('publish') l;
SELECT ok(fn.job_mails_plan(job, 'ws1', lease, '[{"recipient": "a@example.com", "message": "QQ=="}, {"recipient": "b@example.com", "message": "Qg=="}]'), 'planned') FROM mail;
SELECT ok(fn.job_mails_plan(job, 'ws1', lease, '[{"recipient": "a@example.com", "message": "Wg=="}, {"recipient": "b@example.com", "message": "Wg=="}, {"recipient": "c@example.com", "message": "Wg=="}]'), 'again') FROM mail;
SELECT is(convert_from(message, 'UTF8'), 'A', 'it stays as it was') FROM job_mails WHERE recipient = 'a@example.com';
SELECT ok(fn.job_mails_plan(job, 'ws1', lease, '[{"recipient": "a@example.com", "message": "Wg=="}, {"recipient": "b@example.com", "message": "Wg=="}]'), 'for fewer') FROM mail;
SELECT is(string_agg(recipient, ' ' ORDER BY recipient), 'a@example.com b@example.com', 'whoever is not to get one any more gets none') FROM job_mails;
SELECT ok(NOT fn.job_published(job, 'ws1', lease), 'not before all are sent') FROM mail;
SELECT fn.job_mailed(job, 'ws1', 'a@example.com', 'sent'), fn.job_mailed(job, 'ws1', 'b@example.com', 'refused') FROM mail;
SELECT fn.job_mailed(job, 'ws1', 'a@example.com', 'refused') FROM mail;
SELECT is(string_agg(state::text, ' ' ORDER BY recipient), 'sent refused', 'each its end') FROM job_mails;
SELECT is(fn.job_recipients(job, 'ws1'), '["b@example.com"]', 'who has it needs it no more') FROM mail;
SELECT is(fn.job_recipients(job, 'ws2'), '[]', 'and another workspace has nobody') FROM mail;
SELECT is(fn.job_wrong(job, 'ws1', lease, 'mail', 'Refused.', NULL), 'failed', 'one of them has none') FROM mail;
SELECT is(fn.job_process('ws1', 'mail', 'workspace'), 'queued', 'queued again');
SELECT is(string_agg(recipient, ' '), 'a@example.com', 'what was sent is not forgotten') FROM job_mails;
SELECT pg_temp.check();
SELECT is(pg_temp.story(job), 'queued transcribing analyzing publishing failed queued transcribing analyzing publishing',
    'it goes on where something is missing') FROM mail;
UPDATE mail SET lease = l.lease FROM pg_temp.lease('publish') l;
SELECT fn.job_mails_plan(job, 'ws1', lease, '[{"recipient": "a@example.com", "message": "Wg=="}, {"recipient": "b@example.com", "message": "Qg=="}]'),
    fn.job_mailed(job, 'ws1', 'b@example.com', 'sent') FROM mail;
SELECT ok(fn.job_published(job, 'ws1', lease), 'published') FROM mail;
SELECT is(status, 'completed', 'it is done') FROM jobs WHERE external_id = 'mail';

-- ---- what never happens ----

SELECT throws_ok(format('UPDATE jobs SET status = ''queued'', due_at = now(), ended_at = NULL WHERE job_id = %s', job),
    '23514', NULL, 'a completed job is not queued again') FROM mail;
SELECT is(count(*), 0::bigint, 'every job has its first line') FROM jobs j
    WHERE NOT EXISTS (SELECT FROM job_log l WHERE l.job_id = j.job_id AND l.message = 'Queued.');

-- ---- retention ----

UPDATE jobs SET ended_at = clock_timestamp() - interval '94 days' WHERE external_id IN ('mail', 'done');
SELECT is(fn.forget_jobs(1, 10), 2, 'old ones are forgotten, after three months at the earliest');
SELECT is(count(*), 0::bigint, 'with what belongs to them') FROM (SELECT job_id FROM jobs UNION ALL SELECT job_id FROM job_log
    UNION ALL SELECT job_id FROM job_mails UNION ALL SELECT job_id FROM webhook_deliveries) x JOIN mail ON mail.job = x.job_id;
SELECT * FROM finish();
ROLLBACK;
