/*
 * listening.h: who may listen to a call while it goes on, and behind which door of offhook-voice it is talked.
 * The rules stand in sql/functions/19_listening.sql.
 */
#ifndef DOMAIN_LISTENING_H
#define DOMAIN_LISTENING_H

#include <stdbool.h>

#include "auth/who.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/db.h"

enum listening_stand {
	LISTENING_OPEN,
	LISTENING_ADMINS,    /* the caller reaches the call, and is no admin */
	LISTENING_FORBIDDEN, /* voice.live_listening is false */
	LISTENING_WAITS,     /* nobody has answered yet */
	LISTENING_TURNS,     /* the agent does not talk in real time, or not yet */
	LISTENING_OVER,
	LISTENING_CLOSED,   /* the loop that talks has no door */
	LISTENING_ELSEWHERE /* the call is talked on another machine */
};

/* Texts are in the arena. */
struct listening {
	enum listening_stand stand;
	const char *door;       /* LISTENING_OPEN */
	const char *expires_at; /* of the ticket: LISTENING_OPEN, where one was wanted */
};

enum listening_act {
	LISTENING_LOOK,  /* changes nothing */
	LISTENING_BEGIN, /* somebody listens from now on: it is noted */
	LISTENING_TICKET /* hash is that of a new ticket */
};

/* Somebody asks with a credential. ticket_hash is bytea text, or NULL. RC_UNAUTHENTICATED; RC_NOT_FOUND: he
 * reaches no such call. */
enum rc listening_ask(struct db *db, struct arena *a, const struct credential *who,
    const char *call_id, const char *machine, enum listening_act act, const char *ticket_hash,
    struct listening *l) MUST_CHECK;

/* Somebody shows a ticket, which is taken if he is to begin and the call is open to it. RC_UNAUTHENTICATED: it is
 * not good for this call. */
enum rc listening_take(struct db *db, struct arena *a, const char *ticket_hash, const char *call_id,
    const char *machine, bool begin, struct listening *l) MUST_CHECK;

#endif
