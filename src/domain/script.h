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

/* A price to be agreed upon. Prices are decimals as text, "135.00". */
struct script_deal {
	const char *job, *place; /* place may be NULL */
	const char *estimate;    /* what the client expects to pay, or NULL */
	const char *limit;       /* what he pays at most, or NULL */
	/* What earlier turns have come to (their learnt): */
	bool countered;     /* less was asked for … */
	const char *wanted; /* … namely this, or (NULL) the best that there is */
	const char *price, *evidence;
};

struct script_turn {
	int64_t turn;      /* 0: the callee has just answered */
	const char *heard; /* "" when nothing was said */
	const char *brief;
	const char *language;           /* of the call: en, ru, auto, … */
	const char *answered_by;        /* machine detection's verdict, or NULL */
	int64_t silent_turns;           /* turns in which nothing was heard, this one included */
	bool asked;                     /* the client was asked in the turn before … */
	const char *answer;             /* … and said this, or (NULL) nothing in time */
	const struct script_deal *deal; /* of a negotiation, or NULL */
	bool aloud; /* the answer is to be said; else the agent goes by it in silence */
};

struct script_reply {
	const char *words;    /* "" says nothing */
	const char *language; /* BCP 47, for speech both ways */
	const char *verdict;  /* NULL: listen on; else an outcome_type, and hang up */
	const char *summary;  /* with a verdict: one sentence */
	const char
	    *learnt; /* JSON: what a booking (sql/008_bookings.sql) or a deal is to know, or NULL */
	const char *question; /* NULL, or what the client is to be asked while the callee waits */
};

/* The deal of a negotiation from the call's slots and what the agent has learnt so far, JSON both. NULL
 * when they name no job. In the arena. */
struct script_deal *script_deal_read(struct arena *a, const char *slots, const char *learnt);

struct script_reply script_reply(struct arena *a, const struct script_turn *turn);

#endif
