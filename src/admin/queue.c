/*
 * queue.c: "offhook queue status": what waits, what is in flight, and who dials at which rate.
 */
#include "admin/queue.h"

#include <stdio.h>

#include "admin/nouns.h"

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

const struct column queue_columns[] = {
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

bool
queue_read(struct admin *a, struct rows **rows)
{
	char cps[32];
	const char *const values[] = { cps };

	snprintf(cps, sizeof(cps), "%.15g", a->settings->cps);
	return admin_run(a, &sql_queue_status, values, rows);
}

void
queue_print(const struct rows *rows)
{
	print_record(queue_columns, rows, 0, stdout);
	if (rows_text(rows, 0, 6) == NULL)
		puts("nobody dials: start offhook-scheduler");
}

static int
status(struct admin *a)
{
	struct rows *rows;

	if (!queue_read(a, &rows))
		return ADMIN_FAILED;
	if (a->json)
		print_json(print_object(queue_columns, rows, 0));
	else
		queue_print(rows);
	rows_free(rows);
	return ADMIN_DONE;
}
