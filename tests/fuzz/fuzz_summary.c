/*
 * "SCHEMA\0ITEMS\0ANSWER", JSON each. Of any items: no more lines than items, each with a role in front,
 * nothing in them that controls, and parts that are within their bound and lose no line. Of any schema: it is
 * refused, or what is kept of an answer is an answer to it that is kept as it is.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "domain/extract.h"
#include "domain/summary.h"

#define PART 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static size_t
count_lines(const char *s)
{
	size_t n = 0;

	for (; (s = strchr(s, '\n')) != NULL; s++)
		n++;
	return n;
}

static void
check_lines(struct arena *a, json_t *items)
{
	const char *lines = summary_lines(a, items), *colon, *part;
	size_t from = 0, ends = 0;

	must(str_utf8(lines, strlen(lines)));
	must(count_lines(lines) <= json_array_size(items));
	must(strpbrk(lines, "\t\r\v\f\x1b\x7f<>[]") == NULL);
	for (const char *line = lines; *line != '\0'; line = strchr(line, '\n') + 1) {
		colon = strstr(line, ": ");
		must(colon != NULL && colon > line && colon < strchr(line, '\n'));
		must(memchr(line, ':', (size_t)(colon - line)) == NULL);
	}
	while (from < strlen(lines)) {
		size_t before = from;

		part = summary_part(a, lines, PART, &from);
		must(from > before && strlen(part) <= PART && str_utf8(part, strlen(part)));
		ends += count_lines(part);
	}
	must(ends == count_lines(lines));
}

static void
check_answer(struct arena *a, json_t *schema, json_t *answer)
{
	json_t *strict, *kept, *again;
	struct summary summary;
	const char *why;

	if (summary_read(a, answer, NULL, &summary, &why)) {
		must(str_utf8(summary.text, strlen(summary.text)));
		must(str_chars(summary.text) <= 10000);
		json_decref(summary.result);
	}
	strict = extract_strict(a, schema, &why);
	if (strict == NULL) {
		must(why != NULL);
		return;
	}
	kept = extract_take(a, schema, answer, &why);
	must(kept != NULL || why != NULL);
	if (kept != NULL) {
		again = extract_take(a, schema, kept, &why);
		must(json_equal(kept, again));
		json_decref(again);
	}
	json_decref(kept);
	json_decref(strict);
}

/* The next of the texts, which end in zeros; the last in the end of the data. */
static json_t *
next(struct arena *a, const uint8_t **data, size_t *size)
{
	const uint8_t *end = memchr(*data, '\0', *size);
	size_t len = end != NULL ? (size_t)(end - *data) : *size;
	char *text = arena_strndup(a, (const char *)*data, len), why[64];

	*data += len + (end != NULL);
	*size -= len + (end != NULL);
	return json_parse_strict(text, len, why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	json_t *schema, *items, *answer;

	if (size == 0) {
		arena_free(a);
		return 0;
	}
	schema = next(a, &data, &size);
	items = next(a, &data, &size);
	answer = next(a, &data, &size);
	check_lines(a, items);
	if (schema != NULL)
		check_answer(a, schema, answer);
	json_decref(answer);
	json_decref(items);
	json_decref(schema);
	arena_free(a);
	return 0;
}
