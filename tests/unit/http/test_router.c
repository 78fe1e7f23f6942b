/*
 * test_router.c: which paths a pattern takes, and what its names get.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/router.h"

static void
paths_fit_or_not(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool fits;
		const char *name, *value;
	} cases[] = {
		{ "/calls", "/calls", true, NULL, NULL },
		{ "/calls", "/Calls", false, NULL, NULL },
		{ "/calls", "/calls/", false, NULL, NULL },
		{ "/calls", "/call", false, NULL, NULL },
		{ "/calls", "/callsx", false, NULL, NULL },
		{ "/calls", "calls", false, NULL, NULL },
		{ "/calls", "", false, NULL, NULL },
		{ "/", "/", true, NULL, NULL },
		{ "/", "/x", false, NULL, NULL },
		{ "/calls/{id}", "/calls/call_1", true, "id", "call_1" },
		{ "/calls/{id}", "/calls/", false, NULL, NULL },
		{ "/calls/{id}", "/calls/a/b", false, NULL, NULL },
		{ "/calls/{id}", "/calls//", false, NULL, NULL },
		{ "/calls/{id}/cancel", "/calls/x y/cancel", true, "id", "x y" },
		{ "/calls/{id}/cancel", "/calls/x/cancel/", false, NULL, NULL },
		{ "/a/{one}/{two}", "/a/1/2", true, "two", "2" },
		{ "/a/{one}/{two}", "/a/1", false, NULL, NULL },
	};
	struct arena *a = arena_new();
	struct router_match match;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool fits = router_match(a, cases[i].pattern, cases[i].path, &match);

		if (fits != cases[i].fits)
			fail_msg("%s with %s", cases[i].pattern, cases[i].path);
		if (cases[i].name != NULL)
			assert_string_equal(router_value(&match, cases[i].name), cases[i].value);
		assert_null(router_value(&match, "nobody"));
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_fit_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
