/*
 * credits.c: "offhook credits": what a workspace has, and whether the books are right.
 */
#include <stdio.h>
#include <string.h>

#include "admin/nouns.h"
#include "admin/print.h"

#define GRANT_MAX 1000000000

static int grant(struct admin *);
static int show(struct admin *);
static int audit(struct admin *);

const struct command credit_commands[] = {
	{ "credits", "grant", "WORKSPACE N", "Grant N credits for this month, on top of the quota",
	    grant, no_options, 0 },
	{ "credits", "show", "WORKSPACE", "Show this month's quota and use", show, no_options, 0 },
	{ "credits", "audit", "", "Recompute all credits from the ledger; 1 when they differ",
	    audit, no_options, COMMAND_SLOW },
	{ .noun = NULL },
};

static const struct column show_columns[] = {
	{ "workspace_id", "workspace", COLUMN_TEXT },
	{ "month", "month", COLUMN_TEXT },
	{ "quota_limit", "quota with grants", COLUMN_INT },
	{ "granted", "granted", COLUMN_INT },
	{ "reserved", "reserved", COLUMN_INT },
	{ "settled", "settled", COLUMN_INT },
	{ "available", "available", COLUMN_INT },
	{ .name = NULL },
};

static const struct statement sql_credits_show = { "op_credits_show",
	"SELECT workspace_id, month, quota_limit, granted, reserved, settled, available"
	" FROM fn.credits_show($1::text)",
	1 };

static int
show(struct admin *a)
{
	const char *const values[] = { a->args[0] };
	int status = ADMIN_DONE;
	struct rows *rows;

	if (!admin_tenant_id("WORKSPACE", a->args[0]))
		return ADMIN_USAGE;
	if (!admin_run(a, &sql_credits_show, values, &rows))
		return ADMIN_FAILED;
	if (rows_count(rows) == 0)
		status = admin_refuse("there is no workspace %s", a->args[0]);
	else if (a->json)
		print_json(print_object(show_columns, rows, 0));
	else
		print_record(show_columns, rows, 0, stdout);
	rows_free(rows);
	return status;
}

static const struct statement sql_credits_grant = { "op_credits_grant",
	"SELECT fn.credits_grant($1::text, $2::integer)", 2 };

static int
grant(struct admin *a)
{
	const char *const values[] = { a->args[0], a->args[1] };
	int64_t amount;
	char word[32];

	if (!admin_tenant_id("WORKSPACE", a->args[0]) ||
	    !admin_number("N", a->args[1], 1, GRANT_MAX, &amount))
		return ADMIN_USAGE;
	if (!admin_run_word(a, &sql_credits_grant, values, word))
		return ADMIN_FAILED;
	if (strcmp(word, "unknown") == 0)
		return admin_refuse("there is no workspace %s", a->args[0]);
	if (strcmp(word, "too_many") == 0)
		return admin_refuse("the grants of a month may be %d at most", GRANT_MAX);
	return show(a);
}

static const struct statement sql_credits_audit = { "op_credits_audit",
	"SELECT workspace_id, to_char(month, 'YYYY-MM'), call_id, what, kept, computed FROM"
	" (SELECT * FROM fn.credits_audit_months() UNION ALL"
	" SELECT * FROM fn.credits_audit_calls()) found"
	" ORDER BY workspace_id, month, call_id NULLS FIRST, what",
	0 };

static int
audit(struct admin *a)
{
	static const struct column columns[] = {
		{ "workspace_id", "WORKSPACE", COLUMN_TEXT },
		{ "month", "MONTH", COLUMN_TEXT },
		{ "call_id", "CALL", COLUMN_TEXT },
		{ "what", "WHAT", COLUMN_TEXT },
		{ "kept", "KEPT", COLUMN_INT },
		{ "computed", "COMPUTED", COLUMN_INT },
		{ .name = NULL },
	};
	struct rows *rows;
	int count;

	if (!admin_run(a, &sql_credits_audit, NULL, &rows))
		return ADMIN_FAILED;
	count = rows_count(rows);
	if (a->json)
		print_json(json_pack("{s:b, s:o}", "balanced", count == 0, "differences",
		    print_array(columns, rows)));
	else if (count == 0)
		puts("balanced");
	else
		print_table(columns, rows, "", stdout);
	rows_free(rows);
	return count == 0 ? ADMIN_DONE : ADMIN_FAILED;
}
