/* recording.c: see recording.h. */
#include "domain/recording.h"

#include <string.h>

static const struct statement tell = {
	"recording_tell",
	"SELECT fn.recording_news($1, $2, $3, $4, $5::numeric)",
	5,
};

enum rc
recording_tell(struct db *db, const struct recording_news *news)
{
	const char *values[] = { news->call_id, news->call_sid, news->recording_sid, news->status,
		news->duration };

	return db_run(db, &tell, values, NULL);
}

bool
recording_sid_valid(const char *s)
{
	return strncmp(s, "RE", 2) == 0 && strlen(s) == 34 &&
	    strspn(s + 2, "0123456789abcdef") == 32;
}

/*
 * An admin key reaches as far as its scope: any call below it, whether or not it named a
 * workspace. NULL in the third column: the call is none that it reaches, or was never dialed.
 */
static const struct statement find = {
	"recording_find",
	"SELECT who.api_key_id, who.is_admin, c.call_sid, r.recording_sid,"
	" CASE WHEN r.state <> 'expected' THEN r.state::text"
	" WHEN NOT call_is_final(c.status) THEN 'comes' ELSE coalesce(r.state::text, 'absent') END"
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" LEFT JOIN (calls c JOIN workspaces w ON w.workspace_id = c.workspace_id)"
	" ON c.call_id = $6 AND ($5::text IS NULL OR c.workspace_id = who.workspace_id)"
	" AND CASE who.scope WHEN 'platform' THEN true WHEN 'partner' THEN w.partner_id = who.scope_id"
	" WHEN 'organization' THEN w.organization_id = who.scope_id"
	" ELSE w.workspace_id = who.scope_id END"
	" LEFT JOIN recordings r ON r.call_id = c.call_id AND r.workspace_id = c.workspace_id",
	6,
};

static enum recording_stand
stand_of(const char *word)
{
	return strcmp(word, "stored") == 0  ? RECORDING_STORED
	    : strcmp(word, "ready") == 0    ? RECORDING_READY
	    : strcmp(word, "expected") == 0 ? RECORDING_EXPECTED
	    : strcmp(word, "comes") == 0    ? RECORDING_COMES
					    : RECORDING_NEVER;
}

static void
read_place(const struct rows *rows, struct arena *a, struct recording_place *place)
{
	const char *sid = rows_text(rows, 0, 3);

	place->stand = stand_of(rows_text(rows, 0, 4));
	place->call_sid = arena_strdup(a, rows_text(rows, 0, 2));
	place->recording_sid = sid != NULL && recording_sid_valid(sid) ? arena_strdup(a, sid)
								       : NULL;
	if (place->stand >= RECORDING_READY && place->recording_sid == NULL)
		place->stand = RECORDING_NEVER; /* nobody could ask for it */
}

enum rc
recording_find(struct db *db, struct arena *a, const struct credential *who, const char *call_id,
    struct recording_place *place)
{
	const char *values[6] = { [5] = call_id };
	struct rows *rows;
	enum rc rc;

	who_params(who, values);
	rc = db_run(db, &find, values, &rows);
	if (rc != RC_OK)
		return rc;
	if (rows_count(rows) == 0)
		rc = RC_UNAUTHENTICATED;
	else if (!rows_bool(rows, 0, 1) || rows_text(rows, 0, 2) == NULL)
		rc = RC_NOT_FOUND;
	else
		read_place(rows, a, place);
	rows_free(rows);
	return rc;
}

static const struct statement ask = {
	"recording_ask",
	"SELECT fn.recording_ask($1)",
	1,
};

enum rc
recording_ask(struct db *db, const char *call_id, bool *going)
{
	const char *values[] = { call_id };
	struct rows *rows;
	enum rc rc = db_run(db, &ask, values, &rows);

	if (rc != RC_OK)
		return rc;
	*going = rows_bool(rows, 0, 0);
	rows_free(rows);
	return RC_OK;
}

static const struct statement due = {
	"recording_due",
	"SELECT * FROM fn.recordings_due($1)",
	1,
};

enum rc
recording_due(struct db *db, int limit, struct rows **rows)
{
	char number[24];
	const char *values[] = { db_int(limit, number) };

	return db_run(db, &due, values, rows);
}

static const struct statement stored = {
	"recording_stored",
	"SELECT fn.recording_stored($1, $2)",
	2,
};

enum rc
recording_stored(struct db *db, const char *call_id, int64_t bytes)
{
	char number[24];
	const char *values[] = { call_id, db_int(bytes, number) };

	return db_run(db, &stored, values, NULL);
}

static const struct statement missed = {
	"recording_missed",
	"SELECT fn.recording_missed($1, $2)",
	2,
};

enum rc
recording_missed(struct db *db, const char *call_id, bool never)
{
	const char *values[] = { call_id, db_bool(never) };

	return db_run(db, &missed, values, NULL);
}
