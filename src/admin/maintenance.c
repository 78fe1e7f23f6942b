/*
 * maintenance.c: "offhook maintenance": whether new calls are refused. Calls that run go on.
 */
#include <stdio.h>
#include <string.h>

#include "admin/nouns.h"
#include "admin/print.h"
#include "base/clock.h"
#include "base/str.h"

#define MESSAGE_MAX_CHARS 500

static int show(struct admin *);
static int on(struct admin *);
static int off(struct admin *);

static const struct command_option on_options[] = {
	{ "--message", "TEXT", "what clients are told" },
	{ "--resume-at", "ISO8601", "when it is expected to end, e.g. 2026-11-20T22:00:00Z" },
	{ .name = NULL },
};

const struct command maintenance_commands[] = {
	{ "maintenance", "on", "", "Refuse new calls with 503; calls that run go on", on,
	    on_options, 0 },
	{ "maintenance", "off", "", "Take new calls again", off, no_options, 0 },
	{ "maintenance", NULL, "", "Show whether maintenance is on", show, no_options, 0 },
	{ .noun = NULL },
};

static const struct statement sql_maintenance = { "op_maintenance",
	"SELECT active, CASE WHEN active THEN message END,"
	" CASE WHEN active THEN fn.iso(resume_at) END FROM maintenance",
	0 };

static int
show(struct admin *a)
{
	static const struct column columns[] = {
		{ "active", "active", COLUMN_BOOL },
		{ "message", "message", COLUMN_TEXT },
		{ "resume_at", "resume at", COLUMN_TIME },
		{ .name = NULL },
	};
	struct rows *rows;

	if (!admin_run(a, &sql_maintenance, NULL, &rows))
		return ADMIN_FAILED;
	if (a->json)
		print_json(print_object(columns, rows, 0));
	else
		print_record(columns, rows, 0, stdout);
	rows_free(rows);
	return ADMIN_DONE;
}

static const struct statement sql_maintenance_on = { "op_maintenance_on",
	"SELECT fn.maintenance_on($1::text, $2::timestamptz)", 2 };

static int
on(struct admin *a)
{
	const char *message = admin_option(a, "--message");
	const char *resume_at = admin_option(a, "--resume-at");
	char instant[CLOCK_ISO_SIZE];
	int64_t us;

	if (message != NULL &&
	    (!str_utf8(message, strlen(message)) || str_blank(message) ||
		str_chars(message) > MESSAGE_MAX_CHARS))
		return admin_misuse(
		    "--message must be 1 to %d characters of UTF-8", MESSAGE_MAX_CHARS);
	if (resume_at != NULL) {
		if (!clock_parse_iso(resume_at, &us))
			return admin_misuse(
			    "--resume-at must be a time such as 2026-11-20T22:00:00Z");
		clock_format_iso(us, instant);
		resume_at = instant;
	}
	const char *const values[] = { message, resume_at };
	return admin_run(a, &sql_maintenance_on, values, NULL) ? show(a) : ADMIN_FAILED;
}

static const struct statement sql_maintenance_off = { "op_maintenance_off",
	"SELECT fn.maintenance_off()", 0 };

static int
off(struct admin *a)
{
	return admin_run(a, &sql_maintenance_off, NULL, NULL) ? show(a) : ADMIN_FAILED;
}
