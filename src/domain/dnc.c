/* dnc.c: see dnc.h. */
#include "domain/dnc.h"

#include <stddef.h>

/* Who asks, and the list that he asks for; NULL when it is not his to keep. */
#define ASKED_WITH(more)                                                                   \
	"WITH who AS (SELECT fn.dnc_list(c.scope, c.is_admin, c.workspace_id, $6) AS list" \
	" " more " FROM fn.caller($1::bytea, $2, $3, $4, $5) c)"
#define ASKED ASKED_WITH("")
#define CHANGES ASKED_WITH(", " WHO_ACTS)

#define COLUMNS                                                                                     \
	" CASE WHEN d.workspace_id = '' THEN 'platform' WHEN d.workspace_id <> '' THEN 'workspace'" \
	" END AS scope, d.number, d.reason, fn.iso(d.created_at) AS created_at"

static enum rc
judge(const struct dnc_wish *wish, const struct rows *rows)
{
	enum rc rc = who_result(wish->who, rows);

	return wish->platform && (rc == RC_NO_WORKSPACE || rc == RC_NOT_FOUND) ? RC_FORBIDDEN : rc;
}

static const struct statement add = {
	"dnc_add",
	CHANGES " SELECT who.list," COLUMNS
		" FROM who LEFT JOIN LATERAL fn.dnc_add(who.list, $7, $8) d"
		" ON true",
	8,
};

enum rc
dnc_add(struct db *db, const struct dnc_wish *wish, const char *number, const char *reason,
    struct rows **rows)
{
	const char *values[8] = { [5] = db_bool(wish->platform), [6] = number, [7] = reason };
	enum rc rc;

	who_params(wish->who, values);
	rc = db_run(db, &add, values, rows);
	if (rc != RC_OK)
		return rc;
	rc = judge(wish, *rows);
	if (rc != RC_OK)
		rows_free(*rows);
	return rc;
}

static const struct statement off = {
	"dnc_remove",
	CHANGES
	" SELECT list, CASE WHEN list IS NOT NULL THEN fn.dnc_remove(list, $7) END FROM who",
	7,
};

enum rc
dnc_remove(struct db *db, const struct dnc_wish *wish, const char *number)
{
	const char *values[7] = { [5] = db_bool(wish->platform), [6] = number };
	struct rows *rows;
	enum rc rc;

	who_params(wish->who, values);
	rc = db_run(db, &off, values, &rows);
	if (rc != RC_OK)
		return rc;
	rc = judge(wish, rows);
	if (rc == RC_OK && !rows_bool(rows, 0, 1))
		rc = RC_NOT_FOUND;
	rows_free(rows);
	return rc;
}

static const struct statement find = {
	"dnc_find",
	"SELECT who.workspace_id," COLUMNS " FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" LEFT JOIN dnc d ON d.number = $6 AND d.workspace_id IN (who.workspace_id, '')"
	" ORDER BY d.workspace_id DESC",
	6,
};

enum rc
dnc_find(struct db *db, const struct credential *who, const char *number, struct rows **rows)
{
	const char *values[6] = { [5] = number };

	return who_run(db, who, &find, values, rows);
}

static const struct statement page = {
	"dnc_page",
	ASKED " SELECT who.list," COLUMNS " FROM who LEFT JOIN LATERAL (SELECT * FROM dnc"
	      " WHERE workspace_id = who.list AND number > coalesce($7, '')"
	      " ORDER BY number LIMIT $8) d ON true ORDER BY d.number",
	8,
};

enum rc
dnc_page(struct db *db, const struct dnc_wish *wish, const char *after, int64_t limit,
    struct rows **rows)
{
	char most[24];
	const char *values[8] = {
		[5] = db_bool(wish->platform), [6] = after, [7] = db_int(limit, most)
	};
	enum rc rc;

	who_params(wish->who, values);
	rc = db_run(db, &page, values, rows);
	if (rc != RC_OK)
		return rc;
	rc = judge(wish, *rows);
	if (rc != RC_OK)
		rows_free(*rows);
	return rc;
}
