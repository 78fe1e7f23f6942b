/*
 * tap.c: see tap.h. Each side is a lane: a ring of samples around the instant that is told to the listeners next,
 * silent where nothing was put. Sound is put where it ends now; small delays on its way do not tear it apart.
 */
#include "voice/tap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/mem.h"
#include "voice/sound.h"

#define BEHIND (TAP_BEHIND_MS * SOUND_BYTES_A_MS) /* samples */
#define JITTER (150 * SOUND_BYTES_A_MS)           /* sound may be so early or late */
#define LANE_SIZE 4096                            /* more than BEHIND and JITTER */
#define FRAME_SIZE 4                              /* bytes of a sample of both sides */
#define KEPT (TAP_KEPT_MS * TAP_BYTES_A_MS)
#define AT_ONCE 160 /* samples */

struct lane {
	uint8_t pcmu[LANE_SIZE];
	int64_t end; /* the sample behind the last that was put */
};

enum side { CALLEE, AGENT, SIDES };

struct tap {
	const struct play *play;
	uint64_t heard; /* of the play's bytes, so many are in the lane */
	int64_t begun_us;
	int64_t told; /* samples */
	struct lane lanes[SIDES];
	LIST_HEAD(, ear) ears;
	int count;
};

struct ear {
	LIST_ENTRY(ear) next;
	struct tap *tap; /* NULL: it is over */
	uint8_t ring[KEPT];
	size_t at, len; /* the oldest byte, and how many there are */
};

/* ---- listeners ---- */

struct ear *
ear_new(struct tap *t)
{
	struct ear *e;

	if (t->count == TAP_EARS_MAX)
		return NULL;
	e = mem_zalloc(1, sizeof *e);
	e->tap = t;
	LIST_INSERT_HEAD(&t->ears, e, next);
	t->count++;
	return e;
}

void
ear_free(struct ear *e)
{
	if (e->tap != NULL) {
		LIST_REMOVE(e, next);
		e->tap->count--;
	}
	free(e);
}

size_t
ear_waiting(const struct ear *e)
{
	return e->len;
}

bool
ear_over(const struct ear *e)
{
	return e->tap == NULL;
}

size_t
ear_take(struct ear *e, uint8_t *out, size_t size)
{
	size_t made = (e->len < size ? e->len : size) / FRAME_SIZE * FRAME_SIZE;
	size_t first = made < KEPT - e->at ? made : KEPT - e->at;

	memcpy(out, e->ring + e->at, first);
	memcpy(out + first, e->ring, made - first);
	e->at = (e->at + made) % KEPT;
	e->len -= made;
	return made;
}

/* The oldest makes room. Both len and KEPT are whole samples. */
static void
ear_put(struct ear *e, const uint8_t *pcm, size_t len)
{
	size_t over = e->len + len > KEPT ? e->len + len - KEPT : 0, to, first;

	e->at = (e->at + over) % KEPT;
	e->len -= over;
	to = (e->at + e->len) % KEPT;
	first = len < KEPT - to ? len : KEPT - to;
	memcpy(e->ring + to, pcm, first);
	memcpy(e->ring, pcm + first, len - first);
	e->len += len;
}

/* ---- the timeline ---- */

static int64_t
sample_at(const struct tap *t, int64_t us)
{
	return (us - t->begun_us) * SOUND_BYTES_A_MS / 1000;
}

/* The next samples of a lane, which is silent there from then on. */
static void
lane_take(struct tap *t, enum side side, int16_t *samples, size_t count)
{
	struct lane *lane = &t->lanes[side];

	for (size_t i = 0; i < count; i++) {
		uint8_t *pcmu = &lane->pcmu[(size_t)(t->told + (int64_t)i) % LANE_SIZE];

		sound_from_pcmu(pcmu, 1, &samples[i]);
		*pcmu = SOUND_SILENCE;
	}
}

static void
put_sample(uint8_t *out, int16_t sample)
{
	out[0] = (uint8_t)((uint16_t)sample & 0xff);
	out[1] = (uint8_t)((uint16_t)sample >> 8);
}

/* Tells the listeners what was to be heard until then. */
static void
tell(struct tap *t, int64_t until)
{
	int16_t callee[AT_ONCE], agent[AT_ONCE];
	uint8_t pcm[AT_ONCE * FRAME_SIZE];
	struct ear *e;

	while (t->told < until) {
		size_t count = until - t->told < AT_ONCE ? (size_t)(until - t->told) : AT_ONCE;

		lane_take(t, CALLEE, callee, count);
		lane_take(t, AGENT, agent, count);
		for (size_t i = 0; i < count; i++) {
			put_sample(pcm + i * FRAME_SIZE, callee[i]);
			put_sample(pcm + i * FRAME_SIZE + 2, agent[i]);
		}
		t->told += (int64_t)count;
		LIST_FOREACH(e, &t->ears, next)
		ear_put(e, pcm, count * FRAME_SIZE);
	}
}

/* Sound that ends now: behind what came before it, unless that is too far off. */
static void
lane_put(struct tap *t, enum side side, const uint8_t *pcmu, size_t len, int64_t now)
{
	struct lane *lane = &t->lanes[side];
	int64_t end = sample_at(t, now), begin = end - (int64_t)len;

	tell(t, end - BEHIND);
	if (lane->end >= begin - JITTER && lane->end >= t->told)
		begin = lane->end;
	for (size_t i = 0; i < len; i++) {
		int64_t at = begin + (int64_t)i;

		if (at < t->told)
			continue; /* too late */
		if (at >= end + JITTER)
			break; /* more than there can be */
		lane->pcmu[(size_t)at % LANE_SIZE] = pcmu[i];
		lane->end = at + 1;
	}
}

/* ---- the tap ---- */

struct tap *
tap_new(const struct play *play, int64_t now)
{
	struct tap *t = mem_zalloc(1, sizeof *t);

	t->play = play;
	t->heard = play_heard(play, now);
	t->begun_us = now;
	LIST_INIT(&t->ears);
	for (int side = 0; side < SIDES; side++)
		memset(t->lanes[side].pcmu, SOUND_SILENCE, LANE_SIZE);
	return t;
}

void
tap_hear(struct tap *t, const uint8_t *pcmu, size_t len, int64_t now)
{
	lane_put(t, CALLEE, pcmu, len, now);
}

void
tap_tick(struct tap *t, int64_t now)
{
	uint8_t pcmu[LANE_SIZE];
	size_t len = play_heard_since(t->play, &t->heard, now, pcmu, sizeof pcmu);

	lane_put(t, AGENT, pcmu, len, now);
}

bool
tap_used(const struct tap *t)
{
	return t->count > 0;
}

void
tap_free(struct tap *t, int64_t now)
{
	struct ear *e;

	if (t == NULL)
		return;
	tap_tick(t, now);
	tell(t, sample_at(t, now));
	LIST_FOREACH(e, &t->ears, next)
	{
		e->tap = NULL;
	}
	free(t);
}
