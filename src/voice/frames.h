/*
 * frames.h: the messages of the carrier's media stream (its "Media Streams WebSocket messages" page),
 * read and written. Pure: bytes in, values out.
 */
#ifndef VOICE_FRAMES_H
#define VOICE_FRAMES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define FRAME_MAX 16384      /* bytes of a message; the carrier's usual one has 350 */
#define FRAME_SOUND_MAX 4096 /* bytes of sound in one: half a second */
#define FRAME_MARK_MAX 32    /* bytes of the name of a mark */
#define FRAME_SID_SIZE 36    /* with its zero */

enum frame_kind {
	FRAME_CONNECTED,
	FRAME_START,
	FRAME_SOUND,
	FRAME_KEY,
	FRAME_MARK,
	FRAME_STOP,
	FRAME_OTHER /* well-formed, and of no use to us: an event or a track that we do not know */
};

/* What there is of these depends on the kind. Texts are owned by the frame; base64 may stand in the message. */
struct frame {
	enum frame_kind kind;
	char stream_sid[FRAME_SID_SIZE];    /* "" of FRAME_CONNECTED and FRAME_OTHER */
	const char *account_sid, *call_sid; /* FRAME_START */
	const char *token;                  /* FRAME_START: its parameter of that name, or NULL */
	const char *base64; /* FRAME_SOUND: mu-law at 8 kHz, checked; not ended by a zero */
	size_t base64_len;
	char key;         /* FRAME_KEY: 0-9 * # A-D */
	const char *mark; /* FRAME_MARK */
	json_t *owner;
};

/* Reads one message, which must outlive the frame; false when it is none that the carrier sends, or sound in
 * another form than ours. On true the frame is to be freed. */
bool frame_read(const char *text, size_t len, struct frame *f);
void frame_free(struct frame *f);

/* Append one message each. len is at most FRAME_SOUND_MAX. */
void frame_sound(struct buf *out, const char *stream_sid, const uint8_t *pcmu, size_t len);
void frame_mark(struct buf *out, const char *stream_sid, const char *name);
void frame_clear(struct buf *out, const char *stream_sid);

#endif
