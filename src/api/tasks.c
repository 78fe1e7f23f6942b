/*
 * tasks.c: the task routes: one call, many, or one at a time of its own; how a task stands, and its
 * end before its time. Their calls are placed as all others are (api/place.h); the rules of tasks are
 * in domain/task.h.
 */
#include <stdlib.h>
#include <string.h>

#include "api/place.h"
#include "api/routes.h"
#include "api/tasks.h"
#include "base/str.h"
#include "domain/brief.h"
#include "domain/schedule.h"
#include "domain/task.h"
#include "http/reach.h"

#define BASE "/api/v1/celery/twilio"
#define LANGUAGE_MAX 16
#define ID_SHOWN 64 /* characters of a foreign id that an answer gives back */
/* What the agent is to say when call_metadata has no message. */
#define BRIEF_ABSENT                                                                                \
	"Say hello, say that you call on behalf of your client, ask whether there is a message for" \
	" the client, and thank them."

static enum rc queue_single(struct ask *);
static enum rc queue_bulk(struct ask *);
static enum rc schedule(struct ask *);
static enum rc status(struct ask *);
static enum rc cancel(struct ask *);
static enum rc active(struct ask *);
static enum rc health(struct ask *);

/* ---- what is taken ---- */

#define TO_FIELD                                                                         \
	{                                                                                \
		"to_number", FIELD_TEXT, .required = true, .title = "To Number",         \
					 .help = "Phone number to call (E.164 format).", \
					 .example = "\"+12345678901\""                   \
	}

static const struct field single_fields[] = {
	TO_FIELD,
	FROM_FIELD,
	WEBHOOK_FIELD,
	CALLBACK_FIELD,
	METADATA_FIELD("Call metadata for tracking, given back with the call and its task; at most"
		       " 16 KiB."),
	{ "delay_seconds", FIELD_INT, .nullable = true, .min = 0, .max = 3600, .absent = "0",
	    .title = "Delay Seconds", .example = "10", .help = "Delay before making the call." },
	{ .name = NULL },
};

static const struct field bulk_fields[] = {
	{ "phone_numbers", FIELD_LIST, .required = true, .min = 1, .max = 1000,
	    .title = "Phone Numbers", .example = "[\"+12345678901\", \"+12345678902\"]",
	    .help = "Phone numbers to call, E.164. One that comes twice is called once." },
	FROM_FIELD,
	WEBHOOK_FIELD,
	CALLBACK_FIELD,
	METADATA_FIELD("Call metadata for all calls; at most 16 KiB."),
	SPACING_FIELD,
	CONCURRENT_FIELD,
	{ .name = NULL },
};

static const struct field schedule_fields[] = {
	TO_FIELD,
	FROM_FIELD,
	WEBHOOK_FIELD,
	CALLBACK_FIELD,
	METADATA_FIELD("Call metadata; at most 16 KiB."),
	{ "schedule_time", FIELD_TEXT, .required = true, .max = 64, .title = "Schedule Time",
	    .example = "\"2036-01-15T14:00:00Z\"",
	    .help = "When to make the call: ISO 8601. With Z or an offset it wins over timezone." },
	{ "timezone", FIELD_TEXT, .nullable = true, .max = 64, .absent = "\"America/New_York\"",
	    .title = "Timezone", .example = "\"Asia/Kolkata\"",
	    .help = "IANA time zone of a schedule_time without an offset." },
	{ .name = NULL },
};

static const struct field active_fields[] = {
	{ "limit", FIELD_INT, .min = 1, .max = 100, .absent = "20", .title = "Limit",
	    .example = "20", .help = "How many tasks to answer at most." },
	{ .name = NULL },
};

/* ---- what is answered ---- */

static const struct route_answer accept_answers[] = {
	{ 200, "Successful Response", "TaskAccepted" },
	{ 400, "Wrong input: a sentence that names the field.", "Error" },
	{ 402, "Not enough credits: no call was accepted.", "Error" },
	PLACE_BARRED,
	{ 409, "A conflict on the Idempotency-Key.", "Error" },
	{ 500, NO_CARRIER ".", "Error" },
	{ 503, "Maintenance, or the database is away.", "Error" },
	{ 0 },
};
static const struct route_answer bulk_answers[] = {
	{ 200, "Successful Response", "BulkAccepted" },
	{ 400, "Wrong input: a sentence that names the field.", "Error" },
	{ 402, "Not enough credits: no call was accepted.", "Error" },
	PLACE_BARRED,
	{ 409, "A conflict on the Idempotency-Key.", "Error" },
	{ 500, NO_CARRIER ".", "Error" },
	{ 503, "Maintenance, or the database is away.", "Error" },
	{ 0 },
};
static const struct route_answer status_answers[] = {
	{ 200, "Successful Response", "TaskStatus" },
	{ 404, "Task not found, or another customer's.", "Error" },
	{ 0 },
};
static const struct route_answer cancel_answers[] = {
	{ 200, "Successful Response", "TaskCancelled" },
	{ 404, "No such task, or nothing of it could be cancelled: it has ended.", "Error" },
	{ 0 },
};
static const struct route_answer active_answers[] = {
	{ 200, "Successful Response", "ActiveTasks" },
	{ 400, "Wrong input: a sentence that names the field.", "Error" },
	{ 0 },
};
static const struct route_answer health_answers[] = {
	{ 200, "Calls can be made.", "TaskHealth" },
	{ 503,
	    "Calls cannot be made now: no carrier credentials, no scheduler at work, or no"
	    " database.",
	    "TaskHealth" },
	{ 0 },
};

const struct route task_routes[] = {
	{ "GET", BASE "/health", health, .flags = ROUTE_PUBLIC, .tag = "tasks",
	    .operation = "task_health", .summary = "Health check", .answers = health_answers },
	{ "POST", BASE "/queue-single-call", queue_single, .flags = ROUTE_PLAIN,
	    .body = single_fields, .body_schema = "SingleCallBody", .headers = place_headers,
	    .tag = "tasks", .operation = "queue_single_call", .summary = "Queue a single call",
	    .answers = accept_answers },
	{ "POST", BASE "/queue-bulk-calls", queue_bulk, .flags = ROUTE_PLAIN, .body = bulk_fields,
	    .body_schema = "BulkCallsBody", .headers = place_headers, .tag = "tasks",
	    .operation = "queue_bulk_calls", .summary = "Queue bulk calls",
	    .answers = bulk_answers },
	{ "POST", BASE "/schedule-call", schedule, .flags = ROUTE_PLAIN, .body = schedule_fields,
	    .body_schema = "ScheduleCallBody", .headers = place_headers, .tag = "tasks",
	    .operation = "schedule_call", .summary = "Schedule a call for a specific time",
	    .answers = accept_answers },
	{ "GET", BASE "/task-status/{task_id}", status, .flags = ROUTE_PLAIN, .tag = "tasks",
	    .operation = "task_status", .summary = "Get a task's status and progress",
	    .answers = status_answers },
	{ "DELETE", BASE "/cancel-task/{task_id}", cancel, .flags = ROUTE_PLAIN, .tag = "tasks",
	    .operation = "cancel_task", .summary = "Cancel a pending or running task",
	    .answers = cancel_answers },
	{ "GET", BASE "/active-tasks", active, .flags = ROUTE_PLAIN, .query = active_fields,
	    .tag = "tasks", .operation = "active_tasks",
	    .summary = "List the tasks that have not ended (most recent first)",
	    .answers = active_answers },
	{ .method = NULL },
};

static const struct shape accepted_shape[] = {
	{ "success", SHAPE_BOOL, .title = "Success" },
	{ "task_id", SHAPE_TEXT, .title = "Task Id" },
	{ "message", SHAPE_TEXT, .title = "Message" },
	{ "created_at", SHAPE_TIME, .title = "Created At" },
	{ "estimated_completion", SHAPE_TIME, .title = "Estimated Completion",
	    .help = "created_at, the delay and a minute; of a scheduled call its time." },
	{ "note", SHAPE_TEXT, .optional = true, .title = "Note",
	    .help = "How a schedule_time was taken that does not exist, or exists twice, in its"
		    " time zone." },
	{ .name = NULL },
};

static const struct shape bulk_shape[] = {
	{ "success", SHAPE_BOOL, .title = "Success" },
	{ "task_id", SHAPE_TEXT, .title = "Task Id" },
	{ "message", SHAPE_TEXT, .title = "Message" },
	{ "total_calls", SHAPE_INT, .title = "Total Calls",
	    .help = "How many calls are made: one for each number, however often it was given." },
	{ "estimated_duration_minutes", SHAPE_INT, .title = "Estimated Duration Minutes" },
	{ "created_at", SHAPE_TIME, .title = "Created At" },
	{ "note", SHAPE_TEXT, .optional = true, .title = "Note",
	    .help = "That numbers were given more than once." },
	{ .name = NULL },
};

static const struct shape status_shape[] = {
	{ "task_id", SHAPE_TEXT, .title = "Task Id" },
	{ "status", SHAPE_CHOICE, .choices = "PENDING|PROGRESS|SUCCESS|FAILURE|REVOKED",
	    .title = "Status" },
	{ "progress", SHAPE_INT, .title = "Progress", .help = "Percent." },
	{ "message", SHAPE_TEXT, .title = "Message" },
	{ "result", SHAPE_OBJECT, .nullable = true, .title = "Result",
	    .help = "counts (numbers by the status of their call, and total), calls (to_number,"
		    " call_id, status, outcome_type, summary, retries, duration_sec, started_at and"
		    " ended_at of each number, at most 1,000), duplicates (numbers that were given"
		    " more than once) and call_metadata." },
	{ "error", SHAPE_TEXT, .nullable = true, .title = "Error",
	    .help = "Why a task is a FAILURE." },
	{ "created_at", SHAPE_TIME, .title = "Created At" },
	{ "updated_at", SHAPE_TIME, .title = "Updated At" },
	{ .name = NULL },
};

static const struct shape brief_shape[] = {
	{ "task_id", SHAPE_TEXT, .title = "Task Id" },
	{ "status", SHAPE_CHOICE, .choices = "PENDING|PROGRESS|SUCCESS|FAILURE|REVOKED",
	    .title = "Status" },
	{ "progress", SHAPE_INT, .title = "Progress", .help = "Percent." },
	{ "message", SHAPE_TEXT, .title = "Message" },
	{ "total_calls", SHAPE_INT, .title = "Total Calls" },
	{ "created_at", SHAPE_TIME, .title = "Created At" },
	{ "updated_at", SHAPE_TIME, .title = "Updated At" },
	{ .name = NULL },
};

static const struct shape active_shape[] = {
	{ "active_tasks", SHAPE_ARRAY, .items = "object", .title = "Active Tasks",
	    .help = "task_id, status, progress, message, total_calls, created_at and updated_at of"
		    " each." },
	{ .name = NULL },
};

static const struct shape cancelled_shape[] = {
	{ "success", SHAPE_BOOL, .title = "Success" },
	{ "message", SHAPE_TEXT, .title = "Message" },
	{ "task_id", SHAPE_TEXT, .title = "Task Id" },
	{ .name = NULL },
};

static const struct shape health_shape[] = {
	{ "status", SHAPE_CHOICE, .choices = "healthy|unhealthy", .title = "Status" },
	{ "twilio_configured", SHAPE_BOOL, .title = "Twilio Configured",
	    .help = "There are credentials for the carrier." },
	{ "celery_configured", SHAPE_BOOL, .title = "Celery Configured",
	    .help = "A scheduler is at work: the same as scheduler.alive." },
	{ "timestamp", SHAPE_TIME, .title = "Timestamp" },
	{ "scheduler", SHAPE_OBJECT, .title = "Scheduler",
	    .help = "alive, and last_seen_at: the last sign of life of the one that dials." },
	{ "carrier", SHAPE_OBJECT, .title = "Carrier",
	    .help = "How (accepted, refused, throttled) and when the carrier answered last among"
		    " the newest 1,000 dials: last_answer and last_answer_at." },
	{ .name = NULL },
};

const struct named_schema task_schemas[] = {
	{ "SingleCallBody", NULL, single_fields, NULL },
	{ "BulkCallsBody", NULL, bulk_fields, NULL },
	{ "ScheduleCallBody", NULL, schedule_fields, NULL },
	{ "TaskAccepted", accepted_shape, NULL, NULL },
	{ "BulkAccepted", bulk_shape, NULL, NULL },
	{ "TaskStatus", status_shape, NULL, "A task as its calls stand now." },
	{ "TaskCancelled", cancelled_shape, NULL, NULL },
	{ "ActiveTasks", active_shape, NULL, NULL },
	{ "TaskHealth", health_shape, NULL, NULL },
	{ .name = NULL },
};

/* ---- reading ---- */

enum rc
task_refuse(struct ask *ask, const char *sentence)
{
	resp_detail(ask->resp, 400, "%s", sentence);
	return RC_INVALID;
}

/* en, pt-BR, zh-Hant-TW: what a call's language may be. */
static bool
is_language(const char *s)
{
	size_t len = s == NULL ? 0 : strcspn(s, "-");

	if (len < 2 || len > 3 || strlen(s) > LANGUAGE_MAX)
		return false;
	for (const char *c = s; *c != '\0'; c++) {
		bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
		bool digit = *c >= '0' && *c <= '9';

		if (*c == '-' ? c[1] == '-' || c[1] == '\0' : !letter && (!digit || c < s + len))
			return false;
	}
	return true;
}

/* What call_metadata says to us: the brief, the language; the rank is its priority's. */
static enum rc
read_metadata(struct ask *ask, struct call_wish *wish, int64_t *rank)
{
	json_t *metadata = input_json(&ask->body, "call_metadata");
	const char *message = json_string_value(json_object_get(metadata, "message"));
	const char *language = json_string_value(json_object_get(metadata, "language"));
	const char *priority = json_string_value(json_object_get(metadata, "priority"));
	char *text;

	wish->brief = message != NULL && !str_blank(message) ? message : BRIEF_ABSENT;
	wish->language = is_language(language) ? language : "auto";
	wish->kind = "other";
	*rank = 3;
	if (priority != NULL && strcmp(priority, "high") == 0)
		*rank = 2;
	else if (priority != NULL && strcmp(priority, "low") == 0)
		*rank = 4;
	if (str_chars(wish->brief) > BRIEF_CHARS_MAX)
		return task_refuse(ask, "call_metadata: message must have at most 4000 characters");
	if (metadata == NULL)
		return RC_OK;
	text = json_dumps(metadata, JSON_COMPACT);
	wish->metadata = arena_strdup(ask->req->arena, text);
	free(text);
	if (strlen(wish->metadata) > TASK_METADATA_MAX)
		return task_refuse(ask, "call_metadata: must be at most 16384 bytes of JSON");
	return RC_OK;
}

/* A URL of the customer's, or NULL. */
static enum rc
read_url(struct ask *ask, const char *name, const char **url)
{
	const char *wrong;

	*url = input_text(&ask->body, name);
	wrong = *url == NULL ? NULL : reach_url(*url, ask->env->anywhere);
	if (wrong == NULL)
		return RC_OK;
	return task_refuse(ask, arena_printf(ask->req->arena, "%s: %s", name, wrong));
}

/* A carrier that is not set up is told last. */
enum rc
task_read_common(struct ask *ask, struct place *p, struct task_wish *task, const char *route)
{
	enum rc rc;

	task->from_number = input_text(&ask->body, "from_number");
	if (task->from_number != NULL && !str_e164(task->from_number))
		return task_refuse(ask, NOT_E164 ": from_number");
	if ((rc = read_url(ask, "webhook_url", &task->webhook_url)) != RC_OK ||
	    (rc = read_url(ask, "status_callback_url", &task->status_callback_url)) != RC_OK ||
	    (rc = read_metadata(ask, &p->wish, &task->rank)) != RC_OK ||
	    (rc = place_key(ask, p, route)) != RC_OK)
		return rc;
	if (!ask->env->carrier_set) {
		resp_detail(ask->resp, 500, NO_CARRIER);
		return RC_INVALID; /* after 401 */
	}
	return RC_OK;
}

/* The one number of a task. */
static enum rc
read_number(struct ask *ask, struct task_wish *task)
{
	json_t *numbers;

	if (!str_e164(input_text(&ask->body, "to_number")))
		return task_refuse(ask, NOT_E164);
	numbers = json_pack("[O]", input_json(&ask->body, "to_number"));
	task_numbers(task, ask->req->arena, numbers);
	json_decref(numbers);
	return RC_OK;
}

enum rc
task_read_numbers(struct ask *ask, struct task_wish *task)
{
	json_t *numbers = input_json(&ask->body, "phone_numbers"), *item;
	size_t i;

	json_array_foreach(numbers, i, item)
	{
		const char *number = json_string_value(item);

		if (number == NULL || !str_e164(number))
			return task_refuse(
			    ask, arena_printf(ask->req->arena, NOT_E164 ": phone_numbers[%zu]", i));
	}
	task_numbers(task, ask->req->arena, numbers);
	return RC_OK;
}

/* ---- accepting ---- */

static enum rc
queue_single(struct ask *ask)
{
	struct task_wish task = { .kind = "single", .lane = "single" };
	struct place p;
	enum rc rc;

	place_init(&p, ask);
	task.delay_s = input_int(&ask->body, "delay_seconds");
	task.message = arena_printf(
	    ask->req->arena, "Call to %s queued successfully", input_text(&ask->body, "to_number"));
	if ((rc = read_number(ask, &task)) != RC_OK ||
	    (rc = task_read_common(ask, &p, &task, "POST " BASE "/queue-single-call")) != RC_OK)
		return rc;
	return place_task(ask, &p, &task);
}

void
task_fill_campaign(struct ask *ask, const struct place *p, struct task_wish *task, size_t given)
{
	struct arena *a = ask->req->arena;

	task->kind = "campaign";
	task->lane = p->wish.task_id;
	task->spacing_s = input_int(&ask->body, "delay_between_calls");
	task->max_concurrent = input_int(&ask->body, "max_concurrent_calls");
	task->minutes = (task->count * task->spacing_s + 59) / 60;
	task->message = arena_printf(
	    a, "Bulk call campaign for %lld numbers queued successfully", (long long)task->count);
	if (task->duplicates != NULL)
		task->note = arena_printf(a,
		    "%zu numbers were given, %lld of them different: each is called once", given,
		    (long long)task->count);
}

static enum rc
queue_bulk(struct ask *ask)
{
	struct task_wish task = { 0 };
	struct place p;
	enum rc rc;

	place_init(&p, ask);
	if ((rc = task_read_numbers(ask, &task)) != RC_OK ||
	    (rc = task_read_common(ask, &p, &task, "POST " BASE "/queue-bulk-calls")) != RC_OK)
		return rc;
	task_fill_campaign(
	    ask, &p, &task, json_array_size(input_json(&ask->body, "phone_numbers")));
	return place_task(ask, &p, &task);
}

static enum rc
schedule(struct ask *ask)
{
	struct task_wish task = { .kind = "scheduled", .lane = "" };
	struct arena *a = ask->req->arena;
	struct schedule when;
	const char *wrong;
	struct place p;
	enum rc rc;

	place_init(&p, ask);
	p.past = "schedule_time must be in the future";
	if ((rc = read_number(ask, &task)) != RC_OK)
		return rc;
	wrong = schedule_read(
	    a, input_text(&ask->body, "schedule_time"), input_text(&ask->body, "timezone"), &when);
	if (wrong != NULL)
		return task_refuse(ask, wrong);
	if ((rc = task_read_common(ask, &p, &task, "POST " BASE "/schedule-call")) != RC_OK)
		return rc;
	task.rank = 1; /* its time is its priority */
	task.starts_at = when.starts_at;
	task.note = when.note;
	task.message = arena_printf(
	    a, "Call to %s scheduled for %s", input_text(&ask->body, "to_number"), when.starts_at);
	return place_task(ask, &p, &task);
}

/* ---- tasks that are there ---- */

/* The id of the path, bounded, to be given back in a sentence. */
static const char *
shown_id(struct ask *ask)
{
	const char *id = ask_path(ask, "task_id");
	size_t len = strlen(id), at = 0;
	uint32_t code;

	if (str_chars(id) <= ID_SHOWN)
		return id;
	for (int chars = 0; chars < ID_SHOWN; chars++)
		at += str_utf8_next(id + at, len - at, &code);
	return arena_printf(ask->req->arena, "%.*s…", (int)at, id);
}

static enum rc
status(struct ask *ask)
{
	struct rows *rows;
	enum rc rc = task_show(ask->db, &ask->who, ask_path(ask, "task_id"), &rows);

	if (rc == RC_NOT_FOUND)
		resp_detail(ask->resp, 404, "Task %s not found", shown_id(ask));
	if (rc != RC_OK)
		return rc;
	resp_json(ask->resp, 200, ask_row(status_shape, rows, 0, TASK_FIRST_COLUMN));
	rows_free(rows);
	return RC_OK;
}

static enum rc
cancel(struct ask *ask)
{
	const char *id = shown_id(ask);
	bool cancelled;
	enum rc rc = task_cancel(ask->db, &ask->who, ask_path(ask, "task_id"), &cancelled);

	if (rc == RC_NOT_FOUND || (rc == RC_OK && !cancelled)) {
		resp_detail(ask->resp, 404, "Task %s not found or could not be cancelled", id);
		return RC_NOT_FOUND;
	}
	if (rc != RC_OK)
		return rc;
	resp_json(ask->resp, 200,
	    json_pack("{s:b, s:s, s:s}", "success", 1, "message",
		arena_printf(ask->req->arena, "Task %s cancelled successfully", id), "task_id",
		id));
	return RC_OK;
}

static enum rc
active(struct ask *ask)
{
	struct rows *rows;
	enum rc rc = task_active(ask->db, &ask->who, input_int(&ask->query, "limit"), &rows);

	if (rc != RC_OK)
		return rc;
	resp_json(ask->resp, 200,
	    json_pack("{s:o}", "active_tasks", ask_rows(brief_shape, rows, TASK_FIRST_COLUMN)));
	rows_free(rows);
	return RC_OK;
}

/* 503 when no call can be made; a carrier that did not answer lately does not count, it may have been
 * asked nothing. */
static enum rc
health(struct ask *ask)
{
	struct task_health h = { 0 };
	char now[CLOCK_ISO_SIZE];
	bool well;

	if (task_health(ask->db, ask->req->arena, &h) != RC_OK)
		h.alive = false; /* no database, no scheduler */
	well = ask->env->carrier_set && h.alive;
	schedule_format(clock_wall_us() / 1000000 * 1000000, now);
	resp_json(ask->resp, well ? 200 : 503,
	    json_pack("{s:s, s:b, s:b, s:s, s:{s:b, s:s?}, s:{s:s?, s:s?}}", "status",
		well ? "healthy" : "unhealthy", "twilio_configured", ask->env->carrier_set,
		"celery_configured", h.alive, "timestamp", now, "scheduler", "alive", h.alive,
		"last_seen_at", h.seen_at, "carrier", "last_answer", h.answer, "last_answer_at",
		h.answered_at));
	return RC_OK;
}
