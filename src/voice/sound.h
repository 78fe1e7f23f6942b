/*
 * sound.h: what sound is made of here: G.711 mu-law at 8 kHz, as the carrier has it, and 16-bit samples
 * at other rates. The only user of spandsp and speexdsp.
 */
#ifndef VOICE_SOUND_H
#define VOICE_SOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define SOUND_RATE 8000
#define SOUND_BYTES_A_MS 8
#define SOUND_SILENCE 0xff /* a sample of mu-law */

void sound_to_pcmu(const int16_t *samples, size_t count, uint8_t *pcmu);
void sound_from_pcmu(const uint8_t *pcmu, size_t count, int16_t *samples);

/* Another rate. One direction of one conversation has one of these. */
struct sound_rate;
struct sound_rate *sound_rate_new(unsigned from_hz, unsigned to_hz);
void sound_rate_free(struct sound_rate *r);
/* Appends the samples at the new rate (int16_t) to out. */
void sound_rate_run(struct sound_rate *r, const int16_t *samples, size_t count, struct buf *out);

/* The tones of keys (0-9 * # A-D, w: half a second of silence) as mu-law, appended to out; false when there
 * is any other, or none, or more than SOUND_KEYS_MAX. */
#define SOUND_KEYS_MAX 32
bool sound_keys(const char *keys, struct buf *out);

#endif
