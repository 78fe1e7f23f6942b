/*
 * place.h: placing a call for a client: POST /calls and every other route that starts one. The wish is
 * the route's; idempotency, refusals, the wait for the dial where the queue is off, and what is kept
 * for a repetition are here, the same for all.
 */
#ifndef API_PLACE_H
#define API_PLACE_H

#include <stdbool.h>

#include "api/gate.h"
#include "domain/call.h"

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
	bool says_replayed; /* its bodies have a field "replayed", true in a repetition */
	const void *arg;    /* of answer */
};

/* The header that place_key() takes, for the route's table. */
extern const struct field place_headers[];

/* A new wish, with what the settings say. */
void place_init(struct place *p, const struct ask *ask);

/* Takes the Idempotency-Key, whose keys are scoped to route. RC_INVALID with an answer. */
enum rc place_key(struct ask *ask, struct place *p, const char *route) MUST_CHECK;

/* Whether the number can be dialed; RC_INVALID with a 400 that names the field. */
enum rc place_number(struct ask *ask, const struct place *p, const char *field) MUST_CHECK;

/* Accepts the call and answers. The one way to a call. */
enum rc place_call(struct ask *ask, struct place *p) MUST_CHECK;

/* Answers what would be refused before anything about the call itself; *refused is false, and
 * nothing is answered, when that is nothing. */
enum rc place_foretell(struct ask *ask, struct place *p, bool *refused) MUST_CHECK;

#endif
