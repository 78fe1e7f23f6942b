/*
 * campaigns.c: campaigns: calls by the list with retries and calling hours, given as JSON or as a CSV
 * file, seen, paused and resumed. They are tasks (api/tasks.h) and placed like all calls (api/place.h);
 * the rules are in domain/campaign.h and domain/task.h.
 */
#include <stdlib.h>
#include <string.h>

#include "api/campaign_csv.h"
#include "api/routes.h"
#include "api/tasks.h"
#include "base/str.h"
#include "base/zone.h"
#include "domain/campaign.h"

#define BASE "/api/v1/campaigns"
#define NAME_MAX_CHARS 200

static enum rc create(struct ask *);
static enum rc list(struct ask *);
static enum rc show(struct ask *);
static enum rc stop(struct ask *);
static enum rc go_on(struct ask *);

/* ---- what is taken ---- */

#define NAME_FIELD                                                                     \
	{                                                                              \
		"name", FIELD_TEXT, .nullable = true, .min = 1, .max = NAME_MAX_CHARS, \
				    .title = "Name", .example = "\"Spring\"",          \
				    .help = "What its people call the campaign."       \
	}
/* All but the numbers: what a JSON body says, and the query beside a file is made into. */
#define SETTINGS                                                                                  \
	FROM_FIELD, WEBHOOK_FIELD, CALLBACK_FIELD,                                                \
	    METADATA_FIELD("Call metadata for all calls; at most 16 KiB."), SPACING_FIELD,        \
	    CONCURRENT_FIELD, NAME_FIELD,                                                         \
	    { "retries", FIELD_OBJECT, .nullable = true, .title = "Retries",                      \
		    .example = "{\"max\": 2, \"after_seconds\": 600, \"on\": [\"busy\"]}",        \
		    .help =                                                                       \
			"Off when absent. max (1 to 10) further calls to a number that was not"   \
			" reached, each after_seconds (1 to 86400, default 300) after the one"    \
			" before; on: which of busy, no_answer and failed count (default"         \
			" all). Each takes a credit of its own." },                               \
	{                                                                                         \
		"calling_window", FIELD_OBJECT,                                                   \
		    .nullable = true, .title = "Calling Window",                                  \
		    .example = "{\"from\": \"09:00\", \"to\": \"17:30\", \"days\": [1, 2, 3]}",   \
		    .help = "At any time when absent. Calls are made from (inside) to (outside)," \
			    " HH:MM of the callee's own clock, on these days (1 Monday to 7"      \
			    " Sunday, default all). The callee's time zone is found from the"     \
			    " number; zone (IANA) says it for all numbers instead."               \
	}

static const struct field create_fields[] = {
	{ "phone_numbers", FIELD_LIST, .required = true, .min = 1, .max = 1000,
	    .title = "Phone Numbers", .example = "[\"+12345678901\", \"+12345678902\"]",
	    .help = "Phone numbers to call, E.164. One that comes twice is called once." },
	SETTINGS,
	{ .name = NULL },
};
static const struct field setting_fields[] = { SETTINGS, { .name = NULL } };

static const struct field retry_fields[] = {
	{ "max", FIELD_INT, .required = true, .min = 1, .max = 10 },
	{ "after_seconds", FIELD_INT, .nullable = true, .min = 1, .max = 86400, .absent = "300" },
	{ "on", FIELD_LIST, .nullable = true, .min = 1, .max = 3 },
	{ .name = NULL },
};
static const struct field window_fields[] = {
	{ "from", FIELD_TEXT, .required = true, .min = 5, .max = 5 },
	{ "to", FIELD_TEXT, .required = true, .min = 5, .max = 5 },
	{ "days", FIELD_LIST, .nullable = true, .min = 1, .max = 7 },
	{ "zone", FIELD_TEXT, .nullable = true, .min = 1, .max = 64 },
	{ .name = NULL },
};

/* Beside a file, and of no effect beside JSON. */
#define CSV_ONLY "With a text/csv body: "
static const struct field csv_fields[] = {
	{ "dry_run", FIELD_BOOL, .absent = "false", .title = "Dry Run",
	    .help = CSV_ONLY "only the report; nothing is accepted." },
	{ "skip_invalid", FIELD_BOOL, .absent = "false", .title = "Skip Invalid",
	    .help = CSV_ONLY "leave out lines that are wrong, where otherwise one refuses all." },
	{ "name", FIELD_TEXT, .title = "Name", .help = CSV_ONLY "as in the body." },
	{ "from_number", FIELD_TEXT, .title = "From Number", .help = CSV_ONLY "as in the body." },
	{ "webhook_url", FIELD_TEXT, .title = "Webhook Url", .help = CSV_ONLY "as in the body." },
	{ "status_callback_url", FIELD_TEXT, .title = "Status Callback Url",
	    .help = CSV_ONLY "as in the body." },
	{ "delay_between_calls", FIELD_INT, .title = "Delay Between Calls",
	    .help = CSV_ONLY "as in the body." },
	{ "max_concurrent_calls", FIELD_INT, .title = "Max Concurrent Calls",
	    .help = CSV_ONLY "as in the body." },
	{ "message", FIELD_TEXT, .title = "Message", .help = CSV_ONLY "as in call_metadata." },
	{ "language", FIELD_TEXT, .title = "Language", .help = CSV_ONLY "as in call_metadata." },
	{ "priority", FIELD_TEXT, .title = "Priority", .help = CSV_ONLY "as in call_metadata." },
	{ "retry_max", FIELD_INT, .title = "Retry Max", .help = CSV_ONLY "retries.max." },
	{ "retry_after_seconds", FIELD_INT, .title = "Retry After Seconds",
	    .help = CSV_ONLY "retries.after_seconds." },
	{ "retry_on", FIELD_TEXT, .title = "Retry On",
	    .help = CSV_ONLY "retries.on, with commas between." },
	{ "window_from", FIELD_TEXT, .title = "Window From",
	    .help = CSV_ONLY "calling_window.from." },
	{ "window_to", FIELD_TEXT, .title = "Window To", .help = CSV_ONLY "calling_window.to." },
	{ "window_days", FIELD_TEXT, .title = "Window Days",
	    .help = CSV_ONLY "calling_window.days, with commas between." },
	{ "window_zone", FIELD_TEXT, .title = "Window Zone",
	    .help = CSV_ONLY "calling_window.zone." },
	{ .name = NULL },
};

static const struct field list_fields[] = {
	{ "limit", FIELD_INT, .min = 1, .max = 100, .absent = "20", .title = "Limit",
	    .example = "20", .help = "How many campaigns to answer at most." },
	{ "cursor", FIELD_TEXT, .max = 64, .title = "Cursor",
	    .help = "next_cursor of the page before." },
	{ .name = NULL },
};

/* ---- what is answered ---- */

static const struct route_answer create_answers[] = {
	{ 200, "Accepted, or what a dry run has found.", "CampaignAccepted" },
	{ 400,
	    "Wrong input: a sentence that names the field; for lines of a file error_code"
	    " invalid_lines, message and lines. Nothing was accepted.",
	    "Error" },
	{ 402, "Not enough credits: no call was accepted.", "Error" },
	PLACE_BARRED,
	{ 409, "A conflict on the Idempotency-Key.", "Error" },
	{ 500, NO_CARRIER ".", "Error" },
	{ 503, "Maintenance, or the database is away.", "Error" },
	{ 0 },
};
static const struct route_answer list_answers[] = {
	{ 200, "Campaigns, newest first.", "Campaigns" },
	{ 400, "Wrong input: a sentence that names the field.", "Error" },
	{ 0 },
};
static const struct route_answer show_answers[] = {
	{ 200, "Successful Response", "Campaign" },
	{ 404, "No such campaign, or another customer's.", "Error" },
	{ 0 },
};
static const struct route_answer pause_answers[] = {
	{ 200, "The campaign as it stands now, also when it stood so before.", "Campaign" },
	{ 404, "No such campaign, or another customer's.", "Error" },
	{ 409, "It has ended or was cancelled.", "Error" },
	{ 0 },
};

const struct route campaign_routes[] = {
	{ "POST", BASE, create, .flags = ROUTE_PLAIN | ROUTE_CSV, .query = csv_fields,
	    .body = create_fields, .body_schema = "CampaignBody text/csv", .headers = place_headers,
	    .tag = "campaigns", .operation = "create_campaign",
	    .summary = "Start a campaign from a list or a CSV file", .answers = create_answers },
	{ "GET", BASE, list, .flags = ROUTE_PLAIN, .query = list_fields, .tag = "campaigns",
	    .operation = "list_campaigns", .summary = "List campaigns (most recent first)",
	    .answers = list_answers },
	{ "GET", BASE "/{campaign_id}", show, .flags = ROUTE_PLAIN, .tag = "campaigns",
	    .operation = "get_campaign", .summary = "Get a campaign's settings and progress",
	    .answers = show_answers },
	{ "POST", BASE "/{campaign_id}/pause", stop, .flags = ROUTE_PLAIN, .tag = "campaigns",
	    .operation = "pause_campaign", .summary = "Pause a campaign",
	    .answers = pause_answers },
	{ "POST", BASE "/{campaign_id}/resume", go_on, .flags = ROUTE_PLAIN, .tag = "campaigns",
	    .operation = "resume_campaign", .summary = "Resume a paused campaign",
	    .answers = pause_answers },
	{ .method = NULL },
};

static const struct shape accepted_shape[] = {
	{ "success", SHAPE_BOOL, .title = "Success" },
	{ "campaign_id", SHAPE_TEXT, .nullable = true, .title = "Campaign Id",
	    .help = "The same as task_id; null after a dry run." },
	{ "task_id", SHAPE_TEXT, .nullable = true, .title = "Task Id" },
	{ "message", SHAPE_TEXT, .title = "Message" },
	{ "total_calls", SHAPE_INT, .title = "Total Calls",
	    .help = "How many numbers are called." },
	{ "estimated_duration_minutes", SHAPE_INT, .title = "Estimated Duration Minutes" },
	{ "created_at", SHAPE_TIME, .optional = true, .title = "Created At" },
	{ "note", SHAPE_TEXT, .optional = true, .title = "Note",
	    .help = "That numbers were given more than once." },
	{ "dry_run", SHAPE_BOOL, .optional = true, .title = "Dry Run" },
	{ "accepted", SHAPE_INT, .optional = true, .title = "Accepted",
	    .help = "Of a file: how many of its lines are called, and likewise:" },
	{ "duplicate", SHAPE_INT, .optional = true, .title = "Duplicate" },
	{ "invalid", SHAPE_INT, .optional = true, .title = "Invalid" },
	{ "lines", SHAPE_ARRAY, .optional = true, .items = "object", .title = "Lines",
	    .help = "line, status (accepted, duplicate, invalid), to_number and reason of each." },
	{ .name = NULL },
};

/* The columns of fn.campaign_show(), in their order. */
static const struct shape campaign_shape[] = {
	{ "campaign_id", SHAPE_TEXT, .title = "Campaign Id" },
	{ "task_id", SHAPE_TEXT, .title = "Task Id", .help = "The same: a campaign is a task." },
	{ "name", SHAPE_TEXT, .nullable = true, .title = "Name" },
	{ "status", SHAPE_CHOICE, .choices = "PENDING|PROGRESS|SUCCESS|FAILURE|REVOKED",
	    .title = "Status", .help = "As of the task." },
	{ "progress", SHAPE_INT, .title = "Progress", .help = "Percent." },
	{ "message", SHAPE_TEXT, .title = "Message" },
	{ "counts", SHAPE_OBJECT, .title = "Counts",
	    .help = "Numbers by the status of their newest call, and total." },
	{ "paused", SHAPE_BOOL, .title = "Paused" },
	{ "paused_at", SHAPE_TIME, .nullable = true, .title = "Paused At" },
	{ "paused_why", SHAPE_TEXT, .nullable = true, .title = "Paused Why",
	    .help = "customer, or circuit_breaker: half or more of the newest 20 calls (at least"
		    " 10) failed for technical reasons." },
	{ "next_dial_at", SHAPE_TIME, .nullable = true, .title = "Next Dial At",
	    .help = "No call of it is dialed before; null when none waits or it is paused." },
	{ "delay_between_calls", SHAPE_INT, .title = "Delay Between Calls" },
	{ "max_concurrent_calls", SHAPE_INT, .nullable = true, .title = "Max Concurrent Calls" },
	{ "retries", SHAPE_OBJECT, .title = "Retries", .help = "max (0: off), after_seconds, on." },
	{ "calling_window", SHAPE_OBJECT, .nullable = true, .title = "Calling Window",
	    .help = "from, to, days." },
	{ "call_metadata", SHAPE_OBJECT, .nullable = true, .title = "Call Metadata" },
	{ "duplicates", SHAPE_ARRAY, .items = "string", .title = "Duplicates",
	    .help = "Numbers that were given more than once." },
	{ "created_at", SHAPE_TIME, .title = "Created At" },
	{ "updated_at", SHAPE_TIME, .title = "Updated At" },
	{ .name = NULL },
};
static const struct shape list_shape[] = {
	{ "campaigns", SHAPE_ARRAY, .items = "object", .title = "Campaigns",
	    .help = "Objects as of Campaign." },
	{ "next_cursor", SHAPE_TEXT, .nullable = true, .title = "Next Cursor" },
	{ .name = NULL },
};

const struct named_schema campaign_schemas[] = {
	{ "CampaignBody", NULL, create_fields, NULL },
	{ "CampaignAccepted", accepted_shape, NULL, NULL },
	{ "Campaign", campaign_shape, NULL, "A campaign as its calls stand now." },
	{ "Campaigns", list_shape, NULL, NULL },
	{ .name = NULL },
};

/* ---- reading ---- */

/* Reads one of the objects inside; false when there is none. Wrong ones are answered. */
static enum rc
read_inside(struct ask *ask, const char *name, const struct field *fields, struct input *in)
{
	struct arena *a = ask->req->arena;
	enum rc rc = valid_object(a, fields, input_json(&ask->body, name), in);

	return rc == RC_OK ? rc
			   : task_refuse(ask, arena_printf(a, "%s: %s", name, valid_says(a, in)));
}

static enum rc
read_retries(struct ask *ask, struct task_wish *task)
{
	static const struct {
		const char *word, *outcome;
	} words[] = { { "busy", "failed_busy" }, { "no_answer", "failed_no_answer" },
		{ "failed", "failed_technical" } };
	struct arena *a = ask->req->arena;
	const char *outcomes = "";
	struct input in;
	json_t *item;
	size_t i;

	if (!input_given(&ask->body, "retries"))
		return RC_OK;
	if (read_inside(ask, "retries", retry_fields, &in) != RC_OK)
		return RC_INVALID;
	task->retry_max = input_int(&in, "max");
	task->retry_after_s = input_int(&in, "after_seconds");
	if (!input_given(&in, "on"))
		return RC_OK;
	json_array_foreach(input_json(&in, "on"), i, item)
	{
		const char *word = json_string_value(item);
		size_t n = 0;

		while (n < 3 && (word == NULL || strcmp(word, words[n].word) != 0))
			n++;
		if (n == 3)
			return task_refuse(ask, "retries: on takes busy, no_answer and failed");
		outcomes = arena_printf(a, "%s%s%s", outcomes, i > 0 ? "," : "", words[n].outcome);
	}
	task->retry_on = arena_printf(a, "{%s}", outcomes);
	return RC_OK;
}

/* HH:MM, up to 24:00. */
static bool
is_clock(const char *s)
{
	int64_t hours, minutes;
	char text[3] = { s[0], s[1], '\0' };

	return strlen(s) == 5 && strspn(s, "0123456789") == 2 && s[2] == ':' &&
	    strspn(s + 3, "0123456789") == 2 && str_int64(text, 0, 24, &hours) &&
	    str_int64(s + 3, 0, 59, &minutes) && (hours < 24 || minutes == 0);
}

static enum rc
read_window(struct ask *ask, struct task_wish *task)
{
	struct arena *a = ask->req->arena;
	const char *days = "";
	struct input in;
	json_t *item;
	size_t i;

	if (!input_given(&ask->body, "calling_window"))
		return RC_OK;
	if (read_inside(ask, "calling_window", window_fields, &in) != RC_OK)
		return RC_INVALID;
	task->window_from = input_text(&in, "from");
	task->window_to = input_text(&in, "to");
	task->zone = input_text(&in, "zone");
	if (!is_clock(task->window_from) || !is_clock(task->window_to) ||
	    strcmp(task->window_from, task->window_to) >= 0)
		return task_refuse(
		    ask, "calling_window: from and to must be HH:MM, and from the earlier");
	if (task->zone != NULL && zone_read(a, task->zone) == NULL)
		return task_refuse(ask, "calling_window: zone must be an IANA time zone");
	if (task->zone == NULL)
		task_zones(task, a);
	if (!input_given(&in, "days"))
		return RC_OK;
	json_array_foreach(input_json(&in, "days"), i, item)
	{
		json_int_t day = json_integer_value(item);

		if (day < 1 || day > 7)
			return task_refuse(
			    ask, "calling_window: days are numbers from 1 (Monday) to 7");
		days = arena_printf(a, "%s%s%d", days, i > 0 ? "," : "", (int)day);
	}
	task->window_days = arena_printf(a, "{%s}", days);
	return RC_OK;
}

/* All but the numbers, which have been read. */
static enum rc
read_settings(struct ask *ask, struct place *p, struct task_wish *task, size_t given)
{
	enum rc rc;

	task->name = input_text(&ask->body, "name");
	if ((rc = read_retries(ask, task)) != RC_OK || (rc = read_window(ask, task)) != RC_OK ||
	    (rc = task_read_common(ask, p, task, "POST " BASE)) != RC_OK)
		return rc;
	task_fill_campaign(ask, p, task, given);
	return RC_OK;
}

/* ---- a file ---- */

/* Moves a value of the query into an object, under another name; texts with commas into a list. */
static void
move(const struct ask *ask, const char *from, json_t *to, const char *name, bool list)
{
	const char *text;
	json_t *items;

	if (!input_given(&ask->query, from))
		return;
	if (!list) {
		(void)json_object_set(to, name, input_json(&ask->query, from));
		return;
	}
	items = json_array();
	for (text = input_text(&ask->query, from);; text++) {
		size_t len = strcspn(text, ",");
		char number[2] = { text[0], '\0' };
		int64_t value;

		(void)json_array_append_new(items,
		    len == 1 && str_int64(number, 0, 9, &value) ? json_integer(value)
								: json_stringn(text, len));
		text += len;
		if (*text == '\0')
			break;
	}
	(void)json_object_set_new(to, name, items);
}

static void
add_unless_empty(json_t *root, const char *name, json_t *object)
{
	if (json_object_size(object) > 0)
		(void)json_object_set(root, name, object);
	json_decref(object);
}

/* The query as the body that would have said the same. */
static enum rc
read_query(struct ask *ask)
{
	static const char *const plain[] = { "name", "from_number", "webhook_url",
		"status_callback_url", "delay_between_calls", "max_concurrent_calls" };
	static const char *const metadata[] = { "message", "language", "priority" };
	json_t *root = ask_keep(ask, json_object()), *inside;
	enum rc rc;

	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
		move(ask, plain[i], root, plain[i], false);
	inside = json_object();
	for (size_t i = 0; i < sizeof metadata / sizeof metadata[0]; i++)
		move(ask, metadata[i], inside, metadata[i], false);
	add_unless_empty(root, "call_metadata", inside);
	inside = json_object();
	move(ask, "retry_max", inside, "max", false);
	move(ask, "retry_after_seconds", inside, "after_seconds", false);
	move(ask, "retry_on", inside, "on", true);
	add_unless_empty(root, "retries", inside);
	inside = json_object();
	move(ask, "window_from", inside, "from", false);
	move(ask, "window_to", inside, "to", false);
	move(ask, "window_days", inside, "days", true);
	move(ask, "window_zone", inside, "zone", false);
	add_unless_empty(root, "calling_window", inside);
	rc = valid_object(ask->req->arena, setting_fields, root, &ask->body);
	if (rc != RC_OK)
		rc = task_refuse(ask, valid_says(ask->req->arena, &ask->body));
	return rc;
}

/* 400 with the lines that are wrong. */
static enum rc
refuse_lines(struct ask *ask, const struct campaign_csv *csv)
{
	json_t *wrong = json_array(), *line;
	size_t i;

	json_array_foreach(csv->lines, i, line)
	{
		const char *status = json_string_value(json_object_get(line, "status"));

		if (strcmp(status, "invalid") == 0)
			(void)json_array_append(wrong, line);
	}
	resp_json(ask->resp, 400,
	    json_pack("{s:{s:s, s:s, s:o}}", "detail", "error_code", "invalid_lines", "message",
		arena_printf(ask->req->arena,
		    "%lld of %zu lines cannot be used; nothing was accepted",
		    (long long)csv->invalid, json_array_size(csv->lines)),
		"lines", wrong));
	return RC_INVALID;
}

/* What the answer to a file says besides. */
static json_t *
report_of(const struct campaign_csv *csv, bool dry_run, const char *campaign_id)
{
	return json_pack("{s:s?, s:b, s:I, s:I, s:I, s:O}", "campaign_id", campaign_id, "dry_run",
	    dry_run, "accepted", (json_int_t)csv->accepted, "duplicate", (json_int_t)csv->duplicate,
	    "invalid", (json_int_t)csv->invalid, "lines", csv->lines);
}

/* A JSON text in the arena; takes over the value. */
static const char *
text_of(struct ask *ask, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);
	const char *copy = arena_strdup(ask->req->arena, text);

	free(text);
	json_decref(value);
	return copy;
}

/* Says what would have been accepted, or refused for whatever reason. */
static enum rc
answer_dry_run(
    struct ask *ask, struct place *p, const struct task_wish *task, const struct campaign_csv *csv)
{
	json_t *report;
	bool refused;
	enum rc rc;

	p->wish.idem_key = NULL;
	p->wish.credits *= task->count;
	rc = place_foretell(ask, p, &refused);
	if (refused)
		return rc;
	report = report_of(csv, true, NULL);
	(void)json_object_update_new(report,
	    json_pack("{s:b, s:n, s:s, s:I, s:I}", "success", 1, "task_id", "message",
		"Nothing was accepted: this was a dry run", "total_calls", (json_int_t)task->count,
		"estimated_duration_minutes", (json_int_t)task->minutes));
	resp_json(ask->resp, 200, report);
	return RC_OK;
}

static enum rc
create_from_file(struct ask *ask)
{
	struct task_wish task = { 0 };
	struct campaign_csv csv;
	bool dry_run = input_bool(&ask->query, "dry_run");
	struct place p;
	enum rc rc;

	place_init(&p, ask);
	if ((rc = read_query(ask)) != RC_OK || (rc = campaign_csv_read(ask, &csv)) != RC_OK)
		return rc;
	task_numbers(&task, ask->req->arena, csv.numbers);
	if ((rc = read_settings(ask, &p, &task, json_array_size(csv.numbers))) != RC_OK)
		return rc;
	if (dry_run)
		return answer_dry_run(ask, &p, &task, &csv);
	if (csv.accepted == 0 || (csv.invalid > 0 && !input_bool(&ask->query, "skip_invalid")))
		return refuse_lines(ask, &csv);
	if (csv.each != NULL)
		task.each = text_of(ask, json_incref(csv.each));
	task.more = text_of(ask, report_of(&csv, false, p.wish.task_id));
	return place_task(ask, &p, &task);
}

/* ---- the routes ---- */

static enum rc
create(struct ask *ask)
{
	struct task_wish task = { 0 };
	struct place p;
	enum rc rc;

	if (ask_csv(ask))
		return create_from_file(ask);
	place_init(&p, ask);
	if ((rc = task_read_numbers(ask, &task)) != RC_OK ||
	    (rc = read_settings(ask, &p, &task,
		 json_array_size(input_json(&ask->body, "phone_numbers")))) != RC_OK)
		return rc;
	task.more = arena_printf(ask->req->arena, "{\"campaign_id\": \"%s\"}", p.wish.task_id);
	return place_task(ask, &p, &task);
}

static enum rc
list(struct ask *ask)
{
	int64_t limit = input_int(&ask->query, "limit");
	const char *last = NULL;
	struct rows *rows;
	enum rc rc = campaign_list(
	    ask->db, &ask->who, input_text(&ask->query, "cursor"), limit, &rows);

	if (rc != RC_OK)
		return rc;
	if (rows_count(rows) == limit)
		last = rows_text(rows, (int)limit - 1, CAMPAIGN_FIRST_COLUMN);
	resp_json(ask->resp, 200,
	    json_pack("{s:o, s:s?}", "campaigns",
		ask_rows(campaign_shape, rows, CAMPAIGN_FIRST_COLUMN), "next_cursor", last));
	rows_free(rows);
	return RC_OK;
}

static enum rc
answer_not_found(struct ask *ask)
{
	resp_detail(ask->resp, 404, "Campaign not found");
	return RC_NOT_FOUND;
}

static enum rc
show(struct ask *ask)
{
	struct rows *rows;
	enum rc rc = campaign_show(ask->db, &ask->who, ask_path(ask, "campaign_id"), &rows);

	if (rc == RC_NOT_FOUND)
		return answer_not_found(ask);
	if (rc != RC_OK)
		return rc;
	resp_json(ask->resp, 200, ask_row(campaign_shape, rows, 0, CAMPAIGN_FIRST_COLUMN));
	rows_free(rows);
	return RC_OK;
}

static enum rc
pause_or_not(struct ask *ask, bool pause)
{
	enum rc rc = campaign_pause(ask->db, &ask->who, ask_path(ask, "campaign_id"), pause);

	if (rc == RC_NOT_FOUND)
		return answer_not_found(ask);
	if (rc == RC_CONFLICT)
		resp_detail(ask->resp, 409, "The campaign has ended or was cancelled");
	return rc == RC_OK ? show(ask) : rc;
}

static enum rc
stop(struct ask *ask)
{
	return pause_or_not(ask, true);
}

static enum rc
go_on(struct ask *ask)
{
	return pause_or_not(ask, false);
}
