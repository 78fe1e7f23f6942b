/*
 * open_tools.h: the calls of tools that a model waits for the results of. A connection knows only those that
 * were made over it; the results of others are told in words.
 */
#ifndef VOICE_OPEN_TOOLS_H
#define VOICE_OPEN_TOOLS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"

#define OPEN_TOOLS_MAX 32
#define OPEN_TOOLS_FULL "Too many calls are not answered yet."
#define TOOL_ID_SIZE 257

struct open_tool {
	char id[TOOL_ID_SIZE], name[TOOL_ID_SIZE];
	int life; /* of the connection that knows it; 0: the place is free */
};
/* All zero: none. */
struct open_tools {
	struct open_tool at[OPEN_TOOLS_MAX];
};

/* life: of model.h, from 1. False when so many are open that this one is not taken. */
bool open_tools_add(struct open_tools *t, const char *id, const char *name, int life);

/* NULL when none of that id is open. With life = 0 its place is free again. */
struct open_tool *open_tools_find(struct open_tools *t, const char *id);

/* The sentence in which a connection that knows of no such call is told its result (an object, borrowed). */
void open_tool_write(const struct open_tool *tool, const json_t *result, struct buf *out);

#endif
