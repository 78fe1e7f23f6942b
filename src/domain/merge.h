/*
 * merge.h: the merged transcripts as rows: told of, leased by the merger, handed to the owner. The
 * rules stand in sql/functions/12_transcripts.sql; what is merged how, in domain/transcript.h.
 */
#ifndef DOMAIN_MERGE_H
#define DOMAIN_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/who.h"
#include "base/err.h"
#include "db/db.h"

/* How the transcript of a call stands for its owner. */
enum merge_stand {
	MERGE_PENDING, /* it will come */
	MERGE_DONE,
	MERGE_FAILED, /* see the reason */
	MERGE_NEVER   /* nobody answered the call */
};

/* RC_NOT_FOUND when the call is none of the caller's. With RC_OK the rows are to be freed; columns: */
enum { MERGE_RESULT = 3, MERGE_REASON };
enum rc merge_find(struct db *db, const struct credential *who, const char *call_id,
    enum merge_stand *stand, struct rows **rows) MUST_CHECK;
/* Has it built anew. RC_NOT_FOUND likewise. */
enum rc merge_rebuild(struct db *db, const struct credential *who, const char *call_id,
    enum merge_stand *stand) MUST_CHECK;

/* The transcripts to merge now, leased for 150 s. Columns: */
enum {
	MERGE_CALL_ID,
	MERGE_CALL_SID,
	MERGE_LEASE,
	MERGE_ATTEMPTS,
	MERGE_LANGUAGE,
	MERGE_CALL_MS,
	MERGE_RECORDING_SID, /* NULL: there is no recording */
	MERGE_TURNS          /* JSON: [{role, text, at_ms}] */
};
enum rc merge_due(struct db *db, int limit, struct rows **rows) MUST_CHECK;

/* What the holder of a lease says of it; nothing happens when another has taken over. */
enum rc merge_hold(struct db *db, const char *call_id, int64_t lease) MUST_CHECK;
enum rc merge_later(
    struct db *db, const char *call_id, int64_t lease, const char *reason) MUST_CHECK;
/* result is the JSON object without its version; reason what it lacks, or NULL. */
enum rc merge_done(struct db *db, const char *call_id, int64_t lease, const char *result,
    const char *reason) MUST_CHECK;

#endif
