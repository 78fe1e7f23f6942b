/*
 * reconcile.c: "offhook reconcile": after the database was restored to an earlier instant, finds the calls that
 * wait in it and have been dialed since. It asks the carrier for each number that a call waits for, and
 * gives each call of the carrier's that nobody has to one of ours, which is not dialed again.
 */
#include <stdio.h>
#include <string.h>

#include "admin/nouns.h"
#include "admin/print.h"
#include "base/clock.h"
#include "base/mem.h"
#include "remote/carrier.h"

#define AT_ONCE_MAX 32
#define LISTED_MAX 100    /* as many as the carrier lists to a question */
#define CLOCKS_APART_S 10 /* the carrier's and the database's */
#define WAIT_US 1000000

static int reconcile(struct admin *);

const struct command reconcile_commands[] = {
	{ "reconcile", NULL, "SINCE",
	    "After a restore: find the calls that the carrier has dialed since", reconcile,
	    no_options, COMMAND_SLOW },
	{ .noun = NULL },
};

static const struct statement sql_restored = { "op_restored", "SELECT fn.restored()", 0 };

enum { DOUBT_CALL, DOUBT_TO, DOUBT_FROM };
static const struct statement sql_doubts = { "op_restored_doubts",
	"SELECT call_id, to_number, from_number FROM fn.restored_doubts()", 0 };

static const struct statement sql_bound = { "op_sid_bound", "SELECT fn.sid_bound($1)", 1 };
static const struct statement sql_bind = { "op_restored_bind", "SELECT fn.restored_bind($1, $2)",
	2 };

static const struct statement sql_reconciled = { "op_reconciled", "SELECT fn.reconciled()", 0 };

/* The whole of it. */
struct search {
	struct admin *admin;
	struct carrier carrier;
	struct fetch_pool *pool;
	const struct rows *doubts;
	int64_t since; /* seconds since 1970 */
	int numbers, found, unknown, unasked;
};

/* One number: the calls from row first until row end may be the carrier's. */
struct question {
	struct search *s;
	struct arena *arena; /* holds this and its texts */
	int first, end;
};

/* Runs a statement that answers yes or no. */
static bool
ask(struct admin *a, const struct statement *statement, const char *const values[], bool *yes)
{
	struct rows *rows;

	if (!admin_run(a, statement, values, &rows))
		return false;
	*yes = rows_bool(rows, 0, 0);
	rows_free(rows);
	return true;
}

/* Gives the carrier's calls, oldest first, to ours in their order. False when that could not be done. */
static bool
bind_calls(struct question *q, const struct carrier_call *calls, int count)
{
	struct search *s = q->s;

	for (int i = count - 1; i >= 0; i--) {
		const char *sid[] = { calls[i].sid };
		bool bound;

		if (!ask(s->admin, &sql_bound, sid, &bound))
			return false;
		while (!bound && q->first < q->end) {
			const char *values[] = { rows_text(s->doubts, q->first++, DOUBT_CALL),
				calls[i].sid };

			if (!ask(s->admin, &sql_bind, values, &bound))
				return false;
			s->found += bound;
		}
		s->unknown += !bound;
	}
	return true;
}

static void
listed(struct fetch_result *result, void *arg)
{
	struct carrier_call calls[LISTED_MAX];
	struct question *q = arg;
	struct search *s = q->s;
	int count;

	/* A full list may not be the whole one. */
	if (carrier_list_read(
		result, s->since - CLOCKS_APART_S, INT64_MAX, calls, LISTED_MAX, &count) != RC_OK ||
	    count == LISTED_MAX || !bind_calls(q, calls, count))
		s->unasked++;
	arena_free(q->arena);
}

static bool
same_number(const struct rows *rows, int i, int k)
{
	return strcmp(rows_text(rows, i, DOUBT_TO), rows_text(rows, k, DOUBT_TO)) == 0 &&
	    strcmp(rows_text(rows, i, DOUBT_FROM), rows_text(rows, k, DOUBT_FROM)) == 0;
}

/* Asks for the number of row first; the row behind the last call to it. */
static int
start_question(struct search *s, int first)
{
	struct arena *a = arena_new();
	struct question *q = arena_alloc(a, sizeof *q);
	struct fetch f;
	int end = first + 1;

	while (end < rows_count(s->doubts) && same_number(s->doubts, first, end))
		end++;
	*q = (struct question){ s, a, first, end };
	carrier_list_request(&s->carrier, a, rows_text(s->doubts, first, DOUBT_TO),
	    rows_text(s->doubts, first, DOUBT_FROM), &f);
	s->numbers++;
	fetch_pool_start(s->pool, &f, listed, q);
	return end;
}

static void
ask_carrier(struct search *s)
{
	int next = 0, count = rows_count(s->doubts);

	fetch_init();
	s->pool = fetch_pool_new();
	while (next < count || fetch_pool_active(s->pool) > 0) {
		while (next < count && fetch_pool_active(s->pool) < AT_ONCE_MAX)
			next = start_question(s, next);
		fetch_pool_run(s->pool, clock_boot_us() + WAIT_US);
	}
	fetch_pool_free(s->pool);
}

/* Dialing may go on when every number was compared. */
static int
tell(const struct search *s)
{
	if (s->unasked == 0 && !admin_run(s->admin, &sql_reconciled, NULL, NULL))
		return ADMIN_FAILED;
	if (s->admin->json)
		print_json(json_pack("{s:i, s:i, s:i, s:i}", "numbers", s->numbers, "found",
		    s->found, "unknown", s->unknown, "unasked", s->unasked));
	else
		printf("numbers that calls wait for: %d\n"
		       "calls that had been dialed, and wait no more: %d\n"
		       "calls to these numbers that this database does not know: %d\n",
		    s->numbers, s->found, s->unknown);
	if (s->unasked > 0)
		return admin_refuse("%d numbers could not be compared: dial nothing yet, and run "
				    "this again",
		    s->unasked);
	return ADMIN_DONE;
}

static int
reconcile(struct admin *a)
{
	const struct admin_settings *set = a->settings;
	struct search s = { .admin = a,
		.carrier = { .api_url = set->carrier_url,
		    .account_sid = set->carrier_sid,
		    .auth_token = set->carrier_token,
		    .from = set->carrier_number,
		    .public_url = set->public_url,
		    .ca_file = set->ca_file[0] != '\0' ? set->ca_file : NULL,
		    .timeout_ms = (int)set->carrier_timeout_ms } };
	struct rows *doubts;
	int64_t since_us;
	bool restored;

	if (!clock_parse_iso(a->args[0], &since_us))
		return admin_misuse("SINCE must be a time such as 2026-11-20T22:00:00Z");
	s.since = since_us / 1000000;
	if (!ask(a, &sql_restored, NULL, &restored))
		return ADMIN_FAILED;
	if (!restored)
		return admin_refuse(
		    "a scheduler dials: stop offhook-scheduler on every host first");
	if (!admin_run(a, &sql_doubts, NULL, &doubts))
		return ADMIN_FAILED;
	s.doubts = doubts;
	ask_carrier(&s);
	rows_free(doubts);
	return tell(&s);
}
