/*
 * rules.c: "offhook rules": which numbers may be called, by country or prefix: of one workspace, or the
 * operator's for all. The longest prefix of a number decides; of two alike the workspace's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin/nouns.h"
#include "admin/print.h"
#include "base/str.h"

#define REASON_MAX_CHARS 200
#define COST_MAX 10000

static int allow(struct admin *);
static int deny(struct admin *);
static int drop(struct admin *);
static int list(struct admin *);
static int test(struct admin *);

static const struct command_option set_options[] = {
	{ "--workspace", "ID", "for this workspace; otherwise for all" },
	{ "--cost", "N",
	    "what a call there costs in units; 1 at home and 10 elsewhere when absent" },
	{ "--reason", "TEXT", "why, for whoever looks" },
	{ .name = NULL },
};

static const struct command_option workspace_options[] = {
	{ "--workspace", "ID", "of this workspace; otherwise of all" },
	{ .name = NULL },
};

const struct command rule_commands[] = {
	{ "rules", "allow", "TARGET",
	    "Let numbers be called: a country (DE), a prefix (+4930) or all", allow, set_options,
	    0 },
	{ "rules", "deny", "TARGET", "Let no such number be called", deny, set_options, 0 },
	{ "rules", "remove", "TARGET", "Take such a rule away", drop, workspace_options, 0 },
	{ "rules", "list", "", "List the rules, of all and of a workspace", list, workspace_options,
	    0 },
	{ "rules", "test", "NUMBER", "Say what would become of a call to a number, and why", test,
	    workspace_options, 0 },
	{ .noun = NULL },
};

/* A country, a prefix or "all": whether there is such a country the database knows. */
static bool
is_target(const char *s)
{
	size_t len = strlen(s);

	if (s[0] == '+')
		return len >= 2 && len <= 9 && s[1] != '0' &&
		    strspn(s + 1, "0123456789") == len - 1;
	return strcmp(s, "all") == 0 || strcmp(s, "001") == 0 ||
	    (len == 2 && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 2);
}

/* The target and the workspace, NULL for all; on failure says so. */
static bool
read_place(struct admin *a, const char **workspace)
{
	*workspace = admin_option(a, "--workspace");
	if (!is_target(a->args[0])) {
		admin_misuse(
		    "TARGET must be a country such as DE, a prefix of up to eight digits such"
		    " as +4930, or all");
		return false;
	}
	return *workspace == NULL || admin_tenant_id("--workspace", *workspace);
}

/* Says what became of a rule. */
static int
tell(struct admin *a, const char *workspace, const char *word, const char *done)
{
	if (strcmp(word, "workspace_unknown") == 0)
		return admin_refuse("there is no workspace %s", workspace);
	if (strcmp(word, "target_unknown") == 0)
		return admin_refuse("no number is known to be in %s: name a prefix", a->args[0]);
	if (strcmp(word, "none") == 0)
		return admin_refuse("there is no such rule: see 'offhook rules list'");
	if (a->json)
		print_json(json_pack("{s:s?, s:s, s:s}", "workspace_id", workspace, "target",
		    a->args[0], "result", done));
	else
		printf("%s %s for %s%s\n", done, a->args[0],
		    workspace != NULL ? "workspace " : "all", workspace != NULL ? workspace : "");
	return ADMIN_DONE;
}

static const struct statement sql_rule_set = { "op_rule_set",
	"SELECT fn.rule_set($1::text, $2::text, $3::boolean, $4::integer, $5::text)", 5 };

static int
put(struct admin *a, bool allowed)
{
	const char *workspace, *cost = admin_option(a, "--cost");
	const char *reason = admin_option(a, "--reason");
	char word[32];
	int64_t number;

	if (!read_place(a, &workspace) ||
	    (cost != NULL && !admin_number("--cost", cost, 0, COST_MAX, &number)))
		return ADMIN_USAGE;
	if (reason != NULL &&
	    (!str_utf8(reason, strlen(reason)) || str_blank(reason) ||
		str_chars(reason) > REASON_MAX_CHARS))
		return admin_misuse(
		    "--reason must be 1 to %d characters of UTF-8", REASON_MAX_CHARS);
	const char *const values[] = { workspace, a->args[0], db_bool(allowed), cost, reason };
	if (!admin_run_word(a, &sql_rule_set, values, word))
		return ADMIN_FAILED;
	return tell(a, workspace, word, allowed ? "allowed" : "denied");
}

static int
allow(struct admin *a)
{
	return put(a, true);
}

static int
deny(struct admin *a)
{
	return put(a, false);
}

static const struct statement sql_rule_remove = { "op_rule_remove",
	"SELECT fn.rule_remove($1::text, $2::text)", 2 };

static int
drop(struct admin *a)
{
	const char *workspace;
	char word[32];

	if (!read_place(a, &workspace))
		return ADMIN_USAGE;
	const char *const values[] = { workspace, a->args[0] };
	if (!admin_run_word(a, &sql_rule_remove, values, word))
		return ADMIN_FAILED;
	return tell(a, workspace, word, "removed the rule of");
}

static const struct statement sql_rules = { "op_rules",
	"SELECT nullif(r.workspace_id, ''), r.prefix, d.region,"
	" CASE WHEN r.allow THEN 'allow' ELSE 'deny' END, r.cost, r.reason, fn.iso(r.created_at)"
	" FROM call_rules r LEFT JOIN LATERAL (SELECT region FROM destinations"
	" WHERE prefix = ANY (fn.prefixes(r.prefix)) ORDER BY length(prefix) DESC LIMIT 1) d ON true"
	" WHERE r.workspace_id IN ('', $1::text) ORDER BY r.workspace_id DESC, r.prefix COLLATE \"C\"",
	1 };

static int
list(struct admin *a)
{
	static const struct column columns[] = {
		{ "workspace_id", "WORKSPACE", COLUMN_TEXT },
		{ "prefix", "PREFIX", COLUMN_TEXT },
		{ "country", "COUNTRY", COLUMN_TEXT },
		{ "rule", "RULE", COLUMN_TEXT },
		{ "cost", "COST", COLUMN_INT },
		{ "reason", "REASON", COLUMN_TEXT },
		{ "created_at", "SINCE", COLUMN_TIME },
		{ .name = NULL },
	};
	const char *const values[] = { admin_option(a, "--workspace") };

	if (values[0] != NULL && !admin_tenant_id("--workspace", values[0]))
		return ADMIN_USAGE;
	return admin_list(a, &sql_rules, values, columns, "there are none");
}

static const struct statement sql_rule_test = { "op_rule_test",
	"SELECT verdict, region, prefix, rule_of, cost, known FROM fn.rule_test($1::text, $2::text)",
	2 };

static int
test(struct admin *a)
{
	static const struct column columns[] = {
		{ "verdict", "verdict", COLUMN_TEXT },
		{ "country", "country", COLUMN_TEXT },
		{ "prefix", "by the rule for", COLUMN_TEXT },
		{ "rule_of", "a rule of", COLUMN_TEXT },
		{ "cost", "cost (units)", COLUMN_INT },
		{ "known", "more that are known", COLUMN_INT },
		{ .name = NULL },
	};
	const char *const values[] = { admin_option(a, "--workspace"), a->args[0] };
	struct rows *rows;

	if (values[0] != NULL && !admin_tenant_id("--workspace", values[0]))
		return ADMIN_USAGE;
	if (!str_e164(a->args[0]))
		return admin_misuse("NUMBER must be in E.164 form, such as +12025550143");
	if (!admin_run(a, &sql_rule_test, values, &rows))
		return ADMIN_FAILED;
	if (a->json)
		print_json(print_object(columns, rows, 0));
	else
		print_record(columns, rows, 0, stdout);
	rows_free(rows);
	return ADMIN_DONE;
}
