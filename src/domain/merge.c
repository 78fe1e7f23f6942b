/* merge.c: see merge.h. */
#include "domain/merge.h"

#include <string.h>

static enum merge_stand
stand_of(const char *word)
{
	return strcmp(word, "done") == 0  ? MERGE_DONE
	    : strcmp(word, "failed") == 0 ? MERGE_FAILED
	    : strcmp(word, "never") == 0  ? MERGE_NEVER
					  : MERGE_PENDING;
}

/* Runs a statement about one call of the caller: its third column is how the transcript stands, NULL
 * when there is no such call. */
static enum rc
run_for_owner(struct db *db, const struct credential *who, const struct statement *statement,
    const char *call_id, enum merge_stand *stand, struct rows **rows)
{
	const char *values[6] = { [5] = call_id };
	enum rc rc;

	who_params(who, values);
	rc = db_run(db, statement, values, rows);
	if (rc != RC_OK)
		return rc;
	rc = who_result(who, *rows);
	if (rc == RC_OK && rows_text(*rows, 0, 2) == NULL)
		rc = RC_NOT_FOUND;
	if (rc == RC_OK)
		*stand = stand_of(rows_text(*rows, 0, 2));
	else
		rows_free(*rows);
	return rc;
}

static const struct statement find = {
	"merge_find",
	"SELECT who.workspace_id, c.call_id, CASE WHEN c.call_id IS NOT NULL"
	" THEN fn.transcript_stand(c, t.state) END, t.result, t.reason"
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" LEFT JOIN calls c ON c.call_id = $6 AND c.workspace_id = who.workspace_id"
	" LEFT JOIN transcripts t ON t.call_id = c.call_id AND t.workspace_id = c.workspace_id",
	6,
};

enum rc
merge_find(struct db *db, const struct credential *who, const char *call_id,
    enum merge_stand *stand, struct rows **rows)
{
	return run_for_owner(db, who, &find, call_id, stand, rows);
}

static const struct statement rebuild = {
	"merge_rebuild",
	"SELECT who.workspace_id, $6, fn.transcript_rebuild(who.workspace_id, $6)"
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who",
	6,
};

enum rc
merge_rebuild(
    struct db *db, const struct credential *who, const char *call_id, enum merge_stand *stand)
{
	struct rows *rows;
	enum rc rc = run_for_owner(db, who, &rebuild, call_id, stand, &rows);

	if (rc == RC_OK)
		rows_free(rows);
	return rc;
}

static const struct statement due = {
	"merge_due",
	"SELECT * FROM fn.transcripts_due($1)",
	1,
};

enum rc
merge_due(struct db *db, int limit, struct rows **rows)
{
	char number[24];
	const char *values[] = { db_int(limit, number) };

	return db_run(db, &due, values, rows);
}

static const struct statement hold = {
	"merge_hold",
	"SELECT fn.transcript_hold($1, $2)",
	2,
};

enum rc
merge_hold(struct db *db, const char *call_id, int64_t lease)
{
	char number[24];
	const char *values[] = { call_id, db_int(lease, number) };

	return db_run(db, &hold, values, NULL);
}

static const struct statement later = {
	"merge_later",
	"SELECT fn.transcript_later($1, $2, $3)",
	3,
};

enum rc
merge_later(struct db *db, const char *call_id, int64_t lease, const char *reason)
{
	char number[24];
	const char *values[] = { call_id, db_int(lease, number), reason };

	return db_run(db, &later, values, NULL);
}

static const struct statement done = {
	"merge_done",
	"SELECT fn.transcript_done($1, $2, $3, $4)",
	4,
};

enum rc
merge_done(
    struct db *db, const char *call_id, int64_t lease, const char *result, const char *reason)
{
	char number[24];
	const char *values[] = { call_id, db_int(lease, number), result, reason };

	return db_run(db, &done, values, NULL);
}
