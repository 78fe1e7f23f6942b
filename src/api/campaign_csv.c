/* campaign_csv.c: see campaign_csv.h. */
#include "api/campaign_csv.h"

#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/str.h"

#define COLUMN_CHARS_MAX 64

/* A file while it is read. */
struct reading {
	struct ask *ask;
	struct campaign_csv *out;
	struct csv_row head; /* the names of the columns */
	int number_column;
	json_t *seen; /* numbers that were met, by the line of the first */
};

/* Without the blanks around it. */
static char *
trimmed(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len > 0 && strchr(" \t", text[len - 1]) != NULL)
		text[--len] = '\0';
	return text;
}

/* The first line. NULL, or a sentence. */
static const char *
read_head(struct reading *r)
{
	bool found = false;

	if (r->head.wrong != NULL)
		return r->head.wrong;
	for (int i = 0; i < r->head.count; i++) {
		const char *name = r->head.fields[i] = trimmed(r->head.fields[i]);

		if (name[0] == '\0' || str_chars(name) > COLUMN_CHARS_MAX)
			return "line 1: a column's name must have 1 to 64 characters";
		for (int j = 0; j < i; j++)
			if (strcmp(name, r->head.fields[j]) == 0)
				return "line 1: two columns have the same name";
		if (strcmp(name, "to_number") != 0 && strcmp(name, "phone_number") != 0)
			continue;
		if (found)
			return "line 1: to_number and phone_number are the same";
		found = true;
		r->number_column = i;
	}
	return found ? NULL : "line 1: there must be a column to_number (or phone_number)";
}

/* The other columns of a line, or NULL when there are none. */
static json_t *
further(const struct reading *r, const struct csv_row *row)
{
	json_t *all;

	if (r->head.count == 1)
		return NULL;
	all = json_object();
	for (int i = 0; i < row->count; i++)
		if (i != r->number_column)
			(void)json_object_set_new(
			    all, r->head.fields[i], json_string(row->fields[i]));
	return all;
}

static void
report(struct reading *r, const struct csv_row *row, const char *status, const char *number,
    const char *reason)
{
	json_t *line = json_pack("{s:I, s:s}", "line", (json_int_t)row->line, "status", status);

	if (number != NULL)
		(void)json_object_set_new(line, "to_number", json_string(number));
	if (reason != NULL)
		(void)json_object_set_new(line, "reason", json_string(reason));
	(void)json_array_append_new(r->out->lines, line);
}

/* What is wrong with a line, or NULL. */
static const char *
fault_of(const struct reading *r, const struct csv_row *row, const char *number, json_t *others)
{
	size_t bytes;

	if (row->wrong != NULL)
		return row->wrong;
	if (row->count != r->head.count)
		return arena_printf(r->ask->req->arena,
		    "has %d fields, where the first line has %d", row->count, r->head.count);
	if (!str_e164(number))
		return NOT_E164;
	bytes = others == NULL ? 0 : json_dumpb(others, NULL, 0, JSON_COMPACT);
	return bytes > TASK_METADATA_MAX ? "the further columns are too long" : NULL;
}

static void
read_line(struct reading *r, struct csv_row *row)
{
	struct campaign_csv *out = r->out;
	char *number = r->number_column < row->count ? trimmed(row->fields[r->number_column])
						     : NULL;
	json_t *others = row->wrong == NULL && row->count == r->head.count ? further(r, row) : NULL;
	const char *fault = fault_of(r, row, number, others);
	json_int_t first;

	if (fault != NULL) {
		out->invalid++;
		report(r, row, "invalid", NULL, fault);
		json_decref(others);
		return;
	}
	(void)json_array_append_new(out->numbers, json_string(number));
	first = json_integer_value(json_object_get(r->seen, number));
	if (first > 0) {
		out->duplicate++;
		report(r, row, "duplicate", number,
		    arena_printf(
			r->ask->req->arena, "the same number as in line %lld", (long long)first));
		json_decref(others);
		return;
	}
	(void)json_object_set_new(r->seen, number, json_integer(row->line));
	out->accepted++;
	report(r, row, "accepted", number, NULL);
	if (others != NULL)
		(void)json_array_append_new(out->each, others);
}

enum rc
campaign_csv_read(struct ask *ask, struct campaign_csv *out)
{
	size_t len = ask->req->body_len;
	char *text = arena_strndup(ask->req->arena, ask->req->body, len);
	struct reading r = { .ask = ask, .out = out };
	struct csv_row row;
	const char *wrong;
	struct csv csv;

	if (strlen(text) != len || !str_utf8(text, len))
		return task_refuse(ask, "the file must be UTF-8 text");
	csv_start(&csv, text, len);
	if (!csv_next(&csv, &r.head))
		return task_refuse(ask, "the file is empty: the first line names the columns");
	if ((wrong = read_head(&r)) != NULL)
		return task_refuse(ask, wrong);
	*out = (struct campaign_csv){ ask_keep(ask, json_array()),
		r.head.count > 1 ? ask_keep(ask, json_array()) : NULL, ask_keep(ask, json_array()),
		0, 0, 0 };
	r.seen = ask_keep(ask, json_object());
	while (csv_next(&csv, &row)) {
		if (json_array_size(out->lines) >= CSV_LINES_MAX)
			return task_refuse(ask, "the file has more than 10000 lines of numbers");
		read_line(&r, &row);
	}
	if (json_array_size(out->lines) == 0)
		return task_refuse(ask, "the file has no line behind the first");
	return RC_OK;
}
