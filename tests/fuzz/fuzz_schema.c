/* A schema and an object by it, "SCHEMA\0OBJECT": what a schema takes it takes again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int faults;

static void
note(void *arg, const char *property, enum schema_fault fault, const char *says)
{
	(void)arg;
	(void)fault;
	if (strlen(property) > 1 << 20 || strlen(says) < 4)
		abort();
	faults++;
}

static void
check(const struct schema *schema, json_t *object)
{
	struct arena *a = arena_new();
	json_t *clean, *again;

	faults = 0;
	clean = schema_check(schema, a, object, note, NULL);
	if ((clean == NULL) != (faults > 0))
		abort();
	if (clean != NULL) {
		again = schema_check(schema, a, clean, note, NULL);
		if (again == NULL || !json_equal(clean, again))
			abort();
		json_decref(again);
	}
	json_decref(clean);
	arena_free(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *zero = size == 0 ? NULL : memchr(data, '\0', size);
	size_t head = zero == NULL ? size : (size_t)(zero - data);
	char why[64], error[256];
	json_t *text = json_parse_strict((const char *)data, head, why), *object;
	struct schema *schema;

	if (text == NULL)
		return 0;
	schema = schema_new(text, error, sizeof error);
	object = zero == NULL ? NULL
			      : json_parse_strict((const char *)zero + 1, size - head - 1, why);
	if (schema != NULL && json_is_object(object))
		check(schema, object);
	schema_free(schema);
	json_decref(object);
	json_decref(text);
	return 0;
}
