/*
 * job_door.h: the door of POST /api/v1/process, by which a call enters the post-call pipeline. A request
 * that comes while the database is away is written down, and asked later as it would have been then:
 * who may what is decided by the same statement (fn.job_process, sql/functions/09_jobs.sql).
 */
#ifndef DOMAIN_JOB_DOOR_H
#define DOMAIN_JOB_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/who.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/db.h"

/* Characters of its fields. */
#define JOB_CALL_MIN 8
#define JOB_CALL_MAX 200
#define JOB_TENANT_MIN 3
#define JOB_TENANT_MAX 200 /* of what is asked for; longer than a tenant's id can be */

struct job_wish {
	struct credential who; /* not yet verified */
	const char *tenant_id, *call_id;
	int64_t asked_us; /* of one that was kept: when it came, wall time; else 0 */
};

/*
 * Queues the call, unless it is under way or completed: *status, in the arena, is "queued",
 * "already_queued_or_in_progress" or "already_completed". RC_FORBIDDEN when there is no such tenant or
 * it is not the caller's; RC_UNAUTHENTICATED; RC_LATER after a few seconds at most, and then the call
 * may have been queued all the same.
 */
enum rc job_door_ask(
    struct db *db, struct arena *a, const struct job_wish *wish, const char **status) MUST_CHECK;

/* Who asks, as the name of an owner: a key's hash, or a scope that has been verified. In the arena. */
const char *job_wish_owner(struct arena *a, const struct job_wish *wish);

/* Writes a wish down, without secrets: a key by its hash alone. False when out is too small. */
bool job_wish_write(const struct job_wish *wish, struct buf *out);
/* Reads it back into the arena. False when it is not exactly what job_wish_write() writes. */
bool job_wish_read(struct arena *a, const char *text, size_t len, struct job_wish *wish);

#endif
