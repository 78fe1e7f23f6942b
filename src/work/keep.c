/*
 * keep.c: the keeper. Ends calls and questions that waited too long, forgets what is old, in
 * bounded batches.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "domain/keep.h"
#include "sys/signals.h"
#include "work/env.h"

#define BATCH 200
#define EXPIRE_BATCH 20
#define EXPIRE_PAUSE_MS 10
#define PERIOD_MS 500
#define RETENTION_EVERY 240 /* periods: two minutes */

static void
forget_calls(const struct work_env *env, struct db *db)
{
	struct rows *rows;
	int count = BATCH;

	while (count == BATCH && !signal_stop) {
		if (keep_forget_calls(db, env->retention_days, BATCH, &rows) != RC_OK)
			return;
		count = rows_count(rows);
		for (int i = 0; i < count; i++) {
			char path[512];

			if (!id_valid(rows_text(rows, i, 0), "call_"))
				continue;
			snprintf(path, sizeof path, "%s/%s.mp3", env->recordings_dir,
			    rows_text(rows, i, 0));
			unlink(path); /* a recording that was never there is as good as removed */
		}
		rows_free(rows);
		if (count > 0)
			log_info("forgot %d old calls", count);
	}
}

static void
repeat(struct db *db, enum rc (*work)(struct db *, int, int *))
{
	int done = BATCH;

	while (done >= BATCH && !signal_stop)
		if (work(db, BATCH, &done) != RC_OK)
			return;
}

/* Each call that ends gives back credits, and until the commit nobody else of its customer's is accepted. */
static void
expire_calls(struct db *db)
{
	int done = EXPIRE_BATCH;

	while (done >= EXPIRE_BATCH && !signal_stop) {
		if (keep_expire_calls(db, EXPIRE_BATCH, &done) != RC_OK)
			return;
		clock_sleep_ms(EXPIRE_PAUSE_MS);
	}
}

static void
forget_jobs(const struct work_env *env, struct db *db)
{
	int done = BATCH;

	while (done >= BATCH && !signal_stop)
		if (keep_forget_jobs(db, env->retention_days, BATCH, &done) != RC_OK)
			return;
}

int
work_keep(void *arg)
{
	const struct work_env *env = arg;
	struct db_options options = { "offhook-keeper", env->statement_timeout_ms, 0 };
	struct db *db = db_new(env->database_url, &options);

	for (long turn = 0; !signal_stop && !signal_reload; turn++) {
		expire_calls(db);
		repeat(db, keep_expire_questions);
		if (turn % RETENTION_EVERY == 0) {
			repeat(db, keep_forget_keys);
			repeat(db, keep_forget_refusals);
			repeat(db, keep_forget_tickets);
			if (env->retention_days > 0) {
				forget_calls(env, db);
				forget_jobs(env, db);
			}
		}
		signals_sleep_ms(PERIOD_MS);
	}
	db_free(db);
	return 0;
}
