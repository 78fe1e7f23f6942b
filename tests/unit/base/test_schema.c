/*
 * test_schema.c: the part of JSON Schema that there is: what each keyword takes and refuses, what is
 * told of it, what a schema may not say, and that no pattern costs more than its limit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/schema.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct arena *a;
static char told[4096]; /* "name:fault says; " for each */

static int
setup(void **state)
{
	(void)state;
	a = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

static void
note(void *arg, const char *property, enum schema_fault fault, const char *says)
{
	static const char *const names[] = { "required", "empty", "invalid" };
	size_t len = strlen(told);

	(void)arg;
	assert_true(len < sizeof told - 1);
	snprintf(told + len, sizeof told - len, "%s:%s %s; ", property, names[fault], says);
}

static json_t *
parse(const char *text)
{
	char why[64];
	json_t *json = json_parse_strict(text, strlen(text), why);

	if (json == NULL)
		fail_msg("%s: %s", text, why);
	return json;
}

static struct schema *
schema_of(const char *text)
{
	json_t *json = parse(text);
	char error[256] = "";
	struct schema *schema = schema_new(json, error, sizeof error);

	json_decref(json);
	if (schema == NULL)
		fail_msg("%s: %s", text, error);
	return schema;
}

/* What comes of an object: its clean text in the arena, or NULL with told. */
static const char *
check(const struct schema *schema, const char *text)
{
	json_t *json = parse(text), *clean;
	const char *result = NULL;
	char *dump;

	told[0] = '\0';
	clean = schema_check(schema, a, json, note, NULL);
	json_decref(json);
	assert_int_equal(clean == NULL, told[0] != '\0');
	if (clean != NULL) {
		dump = json_dumps(clean, JSON_COMPACT);
		result = arena_strdup(a, dump);
		free(dump);
	}
	json_decref(clean);
	return result;
}

static void
each_keyword_takes_what_it_says(void **state)
{
	static const struct {
		const char *property, *good, *bad; /* values, " / " between them */
		const char *says;
	} cases[] = {
		{ "{\"type\":\"string\"}", "\"\" / \"x\" / \"\\n\"", "1 / true / [] / {}",
		    "must be a text" },
		{ "{\"type\":\"integer\"}", "0 / -5 / 9007199254740993", "1.0 / 1.5 / \"1\" / true",
		    "must be a whole number" },
		{ "{\"type\":\"number\"}", "0 / 1.5 / -1e3", "\"1.5\" / true", "must be a number" },
		{ "{\"type\":\"boolean\"}", "true / false", "0 / \"true\"",
		    "must be true or false" },
		{ "{\"type\":\"integer\",\"minimum\":1,\"maximum\":50}", "1 / 50", "0 / 51 / -1",
		    "must be a whole number from 1 to 50" },
		{ "{\"type\":\"number\",\"minimum\":0.5}", "0.5 / 7", "0.49",
		    "must be a number of at least 0.5" },
		{ "{\"type\":\"integer\",\"maximum\":3}", "3 / -9", "4",
		    "must be a whole number of at most 3" },
		{ "{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}",
		    "\"ab\" / \"abc\" / \"éé\" / \"漢漢漢\"", "\"a\" / \"abcd\" / \"é\"",
		    "must be a text of 2 to 3 characters" },
		{ "{\"type\":\"string\",\"maxLength\":2}", "\"\" / \"😀😀\"", "\"abc\"",
		    "must be a text of at most 2 characters" },
		{ "{\"type\":\"string\",\"minLength\":3,\"maxLength\":3}", "\"abc\"", "\"ab\"",
		    "must be a text of 3 characters" },
		{ "{\"type\":\"string\",\"enum\":[\"any\",\"stream\"]}", "\"any\" / \"stream\"",
		    "\"Any\" / \"\" / \"any \" / 1", "must be one of \"any\", \"stream\"" },
		{ "{\"type\":\"integer\",\"enum\":[1,2]}", "1 / 2", "3 / \"1\"",
		    "must be one of 1, 2" },
		{ "{\"type\":\"string\",\"format\":\"date\"}", "\"2026-12-24\" / \"2028-02-29\"",
		    "\"2026-02-29\" / \"2026-13-01\" / \"2026-1-1\" / \"24.12.2026\" / "
		    "\"2026-12-24T10:00\" / \"\" / \"tomorrow\" / \"2026-12-2x\" / 20261224",
		    "must be a date such as 2026-12-31" },
		{ "{\"type\":\"string\",\"format\":\"time\"}",
		    "\"00:00\" / \"19:30\" / \"23:59:59\"",
		    "\"24:00\" / \"7:30\" / \"19:60\" / \"19.30\" / \"7 pm\" / \"19:30Z\" / \"\" / "
		    "\"1:9:30\" / \"19:30:60\" / \"::::::::\"",
		    "must be a time such as 19:30" },
		{ "{\"type\":\"string\",\"pattern\":\"^\\\\+[1-9][0-9]{6,14}$\"}",
		    "\"+12025550143\" / \"+1234567\"",
		    "\"12025550143\" / \"+0123456789\" / \"+1202555\\n\" / \"+12025550143\\n\" / "
		    "\"+1234567890123456\" / \"+1202555014x\" / \"\"",
		    "must be a text that matches ^\\+[1-9][0-9]{6,14}$" },
		{ "{\"type\":\"string\",\"pattern\":\"b\"}", "\"abc\" / \"b\"", "\"ac\"",
		    "must be a text that matches b" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct schema *schema = schema_of(arena_printf(
		    a, "{\"type\":\"object\",\"properties\":{\"p\":%s}}", cases[i].property));

		for (int good = 0; good < 2; good++) {
			char *list = arena_strdup(a, good ? cases[i].good : cases[i].bad), *at;

			while (list != NULL) {
				at = list;
				list = strstr(list, " / ");
				if (list != NULL) {
					*list = '\0';
					list += 3;
				}
				if ((check(schema, arena_printf(a, "{\"p\":%s}", at)) != NULL) !=
				    good)
					fail_msg("%s with %s", cases[i].property, at);
				if (!good)
					assert_string_equal(
					    told, arena_printf(a, "p:invalid %s; ", cases[i].says));
			}
		}
		schema_free(schema);
	}
}

static void
what_is_required_is_asked_for(void **state)
{
	struct schema *schema = schema_of(
	    "{\"type\":\"object\",\"required\":[\"name\",\"n\"],\"properties\":{"
	    "\"name\":{\"type\":\"string\",\"minLength\":1},\"n\":{\"type\":\"integer\"},"
	    "\"mode\":{\"type\":\"string\",\"default\":\"any\"},\"note\":{\"type\":\"string\"}}}");

	(void)state;
	assert_null(check(schema, "{}"));
	assert_string_equal(told,
	    "name:required must be a text of at least 1 characters; "
	    "n:required must be a whole number; ");
	/* Agents send null and "" for what they do not know. */
	assert_null(check(schema, "{\"name\":null,\"n\":1}"));
	assert_memory_equal(told, "name:required", 13);
	assert_null(check(schema, "{\"name\":\" \\t\",\"n\":1}"));
	assert_memory_equal(told, "name:empty", 10);
	/* The order is the schema's, defaults are filled in, and what it does not know is left out. */
	assert_string_equal(check(schema, "{\"x\":1,\"n\":2,\"name\":\"A\",\"note\":null}"),
	    "{\"name\":\"A\",\"n\":2,\"mode\":\"any\"}");
	assert_string_equal(check(schema, "{\"n\":2,\"note\":\"\",\"mode\":\"m\",\"name\":\"A\"}"),
	    "{\"name\":\"A\",\"n\":2,\"mode\":\"m\",\"note\":\"\"}");
	schema_free(schema);
}

static void
a_closed_schema_refuses_what_it_does_not_know(void **state)
{
	struct schema *schema = schema_of("{\"type\":\"object\",\"additionalProperties\":false,"
					  "\"properties\":{\"p\":{\"type\":\"string\"}}}");

	(void)state;
	assert_non_null(check(schema, "{\"p\":\"x\"}"));
	assert_null(check(schema, "{\"p\":\"x\",\"q\":1}"));
	assert_string_equal(told, "q:invalid is not known here; ");
	schema_free(schema);
}

static void
a_schema_that_says_more_is_refused(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "[]", "type: must be object" },
		{ "{}", "type: must be object" },
		{ "{\"type\":\"array\"}", "type: must be object" },
		{ "{\"type\":\"object\"}", "properties: must be an object of 1 to 32 members" },
		{ "{\"type\":\"object\",\"properties\":{}}",
		    "properties: must be an object of 1 to 32 members" },
		{ "{\"type\":\"object\",\"properties\":[]}",
		    "properties: must be an object of 1 to 32 members" },
		{ "{\"type\":\"object\",\"oneOf\":[]}", "oneOf: no such keyword here" },
		{ "{\"type\":\"object\",\"$ref\":\"x\"}", "$ref: no such keyword here" },
		{ "{\"type\":\"object\",\"additionalProperties\":{}}",
		    "additionalProperties: must be true or false" },
		{ "P{}", "properties.p.type: must be there" },
		{ "P[]", "properties.p: must be an object" },
		{ "P{\"type\":\"object\"}",
		    "properties.p.type: must be string, integer, number or boolean" },
		{ "P{\"type\":[\"string\"]}",
		    "properties.p.type: must be string, integer, number or boolean" },
		{ "P{\"type\":\"string\",\"const\":1}",
		    "properties.p.const: no such keyword here" },
		{ "P{\"type\":\"string\",\"enum\":[]}",
		    "properties.p.enum: must be an array of 1 to 64 values" },
		{ "P{\"type\":\"string\",\"enum\":[1]}",
		    "properties.p.enum: must hold values of the property's type" },
		{ "P{\"type\":\"string\",\"pattern\":\"(\"}",
		    "properties.p.pattern: is no regular expression" },
		{ "P{\"type\":\"integer\",\"pattern\":\"x\"}",
		    "properties.p.pattern: must be a regular expression of at most 256 bytes, for a "
		    "string" },
		{ "P{\"type\":\"string\",\"format\":\"email\"}",
		    "properties.p.format: must be date or time, for a string" },
		{ "P{\"type\":\"string\",\"minimum\":1}",
		    "properties.p.minimum: must be a number, for an integer or a number" },
		{ "P{\"type\":\"integer\",\"maximum\":\"1\"}",
		    "properties.p.maximum: must be a number, for an integer or a number" },
		{ "P{\"type\":\"string\",\"minLength\":-1}",
		    "properties.p.minLength: must be a whole number of at least 0, for a string" },
		{ "P{\"type\":\"string\",\"maxLength\":1.5}",
		    "properties.p.maxLength: must be a whole number of at least 0, for a string" },
		{ "P{\"type\":\"string\",\"default\":1}",
		    "properties.p.default: does not fit the property" },
		{ "P{\"type\":\"string\",\"maxLength\":1,\"default\":\"ab\"}",
		    "properties.p.default: does not fit the property" },
		{ "P{\"type\":\"string\",\"title\":1}", "properties.p.title: must be a string" },
		{ "P{\"type\":\"string\",\"examples\":1}",
		    "properties.p.examples: must be an array" },
		{ "{\"type\":\"object\",\"properties\":{\"p\":{\"type\":\"string\"}},"
		  "\"required\":[\"p\",\"q\"]}",
		    "required: item 2 is no property" },
		{ "{\"type\":\"object\",\"properties\":{\"p\":{\"type\":\"string\"}},"
		  "\"required\":\"p\"}",
		    "required: must be an array" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *text = cases[i].text;
		char error[256] = "";
		json_t *json;

		if (text[0] == 'P')
			text = arena_printf(
			    a, "{\"type\":\"object\",\"properties\":{\"p\":%s}}", text + 1);
		json = parse(text);
		assert_null(schema_new(json, error, sizeof error));
		assert_string_equal(error, cases[i].error);
		json_decref(json);
	}
}

static void
a_careless_pattern_costs_no_more_than_its_limit(void **state)
{
	static const char *const patterns[] = { "^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(.*)*x",
		"^(([a-z])+.)+[A-Z]([a-z])+$" };
	char text[3100];

	(void)state;
	memset(text, 'a', sizeof text);
	memcpy(text, "{\"p\":\"", 6);
	memcpy(text + sizeof text - 4, "!\"}", 4);
	for (size_t i = 0; i < COUNT(patterns); i++) {
		struct schema *schema = schema_of(arena_printf(a,
		    "{\"type\":\"object\",\"properties\":{\"p\":{\"type\":\"string\",\"pattern\":"
		    "\"%s\"}}}",
		    patterns[i]));
		int64_t began = clock_boot_us();

		assert_null(check(schema, text));
		assert_in_range(clock_boot_us() - began, 0, 2000000);
		schema_free(schema);
	}
}

static void
bounds_are_known_beforehand(void **state)
{
	struct schema *schema = schema_of(
	    "{\"type\":\"object\",\"required\":[\"t\"],\"properties\":{"
	    "\"t\":{\"type\":\"string\",\"maxLength\":9},\"u\":{\"type\":\"string\"},"
	    "\"e\":{\"type\":\"string\",\"enum\":[\"é\",\"abc\"],\"default\":\"é\"},"
	    "\"d\":{\"type\":\"string\",\"format\":\"date\"},\"b\":{\"type\":\"boolean\"},"
	    "\"n\":{\"type\":\"number\"},\"p\":{\"type\":\"string\",\"pattern\":\"x\","
	    "\"maxLength\":4}}}");
	static const struct {
		const char *name;
		struct schema_bounds bounds;
	} cases[] = {
		{ "t", { 9, true, true, true } },
		{ "u", { -1, false, true, true } },
		{ "e", { 3, true, false, true } },
		{ "d", { 10, false, false, true } },
		{ "b", { 5, false, false, false } },
		{ "n", { 24, false, false, false } },
		{ "p", { 4, false, false, true } },
	};
	struct schema_bounds got;

	(void)state;
	assert_int_equal(schema_count(schema), COUNT(cases));
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(schema_bounds(schema, cases[i].name, &got));
		assert_int_equal(got.max_chars, cases[i].bounds.max_chars);
		assert_int_equal(got.always, cases[i].bounds.always);
		assert_int_equal(got.free_text, cases[i].bounds.free_text);
		assert_int_equal(got.text, cases[i].bounds.text);
	}
	assert_string_equal(schema_name(schema, 1), "u");
	assert_false(schema_bounds(schema, "x", &got));
	schema_free(schema);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_keyword_takes_what_it_says),
		cmocka_unit_test(what_is_required_is_asked_for),
		cmocka_unit_test(a_closed_schema_refuses_what_it_does_not_know),
		cmocka_unit_test(a_schema_that_says_more_is_refused),
		cmocka_unit_test(a_careless_pattern_costs_no_more_than_its_limit),
		cmocka_unit_test(bounds_are_known_beforehand),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
