/*
 * leg.h: a call's leg at the carrier: what the carrier tells us of it, and what the watcher asks.
 * The rules stand in sql/functions/05_carrier.sql.
 */
#ifndef DOMAIN_LEG_H
#define DOMAIN_LEG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "db/db.h"

/* The carrier's word. NULL: not said. */
struct leg_news {
	const char *call_id;
	const char *attempt_id; /* the token of the callback's URL (a UUID), or NULL: the newest */
	const char *call_sid;
	const char *status;      /* in the carrier's words */
	const char *duration;    /* seconds talked, a number's text */
	const char *answered_by; /* machine detection's verdict */
	int64_t max_talk_s;      /* calls.max_duration_seconds */
	const char *form;        /* the callback as it came, to be forwarded */
};

/* Takes the news in; taken is false when they were old, unknown or of another leg. */
enum rc leg_tell(struct db *db, const struct leg_news *news, bool *taken) MUST_CHECK;

/* Whether the text has the form of an attempt's id, so that it may be asked for. */
bool leg_attempt_id_valid(const char *s);

/*
 * The attempts that are to be looked at now, at most limit, leased to the asker for 45 s. Columns:
 */
enum {
	LEG_ATTEMPT_ID,
	LEG_CALL_ID,
	LEG_STATE,    /* intent, live, unknown */
	LEG_CALL_SID, /* live */
	LEG_TO,
	LEG_HANG_UP, /* it is to be hung up */
	LEG_OVERDUE, /* its deadline has passed */
	LEG_AGE_S,
	LEG_CREATED, /* seconds since 1970 */
	LEG_FROM     /* the number that called, NULL: the account's */
};
enum rc leg_due(struct db *db, int limit, struct rows **rows) MUST_CHECK;

/* Whether a carrier's call belongs to an attempt already. */
enum rc leg_sid_bound(struct db *db, const char *call_sid, bool *bound) MUST_CHECK;
/* The carrier does not know the attempt (yet). */
enum rc leg_not_found(struct db *db, const char *attempt_id) MUST_CHECK;
/* From now on it is to be hung up. */
enum rc leg_give_up(struct db *db, const char *attempt_id) MUST_CHECK;
/* The carrier could not be asked. */
enum rc leg_ask_failed(struct db *db, const char *attempt_id) MUST_CHECK;

#endif
