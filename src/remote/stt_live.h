/*
 * stt_live.h: speech to text while it is spoken: the messages of Deepgram's live API, version 1, and the
 * utterances that they come to. No socket, no policy.
 */
#ifndef REMOTE_STT_LIVE_H
#define REMOTE_STT_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* ---- what we say ---- */

/* Appends the URL of a stream of mu-law at 8 kHz: base is the operator's, with or without a query. */
void stt_live_url(struct buf *out, const char *base, const char *language);

/* Text messages; sound goes in binary ones, of which none may be empty. */
#define STT_LIVE_KEEP_ALIVE "{\"type\":\"KeepAlive\"}"
#define STT_LIVE_FINALIZE "{\"type\":\"Finalize\"}"
#define STT_LIVE_CLOSE "{\"type\":\"CloseStream\"}"

/* ---- what we are told ---- */

#define STT_LIVE_TEXT_MAX 8192

/* An utterance that is being put together. */
struct stt_live {
	struct buf text;
	int64_t start_ms, end_ms; /* of its first and last word */
	bool begun;
	bool told; /* it was the answer to the last question: the next begins anew */
};

enum stt_live_said {
	STT_LIVE_NOTHING,
	STT_LIVE_UTTERANCE, /* text, start_ms, end_ms: until the next message is read */
	STT_LIVE_OVER       /* nothing follows */
};

void stt_live_init(struct stt_live *s);
void stt_live_free(struct stt_live *s);
/* Reads a message. RC_INVALID: it is none of this protocol, and has changed nothing. Times count the
 * sound that was sent. */
enum rc stt_live_read(
    struct stt_live *s, const char *message, size_t len, enum stt_live_said *said) MUST_CHECK;
/* The stream has ended: whether an utterance is left that nobody has ended. */
bool stt_live_rest(struct stt_live *s);

#endif
