/*
 * print.c: see print.h.
 */
#include "admin/print.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

#define CELL_MAX 4096  /* bytes of a cell for people; longer ones are cut */
#define COLUMNS_MAX 48 /* of a table */

/* ---- JSON ---- */

static json_t *
json_of(enum column_type type, const struct rows *rows, int row, int column)
{
	const char *text = rows_text(rows, row, column);
	json_t *value = NULL;

	if (text == NULL)
		return json_null();
	switch (type) {
	case COLUMN_INT:
		return json_integer(rows_int(rows, row, column));
	case COLUMN_REAL:
		return json_real(rows_real(rows, row, column));
	case COLUMN_BOOL:
		return json_boolean(rows_bool(rows, row, column));
	case COLUMN_JSON:
		value = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		break;
	case COLUMN_TEXT:
	case COLUMN_PHONE:
	case COLUMN_TIME:
		break;
	}
	return value != NULL ? value : json_string(text);
}

json_t *
print_object(const struct column *columns, const struct rows *rows, int row)
{
	json_t *object = json_object();

	for (int i = 0; columns[i].name != NULL; i++)
		json_object_set_new(
		    object, columns[i].name, json_of(columns[i].type, rows, row, i));
	return object;
}

json_t *
print_array(const struct column *columns, const struct rows *rows)
{
	json_t *array = json_array();

	for (int i = 0; i < rows_count(rows); i++)
		json_array_append_new(array, print_object(columns, rows, i));
	return array;
}

void
print_json(json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
	json_decref(value);
}

/* ---- text ---- */

/* The text without control characters (a line end becomes a blank) and without what is no UTF-8. */
static void
add_plain(struct buf *out, const char *text)
{
	size_t left = strlen(text), len;
	uint32_t code;

	for (; left > 0 && out->len < CELL_MAX; text += len, left -= len) {
		len = str_utf8_next(text, left, &code);
		if (len == 0) {
			buf_puts(out, "?");
			len = 1;
		} else if (code == '\n' || code == '\t') {
			buf_puts(out, " ");
		} else if (code >= 0x20 && code != 0x7f && !(code >= 0x80 && code < 0xa0)) {
			buf_add(out, text, len);
		}
	}
}

/* A cell as people see it; "" for SQL's NULL. */
static void
cell_text(enum column_type type, const struct rows *rows, int row, int column, struct buf *out)
{
	const char *text = rows_text(rows, row, column);
	char masked[STR_MASKED_SIZE];

	buf_clear(out);
	if (text == NULL)
		return;
	switch (type) {
	case COLUMN_BOOL:
		buf_puts(out, rows_bool(rows, row, column) ? "yes" : "");
		break;
	case COLUMN_PHONE:
		buf_puts(out, str_mask_phone(text, masked));
		break;
	case COLUMN_TIME:
		if (strlen(text) == strlen("2026-11-20T22:51:05.123Z"))
			buf_printf(out, "%.10s %.8s", text, text + 11);
		else
			add_plain(out, text);
		break;
	default:
		add_plain(out, text);
	}
}

static int
width_of(const struct column *column, const struct rows *rows, int at, struct buf *cell)
{
	size_t width = str_chars(column->heading), w;

	for (int i = 0; i < rows_count(rows); i++) {
		cell_text(column->type, rows, i, at, cell);
		if ((w = str_chars(cell->data)) > width)
			width = w;
	}
	return (int)width;
}

static bool
is_number(enum column_type type)
{
	return type == COLUMN_INT || type == COLUMN_REAL;
}

/* Numbers to the right, texts to the left, nothing behind the last. */
static void
put_cell(const char *text, const struct column *column, int width, bool last, FILE *to)
{
	int fill = width - (int)str_chars(text);

	if (is_number(column->type))
		fprintf(to, "%*s%s", fill, "", text);
	else
		fprintf(to, "%s%*s", text, last ? 0 : fill, "");
	fputs(last ? "\n" : "  ", to);
}

/* The position of the last column that people see. */
static int
last_shown(const struct column *columns)
{
	int last = -1;

	for (int i = 0; columns[i].name != NULL; i++) {
		if (columns[i].heading != NULL)
			last = i;
	}
	return last;
}

void
print_table(const struct column *columns, const struct rows *rows, const char *none, FILE *to)
{
	int widths[COLUMNS_MAX], last = last_shown(columns);
	struct buf cell;

	if (rows_count(rows) == 0) {
		fprintf(to, "%s\n", none);
		return;
	}
	buf_init(&cell, CELL_MAX + 8);
	for (int i = 0; i <= last; i++) {
		if (columns[i].heading == NULL)
			continue;
		widths[i] = width_of(&columns[i], rows, i, &cell);
		put_cell(columns[i].heading, &columns[i], widths[i], i == last, to);
	}
	for (int row = 0; row < rows_count(rows); row++) {
		for (int i = 0; i <= last; i++) {
			if (columns[i].heading == NULL)
				continue;
			cell_text(columns[i].type, rows, row, i, &cell);
			put_cell(cell.data, &columns[i], widths[i], i == last, to);
		}
	}
	buf_free(&cell);
}

void
print_record(const struct column *columns, const struct rows *rows, int row, FILE *to)
{
	struct buf cell;
	int width = 0, w;

	buf_init(&cell, CELL_MAX + 8);
	for (int i = 0; columns[i].name != NULL; i++) {
		w = columns[i].heading != NULL ? (int)strlen(columns[i].heading) : 0;
		if (w > width)
			width = w;
	}
	for (int i = 0; columns[i].name != NULL; i++) {
		if (columns[i].heading == NULL || rows_text(rows, row, i) == NULL)
			continue;
		cell_text(columns[i].type, rows, row, i, &cell);
		fprintf(to, "%-*s  %s\n", width, columns[i].heading,
		    columns[i].type == COLUMN_BOOL && cell.len == 0 ? "no" : cell.data);
	}
	buf_free(&cell);
}
