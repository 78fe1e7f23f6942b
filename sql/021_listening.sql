-- Live listening to calls that talk in real time.

-- Where a conversation is held: the machine, and the door of the one loop that has it (src/voice/door.h).
ALTER TABLE voice_streams ADD COLUMN host text, ADD COLUMN door text,
    ADD CHECK (door IS NULL OR (begun_at IS NOT NULL AND host IS NOT NULL));

-- A browser's audio element cannot send a key. Whoever has one gets a ticket for it: the hash of what stands in
-- a URL, good once, for this call, and for a minute.
CREATE TABLE listening_tickets (
    ticket_hash bytea PRIMARY KEY CHECK (length(ticket_hash) = 32),
    call_id     text NOT NULL,
    listener    text NOT NULL, -- the api_key_id of who asked for it
    expires_at  timestamptz NOT NULL
);
CREATE INDEX listening_tickets_expires ON listening_tickets (expires_at);
