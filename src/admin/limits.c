/*
 * limits.c: "offhook limits": how much a workspace may call, against toll fraud. A limit that a workspace
 * does not have is the operator's for all.
 */
#include <stdio.h>
#include <string.h>

#include "admin/nouns.h"
#include "admin/print.h"

#define MOST_MAX 1000000000

static int show(struct admin *);
static int set(struct admin *);

static const struct command_option workspace_options[] = {
	{ "--workspace", "ID", "of this workspace; otherwise of all that have none of their own" },
	{ .name = NULL },
};

const struct command limit_commands[] = {
	{ "limits", "set", "NAME N",
	    "Set a limit against toll fraud; none: no limit; default: unset", set,
	    workspace_options, 0 },
	{ "limits", "show", "", "Show the limits that hold, and what is used", show,
	    workspace_options, 0 },
	{ .noun = NULL },
};

static bool
is_limit(const char *name)
{
	static const char *const names[] = { "trial_calls", "refusals_per_hour", "calls_per_hour",
		"calls_per_day", "cost_per_day", "first_day_calls" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	admin_misuse("NAME must be trial_calls, refusals_per_hour, calls_per_hour, calls_per_day,"
		     " cost_per_day or first_day_calls");
	return false;
}

static const struct statement sql_limits = { "op_limits",
	"SELECT name, most, own, used FROM fn.limits_show($1::text)", 1 };

static int
show(struct admin *a)
{
	static const struct column columns[] = {
		{ "name", "LIMIT", COLUMN_TEXT },
		{ "most", "MOST", COLUMN_INT },
		{ "own", "SET HERE", COLUMN_BOOL },
		{ "used", "USED", COLUMN_INT },
		{ .name = NULL },
	};
	const char *const values[] = { admin_option(a, "--workspace") };

	if (values[0] != NULL && !admin_tenant_id("--workspace", values[0]))
		return ADMIN_USAGE;
	return admin_list(a, &sql_limits, values, columns, "there are none");
}

static const struct statement sql_limit_set = { "op_limit_set",
	"SELECT fn.limit_set($1::text, $2::text, $3::integer, $4::boolean)", 4 };

static int
set(struct admin *a)
{
	const char *workspace = admin_option(a, "--workspace"), *most = a->args[1];
	bool none = strcmp(most, "none") == 0, unset = strcmp(most, "default") == 0;
	char word[32];
	int64_t number;

	if (!is_limit(a->args[0]) ||
	    (!none && !unset && !admin_number("N", most, 0, MOST_MAX, &number)) ||
	    (workspace != NULL && !admin_tenant_id("--workspace", workspace)))
		return ADMIN_USAGE;
	const char *const values[] = { workspace, a->args[0], none || unset ? NULL : most,
		db_bool(unset) };
	if (!admin_run_word(a, &sql_limit_set, values, word))
		return ADMIN_FAILED;
	if (strcmp(word, "set") != 0)
		return admin_refuse("there is no workspace %s", workspace);
	return show(a);
}
