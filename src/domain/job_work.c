/* job_work.c: see job_work.h. */
#include "domain/job_work.h"

#include <stdio.h>
#include <string.h>

static const char *const stages[JOB_STAGES] = { "check", "transcribe", "summarise", "publish" };

/* ---- workers ---- */

static const struct statement join_it = {
	"job_worker_join",
	"SELECT fn.job_worker_join($1, $2, $3)",
	3,
};

enum rc
job_worker_join(struct db *db, const struct pacer_holder *me, char worker[JOB_WORKER_SIZE])
{
	char pid[24], start[24];
	const char *values[] = { me->host, db_int(me->pid, pid), db_int(me->pid_start, start) };
	struct rows *rows;
	enum rc rc = db_run(db, &join_it, values, &rows);

	if (rc != RC_OK)
		return rc;
	snprintf(worker, JOB_WORKER_SIZE, "%s", rows_text(rows, 0, 0));
	rows_free(rows);
	return RC_OK;
}

static const struct statement seen = {
	"job_worker_seen",
	"SELECT fn.job_worker_seen($1::uuid, $2::bigint[]), fn.job_workers_silent()",
	2,
};

enum rc
job_worker_seen(struct db *db, const char *worker, const char *jobs, bool *known)
{
	const char *values[] = { worker, jobs };
	struct rows *rows;
	enum rc rc = db_run(db, &seen, values, &rows);

	if (rc != RC_OK)
		return rc;
	*known = rows_bool(rows, 0, 0);
	rows_free(rows);
	return RC_OK;
}

static const struct statement workers = {
	"job_workers",
	"SELECT worker, host, pid, pid_start FROM job_workers WHERE worker <> $1::uuid",
	1,
};

enum rc
job_workers(struct db *db, const char *worker, struct rows **rows)
{
	const char *values[] = { worker };

	return db_run(db, &workers, values, rows);
}

static const struct statement gone = {
	"job_worker_gone",
	"SELECT fn.job_worker_gone($1::uuid, $2)",
	2,
};

enum rc
job_worker_gone(struct db *db, const char *worker, bool lost)
{
	const char *values[] = { worker, db_bool(lost) };

	return db_run(db, &gone, values, NULL);
}

static const struct statement died = {
	"job_died",
	"SELECT fn.job_died($1)",
	1,
};

enum rc
job_died(struct db *db, int64_t job_id)
{
	char id[24];
	const char *values[] = { db_int(job_id, id) };

	return db_run(db, &died, values, NULL);
}

/* ---- what is due ---- */

static const struct statement look = {
	"job_look",
	"SELECT s FROM fn.jobs_look() s",
	0,
};

enum rc
job_look(struct db *db, bool due[JOB_STAGES])
{
	struct rows *rows;
	enum rc rc = db_run(db, &look, NULL, &rows);

	memset(due, 0, JOB_STAGES * sizeof *due);
	if (rc != RC_OK)
		return rc;
	for (int i = 0; i < rows_count(rows); i++)
		for (int stage = 0; stage < JOB_STAGES; stage++)
			due[stage] |= strcmp(rows_text(rows, i, 0), stages[stage]) == 0;
	rows_free(rows);
	return RC_OK;
}

static const struct statement check = {
	"job_check",
	"SELECT checked, last FROM fn.jobs_check($1, $2, $3)",
	3,
};

enum rc
job_check(struct db *db, const struct job_want *want, int *checked, char last[65])
{
	char limit[24], each[24];
	const char *values[] = { db_int(want->limit, limit), db_int(want->each, each),
		want->after };
	struct rows *rows;
	enum rc rc = db_run(db, &check, values, &rows);

	if (rc != RC_OK)
		return rc;
	*checked = (int)rows_int(rows, 0, 0);
	snprintf(last, 65, "%s", rows_text(rows, 0, 1) != NULL ? rows_text(rows, 0, 1) : "");
	rows_free(rows);
	return RC_OK;
}

#define LEASED " FROM fn.jobs_lease($1::uuid, $2::job_stage, $3, $4, $5) j"

static const struct statement lease_to_transcribe = {
	"job_lease_to_transcribe",
	"SELECT j.job_id, j.workspace_id, j.lease, j.source, j.external_id, j.recording_url,"
	" fn.setting(j.workspace_id, 'integrations.callrail.account_id') #>> '{}',"
	" fn.setting(j.workspace_id, 'integrations.callrail.api_key') #>> '{}'" LEASED,
	5,
};

static const struct statement lease_to_summarise = {
	"job_lease_to_summarise",
	"SELECT j.job_id, j.workspace_id, j.lease, j.items, j.notes,"
	" fn.setting(j.workspace_id, 'summary.schema')" LEASED,
	5,
};

static const struct statement lease_to_publish = {
	"job_lease_to_publish",
	"SELECT j.job_id, j.workspace_id, j.lease, j.summary, j.result, j.call_id, j.external_id,"
	" j.duration_seconds, extract(epoch FROM j.created_at)::bigint,"
	" fn.job_recipients(j.job_id, j.workspace_id)" LEASED,
	5,
};

enum rc
job_lease(struct db *db, const char *worker, enum job_stage stage, const struct job_want *want,
    struct rows **rows)
{
	static const struct statement *const statements[JOB_STAGES] = {
		[JOB_TRANSCRIBE] = &lease_to_transcribe,
		[JOB_SUMMARISE] = &lease_to_summarise,
		[JOB_PUBLISH] = &lease_to_publish,
	};
	char limit[24], each[24];
	const char *values[] = { worker, stages[stage], db_int(want->limit, limit),
		db_int(want->each, each), want->after };

	return db_run(db, statements[stage], values, rows);
}

/* ---- reports ---- */

/* The parameters of a report: three of the job, four of what it used, and more behind them. */
enum { HELD_VALUES = 3, USED_VALUES = 4, REPORT_VALUES = HELD_VALUES + USED_VALUES };
struct report {
	char numbers[6][24];
	const char *values[REPORT_VALUES + 3];
};

#define REPORT "SELECT fn.job_used($2, $4, $5, $6, $7), "

static void
report_fill(struct report *r, const struct job_held *held, const struct summary_usage *usage)
{
	static const struct summary_usage nothing;
	const struct summary_usage *u = usage != NULL ? usage : &nothing;

	*r = (struct report){ 0 };
	r->values[0] = db_int(held->job_id, r->numbers[0]);
	r->values[1] = held->workspace_id;
	r->values[2] = db_int(held->lease, r->numbers[1]);
	r->values[3] = db_int(u->requests, r->numbers[2]);
	r->values[4] = db_int(u->prompt_tokens, r->numbers[3]);
	r->values[5] = db_int(u->completion_tokens, r->numbers[4]);
	r->values[6] = db_int(u->cost_micros, r->numbers[5]);
}

static const struct statement transcribed = {
	"job_transcribed",
	"SELECT fn.job_transcribed($1, $2, $3, $4::jsonb)",
	4,
};

enum rc
job_transcribed(struct db *db, const struct job_held *held, const char *items)
{
	char job[24], lease[24];
	const char *values[] = { db_int(held->job_id, job), held->workspace_id,
		db_int(held->lease, lease), items };

	return db_run(db, &transcribed, values, NULL);
}

static const struct statement rest = {
	"job_rest",
	"SELECT fn.job_rest($1, $2, $3, $4)",
	4,
};

enum rc
job_rest(struct db *db, const struct job_held *held, int64_t wait_s)
{
	char job[24], lease[24], wait[24];
	const char *values[] = { db_int(held->job_id, job), held->workspace_id,
		db_int(held->lease, lease), db_int(wait_s, wait) };

	return db_run(db, &rest, values, NULL);
}

static const struct statement noted = {
	"job_noted",
	REPORT "fn.job_noted($1, $2, $3, $8::jsonb)",
	8,
};

enum rc
job_noted(
    struct db *db, const struct job_held *held, const struct summary_usage *usage, const char *note)
{
	struct report r;

	report_fill(&r, held, usage);
	r.values[REPORT_VALUES] = note;
	return db_run(db, &noted, r.values, NULL);
}

static const struct statement summarised = {
	"job_summarised",
	REPORT "fn.job_summarised($1, $2, $3, $8, $9::json)",
	9,
};

enum rc
job_summarised(struct db *db, const struct job_held *held, const struct summary_usage *usage,
    const char *summary, const char *result)
{
	struct report r;

	report_fill(&r, held, usage);
	r.values[REPORT_VALUES] = summary;
	r.values[REPORT_VALUES + 1] = result;
	return db_run(db, &summarised, r.values, NULL);
}

static const struct statement mails_plan = {
	"job_mails_plan",
	"SELECT fn.job_mails_plan($1, $2, $3, $4::jsonb)",
	4,
};

enum rc
job_mails_plan(struct db *db, const struct job_held *held, const char *mails, bool *holds)
{
	char job[24], lease[24];
	const char *values[] = { db_int(held->job_id, job), held->workspace_id,
		db_int(held->lease, lease), mails };
	struct rows *rows;
	enum rc rc = db_run(db, &mails_plan, values, &rows);

	if (rc != RC_OK)
		return rc;
	*holds = rows_bool(rows, 0, 0);
	rows_free(rows);
	return RC_OK;
}

static const struct statement mails = {
	"job_mails",
	"SELECT recipient, state = 'refused', convert_from(message, 'UTF8') FROM job_mails"
	" WHERE job_id = $1 AND workspace_id = $2 AND state <> 'sent' ORDER BY recipient",
	2,
};

enum rc
job_mails(struct db *db, const struct job_held *held, struct rows **rows)
{
	char job[24];
	const char *values[] = { db_int(held->job_id, job), held->workspace_id };

	return db_run(db, &mails, values, rows);
}

static const struct statement mailed = {
	"job_mailed",
	"SELECT fn.job_mailed($1, $2, $3, $4::job_mail_state)",
	4,
};

enum rc
job_mailed(struct db *db, const struct job_held *held, const char *recipient, bool sent)
{
	char job[24];
	const char *values[] = { db_int(held->job_id, job), held->workspace_id, recipient,
		sent ? "sent" : "refused" };

	return db_run(db, &mailed, values, NULL);
}

static const struct statement published = {
	"job_published",
	"SELECT fn.job_published($1, $2, $3)",
	3,
};

enum rc
job_published(struct db *db, const struct job_held *held)
{
	char job[24], lease[24];
	const char *values[] = { db_int(held->job_id, job), held->workspace_id,
		db_int(held->lease, lease) };

	return db_run(db, &published, values, NULL);
}

static const struct statement wrong_try = {
	"job_wrong",
	REPORT "fn.job_wrong($1, $2, $3, $8, $9, $10)",
	10,
};

enum rc
job_wrong(struct db *db, const struct job_held *held, const struct summary_usage *usage,
    const struct job_wrong *wrong)
{
	struct report r;
	char wait[24];

	report_fill(&r, held, usage);
	r.values[REPORT_VALUES] = wrong->failure;
	r.values[REPORT_VALUES + 1] = wrong->error;
	r.values[REPORT_VALUES + 2] = wrong->wait_s < 0 ? NULL : db_int(wrong->wait_s, wait);
	return db_run(db, &wrong_try, r.values, NULL);
}
