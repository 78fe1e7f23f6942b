/* csv.c: see csv.h. A field never gets longer by being read, so it is written over itself. */
#include "base/csv.h"

#include <string.h>

#include "base/str.h"

#define MARK "\xef\xbb\xbf"

void
csv_start(struct csv *csv, char *text, size_t len)
{
	size_t skip = str_starts(text, MARK) ? sizeof MARK - 1 : 0;

	*csv = (struct csv){ .at = text + skip, .end = text + len, .line = 1 };
}

static bool
at_line_end(const struct csv *csv)
{
	return csv->at >= csv->end || *csv->at == '\n' ||
	    (*csv->at == '\r' && (csv->at + 1 >= csv->end || csv->at[1] == '\n'));
}

/* Copies what stands between two quotes to out; csv->at is behind the first. Where the copy ends. */
static char *
quoted(struct csv *csv, struct csv_row *row, char *out)
{
	while (csv->at < csv->end) {
		if (*csv->at == '"') {
			csv->at++;
			if (csv->at >= csv->end || *csv->at != '"')
				return out;
		} else if (*csv->at == '\n') {
			csv->line++;
		}
		*out++ = *csv->at++;
	}
	row->wrong = "a quote is never closed";
	return out;
}

/* One field, and what ends it: true when another one follows in this line. */
static bool
take_field(struct csv *csv, struct csv_row *row)
{
	char *start = csv->at, *out = start;
	bool more;

	if (csv->at < csv->end && *csv->at == '"') {
		csv->at++;
		out = quoted(csv, row, out);
		if (!at_line_end(csv) && *csv->at != ',')
			row->wrong = "something stands behind a closing quote";
	}
	while (!at_line_end(csv) && *csv->at != ',') {
		if (*csv->at == '"' && row->wrong == NULL)
			row->wrong = "a quote stands inside a field that is not quoted";
		*out++ = *csv->at++;
	}
	more = !at_line_end(csv);
	if (more)
		csv->at++;
	else if (csv->at < csv->end) {
		csv->at += *csv->at == '\r' ? 1 : 0;
		if (csv->at < csv->end)
			csv->at++;
		csv->line++;
	}
	*out = '\0'; /* now that what stood there has been read */
	if (row->count < CSV_FIELDS_MAX)
		row->fields[row->count++] = start;
	else
		row->wrong = "there are too many fields";
	return more;
}

bool
csv_next(struct csv *csv, struct csv_row *row)
{
	while (csv->at < csv->end) {
		char first = *csv->at;

		*row = (struct csv_row){ .line = csv->line };
		while (take_field(csv, row))
			;
		if (row->count > 1 || row->fields[0][0] != '\0' || first == '"')
			return true;
	}
	return false;
}
