/*
 * line.h: a media stream of a call: the messages both ways, the callee who speaks in it, the
 * agent's sound that is played, and what is known of it afterwards. The socket is wire.c's.
 *
 * Lines belong to the line lock. It may be taken while the world lock is held, never the other way
 * round: what a line has to tell the world is fetched with line_news() and told afterwards.
 */
#ifndef SIM_LINE_H
#define SIM_LINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "sim/callee.h"
#include "sim/sid.h"
#include "sim/tape.h"

#define LINE_OUT_ROOM 32 /* bytes before each message, for the socket's library */

struct line_order {
	char stream_sid[SID_SIZE], call_sid[SID_SIZE];
	const char *url;    /* copied, and so the next two */
	json_t *parameters; /* an object of texts */
	const struct callee *callee;
	bool greeted; /* a machine has greeted before */
};

struct line;

void line_lock(void);
void line_unlock(void);

/* --- the lock is held in all of these --- */

struct line *line_new(const struct line_order *order);
struct line *line_get(const char *stream_sid);
const char *line_sid(const struct line *l);
const char *line_url(const struct line *l);
/* What the socket's owner wants to find again. */
void line_set_wire(struct line *l, void *wire);
void *line_wire(const struct line *l);

/* The socket is open: the first two messages are ready to be sent. Frames are due from then on. */
void line_open(struct line *l, int64_t now_us);
/* When the next frame is due; INT64_MAX when none is. */
int64_t line_due_us(const struct line *l);
/* The frame that is due: sound and marks both ways. */
void line_tick(struct line *l);
/* A piece of a message, first and last being told. */
void line_received(struct line *l, const void *bytes, size_t len, bool first, bool last,
    bool binary, int64_t now_us);
/* The next message to be sent (its bytes follow LINE_OUT_ROOM free ones), or NULL. It stays the
 * line's until line_sent() takes it away. */
uint8_t *line_next(struct line *l, size_t *len);
void line_sent(struct line *l, int64_t now_us);
/* The carrier ends it: "stop" is the last message. */
void line_stop(struct line *l, int64_t now_us);
/* True when everything has been said and the socket is to be closed; late when the customer has
 * had its time to read the rest. */
bool line_finished(const struct line *l, int64_t now_us, bool *late);
/* The socket is closed. code: 0, or the carrier's code of what went wrong; close_code as in
 * RFC 6455, 0 for none. */
void line_over(struct line *l, int code, const char *why, int close_code);

/* The voice of one of the callee's lines is there (a mapping, taken over), or NULL. */
void line_voice(struct line *l, size_t number, void *bytes, size_t len);
/* Which of them is to be made now, -1 for none, and its text and language. */
int line_wants(struct line *l, const char **text, const char **language);

#define LINE_WARNINGS_MAX 4
struct line_news {
	char call_sid[SID_SIZE];
	struct line_warning {
		int code;
		char why[100];
	} warnings[LINE_WARNINGS_MAX];
	int warning_count;
	bool opened;  /* "start" has been sent */
	bool beeped;  /* a machine's greeting is over */
	bool hung_up; /* the callee does */
	bool over;    /* the stream is over; code and why as in line_over() */
	int code;
	char why[100];
	int turn, silent_turns; /* of the callee, once it is over */
	bool pressed;           /* its keys are used up */
};
/* True when some line has news. */
bool line_some_news(void);
/* What has happened since the last time. False: nothing. */
bool line_news(struct line *l, struct line_news *out);

/* --- these take the lock themselves --- */

/* So much of its sound is kept, and 0 when nobody is to be heard on that side. */
int64_t line_samples(const char *stream_sid, enum tape_side side);
/* What is known of the last stream of a call, or NULL. */
json_t *line_json(const char *call_sid);
/* Its sound, open for reading, or -1. */
int line_tape(const char *call_sid);
void line_close_all(void);

#endif
