-- Numbers that must not be called: a workspace's own list, and the platform's (workspace_id ''), which
-- holds for all. Looked up at the moment of dialing (fn.number_gate).
CREATE TABLE dnc (
    workspace_id text NOT NULL,
    number       text NOT NULL CHECK (number ~ '^\+[1-9][0-9]{6,14}$'),
    reason       text CHECK (length(reason) BETWEEN 1 AND 200),
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (workspace_id, number)
);
