-- Customers' webhooks, and the outbox of what they are to be told.

-- One a workspace. A secret signs what is sent; the one before it goes on signing for a day, so that
-- a customer can change it without losing a message. It has to be kept as it is, to sign with.
CREATE TABLE webhooks (
    workspace_id text PRIMARY KEY,
    url          text NOT NULL,
    secret       text NOT NULL CHECK (secret ~ '^whsec_[A-Za-z0-9+/]{32,}={0,2}$'),
    old_secret   text,
    old_until    timestamptz,
    off_at       timestamptz, -- it has answered 410: nothing is sent until it is set anew
    CHECK ((old_secret IS NULL) = (old_until IS NULL))
);

--   pending    to be sent at next_at; a sender that takes it moves that on, so that a dead one's
--              work comes back by itself
--   delivered  answered with a 2xx
--   dead       a day of tries in vain, a 410, or no webhook any more; may be sent again by request
CREATE TYPE delivery_state AS ENUM ('pending', 'delivered', 'dead');

-- A row is written in the transaction of its event (fn.event_add). Its id is the message's
-- webhook-id, the same at every try.
CREATE TABLE webhook_deliveries (
    delivery_id     text NOT NULL CHECK (delivery_id ~ '^msg_[A-Za-z0-9_]+$'),
    workspace_id    text NOT NULL,
    call_id         text NOT NULL,
    event_id        integer NOT NULL,
    event_type      text NOT NULL,
    state           delivery_state NOT NULL DEFAULT 'pending',
    attempts        integer NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_at         timestamptz DEFAULT clock_timestamp(),
    retry_until     timestamptz NOT NULL DEFAULT clock_timestamp() + interval '24 hours',
    delivered_at    timestamptz,
    response_status integer, -- of the newest answer
    error           text,    -- what was wrong with the newest try
    PRIMARY KEY (delivery_id, workspace_id),
    CHECK ((state = 'pending') = (next_at IS NOT NULL)),
    CHECK ((state = 'delivered') = (delivered_at IS NOT NULL))
);

-- Looked through customer by customer (fn.webhooks_due): the one with a million that wait costs
-- the others nothing.
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (workspace_id, next_at)
    WHERE state = 'pending';
CREATE INDEX webhook_deliveries_list ON webhook_deliveries (workspace_id, created_at, delivery_id);
