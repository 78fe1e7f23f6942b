/* feed.c: see feed.h. */
#include "domain/feed.h"

#include <stddef.h>

#define RETRY_MAX_S 86400

static const struct statement refresh = {
	"feed_refresh",
	"SELECT fn.callrail_refresh()",
	0,
};

enum rc
feed_refresh(struct db *db)
{
	return db_run(db, &refresh, NULL, NULL);
}

static const struct statement turn = {
	"feed_turn",
	"SELECT account_id, lease, company_id, api_key, from_us, until_us, page FROM fn.callrail_turn($1)",
	1,
};

enum rc
feed_turn(struct db *db, int limit, struct rows **rows)
{
	char number[24];
	const char *values[] = { db_int(limit, number) };

	return db_run(db, &turn, values, rows);
}

static const struct statement takers = {
	"feed_takers",
	"SELECT fn.callrail_takers($1, $2)",
	2,
};

enum rc
feed_takers(struct db *db, const struct feed_lease *held, struct rows **rows)
{
	const char *values[] = { held->account_id, held->lease };

	return db_run(db, &takers, values, rows);
}

static const struct statement take = {
	"feed_take",
	"SELECT fn.callrail_take($1, $2, $3, $4)",
	4,
};

enum rc
feed_take(struct db *db, const struct feed_lease *held, const char *workspace_id, const char *calls,
    int64_t *count)
{
	const char *values[] = { held->account_id, held->lease, workspace_id, calls };

	struct rows *rows;
	enum rc rc = db_run(db, &take, values, &rows);

	if (rc != RC_OK)
		return rc;
	if (rows_text(rows, 0, 0) == NULL)
		rc = RC_CONFLICT;
	*count = rows_int(rows, 0, 0);
	rows_free(rows);
	return rc;
}

static const struct statement turned = {
	"feed_turned",
	"SELECT fn.callrail_turned($1, $2, $3, $4)",
	4,
};

enum rc
feed_turned(struct db *db, const struct feed_lease *held, bool last, int odd)
{
	char number[24];
	const char *values[] = { held->account_id, held->lease, db_bool(last),
		db_int(odd, number) };

	struct rows *rows;
	enum rc rc = db_run(db, &turned, values, &rows);

	if (rc != RC_OK)
		return rc;
	if (!rows_bool(rows, 0, 0))
		rc = RC_CONFLICT;
	rows_free(rows);
	return rc;
}

static int64_t
bounded(int64_t retry_after_s)
{
	return retry_after_s < RETRY_MAX_S ? retry_after_s : RETRY_MAX_S;
}

static const struct statement failed = {
	"feed_failed",
	"SELECT fn.callrail_failed($1, $2, $3, $4, $5, $6)",
	6,
};

enum rc
feed_failed(struct db *db, const struct feed_lease *held, const struct feed_failure *failure)
{
	char status[24], retry_after[24];
	const char *values[] = { held->account_id, held->lease, db_bool(failure->useless),
		db_int(failure->status, status),
		db_int(bounded(failure->retry_after_s), retry_after), failure->error };

	return db_run(db, &failed, values, NULL);
}

static const struct statement spend = {
	"feed_spend",
	"SELECT fn.callrail_spend($1, 60)", /* the poller's of an hour */
	1,
};

enum rc
feed_spend(struct db *db, const char *account_id, int64_t *wait_s)
{
	struct rows *rows;
	enum rc rc = db_run(db, &spend, &account_id, &rows);

	if (rc != RC_OK)
		return rc;
	*wait_s = rows_int(rows, 0, 0);
	rows_free(rows);
	return RC_OK;
}

static const struct statement pause_account = {
	"feed_pause",
	"SELECT fn.callrail_pause($1, $2, $3, $4)",
	4,
};

enum rc
feed_pause(struct db *db, const char *account_id, const struct feed_failure *failure)
{
	char status[24], retry_after[24];
	const char *values[] = { account_id, db_int(failure->status, status),
		db_int(bounded(failure->retry_after_s), retry_after), failure->error };

	return db_run(db, &pause_account, values, NULL);
}
