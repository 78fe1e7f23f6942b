/*
 * desk.h: the database for the conversations of a loop. A thread of its own runs what they have to say and to
 * ask, in order, with the blocking db/db.h, so that no statement ever holds up sound. While the database is
 * away what is to be written waits.
 */
#ifndef VOICE_DESK_H
#define VOICE_DESK_H

#include <stdbool.h>
#include <stdint.h>

#include "domain/voice.h"

struct desk;

struct desk_answer {
	enum voice_act act; /* VOICE_BEGIN, VOICE_END or VOICE_NEWS: the others have no answer */
	uint64_t who;       /* as it was asked */
	struct rows *rows;  /* NULL: it could not be done */
	struct desk_answer *next;
};

/* Starts the thread; the url is copied. Ends the program when it cannot. */
struct desk *desk_new(const char *url, int statement_timeout_ms);
/* Ends the thread, which may be busy with a statement for as long as that may take. */
void desk_free(struct desk *d);

/* Readable when there are answers. */
int desk_fd(const struct desk *d);
/* All answers that there are, oldest first, or NULL; free each with desk_answer_free(). */
struct desk_answer *desk_take(struct desk *d);
void desk_answer_free(struct desk_answer *answer);

/* Hands in one act; the values are copied (see voice_act; NULL where there are fewer). False when too much
 * waits already: it is not done. */
bool desk_put(
    struct desk *d, enum voice_act act, uint64_t who, const char *const values[VOICE_VALUES_MAX]);
/* Whether nothing waits. */
bool desk_idle(struct desk *d);

#endif
