/* test_brake.c: how a vendor that is down is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "work/brake.h"

#define S 1000000LL

static void
a_vendor_that_is_well_has_its_room(void **state)
{
	struct brake b = { 0 };

	(void)state;
	assert_int_equal(brake_room(&b, 0, 0, 8), 8);
	assert_int_equal(brake_room(&b, 0, 3, 8), 5);
	assert_int_equal(brake_room(&b, 0, 9, 8), 0);
	for (int i = 0; i < 4; i++)
		assert_false(brake_failed(&b, i * S, i * S, 0));
	assert_int_equal(brake_room(&b, 5 * S, 0, 8), 8);
	brake_answered(&b);
	for (int i = 0; i < 4; i++)
		assert_false(brake_failed(&b, i * S, i * S, 0));
	assert_int_equal(brake_room(&b, 5 * S, 0, 8), 8); /* they were not in a row */
}

static void
one_that_is_down_is_asked_one_thing_at_a_time(void **state)
{
	struct brake b = { 0 };
	int64_t now = 100 * S, pauses[] = { 1, 2, 4, 8, 16, 32, 60, 60 };

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_false(brake_failed(&b, now, now, 0));
	assert_true(brake_failed(&b, now, now - S, 0)); /* said once */
	for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
		assert_int_equal(brake_room(&b, now + pauses[i] * S - 1, 0, 8), 0);
		now += pauses[i] * S * 12 / 10;
		assert_int_equal(brake_room(&b, now, 0, 8), 1);
		assert_int_equal(brake_room(&b, now, 1, 8), 0);
		assert_false(brake_failed(&b, now, now, 0));
	}
	brake_answered(&b);
	assert_int_equal(brake_room(&b, now, 0, 8), 8);
}

static void
what_was_under_way_does_not_lengthen_the_pause(void **state)
{
	struct brake b = { 0 };

	(void)state;
	for (int i = 0; i < 16; i++)
		brake_failed(&b, 10 * S, 9 * S, 0);
	assert_int_equal(brake_room(&b, 12 * S, 0, 8), 1);
}

static void
the_vendor_may_ask_for_a_longer_pause(void **state)
{
	struct brake b = { 0 };

	(void)state;
	for (int i = 0; i < 5; i++)
		brake_failed(&b, 10 * S, 10 * S, 30);
	assert_int_equal(brake_room(&b, 39 * S, 0, 8), 0);
	assert_int_equal(brake_room(&b, 40 * S, 0, 8), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vendor_that_is_well_has_its_room),
		cmocka_unit_test(one_that_is_down_is_asked_one_thing_at_a_time),
		cmocka_unit_test(what_was_under_way_does_not_lengthen_the_pause),
		cmocka_unit_test(the_vendor_may_ask_for_a_longer_pause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
