/*
 * test_zone.c: clocks of the world, held against the C library's minute by minute, and what a reading
 * means that no clock shows or that it shows twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/zone.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define DAY INT64_C(86400)
#define MINUTES_MAX (368 * 24 * 60)

static struct arena *a;

static int
setup(void **state)
{
	(void)state;
	a = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

static int64_t
start_of(int year)
{
	struct tm tm = { .tm_year = year - 1900, .tm_mday = 1 };

	return (int64_t)timegm(&tm);
}

/* What the clock shows there, by the C library. */
static int64_t
shown(int64_t utc)
{
	time_t t = (time_t)utc;
	struct tm tm;

	assert_non_null(localtime_r(&t, &tm));
	return utc + tm.tm_gmtoff;
}

/*
 * Each minute of a year: the offset is the C library's; each minute that a clock could show is found
 * at the first instant at which it does, or, when it never does, as far on as the clock is set.
 */
static void
hold_year(const char *name, int year)
{
	/* times[m] and firsts[m]: how often the clock shows minute m of the year, and when first */
	static uint8_t times[MINUTES_MAX];
	static int64_t firsts[MINUTES_MAX];
	const struct zone *z = zone_read(a, name);
	int64_t from = start_of(year), until = start_of(year + 1), skipped = 0;

	assert_non_null(z);
	assert_int_equal(setenv("TZ", name, 1), 0);
	tzset();
	memset(times, 0, sizeof times);
	for (int64_t utc = from - 2 * DAY; utc < until + 2 * DAY; utc += 60) {
		int64_t local = shown(utc);

		if (utc + zone_offset(z, utc) != local)
			fail_msg("%s %" PRId64 ": off by %" PRId64, name, utc,
			    utc + zone_offset(z, utc) - local);
		if (local < from || local >= until)
			continue;
		if (times[(local - from) / 60]++ == 0)
			firsts[(local - from) / 60] = utc;
	}
	for (int64_t local = from; local < until; local += 60) {
		int64_t m = (local - from) / 60, utc;
		enum zone_fit fit = zone_instant(z, local, &utc);

		if (times[m] == 0) { /* moved on by the gap, which ends where the clock goes on */
			int64_t gap = 0;

			for (int64_t back = m; back >= 0 && times[back] == 0; back--)
				gap += 60;
			for (int64_t on = m + 1; on < (until - from) / 60 && times[on] == 0; on++)
				gap += 60;
			assert_int_equal(fit, ZONE_NEVER);
			assert_int_equal(shown(utc), local + gap);
			skipped++;
		} else {
			assert_int_equal(fit, times[m] == 1 ? ZONE_ONCE : ZONE_TWICE);
			assert_int_equal(utc, firsts[m]);
		}
	}
	print_message("%s %d: %d minutes that no clock showed\n", name, year, (int)skipped);
}

static void
each_minute_of_a_year_is_the_c_library_s(void **state)
{
	static const struct {
		const char *name;
		int year;
	} years[] = {
		{ "America/New_York", 2026 },
		{ "Europe/Berlin", 2027 },
		{ "Australia/Lord_Howe", 2026 }, /* half an hour */
		{ "America/Santiago", 2028 },
		{ "Asia/Kolkata", 2026 },
		{ "Africa/Casablanca", 2026 }, /* winter time in Ramadan */
		{ "Europe/Dublin", 2040 },     /* by the rule; "summer" is the standard there */
		{ "Pacific/Apia", 2011 },      /* a day that never was */
		{ "Pacific/Auckland", 2051 },
		{ "America/Nuuk", 2045 }, /* changed at a negative hour of the day */
		{ "Asia/Jerusalem", 2044 },
		{ "Etc/GMT+5", 2026 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(years); i++)
		hold_year(years[i].name, years[i].year);
}

static void
what_is_no_zone_is_refused(void **state)
{
	static const char *const names[] = { "", "/", "..", "../../etc/passwd", "/etc/localtime",
		"America", "America/", "America//New_York", "America/../Europe/Berlin",
		"Mars/Olympus", "europe/berlin", "posix/Europe/Berlin", "right/Europe/Berlin",
		"posixrules", "localtime", "zone.tab", "tzdata.zi", "leapseconds", "Europe/Berlin ",
		" Europe/Berlin", "Europe/Berlin\n", "Europe/B\xc3\xa4rlin",
		"EST5EDT,M3.2.0,M11.1.0", "UTC+3", "America/New_York/", "Europe/./Berlin",
		"America/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		if (zone_read(a, names[i]) != NULL)
			fail_msg("%s was taken", names[i]);
}

static void
zones_of_every_kind_are_known(void **state)
{
	static const char *const names[] = { "UTC", "Etc/UTC", "GMT", "EST5EDT", "US/Eastern",
		"America/Argentina/ComodRivadavia", "America/North_Dakota/New_Salem",
		"America/Port-au-Prince", "Etc/GMT-14", "Antarctica/Troll", "Asia/Kathmandu",
		"Zulu" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		if (zone_read(a, names[i]) == NULL)
			fail_msg("%s is not known", names[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_minute_of_a_year_is_the_c_library_s),
		cmocka_unit_test(what_is_no_zone_is_refused),
		cmocka_unit_test(zones_of_every_kind_are_known),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
