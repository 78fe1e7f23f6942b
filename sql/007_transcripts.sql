-- The merged transcript of a call: one row, made when its recording is stored or known to be absent.
--   pending  the merger is to see to it, at check_at
--   done     result holds version
--   failed   the merger could not, again and again; reason says why
CREATE TYPE transcript_state AS ENUM ('pending', 'done', 'failed');
CREATE TABLE transcripts (
    call_id      text NOT NULL,
    workspace_id text NOT NULL,
    state        transcript_state NOT NULL DEFAULT 'pending',
    version      integer NOT NULL DEFAULT 0, -- of result: how often it was built
    lease        integer NOT NULL DEFAULT 0, -- grows with each: only the newest holder may write
    attempts     integer NOT NULL DEFAULT 0, -- leases since it became pending
    check_at     timestamptz,
    reason       text,                       -- what went wrong, NULL when nothing did
    result       json,                       -- as the customer gets it
    updated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (call_id, workspace_id),
    CHECK ((state = 'pending') = (check_at IS NOT NULL)),
    CHECK (state <> 'done' OR result IS NOT NULL),
    CHECK (state <> 'failed' OR reason IS NOT NULL)
);
CREATE INDEX transcripts_check ON transcripts (check_at) WHERE check_at IS NOT NULL;
CREATE INDEX transcripts_trouble ON transcripts (state) WHERE reason IS NOT NULL;
INSERT INTO transcripts (call_id, workspace_id, check_at)
    SELECT call_id, workspace_id, clock_timestamp() FROM recordings
    WHERE state IN ('stored', 'absent');

-- When somebody last asked for a recording that was not known yet (fn.recording_ask).
ALTER TABLE recordings ADD COLUMN asked_at timestamptz;
