/* fraud.c: see fraud.h. */
#include "domain/fraud.h"

static const struct statement home = { "fraud_home", "SELECT fn.home_is($1)", 1 };

enum rc
fraud_home(struct db *db, const char *number)
{
	const char *const values[] = { number };

	return db_run(db, &home, values, NULL);
}
