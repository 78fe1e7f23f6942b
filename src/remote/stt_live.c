/*
 * stt_live.c: see stt_live.h. Parts of an utterance are settled one after the other (is_final), and it
 * ends with speech_final, or with UtteranceEnd where noise hid the pause. Guesses are not asked for by
 * anybody: they come because UtteranceEnd wants them switched on.
 */
#include "remote/stt_live.h"

#include <math.h>
#include <string.h>

#include "base/json.h"

#define STREAM_MS_MAX (48.0 * 3600 * 1000)

/* ---- what we say ---- */

void
stt_live_url(struct buf *out, const char *base, const char *language)
{
	buf_puts(out, base);
	buf_puts(out, strchr(base, '?') == NULL ? "?" : "&");
	buf_puts(out,
	    "model=nova-3&encoding=mulaw&sample_rate=8000&channels=1&smart_format=true"
	    "&interim_results=true&endpointing=300&utterance_end_ms=1000&language=");
	buf_urlencode(out, strcmp(language, "auto") == 0 ? "multi" : language);
}

/* ---- what we are told ---- */

void
stt_live_init(struct stt_live *s)
{
	memset(s, 0, sizeof *s);
	buf_init(&s->text, STT_LIVE_TEXT_MAX);
}

void
stt_live_free(struct stt_live *s)
{
	buf_free(&s->text);
}

/* An utterance has been told: the next begins. */
static void
start_anew(struct stt_live *s)
{
	buf_clear(&s->text);
	s->begun = false;
}

/* Seconds to milliseconds, whatever they are. */
static int64_t
ms_of(json_t *value)
{
	double ms = json_number_value(value) * 1000;

	return ms > 0 && ms < STREAM_MS_MAX ? llround(ms) : 0;
}

/* The times of a part: of its words, or of the whole span where there are none. */
static void
take_times(struct stt_live *s, json_t *message, json_t *words)
{
	json_t *first = json_array_get(words, 0);
	json_t *last = json_array_get(words, json_array_size(words) - 1);
	int64_t from = ms_of(json_object_get(message, "start"));
	int64_t to = from + ms_of(json_object_get(message, "duration"));

	if (json_is_object(first) && json_is_object(last)) {
		from = ms_of(json_object_get(first, "start"));
		to = ms_of(json_object_get(last, "end"));
	}
	if (!s->begun)
		s->start_ms = from;
	if (!s->begun || to > s->end_ms)
		s->end_ms = to > s->start_ms ? to : s->start_ms;
	s->begun = true;
}

/* What does not fit any more is left out: the beginning of an utterance tells more. */
static void
append(struct stt_live *s, const char *text)
{
	if (s->text.len + 1 + strlen(text) > s->text.max)
		return;
	if (s->text.len > 0)
		buf_puts(&s->text, " ");
	buf_puts(&s->text, text);
}

static enum rc
read_results(struct stt_live *s, json_t *message, enum stt_live_said *said)
{
	json_t *list = json_object_get(json_object_get(message, "channel"), "alternatives");
	json_t *best = json_array_get(list, 0);
	const char *text = json_string_value(json_object_get(best, "transcript"));

	if (text == NULL)
		return RC_INVALID;
	if (!json_is_true(json_object_get(message, "is_final")))
		return RC_OK;
	if (text[0] != '\0') {
		take_times(s, message, json_object_get(best, "words"));
		append(s, text);
	}
	if (s->begun && json_is_true(json_object_get(message, "speech_final")))
		*said = STT_LIVE_UTTERANCE;
	return RC_OK;
}

static enum rc
read_tree(struct stt_live *s, json_t *message, enum stt_live_said *said)
{
	const char *type = json_string_value(json_object_get(message, "type"));

	if (type == NULL)
		return RC_INVALID;
	if (strcmp(type, "Results") == 0)
		return read_results(s, message, said);
	if (strcmp(type, "UtteranceEnd") == 0 && s->begun)
		*said = STT_LIVE_UTTERANCE;
	else if (strcmp(type, "Metadata") == 0)
		*said = STT_LIVE_OVER;
	return RC_OK;
}

enum rc
stt_live_read(struct stt_live *s, const char *message, size_t len, enum stt_live_said *said)
{
	char why[64];
	json_t *tree = json_parse_strict(message, len, why);
	enum rc rc;

	if (s->told)
		start_anew(s);
	*said = STT_LIVE_NOTHING;
	rc = read_tree(s, tree, said);
	s->told = *said == STT_LIVE_UTTERANCE;
	json_decref(tree);
	return rc;
}

bool
stt_live_rest(struct stt_live *s)
{
	if (s->told)
		start_anew(s);
	s->told = s->begun;
	return s->begun;
}
