/* roll.c: an array that only grows, and a map beside it. */
#include "sim/roll.h"

#include <stdlib.h>

#include "base/mem.h"

size_t
roll_add(struct roll *r, const char *sid, void *thing)
{
	if (r->count == r->room) {
		r->room = r->room == 0 ? 1024 : r->room * 2;
		r->at = mem_realloc(r->at, r->room * sizeof(r->at[0]));
	}
	map_put(&r->by_sid, sid, thing);
	r->at[r->count] = thing;
	return r->count++;
}

void *
roll_get(const struct roll *r, const char *sid)
{
	return map_get(&r->by_sid, sid);
}

void *
roll_at(const struct roll *r, size_t number)
{
	return number < r->count ? r->at[number] : NULL;
}

void
roll_remove(struct roll *r, const char *sid, size_t number)
{
	map_remove(&r->by_sid, sid);
	r->at[number] = NULL;
}

void
roll_hide(struct roll *r, const char *sid)
{
	map_remove(&r->by_sid, sid);
}

void
roll_clear(struct roll *r, void (*release)(void *))
{
	map_clear(&r->by_sid, NULL);
	for (size_t i = 0; i < r->count; i++)
		if (r->at[i] != NULL)
			release(r->at[i]);
	free(r->at);
	*r = (struct roll){ 0 };
}
