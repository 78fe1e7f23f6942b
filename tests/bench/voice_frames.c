/* voice_frames.c: see voice_frames.h. */
#include "voice_frames.h"

#include <err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const keys[] = { "\"payload\":\"", "\"audio\":\"", "\"delta\":\"",
	"\"data\":\"" };

char *frame_pcmu[SOUNDS], *frame_linear[SOUNDS];

static char *
base64_of(const void *bytes, int len)
{
	char *text = malloc((size_t)len * 2);

	EVP_EncodeBlock((unsigned char *)text, bytes, len);
	return text;
}

void
frames_make(void)
{
	static const unsigned char flat[] = { 0x80, 0x00, 0, 0xff };
	static const int16_t level[] = { 32124, -32124, 0, 0 };
	unsigned char bytes[160];
	int16_t samples[480];

	for (int kind = 0; kind < SOUNDS; kind++) {
		for (int i = 0; i < 160; i++)
			bytes[i] = kind == SPEECH
			    ? (unsigned char)(0xa0 + random() % 32 - 128 * (i & 1))
			    : flat[kind];
		for (int i = 0; i < 480; i++)
			samples[i] = kind == SPEECH ? (int16_t)(random() % 6000 - 3000)
						    : level[kind];
		frame_pcmu[kind] = base64_of(bytes, sizeof bytes);
		frame_linear[kind] = base64_of(samples, sizeof samples);
	}
}

enum sound
frame_hear(const char *message, bool is_carrier, int *ms)
{
	const char *at = NULL;
	unsigned char bytes[6];
	size_t len;
	int i;

	for (i = 0; i < 4 && at == NULL; i++)
		at = strstr(message, keys[i]);
	if (at == NULL)
		errx(1, "no sound in %.60s", message);
	at += strlen(keys[i - 1]);
	len = strcspn(at, "\"");
	EVP_DecodeBlock(bytes, (const unsigned char *)at + (len / 2 & ~(size_t)7), 8);
	if (i == 4) {
		int16_t sample = (int16_t)(bytes[2] | bytes[3] << 8);

		*ms = (int)(len / 4 * 3 / (is_carrier ? 48 : 32));
		return sample > 20000 ? MARK : sample < -20000 ? BREAK_IN : QUIET;
	}
	*ms = (int)(len / 4 * 3 / 8);
	return (bytes[2] & 0x70) != 0 ? QUIET : (bytes[2] & 0x80) != 0 ? MARK : BREAK_IN;
}

int64_t
clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void
times_add(struct times *t, int64_t ns)
{
	int64_t step = ns / 20000;

	t->steps[step < 0 ? 0 : step > 99999 ? 99999 : step]++;
	t->count++;
}

static double
percentile_ms(const struct times *t, double p)
{
	long left = (long)((double)(t->count - 1) * p);
	int i = 0;

	for (; i < 99999 && left >= t->steps[i]; i++)
		left -= t->steps[i];
	return t->count == 0 ? 0 : (i + 1) * .02;
}

void
times_print(const char *name, const struct times *t)
{
	printf(
	    "\"%s\": {\"count\": %ld, \"p50\": %.2f, \"p99\": %.2f, \"p999\": %.2f, \"max\": %.2f}, ",
	    name, t->count, percentile_ms(t, .5), percentile_ms(t, .99), percentile_ms(t, .999),
	    percentile_ms(t, 1));
}
