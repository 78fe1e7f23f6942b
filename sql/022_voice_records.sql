-- What a conversation has written carries a number that counts up from 1. When the database goes away in
-- mid-statement nobody knows whether it was done: it comes again, and is known by its number.
ALTER TABLE voice_streams ADD COLUMN last_record integer NOT NULL DEFAULT 0;
