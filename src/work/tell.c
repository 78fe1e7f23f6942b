/*
 * tell.c: the teller. It brings what is in the outbox to the customers' webhooks, and what the
 * carrier said to the URLs that calls carry with them. A delivery is
 * leased before it is sent and reported after; whatever dies in between, it is sent again under
 * the same id. Many are under way at once, a few for each customer (work/lanes.h).
 */
#include <stdint.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "domain/event.h"
#include "domain/outbox.h"
#include "remote/webhook.h"
#include "sys/crash.h"
#include "sys/signals.h"
#include "work/env.h"
#include "work/lanes.h"

#define AT_ONCE_MAX 512
#define POLL_US 50000
#define AGAIN_US 5000 /* after a full lane has got a place */
#define BURY_US 1000000
#define BURY_BATCH 500
#define NAMES_MAX (128u << 10) /* of all lanes in one text */
#define BODY_MAX (1u << 20)

struct teller {
	const struct work_env *env;
	struct db *db;
	struct fetch_pool *pool;
	struct lanes *lanes;
	struct buf workspaces, rooms;
	struct buf after; /* the workspace that was served last, "" after the end */
	int64_t next_us, bury_us;
};

/* One delivery under way. */
struct delivery {
	struct teller *t;
	struct arena *arena; /* holds this and its texts */
	struct outbox_outcome outcome;
	const char *call_id;
};

/* ---- the end of a delivery ---- */

static void
report(struct delivery *d, const struct webhook_answer *answer)
{
	struct outbox_outcome *o = &d->outcome;

	o->status = answer->status;
	o->error = answer->error;
	o->retry_after_s = answer->retry_after_s;
	o->answer = answer->answer;
	o->mode = answer->mode;
	if (answer->error != NULL)
		log_info("%s, try %lld: %s", o->delivery_id, (long long)o->attempt, answer->error);
	if (outbox_result(d->t->db, o) != RC_OK)
		log_warning("a delivery could not be reported; it is sent again");
}

static void
finish(struct delivery *d, const struct webhook_answer *answer)
{
	struct teller *t = d->t;
	int64_t soon = clock_boot_us() + AGAIN_US;

	report(d, answer);
	if (lanes_give(t->lanes, d->outcome.workspace_id, answer->status != 0) && t->next_us > soon)
		t->next_us = soon;
	log_about(NULL);
	arena_free(d->arena);
}

static void
told(struct fetch_result *result, void *arg)
{
	struct delivery *d = arg;
	struct webhook_answer answer;

	log_about(d->call_id);
	crash_point("tell.sent");
	webhook_read(d->arena, result, d->outcome.request_id != NULL, &answer);
	finish(d, &answer);
}

/* ---- its beginning ---- */

/* The event, in the form in which everybody gets it; or a form or job as the database has it. */
static const char *
body_of(struct arena *a, const struct rows *rows, int i)
{
	struct call_event event;
	struct buf out;
	const char *body = rows_copy(a, rows, i, OUTBOX_FORM);

	if (body == NULL)
		body = rows_copy(a, rows, i, OUTBOX_JOB);
	if (body != NULL)
		return body;
	buf_init(&out, BODY_MAX);
	if (call_event_read(rows, i, OUTBOX_EVENT, &event))
		call_event_body(&event, &out);
	body = arena_strndup(a, out.data, out.len);
	buf_free(&out);
	return body;
}

static void
start(struct teller *t, const struct rows *rows, int i)
{
	const char *form = rows_text(rows, i, OUTBOX_FORM);
	struct arena *a = arena_new();
	struct delivery *d = arena_alloc(a, sizeof *d);
	struct webhook_message message;
	struct webhook_answer refused = { .status = 0 };
	struct fetch f;

	*d = (struct delivery){
		.t = t, .arena = a, .call_id = rows_copy(a, rows, i, OUTBOX_CALL_ID)
	};
	d->outcome = (struct outbox_outcome){
		.delivery_id = rows_copy(a, rows, i, OUTBOX_DELIVERY_ID),
		.workspace_id = rows_copy(a, rows, i, OUTBOX_WORKSPACE_ID),
		.url = rows_copy(a, rows, i, OUTBOX_URL),
		.attempt = rows_int(rows, i, OUTBOX_ATTEMPT),
		.request_id = rows_copy(a, rows, i, OUTBOX_REQUEST_ID),
	};
	message = (struct webhook_message){
		.id = d->outcome.delivery_id,
		.url = d->outcome.url,
		.secret = rows_text(rows, i, OUTBOX_SECRET),
		.old_secret = rows_text(rows, i, OUTBOX_OLD_SECRET),
		.body = body_of(a, rows, i),
		.content_type = form != NULL ? "application/x-www-form-urlencoded"
					     : "application/json",
		.ca_file = t->env->ca_file,
		.anywhere = t->env->anywhere,
	};
	log_about(d->call_id);
	lanes_take(t->lanes, d->outcome.workspace_id);
	refused.error = webhook_request(a, &message, clock_wall_us() / 1000000, &f);
	if (refused.error == NULL)
		fetch_pool_start(t->pool, &f, told, d);
	else
		finish(d, &refused);
	log_about(NULL);
}

/* ---- the loop ---- */

/* Starts what is due, as far as there is room. Whether there may be more. */
static bool
start_due(struct teller *t)
{
	int room = AT_ONCE_MAX - fetch_pool_active(t->pool), count;
	struct outbox_want want = { .limit = room, .each = LANES_EACH, .after = t->after.data };
	struct rows *rows;

	if (room <= 0)
		return false;
	lanes_rooms(t->lanes, &t->workspaces, &t->rooms);
	want.workspaces = t->workspaces.data;
	want.rooms = t->rooms.data;
	if (outbox_due(t->db, &want, &rows) != RC_OK)
		return false;
	crash_point("tell.leased");
	count = rows_count(rows);
	buf_clear(&t->after);
	if (count == room)
		buf_puts(&t->after, rows_text(rows, 0, OUTBOX_LAST));
	for (int i = 0; i < count; i++)
		start(t, rows, i);
	rows_free(rows);
	return count == room;
}

static void
bury(struct teller *t)
{
	int done = BURY_BATCH;

	t->bury_us = clock_boot_us() + BURY_US;
	while (done >= BURY_BATCH && !signal_stop)
		if (outbox_bury(t->db, BURY_BATCH, &done) != RC_OK)
			return;
}

static void
turn(struct teller *t)
{
	int64_t now = clock_boot_us();

	if (now >= t->bury_us)
		bury(t);
	if (now >= t->next_us) {
		t->next_us = INT64_MAX;
		if (start_due(t))
			t->next_us = now;
		else if (t->next_us == INT64_MAX)
			t->next_us = now + POLL_US;
	}
	fetch_pool_run(t->pool, t->next_us);
}

int
work_tell(void *arg)
{
	struct teller t = { .env = arg };
	struct db_options options = { "offhook-teller", t.env->statement_timeout_ms, 0 };

	signals_unblock(); /* this loop waits in libcurl, which knows no signal mask */
	fetch_init();
	t.db = db_new(t.env->database_url, &options);
	t.pool = fetch_pool_new();
	t.lanes = lanes_new();
	buf_init(&t.workspaces, NAMES_MAX);
	buf_init(&t.rooms, NAMES_MAX);
	buf_init(&t.after, 128);
	while (!signal_stop && !signal_reload)
		turn(&t);
	/* What is under way is waited for; each has its own time limit. */
	while (fetch_pool_active(t.pool) > 0)
		fetch_pool_run(t.pool, clock_boot_us() + 100000);
	buf_free(&t.after);
	buf_free(&t.rooms);
	buf_free(&t.workspaces);
	lanes_free(t.lanes);
	fetch_pool_free(t.pool);
	db_free(t.db);
	return 0;
}
