-- The calls of a customer in one status, newest first: few among very many, as a rule.
CREATE INDEX calls_status ON calls (workspace_id, status, created_at, call_id);
