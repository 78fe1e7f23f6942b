/*
 * dialing.c: "offhook stop dialing" and "offhook start dialing": the switch that keeps calls waiting, all
 * or those of one workspace. Calls that run go on, and none is lost.
 */
#include "admin/dialing.h"

#include <stdio.h>
#include <string.h>

#include "admin/nouns.h"
#include "base/str.h"

#define REASON_MAX_CHARS 500

static int stop(struct admin *);
static int start(struct admin *);

static const struct command_option stop_options[] = {
	{ "--workspace", "ID", "of this workspace alone; otherwise of all" },
	{ "--reason", "TEXT", "why, for whoever looks" },
	{ .name = NULL },
};

static const struct command_option start_options[] = {
	{ "--workspace", "ID",
	    "of this workspace, whoever stopped it; otherwise the switch of all" },
	{ .name = NULL },
};

const struct command dialing_commands[] = {
	{ "stop", "dialing", "", "Dial nothing until it is started again; calls wait", stop,
	    stop_options, 0 },
	{ "start", "dialing", "", "Dial again", start, start_options, 0 },
	{ .noun = NULL },
};

const struct column dialing_columns[] = {
	{ "workspace_id", "STOPPED", COLUMN_TEXT },
	{ "by", "BY", COLUMN_TEXT },
	{ "reason", "REASON", COLUMN_TEXT },
	{ "stopped_at", "SINCE", COLUMN_TIME },
	{ .name = NULL },
};

const struct statement dialing_stops = { "op_dialing_stops",
	"SELECT nullif(workspace_id, ''), CASE WHEN guarded THEN 'guard' ELSE 'operator' END, reason,"
	" fn.iso(stopped_at) FROM dialing_stops ORDER BY workspace_id",
	0 };

void
dialing_remedy(const struct rows *rows, int row, char remedy[DIALING_REMEDY_SIZE])
{
	const char *workspace = rows_text(rows, row, 0);

	if (workspace != NULL)
		snprintf(
		    remedy, DIALING_REMEDY_SIZE, "offhook start dialing --workspace %s", workspace);
	else if (strcmp(rows_text(rows, row, 1), "guard") == 0)
		snprintf(remedy, DIALING_REMEDY_SIZE, "offhook reconcile SINCE");
	else
		snprintf(remedy, DIALING_REMEDY_SIZE, "offhook start dialing");
}

void
dialing_print(const struct rows *rows)
{
	for (int i = 0; i < rows_count(rows); i++) {
		const char *workspace = rows_text(rows, i, 0), *reason = rows_text(rows, i, 2);
		char remedy[DIALING_REMEDY_SIZE];

		dialing_remedy(rows, i, remedy);
		printf("dialing is stopped for %s%s by the %s%s%s: %s\n",
		    workspace != NULL ? "workspace " : "all", workspace != NULL ? workspace : "",
		    rows_text(rows, i, 1), reason != NULL ? ": " : "", reason != NULL ? reason : "",
		    remedy);
	}
}

/* The workspace that was named, or NULL for all; on failure says so. */
static bool
read_workspace(struct admin *a, const char **workspace)
{
	*workspace = admin_option(a, "--workspace");
	return *workspace == NULL || admin_tenant_id("--workspace", *workspace);
}

/* Runs the statement and says what became of it. */
static int
turn(struct admin *a, const struct statement *statement, const char *const values[],
    const char *done)
{
	const char *workspace = values[0];
	char word[32];

	if (!admin_run_word(a, statement, values, word))
		return ADMIN_FAILED;
	if (strcmp(word, "workspace_unknown") == 0)
		return admin_refuse("there is no workspace %s", workspace);
	if (a->json)
		print_json(json_pack("{s:s?, s:s, s:b}", "workspace_id", workspace, "dialing", done,
		    "changed", strcmp(word, "already") != 0));
	else
		printf("dialing %s %s%s%s\n",
		    strcmp(word, "already") == 0 ? "was already" : "is now", done,
		    workspace != NULL ? " for workspace " : " for all",
		    workspace != NULL ? workspace : "");
	return ADMIN_DONE;
}

static const struct statement sql_stop = { "op_dialing_stop",
	"SELECT fn.dialing_stop($1::text, $2::text)", 2 };

static int
stop(struct admin *a)
{
	const char *workspace, *reason = admin_option(a, "--reason");

	if (!read_workspace(a, &workspace))
		return ADMIN_USAGE;
	if (reason != NULL &&
	    (!str_utf8(reason, strlen(reason)) || str_blank(reason) ||
		str_chars(reason) > REASON_MAX_CHARS))
		return admin_misuse(
		    "--reason must be 1 to %d characters of UTF-8", REASON_MAX_CHARS);
	const char *const values[] = { workspace, reason };
	return turn(a, &sql_stop, values, "stopped");
}

static const struct statement sql_start = { "op_dialing_start", "SELECT fn.dialing_start($1::text)",
	1 };

static int
start(struct admin *a)
{
	const char *workspace;

	if (!read_workspace(a, &workspace))
		return ADMIN_USAGE;
	const char *const values[] = { workspace };
	return turn(a, &sql_start, values, "started");
}
