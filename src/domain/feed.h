/*
 * feed.h: the calls of other telephone systems (CallRail) that workspaces want: whose turn it is to be
 * asked, what came of it, how far everything is. The rules stand in sql/functions/17_callrail.sql.
 */
#ifndef DOMAIN_FEED_H
#define DOMAIN_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "db/db.h"

/* Brings whose calls are wanted to what the settings of the tree want. */
enum rc feed_refresh(struct db *db) MUST_CHECK;

/* What to ask now, of each account one question, leased for 60 s. Columns: */
enum {
	FEED_ACCOUNT_ID,
	FEED_LEASE,
	FEED_COMPANY_ID, /* NULL: of all */
	FEED_API_KEY,    /* a secret */
	FEED_FROM_US,    /* since 1970, with a margin for zones */
	FEED_UNTIL_US,
	FEED_PAGE
};
enum rc feed_turn(struct db *db, int limit, struct rows **rows) MUST_CHECK;

/* Who holds the account. Texts are borrowed. */
struct feed_lease {
	const char *account_id;
	const char *lease;
};

/* The workspaces (one column) that are to have the answer; none when the lease is not the newest. The
 * lease lasts anew. */
enum rc feed_takers(struct db *db, const struct feed_lease *held, struct rows **rows) MUST_CHECK;

/* Takes a page of calls into a workspace: calls is a JSON array of {id, start, duration, url,
 * items, metadata}. *count of them are to be worked on. RC_CONFLICT: the lease is not the newest. */
enum rc feed_take(struct db *db, const struct feed_lease *held, const char *workspace_id,
    const char *calls, int64_t *count) MUST_CHECK;

/* All have the page; last: the last of its window; odd entries of it could not be read. RC_CONFLICT
 * likewise. */
enum rc feed_turned(struct db *db, const struct feed_lease *held, bool last, int odd) MUST_CHECK;

struct feed_failure {
	bool useless; /* asking the same again would be */
	long status;  /* HTTP, 0 when there was none */
	int64_t retry_after_s;
	const char *error; /* a sentence without a secret */
};
enum rc feed_failed(
    struct db *db, const struct feed_lease *held, const struct feed_failure *failure) MUST_CHECK;

/*
 * For whoever else asks CallRail something (where a recording is): takes the request out of what the
 * account may be asked, leaving some for the poller. *wait_s is 0, or says when to come again, because
 * that is used up or the account wants to be left alone.
 */
enum rc feed_spend(struct db *db, const char *account_id, int64_t *wait_s) MUST_CHECK;
/* The account answered 429, 5xx or not at all: everybody leaves it alone for a while. */
enum rc feed_pause(
    struct db *db, const char *account_id, const struct feed_failure *failure) MUST_CHECK;

#endif
