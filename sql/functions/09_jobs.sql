-- The post-call pipeline: how jobs come, what the filters make of them, who works on them, and how they
-- end. Who may see and queue a job again is 17_job_doors.sql's.

-- ---- what is said of a job ----

-- A job as everybody gets it.
CREATE FUNCTION fn.job_json(j jobs) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('job_id', j.job_id::text, 'workspace_id', j.workspace_id, 'status', j.status,
        'skipped_reason', j.skipped_reason, 'external_id', j.external_id, 'call_id', j.call_id,
        'source', j.source, 'duration_seconds', j.duration_seconds, 'recording_url', j.recording_url,
        'attempts', j.attempts, 'error', j.error, 'summary', j.summary, 'result', j.result,
        'source_metadata', j.source_metadata, 'created_at', fn.iso(j.created_at),
        'updated_at', fn.iso(j.updated_at))
$$;

-- The body of job.completed.
CREATE FUNCTION fn.job_event(p_job bigint, p_workspace text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('event_type', 'job.completed', 'job_id', j.job_id::text,
        'call_id', j.call_id, 'created_at', fn.iso(j.ended_at), 'data', fn.job_json(j))::text
    FROM jobs j WHERE j.job_id = p_job AND j.workspace_id = p_workspace
$$;

CREATE FUNCTION fn.job_say(j jobs, p_level text, p_message text, p_previous job_status DEFAULT NULL)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO job_log (job_id, workspace_id, level, status, previous, message)
        VALUES (j.job_id, j.workspace_id, p_level, j.status, p_previous, left(p_message, 1000))
$$;

CREATE FUNCTION fn.job_tally(p_workspace text, p_what text, p_count bigint DEFAULT 1) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO job_tallies AS t (workspace_id, what, count) VALUES (p_workspace, p_what, p_count)
        ON CONFLICT (workspace_id, what) DO UPDATE SET count = t.count + excluded.count
$$;

-- Every change of status passes here: history, tallies, and a line for whoever looks for the reason.
CREATE FUNCTION fn.job_move(p_job bigint, p_workspace text, p_to job_status, p_reason text DEFAULT NULL,
    p_failure text DEFAULT NULL, p_result json DEFAULT NULL) RETURNS jobs
LANGUAGE plpgsql AS $$
DECLARE
    v_old job_status;
    j jobs;
BEGIN
    SELECT status INTO STRICT v_old FROM jobs WHERE job_id = p_job AND workspace_id = p_workspace FOR UPDATE;
    UPDATE jobs SET status = p_to, tries = 0, losses = 0, deaths = 0, worker = NULL,
            failure = p_failure,
            attempts = CASE p_to WHEN 'queued' THEN 0 ELSE greatest(attempts, 1) END,
            error = CASE p_to WHEN 'failed' THEN p_reason END,
            skipped_reason = CASE p_to WHEN 'skipped' THEN p_reason END,
            skipped_at = CASE p_to WHEN 'skipped' THEN clock_timestamp() END,
            due_at = CASE WHEN NOT job_is_final(p_to) THEN clock_timestamp() END,
            ended_at = CASE WHEN job_is_final(p_to) THEN clock_timestamp() END,
            queued_at = CASE p_to WHEN 'queued' THEN clock_timestamp() ELSE queued_at END,
            result = coalesce(p_result, result), updated_at = clock_timestamp()
        WHERE job_id = p_job AND workspace_id = p_workspace RETURNING * INTO j;
    PERFORM fn.job_say(j, CASE p_to WHEN 'failed' THEN 'error' ELSE 'info' END,
        coalesce(p_reason, initcap(p_to::text) || '.'), v_old);
    IF job_is_final(p_to) THEN
        PERFORM fn.job_tally(j.workspace_id, concat_ws(':', p_to, p_failure));
    END IF;
    IF p_to = 'completed' THEN
        PERFORM fn.job_offer(j);
    END IF;
    RETURN j;
END $$;

-- job.completed for the workspace's webhook, if there is one.
CREATE FUNCTION fn.job_offer(j jobs) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO webhook_deliveries (delivery_id, workspace_id, job_id, event_type)
        SELECT 'msg_job_' || j.job_id, w.workspace_id, j.job_id, 'job.completed'
        FROM webhooks w WHERE w.workspace_id = j.workspace_id AND w.off_at IS NULL
        ON CONFLICT DO NOTHING
$$;

-- ---- how jobs come ----

-- A call from elsewhere. p_skip: it is not to be worked on until somebody asks for it, for that reason.
-- created false: it was there already, and stays as it is; but one that was only asked for so far is
-- filled in and queued.
CREATE FUNCTION fn.job_ingest(p_workspace text, p_source job_source, p_external text, p_duration integer,
    p_recording_url text, p_items jsonb, p_metadata jsonb, p_skip text, OUT job_id bigint, OUT created boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_metadata jsonb := coalesce(p_metadata, '{}') - '{requeue_count,last_requeued_at,last_requeued_by,
        previous_skipped_reason,previous_skipped_at,previous_error}'::text[];
    j jobs;
BEGIN
    INSERT INTO jobs (workspace_id, source, external_id, duration_seconds, recording_url, items,
            source_metadata)
        VALUES (p_workspace, p_source, p_external, p_duration, p_recording_url, p_items, v_metadata)
        ON CONFLICT (workspace_id, external_id) WHERE external_id IS NOT NULL DO NOTHING
        RETURNING * INTO j;
    created := FOUND;
    IF created THEN
        PERFORM fn.job_say(j, 'info', 'Queued.');
    ELSE
        SELECT * INTO STRICT j FROM jobs WHERE workspace_id = p_workspace AND external_id = p_external
            FOR UPDATE;
        IF NOT j.known THEN
            UPDATE jobs SET known = true, source = p_source, duration_seconds = p_duration,
                    recording_url = p_recording_url, items = p_items,
                    source_metadata = v_metadata || source_metadata, updated_at = clock_timestamp()
                WHERE jobs.job_id = j.job_id AND workspace_id = p_workspace;
            IF job_is_final(j.status) THEN
                j := fn.job_move(j.job_id, p_workspace, 'queued');
            END IF;
            created := true;
        END IF;
    END IF;
    IF created AND p_skip IS NOT NULL AND j.status = 'queued' THEN
        PERFORM fn.job_move(j.job_id, p_workspace, 'skipped', p_skip);
    END IF;
    job_id := j.job_id;
END $$;

-- A call of ours has ended: it enters by itself where its workspace wants that, if it was ever dialed.
CREATE FUNCTION fn.job_auto(c calls) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    j jobs;
BEGIN
    IF c.dials = 0 OR fn.setting(c.workspace_id, 'processing.auto') IS DISTINCT FROM 'true' THEN
        RETURN;
    END IF;
    INSERT INTO jobs (workspace_id, source, call_id) VALUES (c.workspace_id, 'offhook', c.call_id)
        ON CONFLICT DO NOTHING RETURNING * INTO j;
    IF FOUND THEN
        PERFORM fn.job_say(j, 'info', 'Queued.');
    END IF;
END $$;

-- How long a job rests after somebody has asked for it. One that is skipped or fails may be asked for
-- again at once; without a rest, of those who ask together the last would find it ended by then.
CREATE FUNCTION fn.job_pause() RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT interval '2 s' $$;

-- The door of POST /api/v1/process: p_call is a call of ours, or the external id of one that was ingested;
-- one that nobody knows is queued all the same. Of any number that ask at once for one call that is not
-- under way yet, one is told 'queued': nothing is done before all of them have asked (fn.job_pause). Else 'already_queued_or_in_progress' or 'already_completed'.
-- p_asked_at: of a request that was kept while the database was away, when it came. What was queued since
-- then is what it asked for, however that has ended.
CREATE FUNCTION fn.job_process(p_workspace text, p_call text, p_scope text,
    p_asked_at timestamptz DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_ours boolean := EXISTS (SELECT FROM calls WHERE call_id = p_call AND workspace_id = p_workspace);
    j jobs;
BEGIN
    INSERT INTO jobs (workspace_id, source, call_id, external_id, known, due_at)
        VALUES (p_workspace, CASE WHEN v_ours THEN 'offhook' ELSE 'api' END::job_source,
            CASE WHEN v_ours THEN p_call END, CASE WHEN NOT v_ours THEN p_call END, v_ours,
            clock_timestamp() + fn.job_pause())
        ON CONFLICT DO NOTHING RETURNING * INTO j;
    IF FOUND THEN
        PERFORM fn.job_say(j, 'info', 'Queued.');
        RETURN 'queued';
    END IF;
    IF v_ours THEN
        SELECT * INTO STRICT j FROM jobs WHERE workspace_id = p_workspace AND call_id = p_call FOR UPDATE;
    ELSE
        SELECT * INTO STRICT j FROM jobs WHERE workspace_id = p_workspace AND external_id = p_call
            FOR UPDATE;
    END IF;
    IF j.status IN ('skipped', 'failed') AND (p_asked_at IS NULL OR j.queued_at < p_asked_at) THEN
        PERFORM fn.job_requeue(j, p_scope);
        RETURN 'queued';
    END IF;
    RETURN CASE j.status WHEN 'completed' THEN 'already_completed' ELSE 'already_queued_or_in_progress' END;
END $$;

-- Queues a skipped or failed job again, whose row the caller holds locked. What was made of it stays: a
-- transcript is not paid for twice, a mail that was sent is not sent twice. How often now.
CREATE FUNCTION fn.job_requeue(j jobs, p_scope text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_count bigint := coalesce((j.source_metadata->>'requeue_count')::bigint, 0) + 1;
BEGIN
    DELETE FROM job_mails WHERE job_id = j.job_id AND workspace_id = j.workspace_id AND state <> 'sent';
    UPDATE jobs SET source_metadata = source_metadata || jsonb_build_object('requeue_count', v_count,
            'last_requeued_at', fn.iso(clock_timestamp()), 'last_requeued_by', p_scope)
            || CASE j.status WHEN 'skipped' THEN jsonb_build_object('previous_skipped_reason',
                j.skipped_reason, 'previous_skipped_at', fn.iso(j.skipped_at))
                ELSE jsonb_build_object('previous_error', j.error) END
        WHERE job_id = j.job_id AND workspace_id = j.workspace_id;
    PERFORM fn.job_move(j.job_id, j.workspace_id, 'queued',
        format('Requeued (#%s) by a key of the %s.', v_count, p_scope));
    UPDATE jobs SET due_at = clock_timestamp() + fn.job_pause()
        WHERE job_id = j.job_id AND workspace_id = j.workspace_id;
    RETURN v_count;
END $$;

-- ---- check: what the database decides by itself ----

-- The workspaces behind p_after that have something due in a stage, in order; found by jumping from one to
-- the next, however much each has.
CREATE FUNCTION fn.jobs_waiting(p_stage job_stage, p_after text) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE hop AS (
        SELECT min(j.workspace_id) AS w FROM jobs j
            WHERE j.stage = p_stage AND j.due_at < 'infinity' AND j.workspace_id > p_after
        UNION ALL
        SELECT (SELECT min(j.workspace_id) FROM jobs j WHERE j.stage = p_stage AND j.due_at < 'infinity'
            AND j.workspace_id > hop.w) FROM hop WHERE hop.w IS NOT NULL
    )
    SELECT w FROM hop WHERE w IS NOT NULL
$$;

-- What was said in a call of ours, in order: the merged transcript, or else the turns as they came. NULL
-- while the transcript is still to come, for an hour after the call.
CREATE FUNCTION fn.job_call_items(c calls) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
    t transcripts;
BEGIN
    SELECT * INTO t FROM transcripts x WHERE x.call_id = c.call_id AND x.workspace_id = c.workspace_id;
    IF t.state = 'done' THEN
        RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object('seq', p.no, 'role', p.part->>'speaker',
                'text', p.part->>'text', 'start_ms', p.part->'start_ms', 'end_ms', p.part->'end_ms')
                ORDER BY p.no), '[]')
            FROM json_array_elements(t.result->'parts') WITH ORDINALITY p (part, no));
    END IF;
    IF c.answered_at IS NOT NULL AND t.state IS DISTINCT FROM 'failed'
        AND c.ended_at > clock_timestamp() - interval '1 hour' THEN
        RETURN NULL;
    END IF;
    RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object('seq', e.no, 'role', e.data->>'role',
            'text', e.data->>'text', 'start_ms', e.data->'at_ms') ORDER BY e.no), '[]')
        FROM (SELECT row_number() OVER (ORDER BY event_id) AS no, data FROM call_events v
            WHERE v.call_id = c.call_id AND v.workspace_id = c.workspace_id
                AND v.event_type = 'transcript' AND v.data->>'role' IN ('bot', 'operator')) e);
END $$;

-- The transcript is there: on to the model, or to the end when nothing was said in it: at most two items,
-- or no word in any.
CREATE FUNCTION fn.job_analyze(p_job bigint, p_workspace text, p_items jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE jobs SET items = p_items WHERE job_id = p_job AND workspace_id = p_workspace;
    PERFORM fn.job_move(p_job, p_workspace, 'analyzing');
    IF jsonb_array_length(p_items) <= 2 OR NOT EXISTS (SELECT FROM jsonb_array_elements(p_items) i
        WHERE i->>'text' ~ '[[:alnum:]]') THEN
        PERFORM fn.job_move(p_job, p_workspace, 'completed', 'Nothing was said: the transcript is empty.',
            p_result => '{"empty": true}');
    END IF;
END $$;

-- One job that is due in check, locked: skipped, failed, put off, or on to where its transcript comes from.
-- A stage whose product is there already has nothing to do.
CREATE FUNCTION fn.job_check(j jobs) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    c calls;
    v_min integer := coalesce(fn.setting(j.workspace_id, 'processing.filters.min_duration_seconds')::integer, 30);
    v_items jsonb := j.items;
BEGIN
    IF j.call_id IS NOT NULL THEN
        SELECT * INTO c FROM calls x WHERE x.call_id = j.call_id AND x.workspace_id = j.workspace_id;
        IF c.call_id IS NOT NULL AND NOT call_is_final(c.status) THEN
            UPDATE jobs SET due_at = clock_timestamp() + interval '2 s'
                WHERE job_id = j.job_id AND workspace_id = j.workspace_id;
            RETURN;
        END IF;
    END IF;
    IF NOT j.known OR (j.call_id IS NOT NULL AND c.call_id IS NULL AND v_items IS NULL) THEN
        PERFORM fn.job_move(j.job_id, j.workspace_id, 'failed', 'call not found', 'call_not_found');
        RETURN;
    END IF;
    IF j.status = 'queued' THEN
        IF c.call_id IS NOT NULL THEN
            UPDATE jobs SET duration_seconds = floor(coalesce(c.duration_sec, 0))
                WHERE job_id = j.job_id AND workspace_id = j.workspace_id
                RETURNING duration_seconds INTO j.duration_seconds;
        END IF;
        IF j.duration_seconds < v_min THEN
            PERFORM fn.job_move(j.job_id, j.workspace_id, 'skipped',
                format('duration_below_minimum:%s<%s', j.duration_seconds, v_min));
            RETURN;
        END IF;
        IF c.call_id IS NULL AND v_items IS NULL AND j.recording_url IS NULL THEN
            PERFORM fn.job_move(j.job_id, j.workspace_id, 'skipped', 'no_recording');
            RETURN;
        END IF;
        PERFORM fn.job_move(j.job_id, j.workspace_id, 'transcribing');
    END IF;
    IF v_items IS NULL AND c.call_id IS NOT NULL THEN
        v_items := fn.job_call_items(c);
        IF v_items IS NULL THEN
            UPDATE jobs SET due_at = clock_timestamp() + CASE
                WHEN c.ended_at > clock_timestamp() - interval '2 minutes' THEN interval '1 s'
                ELSE interval '15 s' END
                WHERE job_id = j.job_id AND workspace_id = j.workspace_id;
        END IF;
    END IF;
    IF v_items IS NOT NULL THEN
        PERFORM fn.job_analyze(j.job_id, j.workspace_id, v_items);
        IF j.summary IS NOT NULL THEN
            PERFORM fn.job_publish(j.job_id, j.workspace_id);
        END IF;
    END IF;
END $$;

-- Checks what is due, at most p_limit jobs, a few of each workspace in turn, from behind the workspace
-- p_after on. How many there were, and of which workspace the last.
CREATE FUNCTION fn.jobs_check(p_limit integer, p_each integer, p_after text, OUT checked integer,
    OUT last text)
LANGUAGE plpgsql AS $$
DECLARE
    j jobs;
BEGIN
    checked := 0;
    FOR j IN SELECT d.* FROM fn.jobs_waiting('check', p_after) x (w)
        CROSS JOIN LATERAL (SELECT o.* FROM jobs o WHERE o.stage = 'check' AND o.workspace_id = x.w
            AND o.due_at <= statement_timestamp() AND o.due_at < 'infinity' ORDER BY o.due_at LIMIT p_each
            FOR UPDATE SKIP LOCKED) d LIMIT p_limit LOOP
        PERFORM fn.job_check(j);
        checked := checked + 1;
        last := j.workspace_id;
    END LOOP;
END $$;

-- The stages in which something is due now: one look, so that an idle worker asks for no more.
CREATE FUNCTION fn.jobs_look() RETURNS SETOF job_stage
LANGUAGE sql STABLE AS $$
    SELECT s FROM unnest(enum_range(NULL::job_stage)) s
    WHERE EXISTS (SELECT FROM fn.jobs_waiting(s, '') x (w) CROSS JOIN LATERAL (SELECT FROM jobs j
        WHERE j.stage = s AND j.workspace_id = x.w AND j.due_at <= statement_timestamp()
            AND j.due_at < 'infinity' LIMIT 1) d)
$$;

-- ---- the worker's stages ----

CREATE FUNCTION fn.job_worker_join(p_host text, p_pid bigint, p_pid_start bigint) RETURNS uuid
LANGUAGE sql AS $$
    INSERT INTO job_workers (host, pid, pid_start) VALUES (p_host, p_pid, p_pid_start) RETURNING worker
$$;

-- A sign of life, with the jobs under way; what the worker was given and does not know of (the answer to
-- its lease was lost) is due again. False when it was given up: all of it is another's now.
CREATE FUNCTION fn.job_worker_seen(p_worker uuid, p_jobs bigint[]) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE job_workers SET seen_at = clock_timestamp() WHERE worker = p_worker;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE jobs SET worker = NULL, tries = greatest(tries - 1, 0), due_at = clock_timestamp()
        WHERE worker = p_worker AND job_id <> ALL (p_jobs);
    RETURN true;
END $$;

-- A worker is dead, or leaves: what it had under way is due again. p_lost: that try counts as lost.
CREATE FUNCTION fn.job_worker_gone(p_worker uuid, p_lost boolean) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_count bigint;
BEGIN
    DELETE FROM job_workers WHERE worker = p_worker;
    UPDATE jobs SET worker = NULL, tries = greatest(tries - 1, 0),
            losses = losses + CASE WHEN p_lost THEN 1 ELSE 0 END,
            due_at = clock_timestamp()
                + CASE WHEN p_lost THEN least(60, 2 ^ least(losses, 6) - 1) ELSE 0 END * interval '1 s'
        WHERE worker = p_worker;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END $$;

-- Those of which nothing was heard for 45 s, wherever they are.
CREATE FUNCTION fn.job_workers_silent() RETURNS bigint
LANGUAGE sql AS $$
    SELECT coalesce(sum(fn.job_worker_gone(worker, true)), 0)::bigint FROM job_workers
        WHERE seen_at < clock_timestamp() - interval '45 s'
$$;

-- A worker died with this job in hand.
CREATE FUNCTION fn.job_died(p_job bigint) RETURNS void
LANGUAGE sql AS $$
    UPDATE jobs SET deaths = deaths + 1 WHERE job_id = p_job AND ended_at IS NULL
$$;

-- Takes jobs that are due in a stage for a worker: at most p_limit, a few of each workspace, from behind
-- the workspace p_after on. What three workers died of is given up first, and what 25 did not survive, whatever
-- they died of.
CREATE FUNCTION fn.jobs_lease(p_worker uuid, p_stage job_stage, p_limit integer, p_each integer, p_after text)
RETURNS SETOF jobs LANGUAGE plpgsql AS $$
DECLARE
    j jobs;
BEGIN
    PERFORM FROM job_workers WHERE worker = p_worker FOR SHARE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    FOR j IN SELECT d.* FROM fn.jobs_waiting(p_stage, p_after) x (w)
        CROSS JOIN LATERAL (SELECT o.* FROM jobs o WHERE o.stage = p_stage AND o.workspace_id = x.w
            AND o.due_at <= statement_timestamp() AND o.due_at < 'infinity' ORDER BY o.due_at LIMIT p_each
            FOR UPDATE SKIP LOCKED) d LIMIT p_limit LOOP
        IF j.deaths >= 3 OR j.losses >= 25 THEN
            PERFORM fn.job_move(j.job_id, j.workspace_id, 'failed', CASE WHEN j.deaths >= 3
                THEN 'Three workers have died of it.'
                ELSE 'No worker survived it: it was begun 25 times.' END, 'lost');
            CONTINUE;
        END IF;
        UPDATE jobs SET worker = p_worker, lease = lease + 1, tries = tries + 1,
                attempts = greatest(attempts, tries + 1), due_at = 'infinity', updated_at = clock_timestamp()
            WHERE job_id = j.job_id AND workspace_id = j.workspace_id RETURNING * INTO j;
        PERFORM fn.job_tally(j.workspace_id, 'begun:' || p_stage);
        RETURN NEXT j;
    END LOOP;
END $$;

-- Whether a lease is still the newest; the job is locked then. Every report begins so.
CREATE FUNCTION fn.job_held(p_job bigint, p_workspace text, p_lease bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM jobs WHERE job_id = p_job AND workspace_id = p_workspace AND lease = p_lease
        AND worker IS NOT NULL FOR UPDATE;
    RETURN FOUND;
END $$;

-- Heard: the items in order. False when another worker has taken over.
CREATE FUNCTION fn.job_transcribed(p_job bigint, p_workspace text, p_lease bigint, p_items jsonb)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF NOT fn.job_held(p_job, p_workspace, p_lease) THEN
        RETURN false;
    END IF;
    PERFORM fn.job_analyze(p_job, p_workspace, p_items);
    RETURN true;
END $$;

-- What language models have cost a workspace today; nothing is noted of no request.
CREATE FUNCTION fn.job_used(p_workspace text, p_requests bigint, p_prompt bigint, p_completion bigint,
    p_cost_micros bigint) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO job_usage AS u (workspace_id, day, requests, prompt_tokens, completion_tokens, cost_micros)
        SELECT p_workspace, (clock_timestamp() AT TIME ZONE 'UTC')::date, p_requests, p_prompt,
            p_completion, p_cost_micros WHERE p_requests > 0
        ON CONFLICT (workspace_id, day) DO UPDATE SET requests = u.requests + excluded.requests,
            prompt_tokens = u.prompt_tokens + excluded.prompt_tokens,
            completion_tokens = u.completion_tokens + excluded.completion_tokens,
            cost_micros = u.cost_micros + excluded.cost_micros
$$;

-- A part of a long transcript has been read: its note is kept, the next part is due.
CREATE FUNCTION fn.job_noted(p_job bigint, p_workspace text, p_lease bigint, p_note jsonb) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT fn.job_held(p_job, p_workspace, p_lease) THEN
        RETURN false;
    END IF;
    UPDATE jobs SET notes = coalesce(notes, '[]') || jsonb_build_array(p_note), worker = NULL, tries = 0,
            losses = 0, deaths = 0, due_at = clock_timestamp(), updated_at = clock_timestamp()
        WHERE job_id = p_job AND workspace_id = p_workspace;
    RETURN true;
END $$;

-- Summarised. Where nobody is to get a mail the job ends here.
CREATE FUNCTION fn.job_summarised(p_job bigint, p_workspace text, p_lease bigint, p_summary text,
    p_result json) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT fn.job_held(p_job, p_workspace, p_lease) THEN
        RETURN false;
    END IF;
    UPDATE jobs SET summary = p_summary, result = p_result, notes = NULL
        WHERE job_id = p_job AND workspace_id = p_workspace;
    PERFORM fn.job_publish(p_job, p_workspace);
    RETURN true;
END $$;

-- On to the mails, if there is somebody to send them to.
CREATE FUNCTION fn.job_publish(p_job bigint, p_workspace text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fn.job_move(p_job, p_workspace, 'publishing');
    IF jsonb_array_length(coalesce(fn.setting(p_workspace, 'email.recipients'), '[]')) = 0 THEN
        PERFORM fn.job_move(p_job, p_workspace, 'completed');
    END IF;
END $$;

-- To whom a job's summary is to be sent still: those whom the workspace names now, each once.
CREATE FUNCTION fn.job_recipients(p_job bigint, p_workspace text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(DISTINCT r), '[]')
    FROM jsonb_array_elements_text(fn.setting(p_workspace, 'email.recipients')) r
    WHERE NOT EXISTS (SELECT FROM job_mails m WHERE m.job_id = p_job AND m.workspace_id = p_workspace
        AND m.recipient = r AND m.state = 'sent')
$$;

-- Keeps the mails of a job, before any is sent: p_mails is [{recipient, message}], the message in base64.
-- Who has one keeps that; whoever is not to get one any more gets none.
CREATE FUNCTION fn.job_mails_plan(p_job bigint, p_workspace text, p_lease bigint, p_mails jsonb)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF NOT fn.job_held(p_job, p_workspace, p_lease) THEN
        RETURN false;
    END IF;
    DELETE FROM job_mails WHERE job_id = p_job AND workspace_id = p_workspace AND state <> 'sent'
        AND recipient NOT IN (SELECT m->>'recipient' FROM jsonb_array_elements(p_mails) m);
    INSERT INTO job_mails (job_id, workspace_id, recipient, message)
        SELECT p_job, p_workspace, m->>'recipient', decode(m->>'message', 'base64')
        FROM jsonb_array_elements(p_mails) m ON CONFLICT DO NOTHING;
    RETURN true;
END $$;

-- How the sending of a mail ended for good: 'sent', or 'refused'. That it was sent, also a worker that has
-- lost its lease may say.
CREATE FUNCTION fn.job_mailed(p_job bigint, p_workspace text, p_recipient text, p_state job_mail_state)
RETURNS void LANGUAGE sql AS $$
    UPDATE job_mails SET state = p_state,
            sent_at = CASE p_state WHEN 'sent' THEN clock_timestamp() END,
            message = CASE p_state WHEN 'sent' THEN NULL ELSE message END
        WHERE job_id = p_job AND workspace_id = p_workspace AND recipient = p_recipient AND state = 'pending'
$$;

-- All mails have been sent.
CREATE FUNCTION fn.job_published(p_job bigint, p_workspace text, p_lease bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT fn.job_held(p_job, p_workspace, p_lease) OR EXISTS (SELECT FROM job_mails
        WHERE job_id = p_job AND workspace_id = p_workspace AND state <> 'sent') THEN
        RETURN false;
    END IF;
    PERFORM fn.job_move(p_job, p_workspace, 'completed');
    RETURN true;
END $$;

-- Nothing was tried: somebody whom it needs wants to be left alone for so long. Once more then, and no try is
-- counted. False when another worker has taken over.
CREATE FUNCTION fn.job_rest(p_job bigint, p_workspace text, p_lease bigint, p_wait_s integer) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT fn.job_held(p_job, p_workspace, p_lease) THEN
        RETURN false;
    END IF;
    UPDATE jobs SET worker = NULL, tries = greatest(tries - 1, 0), updated_at = clock_timestamp(),
            due_at = clock_timestamp() + p_wait_s * (1 + random() / 10) * interval '1 s'
        WHERE job_id = p_job AND workspace_id = p_workspace;
    RETURN true;
END $$;

-- A try went wrong: p_failure in a word, p_error in a sentence. Once more after a wait that doubles with
-- each try, or after p_wait_s when that is longer; when it is of no use (p_wait_s NULL), or was tried
-- processing.max_attempts times, the job has failed. NULL when another worker has taken over.
CREATE FUNCTION fn.job_wrong(p_job bigint, p_workspace text, p_lease bigint, p_failure text, p_error text,
    p_wait_s integer) RETURNS job_status
LANGUAGE plpgsql AS $$
DECLARE
    v_max integer := coalesce(fn.setting(p_workspace, 'processing.max_attempts')::integer, 3);
    v_base integer := coalesce(fn.setting(p_workspace, 'processing.retry_base_seconds')::integer, 5);
    v_wait float8;
    j jobs;
BEGIN
    IF NOT fn.job_held(p_job, p_workspace, p_lease) THEN
        RETURN NULL;
    END IF;
    SELECT * INTO j FROM jobs WHERE job_id = p_job AND workspace_id = p_workspace;
    PERFORM fn.job_tally(p_workspace, 'wrong:' || p_failure);
    IF p_wait_s IS NULL OR j.tries >= v_max THEN
        PERFORM fn.job_move(p_job, p_workspace, 'failed', p_error, p_failure);
        RETURN 'failed';
    END IF;
    v_wait := greatest(p_wait_s, least(3600, v_base * 2 ^ least(j.tries - 1, 12)) * (0.8 + random() * 0.4));
    UPDATE jobs SET worker = NULL, error = p_error, updated_at = clock_timestamp(),
            due_at = clock_timestamp() + v_wait * interval '1 s'
        WHERE job_id = p_job AND workspace_id = p_workspace;
    PERFORM fn.job_say(j, 'warning', format('Try %s of %s went wrong: %s Again in %s s.', j.tries, v_max,
        p_error, ceil(v_wait)));
    RETURN j.status;
END $$;

-- ---- the end ----

-- Forgets jobs that ended more than p_days ago, with all that belongs to them. How many.
CREATE FUNCTION fn.forget_jobs(p_days integer, p_limit integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_jobs bigint[];
BEGIN
    SELECT array_agg(o.job_id) INTO v_jobs FROM (SELECT j.job_id FROM jobs j
        WHERE j.ended_at < clock_timestamp() - greatest(p_days, 93) * interval '1 day'
        ORDER BY j.ended_at LIMIT p_limit FOR UPDATE SKIP LOCKED) o;
    DELETE FROM webhook_deliveries WHERE job_id = ANY (v_jobs);
    DELETE FROM job_mails WHERE job_id = ANY (v_jobs);
    DELETE FROM job_log WHERE job_id = ANY (v_jobs);
    DELETE FROM jobs WHERE job_id = ANY (v_jobs);
    RETURN coalesce(cardinality(v_jobs), 0);
END $$;
