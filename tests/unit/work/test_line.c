/* Who is next: the rules of work/line.h, and a random run against a plain list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "work/line.h"

static struct line_pick
must_pick(struct line *l, int64_t now, int64_t no)
{
	struct line_pick pick;

	assert_true(line_pick(l, now, &pick));
	assert_int_equal(pick.no, no);
	return pick;
}

static void
assert_none(struct line *l, int64_t now)
{
	struct line_pick pick;

	assert_false(line_pick(l, now, &pick));
}

static void
test_lowest_number_first(void **state)
{
	struct line *l = line_new();
	struct line_pick pick;

	(void)state;
	assert_none(l, 0);
	line_offer(l, "b", false, 7);
	line_offer(l, "a", false, 5);
	line_offer(l, "a", false, 6); /* behind the head of its lane: learnt when that is claimed */
	pick = must_pick(l, 0, 5);
	line_advance(l, &pick, 6);
	pick = must_pick(l, 0, 6);
	line_advance(l, &pick, 0);
	pick = must_pick(l, 0, 7);
	line_advance(l, &pick, 0);
	assert_none(l, 0);
	line_free(l);
}

static void
test_direct_goes_first(void **state)
{
	struct line *l = line_new();

	(void)state;
	line_offer(l, "a", false, 1);
	line_offer(l, "a", true, 9);
	line_offer(l, "b", true, 8);
	must_pick(l, 0, 8);
	line_free(l);
}

/* A commit that comes late has a lower number than the head: it becomes the head. */
static void
test_late_commit_is_served(void **state)
{
	struct line *l = line_new();

	(void)state;
	line_offer(l, "a", false, 5);
	line_offer(l, "a", false, 3);
	must_pick(l, 0, 3);
	line_free(l);
}

static void
test_capped_workspace_holds_up_nobody(void **state)
{
	const char *names[4];
	struct line *l = line_new();
	struct line_pick pick;

	(void)state;
	line_offer(l, "a", false, 1);
	line_offer(l, "a", true, 2);
	line_offer(l, "b", false, 3);
	pick = must_pick(l, 0, 2);
	line_block(l, pick.lane); /* all of its kinds */
	must_pick(l, 0, 3);
	assert_int_equal(line_blocked(l, names, 4), 2);
	assert_string_equal(names[0], "a");
	line_unblock(l, "a");
	must_pick(l, 0, 2);
	line_unblock(l, "nobody");
	line_free(l);
}

static void
test_set_aside_lets_the_next_go(void **state)
{
	struct line *l = line_new();
	struct line_pick pick;

	(void)state;
	line_offer(l, "a", false, 1);
	pick = must_pick(l, 0, 1);
	line_set_aside(l, &pick, 2, 1000);
	pick = must_pick(l, 0, 2);
	line_advance(l, &pick, 0);
	assert_none(l, 999);
	assert_int_equal(line_next_us(l, 0), 1000);
	line_offer(l, "a", false, 1); /* what is set aside is not offered past its time */
	assert_none(l, 999);
	pick = must_pick(l, 1000, 1);
	assert_true(pick.aside);
	line_advance(l, &pick, 0);
	assert_none(l, 5000);
	line_free(l);
}

static void
test_put_back_is_tried_again(void **state)
{
	struct line *l = line_new();
	struct line_pick pick;

	(void)state;
	line_offer(l, "a", false, 4);
	pick = must_pick(l, 0, 4);
	line_advance(l, &pick, 0);
	line_put_back(l, pick.lane, 4, 50);
	assert_none(l, 49);
	must_pick(l, 50, 4);
	line_reset(l);
	assert_none(l, 100);
	line_free(l);
}

/* More calls set aside than there is room for: the lane waits, nothing is forgotten. */
static void
test_too_many_aside(void **state)
{
	struct line *l = line_new();
	struct line_pick pick;

	(void)state;
	line_offer(l, "a", false, 1);
	for (int64_t no = 1; no <= 5000; no++) {
		if (!line_pick(l, 0, &pick))
			break;
		line_set_aside(l, &pick, no + 1, 1000);
	}
	assert_none(l, 999);
	assert_true(line_pick(l, 1000, &pick));
	line_free(l);
}

/* Many workspaces, some calls a lane: everything comes out, once, in order. */
static void
test_random_run(void **state)
{
	enum { WORKSPACES = 3000, CALLS = 12000 };
	static int next_of[CALLS + 1], last_of[WORKSPACES];
	struct line *l = line_new();
	struct line_pick pick;
	char name[16];
	int64_t expected = 1;

	(void)state;
	srand(7);
	for (int no = 1; no <= CALLS; no++) {
		int w = rand() % WORKSPACES;

		if (last_of[w] != 0)
			next_of[last_of[w]] = no;
		last_of[w] = no;
		snprintf(name, sizeof name, "w%04d", w);
		line_offer(l, name, false, no);
	}
	while (line_pick(l, 0, &pick)) {
		assert_int_equal(pick.no, expected++);
		line_advance(l, &pick, next_of[pick.no]);
	}
	assert_int_equal(expected, CALLS + 1);
	line_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lowest_number_first),
		cmocka_unit_test(test_direct_goes_first),
		cmocka_unit_test(test_late_commit_is_served),
		cmocka_unit_test(test_capped_workspace_holds_up_nobody),
		cmocka_unit_test(test_set_aside_lets_the_next_go),
		cmocka_unit_test(test_put_back_is_tried_again),
		cmocka_unit_test(test_too_many_aside),
		cmocka_unit_test(test_random_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
