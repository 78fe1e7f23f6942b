/* test_zones.c: where a number may lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "phone/zones.h"

static void
the_longest_prefix_wins(void **state)
{
	static const struct {
		const char *number, *zones;
	} cases[] = {
		{ "+14155552671", "{America/Los_Angeles}" },
		{ "+19075550123", "{America/Adak,America/Anchorage}" },
		{ "+12082000000", "{America/Boise,America/Los_Angeles}" },
		{ "+79161234567", "{Europe/Moscow}" },
		{ "+61412345678", "{Australia/Sydney}" },
		{ "+919812345678", "{Asia/Calcutta}" },
		{ "+37441467478", "{Asia/Yerevan}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *zones = phone_zones(cases[i].number);

		assert_non_null(zones);
		if (strcmp(zones, cases[i].zones) != 0)
			fail_msg("%s: %s", cases[i].number, zones);
	}
}

static int
zones_in(const char *literal)
{
	int count = 1;

	for (; *literal != '\0'; literal++)
		count += *literal == ',';
	return count;
}

static void
a_number_of_no_place_has_many_or_none(void **state)
{
	(void)state;
	assert_true(zones_in(phone_zones("+18005551212")) > 30);
	assert_true(zones_in(phone_zones("+12345550123")) > 0);
	assert_null(phone_zones("+88233555678"));
	assert_null(phone_zones("+9790000000"));
	assert_null(phone_zones(""));
	assert_null(phone_zones("+"));
	assert_null(phone_zones("14155552671"));
}

static void
the_table_is_sorted_and_can_be_bound_as_it_is(void **state)
{
	static const char names[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_/+-";

	(void)state;
	assert_true(phone_zone_count > 3000);
	for (int i = 0; i < phone_zone_count; i++) {
		const char *zones = phone_zone_table[i].zones;
		size_t len = strlen(zones);

		if (i > 0)
			assert_true(
			    strcmp(phone_zone_table[i - 1].prefix, phone_zone_table[i].prefix) < 0);
		assert_true(len > 2 && zones[0] == '{' && zones[len - 1] == '}');
		for (size_t j = 1; j < len - 1; j++)
			assert_true(zones[j] == ',' || strchr(names, zones[j]) != NULL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_prefix_wins),
		cmocka_unit_test(a_number_of_no_place_has_many_or_none),
		cmocka_unit_test(the_table_is_sorted_and_can_be_bound_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
