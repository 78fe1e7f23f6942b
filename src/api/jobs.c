/*
 * jobs.c: the jobs of the post-call pipeline: calls from elsewhere are taken in, and jobs are seen and
 * queued again. The rules are in domain/job.h. (The jobs of negotiations are providers.c's.)
 */
#include <stdlib.h>
#include <string.h>

#include "api/routes.h"
#include "base/str.h"
#include "domain/job.h"
#include "http/reach.h"

#define BASE "/api/v1/jobs"
#define DURATION_MAX INT32_MAX
#define METADATA_MAX 16384 /* bytes of JSON */
#define NAME_MAX_BYTES 64  /* of a field that is repeated in a sentence */
#define STATUSES "queued|transcribing|analyzing|publishing|completed|skipped|failed"
#define SOURCES "api|callrail|offhook"

static enum rc create(struct ask *);
static enum rc list(struct ask *);
static enum rc show(struct ask *);
static enum rc logs(struct ask *);
static enum rc change(struct ask *);
static enum rc requeue(struct ask *);

/* ---- what is taken ---- */

static const struct field item_fields[] = {
	{ "seq", FIELD_INT, .required = true, .min = 1, .max = INT32_MAX, .title = "Seq",
	    .example = "1",
	    .help =
		"Its place. No two have the same; gaps are closed, so that they count from 1." },
	{ "role", FIELD_TEXT, .required = true, .min = 1, .max = JOB_ROLE_MAX, .title = "Role",
	    .example = "\"Agent\"", .help = "Who speaks." },
	{ "text", FIELD_TEXT, .required = true, .max = JOB_ITEM_MAX, .title = "Text",
	    .example = "\"Good morning, how can I help?\"" },
	{ "start_ms", FIELD_INT, .nullable = true, .max = INT32_MAX, .title = "Start Ms",
	    .example = "0", .help = "When in the call it begins …" },
	{ "end_ms", FIELD_INT, .nullable = true, .max = INT32_MAX, .title = "End Ms",
	    .example = "1800", .help = "… and ends, in milliseconds." },
	{ .name = NULL },
};

static const struct field create_fields[] = {
	{ "workspace_id", FIELD_TEXT, .nullable = true, .title = "Workspace Id",
	    .help = "Whose call it is: a workspace within the key's reach. May be left out with a"
		    " workspace's own key, or where X-Workspace-Id says it." },
	{ "external_id", FIELD_TEXT, .required = true, .min = 1, .max = JOB_EXTERNAL_ID_MAX,
	    .title = "External Id", .example = "\"crm-2026-11-26-0017\"",
	    .help = "Your own id of the call. A workspace has one job for each." },
	{ "recording_url", FIELD_TEXT, .nullable = true, .max = REACH_URL_MAX, .format = "uri",
	    .title = "Recording Url", .example = "\"https://media.example.com/calls/17.mp3\"",
	    .help = "Where its recording can be fetched: https, a public host name." },
	{ "transcript", FIELD_TEXT_OR_LIST, .nullable = true, .max = JOB_ITEMS_MAX,
	    .items = "TranscriptItemBody", .title = "Transcript",
	    .example = "\"Agent: Good morning, how can I help?\\nCaller: I would like to book a"
		       " table.\\nAgent: For when?\"",
	    .help = "What was said: a text, in which each line that is not blank is an item, Role:"
		    " words (unknown where a line names nobody); or an array of items." },
	{ "duration_seconds", FIELD_NUMBER, .nullable = true, .title = "Duration Seconds",
	    .example = "184", .help = "0 or more; whole seconds are kept. null: unknown." },
	{ "metadata", FIELD_OBJECT, .nullable = true, .title = "Metadata",
	    .example = "{\"campaign\": \"spring\"}",
	    .help = "An object of yours, given back as source_metadata; at most 16 KiB." },
	{ .name = NULL },
};

#define FILTERS                                                                                 \
	{ "source", FIELD_CHOICE, .nullable = true, .choices = SOURCES, .title = "Source",      \
		.help = "Only jobs that came this way." },                                      \
	    { "external_id", FIELD_TEXT, .nullable = true, .max = JOB_EXTERNAL_ID_MAX,          \
		    .title = "External Id" },                                                   \
	    { "call_id", FIELD_TEXT, .nullable = true, .max = 64, .title = "Call Id" },         \
	    { "skipped_reason", FIELD_TEXT, .nullable = true, .max = 200,                       \
		    .title = "Skipped Reason", .example = "\"duration_below_minimum\"",         \
		    .help = "The whole reason, or its part before the colon." },                \
	    { "failure", FIELD_TEXT, .nullable = true, .max = 32, .title = "Failure",           \
		    .example = "\"model\"",                                                     \
		    .help = "Why it failed: call_not_found, fetch, transcription, model, mail," \
			    " settings or lost." },                                             \
	    { "since", FIELD_TIME, .nullable = true, .title = "Since",                          \
		    .example = "\"2026-11-20T22:00:00.000Z\"",                                  \
		    .help = "Only jobs created then or later." },                               \
	{                                                                                       \
		"until", FIELD_TIME, .nullable = true, .title = "Until",                        \
				     .example = "\"2026-11-21T22:00:00.000Z\"",                 \
				     .help = "Only jobs created before."                        \
	}

static const struct field list_fields[] = {
	{ "status", FIELD_CHOICE, .choices = STATUSES, .title = "Status", .example = "\"skipped\"",
	    .help = "Only jobs in this status." },
	FILTERS,
	{ "limit", FIELD_INT, .min = 1, .max = 200, .absent = "50", .title = "Limit",
	    .example = "50", .help = "How many jobs to answer at most." },
	{ "cursor", FIELD_TEXT, .max = 64, .title = "Cursor",
	    .help = "next_cursor of the page before." },
	{ .name = NULL },
};

static const struct field log_fields[] = {
	{ "limit", FIELD_INT, .min = 1, .max = 1000, .absent = "100", .title = "Limit",
	    .example = "100", .help = "How many lines to answer at most." },
	{ "cursor", FIELD_TEXT, .max = 64, .title = "Cursor",
	    .help = "next_cursor of the page before." },
	{ .name = NULL },
};

static const struct field change_fields[] = {
	{ "status", FIELD_TEXT, .required = true, .title = "Status", .example = "\"queued\"",
	    .help = "queued, and nothing else." },
	{ .name = NULL },
};

static const struct field requeue_fields[] = {
	{ "status", FIELD_CHOICE, .required = true, .choices = "skipped|failed", .title = "Status",
	    .example = "\"skipped\"", .help = "Which jobs: skipped or failed ones." },
	{ "workspace_id", FIELD_TEXT, .nullable = true, .title = "Workspace Id",
	    .help = "Only this workspace's; all that the key reaches when it is left out." },
	FILTERS,
	{ "dry_run", FIELD_BOOL, .absent = "true", .title = "Dry Run", .example = "false",
	    .help = "Only say which jobs it would be. The default: say false to queue them." },
	{ "limit", FIELD_INT, .min = 1, .max = 1000, .absent = "100", .title = "Limit",
	    .example = "100", .help = "How many to queue at most, the newest first." },
	{ .name = NULL },
};

/* ---- what is answered ---- */

#define WRONG_INPUT                                                           \
	{                                                                     \
		400, "Wrong input: a sentence that names the field.", "Error" \
	}
#define NO_ACCESS                                            \
	{                                                    \
		403, "No access to job's workspace", "Error" \
	}
#define NO_REACH                                                                            \
	{                                                                                   \
		403, "The workspace that was named is not within the key's reach.", "Error" \
	}
#define NO_JOB                                \
	{                                     \
		404, "Job not found", "Error" \
	}

static const struct route_answer create_answers[] = {
	{ 200, "A job of that external_id is there already: it, as it is.", "PostCallJob" },
	{ 201, "The job was made, and is queued.", "PostCallJob" },
	WRONG_INPUT,
	NO_REACH,
	{ 0 },
};
static const struct route_answer list_answers[] = {
	{ 200, "Jobs, newest first.", "PostCallJobs" },
	WRONG_INPUT,
	NO_REACH,
	{ 0 },
};
static const struct route_answer show_answers[] = {
	{ 200, "Successful Response", "PostCallJobDetail" },
	NO_ACCESS,
	NO_JOB,
	{ 0 },
};
static const struct route_answer log_answers[] = {
	{ 200, "Lines, oldest first.", "JobLog" },
	WRONG_INPUT,
	NO_ACCESS,
	NO_JOB,
	{ 0 },
};
static const struct route_answer change_answers[] = {
	{ 200, "Queued again.", "JobRequeued" },
	{ 400, "Invalid status (only `queued` supported), or the job is not in `skipped` status.",
	    "Error" },
	NO_ACCESS,
	NO_JOB,
	{ 0 },
};
static const struct route_answer requeue_answers[] = {
	{ 200, "What was queued, or would have been.", "JobsRequeued" },
	WRONG_INPUT,
	NO_REACH,
	{ 0 },
};

const struct route job_routes[] = {
	{ "POST", BASE, create, .flags = ROUTE_PLAIN | ROUTE_REACH_403, .body = create_fields,
	    .body_schema = "PostCallJobBody", .tag = "jobs", .operation = "create_post_call_job",
	    .summary = "Ingest a call", .answers = create_answers },
	{ "GET", BASE, list, .flags = ROUTE_PLAIN | ROUTE_REACH_403, .query = list_fields,
	    .tag = "jobs", .operation = "list_post_call_jobs",
	    .summary = "List jobs (most recent first)", .answers = list_answers },
	{ "POST", BASE "/requeue", requeue, .flags = ROUTE_PLAIN | ROUTE_REACH_403,
	    .body = requeue_fields, .body_schema = "JobsRequeueBody", .tag = "jobs",
	    .operation = "requeue_post_call_jobs",
	    .summary = "Requeue skipped or failed jobs, many at once", .answers = requeue_answers },
	{ "GET", BASE "/{job_id}", show, .flags = ROUTE_PLAIN | ROUTE_REACH_403, .tag = "jobs",
	    .operation = "get_post_call_job",
	    .summary = "Get a job with its transcript and its history", .answers = show_answers },
	{ "GET", BASE "/{job_id}/logs", logs, .flags = ROUTE_PLAIN | ROUTE_REACH_403,
	    .query = log_fields, .tag = "jobs", .operation = "get_post_call_job_logs",
	    .summary = "Get what happened to a job, line by line", .answers = log_answers },
	{ "PATCH", BASE "/{job_id}/status", change, .flags = ROUTE_PLAIN | ROUTE_REACH_403,
	    .body = change_fields, .body_schema = "JobStatusBody", .tag = "jobs",
	    .operation = "requeue_post_call_job", .summary = "Requeue a skipped job",
	    .answers = change_answers },
	{ .method = NULL },
};

/* The objects that the database makes (sql/functions/09_jobs.sql, 17_job_doors.sql). */
static const struct shape usage_shape[] = {
	{ "model", SHAPE_TEXT, .nullable = true, .optional = true, .title = "Model" },
	{ "requests", SHAPE_INT, .optional = true, .title = "Requests" },
	{ "prompt_tokens", SHAPE_INT, .optional = true, .title = "Prompt Tokens" },
	{ "completion_tokens", SHAPE_INT, .optional = true, .title = "Completion Tokens" },
	{ "cost", SHAPE_REAL, .nullable = true, .optional = true, .title = "Cost",
	    .help = "In the currency of the operator's prices." },
	{ .name = NULL },
};
static const struct shape result_shape[] = {
	{ "empty", SHAPE_BOOL, .title = "Empty",
	    .help = "Nothing was said: there is no summary and nobody got a mail." },
	{ "outcome", SHAPE_TEXT, .nullable = true, .optional = true, .title = "Outcome",
	    .help = "What came of the call, in a few words." },
	{ "sentiment", SHAPE_CHOICE, .nullable = true, .optional = true, .title = "Sentiment",
	    .choices = "positive|neutral|negative" },
	{ "action_items", SHAPE_ARRAY, .optional = true, .items = "string",
	    .title = "Action Items" },
	{ "extracted", SHAPE_OBJECT, .nullable = true, .optional = true, .title = "Extracted",
	    .help = "What the workspace's summary.schema asks for." },
	{ "usage", SHAPE_OBJECT, .optional = true, .component = "JobUsage" },
	{ .name = NULL },
};
static const struct shape metadata_shape[] = {
	{ "requeue_count", SHAPE_INT, .optional = true, .title = "Requeue Count",
	    .help = "Number of times this job has been requeued." },
	{ "last_requeued_at", SHAPE_TIME, .optional = true, .title = "Last Requeued At",
	    .help = "ISO 8601 timestamp of most recent requeue." },
	{ "last_requeued_by", SHAPE_CHOICE, .optional = true, .title = "Last Requeued By",
	    .choices = "workspace|organization|partner|platform",
	    .help = "Scope of API key used for requeue." },
	{ "previous_skipped_reason", SHAPE_TEXT, .optional = true,
	    .title = "Previous Skipped Reason", .help = "The skip reason before requeue." },
	{ "previous_skipped_at", SHAPE_TIME, .optional = true, .title = "Previous Skipped At",
	    .help = "When the job was previously skipped." },
	{ "previous_error", SHAPE_TEXT, .nullable = true, .optional = true,
	    .title = "Previous Error", .help = "Why it had failed before requeue." },
	{ .name = NULL },
};
static const struct shape item_shape[] = {
	{ "seq", SHAPE_INT, .title = "Seq" },
	{ "role", SHAPE_TEXT, .title = "Role" },
	{ "text", SHAPE_TEXT, .title = "Text" },
	{ "start_ms", SHAPE_INT, .nullable = true, .optional = true, .title = "Start Ms" },
	{ "end_ms", SHAPE_INT, .nullable = true, .optional = true, .title = "End Ms" },
	{ .name = NULL },
};
static const struct shape change_shape[] = {
	{ "at", SHAPE_TIME, .title = "At" },
	{ "status", SHAPE_CHOICE, .choices = STATUSES, .title = "Status" },
	{ "previous", SHAPE_CHOICE, .choices = STATUSES, .nullable = true, .title = "Previous" },
	{ "reason", SHAPE_TEXT, .nullable = true, .title = "Reason" },
	{ .name = NULL },
};

#define JOB_SHAPE                                                                               \
	{ "job_id", SHAPE_TEXT, .title = "Job Id", .example = "\"12345\"",                      \
		.help = "A number, as a text." },                                               \
	    { "workspace_id", SHAPE_TEXT, .title = "Workspace Id", .example = "\"shop-1\"" },   \
	    { "status", SHAPE_CHOICE, .title = "Status", .component = "PostCallJobStatus",      \
		    .choices = STATUSES, .example = "\"skipped\"" },                            \
	    { "skipped_reason", SHAPE_TEXT, .nullable = true, .title = "Skipped Reason",        \
		    .example = "\"duration_below_minimum:12<30\"" },                            \
	    { "external_id", SHAPE_TEXT, .nullable = true, .title = "External Id",              \
		    .example = "\"crm-17\"",                                                    \
		    .help = "The id at whoever brought the call; or else it has a call_id." },  \
	    { "call_id", SHAPE_TEXT, .nullable = true, .title = "Call Id", .example = "null",   \
		    .help = "One of Offhook's own calls." },                                    \
	    { "source", SHAPE_CHOICE, .choices = SOURCES, .title = "Source",                    \
		    .example = "\"api\"" },                                                     \
	    { "duration_seconds", SHAPE_INT, .nullable = true, .title = "Duration Seconds",     \
		    .example = "12" },                                                          \
	    { "recording_url", SHAPE_TEXT, .nullable = true, .title = "Recording Url",          \
		    .example = "null" },                                                        \
	    { "attempts", SHAPE_INT, .title = "Attempts", .example = "0",                       \
		    .help = "The most tries of any stage since it was queued." },               \
	    { "error", SHAPE_TEXT, .nullable = true, .title = "Error", .example = "null",       \
		    .help = "Why it failed; while it goes on, what went wrong last." },         \
	    { "summary", SHAPE_TEXT, .nullable = true, .title = "Summary", .example = "null" }, \
	    { "result", SHAPE_OBJECT, .nullable = true, .component = "JobResult",               \
		    .example = "null" },                                                        \
	    { "source_metadata", SHAPE_OBJECT, .component = "JobMetadata", .example = "{}" },   \
	    { "created_at", SHAPE_TIME, .title = "Created At",                                  \
		    .example = "\"2026-11-20T22:51:05.123Z\"" },                                \
	{                                                                                       \
		"updated_at", SHAPE_TIME, .title = "Updated At",                                \
					  .example = "\"2026-11-20T22:51:06.456Z\""             \
	}

static const struct shape job_shape[] = { JOB_SHAPE, { .name = NULL } };
static const struct shape detail_shape[] = {
	JOB_SHAPE,
	{ "transcript", SHAPE_ARRAY, .nullable = true, .items = "TranscriptItem",
	    .title = "Transcript",
	    .example = "[{\"seq\": 1, \"role\": \"Agent\", \"text\": \"Good morning.\"}]",
	    .help = "null while there is none." },
	{ "history", SHAPE_ARRAY, .items = "JobChange", .title = "History",
	    .example = "[{\"at\": \"2026-11-20T22:51:05.123Z\", \"status\": \"queued\","
		       " \"previous\": null, \"reason\": null}]",
	    .help = "Its changes of status, oldest first; the newest thousand." },
	{ .name = NULL },
};
static const struct shape list_shape[] = {
	{ "jobs", SHAPE_ARRAY, .items = "PostCallJob", .title = "Jobs" },
	{ "next_cursor", SHAPE_TEXT, .nullable = true, .title = "Next Cursor",
	    .help = "Where the next page begins; null on the last one." },
	{ .name = NULL },
};
static const struct shape line_shape[] = {
	{ "at", SHAPE_TIME, .title = "At" },
	{ "level", SHAPE_CHOICE, .choices = "info|warning|error", .title = "Level" },
	{ "status", SHAPE_CHOICE, .choices = STATUSES, .title = "Status",
	    .help = "As it was then." },
	{ "previous", SHAPE_CHOICE, .choices = STATUSES, .nullable = true, .title = "Previous",
	    .help = "From which it came just then." },
	{ "message", SHAPE_TEXT, .title = "Message" },
	{ .name = NULL },
};
static const struct shape log_shape[] = {
	{ "logs", SHAPE_ARRAY, .items = "JobLogLine", .title = "Logs" },
	{ "next_cursor", SHAPE_TEXT, .nullable = true, .title = "Next Cursor" },
	{ .name = NULL },
};
static const struct shape requeued_shape[] = {
	{ "job_id", SHAPE_TEXT, .title = "Job Id", .example = "\"12345\"" },
	{ "previous_status", SHAPE_CHOICE, .choices = "skipped", .title = "Previous Status",
	    .example = "\"skipped\"" },
	{ "new_status", SHAPE_CHOICE, .choices = "queued", .title = "New Status",
	    .example = "\"queued\"" },
	{ "message", SHAPE_TEXT, .title = "Message",
	    .example = "\"Job requeued successfully (requeue #1). Job will be re-validated against"
		       " current processing filters.\"" },
	{ .name = NULL },
};
static const struct shape many_shape[] = {
	{ "dry_run", SHAPE_BOOL, .title = "Dry Run", .example = "false" },
	{ "matched", SHAPE_INT, .title = "Matched", .example = "2",
	    .help = "How many jobs the filters have found, counted up to 10000." },
	{ "requeued", SHAPE_INT, .title = "Requeued", .example = "2",
	    .help = "How many were queued; 0 after a dry run." },
	{ "more", SHAPE_BOOL, .title = "More", .example = "false",
	    .help = "Whether there are more than in job_ids." },
	{ "job_ids", SHAPE_ARRAY, .items = "string", .title = "Job Ids",
	    .example = "[\"12346\", \"12345\"]",
	    .help = "Those that were queued, or would have been: at most limit, newest first." },
	{ .name = NULL },
};

const struct named_schema job_schemas[] = {
	{ "PostCallJobBody", NULL, create_fields, NULL },
	{ "TranscriptItemBody", NULL, item_fields, "What one side said at a stretch." },
	{ "JobStatusBody", NULL, change_fields, NULL },
	{ "JobsRequeueBody", NULL, requeue_fields, NULL },
	{ "PostCallJob", job_shape, NULL, "A call on its way through the post-call pipeline." },
	{ "PostCallJobDetail", detail_shape, NULL, NULL },
	{ "PostCallJobs", list_shape, NULL, NULL },
	{ "JobResult", result_shape, NULL, "What was found in the transcript." },
	{ "JobUsage", usage_shape, NULL, "What the language model was used for it." },
	{ "JobMetadata", metadata_shape, NULL,
	    "What came with the call, and how often it was requeued." },
	{ "TranscriptItem", item_shape, NULL, NULL },
	{ "JobChange", change_shape, NULL, NULL },
	{ "JobLog", log_shape, NULL, NULL },
	{ "JobLogLine", line_shape, NULL, NULL },
	{ "JobRequeued", requeued_shape, NULL, NULL },
	{ "JobsRequeued", many_shape, NULL, NULL },
	{ .name = NULL },
};

/* ---- reading ---- */

static enum rc
refuse(struct ask *ask, const char *says)
{
	resp_detail(ask->resp, 400, "%s", says);
	return RC_INVALID;
}

/* A JSON text in the arena. */
static const char *
text_of(struct ask *ask, const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);
	const char *copy = arena_strdup(ask->req->arena, text);

	free(text);
	return copy;
}

/* The workspace that a body names is the one that the caller acts in. */
static enum rc
read_workspace(struct ask *ask)
{
	const char *name = input_text(&ask->body, "workspace_id");

	if (name == NULL)
		return RC_OK;
	if (!str_tenant_id(name))
		name = "?"; /* no workspace can have this id */
	if (ask->who.workspace != NULL && strcmp(ask->who.workspace, name) != 0)
		return refuse(ask,
		    "workspace_id is another than the request's own"
		    " (X-Workspace-Id, ?workspace_id=)");
	ask->who.workspace = name;
	return RC_OK;
}

static enum rc
read_duration(struct ask *ask, struct job_intake *intake)
{
	double seconds = json_number_value(input_json(&ask->body, "duration_seconds"));

	intake->duration_s = -1;
	if (!input_given(&ask->body, "duration_seconds"))
		return RC_OK;
	if (!(seconds >= 0 && seconds <= DURATION_MAX))
		return refuse(ask, "duration_seconds must be a number from 0 to 2147483647");
	intake->duration_s = (int64_t)seconds;
	return RC_OK;
}

/* The items of an array as they are kept, or NULL with a 400. */
static json_t *
read_items(struct ask *ask, const json_t *list)
{
	struct arena *a = ask->req->arena;
	json_t *items = ask_keep(ask, json_array()), *item;
	struct input in;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (valid_object(a, item_fields, item, &in) != RC_OK) {
			(void)refuse(
			    ask, arena_printf(a, "transcript[%zu].%s", i, valid_says(a, &in)));
			return NULL;
		}
		(void)json_array_append_new(items,
		    json_pack("{s:O, s:O, s:O, s:O*, s:O*}", "seq", input_json(&in, "seq"), "role",
			input_json(&in, "role"), "text", input_json(&in, "text"), "start_ms",
			input_json(&in, "start_ms"), "end_ms", input_json(&in, "end_ms")));
	}
	if (job_items_order(items))
		return items;
	(void)refuse(ask, "transcript: seq must be different in each item");
	return NULL;
}

/* An empty transcript beside a recording says nothing: the recording is heard. */
static enum rc
read_transcript(struct ask *ask, struct job_intake *intake)
{
	json_t *given = input_json(&ask->body, "transcript"), *items;

	if (!input_given(&ask->body, "transcript"))
		return intake->recording_url != NULL
		    ? RC_OK
		    : refuse(ask, "at least one of recording_url and transcript is required");
	if (json_is_array(given)) {
		items = read_items(ask, given);
		if (items == NULL)
			return RC_INVALID;
	} else {
		items = job_items(json_string_value(given));
		if (items == NULL)
			return refuse(ask,
			    "transcript: more than 20000 lines, or one with more than"
			    " 65536 bytes");
		(void)ask_keep(ask, items);
	}
	if (json_array_size(items) > 0 || intake->recording_url == NULL)
		intake->items = text_of(ask, items);
	return RC_OK;
}

static enum rc
read_intake(struct ask *ask, struct job_intake *intake)
{
	json_t *metadata = input_json(&ask->body, "metadata");
	const char *wrong;
	enum rc rc;

	intake->body = ask->req->body;
	intake->external_id = input_text(&ask->body, "external_id");
	intake->recording_url = input_text(&ask->body, "recording_url");
	if (str_blank(intake->external_id))
		return refuse(ask, "external_id must not be blank");
	if (intake->recording_url != NULL &&
	    (wrong = reach_url(intake->recording_url, ask->env->anywhere)) != NULL)
		return refuse(ask, arena_printf(ask->req->arena, "recording_url: %s", wrong));
	if (metadata != NULL && json_dumpb(metadata, NULL, 0, JSON_COMPACT) > METADATA_MAX)
		return refuse(ask, "metadata: must be at most 16384 bytes of JSON");
	if ((rc = read_workspace(ask)) != RC_OK || (rc = read_duration(ask, intake)) != RC_OK)
		return rc;
	return read_transcript(ask, intake);
}

/* What FILTERS and status say, as the database reads it. */
static const char *
filter_of(struct ask *ask, const struct input *in)
{
	static const char *const names[] = { "status", "source", "external_id", "call_id",
		"skipped_reason", "failure", "since", "until" };
	json_t *filter = json_object();
	const char *text;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (input_given(in, names[i]))
			(void)json_object_set(filter, names[i], input_json(in, names[i]));
	text = text_of(ask, filter);
	json_decref(filter);
	return text;
}

/* ---- the routes ---- */

/* Answers a body, or what it is that stands against it. */
static enum rc
answer(struct ask *ask, enum rc rc, int status, const char *body)
{
	if (rc == RC_OK)
		resp_json_text(ask->resp, status, body);
	else if (rc == RC_FORBIDDEN)
		resp_detail(ask->resp, 403, "No access to %s workspace",
		    ask_path(ask, "job_id")[0] != '\0' ? "job's" : "this");
	else if (rc == RC_NOT_FOUND)
		resp_detail(ask->resp, 404, "Job not found");
	return rc;
}

static enum rc
create(struct ask *ask)
{
	struct job_intake intake = { 0 };
	const char *body;
	bool created;
	enum rc rc = read_intake(ask, &intake);

	if (rc != RC_OK)
		return rc;
	rc = job_create(ask->db, ask->req->arena, &ask->who, &intake, &created, &body);
	return answer(ask, rc, created ? 201 : 200, body);
}

static enum rc
list(struct ask *ask)
{
	const char *body;
	enum rc rc = job_list(ask->db, ask->req->arena, &ask->who, filter_of(ask, &ask->query),
	    input_text(&ask->query, "cursor"), input_int(&ask->query, "limit"), &body);

	if (rc == RC_INVALID)
		return refuse(ask, "cursor: not one that a list has answered");
	return answer(ask, rc, 200, body);
}

static enum rc
show(struct ask *ask)
{
	const char *body;
	enum rc rc = job_show(ask->db, ask->req->arena, &ask->who, ask_path(ask, "job_id"), &body);

	return answer(ask, rc, 200, body);
}

static enum rc
logs(struct ask *ask)
{
	const char *cursor = input_text(&ask->query, "cursor"), *body;
	int64_t after = 0;
	enum rc rc;

	if (cursor != NULL && !str_int64(cursor, 0, INT64_MAX, &after))
		return refuse(ask, "cursor: not one that a list has answered");
	rc = job_log(ask->db, ask->req->arena, &ask->who, ask_path(ask, "job_id"), after,
	    input_int(&ask->query, "limit"), &body);
	return answer(ask, rc, 200, body);
}

static enum rc
change(struct ask *ask)
{
	const char *body;
	enum rc rc;

	if (strcmp(input_text(&ask->body, "status"), "queued") != 0)
		return refuse(ask, "Invalid status: only \"queued\" is supported");
	rc = job_requeue(ask->db, ask->req->arena, &ask->who, ask_path(ask, "job_id"), &body);
	if (rc == RC_CONFLICT) {
		resp_detail(
		    ask->resp, 400, "Job is not in \"skipped\" status: its status is \"%s\"", body);
		return RC_OK;
	}
	return answer(ask, rc, 200, body);
}

/* A filter that is misspelt must not let more jobs through. */
static enum rc
refuse_unknown(struct ask *ask)
{
	const char *name;
	json_t *value;

	json_object_foreach(ask->body.root, name, value)
	{
		const struct field *f = requeue_fields;

		while (f->name != NULL && strcmp(f->name, name) != 0)
			f++;
		if (f->name == NULL)
			return refuse(ask,
			    strlen(name) > NAME_MAX_BYTES
				? "there is no filter of that name"
				: arena_printf(
				      ask->req->arena, "%s: there is no such filter", name));
	}
	return RC_OK;
}

static enum rc
requeue(struct ask *ask)
{
	const char *body;
	enum rc rc;

	if ((rc = refuse_unknown(ask)) != RC_OK || (rc = read_workspace(ask)) != RC_OK)
		return rc;
	rc = job_requeue_many(ask->db, ask->req->arena, &ask->who, filter_of(ask, &ask->body),
	    input_bool(&ask->body, "dry_run"), input_int(&ask->body, "limit"), &body);
	return answer(ask, rc, 200, body);
}
