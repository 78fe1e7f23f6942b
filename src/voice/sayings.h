/*
 * sayings.h: the agent's own words and how far each was heard: the text of an item comes from the engine,
 * how much of it was played from play.h; once both are known it is a turn of the transcript. Pure.
 */
#ifndef VOICE_SAYINGS_H
#define VOICE_SAYINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "voice/play.h"

struct sayings;

struct sayings *sayings_new(void);
void sayings_free(struct sayings *s);

/* Words of an item: a fragment behind those before, or (final) the whole. */
void sayings_text(struct sayings *s, const char *item, const char *text, bool final);
/* An item has been heard as far as it will be. */
void sayings_played(struct sayings *s, const struct play_item *played, int64_t now);

/* The oldest turn that is known; false when there is none yet. all: what is still unknown is taken as it
 * stands. text (to be freed) is what was really heard of it, about. */
bool sayings_next(struct sayings *s, int64_t now, bool all, char **text, int64_t *started_us);

/* What was heard of a text of which so many milliseconds of the whole were played: cut behind a word. To be
 * freed; "" when that is nothing. */
char *sayings_cut(const char *text, int64_t heard_ms, int64_t whole_ms);

#endif
