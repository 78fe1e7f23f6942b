-- Prices that an agent has not named: a language model is to read the transcript, at read_at.
ALTER TABLE providers
    ADD COLUMN read_at    timestamptz,
    ADD COLUMN read_tries integer NOT NULL DEFAULT 0;
CREATE INDEX providers_read ON providers (read_at) WHERE read_at IS NOT NULL;
