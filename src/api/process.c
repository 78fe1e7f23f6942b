/*
 * process.c: POST /api/v1/process, by which a completed call enters the post-call pipeline. The rules are
 * in domain/job_door.h. While the database is away a request is kept on this host (sys/spool.h) and
 * brought in by the scheduler when it is back (work/unspool.c): a 202 is a promise in either case.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "api/routes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/job_door.h"
#include "sys/spool.h"

static enum rc process(struct ask *);

static const struct field process_fields[] = {
	{ "call_id", FIELD_TEXT, .required = true, .min = JOB_CALL_MIN, .max = JOB_CALL_MAX,
	    .title = "Call Id", .example = "\"call_abc123xyz\"",
	    .help =
		"Unique identifier for the call: one of ours, or the `external_id` of one that was"
		" brought in." },
	{ "tenant_id", FIELD_TEXT, .required = true, .min = JOB_TENANT_MIN, .max = JOB_TENANT_MAX,
	    .title = "Tenant Id", .example = "\"tenant-production-001\"",
	    .help = "Tenant identifier for configuration lookup: the workspace." },
	{ .name = NULL },
};

static const struct route_answer process_answers[] = {
	{ 202, "Whether the call was queued just now, or why not.", "ProcessResponse" },
	{ 400, "call_id or tenant_id is missing, null or blank.", "Error" },
	{ 403, "No tenant of this key.", "Error" },
	{ 422, "A field is too short or too long, or the body is no JSON.", "HTTPValidationError" },
	{ 500, "The call could be queued neither in the database nor on this host.", "Error" },
	{ 0 },
};

const struct route process_routes[] = {
	{ "POST", "/api/v1/process", process, ROUTE_NAMING | ROUTE_AWAY | ROUTE_REACH_403,
	    .body = process_fields, .body_schema = "ProcessRequest", .tag = "jobs",
	    .operation = "process", .summary = "Process a completed call",
	    .answers = process_answers },
	{ .method = NULL },
};

static const struct shape process_shape[] = {
	{ "call_id", SHAPE_TEXT, .title = "Call Id",
	    .help = "The call identifier from the request." },
	{ "tenant_id", SHAPE_TEXT, .title = "Tenant Id",
	    .help = "The tenant identifier from the request." },
	{ "enqueued", SHAPE_BOOL, .title = "Enqueued",
	    .help = "Whether the call was successfully added to the processing queue." },
	{ "status", SHAPE_CHOICE,
	    .choices = "queued|already_queued_or_in_progress|already_completed",
	    .title = "Status" },
	{ .name = NULL },
};

const struct named_schema process_schemas[] = {
	{ "ProcessRequest", NULL, process_fields, NULL },
	{ "ProcessResponse", process_shape, NULL, NULL },
	{ .name = NULL },
};

/* Keeps the request on this host. fresh: no twin of it was there. */
static bool
keep(struct ask *ask, const struct job_wish *wish, bool *fresh)
{
	const char *path = arena_printf(ask->req->arena, "%s/" SPOOL_FOLDER, ask->env->data_dir);
	char name[SPOOL_NAME_SIZE];
	struct buf entry;
	enum rc rc = RC_LATER;
	int dir = spool_open(path);

	if (dir < 0) {
		log_error("%s cannot be opened: %s; while the database is away nothing can be"
			  " kept for it",
		    path, strerror(errno));
		return false;
	}
	spool_name(name, job_wish_owner(ask->req->arena, wish),
	    arena_printf(ask->req->arena, "%s/%s", wish->tenant_id, wish->call_id));
	buf_init(&entry, SPOOL_ENTRY_MAX);
	if (job_wish_write(wish, &entry))
		rc = spool_put(dir, name, entry.data, entry.len, fresh);
	buf_free(&entry);
	close(dir);
	return rc == RC_OK;
}

static void
answer(struct ask *ask, const struct job_wish *wish, const char *status)
{
	resp_json(ask->resp, 202,
	    json_pack("{s:s, s:s, s:b, s:s}", "call_id", wish->call_id, "tenant_id",
		wish->tenant_id, "enqueued", strcmp(status, "queued") == 0, "status", status));
}

static enum rc
process(struct ask *ask)
{
	struct job_wish wish = { ask->who, input_text(&ask->body, "tenant_id"),
		input_text(&ask->body, "call_id"), 0 };
	int64_t now_us = clock_wall_us();
	const char *status;
	bool fresh;
	enum rc rc = job_door_ask(ask->db, ask->req->arena, &wish, &status);

	if (rc == RC_OK)
		answer(ask, &wish, status);
	if (rc != RC_LATER)
		return rc;
	if (!str_tenant_id(wish.tenant_id))
		return RC_FORBIDDEN; /* there can be none */
	wish.asked_us = now_us;
	if (keep(ask, &wish, &fresh))
		answer(ask, &wish, fresh ? "queued" : "already_queued_or_in_progress");
	else
		resp_detail(ask->resp, 500, "call queue not initialized");
	return RC_OK;
}
