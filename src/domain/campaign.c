/* campaign.c: see campaign.h. */
#include "domain/campaign.h"

#include <string.h>

static const struct statement list = {
	"campaign_list",
	"SELECT who.workspace_id, true, c.* FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" LEFT JOIN LATERAL (SELECT s.*, a.n AS no"
	" FROM fn.campaigns_list(who.workspace_id, $6, $7) WITH ORDINALITY AS a (task_id, n)"
	" CROSS JOIN LATERAL fn.campaign_show(who.workspace_id, a.task_id) s) c ON true"
	" ORDER BY c.no",
	7,
};

enum rc
campaign_list(struct db *db, const struct credential *who, const char *after, int64_t limit,
    struct rows **rows)
{
	char number[24];
	const char *values[7] = { [5] = after, [6] = db_int(limit, number) };

	return who_run(db, who, &list, values, rows);
}

static const struct statement show = {
	"campaign_show",
	"SELECT who.workspace_id, c.task_id IS NOT NULL, c.*"
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" LEFT JOIN LATERAL fn.campaign_show(who.workspace_id, $6) c ON true",
	6,
};

enum rc
campaign_show(
    struct db *db, const struct credential *who, const char *campaign_id, struct rows **rows)
{
	const char *values[6] = { [5] = campaign_id };

	return who_run_one(db, who, &show, values, rows);
}

static const struct statement pause_one = {
	"campaign_pause",
	"SELECT who.workspace_id, CASE WHEN who.workspace_id IS NOT NULL"
	" THEN fn.campaign_pause(who.workspace_id, $6, $7) END"
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who",
	7,
};

enum rc
campaign_pause(struct db *db, const struct credential *who, const char *campaign_id, bool pause)
{
	const char *values[7] = { [5] = campaign_id, [6] = db_bool(pause) };
	struct rows *rows;
	const char *word;
	enum rc rc;

	who_params(who, values);
	rc = db_run(db, &pause_one, values, &rows);
	if (rc != RC_OK)
		return rc;
	rc = who_result(who, rows);
	if (rc == RC_OK) {
		word = rows_text(rows, 0, 1);
		rc = strcmp(word, "done") == 0  ? RC_OK
		    : strcmp(word, "over") == 0 ? RC_CONFLICT
						: RC_NOT_FOUND;
	}
	rows_free(rows);
	return rc;
}
