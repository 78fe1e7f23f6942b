/* outbox.c: see outbox.h. */
#include "domain/outbox.h"

#include <string.h>

#include "base/digest.h"

#define SECRET_PREFIX "whsec_"
#define SECRET_BYTES 24

/* Who changes a webhook: for himself, and for the audit log. */
#define CHANGES                                         \
	"WITH who AS (SELECT c.workspace_id, " WHO_ACTS \
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) c)"

void
outbox_secret_make(char out[OUTBOX_SECRET_SIZE])
{
	uint8_t key[SECRET_BYTES];

	digest_random(key, sizeof key);
	memcpy(out, SECRET_PREFIX, sizeof SECRET_PREFIX);
	digest_base64(key, sizeof key, out + sizeof SECRET_PREFIX - 1);
}

static const struct statement set = {
	"outbox_webhook_set",
	CHANGES " SELECT workspace_id, CASE WHEN workspace_id IS NOT NULL"
		" THEN fn.webhook_set(workspace_id, $6, $7, $8) END FROM who",
	8,
};

enum rc
outbox_webhook_set(struct db *db, const struct credential *who, const char *url, const char *secret,
    bool regenerate, const char **shown)
{
	const char *values[8] = { [5] = url, [6] = secret, [7] = db_bool(regenerate) };
	struct rows *rows;
	enum rc rc;

	who_params(who, values);
	rc = db_run(db, &set, values, &rows);
	if (rc != RC_OK)
		return rc;
	rc = who_result(who, rows);
	if (rc == RC_OK)
		*shown = rows_text(rows, 0, 1) != NULL ? secret : NULL;
	rows_free(rows);
	return rc;
}

static const struct statement clear = {
	"outbox_webhook_clear",
	CHANGES " SELECT workspace_id, fn.webhook_clear(workspace_id) FROM who",
	5,
};

enum rc
outbox_webhook_clear(struct db *db, const struct credential *who)
{
	const char *values[5];
	struct rows *rows;
	enum rc rc;

	who_params(who, values);
	rc = db_run(db, &clear, values, &rows);
	if (rc != RC_OK)
		return rc;
	rc = who_result(who, rows);
	rows_free(rows);
	return rc;
}

/* The public view of a delivery. */
#define DELIVERY_VIEW                                                                                                   \
	" d.delivery_id, d.call_id, d.job_id::text AS job_id, d.event_id, d.event_type, d.state AS status, d.attempts," \
	" d.response_status, d.error, d.url, fn.iso(d.created_at) AS created_at,"                                       \
	" fn.iso(d.next_at) AS next_attempt_at, fn.iso(d.delivered_at) AS delivered_at"

static const struct statement list = {
	"outbox_list",
	"SELECT who.workspace_id, NULL," DELIVERY_VIEW
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" LEFT JOIN LATERAL fn.webhook_list(coalesce(who.workspace_id, ''), $6, $7, $8) d ON true",
	8,
};

enum rc
outbox_list(struct db *db, const struct credential *who, const struct outbox_filter *filter,
    struct rows **rows)
{
	char limit[24];
	const char *values[8] = {
		[5] = filter->state, [6] = filter->after, [7] = db_int(filter->limit, limit)
	};

	return who_run(db, who, &list, values, rows);
}

/* The row as it stands after the function has run, which the statement itself does not see. */
static const struct statement redeliver = {
	"outbox_redeliver",
	"SELECT who.workspace_id, fn.webhook_redeliver(who.workspace_id, $6)"
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who",
	6,
};

static const struct statement show = {
	"outbox_show",
	"SELECT who.workspace_id, NULL," DELIVERY_VIEW
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" JOIN webhook_deliveries d ON d.delivery_id = $6 AND d.workspace_id = who.workspace_id",
	6,
};

enum rc
outbox_redeliver(
    struct db *db, const struct credential *who, const char *delivery_id, struct rows **rows)
{
	const char *values[6] = { [5] = delivery_id };
	const char *word;
	enum rc rc;

	who_params(who, values);
	rc = db_run(db, &redeliver, values, rows);
	if (rc != RC_OK)
		return rc;
	rc = who_result(who, *rows);
	if (rc == RC_OK) {
		word = rows_text(*rows, 0, 1);
		rc = strcmp(word, "pending") == 0  ? RC_OK
		    : strcmp(word, "unknown") == 0 ? RC_NOT_FOUND
						   : RC_CONFLICT;
	}
	rows_free(*rows);
	if (rc == RC_OK)
		rc = db_run(db, &show, values, rows);
	if (rc == RC_OK && rows_count(*rows) == 0) { /* forgotten meanwhile, with its call */
		rows_free(*rows);
		rc = RC_NOT_FOUND;
	}
	return rc;
}

static const struct statement due = {
	"outbox_due",
	"SELECT * FROM fn.webhooks_due($1, $2, $3, $4::text[], $5::integer[])",
	5,
};

enum rc
outbox_due(struct db *db, const struct outbox_want *want, struct rows **rows)
{
	char limit[24], each[24];
	const char *values[] = { db_int(want->limit, limit), db_int(want->each, each), want->after,
		want->workspaces, want->rooms };

	return db_run(db, &due, values, rows);
}

static const struct statement result = {
	"outbox_result",
	"SELECT fn.webhook_result($1, $2, $3, $4, nullif($5::integer, 0), $6, $7, $8, $9, $10)",
	10,
};

enum rc
outbox_result(struct db *db, const struct outbox_outcome *o)
{
	char attempt[24], status[24], retry_after[24];
	const char *values[] = { o->delivery_id, o->workspace_id, db_int(o->attempt, attempt),
		o->url, db_int(o->status, status), o->error,
		db_int(o->retry_after_s > 86400 ? 86400 : o->retry_after_s, retry_after),
		o->request_id, o->answer, o->mode };

	return db_run(db, &result, values, NULL);
}

static const struct statement bury = {
	"outbox_bury",
	"SELECT fn.webhooks_bury($1)",
	1,
};

enum rc
outbox_bury(struct db *db, int limit, int *done)
{
	char number[24];
	const char *values[] = { db_int(limit, number) };
	struct rows *rows;
	enum rc rc = db_run(db, &bury, values, &rows);

	if (rc != RC_OK)
		return rc;
	*done = (int)rows_int(rows, 0, 0);
	rows_free(rows);
	return RC_OK;
}
