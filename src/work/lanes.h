/*
 * lanes.h: how much a sender has under way for each customer, so that no endpoint, however slow,
 * takes the place of another's. A lane is a workspace that has something under way, or whose
 * endpoint gave no answer lately: that one gets a single place until it answers again.
 */
#ifndef WORK_LANES_H
#define WORK_LANES_H

#include <stdbool.h>

#include "base/buf.h"

#define LANES_EACH 8 /* exchanges at a time with one endpoint that answers */

struct lanes;

struct lanes *lanes_new(void);
void lanes_free(struct lanes *l);

/* One exchange of the workspace has begun. */
void lanes_take(struct lanes *l, const char *workspace_id);
/* One has ended; answered: by a reply, whichever. True when the lane was full until now. */
bool lanes_give(struct lanes *l, const char *workspace_id, bool answered);

/* The lanes with less room than LANES_EACH: their workspaces and how much each has, as texts of two
 * arrays ("{a,b}", "{0,3}"). Both are cleared first. */
void lanes_rooms(const struct lanes *l, struct buf *workspaces, struct buf *rooms);

#endif
