/* test_job.c: how a transcript that is a text becomes items, and how items are put in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "domain/job.h"

/* "role|text" of each item, a line each; their seq must count from 1. */
static void
assert_items(const char *text, const char *expected)
{
	json_t *items = job_items(text), *item;
	char said[4096] = "";
	size_t i;

	assert_non_null(items);
	json_array_foreach(items, i, item)
	{
		assert_int_equal(json_integer_value(json_object_get(item, "seq")), i + 1);
		(void)strncat(said, json_string_value(json_object_get(item, "role")),
		    sizeof said - strlen(said) - 1);
		(void)strncat(said, "|", sizeof said - strlen(said) - 1);
		(void)strncat(said, json_string_value(json_object_get(item, "text")),
		    sizeof said - strlen(said) - 1);
		(void)strncat(said, "\n", sizeof said - strlen(said) - 1);
	}
	assert_string_equal(said, expected);
	json_decref(items);
}

static void
a_line_is_an_item(void **state)
{
	(void)state;
	assert_items("Agent: Hello\nCaller: Hi", "Agent|Hello\nCaller|Hi\n");
	assert_items("\n \r\n Agent :  a b \t\r\n\n", "Agent|a b\n");
	assert_items("", "");
	assert_items("\n\r\n\t", "");
	assert_items("Agent:", "Agent|\n");
	assert_items("A:\tb:c: d", "A|b:c: d\n");
}

static void
a_line_that_names_nobody_keeps_its_words(void **state)
{
	(void)state;
	assert_items("just words", "unknown|just words\n");
	assert_items("12:30 is fine", "unknown|12:30 is fine\n");
	assert_items("https://x.example/", "unknown|https://x.example/\n");
	assert_items(": words", "unknown|: words\n");
	assert_items(":", "unknown|:\n");
	assert_items("Agent:Hello", "unknown|Agent:Hello\n");
	assert_items("What? Yes: no", "unknown|What? Yes: no\n");
}

static void
names_have_letters_of_any_script_and_forty_characters(void **state)
{
	char line[128];

	(void)state;
	assert_items("Jürgen: ja\nДиана: да\nDr. O'Neill-Smith (2): x",
	    "Jürgen|ja\nДиана|да\nDr. O'Neill-Smith (2)|x\n");
	memset(line, 'x', sizeof line);
	memcpy(line + 40, ": y", 4);
	line[43] = '\0';
	json_t *items = job_items(line);

	assert_int_equal(
	    strlen(json_string_value(json_object_get(json_array_get(items, 0), "role"))), 40);
	json_decref(items);
	memset(line, 'x', 41);
	memcpy(line + 41, ": y", 4);
	items = job_items(line);
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(items, 0), "role")), "unknown");
	json_decref(items);
}

static void
there_is_a_bound(void **state)
{
	size_t lines = JOB_ITEMS_MAX + 1;
	char *text = malloc(2 * lines + 1), *line = malloc(JOB_ITEM_MAX + 2);
	json_t *items;

	(void)state;
	for (size_t i = 0; i < lines; i++)
		memcpy(text + 2 * i, "a\n", 3);
	assert_null(job_items(text));
	items = job_items(text + 2);
	assert_int_equal(json_array_size(items), JOB_ITEMS_MAX);
	json_decref(items);
	memset(line, 'x', JOB_ITEM_MAX + 1);
	line[JOB_ITEM_MAX + 1] = '\0';
	assert_null(job_items(line));
	items = job_items(line + 1);
	assert_int_equal(json_array_size(items), 1);
	json_decref(items);
	free(line);
	free(text);
}

static void
items_are_put_in_order(void **state)
{
	static const struct {
		const char *items, *ordered; /* NULL: two have the same */
	} cases[] = {
		{ "[]", "[]" },
		{ "[{\"seq\":7,\"t\":\"a\"}]", "[{\"seq\":1,\"t\":\"a\"}]" },
		{ "[{\"seq\":9,\"t\":\"c\"},{\"seq\":2,\"t\":\"a\"},{\"seq\":5,\"t\":\"b\"}]",
		    "[{\"seq\":1,\"t\":\"a\"},{\"seq\":2,\"t\":\"b\"},{\"seq\":3,\"t\":\"c\"}]" },
		{ "[{\"seq\":2147483647},{\"seq\":1}]", "[{\"seq\":1},{\"seq\":2}]" },
		{ "[{\"seq\":3},{\"seq\":1},{\"seq\":3}]", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		json_t *items = json_loads(cases[i].items, 0, NULL);
		char *text;

		assert_int_equal(job_items_order(items), cases[i].ordered != NULL);
		text = json_dumps(items, JSON_COMPACT);
		if (cases[i].ordered != NULL)
			assert_string_equal(text, cases[i].ordered);
		free(text);
		json_decref(items);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_an_item),
		cmocka_unit_test(a_line_that_names_nobody_keeps_its_words),
		cmocka_unit_test(names_have_letters_of_any_script_and_forty_characters),
		cmocka_unit_test(there_is_a_bound),
		cmocka_unit_test(items_are_put_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
