/* Numbers that were jumped over: the rules of base/gaps.h, and a random run in which every commit
 * comes late and none is missed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/gaps.h"

static void
assert_missing(struct gaps *g, int64_t now, const char *expected)
{
	struct buf list;

	buf_init(&list, GAPS_LIST_SIZE(g->max));
	gaps_list(g, now, &list);
	assert_false(buf_failed(&list));
	assert_string_equal(list.data, expected);
	buf_free(&list);
}

static void
test_what_is_jumped_over_is_missing_until_seen(void **state)
{
	struct gaps g;

	(void)state;
	gaps_init(&g, 8, 100, 10);
	assert_missing(&g, 0, "{}");
	gaps_seen(&g, 1, 0);
	assert_missing(&g, 0, "{}");
	gaps_seen(&g, 4, 0);
	assert_int_equal(g.last, 4);
	assert_missing(&g, 0, "{2,3}");
	gaps_seen(&g, 2, 1);
	assert_int_equal(g.last, 4);
	assert_missing(&g, 1, "{3}");
	gaps_seen(&g, 4, 1); /* the same row twice */
	assert_missing(&g, 1, "{3}");
	gaps_clear(&g);
}

static void
test_patience_has_an_end(void **state)
{
	struct gaps g;

	(void)state;
	gaps_init(&g, 8, 100, 10);
	gaps_seen(&g, 2, 0);
	gaps_seen(&g, 4, 5);
	assert_missing(&g, 10, "{1,3}");
	assert_missing(&g, 11, "{3}");
	assert_missing(&g, 16, "{}");
	gaps_clear(&g);
}

static void
test_reach_and_room_are_bounded(void **state)
{
	struct gaps g;

	(void)state;
	gaps_init(&g, 4, 3, 10);
	gaps_seen(&g, 1000000, 0);
	assert_missing(&g, 0, "{999997,999998,999999}");
	gaps_seen(&g, 1000004, 0); /* room for one of three */
	assert_missing(&g, 0, "{999997,999998,999999,1000001}");
	gaps_clear(&g);
}

static void
test_a_restart_forgets(void **state)
{
	struct gaps g;

	(void)state;
	gaps_init(&g, 4, 10, 10);
	gaps_seen(&g, 3, 0);
	gaps_restart(&g, 50);
	assert_missing(&g, 0, "{}");
	gaps_seen(&g, 52, 0);
	assert_missing(&g, 0, "{51}");
	gaps_clear(&g);
}

#define COUNT 5000
#define LATE 40

/* Number i is committed up to LATE steps late; a reader that asks behind the last and by name must
 * have read every one at the end. */
static void
test_no_late_commit_is_missed(void **state)
{
	static int64_t commit_at[COUNT + 1];
	static bool read[COUNT + 1];
	struct gaps g;

	(void)state;
	srand(7);
	gaps_init(&g, 4 * LATE, 4 * LATE, 4 * LATE);
	for (int i = 1; i <= COUNT; i++)
		commit_at[i] = i + rand() % LATE;
	for (int64_t now = 1; now <= COUNT + LATE; now++) {
		struct gap asked[4 * LATE];
		int64_t last = g.last;
		int count = g.count;

		memcpy(asked, g.list, (size_t)count * sizeof *asked);
		for (int64_t no = last + 1; no <= COUNT && no <= now; no++) {
			if (commit_at[no] <= now) {
				gaps_seen(&g, no, now);
				read[no] = true;
			}
		}
		for (int i = 0; i < count; i++) {
			if (commit_at[asked[i].no] <= now) {
				gaps_seen(&g, asked[i].no, now);
				read[asked[i].no] = true;
			}
		}
	}
	for (int i = 1; i <= COUNT; i++)
		assert_true(read[i]);
	assert_missing(&g, COUNT + LATE, "{}");
	gaps_clear(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_jumped_over_is_missing_until_seen),
		cmocka_unit_test(test_patience_has_an_end),
		cmocka_unit_test(test_reach_and_room_are_bounded),
		cmocka_unit_test(test_a_restart_forgets),
		cmocka_unit_test(test_no_late_commit_is_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
