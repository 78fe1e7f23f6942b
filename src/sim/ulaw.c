/* ulaw.c: G.711 mu-law: samples to bytes, and what is loud. */
#include "sim/ulaw.h"

#include <stdlib.h>

#define CLIP 32635
#define AUDIBLE 150 /* the mean of a frame, of 32767: breath and line noise lie below */

uint8_t
ulaw_encode(int16_t sample)
{
	int magnitude = abs((int)sample), exponent = 7;
	unsigned sign = sample < 0 ? 0x80 : 0;

	if (magnitude > CLIP)
		magnitude = CLIP;
	magnitude += ULAW_BIAS;
	while (exponent > 0 && (magnitude & 1 << (exponent + 7)) == 0)
		exponent--;
	return (uint8_t) ~(
	    sign | (unsigned)exponent << 4 | ((unsigned)magnitude >> (exponent + 3) & 0x0f));
}

bool
ulaw_audible(const uint8_t *bytes, size_t len)
{
	int64_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += abs((int)ulaw_decode(bytes[i]));
	return len > 0 && sum / (int64_t)len >= AUDIBLE;
}
