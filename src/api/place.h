/*
 * place.h: placing calls for a client: POST /calls and every other route that starts some, the one way
 * to a call. The wish is the route's; idempotency, refusals, the wait for the dial where the queue is
 * off, and what is kept for a repetition are here, the same for all.
 */
#ifndef API_PLACE_H
#define API_PLACE_H

#include <stdbool.h>

#include "api/gate.h"
#include "domain/call.h"
#include "domain/task.h"

struct place {
	struct call_wish wish;
	struct call_acceptance acceptance; /* once accepted */
	/*
	 * Answers for a call that was accepted with the queue off: 201 when the carrier has it, 202
	 * when that is not known yet. With the queue on the answer is the wish's, or the queued body.
	 * Anything but RC_OK for 201 is followed by a 202, which must not fail.
	 */
	enum rc (*answer)(
	    struct ask *ask, const struct place *p, int status, const struct call_dial *dial);
	const char *past;   /* what is said of a time that has passed */
	bool says_replayed; /* its bodies have a field "replayed", true in a repetition */
	const void *arg;    /* of answer */
};

/* Of the answers of every route that places calls; 429 with the same body is every route's. */
#define PLACE_BARRED                                                                               \
	{                                                                                          \
		403,                                                                               \
		    "Such numbers may not be called, or the workspace's calls were stopped:"       \
		    " error_code (destination_denied, dialing_held) and message. Likewise"         \
		    " 429 where a limit of its calls is reached (destination_limit, hourly_limit," \
		    " daily_limit).",                                                              \
		    "Error"                                                                        \
	}

/* The header that place_key() takes, for the route's table. */
extern const struct field place_headers[];

/* A new wish, with what the settings say. */
void place_init(struct place *p, const struct ask *ask);

/* Takes the Idempotency-Key, whose keys are scoped to route. RC_INVALID with an answer. */
enum rc place_key(struct ask *ask, struct place *p, const char *route) MUST_CHECK;

/* Whether the number can be dialed; RC_INVALID with a 400 that names the field. */
enum rc place_number(struct ask *ask, const struct place *p, const char *field) MUST_CHECK;

/* Accepts the call and answers. */
enum rc place_call(struct ask *ask, struct place *p) MUST_CHECK;

/* The same for a task, whose calls are the wish's alike: all of them or none. Nobody waits for a dial. */
enum rc place_task(struct ask *ask, struct place *p, const struct task_wish *task) MUST_CHECK;

/* Answers for an acceptance that was had elsewhere: its body, or the refusal. */
enum rc place_answer(struct ask *ask, const struct place *p) MUST_CHECK;

/* Answers what would be refused before anything about the call itself; *refused is false, and
 * nothing is answered, when that is nothing. */
enum rc place_foretell(struct ask *ask, struct place *p, bool *refused) MUST_CHECK;

#endif
