/* keep.h: what time alone brings about (sql/functions/08_keep.sql), in bounded batches. */
#ifndef DOMAIN_KEEP_H
#define DOMAIN_KEEP_H

#include "base/err.h"
#include "db/db.h"

/* Each says how many it saw to: call again while that is as many as limit. */
enum rc keep_expire_calls(struct db *db, int limit, int *done) MUST_CHECK;
enum rc keep_expire_questions(struct db *db, int limit, int *done) MUST_CHECK;
enum rc keep_forget_refusals(struct db *db, int limit, int *done) MUST_CHECK;
enum rc keep_forget_keys(struct db *db, int limit, int *done) MUST_CHECK;
enum rc keep_forget_tickets(struct db *db, int limit, int *done) MUST_CHECK;
/* Forgets jobs that ended more than days ago. */
enum rc keep_forget_jobs(struct db *db, int days, int limit, int *done) MUST_CHECK;
/* Forgets calls that ended more than days ago; one column, their ids, whose files are to go. */
enum rc keep_forget_calls(struct db *db, int days, int limit, struct rows **rows) MUST_CHECK;

#endif
