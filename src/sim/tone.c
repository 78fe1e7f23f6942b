/* tone.c: sines. */
#include "sim/tone.h"

#include <math.h>

#include "sim/ulaw.h"

#define LOUD 8000.0
#define NOTE_SAMPLES (ULAW_RATE * 2 / 5)

static uint8_t
sine(double hz, uint64_t at)
{
	return ulaw_encode((int16_t)lrint(LOUD * sin(2 * M_PI * hz * (double)at / ULAW_RATE)));
}

void
tone_beep(uint64_t at, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = sine(1000, at + i);
}

void
tone_music(uint64_t at, uint8_t *out, size_t len)
{
	static const double notes[] = { 523.25, 659.25, 783.99, 659.25, 587.33, 698.46, 880,
		698.46 };

	for (size_t i = 0; i < len; i++)
		out[i] = sine(
		    notes[(at + i) / NOTE_SAMPLES % (sizeof(notes) / sizeof(notes[0]))], at + i);
}
