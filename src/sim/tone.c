/* tone.c: sines, and hearing two of them by the algorithm of Goertzel. */
#include "sim/tone.h"

#include <math.h>

#include "sim/ulaw.h"

#define LOUD 8000.0
#define NOTE_SAMPLES (ULAW_RATE * 2 / 5)
#define BOTH_SHARE 0.5 /* of the power of a frame, that is in the two tones of a key */
#define ONE_SHARE 0.1

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

/* The share of a sine in the power of these samples; k is twice the cosine of its step. */
static double
share(const double *sample, double k, double power)
{
	double last = 0, before = 0, next;

	for (int i = 0; i < ULAW_FRAME; i++) {
		next = sample[i] + k * last - before;
		before = last;
		last = next;
	}
	return (last * last + before * before - k * last * before) * 2 / ULAW_FRAME / power;
}

/* Which of four sines is the strongest, and its share. */
static int
strongest(const double *sample, const double k[4], double power, double *best)
{
	int which = 0;

	*best = 0;
	for (int i = 0; i < 4; i++) {
		double s = share(sample, k[i], power);

		if (s > *best) {
			*best = s;
			which = i;
		}
	}
	return which;
}

char
tone_key(const uint8_t pcmu[ULAW_FRAME])
{
	/* 697, 770, 852 and 941 Hz; 1209, 1336, 1477 and 1633 Hz */
	static const double rows[] = { 1.707737809, 1.645281036, 1.568686984, 1.478204568 };
	static const double columns[] = { 1.164104023, 0.996370211, 0.798618389, 0.568532707 };
	static const char keys[] = "123A456B789C*0#D";
	double sample[ULAW_FRAME], power = 1, low, high;
	int row, column;

	for (int i = 0; i < ULAW_FRAME; i++) {
		sample[i] = ulaw_decode(pcmu[i]);
		power += sample[i] * sample[i];
	}
	row = strongest(sample, rows, power, &low);
	column = strongest(sample, columns, power, &high);
	if (low < ONE_SHARE || high < ONE_SHARE || low + high < BOTH_SHARE)
		return '\0';
	return keys[row * 4 + column];
}
