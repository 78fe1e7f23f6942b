/*
 * print_json.c: for check_json: reads documents from standard input, each after its length in a line of its own,
 * and prints a line for each: what our reader made of it, or "-" and the reason for one that is refused.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"

static void
print(const char *text, size_t len)
{
	char why[64];
	json_t *value = json_parse_kept(text, len, why);
	char *shown;

	if (value == NULL) {
		printf("-%s\n", why);
		return;
	}
	shown = json_dumps(
	    value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17));
	puts(shown != NULL ? shown : "-it cannot be written");
	free(shown);
	json_decref(value);
}

int
main(void)
{
	char line[32];

	while (fgets(line, sizeof line, stdin) != NULL) {
		size_t len = strtoul(line, NULL, 10);
		/* Of that size exactly, so that a step beyond the end shows. */
		char *text = mem_alloc(len > 0 ? len : 1);

		if (fread(text, 1, len, stdin) != len) {
			fputs("print_json: the last document is not whole\n", stderr);
			free(text);
			return 1;
		}
		print(text, len);
		free(text);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
