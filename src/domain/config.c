/* config.c: see config.h. */
#include "domain/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "domain/setting.h"

enum column { COLUMN_REACH, COLUMN_PATH, COLUMN_VALUE, COLUMN_SOURCE };

/* Who asks, and whether that level is his. */
#define ASKED                                                                          \
	"WITH who AS (SELECT fn.config_reach(c.scope, c.scope_id, c.is_admin, $6, $7)" \
	" AS reach FROM fn.caller($1::bytea, $2, $3, $4, $5) c)"

/* The level's scope, NULL for whom it is none of. */
#define SCOPE "CASE WHEN who.reach = 'ok' THEN $6 END"

static enum rc
judge(const struct rows *rows)
{
	const char *reach = rows_count(rows) == 0 ? NULL : rows_text(rows, 0, COLUMN_REACH);

	if (reach == NULL)
		return RC_UNAUTHENTICATED;
	if (strcmp(reach, "ok") == 0)
		return RC_OK;
	return strcmp(reach, "unknown") == 0 ? RC_NOT_FOUND : RC_FORBIDDEN;
}

static const struct statement read_level = {
	"config_read",
	ASKED " SELECT who.reach, s.path, s.value, s.source FROM who"
	      " LEFT JOIN LATERAL fn.config_read(" SCOPE ", $7, $8, $9::text[]) s ON true",
	9,
};

static enum rc
run_read(struct db *db, struct arena *a, const struct credential *who,
    const struct config_level *level, bool effective, struct rows **rows)
{
	const char *values[9] = { [5] = level->scope,
		[6] = level->id,
		[7] = db_bool(effective),
		[8] = setting_secrets(a) };
	enum rc rc;

	who_params(who, values);
	rc = db_run(db, &read_level, values, rows);
	if (rc != RC_OK)
		return rc;
	rc = judge(*rows);
	if (rc != RC_OK)
		rows_free(*rows);
	return rc;
}

/* The row of a path, or -1. */
static int
find_row(const struct rows *rows, const char *path)
{
	for (int i = 0; i < rows_count(rows); i++) {
		const char *found = rows_text(rows, i, COLUMN_PATH);

		if (found != NULL && strcmp(found, path) == 0)
			return i;
	}
	return -1;
}

/* What is no JSON is the data's fault: as if nobody had set it. */
static json_t *
value_of(const struct rows *rows, int row)
{
	const char *text = rows_text(rows, row, COLUMN_VALUE);
	char why[64];
	json_t *value = json_parse_strict(text, strlen(text), why);

	if (value == NULL)
		log_error("setting %s: unusable JSON in the database: %s",
		    rows_text(rows, row, COLUMN_PATH), why);
	return value;
}

enum rc
config_own(struct db *db, struct arena *a, const struct credential *who,
    const struct config_level *level, json_t **document)
{
	struct rows *rows;
	enum rc rc = run_read(db, a, who, level, false, &rows);

	if (rc != RC_OK)
		return rc;
	*document = json_object();
	for (const struct setting *s = settings_catalogue; s->path != NULL; s++) {
		int row = find_row(rows, s->path);
		json_t *value = row < 0 ? NULL : value_of(rows, row);

		if (value != NULL)
			setting_place(*document, s->path, value);
	}
	rows_free(rows);
	return RC_OK;
}

enum rc
config_effective(struct db *db, struct arena *a, const struct credential *who,
    const struct config_level *level, json_t **document, json_t **sources)
{
	struct rows *rows;
	enum rc rc = run_read(db, a, who, level, true, &rows);

	if (rc != RC_OK)
		return rc;
	*document = json_object();
	*sources = json_object();
	for (const struct setting *s = settings_catalogue; s->path != NULL; s++) {
		int row = find_row(rows, s->path);
		json_t *value = row < 0 ? NULL : value_of(rows, row);
		const char *source = value == NULL ? "default"
						   : rows_text(rows, row, COLUMN_SOURCE);

		if (value == NULL && (value = setting_absent(s)) == NULL)
			continue;
		setting_place(*document, s->path, value);
		json_object_set_new(*sources, s->path, json_string(source));
	}
	rows_free(rows);
	return RC_OK;
}

static const struct statement patch_level = {
	"config_patch",
	"WITH who AS (SELECT fn.config_reach(c.scope, c.scope_id, c.is_admin, $6, $7) AS reach,"
	" " WHO_ACTS " FROM fn.caller($1::bytea, $2, $3, $4, $5) c)"
	" SELECT who.reach, fn.config_patch(" SCOPE ", $7, $8::jsonb) FROM who",
	8,
};

enum rc
config_change(
    struct db *db, const struct credential *who, const struct config_level *level, json_t *leaves)
{
	char *text = json_dumps(leaves, JSON_COMPACT);
	const char *values[8] = { [5] = level->scope, [6] = level->id, [7] = text };
	struct rows *rows;
	enum rc rc;

	who_params(who, values);
	rc = db_run(db, &patch_level, values, &rows);
	free(text);
	if (rc != RC_OK)
		return rc;
	rc = judge(rows);
	rows_free(rows);
	return rc;
}
