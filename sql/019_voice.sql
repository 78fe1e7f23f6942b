-- The voice: which call talks over a media stream of the carrier.

-- A call has one stream. Its row is made when the carrier is answered with <Connect><Stream>, and holds the
-- hash of the token that went along; an answer that has to be given again brings a new token.
CREATE TABLE voice_streams (
    call_id      text NOT NULL,
    workspace_id text NOT NULL,
    call_sid     text NOT NULL,
    token_hash   bytea NOT NULL CHECK (length(token_hash) = 32),
    expires_at   timestamptz NOT NULL,
    begun_at     timestamptz, -- the token was taken
    ended_at     timestamptz, -- the stream ended as it should: by the agent, or by the carrier's "stop"
    transfer_to  text,        -- what comes after it: the callee is connected with this number …
    moved_at     timestamptz, -- … which has happened
    PRIMARY KEY (call_id, workspace_id),
    CHECK (begun_at IS NOT NULL OR (ended_at IS NULL AND transfer_to IS NULL)),
    CHECK (transfer_to IS NOT NULL OR moved_at IS NULL)
);
