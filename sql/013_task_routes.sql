-- What the task routes look up: a workspace's scheduled calls, and how the newest dials ended.

CREATE INDEX call_schedule_workspace ON call_schedule (workspace_id, starts_at);
CREATE INDEX attempts_newest ON attempts (created_at);
