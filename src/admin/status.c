/*
 * status.c: "offhook status": calls and jobs at a glance: what waits in which state and since when, what
 * came of the rest, and what went wrong.
 */
#include <inttypes.h>
#include <stdio.h>

#include "admin/dialing.h"
#include "admin/nouns.h"
#include "admin/queue.h"

static int status(struct admin *);

const struct command status_commands[] = {
	{ "status", NULL, "", "Show how calls and jobs stand, and what went wrong", status,
	    no_options, 0 },
	{ .noun = NULL },
};

static const struct statement sql_status_open = { "op_status_open",
	"SELECT status, jobs, oldest_seconds, fn.job_workers_alive() FROM fn.jobs_open()", 0 };

static const struct column open_columns[] = {
	{ "status", "JOBS", COLUMN_TEXT },
	{ "jobs", "NOW", COLUMN_INT },
	{ "oldest_seconds", "OLDEST (s)", COLUMN_REAL },
	{ .name = NULL },
};
#define OPEN_WORKERS 3 /* the column behind these */

static const struct statement sql_status_ended = { "op_status_ended",
	"SELECT kind, nullif(label, ''), times FROM fn.job_tallied()"
	" WHERE kind IN ('completed', 'skipped', 'failed') ORDER BY kind, times DESC, label",
	0 };

static const struct column ended_columns[] = {
	{ "status", "ENDED AS", COLUMN_TEXT },
	{ "reason", "REASON", COLUMN_TEXT },
	{ "times", "TIMES", COLUMN_INT },
	{ .name = NULL },
};

static const struct statement sql_status_tries = { "op_status_tries",
	"SELECT kind, label, times FROM fn.job_tallied() WHERE kind IN ('begun', 'wrong')"
	" ORDER BY kind, times DESC, label",
	0 };

static const struct column try_columns[] = {
	{ "what", "TRIES", COLUMN_TEXT },
	{ "of", "OF", COLUMN_TEXT },
	{ "times", "TIMES", COLUMN_INT },
	{ .name = NULL },
};

struct shown {
	struct rows *calls, *stops, *open, *ended, *tries;
};

static void
print_status(const struct admin *a, const struct shown *s)
{
	int64_t workers = rows_int(s->open, 0, OPEN_WORKERS);

	if (a->json) {
		print_json(json_pack("{s:o, s:o, s:{s:o, s:o, s:o, s:I}}", "calls",
		    print_object(queue_columns, s->calls, 0), "stopped",
		    print_array(dialing_columns, s->stops), "jobs", "open",
		    print_array(open_columns, s->open), "ended",
		    print_array(ended_columns, s->ended), "tries",
		    print_array(try_columns, s->tries), "workers", (json_int_t)workers));
		return;
	}
	queue_print(s->calls);
	dialing_print(s->stops);
	putchar('\n');
	print_table(open_columns, s->open, "", stdout);
	if (workers > 0)
		printf("%" PRId64 " at work on jobs\n\n", workers);
	else
		puts("nobody works on jobs: start offhook-scheduler\n");
	print_table(ended_columns, s->ended, "no job has ended yet", stdout);
	putchar('\n');
	print_table(try_columns, s->tries, "no job was worked on yet", stdout);
}

static int
status(struct admin *a)
{
	struct shown s = { NULL, NULL, NULL, NULL, NULL };
	int result = ADMIN_FAILED;

	if (queue_read(a, &s.calls) && admin_run(a, &dialing_stops, NULL, &s.stops) &&
	    admin_run(a, &sql_status_open, NULL, &s.open) &&
	    admin_run(a, &sql_status_ended, NULL, &s.ended) &&
	    admin_run(a, &sql_status_tries, NULL, &s.tries)) {
		print_status(a, &s);
		result = ADMIN_DONE;
	}
	rows_free(s.calls);
	rows_free(s.stops);
	rows_free(s.open);
	rows_free(s.ended);
	rows_free(s.tries);
	return result;
}
