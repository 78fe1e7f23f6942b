/* attempts.c: an array that only grows: 48 bytes an attempt. */
#include "sim/attempts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "sim/timer.h"

struct attempt {
	struct arrival arrival;
	char to[24];
	int status;
};

static struct attempt *list;
static size_t count, room;

void
attempts_add(struct arrival arrival, const char *to, int status)
{
	world_lock();
	if (count == room) {
		room = room == 0 ? 1024 : room * 2;
		list = mem_realloc(list, room * sizeof(list[0]));
	}
	list[count].arrival = arrival;
	list[count].status = status;
	snprintf(list[count].to, sizeof(list[count].to), "%s", to);
	count++;
	world_unlock();
}

bool
attempts_item(size_t number, json_t **out)
{
	const struct attempt *a;

	if (number >= count)
		return false;
	a = &list[number];
	*out = json_object();
	json_object_set_new(*out, "arrived_at", when_iso(a->arrival.wall_us));
	json_object_set_new(*out, "arrived_mono_us", json_integer(a->arrival.mono_us));
	json_object_set_new(*out, "to", a->to[0] == '\0' ? json_null() : json_string(a->to));
	json_object_set_new(*out, "status", a->status == 0 ? json_null() : json_integer(a->status));
	return true;
}

void
attempts_close(void)
{
	free(list);
	list = NULL;
	count = room = 0;
}
