/*
 * test_valid.c: every text of every error, the values that come out, and the schemas.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/valid.h"

static const struct field fields[] = {
	{ "brief", FIELD_TEXT, .required = true, .min = 1, .max = 5, .title = "Brief",
	    .help = "What." },
	{ "pair", FIELD_TEXT, .min = 2, .max = 1000 },
	{ "n", FIELD_INT, .min = 1, .max = 100, .absent = "20", .title = "N" },
	{ "free", FIELD_INT, .nullable = true },
	{ "on", FIELD_BOOL, .absent = "true" },
	{ "mode", FIELD_CHOICE, .choices = "a|b|c", .absent = "\"a\"" },
	{ "two", FIELD_CHOICE, .choices = "a|b" },
	{ "one", FIELD_CHOICE, .choices = "a" },
	{ "ask", FIELD_CHOICE, .choices = "any|stream", .pattern = "^(any|stream)$" },
	{ "slots", FIELD_OBJECT, .nullable = true, .title = "Slots" },
	{ "at", FIELD_TIME, .required = false },
	{ "list", FIELD_LIST, .nullable = true, .min = 1, .max = 2 },
	{ "both", FIELD_TEXT_OR_LIST, .max = 2 },
	{ .name = NULL },
};

static struct arena *a;

static char *
dump(const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	char *kept = arena_strdup(a, text);

	free(text);
	return kept;
}

static void
each_fault_has_its_text(void **state)
{
	static const struct {
		const char *body, *errors;
	} cases[] = {
		{ "", "[{\"type\":\"missing\",\"loc\":[\"body\"],\"msg\":\"Field required\"}]" },
		{ "{",
		    "[{\"type\":\"json_invalid\",\"loc\":[\"body\",1],\"msg\":\"JSON decode error\"}]" },
		{ "{\"brief\":\"x\",}",
		    "[{\"type\":\"json_invalid\",\"loc\":[\"body\",14],\"msg\":\"JSON decode error\"}]" },
		{ "{\"brief\":\"\\u0000\"}",
		    "[{\"type\":\"json_invalid\",\"loc\":[\"body\",17],\"msg\":\"JSON decode error\"}]" },
		{ "[1]",
		    "[{\"type\":\"model_attributes_type\",\"loc\":[\"body\"],\"msg\":\"Input should be a valid "
		    "dictionary or object to extract fields from\",\"input\":[1]}]" },
		{ "{}",
		    "[{\"type\":\"missing\",\"loc\":[\"body\",\"brief\"],\"msg\":\"Field required\"}]" },
		{ "{\"brief\":null}",
		    "[{\"type\":\"string_type\",\"loc\":[\"body\",\"brief\"],\"msg\":\"Input should be a valid "
		    "string\",\"input\":null}]" },
		{ "{\"brief\":\"\"}",
		    "[{\"type\":\"string_too_short\",\"loc\":[\"body\",\"brief\"],\"msg\":\"String should have "
		    "at least 1 character\",\"input\":\"\"}]" },
		{ "{\"brief\":\"123456\"}",
		    "[{\"type\":\"string_too_long\",\"loc\":[\"body\",\"brief\"],\"msg\":\"String should have "
		    "at most 5 characters\",\"input\":\"123456\"}]" },
		{ "{\"brief\":\"x\",\"pair\":\"1\"}",
		    "[{\"type\":\"string_too_short\",\"loc\":[\"body\",\"pair\"],\"msg\":\"String should have "
		    "at least 2 characters\",\"input\":\"1\"}]" },
		{ "{\"brief\":\"x\",\"n\":\"5\"}",
		    "[{\"type\":\"int_type\",\"loc\":[\"body\",\"n\"],\"msg\":\"Input should be a valid "
		    "integer\",\"input\":\"5\"}]" },
		{ "{\"brief\":\"x\",\"n\":3.0}",
		    "[{\"type\":\"int_type\",\"loc\":[\"body\",\"n\"],\"msg\":\"Input should be a valid "
		    "integer\",\"input\":3.0}]" },
		{ "{\"brief\":\"x\",\"n\":true}",
		    "[{\"type\":\"int_type\",\"loc\":[\"body\",\"n\"],\"msg\":\"Input should be a valid "
		    "integer\",\"input\":true}]" },
		{ "{\"brief\":\"x\",\"n\":0}",
		    "[{\"type\":\"greater_than_equal\",\"loc\":[\"body\",\"n\"],\"msg\":\"Input should be "
		    "greater than or equal to 1\",\"input\":0}]" },
		{ "{\"brief\":\"x\",\"n\":101}",
		    "[{\"type\":\"less_than_equal\",\"loc\":[\"body\",\"n\"],\"msg\":\"Input should be less "
		    "than or equal to 100\",\"input\":101}]" },
		{ "{\"brief\":\"x\",\"on\":1}",
		    "[{\"type\":\"bool_type\",\"loc\":[\"body\",\"on\"],\"msg\":\"Input should be a valid "
		    "boolean\",\"input\":1}]" },
		{ "{\"brief\":\"x\",\"mode\":\"d\"}",
		    "[{\"type\":\"enum\",\"loc\":[\"body\",\"mode\"],\"msg\":\"Input should be 'a', 'b' or "
		    "'c'\",\"input\":\"d\"}]" },
		{ "{\"brief\":\"x\",\"two\":1}",
		    "[{\"type\":\"enum\",\"loc\":[\"body\",\"two\"],\"msg\":\"Input should be 'a' or "
		    "'b'\",\"input\":1}]" },
		{ "{\"brief\":\"x\",\"one\":\"\"}",
		    "[{\"type\":\"enum\",\"loc\":[\"body\",\"one\"],\"msg\":\"Input should be "
		    "'a'\",\"input\":\"\"}]" },
		{ "{\"brief\":\"x\",\"ask\":\"any|stream\"}",
		    "[{\"type\":\"string_pattern_mismatch\",\"loc\":[\"body\",\"ask\"],\"msg\":\"String should "
		    "match pattern '^(any|stream)$'\",\"input\":\"any|stream\"}]" },
		{ "{\"brief\":\"x\",\"ask\":[]}",
		    "[{\"type\":\"string_type\",\"loc\":[\"body\",\"ask\"],\"msg\":\"Input should be a valid "
		    "string\",\"input\":[]}]" },
		{ "{\"brief\":\"x\",\"slots\":[]}",
		    "[{\"type\":\"dict_type\",\"loc\":[\"body\",\"slots\"],\"msg\":\"Input should be a valid "
		    "dictionary\",\"input\":[]}]" },
		{ "{\"brief\":\"x\",\"at\":5}",
		    "[{\"type\":\"datetime_type\",\"loc\":[\"body\",\"at\"],\"msg\":\"Input should be a valid "
		    "datetime\",\"input\":5}]" },
		{ "{\"brief\":\"x\",\"at\":\"soon\"}",
		    "[{\"type\":\"datetime_from_date_parsing\",\"loc\":[\"body\",\"at\"],\"msg\":\"Input should "
		    "be a valid datetime or date, input is too short\",\"input\":\"soon\"}]" },
		{ "{\"brief\":\"x\",\"at\":\"2026-13-01T00:00:00Z\"}",
		    "[{\"type\":\"datetime_parsing\",\"loc\":[\"body\",\"at\"],\"msg\":\"Input should be a "
		    "valid datetime, invalid value\",\"input\":\"2026-13-01T00:00:00Z\"}]" },
		{ "{\"brief\":\"x\",\"at\":\"2026-11-01T00:00:00\"}",
		    "[{\"type\":\"timezone_aware\",\"loc\":[\"body\",\"at\"],\"msg\":\"Input should have "
		    "timezone info\",\"input\":\"2026-11-01T00:00:00\"}]" },
		{ "{\"brief\":\"x\",\"list\":\"y\"}",
		    "[{\"type\":\"list_type\",\"loc\":[\"body\",\"list\"],\"msg\":\"Input should be a valid "
		    "list\",\"input\":\"y\"}]" },
		{ "{\"brief\":\"x\",\"list\":[]}",
		    "[{\"type\":\"too_short\",\"loc\":[\"body\",\"list\"],\"msg\":\"List should have at least "
		    "1 item after validation, not 0\",\"input\":[]}]" },
		{ "{\"brief\":\"x\",\"list\":[1,2,3]}",
		    "[{\"type\":\"too_long\",\"loc\":[\"body\",\"list\"],\"msg\":\"List should have at most "
		    "2 items after validation, not 3\",\"input\":[1,2,3]}]" },
		{ "{\"n\":0,\"on\":\"no\"}",
		    "[{\"type\":\"missing\",\"loc\":[\"body\",\"brief\"],\"msg\":\"Field required\"},"
		    "{\"type\":\"greater_than_equal\",\"loc\":[\"body\",\"n\"],\"msg\":\"Input should be "
		    "greater than or equal to 1\",\"input\":0},"
		    "{\"type\":\"bool_type\",\"loc\":[\"body\",\"on\"],\"msg\":\"Input should be a valid "
		    "boolean\",\"input\":\"no\"}]" },
	};
	struct input in;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
		    valid_body(a, fields, cases[i].body, strlen(cases[i].body), &in), RC_INVALID);
		assert_string_equal(dump(in.errors), cases[i].errors);
	}
}

static void
the_errors_are_one_sentence_as_well(void **state)
{
	static const char wrong[] = "{\"n\":0,\"on\":\"no\"}";
	struct input in;

	(void)state;
	assert_int_equal(valid_body(a, fields, wrong, strlen(wrong), &in), RC_INVALID);
	assert_string_equal(valid_says(a, &in),
	    "brief: Field required; n: Input should be greater than or equal to 1; on: Input should be"
	    " a valid boolean");
	assert_int_equal(valid_body(a, fields, "{", 1, &in), RC_INVALID);
	assert_string_equal(valid_says(a, &in), "body: JSON decode error");
}

static void
a_required_field_that_says_nothing_is_named(void **state)
{
	static const struct field two[] = {
		{ "first", FIELD_TEXT, .required = true, .min = 3 },
		{ "free", FIELD_TEXT, .nullable = true },
		{ "second", FIELD_TEXT, .required = true },
		{ .name = NULL },
	};
	static const struct {
		const char *body, *name;
	} cases[] = {
		{ "{\"first\": \"abc\", \"second\": \"b\"}", NULL },
		{ "{\"first\": \"abc\", \"second\": \"b\", \"free\": null}", NULL },
		{ "{\"first\": \"a\", \"second\": \"b\"}", NULL },
		{ "{\"first\": 1, \"second\": []}", NULL },
		{ "{}", "first" },
		{ "{\"first\": null, \"second\": null}", "first" },
		{ "{\"first\": \"\", \"second\": \"b\"}", "first" },
		{ "{\"first\": \" \\t\\n\\u2003\", \"second\": \"b\"}", "first" },
		{ "{\"first\": \"a\"}", "second" },
		{ "{\"first\": \"abc\", \"second\": \" \", \"free\": 1}", "second" },
		{ "[]", NULL },
		{ "{", NULL },
		{ "", NULL },
	};
	struct input in;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *name;

		(void)!valid_body(a, two, cases[i].body, strlen(cases[i].body), &in);
		name = valid_lacking(&in);
		if (cases[i].name == NULL)
			assert_null(name);
		else
			assert_string_equal(name, cases[i].name);
	}
}

static void
large_inputs_are_not_given_back(void **state)
{
	char body[600];
	struct input in;

	(void)state;
	(void)snprintf(body, sizeof(body), "{\"brief\":\"%0254d\"}", 0);
	assert_int_equal(valid_body(a, fields, body, strlen(body), &in), RC_INVALID);
	assert_non_null(json_object_get(json_array_get(in.errors, 0), "input"));
	(void)snprintf(body, sizeof(body), "{\"brief\":\"%0255d\"}", 0);
	assert_int_equal(valid_body(a, fields, body, strlen(body), &in), RC_INVALID);
	assert_null(json_object_get(json_array_get(in.errors, 0), "input"));
}

static void
values_are_typed_and_defaults_fill_in(void **state)
{
	static const char body[] =
	    "{\"brief\":\"h\xc3\xa9llo\",\"free\":null,\"on\":false,\"other\":[1],"
	    "\"slots\":{\"a\":1},\"at\":\"2026-11-20T22:51:05.123+01:00\"}";
	struct input in;

	(void)state;
	assert_int_equal(valid_body(a, fields, body, sizeof(body) - 1, &in), RC_OK);
	assert_string_equal(input_text(&in, "brief"), "h\xc3\xa9llo");
	assert_int_equal(input_int(&in, "n"), 20);
	assert_false(input_given(&in, "n"));
	assert_false(input_given(&in, "free"));
	assert_int_equal(input_int(&in, "free"), 0);
	assert_true(input_given(&in, "on"));
	assert_false(input_bool(&in, "on"));
	assert_string_equal(input_text(&in, "mode"), "a");
	assert_null(input_text(&in, "ask"));
	assert_null(input_json(&in, "two"));
	assert_string_equal(dump(input_json(&in, "slots")), "{\"a\":1}");
	assert_int_equal(json_array_size(in.errors), 0);
	input_error(&in, "body", NULL, "custom", "Said", NULL);
	assert_string_equal(
	    dump(in.errors), "[{\"type\":\"custom\",\"loc\":[\"body\"],\"msg\":\"Said\"}]");
}

/* A query as name, value, …, NULL. */
static const char *
lookup(const void *arg, const char *name)
{
	for (const char *const *p = arg; *p != NULL; p += 2) {
		if (strcmp(*p, name) == 0)
			return p[1];
	}
	return NULL;
}

static void
queries_are_read_from_text(void **state)
{
	static const char *const good[] = { "brief", "x", "n", "7", "on", "0", "mode", "b", NULL };
	static const char *const bad[] = { "n", "x1", "on", "yes", "free", "1.0", "mode", "",
		NULL };
	struct input in;

	(void)state;
	assert_int_equal(valid_query(a, fields, lookup, good, &in), RC_OK);
	assert_int_equal(input_int(&in, "n"), 7);
	assert_false(input_bool(&in, "on"));
	assert_string_equal(input_text(&in, "mode"), "b");
	assert_int_equal(valid_query(a, fields, lookup, bad, &in), RC_INVALID);
	assert_string_equal(dump(in.errors),
	    "[{\"type\":\"missing\",\"loc\":[\"query\",\"brief\"],\"msg\":\"Field required\"},"
	    "{\"type\":\"int_parsing\",\"loc\":[\"query\",\"n\"],\"msg\":\"Input should be a valid integer, "
	    "unable to parse string as an integer\",\"input\":\"x1\"},"
	    "{\"type\":\"int_parsing\",\"loc\":[\"query\",\"free\"],\"msg\":\"Input should be a valid "
	    "integer, unable to parse string as an integer\",\"input\":\"1.0\"},"
	    "{\"type\":\"bool_parsing\",\"loc\":[\"query\",\"on\"],\"msg\":\"Input should be a valid "
	    "boolean, unable to interpret input\",\"input\":\"yes\"},"
	    "{\"type\":\"enum\",\"loc\":[\"query\",\"mode\"],\"msg\":\"Input should be 'a', 'b' or "
	    "'c'\",\"input\":\"\"}]");
}

static void
a_text_or_a_list_is_either(void **state)
{
	static const struct {
		const char *body;
		enum rc rc;
	} cases[] = {
		{ "{\"brief\":\"x\",\"both\":\"\"}", RC_OK },
		{ "{\"brief\":\"x\",\"both\":[]}", RC_OK },
		{ "{\"brief\":\"x\",\"both\":[1,2]}", RC_OK },
		{ "{\"brief\":\"x\",\"both\":[1,2,3]}", RC_INVALID },
		{ "{\"brief\":\"x\",\"both\":{}}", RC_INVALID },
		{ "{\"brief\":\"x\",\"both\":null}", RC_INVALID },
	};
	struct input in;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(
		    valid_body(a, fields, cases[i].body, strlen(cases[i].body), &in), cases[i].rc);
}

static void
the_table_writes_the_schema(void **state)
{
	static const struct field few[] = {
		{ "brief", FIELD_TEXT, .required = true, .min = 1, .max = 5, .title = "Brief",
		    .help = "What." },
		{ "n", FIELD_INT, .min = 0, .max = 9, .absent = "4", .title = "N" },
		{ "mode", FIELD_CHOICE, .choices = "a|b", .title = "Mode" },
		{ "ask", FIELD_CHOICE, .choices = "x|y", .pattern = "^(x|y)$", .absent = "\"x\"" },
		{ "slots", FIELD_OBJECT, .nullable = true },
		{ "at", FIELD_TIME, .required = false },
		{ "list", FIELD_LIST, .min = 1, .max = 9 },
		{ "both", FIELD_TEXT_OR_LIST, .max = 9, .items = "Item" },
		{ "on", FIELD_BOOL, .required = false, .example = "true" },
		{ "kind", FIELD_CHOICE, .choices = "c|d", .component = "Kind", .help = "Which.",
		    .absent = "\"c\"", .example = "\"d\"" },
		{ .name = NULL },
	};
	json_t *schema = valid_schema(few, "Body"), *parameters = valid_parameters(few, "query");
	json_t *example = valid_example(few), *components = json_object();

	(void)state;
	assert_string_equal(dump(schema),
	    "{\"properties\":{\"brief\":{\"type\":\"string\",\"maxLength\":5,\"minLength\":1,"
	    "\"title\":\"Brief\",\"description\":\"What.\"},"
	    "\"n\":{\"type\":\"integer\",\"maximum\":9,\"minimum\":0,\"title\":\"N\",\"default\":4},"
	    "\"mode\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"],\"title\":\"Mode\"},"
	    "\"ask\":{\"type\":\"string\",\"pattern\":\"^(x|y)$\",\"default\":\"x\"},"
	    "\"slots\":{\"anyOf\":[{\"additionalProperties\":true,\"type\":\"object\"},"
	    "{\"type\":\"null\"}]},"
	    "\"at\":{\"type\":\"string\",\"format\":\"date-time\"},"
	    "\"list\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"minItems\":1,"
	    "\"maxItems\":9},"
	    "\"both\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"array\",\"items\":{\"$ref\":"
	    "\"#/components/schemas/Item\"},\"minItems\":0,\"maxItems\":9}]},"
	    "\"on\":{\"type\":\"boolean\",\"examples\":[true]},"
	    "\"kind\":{\"$ref\":\"#/components/schemas/Kind\",\"description\":\"Which.\","
	    "\"default\":\"c\",\"examples\":[\"d\"]}},"
	    "\"type\":\"object\",\"required\":[\"brief\"],\"title\":\"Body\"}");
	assert_string_equal(dump(json_array_get(parameters, 0)),
	    "{\"name\":\"brief\",\"in\":\"query\",\"required\":true,\"schema\":{\"type\":\"string\","
	    "\"maxLength\":5,\"minLength\":1,\"title\":\"Brief\",\"description\":\"What.\"},"
	    "\"description\":\"What.\"}");
	assert_string_equal(dump(example), "{\"on\":true,\"kind\":\"d\"}");
	valid_components(few, components);
	assert_string_equal(dump(components),
	    "{\"Kind\":{\"type\":\"string\",\"enum\":[\"c\",\"d\"],\"title\":\"Kind\"}}");
	assert_null(valid_example(few + 10));
	json_decref(components);
	json_decref(example);
	json_decref(parameters);
	json_decref(schema);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fault_has_its_text),
		cmocka_unit_test(the_errors_are_one_sentence_as_well),
		cmocka_unit_test(a_required_field_that_says_nothing_is_named),
		cmocka_unit_test(a_text_or_a_list_is_either),
		cmocka_unit_test(large_inputs_are_not_given_back),
		cmocka_unit_test(values_are_typed_and_defaults_fill_in),
		cmocka_unit_test(queries_are_read_from_text),
		cmocka_unit_test(the_table_writes_the_schema),
	};
	int failed;

	a = arena_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(a);
	return failed;
}
