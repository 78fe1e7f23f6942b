/* schedule.c: see schedule.h. */
#include "domain/schedule.h"

#include <stdbool.h>
#include <string.h>

#include "base/str.h"
#include "base/zone.h"

#define SECOND_US INT64_C(1000000)
#define TO_MINUTES 16 /* 2026-11-20T22:51 */

void
schedule_format(int64_t us, char out[CLOCK_ISO_SIZE])
{
	clock_format_iso(us, out);
	if (str_ends(out, ".000Z"))
		memcpy(out + strlen(out) - 5, "Z", 2);
}

/* The text with its seconds. */
static const char *
with_seconds(struct arena *a, const char *text)
{
	if (strlen(text) < TO_MINUTES || text[TO_MINUTES] == ':')
		return text;
	return arena_printf(a, "%.*s:00%s", TO_MINUTES, text, text + TO_MINUTES);
}

/* The instant that a clock's reading means, and what is to be said of it. */
static void
take_reading(struct arena *a, const struct zone *zone, const char *timezone, const char *text,
    int64_t local_us, struct schedule *schedule)
{
	int64_t rest = (local_us % SECOND_US + SECOND_US) % SECOND_US, utc;
	enum zone_fit fit = zone_instant(zone, (local_us - rest) / SECOND_US, &utc);

	schedule_format(utc * SECOND_US + rest, schedule->starts_at);
	if (fit == ZONE_NEVER)
		schedule->note = arena_printf(a,
		    "%s does not exist in %s, where the clock is set forward over it: moved forward by"
		    " as much, to %s",
		    text, timezone, schedule->starts_at);
	else if (fit == ZONE_TWICE)
		schedule->note = arena_printf(a,
		    "%s exists twice in %s, where the clock is set back over it: the first is meant,"
		    " %s",
		    text, timezone, schedule->starts_at);
}

const char *
schedule_read(struct arena *a, const char *text, const char *timezone, struct schedule *schedule)
{
	const struct zone *zone = zone_read(a, timezone);
	const char *whole = with_seconds(a, text);
	int64_t us;

	schedule->note = NULL;
	if (zone == NULL)
		return "timezone: must be an IANA time zone such as America/New_York";
	if (clock_parse_iso(whole, &us))
		schedule_format(us, schedule->starts_at);
	else if (clock_parse_iso(arena_printf(a, "%sZ", whole), &us))
		take_reading(a, zone, timezone, text, us, schedule);
	else
		return "schedule_time: must be an ISO 8601 date and time such as 2026-03-01T14:00:00Z";
	return NULL;
}
