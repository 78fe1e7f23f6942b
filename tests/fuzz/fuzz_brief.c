/* A template and a value, "TEMPLATE\0VALUE": what was checked stays as short as was said, on one line,
 * and with no more quotes than the template has. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "domain/brief.h"

#define VALUE_CHARS 40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
slot(const void *arg, const char *name, struct schema_bounds *bounds)
{
	(void)arg;
	*bounds = (struct schema_bounds){ .max_chars = VALUE_CHARS,
		.always = name[0] != 'o',
		.free_text = name[0] == 't',
		.text = true };
	return name[0] == 't' || name[0] == 'o' || name[0] == 'n';
}

static size_t
quotes(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += *s == '"';
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	char *template = arena_strndup(a, (const char *)data, size);
	size_t head = strlen(template);
	const char *value = head < size ? template + head + 1 : "", *brief;
	char error[128];
	json_t *values;

	if (str_utf8(template, head) && str_utf8(value, strlen(value)) &&
	    str_chars(value) <= VALUE_CHARS &&
	    brief_check(template, 400, slot, NULL, error, sizeof error)) {
		values = json_pack("{s:s, s:s, s:i}", "t", value, "n", value, "o", 7);
		brief = brief_make(a, template, values);
		if (str_chars(brief) > 400 || quotes(brief) > quotes(template) ||
		    strpbrk(brief, "\n\r\t") != NULL || !str_utf8(brief, strlen(brief)))
			abort();
		json_decref(values);
	}
	arena_free(a);
	return 0;
}
