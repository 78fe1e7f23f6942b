/*
 * callee.h: who answers the phone. The last four digits of a number choose the callee (contract
 * section 8), and a rule for that number changes what it says (contract section 13).
 */
#ifndef SIM_CALLEE_H
#define SIM_CALLEE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

#define CALLEE_LINES_MAX 64

enum outcome {
	OUTCOME_ANSWER,
	OUTCOME_BUSY,
	OUTCOME_NO_ANSWER,
	OUTCOME_FAILED,
	OUTCOME_VOICEMAIL,
	OUTCOME_LOST_REPLY,
	OUTCOME_ERROR_AFTER_ACCEPT,
	OUTCOME_ERROR,
	OUTCOME_THROTTLE_ONCE,
	OUTCOME_SILENT,
	OUTCOME_DUPLICATE,
	OUTCOME_REFUSE
};

struct callee {
	enum outcome outcome;
	int ring_ms;
	int talk_ms;
	int patience_ms;          /* hangs up that long after answering; 0: does not */
	const char *const *lines; /* what is said, turn by turn; NULL ends it */
	bool repeats;             /* the last line again and again, whenever spoken to */
	bool leaves;              /* hangs up when there is nothing left to say */
	const char *digits;       /* pressed once, at the first chance; NULL: none */
	/* on a media stream alone */
	const char *language; /* of its voice */
	int first_ms;         /* speaks first when the agent is silent so long; -1: does not */
	int silence_ms;       /* of the agent, that makes it the callee's turn */
	int interrupt_ms; /* speaks so long after the agent began, and does not wait; 0: waits */
	int hold_ms;      /* music on hold; 0: none */
	int hold_turn;    /* after so many of its turns */
	/* how far it is */
	bool spoken_to; /* since its last words: set by whoever speaks */
	int turn;
	int silent_turns;
};

/* The callee under this number. Its texts are copied to the arena where a rule has them. The world
 * lock is held, here and below. */
struct callee callee_for(const char *number, struct arena *arena);
/* A copy whose texts are in the arena: for whoever goes on without the lock. */
struct callee callee_copy(const struct callee *c, struct arena *arena);
/* True, once for each number, when the first try to reach it is to be throttled. */
bool callee_throttles(const char *number, const struct callee *c);

enum heard { HEARD_SPEECH, HEARD_DIGITS, HEARD_NOTHING, HEARD_HANGUP };

/* What the callee does when it is its turn. words is set for speech and digits. */
enum heard callee_hear(struct callee *c, bool speech, bool dtmf, const char **words);

/* Adds or replaces the rule in a JSON object. Returns false with a reason. */
bool rule_add(const json_t *rule, char why[128]);
void rules_clear(void);
/* Forgets rules and throttled numbers: at the end of the program. */
void callee_close(void);

#endif
