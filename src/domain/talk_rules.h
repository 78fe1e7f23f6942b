/*
 * talk_rules.h: what a language model that talks for the agent is told, and what is taken of its answers.
 * The rules are one constant text; the brief, the slots and all that was said are data beside it. Pure.
 */
#ifndef DOMAIN_TALK_RULES_H
#define DOMAIN_TALK_RULES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

/* After so many turns the script ends the call. */
#define TALK_TURNS_MAX 40
#define TALK_TOKENS_MAX 2000 /* of an answer, thinking included */

extern const char talk_rules[];
/* Of the answer, as "strict" demands. A new reference. */
json_t *talk_schema(void);

struct talk_facts {
	const char *brief, *language, *kind, *today;
	const char *slots;                    /* JSON, or NULL */
	const char *so_far;                   /* JSON: what was said */
	const char *question, *answer, *mode; /* of the turn before, or NULL (domain/talk.h) */
};
/* All of it as one JSON text in which no mark of a chat template stands. */
const char *talk_material(struct arena *a, const struct talk_facts *facts);

/* The answer as a reply (the JSON of sql/020_talker.sql), every text of it plain and bounded, the verdict
 * out of those that an agent may give; NULL when it is none. */
const char *talk_read(struct arena *a, json_t *answer);

#endif
