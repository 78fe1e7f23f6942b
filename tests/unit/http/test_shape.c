/*
 * test_shape.c: one table gives the object and its schema.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "http/shape.h"

static const struct shape shape[] = {
	{ "call_id", SHAPE_TEXT, .title = "Call Id" },
	{ "n", SHAPE_INT, .title = "N", .nullable = true },
	{ "sec", SHAPE_REAL, .title = "Sec" },
	{ "has", SHAPE_BOOL, .title = "Has", .optional = true },
	{ "at", SHAPE_TIME, .title = "At", .nullable = true, .help = "When." },
	{ "meta", SHAPE_OBJECT, .title = "Meta", .nullable = true, .optional = true },
	{ "tags", SHAPE_ARRAY, .items = "string", .title = "Tags" },
	{ "turns", SHAPE_ARRAY, .items = "object", .title = "Turns", .nullable = true },
	{ .name = NULL },
};

static const char *
from_list(const void *arg, int i)
{
	return ((const char *const *)arg)[i];
}

static void
expect(json_t *value, const char *wanted)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15));

	assert_non_null(text);
	assert_string_equal(text, wanted);
	free(text);
	json_decref(value);
}

static void
objects_follow_the_table(void **state)
{
	static const char *const full[] = { "call_1", "-5", "1.25", "t", "2026-01-01T00:00:00.000Z",
		"{\"a\": 1}", "[\"x\"]", "[{\"b\": 2}]" };
	static const char *const bare[] = { "call_1", NULL, "3", NULL, NULL, NULL, "[]", NULL };
	static const char *const odd[] = { "", "0", "1e3", "false", NULL, "[1]", "{", "1" };

	(void)state;
	expect(shape_object(shape, from_list, full),
	    "{\"call_id\":\"call_1\",\"n\":-5,\"sec\":1.25,\"has\":true,\"at\":\"2026-01-01T00:00:00.000Z\","
	    "\"meta\":{\"a\":1},\"tags\":[\"x\"],\"turns\":[{\"b\":2}]}");
	expect(shape_object(shape, from_list, bare),
	    "{\"call_id\":\"call_1\",\"n\":null,\"sec\":3.0,\"at\":null,\"meta\":null,\"tags\":[],"
	    "\"turns\":null}");
	expect(shape_object(shape, from_list, odd),
	    "{\"call_id\":\"\",\"n\":0,\"sec\":1000.0,\"has\":false,\"at\":null,\"meta\":null,"
	    "\"tags\":null,\"turns\":null}");
}

static void
the_schema_follows_it_too(void **state)
{
	(void)state;
	expect(shape_schema(shape, "CallDTO", "A call."),
	    "{\"properties\":{\"call_id\":{\"type\":\"string\",\"title\":\"Call Id\"},"
	    "\"n\":{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}],\"title\":\"N\"},"
	    "\"sec\":{\"type\":\"number\",\"title\":\"Sec\"},"
	    "\"has\":{\"type\":\"boolean\",\"title\":\"Has\"},"
	    "\"at\":{\"anyOf\":[{\"type\":\"string\",\"format\":\"date-time\"},{\"type\":\"null\"}],"
	    "\"title\":\"At\",\"description\":\"When.\"},"
	    "\"meta\":{\"anyOf\":[{\"additionalProperties\":true,\"type\":\"object\"},"
	    "{\"type\":\"null\"}],\"title\":\"Meta\"},"
	    "\"tags\":{\"items\":{\"type\":\"string\"},\"type\":\"array\",\"title\":\"Tags\"},"
	    "\"turns\":{\"anyOf\":[{\"items\":{\"additionalProperties\":true,\"type\":\"object\"},"
	    "\"type\":\"array\"},{\"type\":\"null\"}],\"title\":\"Turns\"}},"
	    "\"type\":\"object\",\"required\":[\"call_id\",\"n\",\"sec\",\"at\",\"tags\",\"turns\"],"
	    "\"title\":\"CallDTO\",\"description\":\"A call.\"}");
}

static void
an_array_may_hold_what_has_a_name(void **state)
{
	static const struct shape one[] = { { "items", SHAPE_ARRAY, .items = "Item" },
		{ .name = NULL } };

	(void)state;
	expect(shape_schema(one, "S", NULL),
	    "{\"properties\":{\"items\":{\"items\":{\"$ref\":\"#/components/schemas/Item\"},"
	    "\"type\":\"array\"}},\"type\":\"object\",\"required\":[\"items\"],\"title\":\"S\"}");
}

static void
a_choice_names_its_words(void **state)
{
	static const struct shape one[] = { { "status", SHAPE_CHOICE, .choices = "active|past" },
		{ .name = NULL } };
	static const char *const values[] = { "past" };

	(void)state;
	expect(shape_object(one, from_list, values), "{\"status\":\"past\"}");
	expect(shape_schema(one, "S", NULL),
	    "{\"properties\":{\"status\":{\"type\":\"string\",\"enum\":[\"active\",\"past\"]}},"
	    "\"type\":\"object\",\"required\":[\"status\"],\"title\":\"S\"}");
}

static void
names_defaults_and_examples_are_for_the_document(void **state)
{
	static const struct shape few[] = {
		{ "call", SHAPE_OBJECT, .component = "CallDTO" },
		{ "kind", SHAPE_CHOICE, .choices = "a|b", .component = "Kind", .help = "Which.",
		    .example = "\"b\"" },
		{ "way", SHAPE_CHOICE, .choices = "up", .nullable = true },
		{ "on", SHAPE_BOOL, .absent = "false" },
		{ .name = NULL },
	};
	json_t *components = json_object();

	(void)state;
	expect(shape_schema(few, "S", NULL),
	    "{\"properties\":{\"call\":{\"$ref\":\"#/components/schemas/CallDTO\"},"
	    "\"kind\":{\"$ref\":\"#/components/schemas/Kind\",\"description\":\"Which.\","
	    "\"examples\":[\"b\"]},"
	    "\"way\":{\"anyOf\":[{\"type\":\"string\",\"enum\":[\"up\"]},{\"type\":\"null\"}]},"
	    "\"on\":{\"type\":\"boolean\",\"default\":false}},\"type\":\"object\","
	    "\"required\":[\"call\",\"kind\",\"way\",\"on\"],\"title\":\"S\"}");
	expect(shape_schema(few + 4, "Any", NULL),
	    "{\"properties\":{},\"type\":\"object\",\"additionalProperties\":true,"
	    "\"title\":\"Any\"}");
	expect(shape_example(few), "{\"kind\":\"b\"}");
	assert_null(shape_example(few + 2));
	shape_components(few, components);
	expect(components,
	    "{\"Kind\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"],\"title\":\"Kind\"}}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_follow_the_table),
		cmocka_unit_test(the_schema_follows_it_too),
		cmocka_unit_test(an_array_may_hold_what_has_a_name),
		cmocka_unit_test(a_choice_names_its_words),
		cmocka_unit_test(names_defaults_and_examples_are_for_the_document),
	};

	log_open("test_shape", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
