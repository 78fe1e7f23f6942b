/*
 * test_pacer.c: the arithmetic of the promise "at most N dials in any second". The intervals are
 * those of the contract; and a simulated dialer, whose sends and whose network are as late as they
 * may be, in the worst order that chance and malice find, keeps it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>

#include "domain/pacer.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SECOND_US 1000000
/* What the slack leaves for the way to the carrier. */
#define NETWORK_US (PACER_SLACK_US - PACER_WINDOW_US)
#define SENDS 4000

static const double rates[] = { 0.01, 0.02, 0.05, 0.1, 0.25, 1.0 / 3, 0.5, 0.75, 0.99, 0.999, 1,
	1.01, 1.5, 1.999, 2, 2.5, 3, 4.2, 5, 7, 10, 10.9, 13, 29.97, 30, 33, 50, 64, 99.5, 100, 250,
	999, 1000, 1234.5, 5000, 9999.99, 10000 };

/* In any window of so many microseconds at most so many may arrive. */
static void
limit_of(double cps, int64_t *window_us, int64_t *count)
{
	*window_us = cps >= 1 ? SECOND_US : (int64_t)ceil(SECOND_US / cps - 1e-6);
	*count = cps >= 1 ? (int64_t)floor(cps) : 1;
}

static uint64_t seed = 88172645463325252u;

static int64_t
chance(int64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int64_t)(seed % (uint64_t)below);
}

static int
by_time(const void *left, const void *right)
{
	const int64_t *l = left, *r = right;

	return (*l > *r) - (*l < *r);
}

/* The most that arrive in any half-open window. */
static int64_t
most_in_window(int64_t *arrivals, int count, int64_t window_us)
{
	int64_t most = 0;
	int first = 0;

	qsort(arrivals, (size_t)count, sizeof(*arrivals), by_time);
	for (int i = 0; i < count; i++) {
		while (arrivals[i] - arrivals[first] >= window_us)
			first++;
		if (i - first + 1 > most)
			most = i - first + 1;
	}
	return most;
}

enum lateness { RANDOM, LATE_THEN_PUNCTUAL, NONE, KINDS };

/* How late the send of slot i is and its way takes, at most max. */
static int64_t
lateness(enum lateness kind, int i, int period, int64_t max)
{
	switch (kind) {
	case RANDOM:
		return chance(max);
	case LATE_THEN_PUNCTUAL: /* one as late as may be, those after it on the dot */
		return i % period == 0 ? max - 1 : 0;
	default:
		return 0;
	}
}

static void
simulate(double cps, enum lateness kind)
{
	static int64_t arrivals[SENDS];
	int64_t window_us, limit, slot = chance(SECOND_US),
				  interval = pacer_interval_us(cps, false);

	limit_of(cps, &window_us, &limit);
	for (int i = 0; i < SENDS; i++) {
		int period = (int)(limit < 1000 ? limit + 1 : 1001);

		arrivals[i] = slot + lateness(kind, i, period, PACER_WINDOW_US + 1) +
		    lateness(kind, i, period, NETWORK_US);
		slot += interval;
		if (kind == RANDOM && chance(20) == 0)
			slot += chance(3 * interval); /* nobody waited for a while */
	}
	if (most_in_window(arrivals, SENDS, window_us) > limit)
		fail_msg("%g calls a second: %lld in one window", cps,
		    (long long)most_in_window(arrivals, SENDS, window_us));
}

static void
never_more_than_promised(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rates); i++)
		for (enum lateness kind = RANDOM; kind < KINDS; kind++)
			simulate(rates[i], kind);
}

/* The simulation can fail: a dial that is sent after its window breaks the promise. */
static void
later_than_the_window_is_too_late(void **state)
{
	static int64_t arrivals[100];

	(void)state;
	for (int i = 0; i < 100; i++)
		arrivals[i] = i * pacer_interval_us(10, false) +
		    (i % 11 == 0 ? PACER_SLACK_US + SECOND_US / 100 : 0);
	assert_int_equal(most_in_window(arrivals, 100, SECOND_US), 11);
}

/* 93 % of the promise can be used. */
static void
not_much_less_either(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rates); i++) {
		double used = rates[i] >= 1 ? floor(rates[i]) : rates[i];
		double got = (double)SECOND_US / (double)pacer_interval_us(rates[i], false);

		if (got < 0.93 * used || got > used)
			fail_msg("%g calls a second: %g", rates[i], got);
	}
}

static void
intervals(void **state)
{
	static const struct {
		double cps;
		int64_t us, cautious_us;
	} cases[] = {
		{ 0.01, 100060000, 200060000 },
		{ 0.5, 2060000, 4060000 },
		{ 1, 1060000, 2060000 },
		{ 1.99, 1060000, 2060000 },
		{ 2, 530000, 1060000 },
		{ 2.5, 530000, 1060000 },
		{ 5, 212000, 265000 },
		{ 30, 35334, 36552 },
		{ 100, 10600, 10708 },
		{ 10000, 106, 107 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(pacer_interval_us(cases[i].cps, false), cases[i].us);
		assert_int_equal(pacer_interval_us(cases[i].cps, true), cases[i].cautious_us);
	}
	for (size_t i = 1; i < COUNT(rates); i++)
		assert_true(
		    pacer_interval_us(rates[i], false) <= pacer_interval_us(rates[i - 1], false));
}

/* While an older leader may send one more, the new one and that one together keep the promise. */
static void
cautious_leaves_room_for_one_more(void **state)
{
	static int64_t arrivals[SENDS];

	(void)state;
	for (size_t r = 0; r < COUNT(rates); r++) {
		int64_t window_us, limit, slot = 0;
		int64_t interval = pacer_interval_us(rates[r], true);

		limit_of(rates[r], &window_us, &limit);
		if (limit < 2)
			continue; /* at 1 and below: one in any two windows, and the quiet period */
		for (int i = 0; i < SENDS - 1; i++, slot += interval)
			arrivals[i] = slot + chance(PACER_WINDOW_US + 1) + chance(NETWORK_US);
		arrivals[SENDS - 1] = chance(slot);
		assert_true(most_in_window(arrivals, SENDS, window_us) <= limit);
	}
	assert_true(pacer_interval_us(1, true) >= 2 * SECOND_US);
	assert_true(pacer_interval_us(0.5, true) >= 4 * SECOND_US);
}

/* What a new leader must bear in mind of the one before. */
static void
care_of_those_who_led_before(void **state)
{
	static const struct pacer_holder me = { "here", 1, 1 };
	static const struct {
		double before, doubt_s, cps;
		bool doubtful;
		int64_t quiet_us, careful_us;
	} cases[] = {
		/* Nobody led, or somebody who is dead, or has laid the lead down: its last send is
		 * before now. At one rate the slots of both are one row. */
		{ 0, -1, 5, false, 1060000, 0 },
		{ 5, -1, 5, false, 212000, 0 },
		{ 5.5, -1, 5, false, 212000, 0 },
		{ 1, -1, 1, false, 1060000, 0 },
		{ 0.5, -1, 0.5, false, 2060000, 0 },
		/* After another rate a whole window. */
		{ 30, -1, 5, false, 1060000, 0 },
		{ 5, -1, 30, false, 1060000, 0 },
		{ 5, -1, 0.5, false, 2060000, 0 },
		/* It may be alive: what it was granted last, and then as if it were dead. */
		{ 5, -1, 5, true, 2500000 + 265000, 61060000 },
		{ 2, -1, 2, true, 2500000 + 1060000, 61060000 },
		{ 30, -1, 5, true, 2500000 + 1060000, 61060000 },
		{ 1, -1, 1, true, 2500000 + 2060000, 61060000 },
		{ 5, 30, 5, true, 2500000 + 265000, 61060000 }, /* this one as well */
		/* It is dead, but it was itself to beware of another. */
		{ 5, 0, 5, false, 2500000 + 265000, 61060000 },
		{ 5, 2, 5, false, 500000 + 265000, 59060000 },
		{ 5, 10, 5, false, 265000, 51060000 },
		{ 5, 61.05, 5, false, 265000, 10000 },
		{ 5, 62, 5, false, 212000, 0 },
		{ 5, 1e9, 5, false, 212000, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pacer_lead old = { .cps = cases[i].before, .doubt_s = cases[i].doubt_s };
		struct pacer_heir heir = { &me, cases[i].cps, cases[i].doubtful };
		struct pacer_care care = pacer_care(&old, &heir);

		if (care.quiet_us != cases[i].quiet_us || care.careful_us != cases[i].careful_us)
			fail_msg("case %zu: quiet for %lld us, careful for %lld us", i,
			    (long long)care.quiet_us, (long long)care.careful_us);
	}
}

static void
a_window_by_our_own_clock(void **state)
{
	static const struct {
		int64_t asked, answered, wait, claim;
		bool good;
		int64_t slot, from, until;
	} cases[] = {
		{ 1000, 1200, 500000, 2000, true, 503000, 503000, 543000 },
		{ 1000, 3000, 500000, 2000, true, 503000, 503000, 543000 },
		/* Longer than was believed: not before the database believes it. */
		{ 1000, 3001, 500000, 2000, true, 503000, 503001, 543000 },
		{ 1000, 42999, 500000, 2000, true, 503000, 542999, 543000 },
		{ 1000, 43000, 500000, 2000, false, 503000, 543000, 543000 }, /* too late */
		{ 1000, 900000, 500000, 900000, true, 1401000, 1401000, 1441000 },
		{ 1000, 43001, 0, 2000, false, 3000, 43001, 43000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pacer_wish wish = { .asked_us = cases[i].asked,
			.wait_us = cases[i].wait,
			.claim_us = cases[i].claim };
		struct pacer_window window;

		assert_int_equal(pacer_window(&wish, cases[i].answered, &window), cases[i].good);
		assert_int_equal(window.slot_us, cases[i].slot);
		assert_int_equal(window.not_before_us, cases[i].from);
		assert_int_equal(window.not_after_us, cases[i].until);
	}
}

/* Claims that take their time, more than was believed and less: the promise is kept. */
static void
slow_claims_break_nothing(void **state)
{
	static int64_t arrivals[SENDS];

	(void)state;
	for (size_t r = 0; r < COUNT(rates); r++) {
		int64_t window_us, limit, slot = 0, interval = pacer_interval_us(rates[r], false);
		int sent = 0;

		limit_of(rates[r], &window_us, &limit);
		while (sent < SENDS) {
			int64_t claim = chance(100000),
				asked = slot - claim - chance(PACER_AHEAD_US);
			struct pacer_wish wish = { .asked_us = asked,
				.wait_us = slot - claim - asked,
				.claim_us = claim };
			struct pacer_window window;

			if (!pacer_window(&wish, asked + chance(150000), &window))
				continue; /* for the next, as if it had never been granted */
			arrivals[sent++] = window.not_before_us +
			    chance(window.not_after_us - window.not_before_us + 1) +
			    chance(NETWORK_US);
			slot = window.slot_us + interval;
		}
		assert_true(most_in_window(arrivals, SENDS, window_us) <= limit);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_more_than_promised),
		cmocka_unit_test(later_than_the_window_is_too_late),
		cmocka_unit_test(not_much_less_either),
		cmocka_unit_test(intervals),
		cmocka_unit_test(cautious_leaves_room_for_one_more),
		cmocka_unit_test(care_of_those_who_led_before),
		cmocka_unit_test(a_window_by_our_own_clock),
		cmocka_unit_test(slow_claims_break_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
