/* test_open_tools.c: calls of tools that wait for their results, as many as there is room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "voice/open_tools.h"

static void
a_call_is_found_until_it_is_answered(void **state)
{
	static struct open_tools t;
	struct open_tool *tool;

	(void)state;
	assert_null(open_tools_find(&t, ""));
	assert_true(open_tools_add(&t, "call_1", "ask_user", 3));
	assert_true(open_tools_add(&t, "call_2", "transfer", 4));
	tool = open_tools_find(&t, "call_2");
	assert_non_null(tool);
	assert_string_equal(tool->name, "transfer");
	assert_int_equal(tool->life, 4);
	tool->life = 0;
	assert_null(open_tools_find(&t, "call_2"));
	assert_non_null(open_tools_find(&t, "call_1"));
}

static void
one_too_many_is_not_taken(void **state)
{
	static struct open_tools t;
	char id[16];
	int i;

	(void)state;
	for (i = 0; i < OPEN_TOOLS_MAX; i++) {
		snprintf(id, sizeof id, "%d", i);
		assert_true(open_tools_add(&t, id, "send_dtmf", 1));
	}
	assert_false(open_tools_add(&t, "more", "send_dtmf", 1));
	assert_null(open_tools_find(&t, "more"));
	open_tools_find(&t, "7")->life = 0;
	assert_true(open_tools_add(&t, "more", "send_dtmf", 1));
	assert_non_null(open_tools_find(&t, "more"));
}

static void
a_result_is_told_in_words(void **state)
{
	const struct open_tool tool = { "call_1", "ask_user", 1 };
	json_t *result = json_pack("{s:s}", "answer", "At \"eight\"\n.");
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	open_tool_write(&tool, result, &out);
	assert_string_equal(out.data,
	    "(The result of the tool ask_user, which you have called: {\"answer\":\"At \\\"eight\\\"\\n.\"})");
	buf_free(&out);
	json_decref(result);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_is_found_until_it_is_answered),
		cmocka_unit_test(one_too_many_is_not_taken),
		cmocka_unit_test(a_result_is_told_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
