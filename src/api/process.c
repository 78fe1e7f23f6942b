/*
 * process.c: POST /api/v1/process, by which a completed call enters the post-call pipeline. The rules are
 * in domain/job_door.h.
 */
#include <string.h>

#include "api/routes.h"
#include "domain/job_door.h"

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
	{ 0 },
};

const struct route process_routes[] = {
	{ "POST", "/api/v1/process", process, ROUTE_NAMING, .body = process_fields,
	    .body_schema = "ProcessRequest", .tag = "jobs", .operation = "process",
	    .summary = "Process a completed call", .answers = process_answers },
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

static enum rc
process(struct ask *ask)
{
	const struct job_wish wish = { ask->who, input_text(&ask->body, "tenant_id"),
		input_text(&ask->body, "call_id") };
	const char *status;
	enum rc rc = job_door_ask(ask->db, ask->req->arena, &wish, &status);

	if (rc != RC_OK)
		return rc;
	resp_json(ask->resp, 202,
	    json_pack("{s:s, s:s, s:b, s:s}", "call_id", wish.call_id, "tenant_id", wish.tenant_id,
		"enqueued", strcmp(status, "queued") == 0, "status", status));
	return RC_OK;
}
