/*
 * test_clock.c: dates are read strictly and written in one form.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SECOND INT64_C(1000000)

static void
iso_dates_that_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-01T00:00:00.000001Z", 1 },
		{ "1969-12-31T23:59:59.5Z", -500000 },
		{ "2026-11-20T22:51:05Z", 1795215065 * SECOND },
		{ "2026-11-20t22:51:05z", 1795215065 * SECOND },
		{ "2026-11-20T22:51:05.1Z", 1795215065 * SECOND + 100000 },
		{ "2026-11-20T22:51:05.123456789Z", 1795215065 * SECOND + 123456 },
		{ "2026-11-20T23:51:05+01:00", 1795215065 * SECOND },
		{ "2026-11-20T17:21:05-05:30", 1795215065 * SECOND },
		{ "2026-11-20T22:51:05-00:00", 1795215065 * SECOND },
		{ "2026-11-21T22:50:05+23:59", 1795215065 * SECOND },
		{ "2024-02-29T00:00:00Z", 1709164800 * SECOND },
		{ "2000-02-29T00:00:00Z", 951782400 * SECOND },
		{ "0001-01-01T00:00:00Z", INT64_C(-62135596800) * SECOND },
		{ "9999-12-31T23:59:59.999999Z", INT64_C(253402300799) * SECOND + 999999 },
	};
	int64_t us;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_true(clock_parse_iso(cases[i].text, &us));
		if (us != cases[i].us)
			fail_msg("%s is %" PRId64, cases[i].text, us);
	}
}

static void
iso_dates_that_are_refused(void **state)
{
	static const char *const cases[] = { "", "2026", "2026-11-20", "2026-11-20T22:51Z",
		"2026-11-20T22:51:05", "2026-11-20T22:51:05.123", "2026-11-20 22:51:05Z",
		"2026-11-20T25:00:00Z", "2026-11-20T24:00:00Z", "2026-11-20T23:60:00Z",
		"2026-11-20T23:59:60Z", "2026-02-30T00:00:00Z", "2026-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z",
		"0000-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
		"2026-11-20T22:51:05+0100", "2026-11-20T22:51:05+01", "2026-11-20T22:51:05+24:00",
		"2026-11-20T22:51:05+01:60", "2026-11-20T22:51:05.Z", "2026-11-20T22:51:05,5Z",
		"2026-11-20T22:51:05.1234567891Z", "2026-11-20T22:51:05ZZ", "2026-11-20T22:51:05Z ",
		" 2026-11-20T22:51:05Z", "+2026-11-20T22:51:05Z", "26-11-20T22:51:05Z",
		"2026-1-20T22:51:05Z", "2026-11-2T22:51:05Z", "20261120T225105Z",
		"2026-11-20T22:51:-5Z", "2026-11-20T 2:51:05Z", "12026-11-20T22:51:05Z",
		"2026-11-20T22:51:05−01:00", "1795215065" };
	int64_t us = 77;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		if (clock_parse_iso(cases[i], &us))
			fail_msg("%s was taken", cases[i]);
		assert_true(us == 77);
	}
}

static void
iso_dates_are_written(void **state)
{
	static const struct {
		int64_t us;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 1795215065 * SECOND + 123999, "2026-11-20T22:51:05.123Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ -SECOND, "1969-12-31T23:59:59.000Z" },
		{ INT64_MAX, "9999-12-31T23:59:59.775Z" },
		{ INT64_MIN, "0001-01-01T00:00:00.224Z" },
	};
	char out[CLOCK_ISO_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		clock_format_iso(cases[i].us, out);
		assert_string_equal(out, cases[i].text);
	}
}

static void
rfc2822_dates(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} cases[] = {
		{ "Tue, 31 Aug 2010 20:36:28 +0000", 1283286988 },
		{ "Tue, 31 Aug 2010 22:36:28 +0200", 1283286988 },
		{ "Tue, 31 Aug 2010 13:06:28 -0730", 1283286988 },
		{ "Thu, 01 Jan 1970 00:00:00 +0000", 0 },
		{ "Thu, 1 Jan 1970 00:00:00 +0000", 0 },
		{ "Fri, 14 Mar 2025 09:26:53 +0000", 1741944413 },
	};
	int64_t seconds;
	char out[CLOCK_ISO_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_true(clock_parse_rfc2822(cases[i].text, &seconds));
		assert_true(seconds == cases[i].seconds);
	}
	clock_format_rfc2822(1283286988, out);
	assert_string_equal(out, "Tue, 31 Aug 2010 20:36:28 +0000");
	clock_format_rfc2822(INT64_MAX, out);
	assert_string_equal(out, "Fri, 31 Dec 9999 23:59:59 +0000");
	clock_format_rfc2822(INT64_MIN, out);
	assert_string_equal(out, "Mon, 01 Jan 0001 00:00:00 +0000");
}

static void
rfc2822_dates_that_are_refused(void **state)
{
	static const char *const cases[] = { "", "Tue", "Tue,", "Tue, ", "Tue, 3", "Tue, 31",
		"31 Aug 2010 20:36:28 +0000", "Wed, 31 Aug 2010 20:36:28 +0000",
		"tue, 31 Aug 2010 20:36:28 +0000", "Tue, 31 aug 2010 20:36:28 +0000",
		"Tue, 31 Aug 2010 20:36:28 GMT", "Tue, 31 Aug 2010 20:36:28",
		"Tue, 31 Aug 2010 20:36:28 +00:00", "Tue, 31 Aug 2010 20:36 +0000",
		"Tue, 31 Aug 10 20:36:28 +0000", "Tue, 31 Aug 2010 24:36:28 +0000",
		"Tue, 31 Aug 2010 20:36:60 +0000", "Tue, 31 Aug 2010 20:36:28 +2400",
		"Tue, 31 Jun 2010 20:36:28 +0000", "Tue, 30 Feb 2010 20:36:28 +0000",
		"Tue, 31 Aug 2010 20:36:28 +0000 ", "Tue, 31 Aug 2010 20:36:28 +0000 (UTC)",
		"Tue,31 Aug 2010 20:36:28 +0000", "Tue, 031 Aug 2010 20:36:28 +0000" };
	int64_t seconds = 77;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		if (clock_parse_rfc2822(cases[i], &seconds))
			fail_msg("%s was taken", cases[i]);
		assert_true(seconds == 77);
	}
}

static void
what_is_written_reads_back(void **state)
{
	char out[CLOCK_ISO_SIZE];
	int64_t us, back;

	(void)state;
	/* A step that falls on every hour, month and kind of year. */
	for (us = -SECOND * 86400 * 365 * 150; us < SECOND * 86400 * 365 * 150;
	     us += SECOND * 86400 * 11 + 3723 * SECOND + 7000) {
		clock_format_iso(us, out);
		assert_true(clock_parse_iso(out, &back));
		assert_true(back == us);
		clock_format_rfc2822(us / SECOND, out);
		assert_true(clock_parse_rfc2822(out, &back));
		assert_true(back == us / SECOND);
	}
}

static void
clocks_go_on(void **state)
{
	int64_t before = clock_boot_us(), after;

	(void)state;
	clock_sleep_ms(20);
	after = clock_boot_us();
	assert_true(after - before >= 20000);
	clock_sleep_ms(0);
	clock_sleep_ms(-5);
	assert_true(clock_wall_us() / SECOND - time(NULL) <= 1);
}

static void
jitter_stays_in_its_half(void **state)
{
	int64_t least = INT64_MAX, most = 0, ms;
	int i;

	(void)state;
	assert_true(clock_jitter_ms(0) == 0);
	assert_true(clock_jitter_ms(-3) == 0);
	for (i = 0; i < 2000; i++) {
		ms = clock_jitter_ms(101);
		assert_true(ms >= 50 && ms <= 101);
		least = ms < least ? ms : least;
		most = ms > most ? ms : most;
	}
	assert_true(least == 50 && most == 101);
	assert_true(clock_jitter_ms(INT64_MAX) >= INT64_MAX / 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(iso_dates_that_are_read),
		cmocka_unit_test(iso_dates_that_are_refused),
		cmocka_unit_test(iso_dates_are_written),
		cmocka_unit_test(rfc2822_dates),
		cmocka_unit_test(rfc2822_dates_that_are_refused),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(clocks_go_on),
		cmocka_unit_test(jitter_stays_in_its_half),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
