/* sid.c: ids and moments in the carrier's spelling. */
#include "sim/sid.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/str.h"

void
sid_make(char out[SID_SIZE], const char *prefix)
{
	uint8_t r[16];

	digest_random(r, sizeof(r));
	out[0] = prefix[0];
	out[1] = prefix[1];
	digest_hex(r, sizeof(r), out + 2);
}

bool
sid_ok(const char *s, const char *prefix)
{
	return strlen(s) == SID_SIZE - 1 && str_starts(s, prefix) &&
	    strspn(s + 2, "0123456789abcdefABCDEF") == SID_SIZE - 3;
}

json_t *
when_rfc2822(int64_t wall_us)
{
	char text[CLOCK_ISO_SIZE];

	if (wall_us == 0)
		return json_null();
	clock_format_rfc2822(wall_us / 1000000, text);
	return json_string(text);
}

const char *
when_iso_text(int64_t wall_us, char out[WHEN_SIZE])
{
	time_t seconds = wall_us / 1000000;
	struct tm tm;
	char date[24];

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, WHEN_SIZE, "%s.%06dZ", date, (int)(wall_us % 1000000));
	return out;
}

json_t *
when_iso(int64_t wall_us)
{
	char text[WHEN_SIZE];

	if (wall_us == 0)
		return json_null();
	return json_string(when_iso_text(wall_us, text));
}
