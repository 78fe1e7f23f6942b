/* A body read by a field table: values only when there are no errors. */
#include <stdint.h>
#include <stdlib.h>

#include "http/valid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct field fields[] = {
	{ "text", FIELD_TEXT, .required = true, .min = 2, .max = 8 },
	{ "whole", FIELD_INT, .min = -5, .max = 5, .absent = "1" },
	{ "flag", FIELD_BOOL, .absent = "false" },
	{ "choice", FIELD_CHOICE, .choices = "a|b", .absent = "\"a\"" },
	{ "object", FIELD_OBJECT, .nullable = true },
	{ "time", FIELD_TIME, .nullable = true },
	{ .name = NULL },
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct input in;
	char *text = arena_strndup(a, (const char *)data, size);
	enum rc rc = valid_body(a, fields, text, size, &in);

	if ((rc == RC_OK) != (json_array_size(in.errors) == 0))
		abort();
	if (rc == RC_OK && (input_text(&in, "text") == NULL || input_int(&in, "whole") > 5))
		abort();
	arena_free(a);
	return 0;
}
