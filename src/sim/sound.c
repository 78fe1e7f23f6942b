/* sound.c: the parts of a sound, one behind the other, to a file. */
#include "sim/sound.h"

#include <inttypes.h>
#include <lame/lame.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "sim/speech.h"
#include "sim/ulaw.h"
#include "sim/wav.h"

#define MP3_RATE 16000

/* --- what it holds --- */

static size_t
text_length(const struct sound *s)
{
	size_t len = 0;

	for (int i = 0; i < s->count; i++)
		len += s->part[i].text == NULL ? 0 : strlen(s->part[i].text);
	return len;
}

void
sound_add_words(struct sound *s, const char *words, const char *language)
{
	struct sound_part *last = s->count == 0 ? NULL : &s->part[s->count - 1];
	size_t before, len = strlen(words);

	if (str_blank(words) || text_length(s) + len + 2 > SOUND_TEXT_MAX)
		return;
	if (text_length(s) == 0)
		snprintf(s->language, sizeof(s->language), "%s", language);
	if (last != NULL && last->text != NULL) {
		before = strlen(last->text);
		last->text = mem_realloc(last->text, before + len + 2);
		last->text[before] = '\n';
		memcpy(last->text + before + 1, words, len + 1);
	} else if (s->count < SOUND_PARTS_MAX) {
		s->part[s->count++] = (struct sound_part){ .text = mem_strdup(words) };
	}
}

void
sound_add_stream(struct sound *s, const char *stream_sid, int64_t samples)
{
	struct sound_part *p;

	if (samples <= 0 || s->count == SOUND_PARTS_MAX)
		return;
	p = &s->part[s->count++];
	*p = (struct sound_part){ .samples = samples };
	memcpy(p->stream_sid, stream_sid, sizeof(p->stream_sid));
}

bool
sound_empty(const struct sound *s)
{
	return s->count == 0;
}

int
sound_seconds(const struct sound *s)
{
	int64_t samples = 0;
	int seconds = 0;

	for (int i = 0; i < s->count; i++)
		if (s->part[i].text != NULL)
			seconds += speech_seconds(s->part[i].text);
		else
			samples += s->part[i].samples;
	return seconds + (int)((samples + ULAW_RATE - 1) / ULAW_RATE);
}

void
sound_key(const struct sound *s, struct buf *out)
{
	buf_printf(out, "%d %s\n", s->side, s->language);
	for (int i = 0; i < s->count; i++)
		if (s->part[i].text != NULL)
			buf_printf(out, "%zu %s\n", strlen(s->part[i].text), s->part[i].text);
		else
			buf_printf(
			    out, "%s %" PRId64 "\n", s->part[i].stream_sid, s->part[i].samples);
}

void
sound_copy(const struct sound *from, struct sound *to)
{
	*to = *from;
	for (int i = 0; i < to->count; i++)
		if (to->part[i].text != NULL)
			to->part[i].text = mem_strdup(to->part[i].text);
}

void
sound_free(struct sound *s)
{
	for (int i = 0; i < s->count; i++)
		free(s->part[i].text);
	*s = (struct sound){ 0 };
}

/* --- files --- */

static bool
write_mp3(int fd, const struct pcm *p)
{
	size_t room = p->count * 5 / 2 + 7200; /* LAME's own bound, at twice the rate */
	unsigned char *bytes = mem_alloc(room);
	lame_t lame = lame_init();
	bool ok = false;
	int n, tail;

	if (lame == NULL)
		abort();
	lame_set_in_samplerate(lame, ULAW_RATE);
	lame_set_out_samplerate(lame, MP3_RATE);
	lame_set_num_channels(lame, 1);
	lame_set_mode(lame, MONO);
	lame_set_brate(lame, 32);
	lame_set_quality(lame, 7);
	lame_set_bWriteVbrTag(lame, 0);
	if (lame_init_params(lame) >= 0) {
		n = lame_encode_buffer(lame, p->sample, NULL, (int)p->count, bytes, (int)room);
		tail = n < 0 ? -1 : lame_encode_flush(lame, bytes + n, (int)room - n);
		ok = tail >= 0 && wav_put(fd, bytes, (size_t)n + (size_t)tail);
	}
	lame_close(lame);
	free(bytes);
	return ok;
}

static bool
write_wav(int fd, const struct pcm *p)
{
	unsigned char *bytes = mem_alloc(p->count * 2 + 1);
	bool ok;

	for (size_t i = 0; i < p->count; i++)
		wav_put_sample(bytes + 2 * i, p->sample[i]);
	ok = wav_put_head(fd, p->count, 1) && wav_put(fd, bytes, p->count * 2);
	free(bytes);
	return ok;
}

static bool
write_voice(int fd, const struct sound *s)
{
	struct pcm p = { 0 };
	uint8_t *bytes;
	bool ok;

	ok = speech_say(s->part[0].text, s->language, &p);
	if (ok) {
		bytes = mem_alloc(p.count + 1);
		for (size_t i = 0; i < p.count; i++)
			bytes[i] = ulaw_encode(p.sample[i]);
		ok = wav_put(fd, bytes, p.count);
		free(bytes);
	}
	pcm_free(&p);
	return ok;
}

static bool
add_part(const struct sound *s, const struct sound_part *part, struct pcm *out)
{
	size_t samples = (size_t)part->samples;

	if (part->text != NULL)
		return speech_fit(part->text, s->language, speech_seconds(part->text), out);
	if (tape_read(part->stream_sid, s->side, pcm_more(out, samples), samples))
		return true;
	log_error("the sound of stream %s is not kept any more", part->stream_sid);
	return false;
}

bool
sound_write(int fd, enum sound_format format, const struct sound *s)
{
	struct pcm p = { 0 };
	size_t whole;
	bool ok = true;

	if (format == SOUND_VOICE)
		return write_voice(fd, s);
	for (int i = 0; i < s->count && ok; i++)
		ok = add_part(s, &s->part[i], &p);
	if (ok) { /* to the second that was told */
		whole = (size_t)sound_seconds(s) * ULAW_RATE;
		if (whole > p.count) {
			size_t rest = whole - p.count;

			memset(pcm_more(&p, rest), 0, rest * sizeof(p.sample[0]));
		}
		ok = format == SOUND_MP3 ? write_mp3(fd, &p) : write_wav(fd, &p);
	}
	pcm_free(&p);
	return ok;
}
