/*
 * roll.h: things in the order in which they came, also found by their id. Numbers are never used
 * twice, so that a page token means the same place for ever. Not locked.
 */
#ifndef SIM_ROLL_H
#define SIM_ROLL_H

#include <stddef.h>

#include "sim/map.h"

struct roll {
	struct map by_sid;
	void **at;
	size_t count; /* numbers given out: 0 to count - 1 */
	size_t room;
};

/* Adds a thing; sid belongs to it. Returns its number. */
size_t roll_add(struct roll *r, const char *sid, void *thing);
void *roll_get(const struct roll *r, const char *sid);
/* The thing with this number, or NULL when it was removed or never was. */
void *roll_at(const struct roll *r, size_t number);
void roll_remove(struct roll *r, const char *sid, size_t number);
/* Not found by its id any more, but still in its place. */
void roll_hide(struct roll *r, const char *sid);
/* Empties the roll; release is called with everything that has a place. */
void roll_clear(struct roll *r, void (*release)(void *));

#endif
