/*
 * schedule.h: the time that a call is to be made at, as its customer writes it: ISO 8601 with Z or an
 * offset, or the reading of a clock in a time zone.
 */
#ifndef DOMAIN_SCHEDULE_H
#define DOMAIN_SCHEDULE_H

#include "base/clock.h"
#include "base/mem.h"

struct schedule {
	char starts_at[CLOCK_ISO_SIZE]; /* UTC; without milliseconds when there are none */
	const char *note;               /* how a doubtful reading was taken, or NULL */
};

/*
 * Reads a time, seconds optional; an offset in it wins over the zone. A reading that no clock there
 * shows is moved forward by the gap, one that it shows twice is the first, and note says so. NULL,
 * or a sentence that names the field which is wrong. Texts are in the arena.
 */
const char *schedule_read(
    struct arena *a, const char *text, const char *timezone, struct schedule *schedule);

/* 2026-11-20T22:51:05Z: an instant without milliseconds when there are none. */
void schedule_format(int64_t us, char out[CLOCK_ISO_SIZE]);

#endif
