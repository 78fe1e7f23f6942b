-- When a leader was last replaced that may still have been alive. Its successor is quiet and careful
-- for a while; so must be who replaces that one meanwhile, and can know it from nowhere else.
ALTER TABLE pacer ADD COLUMN doubted_at timestamptz;
