/*
 * test_err.c: each result has a name of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"

static void
names_are_distinct(void **state)
{
	int a, b;

	(void)state;
	for (a = RC_OK; a <= RC_BROKEN; a++) {
		assert_string_not_equal(rc_name((enum rc)a), "unknown");
		for (b = RC_OK; b < a; b++)
			assert_string_not_equal(rc_name((enum rc)a), rc_name((enum rc)b));
	}
}

static void
what_is_no_result_has_a_name_too(void **state)
{
	(void)state;
	assert_string_equal(rc_name((enum rc)(RC_BROKEN + 1)), "unknown");
	assert_string_equal(rc_name((enum rc)99), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_distinct),
		cmocka_unit_test(what_is_no_result_has_a_name_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
