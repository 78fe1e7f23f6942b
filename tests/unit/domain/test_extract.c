/* test_extract.c: a workspace's own schema, as a model is asked with it, and what of an answer is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "domain/extract.h"

/* JSON is written with ' for " here. */
static json_t *
parse(struct arena *a, const char *text)
{
	char *copy = arena_strdup(a, text);
	json_t *value;

	for (char *c = copy; *c != '\0'; c++)
		if (*c == '\'')
			*c = '"';
	value = json_loads(copy, JSON_DECODE_ANY, NULL);
	assert_non_null(value);
	return value;
}

static void
asks_as_strict_wants_it(void **state)
{
	static const struct {
		const char *schema, *strict;
	} cases[] = {
		{ "{'type': 'object'}",
		    "{'type': 'object', 'properties': {}, 'required': [],"
		    " 'additionalProperties': false}" },
		{ "{'type': 'object', 'title': 'T', '$schema': 'x', 'additionalProperties': true,"
		  " 'required': ['a'], 'properties': {"
		  "'a': {'type': 'string', 'description': 'A.', 'default': 'x'},"
		  "'b': {'type': 'integer', 'minimum': 1, 'description': 'B.'},"
		  "'c': {'type': ['string', 'null'], 'format': 'date'},"
		  "'d': {'enum': ['x', 'y']}, 'e': {'const': 1},"
		  "'f': {'anyOf': [{'type': 'string'}, {'type': 'integer'}]},"
		  "'g': {'type': 'array', 'items': {'type': 'object', 'required': ['h'],"
		  " 'properties': {'h': {'type': 'boolean'}, 'i': {'type': 'number'}}}}}}",
		    "{'type': 'object', 'additionalProperties': false,"
		    " 'required': ['a', 'b', 'c', 'd', 'e', 'f', 'g'], 'properties': {"
		    "'a': {'type': 'string', 'description': 'A.'},"
		    "'b': {'type': ['integer', 'null'], 'description': 'B. {\\'minimum\\':1}'},"
		    "'c': {'type': ['string', 'null'], 'description': '{\\'format\\':\\'date\\'}'},"
		    "'d': {'enum': ['x', 'y', null]}, 'e': {'enum': [1, null]},"
		    "'f': {'anyOf': [{'type': 'string'}, {'type': 'integer'}, {'type': 'null'}]},"
		    "'g': {'type': ['array', 'null'], 'items': {'type': 'object',"
		    " 'additionalProperties': false, 'required': ['h', 'i'], 'properties': {"
		    "'h': {'type': 'boolean'}, 'i': {'type': ['number', 'null']}}}}}}" },
	};
	struct arena *a = arena_new();
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		json_t *schema = parse(a, cases[i].schema), *wanted = parse(a, cases[i].strict);
		json_t *before = json_deep_copy(schema), *made = extract_strict(a, schema, &why);

		assert_null(why);
		assert_true(json_equal(made, wanted));
		assert_true(json_equal(schema, before)); /* the workspace's own stays as it is */
		json_decref(made);
		json_decref(before);
		json_decref(wanted);
		json_decref(schema);
	}
	arena_free(a);
}

static void
refuses_what_it_cannot_ask_for(void **state)
{
	static const struct {
		const char *schema, *why;
	} cases[] = {
		{ "{}", "summary.schema must be of type object" },
		{ "{'type': ['object', 'null']}", "summary.schema must be of type object" },
		{ "{'type': 'object', 'allOf': []}",
		    "summary.schema says allOf, which cannot be asked for" },
		{ "{'type': 'object', 'properties': {'a': {'$ref': '#'}}}",
		    "summary.schema.a says $ref, which cannot be asked for" },
		{ "{'type': 'object', 'properties': {'a': {}}}", "summary.schema.a has no type" },
		{ "{'type': 'object', 'properties': {'a': true}}",
		    "summary.schema.a must be a schema" },
		{ "{'type': 'object', 'properties': {'a': {'type': 'text'}}}",
		    "summary.schema.a has a type that is none" },
		{ "{'type': 'object', 'properties': {'a': {'type': 'array'}}}",
		    "summary.schema.a is an array without items" },
		{ "{'type': 'object', 'properties': {'a': {'enum': []}}}",
		    "summary.schema.a has a enum that is none" },
		{ "{'type': 'object', 'properties': {'a': {'type': 'string', 'maxLength': -1}}}",
		    "summary.schema.a has a maxLength that is none" },
		{ "{'type': 'object', 'additionalProperties': {'type': 'string'}}",
		    "summary.schema has a additionalProperties that is none" },
		{ "{'type': 'object', 'required': [1]}",
		    "summary.schema has a required that is none" },
		{ "{'type': 'object', 'properties': {'a': {'type': 'object', 'anyOf': [{'type':"
		  " 'object'}]}}}",
		    "summary.schema.a has anyOf beside a type that holds others" },
	};
	struct arena *a = arena_new();
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		json_t *schema = parse(a, cases[i].schema);

		assert_null(extract_strict(a, schema, &why));
		assert_string_equal(why, cases[i].why);
		json_decref(schema);
	}
	arena_free(a);
}

static void
depth_is_bounded(void **state)
{
	struct arena *a = arena_new();
	const char *text = "{'type': 'string'}", *why;
	json_t *schema, *made;

	(void)state;
	for (int depth = 2; depth <= 9; depth++) {
		text = arena_printf(a, "{'type': 'object', 'properties': {'a': %s}}", text);
		schema = parse(a, text);
		made = extract_strict(a, schema, &why);
		assert_int_equal(made != NULL, depth <= 8);
		json_decref(made);
		json_decref(schema);
	}
	arena_free(a);
}

#define SCHEMA                                                                                \
	"{'type': 'object', 'required': ['name', 'count'], 'properties': {"                   \
	"'name': {'type': 'string', 'maxLength': 5}, 'count': {'type': ['integer', 'null'],"  \
	" 'minimum': 1}, 'note': {'type': 'string'}, 'known': {'type': ['boolean', 'null']}," \
	"'kind': {'enum': ['a', 'b']}, 'share': {'type': 'number', 'exclusiveMaximum': 1},"   \
	"'list': {'type': 'array', 'maxItems': 2, 'items': {'type': 'string'}},"              \
	"'any': {'anyOf': [{'type': 'integer'}, {'type': 'string', 'minLength': 2}]}}}"

static void
keeps_what_is_as_it_must_be(void **state)
{
	static const struct {
		const char *answer, *kept, *why;
	} cases[] = {
		{ "{'name': 'x', 'count': 1}", "{'name': 'x', 'count': 1}", NULL },
		{ "{'name': 'x', 'count': null, 'note': null, 'known': null, 'kind': null}",
		    "{'name': 'x', 'count': null, 'known': null}", NULL },
		{ "{'name': 'x', 'count': 2, 'more': 'unasked', 'kind': 'b', 'share': 0.5,"
		  " 'list': ['p', 'q'], 'any': 'zz'}",
		    "{'name': 'x', 'count': 2, 'kind': 'b', 'share': 0.5, 'list': ['p', 'q'],"
		    " 'any': 'zz'}",
		    NULL },
		{ "{'name': 'x\\u0000', 'count': 1}", NULL, "extracted is missing in the answer" },
		{ "{'name': 'a\\u001bb', 'count': 1}", "{'name': 'a b', 'count': 1}", NULL },
		{ "{'name': 'x'}", NULL, "extracted.count is missing in the answer" },
		{ "{'name': null, 'count': 1}", NULL,
		    "extracted.name is not in the answer as it must be" },
		{ "{'name': 'longer', 'count': 1}", NULL,
		    "extracted.name is not in the answer as it must be" },
		{ "{'name': 'x', 'count': 0}", NULL,
		    "extracted.count is not in the answer as it must be" },
		{ "{'name': 'x', 'count': 1.5}", NULL,
		    "extracted.count is not in the answer as it must be" },
		{ "{'name': 'x', 'count': 1, 'note': 7}", NULL,
		    "extracted.note is not in the answer as it must be" },
		{ "{'name': 'x', 'count': 1, 'kind': 'c'}", NULL,
		    "extracted.kind is not in the answer as it must be" },
		{ "{'name': 'x', 'count': 1, 'share': 1}", NULL,
		    "extracted.share is not in the answer as it must be" },
		{ "{'name': 'x', 'count': 1, 'list': ['p', 'q', 'r']}", NULL,
		    "extracted.list is not in the answer as it must be" },
		{ "{'name': 'x', 'count': 1, 'list': [1]}", NULL,
		    "extracted.list.items is not in the answer as it must be" },
		{ "{'name': 'x', 'count': 1, 'any': 'z'}", NULL,
		    "extracted.any is not in the answer as it must be" },
		{ "[]", NULL, "extracted is not in the answer as it must be" },
		{ "null", NULL, "extracted is not in the answer as it must be" },
	};
	struct arena *a = arena_new();
	json_t *schema = parse(a, SCHEMA), *answer, *kept, *wanted;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		/* A zero in a text is refused when JSON is read. */
		answer = strstr(cases[i].answer, "u0000") ? NULL : parse(a, cases[i].answer);
		kept = extract_take(a, schema, answer, &why);
		if (cases[i].kept != NULL) {
			wanted = parse(a, cases[i].kept);
			assert_true(json_equal(kept, wanted));
			json_decref(wanted);
		} else {
			assert_null(kept);
			assert_string_equal(why, cases[i].why);
		}
		json_decref(kept);
		json_decref(answer);
	}
	json_decref(schema);
	arena_free(a);
}

static void
what_is_kept_is_bounded(void **state)
{
	struct arena *a = arena_new();
	json_t *schema = parse(a,
	    "{'type': 'object', 'properties': {'l': {'type': 'array',"
	    " 'items': {'type': 'string'}}}}");
	json_t *list = json_array(), *answer = json_pack("{s:o}", "l", list), *kept;
	char text[2001];
	const char *why;

	(void)state;
	memset(text, 'x', 2000);
	text[2000] = '\0';
	for (int i = 0; i < 30; i++)
		json_array_append_new(list, json_string(text));
	kept = extract_take(a, schema, answer, &why);
	assert_non_null(kept);
	json_decref(kept);
	for (int i = 0; i < 10; i++)
		json_array_append_new(list, json_string(text));
	assert_null(extract_take(a, schema, answer, &why));
	assert_string_equal(why, "extracted is too long in the answer");
	json_decref(answer);
	json_decref(schema);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_as_strict_wants_it),
		cmocka_unit_test(refuses_what_it_cannot_ask_for),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(keeps_what_is_as_it_must_be),
		cmocka_unit_test(what_is_kept_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
