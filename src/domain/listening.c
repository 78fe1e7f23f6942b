/* listening.c: see listening.h. */
#include "domain/listening.h"

#include <stdlib.h>
#include <string.h>

/* How a call stands, from the columns stand and door. */
static void
read_stand(const struct rows *rows, struct arena *a, struct listening *l)
{
	static const char *const words[] = { "open", "admins", "forbidden", "waits", "turns",
		"over", "closed", "elsewhere" };
	const char *word = rows_text(rows, 0, 0);
	size_t i = 0;

	while (i < sizeof words / sizeof words[0] && strcmp(words[i], word) != 0)
		i++;
	if (i == sizeof words / sizeof words[0])
		abort(); /* the functions and this table stand in the sources: a broken build */
	l->stand = (enum listening_stand)i;
	l->door = rows_copy(a, rows, 0, 1);
}

static const struct statement ask_it = {
	"listening_ask",
	"SELECT stand, door, expires_at"
	" FROM fn.listening_ask($1::bytea, $2, $3, $4, $5, $6, $7, $8, $9, $10::bytea)",
	10,
};

enum rc
listening_ask(struct db *db, struct arena *a, const struct credential *who, const char *call_id,
    const char *machine, enum listening_act act, const char *ticket_hash, struct listening *l)
{
	static const char *const acts[] = { "look", "open", "ticket" };
	const char *values[10] = { [5] = call_id,
		[6] = machine,
		[7] = who->api_key_id,
		[8] = acts[act],
		[9] = ticket_hash };
	struct rows *rows;
	enum rc rc;

	who_params(who, values);
	rc = db_run(db, &ask_it, values, &rows);
	if (rc != RC_OK)
		return rc;
	if (rows_count(rows) == 0) {
		rc = RC_UNAUTHENTICATED;
	} else if (rows_text(rows, 0, 0) == NULL) {
		rc = RC_NOT_FOUND;
	} else {
		read_stand(rows, a, l);
		l->expires_at = rows_copy(a, rows, 0, 2);
	}
	rows_free(rows);
	return rc;
}

static const struct statement take_it = {
	"listening_take",
	"SELECT stand, door FROM fn.listening_take($1::bytea, $2, $3, $4)",
	4,
};

enum rc
listening_take(struct db *db, struct arena *a, const char *ticket_hash, const char *call_id,
    const char *machine, bool begin, struct listening *l)
{
	const char *values[] = { ticket_hash, call_id, machine, db_bool(begin) };
	struct rows *rows;
	enum rc rc = db_run(db, &take_it, values, &rows);

	if (rc != RC_OK)
		return rc;
	if (rows_count(rows) == 0)
		rc = RC_UNAUTHENTICATED;
	else
		read_stand(rows, a, l);
	l->expires_at = NULL;
	rows_free(rows);
	return rc;
}
