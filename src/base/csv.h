/*
 * csv.h: comma-separated values as of RFC 4180, read in place: commas, quotes, and lines that end in
 * CRLF or LF. A line that is wrong costs that line alone, but for a quote that is never closed.
 */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSV_FIELDS_MAX 64

struct csv {
	char *at, *end;
	int64_t line; /* that at is in, from 1 */
};

struct csv_row {
	int64_t line;                 /* in which it begins */
	int count;                    /* of fields */
	char *fields[CSV_FIELDS_MAX]; /* zero-terminated, in the text that was given */
	const char *wrong;            /* a sentence, or NULL; what could be read stands in fields */
};

/* Reads text, which ends in a zero behind len bytes and holds none before; it is written to. A byte
 * order mark is passed over. */
void csv_start(struct csv *csv, char *text, size_t len);

/* The next row; false at the end. Empty lines are none. */
bool csv_next(struct csv *csv, struct csv_row *row);

#endif
