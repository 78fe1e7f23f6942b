/*
 * clock.c: readers of dates that take exactly the forms that they name. A date is checked field
 * by field before timegm(), which would turn February 30 into March 2.
 */
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/digest.h"

#define US_PER_SECOND INT64_C(1000000)
/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z: what four digits of a year can say. */
#define SECONDS_MIN INT64_C(-62135596800)
#define SECONDS_MAX INT64_C(253402300799)
/* Six of the widest integers: the compiler cannot know that the fields of a date are short. */
#define TEXT_SIZE 128

static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
	"Oct", "Nov", "Dec" };
static const char weekdays[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };

/* A date as it is written; the offset is what the clock shows more than UTC does. */
struct written {
	int year, month, day, hour, minute, second;
	int offset_minutes;
};

static int64_t
read_clock(clockid_t id)
{
	struct timespec now;

	if (clock_gettime(id, &now) != 0)
		abort();
	return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

int64_t
clock_boot_us(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

int64_t
clock_wall_us(void)
{
	return read_clock(CLOCK_REALTIME);
}

void
clock_sleep_ms(int64_t ms)
{
	struct timespec until;
	int64_t end_us;

	if (ms <= 0)
		return;
	end_us = clock_boot_us() + ms * 1000;
	until.tv_sec = (time_t)(end_us / US_PER_SECOND);
	until.tv_nsec = (long)(end_us % US_PER_SECOND * 1000);
	/* The end is absolute, so that signals cannot stretch the sleep. */
	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

int64_t
clock_jitter_ms(int64_t ms)
{
	uint64_t random;
	int64_t least;

	if (ms <= 0)
		return 0;
	least = ms / 2;
	digest_random(&random, sizeof(random));
	/* Of 2^64 values, the few that the modulo prefers do not show. */
	return least + (int64_t)(random % ((uint64_t)(ms - least) + 1));
}

/* Reads exactly count digits and steps over them. */
static bool
take_digits(const char **s, int count, int *out)
{
	int value = 0;

	for (; count > 0; count--, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		value = value * 10 + (**s - '0');
	}
	*out = value;
	return true;
}

static bool
take_char(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

/* Steps over one of count names of three letters each; its index, or -1. */
static int
take_name(const char **s, const char names[][4], int count)
{
	int i;

	for (i = 0; i < count; i++) {
		if (strncmp(*s, names[i], 3) == 0) {
			*s += 3;
			return i;
		}
	}
	return -1;
}

/* hh:mm:ss */
static bool
take_time(const char **s, struct written *w)
{
	return take_digits(s, 2, &w->hour) && take_char(s, ':') && take_digits(s, 2, &w->minute) &&
	    take_char(s, ':') && take_digits(s, 2, &w->second);
}

/* +hh:mm or -hh:mm; without a colon when colon is false. */
static bool
take_offset(const char **s, bool colon, struct written *w)
{
	bool west = **s == '-';
	int hours, minutes;

	if (!take_char(s, west ? '-' : '+') || !take_digits(s, 2, &hours) ||
	    (colon && !take_char(s, ':')) || !take_digits(s, 2, &minutes) || hours > 23 ||
	    minutes > 59)
		return false;
	w->offset_minutes = (west ? -1 : 1) * (hours * 60 + minutes);
	return true;
}

static int
days_in(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Seconds since 1970, when every field is within its range. tm gets the local date. */
static bool
to_seconds(const struct written *w, struct tm *tm, int64_t *seconds)
{
	if (w->year < 1 || w->month < 1 || w->month > 12 || w->day < 1 ||
	    w->day > days_in(w->year, w->month) || w->hour > 23 || w->minute > 59 || w->second > 59)
		return false;
	memset(tm, 0, sizeof(*tm));
	tm->tm_year = w->year - 1900;
	tm->tm_mon = w->month - 1;
	tm->tm_mday = w->day;
	tm->tm_hour = w->hour;
	tm->tm_min = w->minute;
	tm->tm_sec = w->second;
	*seconds = (int64_t)timegm(tm) - w->offset_minutes * 60;
	return *seconds >= SECONDS_MIN && *seconds <= SECONDS_MAX;
}

/* .5 to .123456789, in microseconds (what is finer is cut off); nothing is 0. */
static bool
take_fraction(const char **s, int *us)
{
	int scale = 100000, digits = 0;

	*us = 0;
	if (**s != '.')
		return true;
	for ((*s)++; **s >= '0' && **s <= '9' && digits < 9; (*s)++, digits++, scale /= 10)
		*us += (**s - '0') * scale;
	return digits > 0;
}

bool
clock_parse_iso(const char *s, int64_t *us)
{
	struct written w = { 0 };
	int64_t seconds;
	struct tm tm;
	int fraction;

	if (!take_digits(&s, 4, &w.year) || !take_char(&s, '-') || !take_digits(&s, 2, &w.month) ||
	    !take_char(&s, '-') || !take_digits(&s, 2, &w.day))
		return false;
	if (!take_char(&s, 'T') && !take_char(&s, 't'))
		return false;
	if (!take_time(&s, &w) || !take_fraction(&s, &fraction))
		return false;
	if (!take_char(&s, 'Z') && !take_char(&s, 'z') && !take_offset(&s, true, &w))
		return false;
	if (*s != '\0' || !to_seconds(&w, &tm, &seconds))
		return false;
	*us = seconds * US_PER_SECOND + fraction;
	return true;
}

/* The date of an instant, which is moved into the years 1 to 9999 first. */
static struct tm
to_date(int64_t seconds)
{
	struct tm tm;
	time_t t;

	if (seconds < SECONDS_MIN)
		seconds = SECONDS_MIN;
	if (seconds > SECONDS_MAX)
		seconds = SECONDS_MAX;
	t = (time_t)seconds;
	if (gmtime_r(&t, &tm) == NULL)
		abort();
	return tm;
}

void
clock_format_iso(int64_t us, char out[CLOCK_ISO_SIZE])
{
	int64_t seconds = us / US_PER_SECOND, rest = us % US_PER_SECOND;
	char text[TEXT_SIZE];
	struct tm tm;

	if (rest < 0) {
		seconds--;
		rest += US_PER_SECOND;
	}
	tm = to_date(seconds);
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(rest / 1000));
	snprintf(out, CLOCK_ISO_SIZE, "%.*s", CLOCK_ISO_SIZE - 1, text);
}

bool
clock_parse_rfc2822(const char *s, int64_t *seconds)
{
	struct written w = { 0 };
	int weekday, month;
	int64_t result;
	struct tm tm;

	if ((weekday = take_name(&s, weekdays, 7)) < 0 || !take_char(&s, ',') ||
	    !take_char(&s, ' '))
		return false;
	/* RFC 2822 lets a day below 10 stand alone. */
	if (!take_digits(&s, s[0] != '\0' && s[1] == ' ' ? 1 : 2, &w.day) || !take_char(&s, ' '))
		return false;
	if ((month = take_name(&s, months, 12)) < 0 || !take_char(&s, ' ') ||
	    !take_digits(&s, 4, &w.year) || !take_char(&s, ' '))
		return false;
	w.month = month + 1;
	if (!take_time(&s, &w) || !take_char(&s, ' ') || !take_offset(&s, false, &w) || *s != '\0')
		return false;
	if (!to_seconds(&w, &tm, &result) || tm.tm_wday != weekday)
		return false;
	*seconds = result;
	return true;
}

void
clock_format_rfc2822(int64_t seconds, char out[CLOCK_ISO_SIZE])
{
	struct tm tm = to_date(seconds);
	char text[TEXT_SIZE];

	snprintf(text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d +0000", weekdays[tm.tm_wday],
	    tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
	snprintf(out, CLOCK_ISO_SIZE, "%.*s", CLOCK_ISO_SIZE - 1, text);
}
