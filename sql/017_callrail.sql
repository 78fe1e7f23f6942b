-- CallRail: calls that another telephone system has handled, fetched for the workspaces that want them.

-- An account there. All hosts together ask it one question at a time.
CREATE TABLE callrail_accounts (
    account_id   text PRIMARY KEY CHECK (account_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    lease        bigint NOT NULL DEFAULT 0, -- grows with each: only the newest holder may write
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    walk_id      bigint,                    -- what the holder asks
    next_at      timestamptz NOT NULL DEFAULT clock_timestamp(), -- nobody asks it before
    failures     integer NOT NULL DEFAULT 0, -- in a row; 401 and the like are the walk's
    error        text,
    -- Requests that may still be made now (fn.callrail_spend), as of left_at.
    hour_left    float8 NOT NULL DEFAULT 450,
    day_left     float8 NOT NULL DEFAULT 900,
    left_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What one key shows of one company of an account (or of all: ''). A walk turns the pages of one window
-- of time after the other; it is where a new poller goes on.
CREATE TABLE callrail_walks (
    walk_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id text NOT NULL,
    company_id text NOT NULL,
    key_hash   bytea NOT NULL,
    every      interval NOT NULL,                        -- the shortest that one of its workspaces wants
    began_at   timestamptz NOT NULL DEFAULT '-infinity', -- when the newest window was opened
    from_at    timestamptz,                              -- the window
    until_at   timestamptz,
    page       integer CHECK (page >= 1),                -- the page that is next; NULL: all were turned
    asked_at   timestamptz NOT NULL DEFAULT '-infinity', -- the newest question
    next_at    timestamptz NOT NULL DEFAULT '-infinity', -- not before, after a refusal
    failures   integer NOT NULL DEFAULT 0,
    status     integer,                                  -- of the refusal
    error      text,
    odd        integer NOT NULL DEFAULT 0,               -- entries of the newest window that could not be read
    made_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at    timestamptz,                              -- when the calls up to then were all there
    UNIQUE (account_id, company_id, key_hash),
    CHECK (page IS NULL OR from_at < until_at)
);

-- How far a workspace has what it wants. Workspaces with the same account, company and key share a walk.
CREATE TABLE callrail_feeds (
    workspace_id text NOT NULL,
    account_id   text NOT NULL,
    company_id   text NOT NULL,
    since        timestamptz NOT NULL, -- older calls are not wanted
    polled_until timestamptz NOT NULL, -- every call that began before is there
    walk_id      bigint,               -- NULL: not wanted now
    joined_at    timestamptz NOT NULL DEFAULT clock_timestamp(), -- has missed no page that came later
    PRIMARY KEY (workspace_id, account_id, company_id)
);
CREATE INDEX callrail_feeds_walk ON callrail_feeds (walk_id);

-- How many calls of a UTC day were taken in to be worked on.
CREATE TABLE callrail_days (
    day          date NOT NULL,
    workspace_id text NOT NULL,
    calls        bigint NOT NULL,
    PRIMARY KEY (day, workspace_id)
);
