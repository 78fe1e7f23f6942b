/*
 * transcript.h: fuses what was said live with the timed words of the recording into one timeline.
 * Pure: no database, no network, no clock.
 *
 * The live turns are true in their words and vague in time: of the bot we know when its words were
 * sent, of the other side when its words had been understood. The recording, of the bot alone, is
 * exact in time, but it begins at an unknown instant, and its words are a machine's guess. So the
 * guessed words are aligned with the bot's own, each turn that is found tells where the recording
 * begins, and what most of them say is believed.
 */
#ifndef DOMAIN_TRANSCRIPT_H
#define DOMAIN_TRANSCRIPT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

/* A turn as it came, in the order of the events. Times count from the answer of the call. */
struct transcript_turn {
	const char
	    *role; /* bot, operator, supervisor_stt; any other is no speech and is left out */
	const char *text;
	int64_t at_ms;
};

/* A word; its times count from the beginning of the recording, in a part from the answer. */
struct transcript_word {
	const char *text;
	int64_t start_ms, end_ms;
	double confidence;
};

struct transcript_input {
	const struct transcript_turn *turns;
	int turn_count;
	const struct transcript_word *words; /* of the recording; whatever their times, in order */
	int word_count;
	int64_t call_ms; /* how long was talked, 0 when that is not known */
};

/* One speaker's turn on the common timeline. */
struct transcript_part {
	const char *speaker; /* bot or operator */
	const char *source;  /* deepgram (timed), live or supervisor_stt (estimated) */
	const char *text;
	int64_t start_ms, end_ms; /* end >= start */
	bool overlaps;            /* ends after the next one has begun */
	struct transcript_word *words;
	int word_count; /* 0 where the source is not deepgram */
};

struct transcript {
	struct transcript_part *parts; /* in the order of their beginnings */
	int part_count;
	int64_t duration_ms;
	bool timing_estimated; /* nothing in it was measured */
	int64_t delta_ms;      /* call time less recording time, when it was measured */
};

/* Everything in the result is in the arena or borrowed from the input. */
void transcript_merge(
    struct arena *a, const struct transcript_input *input, struct transcript *out);

/* As the customer gets it, but for the version; reason (or NULL) says why times are estimated that
 * should not be. To be released. */
json_t *transcript_json(const struct transcript *t, const char *reason);

#endif
