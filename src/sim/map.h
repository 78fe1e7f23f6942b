/*
 * map.h: things by name. The key belongs to the thing: it must stay where it is, unchanged, for
 * as long as the thing is in the map. Not locked: the owner's lock is enough.
 */
#ifndef SIM_MAP_H
#define SIM_MAP_H

#include <stddef.h>

struct map {
	struct map_slot {
		const char *key; /* NULL: free */
		void *value;
	} * slots;
	size_t used;
	size_t room; /* a power of two, or 0 for a map that never held anything */
};

/* The value under key, or NULL. */
void *map_get(const struct map *m, const char *key);
/* Puts value under key and returns the value that was there before, or NULL. */
void *map_put(struct map *m, const char *key, void *value);
/* Takes the key out and returns its value, or NULL. */
void *map_remove(struct map *m, const char *key);
/* Takes everything out; release, if given, is called with each value. */
void map_clear(struct map *m, void (*release)(void *));

#endif
