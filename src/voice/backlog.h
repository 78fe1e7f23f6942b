/*
 * backlog.h: messages that wait to be sent over a WebSocket: a queue with a bound, in one piece of memory
 * that is kept. Sound that has become too old, or stands in the way of words, is dropped, oldest first;
 * everything else is not. Times are those of clock_boot_us().
 */
#ifndef VOICE_BACKLOG_H
#define VOICE_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum backlog_kind {
	BACKLOG_WORDS, /* a text message that must arrive */
	BACKLOG_SOUND, /* a text message that may be dropped */
	BACKLOG_BYTES  /* a binary message that may be dropped */
};

struct backlog {
	unsigned char *data; /* owned; items in order from head to tail */
	size_t cap, max;
	size_t head, tail;
	int64_t sound_age_us;
	int64_t dropped; /* bytes of messages so far */
};

void backlog_init(struct backlog *b, size_t max, int64_t sound_age_ms);
void backlog_free(struct backlog *b);

/* Appends a message. False: words do not fit, even without any sound. */
bool backlog_add(
    struct backlog *b, enum backlog_kind kind, const char *bytes, size_t len, int64_t now);

/* The message that is next, after what is too old has been dropped; NULL when nothing waits. It may be
 * written to, as may LWS_PRE bytes before it, until the next call of any of these. */
unsigned char *backlog_next(struct backlog *b, int64_t now, enum backlog_kind *kind, size_t *len);
/* It has been sent. */
void backlog_pop(struct backlog *b);
/* Whether nothing waits, as far as one can tell without looking at ages. */
bool backlog_empty(const struct backlog *b);

#endif
