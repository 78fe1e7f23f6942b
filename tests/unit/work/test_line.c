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

/* What is known of a workspace holds for all of its kinds, until the line is reset. */
static void
test_calls_in_flight_are_of_the_workspace(void **state)
{
	struct line *l = line_new();
	struct line_pick direct, queued;

	(void)state;
	line_set_in_flight(l, "a", 3); /* nobody of that name waits */
	line_offer(l, "a", false, 1);
	queued = must_pick(l, 0, 1);
	line_offer(l, "a", true, 2);
	direct = must_pick(l, 0, 2);
	assert_int_equal(line_in_flight(l, queued.lane), -1);
	line_set_in_flight(l, "a", 3);
	line_set_in_flight(l, "b", 4);
	assert_int_equal(line_in_flight(l, queued.lane), 3);
	assert_int_equal(line_in_flight(l, direct.lane), 3);
	line_reset(l);
	line_offer(l, "a", false, 1);
	queued = must_pick(l, 0, 1);
	assert_int_equal(line_in_flight(l, queued.lane), -1);
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
	line_put_back(l, "a", false, 4, 50);
	assert_none(l, 49);
	must_pick(l, 50, 4);
	line_reset(l);
	assert_none(l, 100);
	line_free(l);
}

/* A call that was picked before a reset comes back to its own workspace, not to who has its place
 * now; one whose workspace nobody knows any more comes back as well. */
static void
test_put_back_after_a_reset(void **state)
{
	struct line *l = line_new();
	struct line_pick pick;
	bool direct;

	(void)state;
	line_offer(l, "a", false, 3);
	line_offer(l, "b", true, 4);
	pick = must_pick(l, 0, 4);
	line_advance(l, &pick, 0);
	line_reset(l);
	line_offer(l, "c", false, 9);
	line_put_back(l, "b", true, 4, 50);
	must_pick(l, 49, 9);
	pick = must_pick(l, 50, 4);
	assert_string_equal(line_workspace(l, pick.lane, &direct), "b");
	assert_true(direct);
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

/* ---- a plain model ---- */

enum { MODEL_WORKSPACES = 12, MODEL_CALLS = 400 };

/* What the database would know of one call, and what was done to it. */
struct model_call {
	bool waits;
	int workspace;
	bool direct;
	int64_t at_us; /* set aside until then, 0: not */
};
static struct model_call calls[MODEL_CALLS + 1];
static bool at_cap[MODEL_WORKSPACES];

/* Who would be next if every call were looked at; 0 for nobody. */
static int
model_next(int64_t now)
{
	int best = 0;

	for (int no = 1; no <= MODEL_CALLS; no++) {
		const struct model_call *c = &calls[no];

		if (!c->waits || at_cap[c->workspace] || c->at_us > now)
			continue;
		if (best == 0 || (c->direct && !calls[best].direct))
			best = no;
	}
	return best;
}

/* The next of a lane behind a call, as the claim tells, which knows of nothing set aside. */
static int64_t
model_behind(int no)
{
	for (int n = no + 1; n <= MODEL_CALLS; n++)
		if (calls[n].waits && calls[n].workspace == calls[no].workspace &&
		    calls[n].direct == calls[no].direct)
			return n;
	return 0;
}

/* One claim and what may come of it. */
static void
model_claim(struct line *l, int64_t now)
{
	int expected = model_next(now);
	struct line_pick pick;
	struct model_call *c = &calls[expected];

	/* Claimed in vain, and the line goes on: who is set aside but the head of its lane as well
	 * ("not yet", "gone"), and a lane that was made after its workspace came to its cap. */
	while (line_pick(l, now, &pick) && pick.no != expected) {
		const struct model_call *other = &calls[pick.no];

		assert_true(!other->waits || other->at_us > now || at_cap[other->workspace]);
		if (!other->waits)
			line_advance(l, &pick, model_behind((int)pick.no));
		else if (other->at_us > now)
			line_set_aside(l, &pick, model_behind((int)pick.no), other->at_us);
		else
			line_block(l, pick.lane);
	}
	if (expected == 0) {
		assert_none(l, now);
		assert_true(line_next_us(l, now) > now);
		return;
	}
	assert_int_equal(line_next_us(l, now), 0);
	pick = must_pick(l, now, expected);
	switch (rand() % 8) {
	case 0:
		at_cap[c->workspace] = true;
		line_block(l, pick.lane);
		break;
	case 1:
	case 2:
		c->at_us = now + 1 + rand() % 50;
		line_set_aside(l, &pick, model_behind(expected), c->at_us);
		break;
	default:
		c->waits = false;
		line_advance(l, &pick, model_behind(expected));
		if (rand() % 4 == 0) { /* the carrier was busy */
			char name[16];

			snprintf(name, sizeof name, "w%d", c->workspace);
			c->waits = true;
			c->at_us = now + 1 + rand() % 50;
			line_put_back(l, name, c->direct, expected, c->at_us);
		}
	}
}

static void
model_uncap(struct line *l)
{
	const char *names[3];
	int count = line_blocked(l, names, 3);

	for (int i = 0; i < count; i++) {
		int w = atoi(names[i] + 1);

		/* both kinds of a workspace may be named */
		if (at_cap[w] && rand() % 2 == 0) {
			at_cap[w] = false;
			line_unblock(l, names[i]);
		}
	}
}

/* Everything that may happen, in random order, against the model: the line always knows who is
 * next, and in the end everybody has been dialed. */
static void
test_random_against_a_model(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct line *l = line_new();
		int64_t now = 0;
		int offered = 0;

		srand(seed);
		memset(calls, 0, sizeof calls);
		memset(at_cap, 0, sizeof at_cap);
		while (offered < MODEL_CALLS || now < 5000) {
			if (offered < MODEL_CALLS && rand() % 3 == 0) {
				struct model_call *c = &calls[++offered];
				char name[16];

				*c = (struct model_call){ true, rand() % MODEL_WORKSPACES,
					rand() % 5 == 0, 0 };
				snprintf(name, sizeof name, "w%d", c->workspace);
				line_offer(l, name, c->direct, offered);
			}
			model_claim(l, now);
			if (rand() % 4 == 0)
				model_uncap(l);
			now += rand() % 5;
		}
		for (int i = 0; i < 100 * MODEL_CALLS && model_next(INT64_MAX - 1) != 0; i++) {
			model_uncap(l);
			now += 10;
			model_claim(l, now);
		}
		assert_int_equal(model_next(INT64_MAX - 1), 0);
		line_free(l);
	}
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
		line_offer(l, name, false, w);
		line_offer(l, name, true, WORKSPACES + w);
	}
	for (int i = 1; i <= 2000; i++) {
		pick = must_pick(l, 0, WORKSPACES + i);
		line_advance(l, &pick, 0);
	}
	for (int i = 2001; i <= WORKSPACES; i++) {
		pick = (struct line_pick){ 0 };
		assert_true(line_pick(l, 0, &pick));
		line_block(l, pick.lane);
		if (i % 100 == 0) /* line_block() walks all: not for each */
			i += 900;
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
		cmocka_unit_test(test_late_commit_is_served),
		cmocka_unit_test(test_calls_in_flight_are_of_the_workspace),
		cmocka_unit_test(test_capped_workspace_holds_up_nobody),
		cmocka_unit_test(test_set_aside_lets_the_next_go),
		cmocka_unit_test(test_put_back_is_tried_again),
		cmocka_unit_test(test_put_back_after_a_reset),
		cmocka_unit_test(test_too_many_aside),
		cmocka_unit_test(test_random_run),
		cmocka_unit_test(test_random_against_a_model),
		cmocka_unit_test(test_ten_thousand_workspaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
