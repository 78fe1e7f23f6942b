/*
 * test_json.c: what RFC 8259 refuses is refused, and what could exhaust the stack.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A copy without a closing zero, so that a step beyond the length shows. */
static json_t *
parse(const char *text, size_t len, char why[64])
{
	char *copy = malloc(len > 0 ? len : 1);
	json_t *root;

	assert_non_null(copy);
	memcpy(copy, text, len);
	memset(why, 'x', 64);
	root = json_parse_strict(copy, len, why);
	assert_non_null(memchr(why, '\0', 64));
	assert_true((root == NULL) == (why[0] != '\0'));
	free(copy);
	return root;
}

static void
good_documents(void **state)
{
	static const char *const cases[] = {
		"{}", "[]", "null", "true", "0", "-0", "1e5", "1.5", "\"\"",
		" \t\r\n{ \"a\" : [ 1 , { } ] } \n", "\"\\ud83d\\ude00\"", "\"😀\"",
		"{\"a\":{\"a\":1}}", "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"",
		"\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"", "9223372036854775807",
		"[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]"
	};
	char why[64];
	json_t *root;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		root = parse(cases[i], strlen(cases[i]), why);
		if (root == NULL)
			fail_msg("%s: %s", cases[i], why);
		json_decref(root);
	}
}

static void
bad_documents(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "unexpected end" },
		{ " ", "unexpected end" },
		{ "{", "unexpected end" },
		{ "[1,", "unexpected end" },
		{ "\"abc", "unexpected end" },
		{ "{} {}", "something follows" },
		{ "{}x", "something follows" },
		{ "1 2", "something follows" },
		{ "{\"a\":1,\"a\":2}", "duplicate key" },
		{ "{\"a\":1,\"\\u0061\":2}", "duplicate key" },
		{ "{\"a\":1,}", "syntax error" },
		{ "[1,]", "syntax error" },
		{ "[,1]", "syntax error" },
		{ "{a:1}", "syntax error" },
		{ "{'a':1}", "syntax error" },
		{ "{\"a\" 1}", "syntax error" },
		{ "{1:1}", "syntax error" },
		{ "[1 2]", "syntax error" },
		{ "[1}", "syntax error" },
		{ "]", "syntax error" },
		{ "01", "" },
		{ "+1", "syntax error" },
		{ ".5", "syntax error" },
		{ "1.", "syntax error" },
		{ "1e", "syntax error" },
		{ "0x10", "" },
		{ "NaN", "syntax error" },
		{ "Infinity", "syntax error" },
		{ "-Infinity", "syntax error" },
		{ "True", "syntax error" },
		{ "nul", "syntax error" },
		{ "// c\n1", "syntax error" },
		{ "/**/1", "syntax error" },
		{ "1e999", "number out of range" },
		{ "9223372036854775808", "number out of range" },
		{ "\"\\u0000\"", "zero character" },
		{ "{\"\\u0000\":1}", "zero character" },
		{ "\"\\ud83d\"", "syntax error" },
		{ "\"\\ude00\"", "syntax error" },
		{ "\"\\x41\"", "syntax error" },
		{ "\"\\u12g4\"", "syntax error" },
		{ "\"a\nb\"", "syntax error" },
		{ "\"a\tb\"", "syntax error" },
		{ "\"\xff\"", "not valid UTF-8" },
		{ "\"\xc0\x80\"", "not valid UTF-8" },
		{ "\"\xed\xa0\x80\"", "not valid UTF-8" },
		{ "\xef\xbb\xbf{}", "syntax error" },
		{ "\xc2\xa0{}", "syntax error" },
		{ "\f{}", "syntax error" },
	};
	char why[64];
	json_t *root;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		root = parse(cases[i].text, strlen(cases[i].text), why);
		if (root != NULL || strncmp(why, cases[i].why, strlen(cases[i].why)) != 0)
			fail_msg("%s: %s", cases[i].text, why);
	}
}

static void
zero_bytes(void **state)
{
	char why[64];

	(void)state;
	assert_null(parse("{}\0", 3, why));
	assert_string_equal(why, "zero byte in the text");
	assert_null(parse("\"a\0b\"", 5, why));
	assert_null(parse("\0{}", 3, why));
	assert_null(json_parse_strict(NULL, 0, why));
}

/* depth times "[" or {"a":, then a value, then the closing ones. */
static json_t *
nested(int depth, bool objects, char why[64])
{
	size_t open = objects ? 5 : 1, len = 0;
	char *text = malloc((open + 1) * (size_t)depth + 1);
	json_t *root;
	int i;

	assert_non_null(text);
	for (i = 0; i < depth; i++, len += open)
		memcpy(text + len, objects ? "{\"a\":" : "[", open);
	text[len++] = '1';
	for (i = 0; i < depth; i++)
		text[len++] = objects ? '}' : ']';
	root = parse(text, len, why);
	free(text);
	return root;
}

static void
depth_is_bounded(void **state)
{
	static const int too_deep[] = { JSON_DEPTH_MAX + 1, 1000, 200000 };
	char why[64];
	json_t *root;
	size_t i;
	int objects;

	(void)state;
	for (objects = 0; objects < 2; objects++) {
		root = nested(JSON_DEPTH_MAX, objects, why);
		assert_non_null(root);
		json_decref(root);
		for (i = 0; i < COUNT(too_deep); i++) {
			assert_null(nested(too_deep[i], objects, why));
			assert_string_equal(why, "nested deeper than 32 levels");
		}
	}
}

/* jsonb has other numbers than we do: what it refuses, or shows as what we refuse, is not kept. */
static void
numbers_that_may_be_kept(void **state)
{
	static const struct {
		const char *text;
		bool kept;
	} cases[] = {
		{ "0", true },
		{ "-9223372036854775808", true },
		{ "1e18", true },
		{ "9.2e18", true },
		{ "9.3e18", false },
		{ "-9.3e18", false },
		{ "1e19", false },
		{ "1E+300", false },
		{ "5e-324", true },
		{ "1e-400", true },
		{ "1e-401", false },
		{ "1.5e-400", false },
		{ "0e400", true },
		{ "0e401", false },
		{ "0e-401", false },
		{ "0e99999999999999999999", false },
		{ "[\"1e19\", 1]", true },
		{ "[\"\\\"\", 1e19]", false },
		{ "{\"a\\\\\": 1e19}", false },
		{ "{\"-1e19\": {\"e\": [true, 1.5]}}", true },
	};
	char why[64];
	json_t *root;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		root = json_parse_kept(cases[i].text, strlen(cases[i].text), why);
		if ((root != NULL) != cases[i].kept)
			fail_msg("%s: %s", cases[i].text, why);
		if (root == NULL)
			assert_string_equal(why, "number out of range");
		json_decref(root);
	}
	assert_null(json_parse_kept("{", 1, why));
	assert_memory_equal(why, "unexpected end", 14);
}

/* No arrangement of quotes, escapes and brackets may get deep nesting past the count. */
static void
depth_cannot_be_hidden(void **state)
{
	static const char *const fronts[] = { "]]]]]]]]", "}}}}", "\"\\\"", "\"\\\\\"",
		"[\"\\\\\",", "[\"]]]]]\",", "[\"\\u005d\",", "\"a\"", "\\\"" };
	char text[4096], why[64];
	size_t i, len;

	(void)state;
	for (i = 0; i < COUNT(fronts); i++) {
		len = strlen(fronts[i]);
		memcpy(text, fronts[i], len);
		memset(text + len, '[', sizeof(text) - len);
		assert_null(parse(text, sizeof(text), why));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_documents),
		cmocka_unit_test(bad_documents),
		cmocka_unit_test(zero_bytes),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(depth_cannot_be_hidden),
		cmocka_unit_test(numbers_that_may_be_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
