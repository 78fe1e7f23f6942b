/*
 * exchange.h: many processes of one program ask, one answers: messages of base/texts over Unix sockets that
 * have no name. Askers reach the one who answers through a door, a pair of sockets that their master made
 * before they were forked: through it each hands over one end of a connection of its own. So nobody else can
 * ask, the door outlives whoever answers, and each side sees the other's end.
 */
#ifndef SYS_EXCHANGE_H
#define SYS_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* For the master, before the fork. */
struct exchange_door {
	int outside, inside; /* of those who ask, of the one who answers */
};
/* False, with a line in the log, when there are no sockets. */
bool exchange_door_open(struct exchange_door *door) MUST_CHECK;
void exchange_door_close(struct exchange_door *door);

/* ---- who answers ---- */

struct exchange;
struct question {
	const char *message; /* until it is answered */
	size_t size;
};

/* message_max: how large a question may be. inside is borrowed. Never fails. */
struct exchange *exchange_new(int inside, size_t message_max);
void exchange_free(struct exchange *x);
/*
 * Takes in what has come, waiting for it (timeout_ms, 0: not at all) while no question waits; a signal ends
 * the wait (signals_wait_mask()). Questions of those who have gone are dropped. How many wait.
 */
int exchange_wait(struct exchange *x, int timeout_ms);
/* The oldest of those that wait, in the order in which they came, at most most; how many. They wait on
 * until they are answered, and are good until the next exchange_wait(). */
int exchange_take(struct exchange *x, struct question *taken[], int most);
/* Answers with that message; one that cannot be told any more is forgotten. */
void exchange_answer(struct exchange *x, struct question *q, const struct buf *answer);
/* Lets a question wait on, behind all that wait now. */
void exchange_put_back(struct exchange *x, struct question *q);
/* Whether nobody is connected, or about to be. */
bool exchange_idle(const struct exchange *x);

/* ---- who asks ---- */

struct asker;

/* outside is borrowed. answer_max: how large an answer may be. Never fails. */
struct asker *asker_new(int outside, size_t answer_max);
void asker_free(struct asker *a);
/* Connects, if it is not done: whoever answers then knows of us before we ask. */
void asker_open(struct asker *a);
/*
 * Asks, and waits for the answer. RC_OK, or RC_LATER: nobody answered within wait_ms, or whoever was to do it
 * died; what became of the question is not known then.
 */
enum rc asker_ask(
    struct asker *a, const struct buf *question, int wait_ms, struct buf *answer) MUST_CHECK;

#endif
