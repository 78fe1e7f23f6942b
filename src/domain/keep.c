/* keep.c: see keep.h. */
#include "domain/keep.h"

static enum rc
read_count(struct db *db, const struct statement *statement, const char *const values[], int *done)
{
	struct rows *rows;
	enum rc rc = db_run(db, statement, values, &rows);

	if (rc != RC_OK)
		return rc;
	*done = (int)rows_int(rows, 0, 0);
	rows_free(rows);
	return RC_OK;
}

static enum rc
counted(struct db *db, const struct statement *statement, int limit, int *done)
{
	char number[24];
	const char *values[] = { db_int(limit, number) };

	return read_count(db, statement, values, done);
}

static const struct statement expire_calls = {
	"keep_expire_calls",
	"SELECT fn.expire_calls($1)",
	1,
};

enum rc
keep_expire_calls(struct db *db, int limit, int *done)
{
	return counted(db, &expire_calls, limit, done);
}

static const struct statement expire_questions = {
	"keep_expire_questions",
	"SELECT fn.expire_questions($1)",
	1,
};

enum rc
keep_expire_questions(struct db *db, int limit, int *done)
{
	return counted(db, &expire_questions, limit, done);
}

static const struct statement forget_refusals = {
	"keep_forget_refusals",
	"SELECT fn.forget_refusals($1)",
	1,
};

enum rc
keep_forget_refusals(struct db *db, int limit, int *done)
{
	return counted(db, &forget_refusals, limit, done);
}

static const struct statement forget_keys = {
	"keep_forget_keys",
	"SELECT fn.forget_idempotency_keys($1)",
	1,
};

enum rc
keep_forget_keys(struct db *db, int limit, int *done)
{
	return counted(db, &forget_keys, limit, done);
}

static const struct statement forget_tickets = {
	"keep_forget_tickets",
	"SELECT fn.forget_listening_tickets($1)",
	1,
};

enum rc
keep_forget_tickets(struct db *db, int limit, int *done)
{
	return counted(db, &forget_tickets, limit, done);
}

static const struct statement forget_jobs = {
	"keep_forget_jobs",
	"SELECT fn.forget_jobs($1, $2)",
	2,
};

enum rc
keep_forget_jobs(struct db *db, int days, int limit, int *done)
{
	char age[24], number[24];
	const char *values[] = { db_int(days, age), db_int(limit, number) };

	return read_count(db, &forget_jobs, values, done);
}

static const struct statement forget_calls = {
	"keep_forget_calls",
	"SELECT * FROM fn.forget_calls($1, $2)",
	2,
};

enum rc
keep_forget_calls(struct db *db, int days, int limit, struct rows **rows)
{
	char age[24], number[24];
	const char *values[] = { db_int(days, age), db_int(limit, number) };

	return db_run(db, &forget_calls, values, rows);
}
