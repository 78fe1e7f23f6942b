/*
 * dialogue.h: a dialogue file for the script engine (voice.script, see offhook-voice(8)): what it says in its
 * turns, and what it does with them. For tests, demonstrations and lines that always ask the same.
 */
#ifndef VOICE_DIALOGUE_H
#define VOICE_DIALOGUE_H

#include <stddef.h>

#include "base/mem.h"

/* One thing that may be said in a turn; all but say may be NULL. */
struct dialogue_turn {
	const char
	    *when;       /* phrases with "|" between them, of which the callee must have said one */
	const char *say; /* "" says nothing */
	const char
	    *ask; /* a question to the client, who waits until the callee has been answered … */
	const char *answered; /* … by this, with {answer} in it … */
	const char *dropped;  /* … or by this, when nobody answers; the call ends then */
	const char *press;    /* keys */
	const char *transfer; /* a number */
	const char *end;      /* an outcome_type: the call ends */
	const char *summary;
};

struct dialogue;

/* NULL with a sentence in error. */
struct dialogue *dialogue_load(const char *path, char *error, size_t error_size);
void dialogue_free(struct dialogue *d);

/* What follows the sentence that says who is calling; {brief} stands for the brief. */
const char *dialogue_opening(const struct dialogue *d);
/* What to say after the callee's turn of that number (from 1), who has said those words ("" when they are not
 * known); NULL when the file has nothing more. */
const struct dialogue_turn *dialogue_turn(
    const struct dialogue *d, struct arena *a, int turn, const char *words);

/* The text with every {name} replaced by value; in the arena. */
const char *dialogue_fill(struct arena *a, const char *text, const char *name, const char *value);

#endif
