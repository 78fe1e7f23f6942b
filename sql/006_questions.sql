-- What an agent has asked its human. The row is there before anybody is told of it.

--   pending   nobody has answered, and expires_at has not been seen to pass
--   answered  the first answer is here; the agent has not taken it up yet
--   used      the agent has said it, or (mode context) goes by it
--   dropped   nothing will come of it; dropped_reason says why
CREATE TYPE question_state AS ENUM ('pending', 'answered', 'used', 'dropped');

CREATE TABLE questions (
    call_id        text NOT NULL,
    request_id     text NOT NULL CHECK (length(request_id) BETWEEN 1 AND 64),
    workspace_id   text NOT NULL,
    state          question_state NOT NULL DEFAULT 'pending',
    message        text NOT NULL,
    asked_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at     timestamptz NOT NULL,
    answer         text,
    mode           text CHECK (mode IN ('voice', 'context')),
    answered_at    timestamptz,
    spoken_at      timestamptz,
    dropped_reason text,
    PRIMARY KEY (call_id, request_id, workspace_id),
    CHECK ((answer IS NULL) = (mode IS NULL) AND (answer IS NULL) = (answered_at IS NULL)),
    CHECK (state <> 'pending' OR answer IS NULL),
    CHECK (state NOT IN ('answered', 'used') OR answer IS NOT NULL),
    CHECK ((state = 'dropped') = (dropped_reason IS NOT NULL)),
    CHECK ((state = 'used' AND mode = 'voice') = (spoken_at IS NOT NULL))
);
CREATE INDEX questions_expiry ON questions (expires_at) WHERE state = 'pending';

-- A turn in which the callee was asked to wait is no turn of silence.
ALTER TABLE agent_turns ADD COLUMN held boolean NOT NULL DEFAULT false;
