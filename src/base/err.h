/*
 * err.h: the one set of results. Sorted by what the caller can do about it, so that the HTTP
 * status of an answer and the retry of a job both follow from it.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define MUST_CHECK __attribute__((warn_unused_result))

enum rc {
	RC_OK = 0,
	RC_INVALID,         /* the caller's input is wrong: asking again with it is useless */
	RC_UNAUTHENTICATED, /* nobody we know */
	RC_NO_WORKSPACE,    /* a key above a workspace that named none to act in */
	RC_FORBIDDEN,       /* known, but not allowed */
	RC_NOT_FOUND,       /* no such thing, or not the caller's: the two look alike */
	RC_CONFLICT,        /* the state of things forbids it now */
	RC_NO_CREDIT,       /* the workspace has no credits left */
	RC_LATER,           /* something that we need is away; the same request may work later */
	RC_BROKEN           /* our fault; it has been logged where it happened */
};

/* A short name of a result, for logs. Never NULL. */
const char *rc_name(enum rc rc);

#endif
