-- Tasks that are more than an id: what was asked of the task routes. A task's status is read from
-- its calls, never stored.

CREATE TYPE task_kind AS ENUM ('single', 'scheduled', 'campaign');

ALTER TABLE tasks
    ADD COLUMN kind           task_kind NOT NULL DEFAULT 'single',
    ADD COLUMN name           text,    -- of a campaign, for its people
    ADD COLUMN metadata       json,    -- call_metadata, given back
    ADD COLUMN duplicates     json,    -- numbers that came more than once, dialed once
    ADD COLUMN spacing_s      integer NOT NULL DEFAULT 0 CHECK (spacing_s BETWEEN 0 AND 300),
    ADD COLUMN max_concurrent integer CHECK (max_concurrent BETWEEN 1 AND 50), -- NULL: the customer's cap
    ADD COLUMN next_dial_at   timestamptz, -- spacing: no dial of the campaign before
    ADD COLUMN paused_at      timestamptz,
    ADD COLUMN paused_why     text CHECK (paused_why IN ('customer', 'circuit_breaker')),
    ADD COLUMN cancelled_at   timestamptz,
    -- A call that ended with one of these is placed again, up to retry_max times a number, so long after.
    ADD COLUMN retry_max      integer NOT NULL DEFAULT 0 CHECK (retry_max BETWEEN 0 AND 10),
    ADD COLUMN retry_after_s  integer NOT NULL DEFAULT 300 CHECK (retry_after_s BETWEEN 1 AND 86400),
    ADD COLUMN retry_on       call_outcome[] NOT NULL DEFAULT '{failed_busy,failed_no_answer,failed_technical}',
    -- The callee's own hours, on these days (1 Monday to 7 Sunday); no hours: at any time.
    ADD COLUMN window_from    time,
    ADD COLUMN window_to      time,
    ADD COLUMN window_days    smallint[] NOT NULL DEFAULT '{1,2,3,4,5,6,7}',
    ADD CHECK ((paused_at IS NULL) = (paused_why IS NULL)),
    ADD CHECK ((window_from IS NULL) = (window_to IS NULL) AND window_from < window_to);
CREATE INDEX tasks_list ON tasks (workspace_id, created_at, task_id);

ALTER TABLE calls
    ADD COLUMN from_number         text,   -- NULL: twilio.phone_number
    ADD COLUMN webhook_url         text,   -- the customer's own agent answers here
    ADD COLUMN status_callback_url text,   -- the carrier's news are forwarded here
    ADD COLUMN retry_no            integer NOT NULL DEFAULT 0, -- 0: the first call to the number
    ADD COLUMN zones               text[]; -- time zones that the number may lie in; NULL: not asked
CREATE INDEX calls_task ON calls (task_id);
