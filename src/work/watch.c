/*
 * watch.c: the watcher. It asks the carrier about every attempt whose news do not come by
 * themselves: calls whose callbacks were lost, dials whose answer was lost, calls that are to be
 * hung up, calls past their deadline. It never dials.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "domain/leg.h"
#include "sys/crash.h"
#include "sys/signals.h"
#include "work/env.h"

#define BATCH 32
#define IDLE_MS 500
#define CANDIDATES_MAX 20
/* How far apart the carrier's clock and the database's may be, and how long after its grant a
 * dial's POST can at most be taken in. */
#define CREATED_BEFORE_S 10
#define CREATED_AFTER_S 60

struct watcher {
	const struct work_env *env;
	struct db *db;
};

/* One due attempt. */
struct due {
	const char *attempt_id, *call_id, *state, *call_sid, *to;
	bool hang_up, overdue;
	int64_t created;
};

static enum rc
tell(const struct watcher *w, const struct due *due, const struct carrier_call *call)
{
	struct leg_news news = {
		.call_id = due->call_id,
		.attempt_id = due->attempt_id,
		.call_sid = call->sid,
		.status = call->status,
		.duration = call->duration[0] != '\0' ? call->duration : NULL,
		.answered_by = call->answered_by[0] != '\0' ? call->answered_by : NULL,
		.max_talk_s = w->env->carrier.max_talk_s,
	};
	bool taken;

	return leg_tell(w->db, &news, &taken);
}

/* A dial whose answer was lost: which of the carrier's calls to that number is it? Only one that
 * belongs to no other attempt can be, and while it is open no other dial to the number starts. */
static enum rc
find_lost(const struct watcher *w, const struct due *due)
{
	struct carrier_call calls[CANDIDATES_MAX], *match = NULL;
	int count;
	enum rc rc;

	rc = carrier_call_list(&w->env->carrier, due->to, due->created - CREATED_BEFORE_S,
	    due->created + CREATED_AFTER_S, calls, CANDIDATES_MAX, &count);
	crash_point("watch.asked");
	for (int i = 0; rc == RC_OK && i < count; i++) {
		bool bound;

		rc = leg_sid_bound(w->db, calls[i].sid, &bound);
		if (rc != RC_OK || bound)
			continue;
		if (match != NULL) {
			log_warning(
			    "two calls at the carrier could be this one: left to the callbacks");
			return leg_not_found(w->db, due->attempt_id);
		}
		match = &calls[i];
	}
	if (rc != RC_OK)
		return rc;
	if (match == NULL)
		return leg_not_found(w->db, due->attempt_id);
	log_info("found at the carrier");
	return tell(w, due, match);
}

/* A live attempt: hang up if somebody wants it, then see how it stands. */
static enum rc
ask_live(const struct watcher *w, const struct due *due)
{
	struct carrier_call call;
	enum rc rc = RC_OK;

	if (due->hang_up)
		rc = carrier_call_end(&w->env->carrier, due->call_sid);
	crash_point("watch.hung_up");
	if (rc == RC_OK)
		rc = carrier_call_get(&w->env->carrier, due->call_sid, &call);
	if (rc == RC_NOT_FOUND) { /* deleted over there: it can only be over */
		snprintf(call.sid, sizeof call.sid, "%s", due->call_sid);
		snprintf(call.status, sizeof call.status, "failed");
		call.duration[0] = call.answered_by[0] = '\0';
		rc = RC_OK;
	}
	return rc == RC_OK ? tell(w, due, &call) : rc;
}

/* Looks at one; false when the carrier could not be asked. away: it could not a moment ago, and is
 * not asked again in this batch, whose lease would run out over the waiting. */
static bool
look_at(const struct watcher *w, const struct due *due, bool away)
{
	enum rc rc = RC_LATER;

	log_about(due->call_id);
	if (!away && due->overdue && !due->hang_up && strcmp(due->state, "live") == 0) {
		struct due late = *due;

		log_warning("past its deadline: hung up");
		late.hang_up = true;
		rc = leg_give_up(w->db, due->attempt_id);
		if (rc == RC_OK)
			rc = ask_live(w, &late);
	} else if (!away && strcmp(due->state, "live") == 0) {
		rc = ask_live(w, due);
	} else if (!away) {
		rc = find_lost(w, due);
	}
	if (rc != RC_OK && leg_ask_failed(w->db, due->attempt_id) != RC_OK)
		log_warning("an attempt could not be looked at; its lease runs out by itself");
	log_about(NULL);
	return rc == RC_OK;
}

/* Looks at what is due; returns how many. */
static int
watch_once(const struct watcher *w)
{
	struct rows *rows;
	bool away = false;
	int count;

	if (leg_due(w->db, BATCH, &rows) != RC_OK)
		return 0;
	count = rows_count(rows);
	for (int i = 0; i < count && !signal_stop; i++) {
		struct due due = {
			.attempt_id = rows_text(rows, i, LEG_ATTEMPT_ID),
			.call_id = rows_text(rows, i, LEG_CALL_ID),
			.state = rows_text(rows, i, LEG_STATE),
			.call_sid = rows_text(rows, i, LEG_CALL_SID),
			.to = rows_text(rows, i, LEG_TO),
			.hang_up = rows_bool(rows, i, LEG_HANG_UP),
			.overdue = rows_bool(rows, i, LEG_OVERDUE),
			.created = rows_int(rows, i, LEG_CREATED),
		};

		away = !look_at(w, &due, away);
	}
	rows_free(rows);
	return count;
}

int
work_watch(void *arg)
{
	struct watcher w = { .env = arg };
	struct db_options options = { "offhook-watcher", w.env->statement_timeout_ms, 0 };

	fetch_init();
	w.db = db_new(w.env->database_url, &options);
	while (!signal_stop && !signal_reload)
		if (watch_once(&w) < BATCH)
			signals_sleep_ms(IDLE_MS);
	db_free(w.db);
	return 0;
}
