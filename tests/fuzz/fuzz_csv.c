/* A customer's CSV file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_alloc(size + 1);
	size_t len, bytes = 0;
	int64_t line = 0;
	struct csv_row row;
	struct csv csv;

	memcpy(text, data, size);
	text[size] = '\0';
	len = strlen(text);
	csv_start(&csv, text, len);
	while (csv_next(&csv, &row)) {
		if (row.count < 1 || row.count > CSV_FIELDS_MAX || row.line <= line)
			abort();
		line = row.line;
		for (int i = 0; i < row.count; i++) {
			if (row.fields[i] < text || row.fields[i] > text + len)
				abort();
			bytes += strlen(row.fields[i]);
		}
	}
	if (bytes > len || csv.at > csv.end)
		abort();
	free(text);
	return 0;
}
