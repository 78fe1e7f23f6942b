-- Which history of the database the leader has seen, and whether its commits waited for a standby then: where
-- both say that some may be missing, nothing is dialed before the carrier was asked (fn.pacer_take).
ALTER TABLE pacer ADD COLUMN timeline text; -- NULL: none yet
ALTER TABLE pacer ADD COLUMN replicated boolean NOT NULL DEFAULT false;
