/* job_door.c: see job_door.h. */
#include "domain/job_door.h"

#include <string.h>

enum column { COLUMN_REACH, COLUMN_STATUS };

static const struct statement ask = {
	"job_door_ask",
	"SELECT r.reach, CASE WHEN r.reach = 'ok' THEN fn.job_process($6, $7, r.scope) END"
	" FROM (SELECT c.scope, fn.config_reach(c.scope, c.scope_id, c.is_admin,"
	" 'workspace', $6) AS reach FROM fn.caller($1::bytea, $2, $3, $4, $5) c) r",
	7,
};

enum rc
job_door_ask(struct db *db, struct arena *a, const struct job_wish *wish, const char **status)
{
	const char *values[7] = { [5] = wish->tenant_id, [6] = wish->call_id };
	struct rows *rows;
	enum rc rc;

	who_params(&wish->who, values);
	rc = db_run(db, &ask, values, &rows);
	if (rc != RC_OK)
		return rc;
	if (rows_count(rows) == 0)
		rc = RC_UNAUTHENTICATED;
	else if (strcmp(rows_text(rows, 0, COLUMN_REACH), "ok") != 0)
		rc = RC_FORBIDDEN;
	else
		*status = rows_copy(a, rows, 0, COLUMN_STATUS);
	rows_free(rows);
	return rc;
}
