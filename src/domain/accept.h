/*
 * accept.h: accepting calls. Whoever wants one accepted asks the committer of his host (call_accept()),
 * which hands all that wait to one statement (accept_run()); the rules are fn.calls_accept's.
 */
#ifndef DOMAIN_ACCEPT_H
#define DOMAIN_ACCEPT_H

#include "domain/call.h"
#include "sys/exchange.h"

/* How large the message of a wish may be: every text of it comes out of a body of 1 MiB. */
#define ACCEPT_MESSAGE_MAX ((size_t)8 << 20)
/* How many wishes one statement takes. */
#define ACCEPT_AT_ONCE 64

/*
 * Accepts the call or says why not; whoever returns has seen the commit. Results other than RC_OK are
 * who_result()'s and db_run()'s, and RC_LATER when the committer does not answer within wait_ms: whether
 * there is a call is not known then. Texts of the acceptance are in the arena.
 */
enum rc call_accept(struct asker *committer, int wait_ms, struct arena *a,
    const struct credential *who, const struct call_wish *wish,
    struct call_acceptance *acceptance) MUST_CHECK;

/* ---- the committer's side ---- */

/* The message that asks for a call; it has failed when it is too large. */
void accept_ask(struct buf *message, const struct credential *who, const struct call_wish *wish);

/* A wish as the statement takes it, in a message that accept_ask() made. */
#define ACCEPT_FIELDS 25
struct accept_wish {
	const char *fields[ACCEPT_FIELDS]; /* in the message; NULL is absent */
};
/* False when the message is none of accept_ask()'s. */
bool accept_read(const char *message, size_t size, struct accept_wish *wish) MUST_CHECK;

/*
 * Accepts so many wishes, at most ACCEPT_AT_ONCE, in one statement and one commit; rows are to be freed, with
 * one for each wish in their order. Results are db_run()'s: RC_INVALID and RC_BROKEN may be one wish's fault,
 * and nothing of any was done.
 */
enum rc accept_run(
    struct db *db, const struct accept_wish wishes[], int count, struct rows **rows) MUST_CHECK;

/* Whether nothing was done for that wish because of another before it, or of somebody else's transaction: it is
 * to be put to the next statement. */
bool accept_again(const struct rows *rows, int row);
/* The message that answers a wish: what its row says; without rows (NULL) the result why there are none. */
void accept_answer(struct buf *message, enum rc rc, const struct rows *rows, int row);

#endif
