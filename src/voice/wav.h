/*
 * wav.h: a WAV file that has no end, made piece by piece of what a tap tells (tap.h): at the telephone's rate, or
 * at one that browsers begin to play sooner.
 */
#ifndef VOICE_WAV_H
#define VOICE_WAV_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define WAV_RATE 8000
/* Chromium reads 200 KiB of a WAV file before it begins to play it, however long they last: seven seconds at
 * 8 kHz, one at this rate. */
#define WAV_RATE_BROWSER 48000

struct wav;

/* rate is one of the two. */
struct wav *wav_new(unsigned rate);
/* NULL is none. */
void wav_free(struct wav *w);

/* Append to out: the head of the file, and a piece of PCM of the tap's. */
void wav_head(const struct wav *w, struct buf *out);
void wav_sound(struct wav *w, const uint8_t *pcm, size_t len, struct buf *out);

#endif
