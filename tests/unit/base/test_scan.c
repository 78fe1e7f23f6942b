/* test_scan.c: finding one's way in JSON without a tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/scan.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
members_in_order(void **state)
{
	static const char text[] =
	    " {\"a\":\"x\\\"y\",\"b\" : -1.5e3 , \"c\":{\"a\":[1,\"]}\"]},\"d\":[ ],\"e\":null,\"\":\"\"}\n";
	static const struct {
		const char *name;
		enum scan_kind kind;
		const char *value;
		bool plain;
	} cases[] = {
		{ "a", SCAN_TEXT, "x\\\"y", false },
		{ "b", SCAN_NUMBER, "-1.5e3", false },
		{ "c", SCAN_OBJECT, "{\"a\":[1,\"]}\"]}", false },
		{ "d", SCAN_ARRAY, "[ ]", false },
		{ "e", SCAN_WORD, "null", false },
		{ "", SCAN_TEXT, "", true },
	};
	struct scan s;
	struct scan_member m;
	size_t i;

	(void)state;
	scan_enter(&s, text, strlen(text));
	for (i = 0; i < COUNT(cases); i++) {
		assert_true(scan_next(&s, &m));
		assert_true(scan_is(&m, cases[i].name));
		assert_int_equal(m.kind, cases[i].kind);
		assert_true(scan_says(&m, cases[i].value));
		assert_int_equal(m.plain, cases[i].plain);
	}
	assert_false(scan_is(&m, "a"));
	assert_false(scan_says(&m, "x"));
	assert_false(scan_whole(&s));
	assert_false(scan_next(&s, &m));
	assert_true(scan_whole(&s));
	assert_false(scan_next(&s, &m));
}

static void
items_of_an_array(void **state)
{
	static const char text[] = "[1,\"a\",[2]]";
	struct scan s;
	struct scan_member m;

	(void)state;
	scan_enter(&s, text, strlen(text));
	assert_true(scan_next(&s, &m));
	assert_null(m.name);
	assert_true(scan_says(&m, "1"));
	assert_true(scan_next(&s, &m));
	assert_true(scan_next(&s, &m));
	scan_enter(&s, m.value, m.len);
	assert_true(scan_next(&s, &m));
	assert_true(scan_says(&m, "2"));
	assert_false(scan_next(&s, &m));
	assert_true(scan_whole(&s));
}

/* Each in memory of exactly its length, so that a step too far is seen. */
static void
what_is_no_json_is_not_whole(void **state)
{
	static const char *const cases[] = { "", " ", "x", "1", "\"a\"", "{", "[", "{\"a\"",
		"{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{\"a\" 1}", "{a:1}",
		"{\"a\":1}}", "{\"a\":1} x", "{\"a\":1]", "[1}", "[1,]", "[,1]", "[1 2]",
		"{\"a\":\"", "{\"a\":\"\\", "{\"a\":\"\\\"", "{\"a\":tru}", "{\"a\":truex}",
		"{\"a\":+1}", "{\"\\u0061\":1}", "{\"a\":[}", "{\"a\":[\"]}", "{\"a\":1,,\"b\":2}",
		"{:1}", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]" };
	struct scan s;
	struct scan_member m;
	char *text;
	size_t i, len;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		len = strlen(cases[i]);
		text = mem_alloc(len + 1);
		memcpy(text, cases[i], len);
		text = mem_realloc(text, len == 0 ? 1 : len);
		scan_enter(&s, text, len);
		while (scan_next(&s, &m))
			;
		assert_false(scan_whole(&s));
		free(text);
	}
}

static void
backslashes_cost_no_more_than_letters(void **state)
{
	size_t len = 4 << 20;
	char *text = mem_alloc(len);
	struct scan s;
	struct scan_member m;

	(void)state;
	memset(text, '\\', len);
	memcpy(text, "[\"", 2);
	memcpy(text + len - 2, "\"]", 2);
	scan_enter(&s, text, len); /* with a search for the quote at each, this took minutes */
	assert_true(scan_next(&s, &m));
	assert_int_equal(m.len, len - 4);
	assert_false(m.plain);
	assert_false(scan_next(&s, &m));
	assert_true(scan_whole(&s));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_in_order),
		cmocka_unit_test(items_of_an_array),
		cmocka_unit_test(what_is_no_json_is_not_whole),
		cmocka_unit_test(backslashes_cost_no_more_than_letters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
