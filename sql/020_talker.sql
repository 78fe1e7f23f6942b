-- Turns that a language model answers (functions/11_talker.sql). The worker that has heard the callee
-- asks, the talker brings the reply, and the next request of the same turn says it.
--   asked_at  when the reply was first wanted; NULL: the script answers this turn
--   due_at    when a talker may take it up; NULL: nobody is to, any more
--   holder    the talker that has it under way; due_at is the end of its lease
--   reply     {"say", "digits", "question", "verdict", "summary", "learnt"}
--   moment    the callee was told that it takes a moment
ALTER TABLE agent_turns
    ADD COLUMN asked_at timestamptz,
    ADD COLUMN due_at   timestamptz,
    ADD COLUMN holder   text,
    ADD COLUMN tries    integer NOT NULL DEFAULT 0,
    ADD COLUMN reply    json,
    ADD COLUMN moment   boolean NOT NULL DEFAULT false;
CREATE INDEX agent_turns_due ON agent_turns (due_at) WHERE due_at IS NOT NULL;
