/*
 * jobs.c: "offhook jobs": the jobs of the post-call pipeline, of all customers, seen and queued again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/nouns.h"
#include "admin/print.h"
#include "base/clock.h"
#include "base/str.h"

#define LIMIT_MAX 1000
#define LIMIT_DEFAULT "100"

static int list(struct admin *);
static int show(struct admin *);
static int requeue(struct admin *);

static const struct command_option list_options[] = {
	{ "--workspace", "ID", "only this workspace's" },
	{ "--status", "STATUS", "only those in this status, such as queued or skipped" },
	{ "--reason", "REASON", "only those that were skipped (or failed, by --status) for that" },
	{ "--source", "SOURCE", "only those from api, callrail or offhook" },
	{ "--external-id", "ID", "only the one with this id at whoever brought it" },
	{ "--since", "TIME", "only those created then or later (ISO 8601)" },
	{ "--until", "TIME", "only those created before" },
	{ "--limit", "N", "how many at most: 1 to 1000, 100 when absent" },
	{ .name = NULL },
};

static const struct command_option requeue_options[] = {
	{ "--workspace", "ID", "only this workspace's" },
	{ "--status", "STATUS", "skipped or failed ones, in place of one JOB_ID" },
	{ "--reason", "REASON", "only those that were skipped, or failed, for that" },
	{ "--limit", "N", "how many at most, the newest first: 1 to 1000, 100 when absent" },
	{ "--yes", NULL, "do it; without this, only say which it would be" },
	{ .name = NULL },
};

const struct command job_commands[] = {
	{ "jobs", "list", "", "List jobs of the post-call pipeline, newest first", list,
	    list_options, 0 },
	{ "jobs", "show", "JOB_ID", "Show all about one job, with its log", show, no_options, 0 },
	{ "jobs", "requeue", "[JOB_ID]", "Queue a skipped or failed job again, or many", requeue,
	    requeue_options, 0 },
	{ .noun = NULL },
};

/* ---- what is looked for ---- */

static bool
is_one_of(const char *what, const char *text, const char *const words[])
{
	for (int i = 0; text != NULL && words[i] != NULL; i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	if (text == NULL)
		return true;
	admin_misuse("%s is not one that there is: %s", what, text);
	return false;
}

static bool
is_time(const char *what, const char *text)
{
	int64_t us;

	if (text == NULL || clock_parse_iso(text, &us))
		return true;
	admin_misuse("%s must be an ISO 8601 time such as 2026-11-20T22:00:00Z", what);
	return false;
}

/* The options that both commands have, in filter; false when one is wrong, which has been said. */
static bool
read_filter(struct admin *a, json_t *filter)
{
	static const char *const statuses[] = { "queued", "transcribing", "analyzing", "publishing",
		"completed", "skipped", "failed", NULL };
	const char *workspace = admin_option(a, "--workspace");
	const char *status = admin_option(a, "--status"), *reason = admin_option(a, "--reason");
	bool skipped = status != NULL && strcmp(status, "skipped") == 0;
	bool failed = status != NULL && strcmp(status, "failed") == 0;

	if ((workspace != NULL && !admin_tenant_id("--workspace", workspace)) ||
	    !is_one_of("--status", status, statuses))
		return false;
	if (reason != NULL && !skipped && !failed) {
		admin_misuse("--reason needs --status skipped or --status failed");
		return false;
	}
	if (status != NULL)
		json_object_set_new(filter, "status", json_string(status));
	if (reason != NULL)
		json_object_set_new(
		    filter, skipped ? "skipped_reason" : "failure", json_string(reason));
	return true;
}

/* The further ones of list. */
static bool
read_more(struct admin *a, json_t *filter)
{
	static const char *const sources[] = { "api", "callrail", "offhook", NULL };
	const char *source = admin_option(a, "--source"), *id = admin_option(a, "--external-id");
	const char *since = admin_option(a, "--since"), *until = admin_option(a, "--until");

	if (!is_one_of("--source", source, sources) || !is_time("--since", since) ||
	    !is_time("--until", until))
		return false;
	if (source != NULL)
		json_object_set_new(filter, "source", json_string(source));
	if (id != NULL)
		json_object_set_new(filter, "external_id", json_string(id));
	if (since != NULL)
		json_object_set_new(filter, "since", json_string(since));
	if (until != NULL)
		json_object_set_new(filter, "until", json_string(until));
	return true;
}

/* ---- list ---- */

static const struct statement sql_jobs = { "op_jobs",
	"SELECT j.* FROM fn.jobs_newest('platform', 'platform', $1,"
	" jsonb_populate_record(NULL::fn.job_filter, $2::jsonb), 'infinity', 9223372036854775807,"
	" $3) n CROSS JOIN LATERAL (SELECT o.job_id, o.workspace_id, o.status,"
	" coalesce(o.skipped_reason, o.failure), o.source, coalesce(o.external_id, o.call_id),"
	" o.duration_seconds, o.attempts, o.error, fn.iso(o.created_at), fn.iso(o.queued_at),"
	" fn.iso(o.ended_at) FROM jobs o WHERE o.job_id = n.job_id"
	" AND o.workspace_id = n.workspace_id OFFSET 0) j ORDER BY n.created_at DESC, n.job_id DESC",
	3 };

static int
print_list(struct admin *a, const char *filter, const char *limit)
{
	static const struct column columns[] = {
		{ "job_id", "JOB", COLUMN_TEXT },
		{ "workspace_id", "WORKSPACE", COLUMN_TEXT },
		{ "status", "STATUS", COLUMN_TEXT },
		{ "reason", "REASON", COLUMN_TEXT },
		{ "source", "SOURCE", COLUMN_TEXT },
		{ "call", "CALL", COLUMN_TEXT },
		{ "duration_seconds", "TALKED", COLUMN_INT },
		{ "attempts", "TRIES", COLUMN_INT },
		{ "error", NULL, COLUMN_TEXT },
		{ "created_at", "CREATED", COLUMN_TIME },
		{ "queued_at", NULL, COLUMN_TIME },
		{ "ended_at", "ENDED", COLUMN_TIME },
		{ .name = NULL },
	};
	const char *const values[] = { admin_option(a, "--workspace"), filter, limit };

	return admin_list(a, &sql_jobs, values, columns, "no such jobs");
}

static int
list(struct admin *a)
{
	const char *limit = admin_option(a, "--limit");
	json_t *filter = json_object();
	int status = ADMIN_USAGE;
	int64_t number;
	char *text;

	if (limit == NULL)
		limit = LIMIT_DEFAULT;
	if (read_filter(a, filter) && read_more(a, filter) &&
	    admin_number("--limit", limit, 1, LIMIT_MAX, &number)) {
		text = json_dumps(filter, JSON_COMPACT);
		status = print_list(a, text, limit);
		free(text);
	}
	json_decref(filter);
	return status;
}

/* ---- show ---- */

/* The public view, and what only we see. */
static const struct statement sql_job = { "op_job",
	"SELECT fn.job_json(j) || jsonb_build_object('failure', j.failure, 'stage', j.stage,"
	" 'tries', j.tries, 'losses', j.losses, 'deaths', j.deaths, 'worker', j.worker, 'transcript', j.items),"
	" j.job_id, j.workspace_id, j.status, j.stage, coalesce(j.skipped_reason, j.failure), j.error,"
	" j.source, j.external_id, j.call_id, j.duration_seconds, j.recording_url,"
	" jsonb_array_length(j.items), j.attempts, j.tries, j.losses, j.deaths,"
	" CASE WHEN j.worker IS NOT NULL THEN coalesce(w.host || '/' || w.pid, 'gone') END,"
	" fn.iso(CASE WHEN j.due_at < 'infinity' THEN j.due_at END), j.source_metadata,"
	" fn.iso(j.created_at), fn.iso(j.queued_at), fn.iso(j.updated_at), fn.iso(j.ended_at)"
	" FROM jobs j LEFT JOIN job_workers w ON w.worker = j.worker WHERE j.job_id = $1",
	1 };

static const struct column job_columns[] = {
	{ "whole", NULL, COLUMN_JSON },
	{ "job_id", "job", COLUMN_TEXT },
	{ "workspace_id", "workspace", COLUMN_TEXT },
	{ "status", "status", COLUMN_TEXT },
	{ "stage", "next stage", COLUMN_TEXT },
	{ "reason", "reason", COLUMN_TEXT },
	{ "error", "error", COLUMN_TEXT },
	{ "source", "source", COLUMN_TEXT },
	{ "external_id", "external id", COLUMN_TEXT },
	{ "call_id", "call", COLUMN_TEXT },
	{ "duration_seconds", "talked", COLUMN_INT },
	{ "recording_url", "recording", COLUMN_TEXT },
	{ "items", "items of the transcript", COLUMN_INT },
	{ "attempts", "most tries", COLUMN_INT },
	{ "tries", "tries of this stage", COLUMN_INT },
	{ "losses", "workers lost", COLUMN_INT },
	{ "deaths", "of those, by it", COLUMN_INT },
	{ "worker", "at work", COLUMN_TEXT },
	{ "due_at", "due", COLUMN_TIME },
	{ "source_metadata", "metadata", COLUMN_JSON },
	{ "created_at", "created", COLUMN_TIME },
	{ "queued_at", "queued", COLUMN_TIME },
	{ "updated_at", "changed", COLUMN_TIME },
	{ "ended_at", "ended", COLUMN_TIME },
	{ .name = NULL },
};

static const struct statement sql_job_log = { "op_job_log",
	"SELECT fn.iso(at), level, status, message FROM job_log WHERE job_id = $1 ORDER BY line",
	1 };

static const struct column log_columns[] = {
	{ "at", "AT", COLUMN_TIME },
	{ "level", "LEVEL", COLUMN_TEXT },
	{ "status", "STATUS", COLUMN_TEXT },
	{ "message", "MESSAGE", COLUMN_TEXT },
	{ .name = NULL },
};

static const struct statement sql_job_mails = { "op_job_mails",
	"SELECT recipient, state, fn.iso(sent_at) FROM job_mails WHERE job_id = $1 ORDER BY recipient",
	1 };

static const struct column mail_columns[] = {
	{ "recipient", "MAIL TO", COLUMN_TEXT },
	{ "state", "STATE", COLUMN_TEXT },
	{ "sent_at", "SENT", COLUMN_TIME },
	{ .name = NULL },
};

struct shown {
	struct rows *job, *log, *mails;
};

static void
print_job(const struct admin *a, const struct shown *s)
{
	json_t *row, *object;

	if (a->json) {
		row = print_object(job_columns, s->job, 0);
		object = json_incref(json_object_get(row, "whole"));
		json_decref(row);
		json_object_set_new(object, "log", print_array(log_columns, s->log));
		json_object_set_new(object, "mails", print_array(mail_columns, s->mails));
		print_json(object);
		return;
	}
	print_record(job_columns, s->job, 0, stdout);
	putchar('\n');
	print_table(log_columns, s->log, "no lines", stdout);
	if (rows_count(s->mails) > 0)
		putchar('\n');
	print_table(mail_columns, s->mails, "no mails", stdout);
}

/* What stands for a job's id; false when it can be none. */
static bool
is_job_id(const char *text)
{
	int64_t number;

	return str_int64(text, 1, INT64_MAX, &number);
}

static int
show(struct admin *a)
{
	const char *const values[] = { a->args[0] };
	struct shown s = { NULL, NULL, NULL };
	int status = ADMIN_FAILED;

	if (!is_job_id(a->args[0]))
		return admin_refuse("there is no job %s", a->args[0]);
	if (!admin_run(a, &sql_job, values, &s.job))
		return ADMIN_FAILED;
	if (rows_count(s.job) == 0) {
		admin_refuse("there is no job %s", a->args[0]);
	} else if (admin_run(a, &sql_job_log, values, &s.log) &&
	    admin_run(a, &sql_job_mails, values, &s.mails)) {
		print_job(a, &s);
		status = ADMIN_DONE;
	}
	rows_free(s.job);
	rows_free(s.log);
	rows_free(s.mails);
	return status;
}

/* ---- requeue ---- */

static const struct statement sql_job_requeue = { "op_job_requeue",
	"SELECT word, body FROM fn.job_requeue_one('platform', 'platform', NULL, $1, true)", 1 };

static int
requeue_one(struct admin *a)
{
	const char *const values[] = { a->args[0] };
	struct rows *rows;
	int status = ADMIN_DONE;
	const char *word;

	if (!is_job_id(a->args[0]))
		return admin_refuse("there is no job %s", a->args[0]);
	if (!admin_run(a, &sql_job_requeue, values, &rows))
		return ADMIN_FAILED;
	word = rows_text(rows, 0, 0);
	if (strcmp(word, "unknown") == 0)
		status = admin_refuse("there is no job %s", a->args[0]);
	else if (strcmp(word, "not_skipped") == 0)
		status = admin_refuse("the job %s is neither skipped nor failed, but %s",
		    a->args[0], rows_text(rows, 0, 1));
	else if (a->json)
		print_json(json_loads(rows_text(rows, 0, 1), 0, NULL));
	else
		printf("requeued %s\n", a->args[0]);
	rows_free(rows);
	return status;
}

static const struct statement sql_jobs_requeue = { "op_jobs_requeue",
	"SELECT word, body FROM fn.jobs_requeue('platform', 'platform', $1, $2::jsonb, $3, $4)",
	4 };

/* For people: which they are, and what comes next. */
static void
print_requeued(const json_t *body, bool done)
{
	const json_t *ids = json_object_get(body, "job_ids");
	int64_t matched = json_integer_value(json_object_get(body, "matched"));
	json_t *id;
	size_t i;

	printf(done ? "requeued %zu of %s%" PRId64 " jobs\n"
		    : "would requeue %zu of %s%" PRId64 " jobs; --yes does it\n",
	    json_array_size(ids), matched >= 10000 ? "at least " : "", matched);
	json_array_foreach(ids, i, id)
	{
		printf("  %s\n", json_string_value(id));
	}
	if (json_is_true(json_object_get(body, "more")))
		puts("there are more: run it again for the next");
}

static int
requeue_many(struct admin *a, const char *filter)
{
	const char *limit = admin_option(a, "--limit");
	bool done = admin_option(a, "--yes") != NULL;
	const char *const values[] = { admin_option(a, "--workspace"), filter, db_bool(!done),
		limit == NULL ? LIMIT_DEFAULT : limit };
	struct rows *rows;
	json_t *body;

	if (!admin_run(a, &sql_jobs_requeue, values, &rows))
		return ADMIN_FAILED;
	body = rows_text(rows, 0, 1) == NULL ? NULL : json_loads(rows_text(rows, 0, 1), 0, NULL);
	rows_free(rows);
	if (body == NULL)
		return admin_refuse("there is no workspace %s", values[0]);
	if (a->json) {
		print_json(body);
		return ADMIN_DONE;
	}
	print_requeued(body, done);
	json_decref(body);
	return ADMIN_DONE;
}

static int
requeue(struct admin *a)
{
	const char *status = admin_option(a, "--status"), *limit = admin_option(a, "--limit");
	json_t *filter;
	int result = ADMIN_USAGE;
	int64_t number;
	char *text;

	if (a->arg_count > 0) {
		if (status != NULL || admin_option(a, "--workspace") != NULL ||
		    admin_option(a, "--reason") != NULL)
			return admin_misuse("name either JOB_ID or --status");
		return requeue_one(a);
	}
	if (status == NULL || (strcmp(status, "skipped") != 0 && strcmp(status, "failed") != 0))
		return admin_misuse("name a JOB_ID, or --status skipped or --status failed");
	filter = json_object();
	if (read_filter(a, filter) &&
	    (limit == NULL || admin_number("--limit", limit, 1, LIMIT_MAX, &number))) {
		text = json_dumps(filter, JSON_COMPACT);
		result = requeue_many(a, text);
		free(text);
	}
	json_decref(filter);
	return result;
}
