-- Lists of jobs, newest first, by what they are looked for: each filter has an index that gives its jobs
-- in that order, so that a page costs the same however many jobs there are.

DROP INDEX jobs_list;
DROP INDEX jobs_status;
CREATE INDEX jobs_list ON jobs (workspace_id, created_at, job_id);
CREATE INDEX jobs_status ON jobs (workspace_id, status, source, created_at, job_id);
CREATE INDEX jobs_skipped ON jobs (workspace_id, split_part(skipped_reason, ':', 1), created_at, job_id)
    WHERE skipped_reason IS NOT NULL;
CREATE INDEX jobs_failed ON jobs (workspace_id, failure, created_at, job_id) WHERE failure IS NOT NULL;
