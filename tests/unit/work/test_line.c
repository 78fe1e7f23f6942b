/* Who is next: the rules of work/line.h, one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "work/line.h"

enum { DIRECT, TIMED, HIGH, NORMAL, LOW };

static void
offer_lane(struct line *l, const char *workspace, int rank, const char *name, int64_t no)
{
	const struct line_lane lane = { workspace, rank, name };

	line_offer(l, &lane, no);
}

static void
offer(struct line *l, const char *workspace, int64_t no)
{
	offer_lane(l, workspace, NORMAL, "", no);
}

static struct line_pick
must_pick(struct line *l, int64_t now, int64_t no)
{
	struct line_pick pick;

	assert_true(line_pick(l, now, &pick));
	assert_int_equal(pick.no, no);
	return pick;
}

/* Picks and dials, for a customer of weight 1. */
static void
must_dial(struct line *l, int64_t no, int64_t next_no)
{
	struct line_pick pick = must_pick(l, 0, no);

	line_dialed(l, &pick, next_no, 1);
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

	(void)state;
	assert_none(l, 0);
	offer(l, "b", 7);
	offer(l, "a", 5);
	offer(l, "a", 6); /* behind the head of its lane: learnt when that is claimed */
	must_dial(l, 5, 6);
	must_dial(l, 7, 0); /* who has had nothing yet */
	must_dial(l, 6, 0);
	assert_none(l, 0);
	line_free(l);
}

static void
test_direct_goes_first(void **state)
{
	struct line *l = line_new();

	(void)state;
	offer(l, "a", 1);
	offer_lane(l, "a", TIMED, "", 2);
	offer_lane(l, "a", DIRECT, "", 9);
	offer_lane(l, "b", DIRECT, "", 8);
	must_dial(l, 8, 10);
	must_dial(l, 9, 0);
	must_dial(l, 10, 0);
	must_dial(l, 2, 0);
	line_free(l);
}

static void
test_timed_calls_and_others_by_turns(void **state)
{
	struct line *l = line_new();

	(void)state;
	offer_lane(l, "a", TIMED, "", 100);
	offer_lane(l, "b", LOW, "", 1);
	must_dial(l, 100, 101);
	must_dial(l, 1, 2);
	offer_lane(l, "c", DIRECT, "", 50);
	must_dial(l, 50, 0); /* is no turn of either */
	must_dial(l, 101, 102);
	must_dial(l, 2, 0);
	must_dial(l, 102, 103); /* alone: every turn is its own */
	must_dial(l, 103, 104);
	offer(l, "b", 3);
	must_dial(l, 3, 0);
	must_dial(l, 104, 0);
	line_free(l);
}

static void
test_priorities_inside_a_customer(void **state)
{
	struct line *l = line_new();

	(void)state;
	offer_lane(l, "a", LOW, "", 1);
	offer_lane(l, "a", NORMAL, "", 2);
	offer_lane(l, "a", HIGH, "", 3);
	offer_lane(l, "b", LOW, "", 9);
	must_dial(l, 3, 4);
	must_dial(l, 9, 0); /* and not before another customer */
	must_dial(l, 4, 0);
	must_dial(l, 2, 0);
	must_dial(l, 1, 0);
	line_free(l);
}

static void
test_lanes_of_a_rank_by_turns(void **state)
{
	struct line *l = line_new();

	(void)state;
	offer_lane(l, "a", NORMAL, "task_1", 1);
	offer_lane(l, "a", NORMAL, "task_2", 5);
	must_dial(l, 1, 2);
	must_dial(l, 5, 6);
	offer_lane(
	    l, "a", NORMAL, "", 9); /* behind those that wait, and not before the next round */
	must_dial(l, 2, 3);
	must_dial(l, 6, 7);
	must_dial(l, 9, 0);
	must_dial(l, 3, 0);
	must_dial(l, 7, 0);
	line_free(l);
}

/* A commit that comes late has a lower number than the head: it becomes the head. */
static void
test_late_commit_is_served(void **state)
{
	struct line *l = line_new();

	(void)state;
	offer(l, "a", 5);
	offer(l, "a", 3);
	must_pick(l, 0, 3);
	line_free(l);
}

/* What is known of a workspace holds for all of its lanes, until the line is reset. */
static void
test_calls_in_flight_are_of_the_workspace(void **state)
{
	struct line *l = line_new();
	struct line_pick direct, queued;

	(void)state;
	line_set_in_flight(l, "a", 3); /* nobody of that name waits */
	offer(l, "a", 1);
	queued = must_pick(l, 0, 1);
	offer_lane(l, "a", DIRECT, "", 2);
	direct = must_pick(l, 0, 2);
	assert_int_equal(line_in_flight(l, queued.lane), -1);
	line_set_in_flight(l, "a", 3);
	line_set_in_flight(l, "b", 4);
	assert_int_equal(line_in_flight(l, queued.lane), 3);
	assert_int_equal(line_in_flight(l, direct.lane), 3);
	line_reset(l);
	offer(l, "a", 1);
	queued = must_pick(l, 0, 1);
	assert_int_equal(line_in_flight(l, queued.lane), -1);
	line_free(l);
}

/* What is known of a campaign holds for its lanes of every rank, also one that comes later. */
static void
test_calls_in_flight_of_a_campaign(void **state)
{
	struct line *l = line_new();
	struct line_pick high, low, other;

	(void)state;
	offer_lane(l, "a", LOW, "task_1", 1);
	low = must_pick(l, 0, 1);
	line_set_lane_in_flight(l, "a", "task_1", 7);
	line_set_lane_in_flight(l, "b", "task_1", 8);
	line_set_lane_in_flight(l, "a", "task_2", 9);
	offer_lane(l, "a", HIGH, "task_1", 2);
	high = must_pick(l, 0, 2);
	assert_int_equal(line_lane_in_flight(l, high.lane), 7);
	line_set_lane_in_flight(l, "a", "task_1", 5);
	assert_int_equal(line_lane_in_flight(l, high.lane), 5);
	assert_int_equal(line_lane_in_flight(l, low.lane), 5);
	offer_lane(l, "b", DIRECT, "task_1", 3);
	other = must_pick(l, 0, 3);
	assert_int_equal(line_lane_in_flight(l, other.lane), -1);
	line_free(l);
}

static void
test_capped_workspace_holds_up_nobody(void **state)
{
	const char *names[4];
	struct line *l = line_new();
	struct line_pick pick;

	(void)state;
	offer(l, "a", 1);
	offer_lane(l, "a", DIRECT, "", 2);
	offer(l, "b", 3);
	pick = must_pick(l, 0, 2);
	line_block(l, pick.lane); /* all of its lanes */
	must_pick(l, 0, 3);
	assert_int_equal(line_blocked(l, names, 4), 1);
	assert_string_equal(names[0], "a");
	line_unblock(l, "a");
	must_pick(l, 0, 2);
	line_unblock(l, "nobody");
	line_free(l);
}

static void
test_held_lane_holds_up_no_other(void **state)
{
	struct line *l = line_new();
	struct line_lane held[4];
	struct line_pick pick;

	(void)state;
	offer_lane(l, "a", NORMAL, "task_1", 1);
	offer_lane(l, "a", LOW, "", 2);
	pick = must_pick(l, 0, 1);
	line_hold(l, pick.lane, 1000);
	pick = must_pick(l, 999, 2);
	line_dialed(l, &pick, 0, 1);
	assert_none(l, 999);
	assert_int_equal(line_next_us(l, 0), 1000);
	assert_int_equal(line_held(l, held, 4), 0); /* it knows its time */
	pick = must_pick(l, 1000, 1);
	line_hold(l, pick.lane, LINE_UNKNOWN);
	assert_none(l, INT64_MAX - 1);
	assert_int_equal(line_next_us(l, 0), INT64_MAX);
	assert_int_equal(line_held(l, held, 4), 1);
	assert_string_equal(held[0].workspace, "a");
	assert_string_equal(held[0].name, "task_1");
	line_release(l, "a", "task_2");
	line_release(l, "b", "task_1");
	assert_none(l, 2000);
	line_release(l, "a", "task_1");
	must_pick(l, 2000, 1);
	line_free(l);
}

/* More are held than are asked for at once: each has its turn. */
static void
test_all_who_are_held_are_asked_for(void **state)
{
	struct line *l = line_new();
	struct line_lane held[3];
	const char *names[3];
	struct line_pick pick;
	bool asked[10] = { false };
	char name[16];

	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof name, "w%d", i);
		offer(l, name, i + 1);
	}
	for (int i = 0; i < 10; i++) {
		assert_true(line_pick(l, 0, &pick));
		line_hold(l, pick.lane, LINE_UNKNOWN);
		line_block(l, pick.lane);
	}
	for (int i = 0; i < 4; i++) {
		int count = line_held(l, held, 3);

		assert_int_equal(count, 3);
		for (int n = 0; n < count; n++)
			asked[atoi(held[n].workspace + 1)] = true;
	}
	for (int i = 0; i < 10; i++)
		assert_true(asked[i]);
	memset(asked, 0, sizeof asked);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(line_blocked(l, names, 3), 3);
		for (int n = 0; n < 3; n++)
			asked[atoi(names[n] + 1)] = true;
	}
	for (int i = 0; i < 10; i++)
		assert_true(asked[i]);
	line_free(l);
}

static void
test_set_aside_lets_the_next_go(void **state)
{
	struct line *l = line_new();
	struct line_pick pick;

	(void)state;
	offer(l, "a", 1);
	pick = must_pick(l, 0, 1);
	line_set_aside(l, &pick, 2, 1000);
	pick = must_pick(l, 0, 2);
	line_dialed(l, &pick, 0, 1);
	assert_none(l, 999);
	assert_int_equal(line_next_us(l, 0), 1000);
	offer(l, "a", 1); /* what is set aside is not offered past its time */
	assert_none(l, 999);
	pick = must_pick(l, 1000, 1);
	assert_true(pick.aside);
	line_hold(l, pick.lane, 2000); /* a lane that is held holds what was set aside as well */
	assert_none(l, 1999);
	assert_int_equal(line_next_us(l, 1000), 2000);
	pick = must_pick(l, 2000, 1);
	line_dialed(l, &pick, 0, 1);
	assert_none(l, 5000);
	line_free(l);
}

static void
test_put_back_is_tried_again(void **state)
{
	const struct line_lane lane = { "a", NORMAL, "" };
	struct line *l = line_new();

	(void)state;
	offer(l, "a", 4);
	must_dial(l, 4, 0);
	line_put_back(l, &lane, 4, 50);
	assert_none(l, 49);
	must_pick(l, 50, 4);
	line_reset(l);
	assert_none(l, 100);
	line_free(l);
}

/* A call that was picked before a reset comes back to its own lane, not to what has its place
 * now; one whose workspace nobody knows any more comes back as well. */
static void
test_put_back_after_a_reset(void **state)
{
	const struct line_lane lane = { "b", DIRECT, "" };
	struct line *l = line_new();
	struct line_pick pick;

	(void)state;
	offer(l, "a", 3);
	offer_lane(l, "b", DIRECT, "", 4);
	must_dial(l, 4, 0);
	line_reset(l);
	offer(l, "c", 9);
	line_put_back(l, &lane, 4, 50);
	must_pick(l, 49, 9);
	pick = must_pick(l, 50, 4);
	assert_string_equal(line_lane_of(l, pick.lane).workspace, "b");
	assert_int_equal(line_lane_of(l, pick.lane).rank, DIRECT);
	line_block(l, pick.lane);
	must_pick(l, 50, 9);
	line_free(l);
}

/* More calls set aside than there is room for: the lane waits, nothing is forgotten. */
static void
test_too_many_aside(void **state)
{
	struct line *l = line_new();
	struct line_pick pick;

	(void)state;
	offer(l, "a", 1);
	for (int64_t no = 1; no <= 5000; no++) {
		if (!line_pick(l, 0, &pick))
			break;
		line_set_aside(l, &pick, no + 1, 1000);
	}
	assert_none(l, 999);
	assert_true(line_pick(l, 1000, &pick));
	line_put_back(l, &(struct line_lane){ "b", NORMAL, "" }, 9000, 1000);
	line_put_back(l, &(struct line_lane){ "b", NORMAL, "" }, 9001, 1000); /* behind it */
	line_put_back(l, &(struct line_lane){ "b", NORMAL, "" }, 8999, 1000);
	line_dialed(l, &pick, 0, 1);
	pick = must_pick(l, 1000, 8999);
	line_free(l);
}

/* What was set aside goes behind a lower number that came meanwhile. */
static void
test_set_aside_goes_by_its_number(void **state)
{
	struct line *l = line_new();
	struct line_pick pick;

	(void)state;
	offer(l, "a", 9);
	pick = must_pick(l, 0, 9);
	line_set_aside(l, &pick, 0, 10);
	offer(l, "a", 5);
	must_pick(l, 10, 5);
	must_dial(l, 5, 12);
	pick = must_pick(l, 10, 9);
	assert_true(pick.aside);
	line_free(l);
}

/* Direct calls go first, but not while their customer's are claimed in vain. */
static void
test_direct_ones_in_vain_let_others_go(void **state)
{
	struct line *l = line_new();
	struct line_pick pick;
	int vain = 0;

	(void)state;
	offer_lane(l, "a", DIRECT, "", 1);
	offer(l, "b", 100);
	for (int64_t no = 1; no < 50 && line_pick(l, 0, &pick) && pick.no == no; no++) {
		line_advance(l, &pick, no + 1);
		vain++;
	}
	assert_in_range(vain, 2, 9);
	must_dial(l, 100, 0);
	must_pick(l, 0, vain + 1);
	line_free(l);
}

/* Reading anew: who waits no more is forgotten, the rest stays as it was. */
static void
test_reading_anew(void **state)
{
	struct line *l = line_new();
	struct line_lane held[4];
	struct line_pick pick;
	const char *names[4];

	(void)state;
	offer_lane(l, "a", NORMAL, "gone", 1);
	offer_lane(l, "b", NORMAL, "task_1", 2);
	offer_lane(l, "c", NORMAL, "", 3);
	offer(l, "d", 4);
	pick = must_pick(l, 0, 1);
	line_hold(l, pick.lane, LINE_UNKNOWN);
	pick = must_pick(l, 0, 2);
	line_hold(l, pick.lane, LINE_UNKNOWN);
	pick = must_pick(l, 0, 3);
	line_block(l, pick.lane);
	line_set_in_flight(l, "c", 5);
	pick = must_pick(l, 0, 4);
	line_set_aside(l, &pick, 5, 1000);
	line_begin_reading(l);
	offer_lane(l, "b", NORMAL, "task_1", 2);
	offer_lane(l, "c", NORMAL, "", 3);
	offer(l, "d", 4);
	line_end_reading(l);
	assert_int_equal(line_held(l, held, 4), 1);
	assert_string_equal(held[0].name, "task_1");
	assert_int_equal(line_blocked(l, names, 4), 1);
	assert_string_equal(names[0], "c");
	must_dial(l, 4, 5); /* what was set aside is tried again, and tells who comes behind it */
	must_dial(l, 5, 0);
	assert_none(l, 0);
	line_unblock(l, "c");
	pick = must_pick(l, 0, 3);
	assert_int_equal(line_in_flight(l, pick.lane), 5);
	line_release(l, "b", "task_1");
	must_pick(l, 0, 2);
	line_free(l);
}

/* What a customer has had is not forgotten because the heads were read between two of his calls. */
static void
test_reading_anew_forgives_nothing(void **state)
{
	struct line *l = line_new();

	(void)state;
	offer(l, "a", 1);
	offer(l, "b", 10);
	must_dial(l, 1, 0);
	line_begin_reading(l);
	offer(l, "b", 10);
	line_end_reading(l);
	offer(l, "a", 2);
	must_dial(l, 10, 11);
	must_dial(l, 2, 0);
	line_free(l);
}

/* Who has nothing but calls that may not be dialed costs the others some claims, not all of them. */
static void
test_claims_in_vain_let_others_go(void **state)
{
	struct line *l = line_new();
	struct line_pick pick;
	int vain = 0;

	(void)state;
	offer(l, "a", 1);
	offer(l, "b", 100);
	for (int64_t no = 1; no < 50 && line_pick(l, 0, &pick) && pick.no == no; no++) {
		line_advance(l, &pick, no + 1);
		vain++;
	}
	assert_true(vain > 1);
	assert_true(vain < 10);
	must_dial(l, 100, 0);
	must_pick(l, 0, vain + 1); /* and then he is asked again */
	line_free(l);
}

/* Ten thousand workspaces: each has its turn, and finding it stays cheap. */
static void
test_ten_thousand_workspaces(void **state)
{
	enum { WORKSPACES = 10000 };
	struct line *l = line_new();
	struct line_pick pick;
	char name[24];

	(void)state;
	for (int w = WORKSPACES; w > 0; w--) {
		snprintf(name, sizeof name, "workspace_%d", w);
		offer(l, name, w);
		offer_lane(l, name, DIRECT, "", WORKSPACES + w);
	}
	for (int i = 1; i <= 2000; i++)
		must_dial(l, WORKSPACES + i, 0);
	for (int w = 1; w <= WORKSPACES; w += 10) {
		assert_true(line_pick(l, 0, &pick));
		line_block(l, pick.lane);
	}
	for (int w = 1; w <= WORKSPACES; w++) {
		snprintf(name, sizeof name, "workspace_%d", w);
		line_unblock(l, name);
	}
	must_pick(l, 0, WORKSPACES + 2001);
	line_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lowest_number_first),
		cmocka_unit_test(test_direct_goes_first),
		cmocka_unit_test(test_timed_calls_and_others_by_turns),
		cmocka_unit_test(test_priorities_inside_a_customer),
		cmocka_unit_test(test_lanes_of_a_rank_by_turns),
		cmocka_unit_test(test_late_commit_is_served),
		cmocka_unit_test(test_calls_in_flight_are_of_the_workspace),
		cmocka_unit_test(test_calls_in_flight_of_a_campaign),
		cmocka_unit_test(test_capped_workspace_holds_up_nobody),
		cmocka_unit_test(test_held_lane_holds_up_no_other),
		cmocka_unit_test(test_all_who_are_held_are_asked_for),
		cmocka_unit_test(test_set_aside_lets_the_next_go),
		cmocka_unit_test(test_put_back_is_tried_again),
		cmocka_unit_test(test_put_back_after_a_reset),
		cmocka_unit_test(test_too_many_aside),
		cmocka_unit_test(test_set_aside_goes_by_its_number),
		cmocka_unit_test(test_direct_ones_in_vain_let_others_go),
		cmocka_unit_test(test_reading_anew),
		cmocka_unit_test(test_reading_anew_forgives_nothing),
		cmocka_unit_test(test_claims_in_vain_let_others_go),
		cmocka_unit_test(test_ten_thousand_workspaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
