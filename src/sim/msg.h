/*
 * msg.h: the messages of a media stream. Those that the carrier sends are made here, byte by byte
 * as it makes them; those that it accepts are read as strictly as it reads them.
 */
#ifndef SIM_MSG_H
#define SIM_MSG_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "sim/sid.h"

#define MSG_BYTES_MAX (1024 * 1024) /* of a message to the carrier */

#define MSG_NAME_MAX 4096 /* of a mark; the carrier's own bound is not known */

/* Whose messages these are, and how many there were: "connected" is not counted. */
struct msg_line {
	char stream_sid[SID_SIZE], call_sid[SID_SIZE];
	const char *account_sid;
	uint64_t sequence, chunk;
};

/* Each adds one message to out. */
void msg_connected(struct buf *out);
void msg_start(struct msg_line *l, json_t *parameters, struct buf *out);
/* timestamp_ms: since the stream's start. */
void msg_media(
    struct msg_line *l, int64_t timestamp_ms, const uint8_t *pcmu, size_t len, struct buf *out);
void msg_mark(struct msg_line *l, const char *name, struct buf *out);
void msg_dtmf(struct msg_line *l, char digit, struct buf *out);
void msg_stop(struct msg_line *l, struct buf *out);

enum msg_kind { MSG_MEDIA, MSG_MARK, MSG_CLEAR };

struct msg {
	enum msg_kind kind;
	uint8_t *audio; /* of a media message; owned */
	size_t len;
	char *name; /* of a mark; owned */
};

#define MSG_INVALID 31951
#define MSG_WHY_SIZE 100
/* Reads a text message. Returns 0, or MSG_INVALID with a reason; out is then empty. */
int msg_read(
    const char *text, size_t len, const char *stream_sid, struct msg *out, char why[MSG_WHY_SIZE]);
void msg_release(struct msg *m);

#endif
