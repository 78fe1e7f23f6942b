-- Calls, and what one call is made of. Every table carries the workspace's id in its primary key,
-- so that all rows of a customer can live on one node (doc/scaling.md). There are no foreign keys
-- on the accept path: the one function that inserts there writes both sides, and the checks cost
-- a fifth of its rate.

CREATE TYPE call_status AS ENUM ('scheduled', 'queued', 'dialing', 'dial_unknown', 'in_progress',
    'completed', 'failed', 'cancelled', 'expired');

CREATE FUNCTION call_is_final(s call_status) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$ SELECT s >= 'completed' $$;

CREATE TYPE machine_detection AS ENUM ('off', 'on', 'async');

CREATE TYPE call_outcome AS ENUM ('success_booked', 'success_refused', 'success_no_booking',
    'failed_no_answer', 'failed_busy', 'failed_voicemail', 'failed_short_hangup',
    'failed_no_agent_available', 'failed_technical', 'cancelled', 'expired');

-- What somebody asked for; its calls carry its id. Its status is read from them, never stored.
CREATE TABLE tasks (
    task_id      text NOT NULL,
    workspace_id text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (task_id, workspace_id)
);

CREATE TABLE calls (
    call_id           text NOT NULL,
    workspace_id      text NOT NULL,
    task_id           text NOT NULL,
    status            call_status NOT NULL,
    direct            boolean NOT NULL, -- accepted with the queue off: goes first, its client waits
    target_phone      text NOT NULL,
    brief             text NOT NULL,
    language          text NOT NULL,
    kind              text NOT NULL,
    parsed_slots      json,
    ask_user_mode     text NOT NULL,
    machine_detection machine_detection NOT NULL,
    metadata          json,
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    not_after         timestamptz,
    queue_no          bigint,        -- its place in call_queue, kept when it leaves
    dials             integer NOT NULL DEFAULT 0,
    attempt_id        uuid,          -- the newest attempt
    call_sid          text,          -- the carrier's id, once bound
    started_at        timestamptz,   -- the dial was granted
    answered_at       timestamptz,
    ended_at          timestamptz,
    duration_sec      numeric,       -- talked, as the carrier counts
    answered_by       text,          -- the carrier's machine detection
    agent_spoke       boolean NOT NULL DEFAULT false,
    agent_ended       boolean NOT NULL DEFAULT false, -- our agent hung up, not the callee
    verdict           call_outcome,  -- what the agent decided while it talked
    outcome_type      call_outcome,
    outcome_summary   text,
    credits_reserved  integer NOT NULL,
    price_cents       integer NOT NULL, -- what a charged outcome will cost, fixed at acceptance
    charge_cents      integer NOT NULL DEFAULT 0,
    event_count       integer NOT NULL DEFAULT 1,
    PRIMARY KEY (call_id, workspace_id),
    -- One check, without a function of ours: each is parsed anew by every statement that inserts.
    CHECK ((status >= 'completed') = (ended_at IS NOT NULL)
        AND (ended_at IS NULL) = (outcome_type IS NULL)
        AND (ended_at IS NOT NULL OR charge_cents = 0))
) WITH (fillfactor = 80); -- a call is updated about ten times: most of it in its own page

CREATE INDEX calls_list ON calls (workspace_id, created_at, call_id);
-- The concurrency cap is counted from the rows themselves.
CREATE INDEX calls_in_flight ON calls (workspace_id)
    WHERE status IN ('dialing', 'dial_unknown', 'in_progress');
-- Retention walks calls by age, over all workspaces.
CREATE INDEX calls_ended ON calls (ended_at) WHERE ended_at IS NOT NULL;

-- The moves that a call's status may make; anything else is refused here, whoever asks.
CREATE FUNCTION calls_guard_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (CASE OLD.status
        WHEN 'scheduled' THEN NEW.status IN ('queued', 'cancelled', 'expired')
        WHEN 'queued' THEN NEW.status IN ('dialing', 'failed', 'cancelled', 'expired')
        WHEN 'dialing' THEN NEW.status IN ('queued', 'dial_unknown', 'in_progress', 'completed',
            'failed', 'cancelled')
        WHEN 'dial_unknown' THEN NEW.status IN ('dialing', 'in_progress', 'completed', 'failed',
            'cancelled', 'queued') -- queued: its sender, thought dead, says that it never left
        WHEN 'in_progress' THEN NEW.status IN ('completed', 'failed', 'cancelled')
        ELSE false
    END) THEN
        RAISE EXCEPTION 'call % cannot go from % to %', OLD.call_id, OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER calls_guard_status BEFORE UPDATE OF status ON calls FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION calls_guard_status();

-- What happened to a call, numbered from 1 without gaps in commit order: the row of the call is
-- locked by whoever adds one (event_add), and a number without its predecessor is refused.
CREATE TABLE call_events (
    call_id      text NOT NULL,
    event_id     integer NOT NULL CHECK (event_id >= 1),
    workspace_id text NOT NULL,
    event_type   text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    data         json NOT NULL,
    PRIMARY KEY (call_id, event_id, workspace_id)
);

CREATE FUNCTION call_events_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM call_events e WHERE e.call_id = NEW.call_id
        AND e.event_id = NEW.event_id - 1 AND e.workspace_id = NEW.workspace_id) THEN
        RAISE EXCEPTION 'event % of call % would leave a gap', NEW.event_id, NEW.call_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER call_events_guard BEFORE INSERT ON call_events FOR EACH ROW
    WHEN (NEW.event_id > 1) EXECUTE FUNCTION call_events_guard();

-- The queue: only what waits. queue_no is the order of arrival. A row leaves by DELETE; whoever
-- reads it starts behind what it has read before, so that dead rows are never walked.
CREATE SEQUENCE call_queue_no;
CREATE TABLE call_queue (
    queue_no     bigint PRIMARY KEY,
    workspace_id text NOT NULL,
    call_id      text NOT NULL,
    direct       boolean NOT NULL, -- goes before all that are not
    not_before   timestamptz       -- after a 429 or a carrier that could not be reached
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX call_queue_line ON call_queue (workspace_id, direct, queue_no);
CREATE INDEX call_queue_direct ON call_queue (queue_no) WHERE direct;
-- Those that came back; a dialer that is not the leader any more may have put them there.
CREATE INDEX call_queue_again ON call_queue (not_before) WHERE not_before IS NOT NULL;

-- Calls that must not wait for ever, by the time at which they expire.
CREATE TABLE call_expiry (
    expires_at   timestamptz NOT NULL,
    call_id      text NOT NULL,
    workspace_id text NOT NULL,
    PRIMARY KEY (expires_at, call_id, workspace_id)
);

-- How many have left the queue and how many came back: a row's position is its queue_no less the
-- difference. Sequences, because they are changed in place: a row that every claim updates would
-- leave a dead version at each, to be walked by the next one while an old snapshot is open.
CREATE SEQUENCE queue_left MINVALUE 0;
CREATE SEQUENCE queue_returned MINVALUE 0;
SELECT setval('queue_left', 0), setval('queue_returned', 0);

-- The pacer: one row, one leader. Whoever holds the newest epoch may grant dials. A claim locks the
-- row and does not change it, for the same reason.
CREATE TABLE pacer (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch     bigint NOT NULL DEFAULT 0,
    host      text NOT NULL DEFAULT '', -- of the holder: machine, boot and pid namespace
    pid       integer NOT NULL DEFAULT 0,
    pid_start bigint NOT NULL DEFAULT 0, -- start time of the pid in clock ticks
    cps       double precision NOT NULL DEFAULT 0,
    seen_at   timestamptz                -- last sign of life of the holder
) WITH (fillfactor = 10);
INSERT INTO pacer DEFAULT VALUES;

-- A dial, written before it is made. Its id is the token in the callback URLs.
--   intent   granted; the POST may be on its way
--   live     the carrier has it under call_sid
--   unknown  the POST was sent and its answer lost, or its sender died
--   ended    the carrier says that it is over
--   refused  the carrier said no, or it never left: there is no call
--   lost     unknown to the carrier too when the deadline passed
CREATE TYPE attempt_state AS ENUM ('intent', 'live', 'unknown', 'ended', 'refused', 'lost');
CREATE TABLE attempts (
    attempt_id   uuid NOT NULL,
    workspace_id text NOT NULL,
    call_id      text NOT NULL,
    epoch        bigint NOT NULL,
    state        attempt_state NOT NULL DEFAULT 'intent',
    answer       text,              -- how the POST ended, in the dialer's words
    to_number    text NOT NULL,
    slot_at      timestamptz NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    call_sid     text,
    progress     integer NOT NULL DEFAULT 0, -- how far the carrier's news have come (carrier_rank)
    check_at     timestamptz,       -- when the watcher is to ask the carrier
    checks       integer NOT NULL DEFAULT 0,
    deadline_at  timestamptz,       -- when it is given up: hung up, then ended
    hangup_at    timestamptz,       -- somebody wants it hung up
    PRIMARY KEY (attempt_id, workspace_id),
    CHECK (state NOT IN ('live', 'ended') OR call_sid IS NOT NULL),
    CHECK (state NOT IN ('intent', 'live', 'unknown') OR check_at IS NOT NULL)
) WITH (fillfactor = 80);
CREATE INDEX attempts_call ON attempts (call_id);
CREATE INDEX attempts_check ON attempts (check_at) WHERE check_at IS NOT NULL;
CREATE UNIQUE INDEX attempts_sid ON attempts (call_sid, workspace_id) WHERE call_sid IS NOT NULL;
-- While a dial to a number is unbound no other starts, or the carrier's list could not tell them
-- apart.
CREATE INDEX attempts_unbound ON attempts (to_number) WHERE state IN ('intent', 'unknown');

-- What the built-in agent heard and said, turn by turn: a webhook that comes twice gets the same
-- answer twice.
CREATE TABLE agent_turns (
    call_id      text NOT NULL,
    turn         integer NOT NULL CHECK (turn BETWEEN 0 AND 100),
    workspace_id text NOT NULL,
    heard        text NOT NULL,
    twiml        text, -- NULL: heard, and not answered yet
    PRIMARY KEY (call_id, turn, workspace_id)
);

--   expected  the call was answered, the carrier has not told of its recording yet
--   ready     the carrier has it
--   stored    we have it
--   absent    there is none and never will be
CREATE TYPE recording_state AS ENUM ('expected', 'ready', 'stored', 'absent');
CREATE TABLE recordings (
    call_id       text NOT NULL,
    workspace_id  text NOT NULL,
    call_sid      text NOT NULL,
    state         recording_state NOT NULL DEFAULT 'expected',
    recording_sid text,
    duration_sec  numeric,
    bytes         bigint,
    attempts      integer NOT NULL DEFAULT 0,
    check_at      timestamptz,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (call_id, workspace_id),
    CHECK (state NOT IN ('expected', 'ready') OR check_at IS NOT NULL),
    CHECK (state NOT IN ('ready', 'stored') OR recording_sid IS NOT NULL)
);
CREATE INDEX recordings_check ON recordings (check_at) WHERE check_at IS NOT NULL;

-- Idempotency-Key: 24 hours, scoped to the customer and the route. status NULL: still running.
CREATE TABLE idempotency_keys (
    workspace_id text NOT NULL,
    route        text NOT NULL,
    key          text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    fingerprint  bytea NOT NULL,
    call_id      text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    status       integer,
    body         text,
    PRIMARY KEY (workspace_id, route, key),
    CHECK ((status IS NULL) = (body IS NULL))
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
