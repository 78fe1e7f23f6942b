/* open_tools.c: see open_tools.h. */
#include "voice/open_tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
open_tools_add(struct open_tools *t, const char *id, const char *name, int life)
{
	struct open_tool *tool = t->at;

	while (tool < t->at + OPEN_TOOLS_MAX && tool->life != 0)
		tool++;
	if (tool == t->at + OPEN_TOOLS_MAX)
		return false;
	snprintf(tool->id, sizeof tool->id, "%s", id);
	snprintf(tool->name, sizeof tool->name, "%s", name);
	tool->life = life;
	return true;
}

struct open_tool *
open_tools_find(struct open_tools *t, const char *id)
{
	struct open_tool *tool;

	for (tool = t->at; tool < t->at + OPEN_TOOLS_MAX; tool++) {
		if (tool->life != 0 && strcmp(tool->id, id) == 0)
			return tool;
	}
	return NULL;
}

void
open_tool_write(const struct open_tool *tool, const json_t *result, struct buf *out)
{
	char *json = json_dumps(result, JSON_COMPACT);

	buf_printf(out, "(The result of the tool %s, which you have called: %s)", tool->name,
	    json == NULL ? "{}" : json);
	free(json);
}
