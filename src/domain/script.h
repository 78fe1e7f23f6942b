/*
 * script.h: the built-in agent that needs no network: it says who it is and reads the brief,
 * listens, and judges what it hears by a dialogue script. The same turn and words always give the
 * same reply.
 */
#ifndef DOMAIN_SCRIPT_H
#define DOMAIN_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

struct script_turn {
	int64_t turn;      /* 0: the callee has just answered */
	const char *heard; /* "" when nothing was said */
	const char *brief;
	const char *language;    /* of the call: en, ru, auto, … */
	const char *answered_by; /* machine detection's verdict, or NULL */
	int64_t silent_turns;    /* turns in which nothing was heard, this one included */
	bool asked;              /* the client was asked in the turn before … */
	const char *answer;      /* … and said this, or (NULL) nothing in time */
	bool aloud; /* the answer is to be said; else the agent goes by it in silence */
};

struct script_reply {
	const char *words;    /* "" says nothing */
	const char *language; /* BCP 47, for speech both ways */
	const char *verdict;  /* NULL: listen on; else an outcome_type, and hang up */
	const char *summary;  /* with a verdict: one sentence */
	const char *learnt;   /* JSON: what a booking is to know (sql/008_bookings.sql), or NULL */
	const char *question; /* NULL, or what the client is to be asked while the callee waits */
};

struct script_reply script_reply(struct arena *a, const struct script_turn *turn);

#endif
