/*
 * speech.c: text to PCM.
 *
 * A call that ends must tell the length of its recording at once, and must not wait for a
 * synthesis of a tenth of a second of CPU. So the length is decided first, from the text, and
 * the sound is made to fit it later, when somebody asks for the file. What is told is then
 * always true. A callee on a media stream has no such trouble: it speaks as long as it takes.
 */
#include "sim/speech.h"

#include <espeak-ng/speak_lib.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "sim/ulaw.h"

#define USUAL_WPM 175
#define FASTEST_WPM 450
#define SECONDS_MAX 3600
#define QUIET 64 /* samples below this are no part of a word */

static int rate; /* of the synthesizer, Hz; 0 before it has been started */

int16_t *
pcm_more(struct pcm *p, size_t count)
{
	size_t before = p->count;

	if (p->count + count > p->room) {
		p->room = (p->count + count) * 2;
		p->sample = mem_realloc(p->sample, p->room * sizeof(p->sample[0]));
	}
	p->count += count;
	return p->sample + before;
}

void
pcm_free(struct pcm *p)
{
	free(p->sample);
	*p = (struct pcm){ 0 };
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
		memcpy(pcm_more(p, (size_t)count), samples, (size_t)count * sizeof(samples[0]));
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

/* Fewer samples: each is the mean of those that it stands for. Good enough for a telephone. */
static void
add_slower(const struct pcm *from, struct pcm *out)
{
	size_t count = from->count * ULAW_RATE / (size_t)rate;
	int16_t *to = pcm_more(out, count);

	for (size_t i = 0; i < count; i++) {
		size_t first = i * (size_t)rate / ULAW_RATE;
		size_t end = (i + 1) * (size_t)rate / ULAW_RATE;
		int64_t sum = from->sample[first], summed = 1;

		for (size_t k = first + 1; k < end; k++, summed++)
			sum += from->sample[k];
		to[i] = (int16_t)(sum / summed);
	}
}

/* The words in at most so many of the synthesizer's samples, if the fastest speech allows it. */
static bool
hurry(const char *text, size_t wanted, struct pcm *out)
{
	int wpm = USUAL_WPM;

	if (!synthesize(text, wpm, out))
		return false;
	while (out->count > wanted && wpm < FASTEST_WPM) {
		wpm = (int)((double)wpm * (double)out->count / (double)wanted) + 10;
		if (wpm > FASTEST_WPM)
			wpm = FASTEST_WPM;
		if (!synthesize(text, wpm, out))
			return false;
	}
	return true;
}

bool
speech_fit(const char *text, const char *language, int seconds, struct pcm *out)
{
	size_t end = out->count + (size_t)seconds * ULAW_RATE;
	struct pcm spoken = { 0 };
	bool ok;

	if (!start())
		return false;
	set_language(language);
	ok = hurry(text, (size_t)seconds * (size_t)rate, &spoken);
	if (ok) {
		add_slower(&spoken, out);
		if (out->count < end) {
			size_t rest = end - out->count;

			memset(pcm_more(out, rest), 0, rest * sizeof(out->sample[0]));
		}
		out->count = end;
	}
	pcm_free(&spoken);
	return ok;
}

static bool
quiet(int16_t sample)
{
	return sample > -QUIET && sample < QUIET;
}

bool
speech_say(const char *text, const char *language, struct pcm *out)
{
	struct pcm spoken = { 0 }, slow = { 0 };
	size_t first = 0;
	bool ok;

	if (!start())
		return false;
	set_language(language);
	ok = synthesize(text, USUAL_WPM, &spoken);
	if (ok) {
		add_slower(&spoken, &slow);
		while (slow.count > 0 && quiet(slow.sample[slow.count - 1]))
			slow.count--;
		while (first < slow.count && quiet(slow.sample[first]))
			first++;
		if (slow.count > first)
			memcpy(pcm_more(out, slow.count - first), slow.sample + first,
			    (slow.count - first) * sizeof(slow.sample[0]));
	}
	pcm_free(&spoken);
	pcm_free(&slow);
	return ok;
}

void
speech_close(void)
{
	if (rate > 0)
		espeak_Terminate();
	rate = 0;
}
