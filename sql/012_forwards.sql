-- What the carrier says of a call goes on to its customer's own status_callback_url, through the same
-- outbox: such a delivery carries its URL and its body (a form) with it, where any other is an event
-- for the workspace's webhook.
ALTER TABLE webhook_deliveries
    ALTER COLUMN event_id DROP NOT NULL,
    ADD COLUMN url  text,
    ADD COLUMN form text,
    ADD CHECK ((url IS NULL) = (form IS NULL) AND (url IS NULL) = (event_id IS NOT NULL));

-- What a webhook that is gone leaves behind, and what is forgotten with its call.
CREATE INDEX webhook_deliveries_event ON webhook_deliveries (workspace_id)
    WHERE state = 'pending' AND url IS NULL;
CREATE INDEX webhook_deliveries_form ON webhook_deliveries (call_id) WHERE url IS NOT NULL;

-- Campaigns: when one that had paused went on (its circuit breaker counts only what ended since), and
-- how its newest calls ended. The lane of a campaign's calls is the campaign itself.
ALTER TABLE tasks ADD COLUMN resumed_at timestamptz;
CREATE INDEX calls_lane_ended ON calls (queue_lane, ended_at)
    WHERE ended_at IS NOT NULL AND dials > 0 AND queue_lane NOT IN ('', 'single');
CREATE INDEX tasks_campaigns ON tasks (workspace_id, created_at, task_id) WHERE kind = 'campaign';
