/* lanes.c: see lanes.h. A list: there are never more than some hundreds. */
#include "work/lanes.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SILENT_MAX 500 /* idle lanes that are remembered for their silence */

struct lane {
	struct lane *next;
	char *workspace_id;
	int under_way;
	bool silent;
};

struct lanes {
	struct lane *first;
	int silent_idle;
};

struct lanes *
lanes_new(void)
{
	return mem_zalloc(1, sizeof(struct lanes));
}

static struct lane **
find(struct lanes *l, const char *workspace_id)
{
	struct lane **link = &l->first;

	while (*link != NULL && strcmp((*link)->workspace_id, workspace_id) != 0)
		link = &(*link)->next;
	return link;
}

static void
forget(struct lane **link)
{
	struct lane *lane = *link;

	*link = lane->next;
	free(lane->workspace_id);
	free(lane);
}

void
lanes_free(struct lanes *l)
{
	while (l->first != NULL)
		forget(&l->first);
	free(l);
}

static int
room(const struct lane *lane)
{
	int places = lane->silent ? 1 : LANES_EACH;

	return places > lane->under_way ? places - lane->under_way : 0;
}

void
lanes_take(struct lanes *l, const char *workspace_id)
{
	struct lane *lane = *find(l, workspace_id);

	if (lane == NULL) {
		lane = mem_zalloc(1, sizeof *lane);
		lane->workspace_id = mem_strdup(workspace_id);
		lane->next = l->first;
		l->first = lane;
	}
	if (lane->silent && lane->under_way == 0)
		l->silent_idle--;
	lane->under_way++;
}

bool
lanes_give(struct lanes *l, const char *workspace_id, bool answered)
{
	struct lane **link = find(l, workspace_id), *lane = *link;
	bool full;

	if (lane == NULL)
		abort(); /* more was given back than was taken */
	full = room(lane) == 0;
	lane->under_way--;
	lane->silent = !answered;
	if (lane->under_way > 0)
		return full;
	if (lane->silent && l->silent_idle < SILENT_MAX)
		l->silent_idle++;
	else
		forget(link);
	return full;
}

void
lanes_rooms(const struct lanes *l, struct buf *workspaces, struct buf *rooms)
{
	const char *comma = "";

	buf_clear(workspaces);
	buf_clear(rooms);
	buf_puts(workspaces, "{");
	buf_puts(rooms, "{");
	for (const struct lane *lane = l->first; lane != NULL; lane = lane->next) {
		buf_printf(workspaces, "%s%s", comma, lane->workspace_id);
		buf_printf(rooms, "%s%d", comma, room(lane));
		comma = ",";
	}
	buf_puts(workspaces, "}");
	buf_puts(rooms, "}");
}
