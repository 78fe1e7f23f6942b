/*
 * report.c: the reporter. Where we place the calls of somebody else's negotiation job, it tells him how
 * each of them stands. What is told is the state of that moment, not a message that was kept: a report
 * that is lost is made good by the next.
 */
#include <stdint.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "domain/negotiation.h"
#include "remote/backend.h"
#include "sys/signals.h"
#include "work/env.h"

#define AT_ONCE_MAX 64
#define POLL_US 250000

struct reporter {
	const struct work_env *env;
	struct db *db;
	struct fetch_pool *pool;
	int64_t next_us;
};

/* One report under way. */
struct errand {
	struct reporter *r;
	struct arena *arena; /* holds this and its texts */
	struct negotiation_reported told;
};

static void
finish(struct errand *e, const char *error)
{
	log_about(e->told.call_id);
	if (error != NULL)
		log_info("the report on a call: %s", error);
	if (negotiation_reported(e->r->db, &e->told) != RC_OK)
		log_warning("a report could not be noted; it is sent again");
	log_about(NULL);
	arena_free(e->arena);
}

static void
told(struct fetch_result *result, void *arg)
{
	struct errand *e = arg;
	bool answered = result->end == FETCH_ANSWERED;

	e->told.status = answered ? result->status : 0;
	e->told.retry_after_s = answered && result->retry_after_s > 0 ? result->retry_after_s : 0;
	if (answered && (result->status < 200 || result->status > 299))
		finish(e, arena_printf(e->arena, "answered HTTP %ld", result->status));
	else
		finish(e, answered ? NULL : result->error);
}

static void
start(struct reporter *r, const struct rows *rows, int i)
{
	struct arena *a = arena_new();
	struct errand *e = arena_alloc(a, sizeof *e);
	const char *key = rows_bool(rows, i, REPORT_KEYED) ? r->env->backend_key : NULL;
	struct fetch f;
	const char *wrong;

	e->r = r;
	e->arena = a;
	e->told = (struct negotiation_reported){
		.id = rows_copy(a, rows, i, REPORT_ID),
		.workspace_id = rows_copy(a, rows, i, REPORT_WORKSPACE_ID),
		.call_id = rows_copy(a, rows, i, REPORT_CALL_ID),
		.body = rows_copy(a, rows, i, REPORT_BODY),
		.final = rows_bool(rows, i, REPORT_FINAL),
	};
	wrong = backend_report(a, rows_copy(a, rows, i, REPORT_URL), key, e->told.body,
	    r->env->ca_file, r->env->anywhere, &f);
	if (wrong == NULL)
		fetch_pool_start(r->pool, &f, told, e);
	else
		finish(e, wrong);
}

static void
turn(struct reporter *r)
{
	int room = AT_ONCE_MAX - fetch_pool_active(r->pool);
	int64_t now = clock_boot_us();
	struct rows *rows;

	if (now >= r->next_us) {
		r->next_us = now + POLL_US;
		if (room > 0 && negotiation_reports_due(r->db, room, &rows) == RC_OK) {
			for (int i = 0; i < rows_count(rows); i++)
				start(r, rows, i);
			rows_free(rows);
		}
	}
	fetch_pool_run(r->pool, r->next_us);
}

int
work_report(void *arg)
{
	struct reporter r = { .env = arg };
	struct db_options options = { "offhook-reporter", r.env->statement_timeout_ms, 0 };

	signals_unblock(); /* this loop waits in libcurl, which knows no signal mask */
	fetch_init();
	r.db = db_new(r.env->database_url, &options);
	r.pool = fetch_pool_new();
	while (!signal_stop && !signal_reload)
		turn(&r);
	/* What is under way is waited for; each has its own time limit. */
	while (fetch_pool_active(r.pool) > 0)
		fetch_pool_run(r.pool, clock_boot_us() + 100000);
	fetch_pool_free(r.pool);
	db_free(r.db);
	return 0;
}
