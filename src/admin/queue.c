/*
 * queue.c: "offhook queue status": what waits, what is in flight, and who dials at which rate.
 */
#include <stdio.h>

#include "admin/nouns.h"
#include "admin/print.h"

static int status(struct admin *);

const struct command queue_commands[] = {
	{ "queue", "status", "", "Show what waits, what is in flight, and who dials", status,
	    no_options, 0 },
	{ .noun = NULL },
};

/* The rate is the leader's; without one, what it would be here. */
static const struct statement sql_queue_status = { "op_queue_status",
	"SELECT queued, scheduled, dialing, dial_unknown, in_progress, coalesce(cps, $1::float8),"
	" leader, oldest_queued_seconds FROM fn.queue_status()",
	1 };

static int
status(struct admin *a)
{
	static const struct column columns[] = {
		{ "queued", "queued", COLUMN_INT },
		{ "scheduled", "scheduled", COLUMN_INT },
		{ "dialing", "dialing", COLUMN_INT },
		{ "dial_unknown", "dial unknown", COLUMN_INT },
		{ "in_progress", "in progress", COLUMN_INT },
		{ "cps", "dials a second", COLUMN_REAL },
		{ "leader", "leader", COLUMN_TEXT },
		{ "oldest_queued_seconds", "oldest waits (s)", COLUMN_REAL },
		{ .name = NULL },
	};
	char cps[32];
	const char *const values[] = { cps };
	struct rows *rows;

	snprintf(cps, sizeof(cps), "%.15g", a->settings->cps);
	if (!admin_run(a, &sql_queue_status, values, &rows))
		return ADMIN_FAILED;
	if (a->json) {
		print_json(print_object(columns, rows, 0));
	} else {
		print_record(columns, rows, 0, stdout);
		if (rows_text(rows, 0, 6) == NULL)
			puts("nobody dials: start offhook-scheduler");
	}
	rows_free(rows);
	return ADMIN_DONE;
}
