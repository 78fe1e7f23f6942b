/* ulaw.c: G.711 mu-law: a sign, an exponent of three bits, a mantissa of four, all inverted. */
#include "sim/ulaw.h"

#include <stdlib.h>

#define BIAS 132
#define CLIP 32635
#define AUDIBLE 150 /* the mean of a frame, of 32767: breath and line noise lie below */

int16_t
ulaw_decode(uint8_t byte)
{
	unsigned bits = (unsigned)~byte & 0xff;
	int magnitude = (int)((((bits & 0x0f) << 3) + BIAS) << (bits >> 4 & 7)) - BIAS;

	return (int16_t)((bits & 0x80) != 0 ? -magnitude : magnitude);
}

uint8_t
ulaw_encode(int16_t sample)
{
	int magnitude = abs((int)sample), exponent = 7;
	unsigned sign = sample < 0 ? 0x80 : 0;

	if (magnitude > CLIP)
		magnitude = CLIP;
	magnitude += BIAS;
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
