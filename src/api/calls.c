/* calls.c: start, list, show and cancel calls over HTTP. The rules are in domain/call.h. */
#include <stdlib.h>
#include <string.h>

#include "api/place.h"
#include "api/routes.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/call.h"

#define IDEM_ROUTE "POST /calls"

static enum rc start(struct ask *);
static enum rc list(struct ask *);
static enum rc show(struct ask *);
static enum rc cancel(struct ask *);

static const struct field start_fields[] = {
	{ "target_phone", FIELD_TEXT, .required = true, .min = 4, .max = 32,
	    .title = "Target Phone", .help = "E.164 phone number to dial (e.g. +37441467478).",
	    .example = "\"+12025550143\"" },
	{ "brief", FIELD_TEXT, .required = true, .min = 1, .max = 4000, .title = "Brief",
	    .help = "Natural-language task for the voice agent.",
	    .example = "\"Ask for a table for two tonight at eight, in the name of Ada.\"" },
	{ "language", FIELD_TEXT, .absent = "\"auto\"", .title = "Language", .example = "\"en\"",
	    .help = "ru / en / auto. Drives the agent's speech language." },
	{ "kind", FIELD_CHOICE, .absent = "\"other\"", .title = "Kind", .component = "TaskKind",
	    .choices = "restaurant_booking|restaurant_cancel|doctor_appointment|hotel_booking|"
		       "concierge|other",
	    .example = "\"restaurant_booking\"",
	    .help = "Coarse task classifier — drives no behavior, used for analytics." },
	{ "parsed_slots", FIELD_OBJECT, .nullable = true, .title = "Parsed Slots",
	    .example = "{\"time\": \"20:00\", \"guests\": 2}",
	    .help =
		"Optional structured fields (date, time, guests, ...). Free-form JSON; the voice"
		" agent reads from `brief` for now and `parsed_slots` is forward-compat." },
	{ "ask_user_mode", FIELD_CHOICE, .absent = "\"any\"", .choices = "any|stream",
	    .pattern = "^(any|stream)$", .title = "Ask User Mode",
	    .help = "Routing for the bot's ask_user tool. `any` (default) asks by the customer's"
		    " webhook and by the events of the call. `stream` is the right choice for CLI /"
		    " gateway agents that subscribe to GET /calls/{id}/events and respond via POST"
		    " /calls/{id}/answer — it never calls the webhook." },
	{ "machine_detection", FIELD_CHOICE, .absent = "\"off\"", .choices = "off|on|async",
	    .title = "Machine Detection",
	    .help = "Whether the carrier is to find out if a machine answered: off, on (before the"
		    " agent speaks) or async (while it speaks)." },
	{ "priority", FIELD_CHOICE, .absent = "\"normal\"", .choices = "low|normal|high",
	    .title = "Priority", .example = "\"high\"",
	    .help = "Which of your own waiting calls go first. Other customers' calls are not"
		    " concerned." },
	{ "not_after", FIELD_TIME, .nullable = true, .title = "Not After",
	    .help = "When the call is no longer wanted; it expires if it was not dialed by then." },
	{ "metadata", FIELD_OBJECT, .nullable = true, .title = "Metadata",
	    .example = "{\"order\": \"A-17\"}",
	    .help = "An object of yours, given back with the call." },
	{ .name = NULL },
};

static const struct field list_fields[] = {
	{ "limit", FIELD_INT, .min = 1, .max = 1000, .absent = "100", .title = "Limit",
	    .example = "20", .help = "How many calls to answer at most." },
	{ "status", FIELD_CHOICE, .title = "Status", .example = "\"completed\"",
	    .help = "Only calls in this status.",
	    .choices = "scheduled|queued|dialing|dial_unknown|in_progress|completed|failed|"
		       "cancelled|expired" },
	{ "since", FIELD_TIME, .title = "Since", .example = "\"2026-11-20T22:00:00.000Z\"",
	    .help = "Only calls created then or later." },
	{ "before", FIELD_TEXT, .max = 64, .title = "Before",
	    .help = "A call_id: the page after that call." },
	{ .name = NULL },
};

static const struct route_answer start_answers[] = {
	{ 201, "Dialed: the queue is off, and the carrier has taken the call.",
	    "StartCallResponse" },
	{ 202,
	    "Call queued. The drainer dials it later; poll GET /calls/{call_id}. Also when the queue"
	    " is off and the dial has not been confirmed in time.",
	    "QueuedCallResponse" },
	{ 400, "Bad phone number, blank brief, not_after in the past, or a bad Idempotency-Key.",
	    "Error" },
	{ 402, "Out of credits.", "Error" },
	PLACE_BARRED,
	{ 409, "Concurrency cap reached (queue off), or a conflict on the Idempotency-Key.",
	    "Error" },
	{ 422, "Validation Error", "HTTPValidationError" },
	{ 502, "The dial failed; the reservation was released.", "Error" },
	{ 503,
	    "Maintenance: error_code, message and resume_at; or the database is away. Try again"
	    " after Retry-After.",
	    "Error" },
	{ 0 },
};
static const struct route_answer list_answers[] = {
	{ 200, "Successful Response", "[]CallDTO" },
	{ 422, "Validation Error", "HTTPValidationError" },
	{ 0 },
};
static const struct route_answer show_answers[] = {
	{ 200, "Successful Response", "CallDTO" },
	{ 404, "No such call, or another customer's.", "Error" },
	{ 0 },
};
static const struct route_answer cancel_answers[] = {
	{ 200, "Whether the call was cancelled; false for unknown, foreign and ended calls.",
	    "CancelResponse" },
	{ 0 },
};

const struct route call_routes[] = {
	{ "POST", "/calls", start, .body = start_fields, .body_schema = "StartCallBody",
	    .headers = place_headers, .tag = "calls", .operation = "start_call_calls_post",
	    .summary = "Start an AI voice call", .answers = start_answers },
	{ "GET", "/calls", list, .query = list_fields, .tag = "calls",
	    .operation = "list_calls_calls_get",
	    .summary = "List the customer's calls (most recent first)", .answers = list_answers },
	{ "GET", "/calls/{call_id}", show, .tag = "calls",
	    .operation = "get_call_calls__call_id__get", .summary = "Get a single call by id",
	    .answers = show_answers },
	{ "POST", "/calls/{call_id}/cancel", cancel, .tag = "calls",
	    .operation = "cancel_call_calls__call_id__cancel_post",
	    .summary = "Cancel a call that hasn't completed", .answers = cancel_answers },
	{ .method = NULL },
};

/* The public view of a call: the columns of call_show(), in their order. */
static const struct shape call_shape[] = {
	{ "call_id", SHAPE_TEXT, .title = "Call Id" },
	{ "customer_id", SHAPE_TEXT, .title = "Customer Id" },
	{ "task_id", SHAPE_TEXT, .title = "Task Id" },
	{ "target_phone", SHAPE_TEXT, .title = "Target Phone" },
	{ "language", SHAPE_TEXT, .title = "Language" },
	{ "status", SHAPE_TEXT, .title = "Status" },
	{ "call_sid", SHAPE_TEXT, .nullable = true, .title = "Call Sid" },
	{ "started_at", SHAPE_TIME, .nullable = true, .title = "Started At" },
	{ "ended_at", SHAPE_TIME, .nullable = true, .title = "Ended At" },
	{ "duration_sec", SHAPE_REAL, .nullable = true, .title = "Duration Sec" },
	{ "outcome_type", SHAPE_TEXT, .nullable = true, .title = "Outcome Type" },
	{ "outcome_summary", SHAPE_TEXT, .nullable = true, .title = "Outcome Summary" },
	{ "outcome_charge_cents", SHAPE_INT, .title = "Outcome Charge Cents" },
	{ "created_at", SHAPE_TIME, .title = "Created At" },
	{ "has_recording", SHAPE_BOOL, .optional = true, .absent = "false",
	    .title = "Has Recording" },
	{ "recording_url", SHAPE_TEXT, .nullable = true, .optional = true,
	    .title = "Recording Url" },
	{ "reservation_signals", SHAPE_ARRAY, .nullable = true, .optional = true, .items = "string",
	    .title = "Reservation Signals" },
	{ "metadata", SHAPE_OBJECT, .nullable = true, .optional = true, .title = "Metadata" },
	{ "transcript_full", SHAPE_ARRAY, .nullable = true, .optional = true, .items = "object",
	    .title = "Transcript Full" },
	{ "supervisor_decisions", SHAPE_ARRAY, .nullable = true, .optional = true,
	    .items = "object", .title = "Supervisor Decisions" },
	{ .name = NULL },
};
#define CALL_LIST_FIELDS 18 /* a list leaves the heavy ones at the end out */

static const struct shape started_shape[] = {
	{ "call", SHAPE_OBJECT, .component = "CallDTO" },
	{ "task_id", SHAPE_TEXT, .title = "Task Id" },
	{ "credits_reserved", SHAPE_INT, .title = "Credits Reserved" },
	{ "owner_pod", SHAPE_TEXT, .nullable = true, .optional = true, .title = "Owner Pod" },
	{ .name = NULL },
};

static const struct shape queued_shape[] = {
	{ "call_id", SHAPE_TEXT, .title = "Call Id" },
	{ "queue_id", SHAPE_TEXT, .title = "Queue Id" },
	{ "position", SHAPE_INT, .title = "Position" },
	{ "status", SHAPE_TEXT, .optional = true, .absent = "\"queued\"", .title = "Status" },
	{ .name = NULL },
};

static const struct shape cancelled_shape[] = {
	{ "cancelled", SHAPE_BOOL, .title = "Cancelled" },
	{ .name = NULL },
};

const struct named_schema call_schemas[] = {
	{ "StartCallBody", NULL, start_fields, NULL },
	{ "CallDTO", call_shape, NULL,
	    "Public read view of a Call.\n\n`transcript_full` / `supervisor_decisions` are heavy (can"
	    " be 10-50 KB each) so they're returned by the single-call GET and left out of lists."
	    " `reservation_signals` is short (<10 short strings) so always included.\n\n"
	    "`recording_url` is a RELATIVE path to the proxy endpoint on this service"
	    " (`/calls/{call_id}/recording`) when a recording exists. Never the raw Twilio mp3 URL —"
	    " those carry our Account SID and must not leak to the client. Callers prepend their"
	    " gateway base URL when fetching." },
	{ "StartCallResponse", started_shape, NULL, NULL },
	{ "QueuedCallResponse", queued_shape, NULL,
	    "`202 Accepted` body.\n\nThe call was persisted + credits reserved but NOT dialed — the"
	    " drainer dials it later at the global CPS rate. Clients poll `GET /calls/{call_id}`"
	    " until the status leaves `queued`. `position` is the FIFO place in the queue (0 =="
	    " front); it can read 0 while the entry just ahead is mid-dial." },
	{ "CancelResponse", cancelled_shape, NULL, NULL },
	{ .name = NULL },
};

/* JSON text of an optional object of the body, in the arena, or NULL. */
static const char *
object_text(struct ask *ask, const char *name)
{
	char *text, *copy;

	if (!input_given(&ask->body, name))
		return NULL;
	text = json_dumps(input_json(&ask->body, name), JSON_COMPACT);
	copy = arena_strdup(ask->req->arena, text);
	free(text);
	return copy;
}

/* The wish from the body, or RC_INVALID with a 400. */
static enum rc
read_wish(struct ask *ask, struct place *p)
{
	struct call_wish *wish = &p->wish;

	wish->target_phone = input_text(&ask->body, "target_phone");
	wish->brief = input_text(&ask->body, "brief");
	wish->language = input_text(&ask->body, "language");
	wish->kind = input_text(&ask->body, "kind");
	wish->parsed_slots = object_text(ask, "parsed_slots");
	wish->ask_user_mode = input_text(&ask->body, "ask_user_mode");
	wish->machine_detection = input_text(&ask->body, "machine_detection");
	wish->priority = input_text(&ask->body, "priority");
	wish->metadata = object_text(ask, "metadata");
	wish->not_after = input_text(&ask->body, "not_after");
	if (place_number(ask, p, "target_phone") != RC_OK)
		return RC_INVALID;
	if (str_blank(wish->brief)) {
		resp_detail(ask->resp, 400, "brief must not be empty");
		return RC_INVALID;
	}
	return place_key(ask, p, IDEM_ROUTE);
}

/* 201: the call as it stands now. */
static enum rc
answer_dialed(struct ask *ask, const struct call_wish *wish)
{
	struct rows *rows;
	json_t *call;
	enum rc rc = call_show(ask->db, &ask->who, wish->call_id, &rows);

	if (rc != RC_OK)
		return rc;
	call = ask_row(call_shape, rows, 0, CALL_FIRST_COLUMN);
	rows_free(rows);
	resp_json(ask->resp, 201,
	    json_pack("{s:o, s:s, s:I, s:n}", "call", call, "task_id", wish->task_id,
		"credits_reserved", (json_int_t)wish->credits, "owner_pod"));
	return RC_OK;
}

/* 202 is the queued body with the status of now. */
static enum rc
answer_started(struct ask *ask, const struct place *p, int status, const struct call_dial *dial)
{
	json_t *body;

	if (status == 201)
		return answer_dialed(ask, &p->wish);
	body = json_loads(p->acceptance.body, 0, NULL);
	json_object_set_new(body, "status", json_string(dial->status));
	resp_json(ask->resp, 202, body);
	return RC_OK;
}

static enum rc
start(struct ask *ask)
{
	struct place p;
	enum rc rc;

	place_init(&p, ask);
	p.answer = answer_started;
	if ((rc = read_wish(ask, &p)) != RC_OK)
		return rc;
	return place_call(ask, &p);
}

static enum rc
list(struct ask *ask)
{
	struct call_filter filter = {
		.limit = input_int(&ask->query, "limit"),
		.status = input_text(&ask->query, "status"),
		.since = input_text(&ask->query, "since"),
		.before = input_text(&ask->query, "before"),
	};
	struct shape light[CALL_LIST_FIELDS + 1] = { 0 };
	struct rows *rows;
	bool known;
	enum rc rc = call_list(ask->db, &ask->who, &filter, &known, &rows);

	if (rc != RC_OK)
		return rc;
	if (!known) {
		input_error(&ask->query, "query", "before", "value_error",
		    "Value error, no such call", NULL);
		resp_json(ask->resp, 422, json_pack("{s:O}", "detail", ask->query.errors));
	} else {
		memcpy(light, call_shape, CALL_LIST_FIELDS * sizeof light[0]);
		resp_json(ask->resp, 200, ask_rows(light, rows, CALL_FIRST_COLUMN));
	}
	rows_free(rows);
	return RC_OK;
}

static enum rc
show(struct ask *ask)
{
	struct rows *rows;
	enum rc rc = call_show(ask->db, &ask->who, ask_path(ask, "call_id"), &rows);

	if (rc != RC_OK)
		return rc;
	resp_json(ask->resp, 200, ask_row(call_shape, rows, 0, CALL_FIRST_COLUMN));
	rows_free(rows);
	return RC_OK;
}

static enum rc
cancel(struct ask *ask)
{
	bool cancelled;
	enum rc rc = call_cancel(ask->db, &ask->who, ask_path(ask, "call_id"), &cancelled);

	if (rc == RC_OK)
		resp_json(ask->resp, 200, json_pack("{s:b}", "cancelled", cancelled));
	return rc;
}
