/*
 * history.h: what has been said so far in a conversation, as text and with a bound: for a model that must
 * go on where another connection has ended.
 */
#ifndef VOICE_HISTORY_H
#define VOICE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define HISTORY_MAX 64
#define HISTORY_TEXT_MAX 1000 /* bytes of one turn; what is longer is cut */

struct history_turn {
	bool agent; /* or the callee */
	char *text;
};

struct history {
	struct history_turn turns[HISTORY_MAX]; /* oldest first */
	int count;
};

void history_free(struct history *h);
/* Appends what somebody has said; the oldest is forgotten when there are too many. */
void history_add(struct history *h, bool agent, const char *text);
/* The agent's last words were not heard to their end. */
void history_cut_off(struct history *h);
/* Appends them to a text, a line each, as JSON texts, so that nothing in them can be taken for ours. */
void history_write(const struct history *h, struct buf *out);

#endif
