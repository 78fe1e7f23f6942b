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
