/*
 * levels.c: "offhook settings": the settings of one level of the tree (a workspace, organization,
 * partner, or the platform), each a path and a JSON value.
 */
#include <stdio.h>
#include <string.h>

#include "admin/nouns.h"
#include "admin/print.h"
#include "base/json.h"

#define PATH_MAX_BYTES 128
#define VALUE_MAX_BYTES 65536

static int set(struct admin *);
static int get(struct admin *);

const struct command level_commands[] = {
	{ "settings", "set", "SCOPE ID PATH JSON", "Set one path of a level; null removes it", set,
	    no_options, 0 },
	{ "settings", "get", "SCOPE ID [PATH]", "Print what a level itself sets", get, no_options,
	    0 },
	{ .noun = NULL },
};

/* ^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$ as the table has it. */
static bool
is_path(const char *s)
{
	if (strlen(s) > PATH_MAX_BYTES)
		return false;
	for (;; s++) {
		if (*s < 'a' || *s > 'z')
			return false;
		s += strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");
		if (*s != '.')
			return *s == '\0';
	}
}

/* SCOPE and ID, and PATH where there is one. */
static bool
read_place(struct admin *a)
{
	const char *scope = a->args[0], *id = a->args[1], *path = a->args[2];

	if (!admin_scope("SCOPE", scope) || !admin_tenant_id("ID", id))
		return false;
	if (strcmp(scope, "platform") == 0 && strcmp(id, "default") != 0) {
		admin_misuse("the platform's settings have the ID default");
		return false;
	}
	if (path != NULL && !is_path(path)) {
		admin_misuse("PATH must be lower-case names with dots between, such as "
			     "calling.default_region");
		return false;
	}
	return true;
}

static const struct statement sql_settings_put = { "op_settings_put",
	"SELECT fn.settings_put($1::text, $2::text, $3::text, $4::jsonb)", 4 };

static int
set(struct admin *a)
{
	const char *const values[] = { a->args[0], a->args[1], a->args[2], a->args[3] };
	char why[64], word[32];
	json_t *value;

	if (!read_place(a))
		return ADMIN_USAGE;
	if (strlen(a->args[3]) > VALUE_MAX_BYTES)
		return admin_misuse("JSON may be %d bytes at most", VALUE_MAX_BYTES);
	if ((value = json_parse_strict(a->args[3], strlen(a->args[3]), why)) == NULL)
		return admin_misuse(
		    "JSON is none (%s): a text needs its own quotes, as in '\"US\"'", why);
	json_decref(value);
	if (!admin_run_word(a, &sql_settings_put, values, word))
		return ADMIN_FAILED;
	if (strcmp(word, "scope_unknown") == 0)
		return admin_refuse("there is no %s %s", a->args[0], a->args[1]);
	if (strcmp(word, "inside") == 0)
		return admin_refuse(
		    "a value above %s is set as a whole: set that, or remove it first "
		    "(see 'offhook settings get %s %s')",
		    a->args[2], a->args[0], a->args[1]);
	if (strcmp(word, "absent") == 0)
		return admin_refuse("%s is not set there", a->args[2]);
	if (a->json)
		print_json(json_pack("{s:s, s:s, s:s, s:s}", "scope", a->args[0], "id", a->args[1],
		    "path", a->args[2], "result", word));
	else
		printf("%s %s\n", word, a->args[2]);
	return ADMIN_DONE;
}

static const struct statement sql_settings_get = { "op_settings_get",
	"SELECT path, value, fn.iso(updated_at) FROM settings"
	" WHERE scope = $1::key_scope AND scope_id = $2 AND ($3::text IS NULL OR path = $3)"
	" ORDER BY path",
	3 };

static int
get(struct admin *a)
{
	static const struct column columns[] = {
		{ "path", "PATH", COLUMN_TEXT },
		{ "value", "VALUE", COLUMN_JSON },
		{ "updated_at", NULL, COLUMN_TIME },
		{ .name = NULL },
	};
	const char *const values[] = { a->args[0], a->args[1], a->args[2] };
	int status = ADMIN_DONE;
	struct rows *rows;

	if (!read_place(a))
		return ADMIN_USAGE;
	if (!admin_run(a, &sql_settings_get, values, &rows))
		return ADMIN_FAILED;
	if (a->args[2] != NULL && rows_count(rows) == 0)
		status = admin_refuse("%s is not set there", a->args[2]);
	else if (a->json)
		print_json(a->args[2] != NULL ? print_object(columns, rows, 0)
					      : print_array(columns, rows));
	else if (a->args[2] != NULL)
		puts(rows_text(rows, 0, 1));
	else
		print_table(columns, rows, "nothing is set there", stdout);
	rows_free(rows);
	return status;
}
