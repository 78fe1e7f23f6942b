-- Lanes: how the calls of one workspace wait beside each other, and calls whose time has not come.

-- A workspace's turns among those that wait: one of weight 2 is dialed twice as often.
ALTER TABLE workspaces ADD COLUMN weight integer NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 100);

-- Where a call waits, kept for when it comes back.
--   rank  0 direct (its client waits), 1 timed (its time has come), 2 high, 3 normal, 4 low
--   lane  '' by itself; 'single' a single call of the task routes, of which only so many are dialed a
--         minute; the id of its task when that is a campaign
ALTER TABLE calls
    ADD COLUMN queue_rank smallint NOT NULL DEFAULT 3 CHECK (queue_rank BETWEEN 0 AND 4),
    ADD COLUMN queue_lane text NOT NULL DEFAULT '',
    ADD COLUMN starts_at timestamptz; -- scheduled: not dialed before

ALTER TABLE call_queue
    ADD COLUMN rank smallint,
    ADD COLUMN lane text NOT NULL DEFAULT '';
UPDATE call_queue SET rank = CASE WHEN direct THEN 0 ELSE 3 END;
UPDATE calls SET queue_rank = 0 WHERE direct;
DROP INDEX call_queue_line;
DROP INDEX call_queue_direct;
ALTER TABLE call_queue
    DROP COLUMN direct,
    ALTER COLUMN rank SET NOT NULL;
CREATE INDEX call_queue_line ON call_queue (workspace_id, rank, lane, queue_no);
CREATE INDEX call_queue_direct ON call_queue (queue_no) WHERE rank = 0;

-- A campaign has a cap of its own, counted as the customer's is. Of single calls so many are dialed in
-- any minute, counted by the slots of their dials.
CREATE INDEX calls_lane_in_flight ON calls (queue_lane)
    WHERE status IN ('dialing', 'dial_unknown', 'in_progress') AND queue_lane NOT IN ('', 'single');
ALTER TABLE attempts ADD COLUMN lane text NOT NULL DEFAULT '';
CREATE INDEX attempts_single ON attempts (workspace_id, slot_at) WHERE lane = 'single';

-- Calls that wait for a time, by it: scheduled ones, and queued ones that sleep because they may not be
-- dialed before (queue_no is the place that they come back to). A row leaves when its call enters the
-- queue or ends.
CREATE TABLE call_schedule (
    starts_at    timestamptz NOT NULL, -- as in calls
    call_id      text NOT NULL,
    workspace_id text NOT NULL,
    rank         smallint NOT NULL DEFAULT 3, -- timed ones are woken first
    queue_no     bigint,
    PRIMARY KEY (starts_at, call_id, workspace_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX call_schedule_timed ON call_schedule (starts_at) WHERE rank <= 1;
