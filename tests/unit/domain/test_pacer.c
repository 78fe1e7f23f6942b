/*
 * The promise of domain/pacer.h: with its spacing, sends inside their windows, and a network that
 * takes what is left of the slack, no second ever holds more than N.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "domain/pacer.h"

#define SECOND_US 1000000
#define NETWORK_US (PACER_SLACK_US - PACER_WINDOW_US - 1)
#define SENDS 20000

static const struct {
	double cps;
	bool cautious;
	int64_t interval_us;
} intervals[] = {
	{ 1, false, 1060000 },
	{ 2, false, 530000 },
	{ 5, false, 212000 },
	{ 100, false, 10600 },
	{ 10000, false, 106 },
	{ 2.9, false, 530000 },  /* rates over 1 count as their whole part */
	{ 0.5, false, 2060000 }, /* one in any 1/cps seconds */
	{ 0.01, false, 100060000 },
	{ 1, true, 2060000 }, /* one in any two seconds */
	{ 2, true, 1060000 }, /* one less */
	{ 100, true, 10708 },
	{ 0.5, true, 4060000 },
};

static void
test_interval(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof intervals / sizeof intervals[0]; i++)
		assert_int_equal(pacer_interval_us(intervals[i].cps, intervals[i].cautious),
		    intervals[i].interval_us);
}

/* At least 93 % of the rate is used. */
static void
test_interval_uses_the_rate(void **state)
{
	(void)state;
	for (int n = 1; n <= 1000; n++)
		assert_true((double)SECOND_US / (double)pacer_interval_us(n, false) >= 0.93 * n);
}

static void
test_quiet_covers_a_window(void **state)
{
	(void)state;
	assert_int_equal(pacer_quiet_us(100), SECOND_US + PACER_SLACK_US);
	assert_int_equal(pacer_quiet_us(1), SECOND_US + PACER_SLACK_US);
	assert_int_equal(pacer_quiet_us(0.25), 4 * SECOND_US + PACER_SLACK_US);
}

/* The most arrivals in any second (window_us), for slots an interval apart, each sent at a random
 * instant of its window and delayed at random by the network. */
static int
worst(int64_t interval_us, int64_t window_us, int64_t late_us)
{
	static int64_t at[SENDS];
	int most = 0;

	for (int i = 0; i < SENDS; i++)
		at[i] = i * interval_us + rand() % (late_us + 1) + rand() % (NETWORK_US + 1);
	for (int i = 0; i < SENDS; i++) {
		int count = 0;

		/* arrivals may change places by the delays: look a little to both sides */
		for (int j = i > 400 ? i - 400 : 0; j < SENDS && j < i + 2400; j++)
			count += at[j] >= at[i] && at[j] < at[i] + window_us;
		if (count > most)
			most = count;
	}
	return most;
}

static void
test_no_second_holds_more(void **state)
{
	static const int rates[] = { 1, 2, 3, 5, 10, 30, 100 };

	(void)state;
	srand(1);
	for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
		assert_true(worst(pacer_interval_us(rates[i], false), SECOND_US, PACER_WINDOW_US) <=
		    rates[i]);
	assert_int_equal(worst(pacer_interval_us(0.2, false), 5 * SECOND_US, PACER_WINDOW_US), 1);
}

/* The simulation can fail: sends that come later than the window break the promise. */
static void
test_late_sends_would_break_it(void **state)
{
	(void)state;
	srand(1);
	assert_true(worst(pacer_interval_us(10, false), SECOND_US, 3 * PACER_SLACK_US) > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interval),
		cmocka_unit_test(test_interval_uses_the_rate),
		cmocka_unit_test(test_quiet_covers_a_window),
		cmocka_unit_test(test_no_second_holds_more),
		cmocka_unit_test(test_late_sends_would_break_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
