/*
 * ulaw.h: G.711 mu-law, the sound of a telephone: one byte a sample, 8000 a second. Written down
 * once more than the product's, on purpose: a mistake of its library must not hide behind ours.
 */
#ifndef SIM_ULAW_H
#define SIM_ULAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ULAW_RATE 8000
#define ULAW_FRAME 160 /* samples in 20 ms */
#define ULAW_FRAME_MS 20
#define ULAW_SILENCE 0xff
#define ULAW_BIAS 132

/* A sign, an exponent of three bits, a mantissa of four, all inverted. */
static inline int16_t
ulaw_decode(uint8_t byte)
{
	unsigned bits = (unsigned)~byte & 0xff;
	int magnitude = (int)((((bits & 0x0f) << 3) + ULAW_BIAS) << (bits >> 4 & 7)) - ULAW_BIAS;

	return (int16_t)((bits & 0x80) != 0 ? -magnitude : magnitude);
}

uint8_t ulaw_encode(int16_t sample);
/* True when these samples are loud enough for somebody to hear them. */
bool ulaw_audible(const uint8_t *bytes, size_t len);

#endif
