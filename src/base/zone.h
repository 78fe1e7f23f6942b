/*
 * zone.h: IANA time zones, read from the system's tzdata as they are needed. What a clock on the wall
 * there shows, and which instant a reading of it means. Nothing here touches TZ or the C library's
 * own zone, so it is safe in any thread.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include <stdint.h>

#include "base/mem.h"

#define ZONE_NAME_MAX 64

struct zone;

/* The zone of that name ("Europe/Berlin"), in the arena; NULL when there is none. A name is letters,
 * digits, '_', '+', '-' and '/', each part beginning with a capital: it cannot leave the folder. */
const struct zone *zone_read(struct arena *a, const char *name);

/* Seconds by which the clock there is ahead of UTC at an instant (seconds since 1970). */
int32_t zone_offset(const struct zone *z, int64_t utc);

enum zone_fit {
	ZONE_ONCE,
	ZONE_NEVER, /* the clock is set forward over it: it is moved forward by as much */
	ZONE_TWICE  /* the clock is set back over it: the first is meant */
};

/* The instant at which the clock there shows local (a date and time as if it were UTC, in seconds
 * since 1970). */
enum zone_fit zone_instant(const struct zone *z, int64_t local, int64_t *utc);

#endif
