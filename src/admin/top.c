/*
 * top.c: "offhook top": a live view for a terminal, drawn anew each second. Where standard output
 * is no terminal, or with --json, it prints once.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "admin/nouns.h"
#include "admin/print.h"
#include "sys/signals.h"

#define NEWEST_MAX 200
#define LINES_ABOVE 6 /* what stands above the calls, and the line at the bottom */
/* The other screen, without a cursor, long lines cut. */
#define ENTER_SCREEN "\033[?1049h\033[?25l\033[?7l"
#define LEAVE_SCREEN "\033[?7h\033[?25h\033[?1049l"
#define CLEAR_SCREEN "\033[H\033[J"

static int top(struct admin *);

const struct command top_commands[] = {
	{ "top", NULL, "", "Watch the queue and the newest calls; q ends", top, no_options, 0 },
	{ .noun = NULL },
};

static const struct statement sql_top = { "op_top",
	"SELECT s.queued, s.dialing, s.dial_unknown, s.in_progress, fn.dials_last_minute(),"
	" coalesce(s.cps, $1::float8), s.leader, s.oldest_queued_seconds,"
	" (SELECT message FROM maintenance WHERE active),"
	" to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), j.waiting, j.at_work"
	" FROM fn.queue_status() s CROSS JOIN (SELECT sum(jobs) FILTER (WHERE status = 'queued')"
	" AS waiting, sum(jobs) FILTER (WHERE status <> 'queued') AS at_work FROM fn.jobs_open()) j",
	1 };

static const struct column top_columns[] = {
	{ "queued", "QUEUED", COLUMN_INT },
	{ "dialing", "DIALING", COLUMN_INT },
	{ "dial_unknown", "UNKNOWN", COLUMN_INT },
	{ "in_progress", "IN PROGRESS", COLUMN_INT },
	{ "dials_last_minute", "DIALS/MIN", COLUMN_INT },
	{ "cps", "CPS", COLUMN_REAL },
	{ "leader", "LEADER", COLUMN_TEXT },
	{ "oldest_queued_seconds", "OLDEST (s)", COLUMN_REAL },
	{ "maintenance", NULL, COLUMN_TEXT },
	{ "at", NULL, COLUMN_TEXT },
	{ "jobs_queued", "JOBS QUEUED", COLUMN_INT },
	{ "jobs_at_work", "JOBS AT WORK", COLUMN_INT },
	{ .name = NULL },
};

static const struct statement sql_top_calls = { "op_top_calls",
	"SELECT call_id, workspace_id, status, target_phone, fn.iso(created_at), duration_sec,"
	" outcome_type FROM fn.calls_newest(NULL, NULL, $1::integer)",
	1 };

static const struct column call_columns[] = {
	{ "call_id", "CALL", COLUMN_TEXT },
	{ "workspace_id", "WORKSPACE", COLUMN_TEXT },
	{ "status", "STATUS", COLUMN_TEXT },
	{ "target_phone", "TO", COLUMN_PHONE },
	{ "created_at", "CREATED", COLUMN_TIME },
	{ "duration_sec", "TALKED", COLUMN_REAL },
	{ "outcome_type", "OUTCOME", COLUMN_TEXT },
	{ .name = NULL },
};

struct view {
	struct rows *totals, *calls;
};

static void
view_free(struct view *v)
{
	rows_free(v->totals);
	rows_free(v->calls);
}

/* Both or nothing. */
static bool
view_read(struct admin *a, int calls, struct view *v)
{
	char cps[32], limit[24];
	const char *const totals_values[] = { cps }, *const calls_values[] = { limit };

	*v = (struct view){ NULL, NULL };
	snprintf(cps, sizeof(cps), "%.15g", a->settings->cps);
	db_int(calls, limit);
	if (admin_run(a, &sql_top, totals_values, &v->totals) &&
	    admin_run(a, &sql_top_calls, calls_values, &v->calls))
		return true;
	view_free(v);
	return false;
}

/* What the operator should see before all else. */
static const char *
warning_of(const struct view *v)
{
	if (rows_text(v->totals, 0, 8) != NULL)
		return "  MAINTENANCE IS ON";
	return rows_text(v->totals, 0, 6) == NULL ? "  NOBODY DIALS" : "";
}

static void
view_print(const struct view *v)
{
	printf("offhook top  %s UTC%s\n\n", rows_text(v->totals, 0, 9), warning_of(v));
	print_table(top_columns, v->totals, "", stdout);
	putchar('\n');
	print_table(call_columns, v->calls, "no calls yet", stdout);
}

static int
print_once(struct admin *a)
{
	struct view v;
	json_t *object;

	if (!view_read(a, 20, &v))
		return ADMIN_FAILED;
	if (a->json) {
		object = print_object(top_columns, v.totals, 0);
		json_object_set_new(object, "newest", print_array(call_columns, v.calls));
		print_json(object);
	} else {
		view_print(&v);
	}
	view_free(&v);
	return ADMIN_DONE;
}

/* ---- the terminal ---- */

/* How many calls fit. */
static int
room_for_calls(void)
{
	struct winsize size;
	int room = 18;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0)
		room = size.ws_row - LINES_ABOVE;
	if (room < 1)
		return 1;
	return room < NEWEST_MAX ? room : NEWEST_MAX;
}

/* Takes keys as they come and does not echo them; false when standard input is no terminal. */
static bool
keys_begin(struct termios *saved)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, saved) != 0)
		return false;
	raw = *saved;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

/* Waits a second; false when the operator wants to leave. */
static bool
wait_second(bool has_keys)
{
	struct pollfd in = { .fd = has_keys ? STDIN_FILENO : -1, .events = POLLIN };
	struct timespec second = { .tv_sec = 1 };
	char key = 0;

	if (ppoll(&in, 1, &second, signals_wait_mask()) < 0 && errno != EINTR)
		return false;
	if (signal_stop)
		return false;
	if ((in.revents & (POLLHUP | POLLERR)) != 0)
		return false;
	return (in.revents & POLLIN) == 0 || (read(STDIN_FILENO, &key, 1) == 1 && key != 'q');
}

static void
draw(struct admin *a)
{
	struct view v;

	fputs(CLEAR_SCREEN, stdout);
	if (view_read(a, room_for_calls(), &v)) { /* else it has said why not, on the screen */
		view_print(&v);
		view_free(&v);
	}
	fflush(stdout);
}

static int
top(struct admin *a)
{
	struct termios saved;
	bool has_keys;

	if (a->json || !isatty(STDOUT_FILENO))
		return print_once(a);
	signals_init();
	has_keys = keys_begin(&saved);
	fputs(ENTER_SCREEN, stdout);
	do {
		draw(a);
	} while (wait_second(has_keys));
	fputs(LEAVE_SCREEN, stdout);
	fflush(stdout);
	if (has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	return ADMIN_DONE;
}
