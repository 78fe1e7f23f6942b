/*
 * feed.h: the database for the streams. A thread of its own reads it with the blocking db/db.h, so
 * that neither a slow statement nor an outage ever holds up a heartbeat. It is asked and answers
 * through a mailbox; answers come in the order in which the table was looked at.
 */
#ifndef STREAM_FEED_H
#define STREAM_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "db/db.h"

struct feed;

enum answer_kind {
	ANSWER_NEWS,   /* rows of call_event_news() */
	ANSWER_REPLAY, /* rows of call_event_replay() */
	ANSWER_STAND   /* rows of call_event_stand() */
};

struct answer {
	enum answer_kind kind;
	struct rows *rows;
	uint64_t listener;     /* of ANSWER_REPLAY, as it was asked */
	char call_id[ID_SIZE]; /* likewise */
	struct answer *next;
};

/* Starts the thread; the url is copied. Ends the program when it cannot. */
struct feed *feed_new(const char *url, int statement_timeout_ms);
/* Ends the thread, which may be busy with a statement for as long as that may take. */
void feed_free(struct feed *f);

/* Readable when there are answers. */
int feed_fd(const struct feed *f);
/* All answers that there are, oldest first, or NULL; free each with answer_free(). */
struct answer *feed_take(struct feed *f);
void answer_free(struct answer *answer);

/* Whether news are wanted. */
void feed_follow(struct feed *f, bool on);
/* While the database is away questions are kept, and answered later. */
void feed_ask_replay(
    struct feed *f, uint64_t listener, const char *call_id, int64_t after, int limit);
/* False while such a question is not answered yet. */
bool feed_ask_stand(struct feed *f, const char *calls);

#endif
