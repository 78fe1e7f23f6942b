/* calls.c: start, list, show, follow and cancel calls over HTTP. The rules are in domain/call.h. */
#include <stdlib.h>
#include <string.h>

#include "api/routes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/call.h"

#define IDEM_ROUTE "POST /calls"
#define IDEM_KEY_MAX 255
#define DIAL_POLL_MIN_MS 3
#define DIAL_POLL_MAX_MS 40

static enum rc start(struct ask *);
static enum rc list(struct ask *);
static enum rc show(struct ask *);
static enum rc events(struct ask *);
static enum rc cancel(struct ask *);

static const struct field start_fields[] = {
	{ "target_phone", FIELD_TEXT, .required = true, .min = 4, .max = 32,
	    .title = "Target Phone", .help = "E.164 phone number to dial (e.g. +37441467478)." },
	{ "brief", FIELD_TEXT, .required = true, .min = 1, .max = 4000, .title = "Brief",
	    .help = "Natural-language task for the voice agent." },
	{ "language", FIELD_TEXT, .absent = "\"auto\"", .title = "Language",
	    .help = "ru / en / auto. Drives the agent's speech language." },
	{ "kind", FIELD_CHOICE, .absent = "\"other\"", .title = "TaskKind",
	    .choices = "restaurant_booking|restaurant_cancel|doctor_appointment|hotel_booking|"
		       "concierge|other",
	    .help = "Coarse task classifier, for analytics." },
	{ "parsed_slots", FIELD_OBJECT, .nullable = true, .title = "Parsed Slots",
	    .help = "Optional structured fields (date, time, guests, ...). Free-form JSON." },
	{ "ask_user_mode", FIELD_CHOICE, .absent = "\"any\"", .choices = "any|stream",
	    .pattern = "^(any|stream)$", .title = "Ask User Mode",
	    .help = "Routing of the agent's questions: any (default) uses the webhook and the event"
		    " stream, stream never calls the webhook." },
	{ "machine_detection", FIELD_CHOICE, .absent = "\"off\"", .choices = "off|on|async",
	    .title = "Machine Detection",
	    .help = "Whether the carrier is to find out if a machine answered: off, on (before the"
		    " agent speaks) or async (while it speaks)." },
	{ "not_after", FIELD_TIME, .nullable = true, .title = "Not After",
	    .help = "When the call is no longer wanted; it expires if it was not dialed by then." },
	{ "metadata", FIELD_OBJECT, .nullable = true, .title = "Metadata",
	    .help = "An object of yours, given back with the call." },
	{ .name = NULL },
};

static const struct field list_fields[] = {
	{ "limit", FIELD_INT, .min = 1, .max = 1000, .absent = "100", .title = "Limit" },
	{ "status", FIELD_CHOICE, .title = "Status",
	    .choices = "scheduled|queued|dialing|dial_unknown|in_progress|completed|failed|"
		       "cancelled|expired" },
	{ "since", FIELD_TIME, .title = "Since", .help = "Only calls created then or later." },
	{ "before", FIELD_TEXT, .max = 64, .title = "Before",
	    .help = "A call_id: the page after that call." },
	{ .name = NULL },
};

static const struct field events_fields[] = {
	{ "after_event_id", FIELD_INT, .min = 0, .max = INT32_MAX, .title = "After Event Id",
	    .help = "Only events after this one; wins over the header Last-Event-ID." },
	{ .name = NULL },
};

static const struct route_answer start_answers[] = {
	{ 201, "Dialed: the queue is off, and the carrier has taken the call.",
	    "StartCallResponse" },
	{ 202,
	    "Call queued; or the queue is off and the dial has not been confirmed in time. Poll"
	    " GET /calls/{call_id}.",
	    "QueuedCallResponse" },
	{ 400, "Bad phone number, blank brief, not_after in the past, or a bad Idempotency-Key.",
	    "Error" },
	{ 402, "Out of credits.", "Error" },
	{ 409, "Concurrency cap reached (queue off), or a conflict on the Idempotency-Key.",
	    "Error" },
	{ 422, "Validation Error", "HTTPValidationError" },
	{ 502, "The dial failed; the reservation was released.", "Error" },
	{ 503, "Maintenance, or the database is away.", "Error" },
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
static const struct route_answer events_answers[] = {
	{ 200, "The events so far.", "[]CallEvent" },
	{ 404, "No such call, or another customer's.", "Error" },
	{ 406, "The client does not accept application/json.", "Error" },
	{ 422, "Validation Error", "HTTPValidationError" },
	{ 0 },
};
static const struct route_answer cancel_answers[] = {
	{ 200, "Whether the call was cancelled; false for unknown, foreign and ended calls.",
	    "CancelResponse" },
	{ 0 },
};

const struct route call_routes[] = {
	{ "POST", "/calls", start, .body = start_fields, .body_schema = "StartCallBody",
	    .tag = "calls", .operation = "start_call_calls_post",
	    .summary = "Start an AI voice call", .answers = start_answers },
	{ "GET", "/calls", list, .query = list_fields, .tag = "calls",
	    .operation = "list_calls_calls_get",
	    .summary = "List the customer's calls (most recent first)", .answers = list_answers },
	{ "GET", "/calls/{call_id}", show, .tag = "calls",
	    .operation = "get_call_calls__call_id__get", .summary = "Get a single call by id",
	    .answers = show_answers },
	{ "GET", "/calls/{call_id}/events", events, .query = events_fields, .tag = "calls",
	    .operation = "stream_call_events_calls__call_id__events_get",
	    .summary = "The events of a call", .answers = events_answers },
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
	{ "has_recording", SHAPE_BOOL, .optional = true, .title = "Has Recording" },
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

static const struct shape event_shape[] = {
	{ "event_id", SHAPE_INT, .title = "Event Id" },
	{ "call_id", SHAPE_TEXT, .title = "Call Id" },
	{ "event_type", SHAPE_TEXT, .title = "Event Type" },
	{ "created_at", SHAPE_TIME, .title = "Created At" },
	{ "data", SHAPE_OBJECT, .title = "Data" },
	{ .name = NULL },
};

static const struct shape started_shape[] = {
	{ "call", SHAPE_OBJECT, .title = "CallDTO" },
	{ "task_id", SHAPE_TEXT, .title = "Task Id" },
	{ "credits_reserved", SHAPE_INT, .title = "Credits Reserved" },
	{ "owner_pod", SHAPE_TEXT, .nullable = true, .optional = true, .title = "Owner Pod" },
	{ .name = NULL },
};

static const struct shape queued_shape[] = {
	{ "call_id", SHAPE_TEXT, .title = "Call Id" },
	{ "queue_id", SHAPE_TEXT, .title = "Queue Id" },
	{ "position", SHAPE_INT, .title = "Position" },
	{ "status", SHAPE_TEXT, .optional = true, .title = "Status" },
	{ .name = NULL },
};

static const struct shape cancelled_shape[] = {
	{ "cancelled", SHAPE_BOOL, .title = "Cancelled" },
	{ .name = NULL },
};

const struct named_schema call_schemas[] = {
	{ "StartCallBody", NULL, start_fields, NULL },
	{ "CallDTO", call_shape, NULL,
	    "Public read view of a call. transcript_full and supervisor_decisions come with the"
	    " single call only." },
	{ "CallEvent", event_shape, NULL,
	    "One event of a call; event_id counts from 1 without gaps." },
	{ "StartCallResponse", started_shape, NULL, NULL },
	{ "QueuedCallResponse", queued_shape, NULL,
	    "The call was persisted and its credits reserved, but it is not dialed yet." },
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

/* The header's value without its quotes; false with an answer when it can be no key. */
static bool
read_idempotency_key(struct ask *ask, struct call_wish *wish)
{
	const char *key = req_header(ask->req, "idempotency-key");
	size_t len;

	if (key == NULL)
		return true;
	len = strlen(key);
	if (len >= 2 && key[0] == '"' && key[len - 1] == '"') {
		key = arena_strndup(ask->req->arena, key + 1, len - 2);
		len -= 2;
	}
	if (!str_utf8(key, len)) {
		resp_error_code(ask->resp, 400, "idempotency_key_invalid",
		    "Idempotency-Key must be UTF-8.");
		return false;
	}
	if (str_chars(key) > IDEM_KEY_MAX) {
		resp_error_code(ask->resp, 400, "idempotency_key_too_long",
		    "Idempotency-Key is longer than 255 characters.");
		return false;
	}
	wish->idem_key = len > 0 ? key : NULL;
	return true;
}

/* SHA-256 over method, path and the raw body. */
static const char *
fingerprint(const struct req *req)
{
	size_t head_len = strlen(req->method) + strlen(req->path) + 2;
	char *text = arena_alloc(req->arena, head_len + req->body_len + 1);
	uint8_t hash[DIGEST_SHA256_SIZE];
	char hex[2 * DIGEST_SHA256_SIZE + 1];

	memcpy(text, req->method, strlen(req->method));
	text[strlen(req->method)] = ' ';
	memcpy(text + strlen(req->method) + 1, req->path, strlen(req->path));
	text[head_len - 1] = '\n';
	memcpy(text + head_len, req->body, req->body_len);
	digest_sha256(text, head_len + req->body_len, hash);
	digest_hex(hash, sizeof hash, hex);
	return arena_printf(req->arena, "\\x%s", hex);
}

/* The wish from the body, or RC_INVALID with a 400. */
static enum rc
read_wish(struct ask *ask, struct call_wish *wish)
{
	call_wish_init(wish);
	wish->target_phone = input_text(&ask->body, "target_phone");
	wish->brief = input_text(&ask->body, "brief");
	wish->language = input_text(&ask->body, "language");
	wish->kind = input_text(&ask->body, "kind");
	wish->parsed_slots = object_text(ask, "parsed_slots");
	wish->ask_user_mode = input_text(&ask->body, "ask_user_mode");
	wish->machine_detection = input_text(&ask->body, "machine_detection");
	wish->metadata = object_text(ask, "metadata");
	wish->not_after = input_text(&ask->body, "not_after");
	wish->direct = !ask->env->queue_enabled;
	wish->credits = ask->env->credits_per_call;
	wish->price_cents = ask->env->price_cents;
	wish->default_cap = ask->env->default_cap;
	if (!str_e164(wish->target_phone)) {
		resp_detail(ask->resp, 400,
		    "target_phone must be in E.164 form: a plus sign, then 7 to 15 digits, the first"
		    " not 0");
		return RC_INVALID;
	}
	if (str_blank(wish->brief)) {
		resp_detail(ask->resp, 400, "brief must not be empty");
		return RC_INVALID;
	}
	if (!read_idempotency_key(ask, wish))
		return RC_INVALID;
	if (wish->idem_key != NULL) {
		wish->idem_route = IDEM_ROUTE;
		wish->idem_fingerprint = fingerprint(ask->req);
	}
	return RC_OK;
}

/* The answer to a wish that was not accepted. */
static enum rc
answer_refusal(struct ask *ask, const struct call_acceptance *acceptance)
{
	switch (acceptance->refusal) {
	case CALL_ACCEPTED:
		break;
	case CALL_REPLAY:
		resp_json_text(ask->resp, acceptance->status, acceptance->body);
		resp_header(ask->resp, "Idempotent-Replayed", "true");
		break;
	case CALL_PAST:
		resp_detail(ask->resp, 400, "not_after must be in the future");
		break;
	case CALL_KEY_CONFLICT:
		resp_error_code(ask->resp, 409, "idempotency_conflict",
		    "This Idempotency-Key was used with another request.");
		break;
	case CALL_KEY_RUNNING:
		resp_error_code(ask->resp, 409, "idempotency_in_progress",
		    "The first request with this Idempotency-Key is still running.");
		break;
	case CALL_KEY_UNKNOWN:
		resp_error_code(ask->resp, 409, "idempotency_state_unknown",
		    "The first request with this Idempotency-Key was interrupted. Look with"
		    " GET /calls?since= whether the call exists before you try again with a new key.");
		break;
	case CALL_MAINTENANCE:
		resp_json_text(ask->resp, 503, acceptance->body);
		resp_header(ask->resp, "Retry-After", "60");
		break;
	case CALL_NO_CREDIT:
		return RC_NO_CREDIT;
	case CALL_AT_CAP:
		resp_detail(ask->resp, 409,
		    "Concurrency cap reached: cancel an active call or raise the cap by"
		    " PUT /users/me/limits");
		break;
	}
	return RC_OK;
}

/* Waits until the scheduler has dialed, or the patience is over. */
static enum rc
wait_for_dial(struct ask *ask, const struct call_wish *wish, enum call_dial *state,
    const char **status, const char **reason)
{
	int64_t patience = clock_boot_us() + ask->env->sync_wait_ms * 1000;
	int64_t pause = DIAL_POLL_MIN_MS;
	enum rc rc;

	for (;;) {
		rc = call_dial_state(
		    ask->db, ask->req->arena, wish->call_id, state, status, reason);
		if (rc != RC_OK || *state != CALL_DIAL_WAITS || clock_boot_us() >= patience)
			return rc;
		clock_sleep_ms(pause);
		pause = pause * 3 / 2 + 1 > DIAL_POLL_MAX_MS ? DIAL_POLL_MAX_MS : pause * 3 / 2 + 1;
	}
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

/* 202 for a direct call whose dial is not known yet: the queued body with the status of now. */
static void
answer_waiting(struct ask *ask, const struct call_acceptance *acceptance, const char *status)
{
	json_t *body = json_loads(acceptance->body, 0, NULL);

	json_object_set_new(body, "status", json_string(status));
	resp_json(ask->resp, 202, body);
}

/* The queue is off: the call is dialed at the head of the queue while its client waits. */
static enum rc
answer_direct(
    struct ask *ask, const struct call_wish *wish, const struct call_acceptance *acceptance)
{
	const char *status = "queued", *reason = "";
	enum call_dial state = CALL_DIAL_WAITS;
	enum rc rc = wait_for_dial(ask, wish, &state, &status, &reason);

	/* The call is accepted whatever happens now: the answer must say so. */
	if (rc != RC_OK)
		state = CALL_DIAL_WAITS;
	if (state == CALL_DIALED && answer_dialed(ask, wish) != RC_OK)
		state = CALL_DIAL_WAITS;
	if (state == CALL_DIAL_FAILED)
		resp_detail(ask->resp, 502, "%s", reason);
	else if (state != CALL_DIALED)
		answer_waiting(ask, acceptance, status);
	if (wish->idem_key == NULL)
		return RC_OK;
	rc = call_answer_store(
	    ask->db, acceptance->workspace_id, wish, ask->resp->status, ask->resp->body.data);
	if (rc != RC_OK)
		log_warning("an answer could not be kept under its idempotency key");
	return RC_OK;
}

static enum rc
start(struct ask *ask)
{
	struct call_acceptance acceptance = { 0 };
	struct call_wish wish;
	enum rc rc;

	if ((rc = read_wish(ask, &wish)) != RC_OK)
		return rc;
	log_about(wish.call_id);
	rc = call_accept(ask->db, ask->req->arena, &ask->who, &wish, &acceptance);
	if (rc != RC_OK)
		return rc;
	if (acceptance.refusal != CALL_ACCEPTED)
		return answer_refusal(ask, &acceptance);
	if (wish.direct)
		return answer_direct(ask, &wish, &acceptance);
	resp_json_text(ask->resp, acceptance.status, acceptance.body);
	return RC_OK;
}

/* An array of the rows' objects; a NULL in the first column means that there are none. */
static json_t *
row_array(const struct shape *shape, const struct rows *rows)
{
	json_t *array = json_array();

	for (int i = 0; i < rows_count(rows); i++)
		if (rows_text(rows, i, CALL_FIRST_COLUMN) != NULL)
			json_array_append_new(array, ask_row(shape, rows, i, CALL_FIRST_COLUMN));
	return array;
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
		resp_json(ask->resp, 200, row_array(light, rows));
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
events(struct ask *ask)
{
	const char *accept = req_header(ask->req, "accept");
	const char *last = req_header(ask->req, "last-event-id");
	struct rows *rows;
	int64_t after = 0;
	enum rc rc;

	if (input_given(&ask->query, "after_event_id"))
		after = input_int(&ask->query, "after_event_id");
	else if (last != NULL && !str_int64(last, 0, INT32_MAX, &after))
		after = 0;
	rc = call_events(ask->db, &ask->who, ask_path(ask, "call_id"), after, &rows);
	if (rc != RC_OK)
		return rc;
	if (accept != NULL && strstr(accept, "application/json") == NULL &&
	    strstr(accept, "*/*") == NULL)
		resp_detail(ask->resp, 406,
		    "Events are answered as a JSON array: send Accept: application/json");
	else
		resp_json(ask->resp, 200, row_array(event_shape, rows));
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
