/*
 * tap.h: a call as others listen to it: what comes from the callee and what he really hears of the agent, side by
 * side on one timeline, a quarter of a second late. Pure: no socket, no clock. A call has a tap as long as somebody
 * listens. Times are those of clock_boot_us().
 *
 * What listeners get is PCM: 16 bits, little endian, 8 kHz, stereo, the callee left and the agent right.
 */
#ifndef VOICE_TAP_H
#define VOICE_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "voice/play.h"

#define TAP_EARS_MAX 4     /* listeners of a call */
#define TAP_BYTES_A_MS 32  /* of PCM */
#define TAP_BEHIND_MS 250  /* so long after it was to be heard something is told */
#define TAP_KEPT_MS 2000   /* what a listener has not taken for so long is lost to him */
#define TAP_PIECE_MAX 6400 /* bytes: 200 ms */

struct tap;
struct ear; /* one listener's */

/* From now on; play, what the callee is to hear, outlives it. */
struct tap *tap_new(const struct play *play, int64_t now);
/* The talk is over: its ears get what there is until now, and no more. NULL is none. */
void tap_free(struct tap *t, int64_t now);

/* Sound of the callee (mu-law), as it comes. */
void tap_hear(struct tap *t, const uint8_t *pcmu, size_t len, int64_t now);
/* To be called every 20 ms or so. */
void tap_tick(struct tap *t, int64_t now);
/* Whether anybody listens. */
bool tap_used(const struct tap *t);

/* One more listener, or NULL when there are TAP_EARS_MAX. He may outlive the tap. */
struct ear *ear_new(struct tap *t);
void ear_free(struct ear *e);
/* Bytes of PCM that wait for him. */
size_t ear_waiting(const struct ear *e);
/* Takes the oldest of them, whole samples of both sides; the bytes in out. */
size_t ear_take(struct ear *e, uint8_t *out, size_t size);
/* Whether nothing will come any more. */
bool ear_over(const struct ear *e);

#endif
