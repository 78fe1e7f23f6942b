/*
 * job.h: the jobs of the post-call pipeline as their owners see them: taken in, listed, queued again.
 * The rules stand in sql/functions/09_jobs.sql and 17_job_doors.sql. (The jobs of negotiations are
 * negotiation.h's.)
 */
#ifndef DOMAIN_JOB_H
#define DOMAIN_JOB_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "auth/who.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/db.h"

#define JOB_ITEMS_MAX 20000 /* of a transcript */
#define JOB_ITEM_MAX 65536  /* characters of one of them */
#define JOB_ROLE_MAX 100
#define JOB_EXTERNAL_ID_MAX 200

/* The items of a transcript that is a text, {seq, role, text} each: a line that is not blank is one, in
 * the form "Role: words". A line that names nobody has the role "unknown". A new reference; NULL when there
 * would be more than JOB_ITEMS_MAX, or a longer one than JOB_ITEM_MAX. */
json_t *job_items(const char *text);

/* Sorts items by their seq and numbers them from 1. False when two have the same. */
bool job_items_order(json_t *items);

/*
 * What follows answers a JSON text, in the arena, for RC_OK. Other results: RC_UNAUTHENTICATED; RC_FORBIDDEN,
 * the caller does not reach the workspace that it names, or the job's, or names another than the job's;
 * RC_NOT_FOUND, there is no such job. A job's id is as it stands in the path; what is no number is no
 * job's.
 */

/* A call from elsewhere. Texts are borrowed, NULL where there is none. */
struct job_intake {
	const char *external_id;
	int64_t duration_s; /* -1: unknown */
	const char *recording_url;
	const char *items; /* JSON */
	const char *body;  /* of the request, whose metadata is kept as it came */
};
/* created false: it was there already. RC_NO_WORKSPACE: the caller is above a workspace and names none. */
enum rc job_create(struct db *db, struct arena *a, const struct credential *who,
    const struct job_intake *intake, bool *created, const char **body) MUST_CHECK;

/* filter is a JSON object with the fields of fn.job_filter; cursor one of those that a list has answered,
 * or NULL. RC_INVALID: it is none. */
enum rc job_list(struct db *db, struct arena *a, const struct credential *who, const char *filter,
    const char *cursor, int64_t limit, const char **body) MUST_CHECK;

enum rc job_show(struct db *db, struct arena *a, const struct credential *who, const char *job_id,
    const char **body) MUST_CHECK;

/* Its log, oldest first, behind a line. */
enum rc job_log(struct db *db, struct arena *a, const struct credential *who, const char *job_id,
    int64_t after, int64_t limit, const char **body) MUST_CHECK;

/* Queues a skipped one again. RC_CONFLICT: it is not skipped, body is the status that it has. */
enum rc job_requeue(struct db *db, struct arena *a, const struct credential *who,
    const char *job_id, const char **body) MUST_CHECK;

/* Queues the newest jobs that the filter lets through again, at most limit; or (dry) says which. The filter
 * has status skipped or failed. */
enum rc job_requeue_many(struct db *db, struct arena *a, const struct credential *who,
    const char *filter, bool dry, int64_t limit, const char **body) MUST_CHECK;

#endif
