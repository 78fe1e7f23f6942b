/* stt.c: see stt.h. */
#include "remote/stt.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define CONNECT_MS 5000
#define PROBE_MS 10000
/* Ten minutes: an upload of hours, and their recognition. */
#define TOTAL_MS 600000
#define REPLY_MAX (32u << 20)
#define WORD_MS_MAX (48.0 * 3600 * 1000)
#define SPEAKER_MAX 999

/* A language as the API names one: "en", "pt-BR". */
static bool
is_language(const char *s)
{
	size_t len = strlen(s);

	return len >= 2 && len <= 10 && strcmp(s, "auto") != 0 &&
	    strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-") == len;
}

static const char *const *
headers(const struct stt *s, struct arena *a)
{
	const char **list = arena_alloc(a, 2 * sizeof *list);

	list[0] = arena_printf(a, "Authorization: Token %s", s->api_key);
	return list;
}

static void
make_request(const struct stt *s, struct arena *a, int fd, int64_t bytes, struct fetch *fetch)
{
	*fetch = (struct fetch){
		.method = "POST",
		.headers = headers(s, a),
		.from_fd = fd,
		.body_len = (size_t)bytes,
		.connect_ms = CONNECT_MS,
		.total_ms = TOTAL_MS,
		.ca_file = s->ca_file,
		.max_reply = REPLY_MAX,
		.to_fd = -1,
	};
}

void
stt_request(const struct stt *s, struct arena *a, int fd, int64_t bytes, const char *language,
    struct fetch *fetch)
{
	/* punctuate gives the words as they are written; times are there in any case. */
	const char *tongue = is_language(language) ? arena_printf(a, "language=%s", language)
						   : "detect_language=true";

	make_request(s, a, fd, bytes, fetch);
	fetch->url = arena_printf(
	    a, "%s/v1/listen?model=nova-3&punctuate=true&%s", s->base_url, tongue);
	fetch->content_type = "audio/mpeg";
}

void
stt_talk_request(const struct stt *s, struct arena *a, int fd, int64_t bytes,
    const char *content_type, struct fetch *fetch)
{
	make_request(s, a, fd, bytes, fetch);
	/* Naming a model of speakers is enough to have them told apart. */
	fetch->url = arena_printf(a,
	    "%s/v1/listen?model=nova-3&smart_format=true&detect_language=true&utterances=true"
	    "&diarize_model=latest",
	    s->base_url);
	fetch->content_type = content_type;
}

/* ---- the answer ---- */

static json_t *
body_of(const struct fetch_result *result)
{
	char why[64];

	return json_parse_strict(result->body.data, result->body.len, why);
}

/* Codes and ids alone may be repeated: a message could quote what we have sent. */
static const char *
plain(json_t *body, const char *name)
{
	const char *s = json_string_value(json_object_get(body, name));

	return s != NULL && strlen(s) <= 64 &&
		strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") ==
		    strlen(s)
	    ? s
	    : NULL;
}

/* What an error answer says: the code has two names, and there may be none. */
static const char *
explain(const struct fetch_result *result, struct arena *a)
{
	json_t *body = body_of(result);
	const char *code = plain(body, "err_code");
	const char *request = plain(body, "request_id");
	const char *text;

	if (code == NULL)
		code = plain(body, "category");
	text = arena_printf(a, "Deepgram answered %ld%s%s%s%s", result->status,
	    code != NULL ? " " : "", code != NULL ? code : "", request != NULL ? ", request " : "",
	    request != NULL ? request : "");
	json_decref(body);
	return text;
}

/* Seconds of the reply to milliseconds, whatever they are. */
static int64_t
ms_of(json_t *value)
{
	double ms = json_number_value(value) * 1000;

	return ms > 0 && ms < WORD_MS_MAX ? llround(ms) : 0;
}

static void
read_word(json_t *value, struct arena *a, struct stt_words *words)
{
	const char *text = json_string_value(json_object_get(value, "punctuated_word"));
	struct stt_word *word = &words->words[words->count];

	if (text == NULL)
		text = json_string_value(json_object_get(value, "word"));
	if (text == NULL || text[0] == '\0')
		return;
	word->text = arena_strdup(a, text);
	word->start_ms = ms_of(json_object_get(value, "start"));
	word->end_ms = ms_of(json_object_get(value, "end"));
	word->confidence = json_number_value(json_object_get(value, "confidence"));
	words->count++;
}

/* results.channels[0].alternatives[0].words; false when there is no such thing. */
static bool
read_words(json_t *body, struct arena *a, struct stt_words *words)
{
	json_t *channel = json_array_get(
	    json_object_get(json_object_get(body, "results"), "channels"), 0);
	json_t *list = json_object_get(
	    json_array_get(json_object_get(channel, "alternatives"), 0), "words");
	json_t *value;
	size_t i;

	if (!json_is_array(list))
		return false;
	words->words = arena_alloc(a, (json_array_size(list) + 1) * sizeof *words->words);
	json_array_foreach(list, i, value)
	{
		read_word(value, a, words);
	}
	return true;
}

/* RC_OK: there is an answer to be read. Else the reason. */
static enum rc
sort_answer(const struct fetch_result *result, struct arena *a, const char **error)
{
	if (result->end != FETCH_ANSWERED) {
		*error = arena_printf(a, "Deepgram could not be asked: %s", result->error);
		return RC_LATER;
	}
	if (result->status == 200)
		return RC_OK;
	*error = explain(result, a);
	return result->status >= 400 && result->status < 500 && result->status != 408 &&
		result->status != 429
	    ? RC_INVALID
	    : RC_LATER;
}

enum rc
stt_read(const struct fetch_result *result, struct arena *a, struct stt_words *words)
{
	enum rc rc;
	json_t *body;
	bool whole;

	memset(words, 0, sizeof *words);
	if ((rc = sort_answer(result, a, &words->error)) != RC_OK)
		return rc;
	body = body_of(result);
	whole = read_words(body, a, words);
	json_decref(body);
	if (!whole)
		words->error = "Deepgram's answer holds no words";
	return whole ? RC_OK : RC_LATER;
}

/* ---- who said what ---- */

static void
read_turn(json_t *value, struct arena *a, struct stt_talk *talk)
{
	const char *text = json_string_value(json_object_get(value, "transcript"));
	json_t *speaker = json_object_get(value, "speaker");
	struct stt_turn *turn = &talk->turns[talk->count];
	json_int_t number;

	if (text == NULL || text[0] == '\0')
		return;
	/* Where speakers are not told apart, channels may be. */
	number = json_integer_value(
	    json_is_integer(speaker) ? speaker : json_object_get(value, "channel"));
	turn->speaker = number > 0 && number <= SPEAKER_MAX ? (int)number : 0;
	turn->text = arena_strdup(a, text);
	turn->start_ms = ms_of(json_object_get(value, "start"));
	turn->end_ms = ms_of(json_object_get(value, "end"));
	talk->count++;
}

/* results.utterances; false when there is no such thing. */
static bool
read_turns(json_t *body, struct arena *a, struct stt_talk *talk)
{
	json_t *list = json_object_get(json_object_get(body, "results"), "utterances"), *value;
	size_t i;

	if (!json_is_array(list))
		return false;
	talk->turns = arena_alloc(a, (json_array_size(list) + 1) * sizeof *talk->turns);
	json_array_foreach(list, i, value)
	{
		read_turn(value, a, talk);
	}
	return true;
}

enum rc
stt_talk_read(const struct fetch_result *result, struct arena *a, struct stt_talk *talk)
{
	enum rc rc;
	json_t *body;
	bool whole;

	memset(talk, 0, sizeof *talk);
	if ((rc = sort_answer(result, a, &talk->error)) != RC_OK) {
		talk->away = rc == RC_LATER || (result->status >= 401 && result->status <= 403);
		return rc;
	}
	body = body_of(result);
	whole = read_turns(body, a, talk);
	json_decref(body);
	if (!whole)
		talk->error = "Deepgram's answer holds no utterances";
	return whole ? RC_OK : RC_LATER;
}

enum rc
stt_probe(const struct stt *s, long *status, char why[160])
{
	struct arena *a = arena_new();
	struct fetch f = { .method = "GET",
		.url = arena_printf(a, "%s/v1/projects", s->base_url),
		.headers = headers(s, a),
		.connect_ms = CONNECT_MS,
		.total_ms = PROBE_MS,
		.ca_file = s->ca_file,
		.max_reply = REPLY_MAX,
		.to_fd = -1 };
	struct fetch_result result;
	enum rc rc;

	fetch_wait(&f, &result);
	rc = result.end == FETCH_ANSWERED ? RC_OK : RC_LATER;
	*status = result.status;
	snprintf(why, 160, "%s", result.error);
	fetch_result_free(&result);
	arena_free(a);
	return rc;
}
