/*
 * tongue.h: the languages that an agent speaks by itself: what it says without asking a model, turn by turn or
 * in real time, and the words that a script listens for. Pure.
 */
#ifndef DOMAIN_TONGUE_H
#define DOMAIN_TONGUE_H

#include <stdbool.h>

#include "base/mem.h"

#define TONGUE_TAGS 5

struct tongue {
	const char *code; /* ISO 639-1; espeak-ng's voices have these names as well */
	const char *name; /* in English */
	/* BCP 47, as the carrier knows it for speech both ways: the usual one, then other regions; NULL ends it. */
	const char *tags[TONGUE_TAGS];
	const char *disclosure; /* who is calling: the first words of every call */
	const char *moment;     /* one moment */
	const char *find_out;   /* the client is going to be asked */
	const char *patience;   /* … and has not answered yet */
	const char *broken;     /* something does not work: goodbye */
	const char *time_over;  /* of the call: goodbye */
	/* Of the script. In told, the client's answer stands for %s. */
	const char *possible; /* after the brief: would it be? */
	const char *pardon, *thanks, *sorry, *no_verdict;
	const char *told, *go_on, *declined,
	    *unreached; /* an answer: aloud, silently, a no, none */
	/* Words to listen for, "|" between them; later: a yes that is not final yet. */
	const char *ask, *machine, *no, *yes, *later;
};

/* The tongue of a call's language (en, pt-BR, auto, …); NULL when it is not among them. */
const struct tongue *tongue_find(const char *language);
/* The same, but English then. */
const struct tongue *tongue_of(const char *language);
/* The tag of a call's language for the carrier: with its region where the carrier knows that one. */
const char *tongue_tag(const char *language);
/* Whether words (lower case) in any of them are those of an answering machine. */
bool tongue_machine(const char *words);

#endif
