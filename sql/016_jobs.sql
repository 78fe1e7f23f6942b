-- Jobs: what is done with a call after it has ended. A job comes by POST /api/v1/jobs or /process, from
-- CallRail, or by itself when a call of ours ends (processing.auto).

-- A job goes from left to right; skipped and failed ones can be queued again.
CREATE TYPE job_status AS ENUM ('queued', 'transcribing', 'analyzing', 'publishing', 'completed', 'skipped',
    'failed');
CREATE FUNCTION job_is_final(s job_status) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$ SELECT s >= 'completed' $$;

CREATE TYPE job_source AS ENUM ('api', 'callrail', 'offhook');

-- What is to be done next, and by whom: the database itself (check), or the processor.
--   check       do the filters let it pass; is the transcript of our own call there
--   transcribe  fetch the recording and have it heard
--   summarise   have the transcript read by a language model
--   publish     send the mails
CREATE TYPE job_stage AS ENUM ('check', 'transcribe', 'summarise', 'publish');

CREATE TABLE jobs (
    job_id           bigint GENERATED ALWAYS AS IDENTITY,
    workspace_id     text NOT NULL,
    source           job_source NOT NULL,
    status           job_status NOT NULL DEFAULT 'queued',
    call_id          text,            -- one of our calls, or …
    external_id      text CHECK (length(external_id) BETWEEN 1 AND 200), -- … somebody else's
    known            boolean NOT NULL DEFAULT true, -- false: asked for before anybody has brought it
    duration_seconds integer CHECK (duration_seconds >= 0),
    recording_url    text CHECK (length(recording_url) <= 2083),
    items            jsonb,           -- the transcript: [{seq, role, text, start_ms, end_ms}]
    notes            jsonb,           -- what was noted of the first parts of a long one
    summary          text,
    result           json,
    source_metadata  jsonb NOT NULL DEFAULT '{}', -- as it came, and how often it was queued again
    skipped_reason   text,
    skipped_at       timestamptz,
    failure          text CHECK (failure ~ '^[a-z_]{1,32}$'), -- why it failed, in a word of ours
    error            text,            -- the same in a sentence: of the newest try, while it goes on
    tries            integer NOT NULL DEFAULT 0, -- of the present stage
    attempts         integer NOT NULL DEFAULT 0, -- the most tries of any stage since it was queued
    losses           integer NOT NULL DEFAULT 0, -- tries that their worker did not survive
    lease            bigint NOT NULL DEFAULT 0,  -- grows with each: only the newest holder may write
    worker           uuid,            -- who is at it; a row of job_workers
    due_at           timestamptz DEFAULT clock_timestamp(), -- 'infinity' while somebody is at it
    queued_at        timestamptz NOT NULL DEFAULT clock_timestamp(), -- the last time
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at         timestamptz,
    stage            job_stage GENERATED ALWAYS AS (CASE
        WHEN status = 'queued' OR status = 'transcribing' AND call_id IS NOT NULL THEN 'check'::job_stage
        WHEN status = 'transcribing' THEN 'transcribe'
        WHEN status = 'analyzing' THEN 'summarise'
        WHEN status = 'publishing' THEN 'publish' END) STORED,
    PRIMARY KEY (job_id, workspace_id),
    CHECK (num_nonnulls(call_id, external_id) = 1),
    CHECK (job_is_final(status) = (due_at IS NULL) AND job_is_final(status) = (ended_at IS NOT NULL)),
    CHECK ((worker IS NOT NULL) = (due_at IS NOT NULL AND due_at = 'infinity')),
    CHECK ((status = 'skipped') = (skipped_reason IS NOT NULL)),
    CHECK ((status = 'failed') = (failure IS NOT NULL))
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX jobs_call ON jobs (workspace_id, call_id) WHERE call_id IS NOT NULL;
CREATE UNIQUE INDEX jobs_external ON jobs (workspace_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX jobs_list ON jobs (workspace_id, job_id);
CREATE INDEX jobs_status ON jobs (workspace_id, status, job_id);
-- Looked through workspace by workspace (fn.jobs_waiting): the one with a million that wait costs the
-- others nothing.
CREATE INDEX jobs_due ON jobs (stage, workspace_id, due_at) WHERE due_at < 'infinity';
CREATE INDEX jobs_open ON jobs (status, queued_at) WHERE ended_at IS NULL;
CREATE INDEX jobs_worker ON jobs (worker) WHERE worker IS NOT NULL;
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;

-- The moves that a job's status may make, whoever asks.
CREATE FUNCTION jobs_guard_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (CASE OLD.status
        WHEN 'queued' THEN NEW.status IN ('transcribing', 'skipped', 'failed')
        WHEN 'transcribing' THEN NEW.status IN ('analyzing', 'failed')
        WHEN 'analyzing' THEN NEW.status IN ('publishing', 'completed', 'failed')
        WHEN 'publishing' THEN NEW.status IN ('completed', 'failed')
        WHEN 'skipped' THEN NEW.status = 'queued'
        WHEN 'failed' THEN NEW.status = 'queued'
        ELSE false
    END) THEN
        RAISE EXCEPTION 'job % cannot go from % to %', OLD.job_id, OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER jobs_guard_status BEFORE UPDATE OF status ON jobs FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION jobs_guard_status();

-- What happened to a job. A line with a previous status, or the first one, is its history.
CREATE TABLE job_log (
    line         bigint GENERATED ALWAYS AS IDENTITY,
    job_id       bigint NOT NULL,
    workspace_id text NOT NULL,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    level        text NOT NULL CHECK (level IN ('info', 'warning', 'error')),
    status       job_status NOT NULL, -- as it was then
    previous     job_status,          -- from which it came just now
    message      text NOT NULL CHECK (length(message) <= 1000),
    PRIMARY KEY (job_id, line, workspace_id)
);

-- Counted once and for all, so that nobody has to count jobs: how many have ended (skipped, completed,
-- failed), which failed for what (failed:model), how often a stage was begun (begun:publish) and a try
-- of it went wrong (wrong:mail).
CREATE TABLE job_tallies (
    workspace_id text NOT NULL,
    what         text NOT NULL,
    count        bigint NOT NULL,
    PRIMARY KEY (workspace_id, what)
);

-- What language models were used for jobs, a UTC day.
CREATE TABLE job_usage (
    workspace_id      text NOT NULL,
    day               date NOT NULL,
    requests          bigint NOT NULL,
    prompt_tokens     bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    cost_micros       bigint NOT NULL, -- millionths of the currency that the prices are in
    PRIMARY KEY (workspace_id, day)
);

-- Who works on jobs. What a worker had under way when it died, or when nothing was heard of it for 45 s,
-- is done again by another.
CREATE TABLE job_workers (
    worker    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    host      text NOT NULL,
    pid       bigint NOT NULL,
    pid_start bigint NOT NULL, -- in clock ticks since boot
    seen_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The mails of a job, whole, before the first of them is sent: one that is tried again is the same to the
-- last byte, under the same Message-ID.
CREATE TYPE job_mail_state AS ENUM ('pending', 'sent', 'refused');
CREATE TABLE job_mails (
    job_id       bigint NOT NULL,
    workspace_id text NOT NULL,
    recipient    text NOT NULL CHECK (length(recipient) BETWEEN 3 AND 254),
    message      bytea,  -- forgotten once it is sent
    state        job_mail_state NOT NULL DEFAULT 'pending',
    sent_at      timestamptz,
    PRIMARY KEY (job_id, recipient, workspace_id),
    CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
    CHECK ((state = 'sent') = (message IS NULL))
);

-- job.completed goes to the workspace's webhook by the outbox; its body is the job as it has ended.
ALTER TABLE webhook_deliveries
    ALTER COLUMN call_id DROP NOT NULL,
    ADD COLUMN job_id bigint,
    DROP CONSTRAINT webhook_deliveries_check2,
    ADD CHECK (num_nonnulls(event_id, form, job_id) = 1 AND (url IS NULL) = (form IS NULL)
        AND (job_id IS NULL) = (call_id IS NOT NULL));
CREATE INDEX webhook_deliveries_job ON webhook_deliveries (job_id) WHERE job_id IS NOT NULL;
