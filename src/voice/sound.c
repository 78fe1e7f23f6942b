/* sound.c: see sound.h. */
#include "voice/sound.h"

#include <spandsp.h>
#include <speex/speex_resampler.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define KEY_ON_MS 100
#define KEY_OFF_MS 100
#define WAIT_MS 500
#define QUALITY 3 /* of 0 to 10: speech over a telephone */

void
sound_to_pcmu(const int16_t *samples, size_t count, uint8_t *pcmu)
{
	for (size_t i = 0; i < count; i++)
		pcmu[i] = linear_to_ulaw(samples[i]);
}

void
sound_from_pcmu(const uint8_t *pcmu, size_t count, int16_t *samples)
{
	for (size_t i = 0; i < count; i++)
		samples[i] = ulaw_to_linear(pcmu[i]);
}

struct sound_rate {
	SpeexResamplerState *state;
	unsigned from, to;
};

struct sound_rate *
sound_rate_new(unsigned from_hz, unsigned to_hz)
{
	struct sound_rate *r = mem_zalloc(1, sizeof *r);
	int error;

	r->from = from_hz;
	r->to = to_hz;
	r->state = speex_resampler_init(1, from_hz, to_hz, QUALITY, &error);
	if (r->state == NULL)
		abort(); /* memory is gone */
	(void)speex_resampler_skip_zeros(r->state);
	return r;
}

void
sound_rate_free(struct sound_rate *r)
{
	if (r != NULL)
		speex_resampler_destroy(r->state);
	free(r);
}

void
sound_rate_run(struct sound_rate *r, const int16_t *samples, size_t count, struct buf *out)
{
	int16_t part[1024];

	while (count > 0) {
		spx_uint32_t in = count > 4096 ? 4096 : (spx_uint32_t)count;
		spx_uint32_t made = sizeof part / sizeof part[0];

		speex_resampler_process_int(r->state, 0, samples, &in, part, &made);
		if (in == 0 && made == 0)
			return;
		buf_add(out, part, made * sizeof part[0]);
		samples += in;
		count -= in;
	}
}

static void
add_silence(struct buf *out, int ms)
{
	uint8_t silence[SOUND_BYTES_A_MS * WAIT_MS];

	memset(silence, SOUND_SILENCE, sizeof silence);
	buf_add(out, silence, (size_t)ms * SOUND_BYTES_A_MS);
}

static void
add_key(dtmf_tx_state_t *tones, char key, struct buf *out)
{
	int16_t samples[SOUND_RATE / 1000 * (KEY_ON_MS + KEY_OFF_MS)];
	uint8_t pcmu[sizeof samples / sizeof samples[0]];
	int made;

	dtmf_tx_put(tones, &key, 1);
	while ((made = dtmf_tx(tones, samples, sizeof samples / sizeof samples[0])) > 0) {
		sound_to_pcmu(samples, (size_t)made, pcmu);
		buf_add(out, pcmu, (size_t)made);
	}
}

bool
sound_keys(const char *keys, struct buf *out)
{
	size_t count = strlen(keys);
	dtmf_tx_state_t *tones;

	if (count == 0 || count > SOUND_KEYS_MAX || strspn(keys, "0123456789*#ABCDw") != count)
		return false;
	tones = dtmf_tx_init(NULL);
	if (tones == NULL)
		abort(); /* memory is gone */
	dtmf_tx_set_timing(tones, KEY_ON_MS, KEY_OFF_MS);
	for (size_t i = 0; i < count; i++) {
		if (keys[i] == 'w')
			add_silence(out, WAIT_MS);
		else
			add_key(tones, keys[i], out);
	}
	dtmf_tx_free(tones);
	return true;
}
