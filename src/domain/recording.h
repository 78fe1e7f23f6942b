/*
 * recording.h: the recording of a call: told of by the carrier, fetched by the recorder, handed
 * out to admins. The rules stand in sql/functions/07_recordings.sql.
 */
#ifndef DOMAIN_RECORDING_H
#define DOMAIN_RECORDING_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/who.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/db.h"

/* The carrier's word on a recording. */
struct recording_news {
	const char *call_id;
	const char *call_sid;
	const char *recording_sid;
	const char *status;   /* completed, absent, … */
	const char *duration; /* seconds, a number's text, or NULL */
};
enum rc recording_tell(struct db *db, const struct recording_news *news) MUST_CHECK;

/* RE and 32 hex digits: safe in a URL. */
bool recording_sid_valid(const char *s);

/* Where a call's recording stands, for somebody who asks for it. */
enum recording_stand {
	RECORDING_NEVER,    /* there is none and never will be */
	RECORDING_COMES,    /* the call is not over yet */
	RECORDING_EXPECTED, /* it should be there, but the carrier has not told of it */
	RECORDING_READY,    /* the carrier has it */
	RECORDING_STORED    /* and so has a spool */
};
struct recording_place {
	enum recording_stand stand;
	const char *call_sid;
	const char *recording_sid; /* NULL before RECORDING_READY; one that is valid */
};
/* The texts are in the arena. RC_NOT_FOUND when the caller is no admin, alike when the call is none
 * of its reach. */
enum rc recording_find(struct db *db, struct arena *a, const struct credential *who,
    const char *call_id, struct recording_place *place) MUST_CHECK;
/* Somebody wants one that is expected: the recorder asks the carrier at once (going: it will; not
 * when it has just done so). */
enum rc recording_ask(struct db *db, const char *call_id, bool *going) MUST_CHECK;

/* The recordings to see to now, leased for 150 s. Columns: */
enum { RECORDING_CALL_ID, RECORDING_CALL_SID, RECORDING_STATE, RECORDING_SID };
enum rc recording_due(struct db *db, int limit, struct rows **rows) MUST_CHECK;
/* The file is complete and synced. */
enum rc recording_stored(struct db *db, const char *call_id, int64_t bytes) MUST_CHECK;
/* Not to be had now, or (never) at all. */
enum rc recording_missed(struct db *db, const char *call_id, bool never) MUST_CHECK;

#endif
