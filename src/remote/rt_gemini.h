/*
 * rt_gemini.h: the messages of Google's Gemini Live API (BidiGenerateContent) over a WebSocket, as bytes:
 * what we say into a buffer, what we are told out of one. No socket, no policy. Sound is linear: 16 bits,
 * little endian, mono; 16 kHz to the model, 24 kHz from it.
 */
#ifndef REMOTE_RT_GEMINI_H
#define REMOTE_RT_GEMINI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define RT_GEMINI_HZ_IN 16000
#define RT_GEMINI_HZ_OUT 24000

/* ---- what we say: each appends one message ---- */

struct rt_gemini_setup {
	const char *model; /* without "models/" */
	const char *instructions;
	const char *voice;  /* or NULL, "": the model's usual one */
	json_t *tools;      /* an array of {name, description, parameters}, or NULL */
	const char *handle; /* of the session that goes on, or NULL */
};

/* The first message of a connection; nothing else may be sent before the setup is complete. */
void rt_gemini_begin(struct buf *out, const struct rt_gemini_setup *setup);
/* So many bytes of sound at RT_GEMINI_HZ_IN. */
void rt_gemini_sound(struct buf *out, const void *pcm, size_t len);
/* A text of ours, upon which the model acts. */
void rt_gemini_text(struct buf *out, const char *text);
/* A tool's result, an object. */
void rt_gemini_result(struct buf *out, const char *call_id, const char *name, const json_t *result);

/* ---- what we are told ---- */

#define RT_GEMINI_PARTS_MAX 32
#define RT_GEMINI_CALLS_MAX 16

struct rt_gemini_sound {
	const char *base64; /* checked */
	size_t len;
};

struct rt_gemini_call {
	const char *id, *name;
	json_t *arguments; /* an object */
};

/* A message may say several of these at once. Pointers live until rt_gemini_clear(). */
struct rt_gemini_told {
	bool setup_complete;
	bool interrupted;         /* the callee spoke over the model */
	bool generation_complete; /* the model has told all of its turn … */
	bool turn_complete;       /* … and it would have been heard by now */
	bool go_away;             /* the connection ends soon … */
	int64_t go_away_ms;       /* … in so long */
	bool resumption;          /* an update: … */
	const char *handle; /* … how to go on in another connection, or NULL: not just now */
	const char *heard, *spoken; /* fragments of the callee's and the agent's words, or NULL */
	bool heard_finished, spoken_finished;
	struct rt_gemini_sound sounds[RT_GEMINI_PARTS_MAX]; /* of RT_GEMINI_HZ_OUT */
	int sound_count;
	struct rt_gemini_call calls[RT_GEMINI_CALLS_MAX];
	int call_count;
	const char *cancelled[RT_GEMINI_CALLS_MAX]; /* ids of calls */
	int cancelled_count;
	json_t *tree;
};

/* Reads a message (of text or binary frames), which must stay as long as told. RC_OK, or RC_INVALID when
 * it is none of this protocol: then told is empty. What we do not know is passed over. */
enum rc rt_gemini_read(const char *message, size_t len, struct rt_gemini_told *told) MUST_CHECK;
void rt_gemini_clear(struct rt_gemini_told *told);

#endif
