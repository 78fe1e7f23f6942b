/*
 * speech.c: text to PCM to a file.
 *
 * A call that ends must tell the length of its recording at once, and must not wait for a
 * synthesis of a tenth of a second of CPU. So the length is decided first, from the text, and
 * the sound is made to fit it later, when somebody asks for the file. What is told is then
 * always true.
 */
#include "sim/speech.h"

#include <errno.h>
#include <espeak-ng/speak_lib.h>
#include <lame/lame.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#define WAV_RATE 8000
#define MP3_RATE 16000
#define USUAL_WPM 175
#define FASTEST_WPM 450
#define SECONDS_MAX 3600

static int rate; /* of the synthesizer, Hz; 0 before it has been started */

struct pcm {
	int16_t *sample;
	size_t count, room;
};

static void
pcm_add(struct pcm *p, const int16_t *samples, size_t count)
{
	if (p->count + count > p->room) {
		p->room = (p->count + count) * 2;
		p->sample = mem_realloc(p->sample, p->room * sizeof(p->sample[0]));
	}
	memcpy(p->sample + p->count, samples, count * sizeof(samples[0]));
	p->count += count;
}

int
speech_seconds(const char *text)
{
	int64_t ms = 300;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p >= '0' && *p <= '9')
			ms += 400;
		else if (strchr(".,;:?!\n", *p) != NULL)
			ms += 250;
		else if ((*p & 0xc0) != 0x80) /* not the tail of a UTF-8 character */
			ms += 58;
	}
	ms = (ms + 999) / 1000;
	return ms > SECONDS_MAX ? SECONDS_MAX : (int)ms;
}

static int
on_samples(short *samples, int count, espeak_EVENT *events)
{
	struct pcm *p = events->user_data;

	if (samples != NULL && count > 0 && p != NULL)
		pcm_add(p, samples, (size_t)count);
	return 0;
}

static bool
start(void)
{
	if (rate > 0)
		return true;
	rate = espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 200, NULL, espeakINITIALIZE_DONT_EXIT);
	if (rate <= 0) {
		log_error("espeak-ng does not start: is its data installed?");
		rate = 0;
		return false;
	}
	espeak_SetSynthCallback(on_samples);
	return true;
}

static void
set_language(const char *language)
{
	char name[16];
	size_t len = strcspn(language, "-_");

	if (len > 0 && len < sizeof(name)) {
		memcpy(name, language, len);
		name[len] = '\0';
		if (espeak_SetVoiceByName(name) == EE_OK)
			return;
	}
	espeak_SetVoiceByName("en");
}

static bool
synthesize(const char *text, int wpm, struct pcm *out)
{
	out->count = 0;
	espeak_SetParameter(espeakRATE, wpm, 0);
	return espeak_Synth(text, strlen(text) + 1, 0, POS_CHARACTER, 0, espeakCHARS_UTF8, NULL,
		   out) == EE_OK &&
	    espeak_Synchronize() == EE_OK;
}

/* The words in exactly so many samples. */
static bool
speak(const char *text, const char *language, size_t wanted, struct pcm *out)
{
	int wpm = USUAL_WPM;

	set_language(language);
	if (!synthesize(text, wpm, out))
		return false;
	while (out->count > wanted && wpm < FASTEST_WPM) {
		wpm = (int)((double)wpm * (double)out->count / (double)wanted) + 10;
		if (wpm > FASTEST_WPM)
			wpm = FASTEST_WPM;
		if (!synthesize(text, wpm, out))
			return false;
	}
	if (out->count < wanted) {
		out->sample = mem_realloc(out->sample, wanted * sizeof(out->sample[0]));
		memset(out->sample + out->count, 0, (wanted - out->count) * sizeof(out->sample[0]));
	}
	out->count = wanted;
	return true;
}

static bool
put(int fd, const void *bytes, size_t len)
{
	const char *p = bytes;
	ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			n = 0;
		if (n < 0) {
			log_error("a recording cannot be written: %s", strerror(errno));
			return false;
		}
	}
	return true;
}

static bool
write_mp3(int fd, const struct pcm *p)
{
	size_t room = p->count * 5 / 4 + 7200;
	unsigned char *bytes = mem_alloc(room);
	lame_t lame = lame_init();
	bool ok = false;
	int n, tail;

	if (lame == NULL)
		abort();
	lame_set_in_samplerate(lame, rate);
	lame_set_out_samplerate(lame, MP3_RATE);
	lame_set_num_channels(lame, 1);
	lame_set_mode(lame, MONO);
	lame_set_brate(lame, 32);
	lame_set_quality(lame, 7);
	lame_set_bWriteVbrTag(lame, 0);
	if (lame_init_params(lame) >= 0) {
		n = lame_encode_buffer(lame, p->sample, NULL, (int)p->count, bytes, (int)room);
		tail = n < 0 ? -1 : lame_encode_flush(lame, bytes + n, (int)room - n);
		ok = tail >= 0 && put(fd, bytes, (size_t)n + (size_t)tail);
	}
	lame_close(lame);
	free(bytes);
	return ok;
}

static void
put_le(unsigned char *at, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = (unsigned char)(value >> 8 * i);
}

/* Fewer samples: each is the mean of those that it stands for. Good enough for a telephone. */
static bool
write_wav(int fd, const struct pcm *p)
{
	size_t count = p->count * WAV_RATE / (size_t)rate;
	size_t len = 44 + count * 2;
	unsigned char *file = mem_zalloc(1, len);
	bool ok;

	memcpy(file, "RIFF....WAVEfmt ", 16);
	put_le(file + 4, (uint32_t)(len - 8), 4);
	put_le(file + 16, 16, 4);
	put_le(file + 20, 1, 2);
	put_le(file + 22, 1, 2);
	put_le(file + 24, WAV_RATE, 4);
	put_le(file + 28, WAV_RATE * 2, 4);
	put_le(file + 32, 2, 2);
	put_le(file + 34, 16, 2);
	memcpy(file + 36, "data", 4);
	put_le(file + 40, (uint32_t)(count * 2), 4);
	for (size_t i = 0; i < count; i++) {
		size_t from = i * (size_t)rate / WAV_RATE, to = (i + 1) * (size_t)rate / WAV_RATE;
		int64_t sum = 0;

		for (size_t k = from; k < to; k++)
			sum += p->sample[k];
		put_le(file + 44 + i * 2, (uint32_t)(sum / (int64_t)(to - from)), 2);
	}
	ok = put(fd, file, len);
	free(file);
	return ok;
}

bool
speech_write(int fd, enum speech_format format, const char *text, const char *language, int seconds)
{
	struct pcm p = { 0 };
	bool ok;

	if (!start())
		return false;
	ok = speak(text, language, (size_t)seconds * (size_t)rate, &p);
	if (ok)
		ok = format == SPEECH_MP3 ? write_mp3(fd, &p) : write_wav(fd, &p);
	free(p.sample);
	return ok;
}

void
speech_close(void)
{
	if (rate > 0)
		espeak_Terminate();
	rate = 0;
}
