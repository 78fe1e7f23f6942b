/* leg.c: see leg.h. */
#include "domain/leg.h"

#include <ctype.h>
#include <string.h>

static const struct statement tell = {
	"leg_tell",
	"SELECT fn.carrier_news($1, $2::uuid, $3, $4, $5::numeric, $6, $7, $8) = 'taken'",
	8,
};

enum rc
leg_tell(struct db *db, const struct leg_news *news, bool *taken)
{
	char max_talk[24];
	const char *values[] = { news->call_id, news->attempt_id, news->call_sid, news->status,
		news->duration, news->answered_by, db_int(news->max_talk_s, max_talk), news->form };
	struct rows *rows;
	enum rc rc = db_run(db, &tell, values, &rows);

	if (rc != RC_OK)
		return rc;
	*taken = rows_bool(rows, 0, 0);
	rows_free(rows);
	return RC_OK;
}

bool
leg_attempt_id_valid(const char *s)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (strlen(s) != sizeof form - 1)
		return false;
	for (size_t i = 0; form[i] != '\0'; i++)
		if (form[i] == '-' ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	return true;
}

static const struct statement due = {
	"leg_due",
	"SELECT * FROM fn.watch_due($1)",
	1,
};

enum rc
leg_due(struct db *db, int limit, struct rows **rows)
{
	char number[24];
	const char *values[] = { db_int(limit, number) };

	return db_run(db, &due, values, rows);
}

static const struct statement sid_bound = {
	"leg_sid_bound",
	"SELECT fn.sid_bound($1)",
	1,
};

enum rc
leg_sid_bound(struct db *db, const char *call_sid, bool *bound)
{
	const char *values[] = { call_sid };
	struct rows *rows;
	enum rc rc = db_run(db, &sid_bound, values, &rows);

	if (rc != RC_OK)
		return rc;
	*bound = rows_bool(rows, 0, 0);
	rows_free(rows);
	return RC_OK;
}

static const struct statement not_found = {
	"leg_not_found",
	"SELECT fn.watch_not_found($1::uuid)",
	1,
};

enum rc
leg_not_found(struct db *db, const char *attempt_id)
{
	return db_run(db, &not_found, &attempt_id, NULL);
}

static const struct statement give_up = {
	"leg_give_up",
	"SELECT fn.watch_give_up($1::uuid)",
	1,
};

enum rc
leg_give_up(struct db *db, const char *attempt_id)
{
	return db_run(db, &give_up, &attempt_id, NULL);
}

static const struct statement ask_failed = {
	"leg_ask_failed",
	"SELECT fn.watch_failed($1::uuid)",
	1,
};

enum rc
leg_ask_failed(struct db *db, const char *attempt_id)
{
	return db_run(db, &ask_failed, &attempt_id, NULL);
}
