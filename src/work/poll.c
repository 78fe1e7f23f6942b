/*
 * poll.c: the poller. Fetches the calls that workspaces want from CallRail, page by page. Whose turn it is,
 * and how far everything is, the database knows (fn.callrail_turn): a poller that dies is gone on from, and
 * of several one asks an account. Each account is asked by itself, so that one that is slow stops nobody.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "domain/feed.h"
#include "domain/job.h"
#include "remote/callrail.h"
#include "sys/signals.h"
#include "work/env.h"

#define AT_ONCE_MAX 8
#define POLL_US 500000
#define TIMES_TOOK 20 /* looking at the settings takes no more than this part of the time */

struct poller {
	const struct work_env *env;
	struct db *db;
	struct fetch_pool *pool;
	int64_t refresh_us, next_us;
};

/* One question under way. */
struct question {
	struct poller *p;
	struct arena *arena; /* holds this and its texts */
	struct feed_lease held;
	struct callrail_ask ask;
};

/* ---- a page ---- */

/* What everybody may see of where a job came from. */
static json_t *
metadata_of(const struct question *q, const struct callrail_call *call)
{
	char iso[CLOCK_ISO_SIZE];

	clock_format_iso(call->start_us, iso);
	return json_pack("{s:s, s:s*, s:s, s:s*, s:s*, s:b, s:b}", "account_id", q->ask.account.id,
	    "company_id", call->company_id, "start_time", iso, "direction", call->direction,
	    "customer_phone_number", call->customer[0] != '\0' ? call->customer : NULL, "answered",
	    call->answered, "voicemail", call->voicemail);
}

/* A transcript that came in one piece, with an end of line behind each sentence. */
static const char *
in_lines(struct arena *a, const char *text)
{
	char *copy = arena_strdup(a, text);

	if (strchr(copy, '\n') != NULL)
		return copy;
	for (char *s = copy; (s = strpbrk(s, ".?!")) != NULL; s++)
		if (s[1] == ' ')
			s[1] = '\n';
	return copy;
}

static json_t *
call_of(const struct question *q, const struct callrail_call *call)
{
	const char *url = call->recording
	    ? callrail_recording_place(&q->p->env->callrail, q->arena, q->ask.account.id, call->id)
	    : NULL;
	char iso[CLOCK_ISO_SIZE];
	json_t *value;

	clock_format_iso(call->start_us, iso);
	value = json_pack("{s:s, s:s, s:s*, s:o*, s:o}", "id", call->id, "start", iso, "url", url,
	    "items",
	    call->transcription != NULL ? job_items(in_lines(q->arena, call->transcription)) : NULL,
	    "metadata", metadata_of(q, call));
	if (call->duration_s >= 0)
		json_object_set_new(value, "duration", json_integer(call->duration_s));
	return value;
}

/* The page as fn.callrail_take wants it, in the arena. */
static const char *
calls_of(const struct question *q, const struct callrail_page *page)
{
	json_t *list = json_array();
	const char *copy;
	char *text;

	for (int i = 0; i < page->count; i++)
		json_array_append_new(list, call_of(q, &page->calls[i]));
	text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	copy = arena_strdup(q->arena, text == NULL ? "[]" : text);
	free(text);
	return copy;
}

/* Each workspace by itself, so that no statement gets long. */
static enum rc
give_out(struct question *q, const struct callrail_page *page)
{
	const char *calls = calls_of(q, page);
	int64_t count = 0, all = 0;
	struct rows *rows;
	enum rc rc = feed_takers(q->p->db, &q->held, &rows);

	if (rc != RC_OK)
		return rc;
	for (int i = 0; rc == RC_OK && i < rows_count(rows); i++) {
		rc = feed_take(q->p->db, &q->held, rows_text(rows, i, 0), calls, &count);
		all += rc == RC_OK ? count : 0;
	}
	rows_free(rows);
	if (all > 0)
		log_info("CallRail: %" PRId64 " new calls", all);
	return rc;
}

static void
take_page(struct question *q, const struct callrail_page *page)
{
	enum rc rc = give_out(q, page);

	if (rc == RC_OK)
		rc = feed_turned(q->p->db, &q->held, page->last, page->odd);
	if (rc == RC_CONFLICT)
		log_info("CallRail: another poller has taken over");
	else if (rc != RC_OK)
		log_warning("CallRail: a page could not be kept; it is asked for again");
	else if (page->odd > 0)
		log_debug("CallRail: %d entries could not be read", page->odd);
}

static void
refused(struct question *q, enum rc why, const struct callrail_page *page)
{
	struct feed_failure failure = { why == RC_INVALID, page->status, page->retry_after_s,
		page->error };

	log_warning("%s", page->error);
	if (feed_failed(q->p->db, &q->held, &failure) != RC_OK)
		log_warning("CallRail: that could not be noted; it is asked again");
}

static void
answered(struct fetch_result *result, void *arg)
{
	struct question *q = arg;
	struct callrail_page page;
	enum rc rc = callrail_list_read(result, q->arena, &q->ask, &page);

	log_about(q->held.account_id);
	if (rc == RC_OK)
		take_page(q, &page);
	else
		refused(q, rc, &page);
	log_about(NULL);
	q->p->next_us = clock_boot_us(); /* there may be another page */
	arena_free(q->arena);
}

/* ---- the loop ---- */

static void
start(struct poller *p, const struct rows *rows, int i)
{
	struct arena *a = arena_new();
	struct question *q = arena_alloc(a, sizeof *q);
	struct callrail_page none = { 0 };
	struct fetch f;

	q->p = p;
	q->arena = a;
	q->held.account_id = rows_copy(a, rows, i, FEED_ACCOUNT_ID);
	q->held.lease = rows_copy(a, rows, i, FEED_LEASE);
	q->ask = (struct callrail_ask){
		.account = { q->held.account_id, rows_copy(a, rows, i, FEED_API_KEY) },
		.company_id = rows_copy(a, rows, i, FEED_COMPANY_ID),
		.from_us = rows_int(rows, i, FEED_FROM_US),
		.until_us = rows_int(rows, i, FEED_UNTIL_US),
		.page = (int)rows_int(rows, i, FEED_PAGE),
	};
	none.error = callrail_list_request(&p->env->callrail, a, &q->ask, &f);
	if (none.error == NULL) {
		fetch_pool_start(p->pool, &f, answered, q);
		return;
	}
	log_about(q->held.account_id);
	refused(q, RC_INVALID, &none);
	log_about(NULL);
	arena_free(a);
}

/* Whose calls are wanted; the settings may have changed. */
static void
refresh(struct poller *p)
{
	int64_t now = clock_boot_us(), pause;

	if (now < p->refresh_us)
		return;
	if (feed_refresh(p->db) != RC_OK)
		log_debug("the settings of CallRail could not be read");
	pause = (clock_boot_us() - now) * TIMES_TOOK;
	p->refresh_us = now + (pause > POLL_US ? pause : POLL_US);
}

static void
turn(struct poller *p)
{
	int room = AT_ONCE_MAX - fetch_pool_active(p->pool);
	int64_t now;
	struct rows *rows;

	refresh(p);
	now = clock_boot_us();
	if (now >= p->next_us && room > 0) {
		p->next_us = now + POLL_US;
		if (feed_turn(p->db, room, &rows) == RC_OK) {
			for (int i = 0; i < rows_count(rows); i++)
				start(p, rows, i);
			rows_free(rows);
		}
	}
	fetch_pool_run(p->pool, room > 0 ? p->next_us : now + POLL_US);
}

int
work_poll(void *arg)
{
	struct poller p = { .env = arg };
	struct db_options options = { "offhook-poller", p.env->statement_timeout_ms, 0 };

	signals_unblock(); /* this loop waits in libcurl, which knows no signal mask */
	fetch_init();
	p.db = db_new(p.env->database_url, &options);
	p.pool = fetch_pool_new();
	while (!signal_stop && !signal_reload)
		turn(&p);
	/* What is under way is waited for; each has its own time limit. */
	while (fetch_pool_active(p.pool) > 0)
		fetch_pool_run(p.pool, clock_boot_us() + 100000);
	fetch_pool_free(p.pool);
	db_free(p.db);
	return 0;
}
