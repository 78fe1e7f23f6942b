/*
 * play.h: what the agent has sent and the carrier has not played yet: sound in order, and marks
 * between. At most ten minutes are held, as the carrier does.
 */
#ifndef SIM_PLAY_H
#define SIM_PLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "sim/ulaw.h"

#define PLAY_MAX ((size_t)ULAW_RATE * 600)
#define PLAY_MARKS_MAX 1000

struct play_mark {
	TAILQ_ENTRY(play_mark) link;
	uint64_t at; /* due when so many samples have been played */
	char name[];
};

struct play {
	uint8_t *bytes; /* owned; begin to end are to be played */
	size_t begin, end, room;
	uint64_t taken; /* samples given out, all told */
	uint64_t done;  /* of them, played to their end */
	TAILQ_HEAD(, play_mark) marks;
	int mark_count;
};

void play_init(struct play *p);
void play_free(struct play *p);
/* Returns how many of the samples had no room and are gone. */
size_t play_add(struct play *p, const uint8_t *bytes, size_t len);
/* False when PLAY_MARKS_MAX are outstanding: this one is forgotten. */
bool play_mark(struct play *p, const char *name);
/* What was taken before has been played; takes the next 20 ms, silence where there is no more.
 * Returns how many of the samples are the agent's. */
size_t play_take(struct play *p, uint8_t out[ULAW_FRAME]);
/* Drops the sound; every outstanding mark is due. Returns how many samples are gone. */
size_t play_clear(struct play *p);
/* The next mark whose sound has been played, for the caller to free, or NULL. */
struct play_mark *play_due(struct play *p);
size_t play_waiting(const struct play *p);

#endif
