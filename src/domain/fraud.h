/*
 * fraud.h: what the programs tell the rules against toll fraud, which stand in sql/functions/20_fraud.sql.
 */
#ifndef DOMAIN_FRAUD_H
#define DOMAIN_FRAUD_H

#include "base/err.h"
#include "db/db.h"

/* Calls to the country of this number, from which we call, are no trial for anybody. "": nothing
 * changes. Results are db_run()'s. */
enum rc fraud_home(struct db *db, const char *number) MUST_CHECK;

#endif
