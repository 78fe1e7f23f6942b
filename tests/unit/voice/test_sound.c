/* test_sound.c: mu-law against its anchors, other rates against a sine. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "voice/sound.h"

#define PI 3.14159265358979323846

static void
mu_law_is_what_everybody_has(void **state)
{
	static const uint8_t pcmu[] = { 0xff, 0x7f, 0x80, 0x00, 0xfe };
	static const int16_t expected[] = { 0, 0, 32124, -32124, 8 };
	int16_t samples[5];

	(void)state;
	sound_from_pcmu(pcmu, 5, samples);
	assert_memory_equal(samples, expected, sizeof expected);
}

static void
mu_law_there_and_back(void **state)
{
	uint8_t all[256], back[256];
	int16_t samples[256];
	int i;

	(void)state;
	for (i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	sound_from_pcmu(all, 256, samples);
	sound_to_pcmu(samples, 256, back);
	for (i = 0; i < 256; i++)
		assert_int_equal(back[i], i == 0x7f ? 0xff : i); /* there are two zeros */
}

static void
mu_law_is_never_far_off(void **state)
{
	int value, off;
	uint8_t pcmu;
	int16_t sample, back;

	(void)state;
	for (value = -32768; value <= 32767; value++) {
		sample = (int16_t)value;
		sound_to_pcmu(&sample, 1, &pcmu);
		sound_from_pcmu(&pcmu, 1, &back);
		off = abs(back - value);
		/* Half of a step, which is a sixteenth of its segment, or the ends cut off. */
		assert_true(off <= abs(value) / 32 + 5 || abs(value) > 32124);
	}
}

/* How much of what comes out of a sine is that sine, in dB: its best fit against the rest. */
static double
snr(const int16_t *samples, size_t count, double hz, double rate)
{
	double in_phase = 0, across = 0, signal = 0, noise = 0, fit;
	size_t i;

	for (i = 0; i < count; i++) {
		in_phase += samples[i] * sin(2 * PI * hz * (double)i / rate);
		across += samples[i] * cos(2 * PI * hz * (double)i / rate);
	}
	in_phase *= 2.0 / (double)count;
	across *= 2.0 / (double)count;
	for (i = 0; i < count; i++) {
		fit = in_phase * sin(2 * PI * hz * (double)i / rate) +
		    across * cos(2 * PI * hz * (double)i / rate);
		signal += fit * fit;
		noise += (samples[i] - fit) * (samples[i] - fit);
	}
	return 10 * log10(signal / noise);
}

/* A second of a sine, 20 ms by 20 ms as it comes in a call. */
static void
convert(unsigned from_hz, unsigned to_hz, double hz, struct buf *out)
{
	struct sound_rate *r = sound_rate_new(from_hz, to_hz);
	int16_t frame[480];
	size_t count = from_hz / 50, at, i;

	buf_clear(out);
	for (at = 0; at < from_hz; at += count) {
		for (i = 0; i < count; i++)
			frame[i] = (int16_t)lround(
			    12000 * sin(2 * PI * hz * (double)(at + i) / from_hz));
		sound_rate_run(r, frame, count, out);
	}
	sound_rate_free(r);
}

static void
a_sine_stays_a_sine(void **state)
{
	static const struct {
		unsigned from, to;
		double hz;
	} cases[] = { { 8000, 16000, 440 }, { 8000, 16000, 1000 }, { 8000, 16000, 3000 },
		{ 24000, 8000, 440 }, { 24000, 8000, 1000 }, { 24000, 8000, 3000 } };
	struct buf out;
	size_t i, count;

	(void)state;
	buf_init(&out, 1 << 20);
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const int16_t *samples;
		double db;

		convert(cases[i].from, cases[i].to, cases[i].hz, &out);
		assert_false(buf_failed(&out));
		count = out.len / 2;
		assert_true(count <= cases[i].to && count + cases[i].to / 50 >= cases[i].to);
		samples = (const int16_t *)(const void *)out.data;
		/* Without the ends, where the filter looks at what is not there. */
		db = snr(samples + 400, count - 800, cases[i].hz, cases[i].to);
		if (db < 40)
			fail_msg("%u to %u at %.0f Hz: %.1f dB", cases[i].from, cases[i].to,
			    cases[i].hz, db);
	}
	buf_free(&out);
}

static void
what_a_telephone_cannot_carry_is_taken_out(void **state)
{
	const int16_t *samples;
	struct buf out;
	double power = 0;
	size_t i;

	(void)state;
	buf_init(&out, 1 << 20);
	convert(24000, 8000, 5500, &out); /* would come back as 2500 Hz */
	samples = (const int16_t *)(const void *)out.data;
	for (i = 400; i < out.len / 2 - 400; i++)
		power += samples[i] * samples[i];
	power = sqrt(power / (double)(out.len / 2 - 800));
	assert_true(20 * log10(12000 / sqrt(2) / power) > 40);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mu_law_is_what_everybody_has),
		cmocka_unit_test(mu_law_there_and_back),
		cmocka_unit_test(mu_law_is_never_far_off),
		cmocka_unit_test(a_sine_stays_a_sine),
		cmocka_unit_test(what_a_telephone_cannot_carry_is_taken_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
