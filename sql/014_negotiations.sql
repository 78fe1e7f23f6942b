-- Negotiations: a job that a customer wants done, and the providers who are called about its price.

CREATE TABLE negotiation_jobs (
    job_id         uuid NOT NULL DEFAULT gen_random_uuid(),
    workspace_id   text NOT NULL,
    description    text NOT NULL CHECK (length(description) BETWEEN 1 AND 2000),
    location       text CHECK (length(location) BETWEEN 1 AND 200),
    max_price      numeric(12,2) CHECK (max_price > 0), -- no more than this is agreed to
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Somebody else's job, for whom we place the calls; he is told there what comes of them.
    remote_id      text CHECK (length(remote_id) BETWEEN 1 AND 128),
    update_url     text,
    keyed          boolean NOT NULL DEFAULT false, -- he knows providers.call_backend_key: it is sent
    starting_until timestamptz, -- an external backend is being asked to start it
    PRIMARY KEY (job_id, workspace_id),
    CHECK ((remote_id IS NULL) = (update_url IS NULL))
);
CREATE UNIQUE INDEX negotiation_jobs_remote ON negotiation_jobs (workspace_id, remote_id)
    WHERE remote_id IS NOT NULL;

CREATE TYPE provider_call_status AS ENUM ('pending', 'in_progress', 'completed', 'failed');

-- How the call of a provider stands is read from the call. What stands here instead, in call_status and
-- call_transcript, is what an external backend reports, which has a call that is none of ours; or how
-- the call had ended when retention removed it. The price comes from the end of a call (fn.call_end),
-- or from the report.
CREATE TABLE providers (
    id               bigint GENERATED ALWAYS AS IDENTITY,
    job_id           uuid NOT NULL,
    workspace_id     text NOT NULL,
    name             text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    phone            text NOT NULL CHECK (length(phone) BETWEEN 1 AND 64), -- as it was given
    phone_e164       text NOT NULL,
    estimated_price  numeric(12,2) CHECK (estimated_price >= 0),
    starts           integer NOT NULL DEFAULT 0, -- how often it was called
    call_id          text,                       -- the newest call
    negotiated_price numeric(12,2) CHECK (negotiated_price >= 0),
    price_evidence   text CHECK (length(price_evidence) <= 1000), -- the sentence that names the price
    call_status      provider_call_status,
    call_transcript  text,
    remote_id        text CHECK (length(remote_id) BETWEEN 1 AND 64), -- its id in the job of remote_id
    -- The job's update_url is told of the call at report_at, whenever something has changed since
    -- report_sent (a digest of what was told last).
    report_at        timestamptz,
    report_tries     integer NOT NULL DEFAULT 0,
    report_sent      text,
    PRIMARY KEY (id, workspace_id),
    CHECK (call_id IS NULL OR call_status IS NULL)
);
CREATE INDEX providers_job ON providers (job_id, id);
CREATE INDEX providers_list ON providers (workspace_id, id);
CREATE INDEX providers_call ON providers (call_id) WHERE call_id IS NOT NULL;
CREATE UNIQUE INDEX providers_remote ON providers (job_id, remote_id) WHERE remote_id IS NOT NULL;
CREATE INDEX providers_report ON providers (report_at) WHERE report_at IS NOT NULL;
