/*
 * stt.h: speech to text of a whole recording (Deepgram's "pre-recorded audio" API, version 1). No
 * database, no policy.
 */
#ifndef REMOTE_STT_H
#define REMOTE_STT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "http/fetch.h"

/* The account. Texts are borrowed from the settings. */
struct stt {
	const char *base_url; /* without /v1 and without a final slash */
	const char *api_key;  /* "": there is none */
	const char *ca_file;  /* or NULL */
};

/* A word, timed from the beginning of the recording. */
struct stt_word {
	const char *text;
	int64_t start_ms, end_ms;
	double confidence; /* 0 to 1 */
};

struct stt_words {
	struct stt_word *words;
	int count;
	const char *error; /* what was wrong, for the operator: no word of the recording is in it */
};

/* Sends the first bytes (of that number) of an MP3 file; language is the call's ("auto": to be
 * found out). The texts are in the arena; fd stays open until the exchange has ended. */
void stt_request(const struct stt *s, struct arena *a, int fd, int64_t bytes, const char *language,
    struct fetch *fetch);
/* RC_OK with the words in their order (none: nobody was heard), in the arena; RC_INVALID: asking
 * again is useless (the key, the credit, the audio); RC_LATER. error is set for the latter two. */
enum rc stt_read(
    const struct fetch_result *result, struct arena *a, struct stt_words *words) MUST_CHECK;

/* ---- who said what ---- */

/* What one speaker said at a time. */
struct stt_turn {
	int speaker; /* from 0 */
	const char *text;
	int64_t start_ms, end_ms; /* from the beginning of the recording */
};

struct stt_talk {
	struct stt_turn *turns;
	int count;
	bool away; /* RC_LATER and RC_INVALID: nobody is answered now (away, too fast, our key) */
	const char *error; /* as above */
};

/* Sends the first bytes of a file of sound; content_type is its media type. As stt_request(). */
void stt_talk_request(const struct stt *s, struct arena *a, int fd, int64_t bytes,
    const char *content_type, struct fetch *fetch);
/* As stt_read(): the turns in their order. */
enum rc stt_talk_read(
    const struct fetch_result *result, struct arena *a, struct stt_talk *talk) MUST_CHECK;

/* Whether the key is good, for the operator: RC_OK with the HTTP status, or RC_LATER with a
 * sentence. */
enum rc stt_probe(const struct stt *s, long *status, char why[160]) MUST_CHECK;

#endif
