/*
 * agent.h: the turn-based agent's memory: what it heard and said. A turn that comes twice is
 * answered twice alike. The rules stand in sql/functions/06_agent.sql.
 */
#ifndef DOMAIN_AGENT_H
#define DOMAIN_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "db/db.h"

enum agent_next {
	AGENT_HANG_UP, /* the call is over, or the asker is not the leg that we dialed */
	AGENT_REPLAY,  /* answer twiml */
	AGENT_HOLD,    /* the client has not answered yet: let the callee wait, then ask again */
	AGENT_SPEAK    /* think, then agent_said() */
};

/* What the carrier brings with a turn. */
struct agent_ask {
	const char *call_id;
	const char *attempt_id; /* or NULL */
	const char *call_sid;
	int64_t turn;            /* 0: the callee has just answered */
	const char *heard;       /* "" when nothing was said */
	const char *answered_by; /* or NULL */
	int64_t max_talk_s;
};

struct agent_turn {
	enum agent_next next;
	const char *twiml;
	const char *brief;
	const char *language;
	const char *answered_by; /* or NULL */
	int64_t silent_turns;    /* turns so far in which nothing was heard */
	bool asked;              /* the client was asked in the turn before … */
	const char *answer;      /* … and said this, or (NULL) nothing in time */
	const char *mode;        /* of the answer: voice or context */
	const char *kind;        /* of the call */
	const char *slots;       /* JSON: its parsed_slots, or NULL */
	const char *learnt;      /* JSON: what the turns before have come to, or NULL */
	bool thinking;           /* a language model was asked for this turn (domain/talk.h) */
};

enum rc agent_hear(struct db *db, struct arena *a, const struct agent_ask *ask,
    struct agent_turn *turn) MUST_CHECK;

/* AGENT_HOLD: keeps what the callee said while waiting (ask->heard) and the words that he is told upon it.
 * look: of the looks for the answer in this turn, from 1; each is taken in once. */
enum rc agent_held(
    struct db *db, const struct agent_ask *ask, int64_t look, const char *words) MUST_CHECK;

/* What the agent says; verdict NULL: the talk goes on. */
struct agent_reply {
	const char *words;
	const char *twiml;
	const char *verdict; /* an outcome_type: this reply ends the call */
	const char *summary;
	const char *learnt;     /* JSON (sql/008_bookings.sql), or NULL */
	const char *question;   /* NULL, or what the client is asked … */
	int64_t wait_s;         /* … for so long … */
	const char *answer_url; /* … to be answered there */
};

/* Keeps the reply; twiml is what is to be answered (an earlier answer to the same turn wins). */
enum rc agent_said(struct db *db, struct arena *a, const char *call_id, int64_t turn,
    const struct agent_reply *reply, const char **twiml) MUST_CHECK;

#endif
