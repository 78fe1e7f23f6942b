/* job.c: see job.h. */
#include "domain/job.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define ROLE_IN_LINE_MAX 40 /* characters before a colon that are taken for who speaks */
#define CURSOR_US_MAX INT64_C(9000000000000000)

/* ---- transcripts ---- */

/* How many bytes of a line name who speaks: a letter, then letters, digits, spaces and . ' ( ) _ - up to a
 * colon that space or nothing follows. 0: it names nobody, as "12:30 is fine" or "https://…". */
static size_t
role_of(const char *line, size_t len)
{
	size_t chars = 0, i = 0;

	while (i < len && line[i] != ':') {
		unsigned char c = (unsigned char)line[i];
		bool letter = isalpha(c) || c >= 0x80;

		if (!letter && (i == 0 || (!isdigit(c) && strchr(" .'()_-", c) == NULL)))
			return 0;
		if ((c & 0xc0) != 0x80 && ++chars > ROLE_IN_LINE_MAX)
			return 0;
		i++;
	}
	if (i == len || (i + 1 < len && line[i + 1] != ' ' && line[i + 1] != '\t'))
		return 0;
	return i;
}

/* The bytes without the white space around them. */
static const char *
trim(const char *s, size_t *len)
{
	while (*len > 0 && strchr(" \t\r", s[0]) != NULL) {
		s++;
		(*len)--;
	}
	while (*len > 0 && strchr(" \t\r", s[*len - 1]) != NULL)
		(*len)--;
	return s;
}

static json_t *
item_of(const char *line, size_t len, size_t seq)
{
	size_t role = role_of(line, len), words_len = role == 0 ? len : len - role - 1;
	const char *words = trim(role == 0 ? line : line + role + 1, &words_len);
	json_t *name;

	while (role > 0 && line[role - 1] == ' ')
		role--;
	name = role == 0 ? json_string("unknown") : json_stringn(line, role);
	return json_pack("{s:I, s:o, s:o}", "seq", (json_int_t)seq, "role", name, "text",
	    json_stringn(words, words_len));
}

json_t *
job_items(const char *text)
{
	json_t *items = json_array();

	while (*text != '\0') {
		size_t whole = strcspn(text, "\n"), len = whole;
		const char *line = trim(text, &len);

		text += whole;
		text += strspn(text, "\n");
		if (len == 0)
			continue;
		if (json_array_size(items) == JOB_ITEMS_MAX || len > JOB_ITEM_MAX) {
			json_decref(items);
			return NULL;
		}
		(void)json_array_append_new(items, item_of(line, len, json_array_size(items) + 1));
	}
	return items;
}

static int
by_seq(const void *a, const void *b)
{
	json_int_t x = json_integer_value(json_object_get(*(json_t *const *)a, "seq"));
	json_int_t y = json_integer_value(json_object_get(*(json_t *const *)b, "seq"));

	return (x > y) - (x < y);
}

bool
job_items_order(json_t *items)
{
	size_t count = json_array_size(items);
	json_t **sorted = mem_zalloc(count + 1, sizeof(json_t *));
	bool distinct = true;

	for (size_t i = 0; i < count; i++)
		sorted[i] = json_incref(json_array_get(items, i));
	qsort(sorted, count, sizeof sorted[0], by_seq);
	for (size_t i = 1; i < count; i++)
		distinct = distinct && by_seq(&sorted[i - 1], &sorted[i]) != 0;
	for (size_t i = 0; i < count; i++) {
		(void)json_object_set_new(sorted[i], "seq", json_integer((json_int_t)i + 1));
		(void)json_array_set_new(items, i, sorted[i]);
	}
	free(sorted);
	return distinct;
}

/* ---- the doors ---- */

/* What the word of a door comes to; what is not here is RC_OK. */
static const struct {
	const char *word;
	enum rc rc;
} refusals[] = {
	{ "forbidden", RC_FORBIDDEN },
	{ "unknown", RC_NOT_FOUND },
	{ "unnamed", RC_NO_WORKSPACE },
	{ "not_skipped", RC_CONFLICT },
};

/* Runs a statement that answers a word and a body to a caller, $1 to $5. *word may be NULL. */
static enum rc
run_door(struct db *db, struct arena *a, const struct credential *who,
    const struct statement *statement, const char *values[], const char **word, const char **body)
{
	const char *said;
	struct rows *rows;
	enum rc rc;

	who_params(who, values);
	rc = db_run(db, statement, values, &rows);
	if (rc != RC_OK)
		return rc;
	said = rows_count(rows) == 0 ? NULL : rows_copy(a, rows, 0, 0);
	*body = said == NULL ? NULL : rows_copy(a, rows, 0, 1);
	rows_free(rows);
	if (said == NULL)
		return RC_UNAUTHENTICATED;
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
		if (strcmp(said, refusals[i].word) == 0)
			rc = refusals[i].rc;
	if (word != NULL)
		*word = said;
	return rc;
}

static const struct statement create = {
	"job_create",
	"SELECT d.word, d.body FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" CROSS JOIN LATERAL fn.job_create(who.workspace_id, $5, $6, $7, $8, $9::jsonb,"
	" ($10::json->'metadata')::jsonb) d",
	10,
};

enum rc
job_create(struct db *db, struct arena *a, const struct credential *who,
    const struct job_intake *intake, bool *created, const char **body)
{
	char number[24];
	const char *word;
	const char *values[10] = {
		[5] = intake->external_id,
		[6] = intake->duration_s < 0 ? NULL : db_int(intake->duration_s, number),
		[7] = intake->recording_url,
		[8] = intake->items,
		[9] = intake->body,
	};
	enum rc rc = run_door(db, a, who, &create, values, &word, body);

	*created = rc == RC_OK && strcmp(word, "created") == 0;
	return rc;
}

static const struct statement list = {
	"job_list",
	"SELECT d.word, d.body FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" CROSS JOIN LATERAL fn.job_list(who.scope, who.scope_id, $5, $6::jsonb, $7, $8, $9) d",
	9,
};

enum rc
job_list(struct db *db, struct arena *a, const struct credential *who, const char *filter,
    const char *cursor, int64_t limit, const char **body)
{
	char number[24];
	const char *point = cursor == NULL ? NULL : strchr(cursor, '.');
	const char *values[9] = { [5] = filter, [8] = db_int(limit, number) };
	int64_t us, id;

	if (cursor != NULL) {
		if (point == NULL || !str_int64(point + 1, 1, INT64_MAX, &id))
			return RC_INVALID;
		values[6] = arena_strndup(a, cursor, (size_t)(point - cursor));
		values[7] = point + 1;
		if (!str_int64(values[6], 0, CURSOR_US_MAX, &us))
			return RC_INVALID;
	}
	return run_door(db, a, who, &list, values, NULL, body);
}

/* The number of a job, NULL for what is none. */
static const char *
number_of(const char *job_id)
{
	int64_t number;

	return job_id[0] != '0' && str_int64(job_id, 1, INT64_MAX, &number) ? job_id : NULL;
}

static const struct statement show = {
	"job_show",
	"SELECT d.word, d.body FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" CROSS JOIN LATERAL fn.job_show(who.scope, who.scope_id, $5, $6) d",
	6,
};

enum rc
job_show(struct db *db, struct arena *a, const struct credential *who, const char *job_id,
    const char **body)
{
	const char *values[6] = { [5] = number_of(job_id) };

	return run_door(db, a, who, &show, values, NULL, body);
}

static const struct statement lines = {
	"job_lines",
	"SELECT d.word, d.body FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" CROSS JOIN LATERAL fn.job_lines(who.scope, who.scope_id, $5, $6, $7, $8) d",
	8,
};

enum rc
job_log(struct db *db, struct arena *a, const struct credential *who, const char *job_id,
    int64_t after, int64_t limit, const char **body)
{
	char line[24], number[24];
	const char *values[8] = {
		[5] = number_of(job_id), [6] = db_int(after, line), [7] = db_int(limit, number)
	};

	return run_door(db, a, who, &lines, values, NULL, body);
}

static const struct statement requeue = {
	"job_requeue",
	"SELECT d.word, d.body FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" CROSS JOIN LATERAL fn.job_requeue_one(who.scope, who.scope_id, $5, $6) d",
	6,
};

enum rc
job_requeue(struct db *db, struct arena *a, const struct credential *who, const char *job_id,
    const char **body)
{
	const char *values[6] = { [5] = number_of(job_id) };

	return run_door(db, a, who, &requeue, values, NULL, body);
}

static const struct statement requeue_many = {
	"job_requeue_many",
	"SELECT d.word, d.body FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" CROSS JOIN LATERAL fn.jobs_requeue(who.scope, who.scope_id, $5, $6::jsonb, $7, $8) d",
	8,
};

enum rc
job_requeue_many(struct db *db, struct arena *a, const struct credential *who, const char *filter,
    bool dry, int64_t limit, const char **body)
{
	char number[24];
	const char *values[8] = { [5] = filter, [6] = db_bool(dry), [7] = db_int(limit, number) };

	return run_door(db, a, who, &requeue_many, values, NULL, body);
}
