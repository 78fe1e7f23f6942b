-- Who there is: the tree platform > partner > organization > workspace, its API keys, its
-- settings, and the maintenance switch. Small tables that every node of a spread-out database
-- would keep a copy of ("reference tables", doc/scaling.md).

CREATE FUNCTION tenant_id_ok(id text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$ SELECT id ~ '^[A-Za-z0-9_-]{3,64}$' $$;

CREATE TABLE partners (
    partner_id  text PRIMARY KEY CHECK (tenant_id_ok(partner_id)),
    name        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE organizations (
    organization_id text PRIMARY KEY CHECK (tenant_id_ok(organization_id)),
    partner_id      text NOT NULL REFERENCES partners,
    name            text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- A workspace is what seed 003 calls a customer. Its ancestors stand in its own row, so that a
-- key's reach is one comparison.
CREATE TABLE workspaces (
    workspace_id    text PRIMARY KEY CHECK (tenant_id_ok(workspace_id)),
    organization_id text NOT NULL REFERENCES organizations,
    partner_id      text NOT NULL REFERENCES partners,
    name            text NOT NULL,
    quota           integer NOT NULL DEFAULT 1000 CHECK (quota BETWEEN 0 AND 1000000000), -- credits a month
    max_concurrent  integer CHECK (max_concurrent >= 1), -- NULL: calls.default_max_concurrent
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TYPE key_scope AS ENUM ('workspace', 'organization', 'partner', 'platform');

-- Keys are stored as SHA-256 alone: they hold 190 random bits, so a slow hash would add nothing.
CREATE TABLE api_keys (
    api_key_id text PRIMARY KEY,
    key_hash   bytea NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    last_4     text NOT NULL CHECK (length(last_4) = 4),
    scope      key_scope NOT NULL,
    scope_id   text NOT NULL,
    is_admin   boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_at timestamptz
);

-- Settings of one level of the tree: a path such as 'calling.default_region' and a JSON value.
CREATE TABLE settings (
    scope      key_scope NOT NULL,
    scope_id   text NOT NULL,
    path       text NOT NULL CHECK (path ~ '^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$'),
    value      jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (scope, scope_id, path)
);

-- One row: while active, new calls are refused with 503; calls that run go on.
CREATE TABLE maintenance (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    active    boolean NOT NULL DEFAULT false,
    message   text NOT NULL DEFAULT 'The service is in maintenance. Please try again later.',
    resume_at timestamptz
);
INSERT INTO maintenance DEFAULT VALUES;

-- Where workspaces go when nobody names a parent.
INSERT INTO partners (partner_id, name) VALUES ('default', 'Default partner');
INSERT INTO organizations (organization_id, partner_id, name)
    VALUES ('default', 'default', 'Default organization');
