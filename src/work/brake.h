/*
 * brake.h: a vendor that is down. After five failures in a row it is asked one thing at a time, with
 * pauses that grow from a second to a minute (or as long as it wants), until one is answered: so that its
 * outage burns few tries, and is over soon after it is over. Pure: time is given.
 */
#ifndef WORK_BRAKE_H
#define WORK_BRAKE_H

#include <stdbool.h>
#include <stdint.h>

/* All zero: never used. Times are CLOCK_BOOTTIME in microseconds. */
struct brake {
	int failures;     /* in a row */
	int64_t pause_us; /* the last; 0: the vendor is well */
	int64_t since_us; /* the last question that counted was begun no earlier */
	int64_t until_us;
};

/* How many questions may be begun now, where room may be under way at once and active are. */
int brake_room(const struct brake *b, int64_t now_us, int active, int room);
/* A question was answered, whatever the answer. */
void brake_answered(struct brake *b);
/* A question begun at started_us was not; the vendor asks for a pause of so many seconds (or 0). Whether
 * the brake is on from now on and was not before. */
bool brake_failed(struct brake *b, int64_t now_us, int64_t started_us, int64_t pause_s);

#endif
