/* figures.c: see figures.h. Counts of states come from small partial indexes, never from a walk
 * over all calls or jobs. */
#include "domain/figures.h"

#include <stddef.h>

static const struct statement read_all = {
	"figures_read",
	"SELECT 'calls', 'status=\"' || s.status || '\"', coalesce(c.n, 0)"
	" FROM unnest('{dialing,dial_unknown,in_progress}'::call_status[]) s (status)"
	" LEFT JOIN (SELECT status, count(*) AS n FROM calls"
	" WHERE status IN ('dialing', 'dial_unknown', 'in_progress') GROUP BY status) c USING (status)"
	" UNION ALL SELECT 'calls', 'status=\"queued\"', greatest(0, s.last_value"
	" - CASE WHEN s.is_called THEN 0 ELSE 1 END - fn.queue_departed())"
	" FROM call_queue_no s"
	" UNION ALL SELECT 'recordings_pending', NULL, count(*) FROM recordings"
	" WHERE check_at IS NOT NULL"
	" UNION ALL SELECT 'transcripts_pending', NULL, count(*) FROM transcripts"
	" WHERE check_at IS NOT NULL"
	" UNION ALL SELECT 'transcripts_trouble', 'state=\"' || s.state || '\"', coalesce(t.n, 0)"
	" FROM unnest(enum_range(NULL::transcript_state)) s (state)"
	" LEFT JOIN (SELECT state, count(*) AS n FROM transcripts WHERE reason IS NOT NULL"
	" GROUP BY state) t USING (state)"
	" UNION ALL SELECT 'attempts_open', 'state=\"' || s.state || '\"', coalesce(a.n, 0)"
	" FROM unnest('{intent,live,unknown}'::attempt_state[]) s (state)"
	" LEFT JOIN (SELECT state, count(*) AS n FROM attempts WHERE check_at IS NOT NULL"
	" GROUP BY state) a USING (state)"
	" UNION ALL SELECT 'callrail_accounts', 'state=\"trouble\"', count(DISTINCT account_id)"
	" FROM fn.callrail_troubles()"
	" UNION ALL SELECT 'callrail_accounts', 'state=\"well\"', count(DISTINCT account_id)"
	" FROM callrail_walks WHERE account_id NOT IN (SELECT account_id FROM fn.callrail_troubles())"
	" UNION ALL SELECT 'callrail_poll_age_seconds', NULL, coalesce(max(extract(epoch FROM"
	" clock_timestamp() - coalesce(done_at, made_at))), 0)::bigint FROM callrail_walks"
	" UNION ALL SELECT 'queue_departed_total', NULL, fn.queue_departed()"
	" UNION ALL SELECT 'pacer_epoch', NULL, epoch FROM pacer"
	" UNION ALL SELECT 'scheduler_seen_seconds', NULL,"
	" coalesce(extract(epoch FROM clock_timestamp() - seen_at), -1)::bigint FROM pacer"
	" UNION ALL SELECT name, label, value FROM fn.fraud_figures()"
	" UNION ALL SELECT name, label, value FROM fn.job_figures()",
	0,
};

enum rc
figures_read(struct db *db, struct rows **rows)
{
	return db_run(db, &read_all, NULL, rows);
}
