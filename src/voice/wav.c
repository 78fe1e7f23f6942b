/* wav.c: see wav.h. */
#include "voice/wav.h"

#include <stdlib.h>

#include "base/mem.h"
#include "voice/sound.h"
#include "voice/tap.h"

#define SIDES 2
#define BYTES 2 /* of a sample of one side */
#define PIECE_SAMPLES (TAP_PIECE_MAX / SIDES / BYTES)
#define RATES_MAX (WAV_RATE_BROWSER / WAV_RATE)

struct wav {
	unsigned rate;
	struct sound_rate *sides[SIDES]; /* NULL: the rate is the tap's */
};

struct wav *
wav_new(unsigned rate)
{
	struct wav *w = mem_zalloc(1, sizeof *w);

	w->rate = rate;
	for (int side = 0; rate != SOUND_RATE && side < SIDES; side++)
		w->sides[side] = sound_rate_new(SOUND_RATE, rate);
	return w;
}

void
wav_free(struct wav *w)
{
	for (int side = 0; w != NULL && side < SIDES; side++)
		sound_rate_free(w->sides[side]);
	free(w);
}

static void
add_number(struct buf *out, uint32_t number, int bytes)
{
	for (int i = 0; i < bytes; i++) {
		uint8_t byte = (uint8_t)(number >> 8 * i);

		buf_add(out, &byte, 1);
	}
}

/* The lengths are those of a file whose writer does not know them: readers go on until there is nothing more. */
void
wav_head(const struct wav *w, struct buf *out)
{
	buf_puts(out, "RIFF");
	add_number(out, UINT32_MAX, 4);
	buf_puts(out, "WAVEfmt ");
	add_number(out, 16, 4); /* bytes of the format */
	add_number(out, 1, 2);  /* PCM */
	add_number(out, SIDES, 2);
	add_number(out, w->rate, 4);
	add_number(out, w->rate * SIDES * BYTES, 4);
	add_number(out, SIDES * BYTES, 2);
	add_number(out, 8 * BYTES, 2);
	buf_puts(out, "data");
	add_number(out, UINT32_MAX, 4);
}

/* One side of a piece at the file's rate, as int16_t. */
static void
convert(struct wav *w, int side, const uint8_t *pcm, size_t count, struct buf *out)
{
	int16_t samples[PIECE_SAMPLES];

	for (size_t i = 0; i < count; i++) {
		const uint8_t *at = pcm + (i * SIDES + (size_t)side) * BYTES;

		samples[i] = (int16_t)(at[0] | at[1] << 8);
	}
	sound_rate_run(w->sides[side], samples, count, out);
}

void
wav_sound(struct wav *w, const uint8_t *pcm, size_t len, struct buf *out)
{
	struct buf sides[SIDES];

	if (w->sides[0] == NULL) {
		buf_add(out, pcm, len);
		return;
	}
	for (int side = 0; side < SIDES; side++) {
		buf_init(&sides[side], (PIECE_SAMPLES + 1) * RATES_MAX * BYTES);
		convert(w, side, pcm, len / SIDES / BYTES, &sides[side]);
	}
	for (size_t i = 0; i < sides[0].len / BYTES; i++)
		for (int side = 0; side < SIDES; side++)
			add_number(out,
			    (uint16_t)((const int16_t *)(const void *)sides[side].data)[i], BYTES);
	for (int side = 0; side < SIDES; side++)
		buf_free(&sides[side]);
}
