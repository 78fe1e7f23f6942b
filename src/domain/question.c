/* question.c: see question.h. */
#include "domain/question.h"

static const struct statement answer_it = {
	"question_answer",
	"SELECT who.workspace_id, fn.question_answer(who.workspace_id, $6, $7, $8, $9)"
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who",
	9,
};

enum rc
question_answer(struct db *db, const struct credential *who, const struct question_answer *answer,
    bool *delivered)
{
	const char *values[9] = { [5] = answer->call_id,
		[6] = answer->request_id,
		[7] = answer->answer,
		[8] = answer->mode };
	struct rows *rows;
	enum rc rc;

	who_params(who, values);
	rc = db_run(db, &answer_it, values, &rows);
	if (rc != RC_OK)
		return rc;
	rc = who_result(who, rows);
	if (rc == RC_OK && rows_text(rows, 0, 1) == NULL)
		rc = RC_NOT_FOUND;
	*delivered = rc == RC_OK && rows_bool(rows, 0, 1);
	rows_free(rows);
	return rc;
}
