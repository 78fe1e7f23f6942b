/*
 * listen.c: see listen.h. Speech is what is louder than the quiet around it, for long enough. A beep is one
 * pure tone: each sample of it follows from the two before, x[n] = 2 cos(w) x[n-1] - x[n-2], so what that
 * prediction leaves over tells a tone from everything else.
 */
#include "voice/listen.h"

#include <math.h>

#include "voice/sound.h"

#define FRAME 160    /* samples that are judged at once: 20 ms */
#define FLOOR 3600.0 /* mean square of 60: never quieter than that */
#define LOUDER 6.0   /* than the noise, 8 dB */
#define RISE 1.002   /* how fast the noise follows upwards, a frame */
#define BEGIN_MS 80  /* of sound */
#define GAP_MS 60    /* that does not end a burst */
#define END_MS 700   /* of silence */
#define PAUSE_MS 200 /* nobody talks for long without one */
#define MUSIC_MS 12000
#define PURE 0.02 /* what the prediction of a tone may leave over */
#define BEEP_MIN_MS 180
#define BEEP_MAX_MS 4000
#define BEEP_LOW 1.86     /* 2 cos w at 480 Hz: below are the lines' own tones … */
#define BEEP_HIGH (-0.31) /* … and here 2200 Hz */
#define SAME_TONE 0.02

/* Mean square of the samples, and how far they are a tone: its 2 cos w, or 2 for none. */
static double
measure(const int16_t *x, int count, double *tone)
{
	double power = 0, cross = 0, middle = 0, rest = 0, c;

	for (int i = 0; i < count; i++)
		power += (double)x[i] * x[i];
	for (int i = 1; i < count - 1; i++) {
		cross += (double)x[i] * (x[i - 1] + x[i + 1]);
		middle += (double)x[i] * x[i];
	}
	*tone = 2;
	if (middle > 0) {
		c = cross / middle;
		for (int i = 1; i < count - 1; i++) {
			double e = x[i - 1] + x[i + 1] - c * x[i];

			rest += e * e;
		}
		if (rest < PURE * power && c < BEEP_LOW && c > BEEP_HIGH)
			*tone = c;
	}
	return power / count;
}

static unsigned
follow_tone(struct listen *l, double tone, bool loud, int ms)
{
	if (loud && tone < 2 && (l->tone_ms == 0 || fabs(tone - l->tone) < SAME_TONE)) {
		l->tone = tone;
		l->tone_ms += ms;
		return 0;
	}
	/* The last note of music is none. */
	if (l->tone_ms >= BEEP_MIN_MS && l->tone_ms <= BEEP_MAX_MS && !listen_music(l))
		l->beep_ms = l->tone_ms;
	l->tone_ms = 0;
	if (l->beep_ms == 0 || loud) {
		l->beep_ms = 0;
		return 0;
	}
	l->beep_ms = 0;
	return LISTEN_BEEP;
}

static unsigned
follow_speech(struct listen *l, bool loud, int ms)
{
	if (loud) {
		l->quiet_ms = 0;
		l->burst_ms += ms;
		l->loud_ms += ms;
		if (!l->talking && l->burst_ms >= BEGIN_MS && l->tone_ms == 0) {
			l->talking = true;
			return LISTEN_BEGAN;
		}
		return 0;
	}
	l->quiet_ms += ms;
	if (l->quiet_ms >= GAP_MS)
		l->burst_ms = 0;
	if (l->quiet_ms >= PAUSE_MS)
		l->loud_ms = 0;
	if (l->talking && l->quiet_ms >= END_MS) {
		l->talking = false;
		return LISTEN_ENDED;
	}
	return 0;
}

static unsigned
judge(struct listen *l, const int16_t *x, int count)
{
	int ms = count * 1000 / SOUND_RATE;
	double tone, power = measure(x, count, &tone);
	bool loud;

	if (l->noise < FLOOR)
		l->noise = FLOOR;
	loud = power > l->noise * LOUDER;
	if (power < l->noise)
		l->noise = power < FLOOR ? FLOOR : power;
	else if (!loud)
		l->noise *= RISE;
	return follow_tone(l, tone, loud, ms) | follow_speech(l, loud, ms);
}

unsigned
listen_hear(struct listen *l, const uint8_t *pcmu, size_t len)
{
	int16_t samples[FRAME];
	unsigned news = 0;

	for (size_t at = 0; at < len; at += FRAME) {
		size_t part = len - at < FRAME ? len - at : FRAME;

		sound_from_pcmu(pcmu + at, part, samples);
		news |= judge(l, samples, (int)part);
	}
	return news;
}

bool
listen_music(const struct listen *l)
{
	return l->loud_ms >= MUSIC_MS;
}
