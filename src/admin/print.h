/*
 * print.h: what commands print. A table of columns says what the rows of a statement hold; the
 * same table makes aligned text for people and JSON for programs. Text from the database is
 * printed without control characters: a callee's words must not drive the operator's terminal.
 */
#ifndef ADMIN_PRINT_H
#define ADMIN_PRINT_H

#include <stdio.h>

#include "base/json.h"
#include "db/db.h"

enum column_type {
	COLUMN_TEXT,
	COLUMN_INT,
	COLUMN_REAL,
	COLUMN_BOOL,  /* "yes" or "" for people */
	COLUMN_JSON,  /* a JSON value as text */
	COLUMN_PHONE, /* masked for people, whole in JSON */
	COLUMN_TIME   /* as fn.iso makes it; to the second for people */
};

/* The columns of a statement, in its order; ends with a row without a name. */
struct column {
	const char *name;    /* in JSON */
	const char *heading; /* for people; NULL: not shown to them */
	enum column_type type;
};

/* A row as an object, all rows as an array: owned by the caller. SQL's NULL is null. */
json_t *print_object(const struct column *columns, const struct rows *rows, int row);
json_t *print_array(const struct column *columns, const struct rows *rows);
/* Prints a value on standard output, indented, and releases it. */
void print_json(json_t *value);

/* All rows under their headings; "none" in place of an empty table. */
void print_table(const struct column *columns, const struct rows *rows, const char *none, FILE *to);
/* One row, a line a column: "heading  value"; columns that are NULL are left out. */
void print_record(const struct column *columns, const struct rows *rows, int row, FILE *to);

#endif
