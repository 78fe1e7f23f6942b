/*
 * talk.h: turns of the agent that a language model answers. The worker that answers the carrier asks for a
 * turn and looks whether its reply is there; the talker (src/work) leases what was asked for and brings it.
 * The rules stand in sql/functions/11_talker.sql.
 */
#ifndef DOMAIN_TALK_H
#define DOMAIN_TALK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "db/db.h"

enum talk_state {
	TALK_WAIT,
	TALK_MOMENT, /* it takes long: say so, this once */
	TALK_REPLY,
	TALK_AWAY /* nothing will come of it */
};

/* What the model replied, bounded and plain (domain/talk_rules.h). Texts that are absent are NULL. */
struct talk_reply {
	const char *say;      /* "" says nothing */
	const char *digits;   /* keys to press */
	const char *question; /* for the client, while the callee waits */
	const char *verdict;  /* an outcome_type: the call ends */
	const char *summary;
	const char *learnt; /* JSON (sql/008_bookings.sql) */
};

struct talk_turn {
	enum talk_state state;
	struct talk_reply reply; /* of TALK_REPLY, in the arena */
	bool talked;             /* the model has replied in this call before */
};

/* Asks for the reply to a turn of a call on the line, and looks what has become of it. moment is what is
 * said when that is TALK_MOMENT. Waits for nobody. */
enum rc talk_ask(struct db *db, struct arena *a, const char *call_id, int64_t number,
    const char *moment, struct talk_turn *turn) MUST_CHECK;

/* Turns that were asked for, leased to holder (any text of its own) for four seconds. */
enum {
	TALK_CALL_ID,
	TALK_NUMBER,
	TALK_WORKSPACE_ID,
	TALK_BRIEF,
	TALK_LANGUAGE,
	TALK_KIND,
	TALK_SLOTS,    /* JSON, or NULL */
	TALK_SO_FAR,   /* JSON: what was said */
	TALK_QUESTION, /* that the client was asked in the turn before, or NULL … */
	TALK_ANSWER,   /* … and what he said, or NULL: nothing in time */
	TALK_MODE,
	TALK_TODAY
};
enum rc talks_due(struct db *db, const char *holder, int limit, struct rows **rows) MUST_CHECK;
/* Renews the leases of the holder. */
enum rc talks_hold(struct db *db, const char *holder) MUST_CHECK;

struct talk_done {
	const char *call_id, *number, *workspace_id;
	const char *reply; /* JSON, or NULL: there is none … */
	int64_t again_s;   /* … and after so many seconds it may be asked for again; -1: never */
};
enum rc talk_done(struct db *db, const struct talk_done *done) MUST_CHECK;

#endif
