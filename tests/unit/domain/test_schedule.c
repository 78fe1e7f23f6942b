/*
 * test_schedule.c: the times that customers write, and what is said of those that no clock shows or that
 * one shows twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "domain/schedule.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

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

static void
times_that_are_read(void **state)
{
	static const struct {
		const char *text, *timezone, *starts_at, *note; /* a word of the note, or NULL */
	} cases[] = {
		{ "2024-01-15T14:00:00Z", "Asia/Kolkata", "2024-01-15T14:00:00Z", NULL },
		{ "2024-01-15T14:00:00+05:30", "America/New_York", "2024-01-15T08:30:00Z", NULL },
		{ "2024-01-15T14:00:00", "Asia/Kolkata", "2024-01-15T08:30:00Z", NULL },
		{ "2024-01-15T14:00:00", "America/New_York", "2024-01-15T19:00:00Z", NULL },
		{ "2024-07-15T14:00:00", "America/New_York", "2024-07-15T18:00:00Z", NULL },
		{ "2024-07-15T14:00", "America/New_York", "2024-07-15T18:00:00Z", NULL },
		{ "2024-07-15T14:00Z", "America/New_York", "2024-07-15T14:00:00Z", NULL },
		{ "2024-07-15T14:00-04:00", "UTC", "2024-07-15T18:00:00Z", NULL },
		{ "2024-07-15T14:00:00.5", "UTC", "2024-07-15T14:00:00.500Z", NULL },
		{ "1969-12-31T23:59:59.25", "UTC", "1969-12-31T23:59:59.250Z", NULL },
		{ "2026-03-08T01:59:59", "America/New_York", "2026-03-08T06:59:59Z", NULL },
		{ "2026-03-08T02:00:00", "America/New_York", "2026-03-08T07:00:00Z", "not exist" },
		{ "2026-03-08T02:30:00", "America/New_York", "2026-03-08T07:30:00Z", "not exist" },
		{ "2026-03-08T03:00:00", "America/New_York", "2026-03-08T07:00:00Z", NULL },
		{ "2026-11-01T00:59:59", "America/New_York", "2026-11-01T04:59:59Z", NULL },
		{ "2026-11-01T01:00:00", "America/New_York", "2026-11-01T05:00:00Z", "twice" },
		{ "2026-11-01T01:59:59", "America/New_York", "2026-11-01T05:59:59Z", "twice" },
		{ "2026-11-01T02:00:00", "America/New_York", "2026-11-01T07:00:00Z", NULL },
		{ "2026-11-01T01:30:00-05:00", "America/New_York", "2026-11-01T06:30:00Z", NULL },
		{ "2099-07-01T12:00:00", "Europe/Berlin", "2099-07-01T10:00:00Z", NULL },
	};
	struct schedule s;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *wrong = schedule_read(a, cases[i].text, cases[i].timezone, &s);

		if (wrong != NULL || strcmp(s.starts_at, cases[i].starts_at) != 0)
			fail_msg("%s in %s: %s", cases[i].text, cases[i].timezone,
			    wrong != NULL ? wrong : s.starts_at);
		if (cases[i].note == NULL)
			assert_null(s.note);
		else
			assert_non_null(strstr(s.note, cases[i].note));
	}
}

static void
what_is_refused_names_its_field(void **state)
{
	static const struct {
		const char *text, *timezone, *field;
	} cases[] = {
		{ "", "UTC", "schedule_time: " },
		{ "tomorrow", "UTC", "schedule_time: " },
		{ "2024-01-15", "UTC", "schedule_time: " },
		{ "2024-01-15 14:00:00", "UTC", "schedule_time: " },
		{ "2024-02-30T14:00:00", "UTC", "schedule_time: " },
		{ "2024-01-15T24:00:00", "UTC", "schedule_time: " },
		{ "2024-01-15T14:00:00 Asia/Kolkata", "UTC", "schedule_time: " },
		{ "2024-01-15T14:00:00+5", "UTC", "schedule_time: " },
		{ "2024-01-15T14:00:00ZZ", "UTC", "schedule_time: " },
		{ "2024-01-15T14:0\xc3\xa9", "UTC", "schedule_time: " },
		{ "2024-01-15T14:00:00Z", "Mars/Olympus", "timezone: " },
		{ "2024-01-15T14:00:00", "../../etc/passwd", "timezone: " },
		{ "2024-01-15T14:00:00", "", "timezone: " },
	};
	struct schedule s;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *wrong = schedule_read(a, cases[i].text, cases[i].timezone, &s);

		if (wrong == NULL || strncmp(wrong, cases[i].field, strlen(cases[i].field)) != 0)
			fail_msg("%s in %s: %s", cases[i].text, cases[i].timezone,
			    wrong == NULL ? "taken" : wrong);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_that_are_read),
		cmocka_unit_test(what_is_refused_names_its_field),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
