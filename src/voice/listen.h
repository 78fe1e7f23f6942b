/*
 * listen.h: what the sound of the callee is, without knowing words: speech and its end, silence, the beep
 * of an answering machine, music. Pure.
 */
#ifndef VOICE_LISTEN_H
#define VOICE_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero before the first sound. */
struct listen {
	double noise; /* mean square of the quiet */
	int loud_ms;  /* sound without a pause of PAUSE_MS */
	int quiet_ms; /* silence */
	int burst_ms; /* sound without a gap of 60 ms */
	bool talking; /* between LISTEN_BEGAN and LISTEN_ENDED */
	double tone;  /* 2 cos w of the tone that is heard, and … */
	int tone_ms;  /* … since when */
	int beep_ms;  /* its length, once it was a beep, until it ends */
};

enum listen_news {
	LISTEN_BEGAN = 1, /* the callee talks */
	LISTEN_ENDED = 2, /* and has come to an end */
	LISTEN_BEEP = 4   /* a beep has just ended */
};

/* Takes in so much mu-law, usually 20 ms of it; what is new, or 0. */
unsigned listen_hear(struct listen *l, const uint8_t *pcmu, size_t len);

/* Whether it has sounded for so long, without a pause, that nobody can be talking. */
bool listen_music(const struct listen *l);

#endif
