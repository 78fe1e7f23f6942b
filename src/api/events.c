/*
 * events.c: the events of a call over HTTP: as a stream, which nginx fetches from offhook-events
 * once a worker has said who may (X-Accel-Redirect), or as a JSON array for those who poll.
 */
#include <inttypes.h>
#include <string.h>

#include "api/routes.h"
#include "base/id.h"
#include "base/str.h"
#include "domain/call.h"
#include "domain/event.h"
#include "http/accept.h"

static enum rc events(struct ask *);

static const struct field events_fields[] = {
	{ "after_event_id", FIELD_INT, .min = 0, .max = INT32_MAX, .title = "After Event Id",
	    .example = "0",
	    .help = "Only events after this one; wins over the header Last-Event-ID." },
	{ .name = NULL },
};

static const struct field events_headers[] = {
	{ "Last-Event-ID", FIELD_TEXT, .nullable = true, .title = "Last-Event-Id",
	    .help = "Only events after this one." },
	{ .name = NULL },
};

static const struct route_answer events_answers[] = {
	{ 200,
	    "The events: as text/event-stream (each frame's data is a CallEvent), or as a JSON array"
	    " where application/json is accepted and text/event-stream is not preferred.",
	    "[]CallEvent text/event-stream" },
	{ 404, "No such call, or another customer's.", "Error" },
	{ 406, "The client accepts neither text/event-stream nor application/json.", "Error" },
	{ 422, "Validation Error", "HTTPValidationError" },
	{ 503, "Too many streams are open on this host, or the streams are away.", "Error" },
	{ 0 },
};

const struct route event_routes[] = {
	{ "GET", "/calls/{call_id}/events", events, .query = events_fields,
	    .headers = events_headers, .tag = "calls",
	    .operation = "stream_call_events_calls__call_id__events_get",
	    .summary = "Realtime call event stream (Server-Sent Events)",
	    .answers = events_answers },
	{ .method = NULL },
};

/* What event_body() writes; kept here for the OpenAPI document. */
static const struct shape event_shape[] = {
	{ "event_id", SHAPE_INT, .title = "Event Id" },
	{ "call_id", SHAPE_TEXT, .title = "Call Id" },
	{ "event_type", SHAPE_TEXT, .title = "Event Type" },
	{ "created_at", SHAPE_TIME, .title = "Created At" },
	{ "data", SHAPE_OBJECT, .title = "Data" },
	{ .name = NULL },
};

const struct named_schema event_schemas[] = {
	{ "CallEvent", event_shape, NULL,
	    "One event of a call; event_id counts from 1 without gaps." },
	{ .name = NULL },
};

enum form { FORM_STREAM, FORM_ARRAY, FORM_NEITHER };

/* The array is for those who name it and do not want the stream at least as much. */
static enum form
wanted_form(const char *accept)
{
	double stream = accept_wants(accept, "text/event-stream");
	double array = accept_wants(accept, "application/json");

	if (array > stream)
		return FORM_ARRAY;
	if (accept == NULL || stream > 0 || accept_wants(accept, "*/*") > 0)
		return FORM_STREAM;
	return FORM_NEITHER;
}

/* The last event that the client has. A header that is none of ours means the whole history. */
static int64_t
last_seen(const struct ask *ask)
{
	const char *header = req_header(ask->req, "last-event-id");
	int64_t after;

	if (input_given(&ask->query, "after_event_id"))
		return input_int(&ask->query, "after_event_id");
	return header != NULL && str_int64(header, 0, INT32_MAX, &after) ? after : 0;
}

static enum rc
answer_array(struct ask *ask, const char *call_id)
{
	struct call_event event;
	struct rows *rows;
	struct buf body;
	enum rc rc = call_events(ask->db, &ask->who, call_id, last_seen(ask), &rows);

	if (rc != RC_OK)
		return rc;
	buf_init(&body, RESP_BODY_MAX);
	buf_puts(&body, "[");
	for (int i = 0; i < rows_count(rows); i++) {
		if (!call_event_read(rows, i, CALL_FIRST_COLUMN, &event))
			continue;
		buf_puts(&body, i > 0 ? ", " : "");
		call_event_body(&event, &body);
	}
	buf_puts(&body, "]");
	if (buf_failed(&body))
		rc = RC_BROKEN;
	else
		resp_json_text(ask->resp, 200, body.data);
	buf_free(&body);
	rows_free(rows);
	return rc;
}

/* nginx takes it from here: the target is made of a checked id, a number and the request's id. */
static enum rc
hand_over(struct ask *ask, const char *call_id)
{
	resp_text(ask->resp, 200, "text/event-stream", "");
	if (strcmp(ask->req->method, "HEAD") != 0)
		resp_header(ask->resp, "X-Accel-Redirect",
		    arena_printf(ask->req->arena, "/_events/%s?after=%" PRId64 "&request=%s",
			call_id, last_seen(ask), ask->req->request_id));
	return RC_OK;
}

static enum rc
events(struct ask *ask)
{
	const char *call_id = ask_path(ask, "call_id");
	enum form form = wanted_form(req_header(ask->req, "accept"));
	enum rc rc;

	if (form == FORM_ARRAY)
		return answer_array(ask, call_id);
	rc = call_owned(ask->db, &ask->who, call_id);
	if (rc != RC_OK)
		return rc;
	if (!id_valid(call_id, "call_"))
		return RC_NOT_FOUND;
	if (form == FORM_STREAM)
		return hand_over(ask, call_id);
	resp_detail(ask->resp, 406,
	    "Events are streamed as text/event-stream, or answered as a JSON array to Accept:"
	    " application/json");
	return RC_OK;
}
