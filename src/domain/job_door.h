/*
 * job_door.h: the door of POST /api/v1/process, by which a call enters the post-call pipeline: the rule is
 * fn.job_process (sql/functions/09_jobs.sql).
 */
#ifndef DOMAIN_JOB_DOOR_H
#define DOMAIN_JOB_DOOR_H

#include "auth/who.h"
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
};

/*
 * Queues the call, unless it is under way or completed: *status, in the arena, is "queued",
 * "already_queued_or_in_progress" or "already_completed". RC_FORBIDDEN when there is no such tenant or
 * it is not the caller's; RC_UNAUTHENTICATED.
 */
enum rc job_door_ask(
    struct db *db, struct arena *a, const struct job_wish *wish, const char **status) MUST_CHECK;

#endif
