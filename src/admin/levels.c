/*
 * levels.c: "offhook settings": the settings of one level of the tree (a workspace, organization,
 * partner, or the platform), each a path and a JSON value. Which there are and what they may be is the
 * catalogue's (domain/setting.h), as for the API.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/nouns.h"
#include "admin/print.h"
#include "base/json.h"
#include "base/mem.h"
#include "domain/setting.h"

#define PATH_MAX_BYTES 128
#define VALUE_MAX_BYTES 65536

static int set(struct admin *);
static int get(struct admin *);

const struct command level_commands[] = {
	{ "settings", "set", "SCOPE ID PATH JSON",
	    "Set a setting, or some of a section; null removes", set, no_options, 0 },
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

/* The patch that sets the value at that path, as paths and values; NULL when that was refused. */
static json_t *
read_patch(struct arena *arena, const char *path, json_t *value)
{
	json_t *document = json_object(), *leaves;
	const char *why;

	setting_place(document, path, value);
	leaves = setting_patch(arena, document, &why);
	json_decref(document);
	if (leaves == NULL)
		(void)admin_refuse("%s", why);
	return leaves;
}

static const struct statement sql_settings_put = { "op_settings_put",
	"SELECT coalesce(fn.config_patch($1::text, $2::text, $3::jsonb)::text, 'unknown')", 3 };

/* Stores the leaves and says what became of them. */
static int
put(struct admin *a, const char *leaves, bool removes)
{
	const char *const values[] = { a->args[0], a->args[1], leaves };
	const char *result = removes ? "removed" : "set";
	char word[32];

	if (!admin_run_word(a, &sql_settings_put, values, word))
		return ADMIN_FAILED;
	if (strcmp(word, "unknown") == 0)
		return admin_refuse("there is no %s %s", a->args[0], a->args[1]);
	if (removes && strcmp(word, "0") == 0)
		return admin_refuse("%s is not set there", a->args[2]);
	if (a->json)
		print_json(json_pack("{s:s, s:s, s:s, s:s}", "scope", a->args[0], "id", a->args[1],
		    "path", a->args[2], "result", result));
	else
		printf("%s %s\n", result, a->args[2]);
	return ADMIN_DONE;
}

static int
set(struct admin *a)
{
	struct arena *arena;
	json_t *value, *leaves;
	char why[64], *text;
	bool removes;
	int status;

	if (!read_place(a))
		return ADMIN_USAGE;
	if (strlen(a->args[3]) > VALUE_MAX_BYTES)
		return admin_misuse("JSON may be %d bytes at most", VALUE_MAX_BYTES);
	if ((value = json_parse_kept(a->args[3], strlen(a->args[3]), why)) == NULL)
		return admin_misuse(
		    "JSON is none (%s): a text needs its own quotes, as in '\"US\"'", why);
	removes = json_is_null(value);
	arena = arena_new();
	leaves = read_patch(arena, a->args[2], value);
	arena_free(arena);
	if (leaves == NULL)
		return ADMIN_FAILED;
	text = json_dumps(leaves, JSON_COMPACT);
	status = put(a, text, removes);
	free(text);
	json_decref(leaves);
	return status;
}

static const struct statement sql_settings_get = { "op_settings_get",
	"SELECT path, value, fn.iso(updated_at) FROM fn.config_read($1, $2, false, $4::text[])"
	" WHERE $3::text IS NULL OR path = $3 ORDER BY path",
	4 };

static int
get(struct admin *a)
{
	static const struct column columns[] = {
		{ "path", "PATH", COLUMN_TEXT },
		{ "value", "VALUE", COLUMN_JSON },
		{ "updated_at", NULL, COLUMN_TIME },
		{ .name = NULL },
	};
	struct arena *arena;
	int status = ADMIN_DONE;
	struct rows *rows;
	bool read;

	if (!read_place(a))
		return ADMIN_USAGE;
	arena = arena_new();
	read = admin_run(a, &sql_settings_get,
	    (const char *const[]){ a->args[0], a->args[1], a->args[2], setting_secrets(arena) },
	    &rows);
	arena_free(arena);
	if (!read)
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
