/*
 * watch.c: the watcher. It asks the carrier about every attempt whose news do not come by
 * themselves: calls whose callbacks were lost, dials whose answer was lost, calls that are to be
 * hung up, calls past their deadline. It never dials.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "domain/leg.h"
#include "sys/crash.h"
#include "sys/signals.h"
#include "work/env.h"

#define AT_ONCE_MAX 256 /* questions under way: a carrier that hangs holds up so many at a time */
#define POLL_US 500000
#define CANDIDATES_MAX 20
/* How far apart the carrier's clock and the database's may be, and how long after its grant a
 * dial's POST can at most be taken in. */
#define CREATED_BEFORE_S 10
#define CREATED_AFTER_S 60
/* After so many failures in a row the carrier is taken to be away: one question at a time finds out
 * whether it is back, the others are put off at once, lest their leases run out over the waiting. */
#define AWAY_AFTER 8

struct watcher {
	const struct work_env *env;
	struct db *db;
	struct fetch_pool *pool;
	int failures; /* in a row */
};

/* One attempt that is looked at. */
struct look {
	struct watcher *w;
	struct arena *arena; /* holds this and its texts */
	const char *attempt_id, *call_id, *state, *call_sid, *to, *from;
	bool hang_up, overdue;
	int64_t created;
};

/* ---- what the answers mean ---- */

static enum rc
tell(const struct look *look, const struct carrier_call *call)
{
	struct leg_news news = {
		.call_id = look->call_id,
		.attempt_id = look->attempt_id,
		.call_sid = call->sid,
		.status = call->status,
		.duration = call->duration[0] != '\0' ? call->duration : NULL,
		.answered_by = call->answered_by[0] != '\0' ? call->answered_by : NULL,
		.max_talk_s = look->w->env->carrier.max_talk_s,
	};
	bool taken;

	return leg_tell(look->w->db, &news, &taken);
}

/* A dial whose answer was lost: which of the carrier's calls to that number is it? Only one that
 * belongs to no other attempt can be, and while it is open no other dial to the number starts. */
static enum rc
find_lost(const struct look *look, const struct fetch_result *result)
{
	struct carrier_call calls[CANDIDATES_MAX], *match = NULL;
	int count;
	enum rc rc = carrier_list_read(result, look->created - CREATED_BEFORE_S,
	    look->created + CREATED_AFTER_S, calls, CANDIDATES_MAX, &count);

	for (int i = 0; rc == RC_OK && i < count; i++) {
		bool bound;

		rc = leg_sid_bound(look->w->db, calls[i].sid, &bound);
		if (rc != RC_OK || bound)
			continue;
		if (match != NULL) {
			log_warning(
			    "two calls at the carrier could be this one: left to the callbacks");
			return leg_not_found(look->w->db, look->attempt_id);
		}
		match = &calls[i];
	}
	if (rc != RC_OK)
		return rc;
	if (match == NULL)
		return leg_not_found(look->w->db, look->attempt_id);
	log_info("found at the carrier");
	return tell(look, match);
}

/* How a live attempt stands. */
static enum rc
take_state(const struct look *look, const struct fetch_result *result)
{
	struct carrier_call call;
	enum rc rc = carrier_get_read(result, look->call_sid, &call);

	if (rc == RC_NOT_FOUND) { /* deleted over there: it can only be over */
		snprintf(call.sid, sizeof call.sid, "%s", look->call_sid);
		snprintf(call.status, sizeof call.status, "failed");
		call.duration[0] = call.answered_by[0] = '\0';
		rc = RC_OK;
	}
	return rc == RC_OK ? tell(look, &call) : rc;
}

/* ---- one look: a question or two, then the end ---- */

/* The end of every look. A failure puts the next one off. */
static void
finish(struct look *look, enum rc rc)
{
	if (rc != RC_OK && leg_ask_failed(look->w->db, look->attempt_id) != RC_OK)
		log_warning("an attempt could not be looked at; its lease runs out by itself");
	log_about(NULL);
	arena_free(look->arena);
}

static void
note_answer(struct watcher *w, const struct fetch_result *result)
{
	w->failures = result->end == FETCH_ANSWERED && result->status < 500 ? 0 : w->failures + 1;
}

static void
listed(struct fetch_result *result, void *arg)
{
	struct look *look = arg;

	log_about(look->call_id);
	note_answer(look->w, result);
	crash_point("watch.asked");
	finish(look, find_lost(look, result));
}

static void
got(struct fetch_result *result, void *arg)
{
	struct look *look = arg;

	log_about(look->call_id);
	note_answer(look->w, result);
	finish(look, take_state(look, result));
}

static void
get(struct look *look)
{
	struct fetch f;

	carrier_get_request(&look->w->env->carrier, look->arena, look->call_sid, &f);
	fetch_pool_start(look->w->pool, &f, got, look);
}

static void
ended(struct fetch_result *result, void *arg)
{
	struct look *look = arg;
	enum rc rc = carrier_end_read(result);

	log_about(look->call_id);
	note_answer(look->w, result);
	crash_point("watch.hung_up");
	if (rc == RC_LATER)
		finish(look, rc);
	else
		get(look);
	log_about(NULL);
}

/* Asks for a live attempt to be hung up if somebody wants that or its time is over, then how it
 * stands. */
static void
ask_live(struct look *look)
{
	struct fetch f;

	if (look->overdue && !look->hang_up) {
		log_warning("past its deadline: hung up");
		if (leg_give_up(look->w->db, look->attempt_id) != RC_OK) {
			finish(look, RC_LATER);
			return;
		}
		look->hang_up = true;
	}
	if (!look->hang_up) {
		get(look);
		return;
	}
	carrier_end_request(&look->w->env->carrier, look->arena, look->call_sid, &f);
	fetch_pool_start(look->w->pool, &f, ended, look);
}

static void
ask_lost(struct look *look)
{
	struct fetch f;

	carrier_list_request(&look->w->env->carrier, look->arena, look->to, look->from, &f);
	fetch_pool_start(look->w->pool, &f, listed, look);
}

static void
start_look(struct watcher *w, const struct rows *rows, int i)
{
	struct arena *a = arena_new();
	const char *from = rows_text(rows, i, LEG_FROM);
	struct look *look = arena_alloc(a, sizeof *look);

	*look = (struct look){
		.w = w,
		.arena = a,
		.attempt_id = rows_copy(a, rows, i, LEG_ATTEMPT_ID),
		.call_id = rows_copy(a, rows, i, LEG_CALL_ID),
		.state = rows_copy(a, rows, i, LEG_STATE),
		.call_sid = rows_copy(a, rows, i, LEG_CALL_SID),
		.to = rows_copy(a, rows, i, LEG_TO),
		.from = arena_strdup(a, from == NULL ? "" : from),
		.hang_up = rows_bool(rows, i, LEG_HANG_UP),
		.overdue = rows_bool(rows, i, LEG_OVERDUE),
		.created = rows_int(rows, i, LEG_CREATED),
	};
	log_about(look->call_id);
	if (w->failures >= AWAY_AFTER && fetch_pool_active(w->pool) > 0)
		finish(look, RC_LATER);
	else if (strcmp(look->state, "live") == 0)
		ask_live(look);
	else
		ask_lost(look);
	log_about(NULL);
}

/* ---- the loop ---- */

/* Starts to look at what is due, as far as there is room; whether there may be more. */
static bool
start_due(struct watcher *w)
{
	int room = AT_ONCE_MAX - fetch_pool_active(w->pool);
	struct rows *rows;
	int count;

	if (room <= 0 || leg_due(w->db, room, &rows) != RC_OK)
		return false;
	count = rows_count(rows);
	for (int i = 0; i < count; i++)
		start_look(w, rows, i);
	rows_free(rows);
	return count == room;
}

int
work_watch(void *arg)
{
	struct watcher w = { .env = arg };
	struct db_options options = { "offhook-watcher", w.env->statement_timeout_ms, 0 };
	int64_t next = 0;

	signals_unblock(); /* this loop waits in libcurl, which knows no signal mask */
	fetch_init();
	w.db = db_new(w.env->database_url, &options);
	w.pool = fetch_pool_new();
	while (!signal_stop && !signal_reload) {
		if (clock_boot_us() >= next)
			next = start_due(&w) ? 0 : clock_boot_us() + POLL_US;
		fetch_pool_run(w.pool, next);
	}
	/* Questions under way are waited for; each has its own time limit. */
	while (fetch_pool_active(w.pool) > 0)
		fetch_pool_run(w.pool, clock_boot_us() + 100000);
	fetch_pool_free(w.pool);
	db_free(w.db);
	return 0;
}
