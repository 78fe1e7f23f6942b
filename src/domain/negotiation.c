/* negotiation.c: see negotiation.h. */
#include "domain/negotiation.h"

#include <string.h>

/* Runs a statement that answers a text in its second column; without one it is not found. */
static enum rc
run_for_body(struct db *db, struct arena *a, const struct credential *who,
    const struct statement *statement, const char *values[], const char **body)
{
	struct rows *rows;
	enum rc rc = who_run(db, who, statement, values, &rows);

	if (rc != RC_OK)
		return rc;
	*body = rows_copy(a, rows, 0, 1);
	rows_free(rows);
	return *body == NULL ? RC_NOT_FOUND : RC_OK;
}

static const struct statement default_region = {
	"negotiation_region",
	"SELECT who.workspace_id, fn.setting(who.workspace_id, 'calling.default_region')#>>'{}'"
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who",
	5,
};

enum rc
negotiation_region(
    struct db *db, struct arena *a, const struct credential *who, const char **region)
{
	const char *values[5];
	struct rows *rows;
	enum rc rc = who_run(db, who, &default_region, values, &rows);

	if (rc != RC_OK)
		return rc;
	*region = rows_copy(a, rows, 0, 1);
	rows_free(rows);
	return RC_OK;
}

static const struct statement create = {
	"negotiation_create",
	"SELECT who.workspace_id, j.job_id, j.fault"
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" CROSS JOIN LATERAL fn.negotiation_create(who.workspace_id, $6::json, $7::text[]) j",
	7,
};

/* Runs a statement that makes a job: its id and what is wrong, one of which is NULL. */
static enum rc
run_for_job(struct db *db, struct arena *a, const struct credential *who,
    const struct statement *statement, const char *values[], const char **job_id,
    const char **fault)
{
	struct rows *rows;
	enum rc rc = who_run(db, who, statement, values, &rows);

	if (rc != RC_OK)
		return rc;
	*job_id = rows_copy(a, rows, 0, 1);
	*fault = rows_copy(a, rows, 0, 2);
	rows_free(rows);
	return RC_OK;
}

enum rc
negotiation_create(struct db *db, struct arena *a, const struct credential *who, const char *body,
    const char *phones, const char **job_id, const char **fault)
{
	const char *values[7] = { [5] = body, [6] = phones };

	return run_for_job(db, a, who, &create, values, job_id, fault);
}

static const struct statement take_over = {
	"negotiation_take_over",
	"SELECT who.workspace_id, j.job_id, j.fault"
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" CROSS JOIN LATERAL fn.negotiation_take_over(who.workspace_id, $6, $7, $8, $9::json,"
	" $10::text[]) j",
	10,
};

enum rc
negotiation_take_over(struct db *db, struct arena *a, const struct credential *who,
    const char *remote_id, const char *update_url, bool keyed, const char *body, const char *phones,
    const char **job_id, const char **fault)
{
	const char *values[10] = {
		[5] = remote_id, [6] = update_url, [7] = db_bool(keyed), [8] = body, [9] = phones
	};

	return run_for_job(db, a, who, &take_over, values, job_id, fault);
}

static const struct statement show = {
	"negotiation_show",
	"SELECT who.workspace_id, j.body FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" LEFT JOIN LATERAL fn.negotiation_show(who.workspace_id, fn.as_uuid($6)) j ON true",
	6,
};

enum rc
negotiation_show(struct db *db, struct arena *a, const struct credential *who, const char *job_id,
    const char **body)
{
	const char *values[6] = { [5] = job_id };

	return run_for_body(db, a, who, &show, values, body);
}

static const struct statement providers = {
	"negotiation_providers",
	"SELECT who.workspace_id, j.body FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" LEFT JOIN LATERAL fn.negotiation_providers(who.workspace_id, fn.as_uuid($6), $7) j ON true",
	7,
};

enum rc
negotiation_providers(struct db *db, struct arena *a, const struct credential *who,
    const char *job_id, bool transcripts, const char **body)
{
	const char *values[7] = { [5] = job_id, [6] = db_bool(transcripts) };

	return run_for_body(db, a, who, &providers, values, body);
}

static const struct statement all = {
	"negotiation_all",
	"SELECT who.workspace_id, (SELECT coalesce(json_agg(json_build_object('id', p.id,"
	" 'job_id', p.job_id, 'name', p.name, 'phone', p.phone) ORDER BY p.id), '[]')"
	" FROM (SELECT * FROM providers o WHERE o.workspace_id = who.workspace_id AND o.id > $6"
	" ORDER BY o.id LIMIT $7) p) FROM fn.caller($1::bytea, $2, $3, $4, $5) who",
	7,
};

enum rc
negotiation_all(struct db *db, struct arena *a, const struct credential *who, int64_t after,
    int64_t limit, const char **body)
{
	char from[24], most[24];
	const char *values[7] = { [5] = db_int(after, from), [6] = db_int(limit, most) };

	return run_for_body(db, a, who, &all, values, body);
}

/* ---- starting ---- */

static const struct statement plan_for = {
	"negotiation_plan",
	"SELECT who.workspace_id, j.result, j.description, j.location, j.max_price, j.id,"
	" j.phone_e164, j.estimated_price FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" LEFT JOIN LATERAL fn.negotiation_plan(who.workspace_id, fn.as_uuid($6)) j ON true",
	6,
};

enum rc
negotiation_plan(struct db *db, struct arena *a, const struct credential *who, const char *job_id,
    struct negotiation_plan *plan)
{
	const char *values[6] = { [5] = job_id };
	const char *word;
	struct rows *rows;
	enum rc rc = who_run(db, who, &plan_for, values, &rows);
	int count;

	if (rc != RC_OK)
		return rc;
	word = rows_text(rows, 0, 1);
	plan->job = strcmp(word, "found") == 0 ? NEGOTIATION_FOUND
	    : strcmp(word, "empty") == 0       ? NEGOTIATION_EMPTY
					       : NEGOTIATION_UNKNOWN;
	plan->description = rows_copy(a, rows, 0, 2);
	plan->location = rows_copy(a, rows, 0, 3);
	plan->max_price = rows_copy(a, rows, 0, 4);
	count = rows_text(rows, 0, 5) == NULL ? 0 : rows_count(rows);
	plan->count = count;
	plan->callees = arena_alloc(a, (size_t)(count + 1) * sizeof plan->callees[0]);
	for (int i = 0; i < count; i++)
		plan->callees[i] = (struct negotiation_callee){ rows_copy(a, rows, i, 5),
			rows_copy(a, rows, i, 6), rows_copy(a, rows, i, 7) };
	rows_free(rows);
	return RC_OK;
}

static const struct statement start = {
	"negotiation_start",
	"SELECT result, workspace_id, status, body FROM fn.negotiation_start($1::bytea, $2, $3, $4, $5,"
	" $6, $7, $8::bytea, $9::uuid, $10, $11::json, $12, $13, $14)",
	14,
};

enum rc
negotiation_start(struct db *db, struct arena *a, const struct credential *who, const char *job_id,
    const char *wishes, const struct call_wish *wish, struct call_acceptance *acceptance)
{
	char credits[24], price[24];
	const char *values[14] = {
		[5] = wish->idem_key,
		[6] = wish->idem_route,
		[7] = wish->idem_fingerprint,
		[8] = job_id,
		[9] = wish->task_id,
		[10] = wishes,
		[11] = wish->language,
		[12] = db_int(wish->credits, credits),
		[13] = db_int(wish->price_cents, price),
	};

	who_params(who, values);
	return call_acceptance_read(db, a, &start, values, acceptance);
}

/* ---- an external backend ---- */

static const struct statement begin = {
	"negotiation_begin",
	"SELECT who.workspace_id, s.result, s.body, s.ids, s.request"
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" CROSS JOIN LATERAL fn.start_begin(who.workspace_id, fn.as_uuid($6), $7) s",
	7,
};

enum rc
negotiation_ask(struct db *db, struct arena *a, const struct credential *who, const char *job_id,
    const char *update_url, struct negotiation_errand *errand)
{
	const char *values[7] = { [5] = job_id, [6] = update_url };
	const char *word;
	struct rows *rows;
	enum rc rc = who_run(db, who, &begin, values, &rows);

	if (rc != RC_OK)
		return rc;
	word = rows_text(rows, 0, 1);
	errand->next = strcmp(word, "ask") == 0 ? NEGOTIATION_ASK
	    : strcmp(word, "nobody") == 0       ? NEGOTIATION_NOBODY
	    : strcmp(word, "empty") == 0        ? NEGOTIATION_NO_PROVIDERS
						: NEGOTIATION_NO_JOB;
	errand->workspace_id = rows_copy(a, rows, 0, 0);
	errand->body = rows_copy(a, rows, 0, 2);
	errand->ids = rows_copy(a, rows, 0, 3);
	errand->request = rows_copy(a, rows, 0, 4);
	rows_free(rows);
	return RC_OK;
}

static const struct statement end = {
	"negotiation_end",
	"SELECT fn.start_answer(fn.start_end($1, $2::uuid, $3::bigint[], $4))",
	4,
};

enum rc
negotiation_settle(struct db *db, struct arena *a, const char *job_id,
    const struct negotiation_errand *errand, bool taken, const char **body)
{
	const char *values[] = { errand->workspace_id, job_id,
		errand->ids == NULL ? "{}" : errand->ids, db_bool(taken) };
	struct rows *rows;
	enum rc rc = db_run(db, &end, values, &rows);

	if (rc != RC_OK)
		return rc;
	*body = rows_copy(a, rows, 0, 0);
	rows_free(rows);
	return RC_OK;
}

static const struct statement report = {
	"negotiation_report",
	"SELECT who.workspace_id, r.result, r.body FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" CROSS JOIN LATERAL fn.provider_report(who.workspace_id, false, fn.as_uuid($6), $7,"
	" $8::json) r",
	8,
};

static const struct statement trusted_report = {
	"negotiation_trusted_report",
	"SELECT '', r.result, r.body FROM fn.provider_report(NULL, true, fn.as_uuid($1), $2,"
	" $3::json) r",
	3,
};

enum rc
negotiation_report(struct db *db, struct arena *a, const struct credential *who, const char *job_id,
    int64_t provider_id, const char *said, const char **body)
{
	char id[24];
	const char *values[8] = { [5] = job_id, [6] = db_int(provider_id, id), [7] = said };
	const char *word;
	struct rows *rows;
	enum rc rc = who != NULL ? who_run(db, who, &report, values, &rows)
				 : db_run(db, &trusted_report, values + 5, &rows);

	if (rc != RC_OK)
		return rc;
	word = rows_text(rows, 0, 1);
	rc = strcmp(word, "taken") == 0    ? RC_OK
	    : strcmp(word, "ours") == 0    ? RC_CONFLICT
	    : strcmp(word, "invalid") == 0 ? RC_INVALID
					   : RC_NOT_FOUND;
	*body = rows_copy(a, rows, 0, 2);
	rows_free(rows);
	return rc;
}

static const struct statement reports_due = {
	"negotiation_reports_due",
	"SELECT * FROM fn.reports_due($1)",
	1,
};

enum rc
negotiation_reports_due(struct db *db, int limit, struct rows **rows)
{
	char number[24];
	const char *values[] = { db_int(limit, number) };

	return db_run(db, &reports_due, values, rows);
}

static const struct statement reported = {
	"negotiation_reported",
	"SELECT fn.report_result($1, $2, $3, $4, $5, $6, $7)",
	7,
};

enum rc
negotiation_reported(struct db *db, const struct negotiation_reported *r)
{
	char status[24], retry_after[24];
	const char *values[] = { r->id, r->workspace_id, r->call_id, r->body, db_bool(r->final),
		db_int(r->status, status),
		db_int(r->retry_after_s > 86400 ? 86400 : r->retry_after_s, retry_after) };

	return db_run(db, &reported, values, NULL);
}

static const struct statement prices_due = {
	"negotiation_prices_due",
	"SELECT * FROM fn.prices_due($1)",
	1,
};

enum rc
negotiation_prices_due(struct db *db, int limit, struct rows **rows)
{
	char number[24];
	const char *values[] = { db_int(limit, number) };

	return db_run(db, &prices_due, values, rows);
}

static const struct statement price_read = {
	"negotiation_price_read",
	"SELECT fn.price_read($1, $2, $3, $4, $5, nullif($6::integer, -1))",
	6,
};

enum rc
negotiation_price_read(struct db *db, const struct negotiation_price *read, bool *taken)
{
	char again[24];
	const char *values[] = { read->id, read->workspace_id, read->call_id, read->price,
		read->sentence, db_int(read->again_s, again) };
	struct rows *rows;
	enum rc rc = db_run(db, &price_read, values, &rows);

	if (rc != RC_OK)
		return rc;
	*taken = rows_bool(rows, 0, 0);
	rows_free(rows);
	return RC_OK;
}
