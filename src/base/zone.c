/*
 * zone.c: see zone.h. The files are TZif of version 2 or later (RFC 8536): transitions, and a rule in
 * POSIX form for all times behind the last of them.
 */
#include "base/zone.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ZONE_DIR "/usr/share/zoneinfo/"
#define FILE_MAX (64 << 10)
#define HEADER 44
#define DAY INT64_C(86400)
#define RULE_MAX 64

/* When the clock is changed in each year. */
struct change {
	enum { BY_WEEKDAY, BY_JULIAN, BY_DAY } form; /* Mm.w.d, Jn, n */
	int month, week, day;
	int seconds; /* of that day, by the clock before the change */
};

struct zone {
	int count;
	const int64_t *at;      /* when the clock was changed, ascending */
	const int32_t *offsets; /* what it was ahead of UTC from then on */
	int32_t first;          /* before all of them */
	bool has_rule, has_summer;
	int32_t winter, summer; /* by the rule */
	struct change to_summer, to_winter;
};

/* ---- the rule ---- */

/* Steps over the name of a rule's half: letters, or anything in angle brackets. */
static bool
take_name(const char **s)
{
	size_t len;

	if (**s == '<') {
		len = strcspn(*s, ">");
		if ((*s)[len] == '\0')
			return false;
		*s += len + 1;
		return true;
	}
	for (len = 0; isalpha((unsigned char)(*s)[len]);)
		len++;
	*s += len;
	return len >= 3;
}

static bool
take_number(const char **s, int most, int *out)
{
	int value = 0, digits = 0;

	for (; **s >= '0' && **s <= '9' && digits < 3; (*s)++, digits++)
		value = value * 10 + (**s - '0');
	*out = value;
	return digits > 0 && value <= most;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool
take_time(const char **s, int *out)
{
	int sign = **s == '-' ? -1 : 1, hours, minutes = 0, seconds = 0;

	if (**s == '-' || **s == '+')
		(*s)++;
	if (!take_number(s, 167, &hours))
		return false;
	if (**s == ':' && ((*s)++, !take_number(s, 59, &minutes)))
		return false;
	if (**s == ':' && ((*s)++, !take_number(s, 59, &seconds)))
		return false;
	*out = sign * (hours * 3600 + minutes * 60 + seconds);
	return true;
}

/* ,Mm.w.d[/time] and the like. */
static bool
take_change(const char **s, struct change *c)
{
	if (*(*s)++ != ',')
		return false;
	c->form = **s == 'M' ? BY_WEEKDAY : **s == 'J' ? BY_JULIAN : BY_DAY;
	if (c->form != BY_DAY)
		(*s)++;
	if (c->form != BY_WEEKDAY) {
		if (!take_number(s, 365, &c->day))
			return false;
	} else if (!take_number(s, 12, &c->month) || c->month < 1 || *(*s)++ != '.' ||
	    !take_number(s, 5, &c->week) || c->week < 1 || *(*s)++ != '.' ||
	    !take_number(s, 6, &c->day)) {
		return false;
	}
	c->seconds = 2 * 3600;
	return **s != '/' || ((*s)++, take_time(s, &c->seconds));
}

/* The rule at the end of the file; false when it is none that we can read. */
static bool
read_rule(struct zone *z, const char *s)
{
	int west;

	if (*s == '\0')
		return true; /* the last offset goes on */
	if (!take_name(&s) || !take_time(&s, &west))
		return false;
	z->has_rule = true;
	z->winter = -west;
	if (*s == '\0')
		return true;
	z->has_summer = true;
	z->summer = z->winter + 3600;
	if (!take_name(&s))
		return false;
	if (*s != ',' && *s != '\0') {
		if (!take_time(&s, &west))
			return false;
		z->summer = -west;
	}
	return take_change(&s, &z->to_summer) && take_change(&s, &z->to_winter) && *s == '\0';
}

/* Days from 1970-01-01 to the first of a month of the Gregorian calendar. */
static int64_t
days_to(int64_t year, int month)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t
year_of(int64_t seconds)
{
	int64_t days = seconds / DAY - (seconds % DAY < 0);
	int64_t year = 1970 + days / 366; /* never past it from 1970 on, short of it before */

	if (days < 0)
		year = 1970 + days / 365 - 1;
	while (days_to(year + 1, 1) <= days)
		year++;
	return year;
}

/* The instant of a change in a year, while the clock is ahead by offset. */
static int64_t
change_at(const struct change *c, int64_t year, int32_t offset)
{
	int64_t day = days_to(year, 1), next, weekday;
	bool leap = days_to(year + 1, 1) - day == 366;

	if (c->form == BY_DAY) {
		day += c->day;
	} else if (c->form == BY_JULIAN) {
		day += c->day - 1 + (leap && c->day >= 60); /* February 29 is not counted */
	} else {
		day = days_to(year, c->month);
		next = c->month == 12 ? days_to(year + 1, 1) : days_to(year, c->month + 1);
		weekday = ((day + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
		day += (c->day - weekday + 7) % 7 + 7 * (int64_t)(c->week - 1);
		while (day >= next) /* week 5: the last */
			day -= 7;
	}
	return day * DAY + c->seconds - offset;
}

static int32_t
offset_by_rule(const struct zone *z, int64_t utc)
{
	int64_t year, from, until;
	bool summer;

	if (!z->has_summer)
		return z->winter;
	year = year_of(utc + z->winter);
	from = change_at(&z->to_summer, year, z->winter);
	until = change_at(&z->to_winter, year, z->summer);
	if (from < until)
		summer = utc >= from && utc < until;
	else /* the south: summer goes over the new year */
		summer = utc >= from || utc < until;
	return summer ? z->summer : z->winter;
}

/* ---- the file ---- */

static uint32_t
big32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t
big64(const unsigned char *p)
{
	return (int64_t)((uint64_t)big32(p) << 32 | big32(p + 4));
}

/* How many of each a block holds. */
struct counts {
	size_t utc, standard, leaps, times, types, chars;
};

/* Reads a header; false when it is none, or so long that it cannot be true. */
static bool
read_header(const unsigned char *p, size_t len, struct counts *n)
{
	if (len < HEADER || memcmp(p, "TZif", 4) != 0 || p[4] < '2')
		return false;
	*n = (struct counts){ big32(p + 20), big32(p + 24), big32(p + 28), big32(p + 32),
		big32(p + 36), big32(p + 40) };
	return n->utc <= 256 && n->standard <= 256 && n->leaps <= 1024 && n->times <= 4096 &&
	    n->types >= 1 && n->types <= 256 && n->chars <= 2048;
}

static size_t
block_size(const struct counts *n, size_t width)
{
	return n->times * (width + 1) + n->types * 6 + n->chars + n->leaps * (width + 4) +
	    n->standard + n->utc;
}

/* The block with times of 64 bits. */
static bool
read_block(struct arena *a, const unsigned char *p, const struct counts *n, struct zone *z)
{
	const unsigned char *kinds = p + n->times * 8, *types = kinds + n->times;
	int64_t *at = arena_alloc(a, (n->times + 1) * sizeof *at);
	int32_t *offsets = arena_alloc(a, (n->times + 1) * sizeof *offsets);

	for (size_t i = 0; i < n->times; i++) {
		if (kinds[i] >= n->types)
			return false;
		at[i] = big64(p + i * 8);
		if (i > 0 && at[i] <= at[i - 1])
			return false;
		offsets[i] = (int32_t)big32(types + (size_t)kinds[i] * 6);
	}
	z->first = (int32_t)big32(types);
	z->count = (int)n->times;
	z->at = at;
	z->offsets = offsets;
	return true;
}

static const struct zone *
parse(struct arena *a, const unsigned char *p, size_t len)
{
	struct zone *z = arena_alloc(a, sizeof *z);
	struct counts n;
	size_t size;
	char rule[RULE_MAX];

	if (!read_header(p, len, &n) || len - HEADER < (size = block_size(&n, 4)))
		return NULL;
	p += HEADER + size;
	len -= HEADER + size;
	if (!read_header(p, len, &n) || len - HEADER < (size = block_size(&n, 8)))
		return NULL;
	if (n.leaps > 0 || !read_block(a, p + HEADER, &n, z))
		return NULL;
	p += HEADER + size;
	len -= HEADER + size;
	if (len < 2 || p[0] != '\n' || p[len - 1] != '\n' || len - 2 >= sizeof rule)
		return NULL;
	memcpy(rule, p + 1, len - 2);
	rule[len - 2] = '\0';
	return read_rule(z, rule) ? z : NULL;
}

static bool
is_name(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > ZONE_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];

		if (i == 0 || name[i - 1] == '/' ? c < 'A' || c > 'Z'
						 : !isalnum(c) && strchr("_+-/", c) == NULL)
			return false;
	}
	return name[len - 1] != '/';
}

const struct zone *
zone_read(struct arena *a, const char *name)
{
	char path[sizeof ZONE_DIR + ZONE_NAME_MAX];
	unsigned char *bytes;
	size_t len;
	FILE *file;

	if (!is_name(name))
		return NULL;
	snprintf(path, sizeof path, ZONE_DIR "%s", name);
	if ((file = fopen(path, "rbe")) == NULL)
		return NULL;
	bytes = arena_alloc(a, FILE_MAX);
	len = fread(bytes, 1, FILE_MAX, file); /* a folder reads as nothing */
	(void)fclose(file);
	return parse(a, bytes, len);
}

/* ---- the clock ---- */

int32_t
zone_offset(const struct zone *z, int64_t utc)
{
	int low = 0, high = z->count; /* the first change after utc lies in [low, high] */

	while (low < high) {
		int middle = low + (high - low) / 2;

		if (z->at[middle] <= utc)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == z->count && z->has_rule)
		return offset_by_rule(z, utc);
	return low == 0 ? z->first : z->offsets[low - 1];
}

enum zone_fit
zone_instant(const struct zone *z, int64_t local, int64_t *utc)
{
	/* A day covers any offset and any change, and no zone changes twice within two. */
	int32_t before = zone_offset(z, local - DAY), after = zone_offset(z, local + DAY);
	int64_t early = local - before, late = local - after;
	bool is_early = zone_offset(z, early) == before, is_late = zone_offset(z, late) == after;

	*utc = is_early || !is_late ? early : late;
	if (!is_early && !is_late)
		return ZONE_NEVER; /* by the clock before: as much further on as the clock is set */
	return is_early && is_late && early != late ? ZONE_TWICE : ZONE_ONCE;
}
