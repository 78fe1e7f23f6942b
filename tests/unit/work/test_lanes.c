/* test_lanes.c: how much of the sender each customer gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "work/lanes.h"

static void
assert_rooms(const struct lanes *l, const char *expected)
{
	struct buf workspaces, rooms, both;

	buf_init(&workspaces, 1 << 16);
	buf_init(&rooms, 1 << 16);
	buf_init(&both, 1 << 17);
	lanes_rooms(l, &workspaces, &rooms);
	buf_printf(&both, "%s %s", workspaces.data, rooms.data);
	assert_string_equal(both.data, expected);
	buf_free(&both);
	buf_free(&rooms);
	buf_free(&workspaces);
}

static void
who_has_nothing_under_way_has_no_lane(void **state)
{
	struct lanes *l = lanes_new();

	(void)state;
	assert_rooms(l, "{} {}");
	lanes_take(l, "one");
	lanes_take(l, "two");
	lanes_take(l, "one");
	assert_rooms(l, "{two,one} {7,6}");
	assert_false(lanes_give(l, "one", true));
	assert_false(lanes_give(l, "one", true));
	assert_rooms(l, "{two} {7}");
	lanes_free(l);
}

static void
a_full_lane_says_when_it_has_room_again(void **state)
{
	struct lanes *l = lanes_new();

	(void)state;
	for (int i = 0; i < LANES_EACH; i++)
		lanes_take(l, "one");
	assert_rooms(l, "{one} {0}");
	assert_true(lanes_give(l, "one", true));
	assert_false(lanes_give(l, "one", true));
	assert_rooms(l, "{one} {2}");
	lanes_free(l);
}

static void
who_does_not_answer_has_one_place_until_he_does(void **state)
{
	struct lanes *l = lanes_new();

	(void)state;
	lanes_take(l, "one");
	lanes_take(l, "one");
	assert_false(lanes_give(l, "one", false));
	assert_rooms(l, "{one} {0}");
	assert_true(lanes_give(l, "one", false));
	assert_rooms(l, "{one} {1}"); /* remembered though idle */
	lanes_take(l, "one");
	assert_rooms(l, "{one} {0}");
	assert_true(lanes_give(l, "one", true));
	assert_rooms(l, "{} {}");
	lanes_free(l);
}

static void
the_memory_of_silence_is_bounded(void **state)
{
	struct lanes *l = lanes_new();
	struct buf workspaces, rooms;
	char name[16];
	int count = 0;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof name, "w%d", i);
		lanes_take(l, name);
		(void)lanes_give(l, name, false);
	}
	buf_init(&workspaces, 1 << 16);
	buf_init(&rooms, 1 << 16);
	lanes_rooms(l, &workspaces, &rooms);
	for (size_t i = 0; i < rooms.len; i++)
		count += rooms.data[i] == '1';
	assert_int_equal(count, 500);
	buf_free(&rooms);
	buf_free(&workspaces);
	lanes_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_nothing_under_way_has_no_lane),
		cmocka_unit_test(a_full_lane_says_when_it_has_room_again),
		cmocka_unit_test(who_does_not_answer_has_one_place_until_he_does),
		cmocka_unit_test(the_memory_of_silence_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
