/* queue.c: see queue.h. */
#include "domain/queue.h"

#include <stddef.h>

static const struct statement heads = {
	"queue_heads",
	"WITH RECURSIVE head AS ("
	"(SELECT queue_no, workspace_id, rank, lane FROM call_queue"
	" ORDER BY workspace_id, rank, lane, queue_no LIMIT 1)"
	" UNION ALL SELECT n.* FROM head h CROSS JOIN LATERAL"
	" (SELECT q.queue_no, q.workspace_id, q.rank, q.lane FROM call_queue q"
	" WHERE (q.workspace_id, q.rank, q.lane) > (h.workspace_id, h.rank, h.lane)"
	" ORDER BY q.workspace_id, q.rank, q.lane, q.queue_no LIMIT 1) n)"
	" SELECT h.queue_no, h.workspace_id, h.rank, h.lane, (SELECT max(queue_no) FROM call_queue)"
	" FROM head h",
	0,
};

enum rc
queue_heads(struct db *db, int64_t *last, struct rows **rows)
{
	enum rc rc = db_run(db, &heads, NULL, rows);

	if (rc == RC_OK)
		*last = rows_count(*rows) > 0 ? rows_int(*rows, 0, 4) : 0;
	return rc;
}

static const struct statement news = {
	"queue_news",
	"SELECT queue_no, workspace_id, rank, lane FROM call_queue WHERE queue_no = ANY ($2::bigint[])"
	" UNION ALL (SELECT queue_no, workspace_id, rank, lane FROM call_queue WHERE queue_no > $1"
	" ORDER BY queue_no LIMIT 1000)"
	/* And what has just come back: a deposed dialer may have put it there. */
	" UNION ALL (SELECT queue_no, workspace_id, rank, lane FROM call_queue"
	" WHERE not_before BETWEEN now() - interval '2 s' AND now()"
	" ORDER BY not_before DESC LIMIT 1000)",
	2,
};

enum rc
queue_news(struct db *db, int64_t after, const char *missing, struct rows **rows)
{
	char number[24];
	const char *values[] = { db_int(after, number), missing };

	return db_run(db, &news, values, rows);
}

static const struct statement next = {
	"queue_next",
	"SELECT coalesce(min(queue_no), 0) FROM call_queue"
	" WHERE workspace_id = $1 AND rank = $2 AND lane = $3 AND queue_no > $4",
	4,
};

enum rc
queue_next(
    struct db *db, const char *workspace, int rank, const char *lane, int64_t after, int64_t *no)
{
	char rank_text[24], number[24];
	const char *values[] = { workspace, db_int(rank, rank_text), lane, db_int(after, number) };
	struct rows *rows;
	enum rc rc = db_run(db, &next, values, &rows);

	if (rc != RC_OK)
		return rc;
	*no = rows_int(rows, 0, 0);
	rows_free(rows);
	return RC_OK;
}

static const struct statement below_cap = {
	"queue_below_cap",
	"SELECT w.workspace_id, f.in_flight FROM workspaces w"
	" CROSS JOIN LATERAL (SELECT fn.in_flight(w.workspace_id) OFFSET 0) f (in_flight)"
	" WHERE w.workspace_id = ANY ($1::text[]) AND f.in_flight < coalesce(w.max_concurrent, $2)"
	" AND NOT fn.dialing_stopped(w.workspace_id)",
	2,
};

enum rc
queue_below_cap(struct db *db, const char *workspaces, int64_t default_cap, struct rows **rows)
{
	char cap[24];
	const char *values[] = { workspaces, db_int(default_cap, cap) };

	return db_run(db, &below_cap, values, rows);
}

static const struct statement lanes_free = {
	"queue_lanes_free",
	"SELECT workspace_id, lane, in_flight FROM fn.lanes_free($1::text[], $2::text[])",
	2,
};

enum rc
queue_lanes_free(struct db *db, const char *workspaces, const char *lanes, struct rows **rows)
{
	const char *values[] = { workspaces, lanes };

	return db_run(db, &lanes_free, values, rows);
}

static const struct statement wake = {
	"queue_wake",
	"SELECT woken, CASE WHEN next_at IS NOT NULL THEN"
	" greatest(ceil(extract(epoch FROM next_at - clock_timestamp()) * 1000000), 0)::bigint END"
	" FROM fn.calls_wake(CASE WHEN $1::bigint < 0 THEN '-infinity'::timestamptz"
	" ELSE clock_timestamp() - $1::bigint * interval '1 us' END, $2)",
	2,
};

enum rc
queue_wake(struct db *db, int64_t behind_us, int limit, int *woken, int64_t *next_us)
{
	char behind[24], number[24];
	const char *values[] = { db_int(behind_us, behind), db_int(limit, number) };
	struct rows *rows;
	enum rc rc = db_run(db, &wake, values, &rows);

	if (rc != RC_OK)
		return rc;
	*woken = (int)rows_int(rows, 0, 0);
	*next_us = rows_text(rows, 0, 1) == NULL ? -1 : rows_int(rows, 0, 1);
	rows_free(rows);
	return RC_OK;
}

static const struct statement recount = {
	"queue_recount",
	"SELECT fn.queue_recount()",
	0,
};

enum rc
queue_recount(struct db *db)
{
	return db_run(db, &recount, NULL, NULL);
}
