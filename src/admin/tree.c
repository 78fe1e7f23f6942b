/*
 * tree.c: "offhook partner|organization|workspace": the tree of who there is.
 */
#include <stdio.h>
#include <string.h>

#include "admin/nouns.h"
#include "admin/print.h"
#include "base/str.h"

#define QUOTA_MAX 1000000000 /* with the grants of a month, half of what the accept path can add */
#define QUOTA_DEFAULT "1000"
#define NAME_MAX_CHARS 200
#define WEIGHT_MAX 100

static int create_partner(struct admin *);
static int create_organization(struct admin *);
static int create_workspace(struct admin *);
static int change_workspace(struct admin *);
static int list_partners(struct admin *);
static int list_organizations(struct admin *);
static int list_workspaces(struct admin *);

static const struct command_option partner_options[] = {
	{ "--name", "NAME", "what people call it; the id when absent" },
	{ "--parent", "ID", "platform: there is nothing else above a partner" },
	{ .name = NULL },
};

static const struct command_option organization_options[] = {
	{ "--name", "NAME", "what people call it; the id when absent" },
	{ "--parent", "ID", "its partner; 'default' when absent" },
	{ .name = NULL },
};

static const struct command_option workspace_options[] = {
	{ "--name", "NAME", "what people call it; the id when absent" },
	{ "--parent", "ID", "its organization; 'default' when absent" },
	{ "--quota", "N", "credits a calendar month; 1000 when absent" },
	{ "--max-concurrent", "N", "calls at once; calls.default_max_concurrent when absent" },
	{ "--weight", "N", "its share among customers who wait, 1 to 100; 1 when absent" },
	{ .name = NULL },
};

static const struct command_option change_options[] = {
	{ "--name", "NAME", "what people call it" },
	{ "--quota", "N", "credits a calendar month, this one included" },
	{ "--max-concurrent", "N", "calls at once" },
	{ "--weight", "N", "its share among customers who wait, 1 to 100" },
	{ .name = NULL },
};

const struct command tree_commands[] = {
	{ "partner", "create", "ID", "Make a partner, which owns organizations", create_partner,
	    partner_options, 0 },
	{ "partner", "list", "", "List the partners", list_partners, no_options, 0 },
	{ "organization", "create", "ID", "Make an organization, which owns workspaces",
	    create_organization, organization_options, 0 },
	{ "organization", "list", "", "List the organizations", list_organizations, no_options, 0 },
	{ "workspace", "create", "ID", "Make a workspace: a customer, who places calls",
	    create_workspace, workspace_options, 0 },
	{ "workspace", "change", "ID", "Change a workspace's name, quota, calls at once or weight",
	    change_workspace, change_options, 0 },
	{ "workspace", "list", "", "List the workspaces", list_workspaces, no_options, 0 },
	{ .noun = NULL },
};

/* ---- what was given ---- */

/* The id and the name; on failure says so. name NULL or "…". */
static bool
read_names(struct admin *a, const char **id, const char **name)
{
	*id = a->args[0];
	*name = admin_option(a, "--name");
	if (!admin_tenant_id("ID", *id))
		return false;
	if (*name == NULL)
		return true;
	if (str_utf8(*name, strlen(*name)) && !str_blank(*name) &&
	    str_chars(*name) <= NAME_MAX_CHARS)
		return true;
	admin_misuse("--name must be 1 to %d characters of UTF-8", NAME_MAX_CHARS);
	return false;
}

/* What a workspace may use; each NULL when absent. */
struct limits {
	const char *quota;
	const char *max_concurrent;
	const char *weight;
};

/* On failure says so. */
static bool
read_limits(struct admin *a, struct limits *l)
{
	int64_t number, ceiling = a->settings->max_concurrent_ceiling;

	l->quota = admin_option(a, "--quota");
	l->max_concurrent = admin_option(a, "--max-concurrent");
	l->weight = admin_option(a, "--weight");
	if (l->quota != NULL && !admin_number("--quota", l->quota, 0, QUOTA_MAX, &number))
		return false;
	if (l->max_concurrent != NULL &&
	    !admin_number("--max-concurrent", l->max_concurrent, 1, ceiling, &number))
		return false;
	return l->weight == NULL || admin_number("--weight", l->weight, 1, WEIGHT_MAX, &number);
}

/* Says what became of a creation. */
static int
created(struct admin *a, const char *noun, const char *id, const char *parent, const char *word)
{
	if (strcmp(word, "exists") == 0)
		return admin_refuse("the %s %s exists already", noun, id);
	if (strcmp(word, "parent_unknown") == 0)
		return admin_refuse("there is no %s %s: create it first, or name another --parent",
		    strcmp(noun, "workspace") == 0 ? "organization" : "partner", parent);
	if (a->json)
		print_json(json_pack("{s:s, s:s, s:s, s:b}", "scope", noun, "id", id, "parent",
		    parent, "created", 1));
	else
		printf("created the %s %s in %s\n", noun, id, parent);
	return ADMIN_DONE;
}

/* ---- creating ---- */

static const struct statement sql_partner_create = { "op_partner_create",
	"SELECT fn.partner_create($1::text, $2::text)", 2 };

static int
create_partner(struct admin *a)
{
	const char *id, *name, *parent = admin_option(a, "--parent");
	char word[32];

	if (parent != NULL && strcmp(parent, "platform") != 0)
		return admin_misuse("--parent of a partner can only be platform");
	if (!read_names(a, &id, &name))
		return ADMIN_USAGE;
	const char *const values[] = { id, name != NULL ? name : id };
	if (!admin_run_word(a, &sql_partner_create, values, word))
		return ADMIN_FAILED;
	return created(a, "partner", id, "platform", word);
}

static const struct statement sql_organization_create = { "op_organization_create",
	"SELECT fn.organization_create($1::text, $2::text, $3::text)", 3 };

static int
create_organization(struct admin *a)
{
	const char *id, *name, *parent = admin_option(a, "--parent");
	char word[32];

	if (parent == NULL)
		parent = "default";
	if (!read_names(a, &id, &name) || !admin_tenant_id("--parent", parent))
		return ADMIN_USAGE;
	const char *const values[] = { id, parent, name != NULL ? name : id };
	if (!admin_run_word(a, &sql_organization_create, values, word))
		return ADMIN_FAILED;
	return created(a, "organization", id, parent, word);
}

static const struct statement sql_workspace_create = { "op_workspace_create",
	"SELECT fn.workspace_create($1::text, $2::text, $3::text, $4::integer, $5::integer,"
	" $6::integer)",
	6 };

static int
create_workspace(struct admin *a)
{
	const char *id, *name, *parent = admin_option(a, "--parent");
	struct limits limits;
	char word[32];

	if (parent == NULL)
		parent = "default";
	if (!read_names(a, &id, &name) || !admin_tenant_id("--parent", parent) ||
	    !read_limits(a, &limits))
		return ADMIN_USAGE;
	const char *const values[] = { id, parent, name != NULL ? name : id,
		limits.quota != NULL ? limits.quota : QUOTA_DEFAULT, limits.max_concurrent,
		limits.weight };
	if (!admin_run_word(a, &sql_workspace_create, values, word))
		return ADMIN_FAILED;
	return created(a, "workspace", id, parent, word);
}

static const struct statement sql_workspace_change = { "op_workspace_change",
	"SELECT fn.workspace_change($1::text, $2::text, $3::integer, $4::integer, $5::integer)",
	5 };

static int
change_workspace(struct admin *a)
{
	struct limits limits;
	const char *id, *name;
	char word[32];

	if (!read_names(a, &id, &name) || !read_limits(a, &limits))
		return ADMIN_USAGE;
	if (name == NULL && limits.quota == NULL && limits.max_concurrent == NULL &&
	    limits.weight == NULL)
		return admin_misuse(
		    "nothing to change: give --name, --quota, --max-concurrent or --weight");
	const char *const values[] = { id, name, limits.quota, limits.max_concurrent,
		limits.weight };
	if (!admin_run_word(a, &sql_workspace_change, values, word))
		return ADMIN_FAILED;
	if (strcmp(word, "changed") != 0)
		return admin_refuse("there is no workspace %s", id);
	if (a->json)
		print_json(json_pack("{s:s, s:b}", "id", id, "changed", 1));
	else
		printf("changed the workspace %s\n", id);
	return ADMIN_DONE;
}

/* ---- listing ---- */

static const struct statement sql_partners = { "op_partners",
	"SELECT partner_id, name, fn.iso(created_at) FROM partners ORDER BY partner_id", 0 };

static int
list_partners(struct admin *a)
{
	static const struct column columns[] = {
		{ "id", "ID", COLUMN_TEXT },
		{ "name", "NAME", COLUMN_TEXT },
		{ "created_at", "CREATED", COLUMN_TIME },
		{ .name = NULL },
	};

	return admin_list(a, &sql_partners, NULL, columns, "there are none");
}

static const struct statement sql_organizations = { "op_organizations",
	"SELECT organization_id, partner_id, name, fn.iso(created_at) FROM organizations"
	" ORDER BY partner_id, organization_id",
	0 };

static int
list_organizations(struct admin *a)
{
	static const struct column columns[] = {
		{ "id", "ID", COLUMN_TEXT },
		{ "parent", "PARTNER", COLUMN_TEXT },
		{ "name", "NAME", COLUMN_TEXT },
		{ "created_at", "CREATED", COLUMN_TIME },
		{ .name = NULL },
	};

	return admin_list(a, &sql_organizations, NULL, columns, "there are none");
}

static const struct statement sql_workspaces = { "op_workspaces",
	"SELECT workspace_id, organization_id, partner_id, name, quota, max_concurrent, weight,"
	" fn.iso(created_at) FROM workspaces ORDER BY partner_id, organization_id, workspace_id",
	0 };

static int
list_workspaces(struct admin *a)
{
	static const struct column columns[] = {
		{ "id", "ID", COLUMN_TEXT },
		{ "parent", "ORGANIZATION", COLUMN_TEXT },
		{ "partner", "PARTNER", COLUMN_TEXT },
		{ "name", "NAME", COLUMN_TEXT },
		{ "quota", "QUOTA", COLUMN_INT },
		{ "max_concurrent", "AT ONCE", COLUMN_INT },
		{ "weight", "WEIGHT", COLUMN_INT },
		{ "created_at", "CREATED", COLUMN_TIME },
		{ .name = NULL },
	};

	return admin_list(a, &sql_workspaces, NULL, columns, "there are none");
}
