/*
 * rules.h: what a model is told before a call: the rules, which are ours, and the errand, which is data. The
 * errand is quoted as JSON, so that nothing in it can end the quotation, and the rules say what it is.
 * Pure. What the agent says by itself stands in domain/tongue.h.
 */
#ifndef VOICE_RULES_H
#define VOICE_RULES_H

#include <jansson.h>
#include <stdbool.h>

#include "base/mem.h"

struct rules_case {
	const char *brief;
	const char *language;     /* en, ru, auto, … */
	const char *kind;         /* of the call */
	const char *slots;        /* JSON, or NULL */
	json_t *transfer_numbers; /* an array of texts, borrowed; NULL or empty: no transfers */
};

/* In the arena. */
const char *rules_instructions(struct arena *a, const struct rules_case *c);

/* The tools of an agent: an array of {name, description, parameters}, a new reference. */
json_t *rules_tools(const struct rules_case *c);

/* Words of ours into the conversation (engine_kind.prompt), for a model to act upon. */
#define RULES_SILENCE \
	"[system] The callee has been silent for a while. Ask briefly whether they are still there."
#define RULES_HOLDING                                                                           \
	"[system] Your client has not answered yet. Ask the callee in one short sentence for a" \
	" little more patience."
#define RULES_TIME                                                                         \
	"[system] The time for this call is nearly over. Come to an end now: say goodbye," \
	" then call end_call."
#define RULES_SCREENING                                                                       \
	"[system] A call screening service is listening. Say in one sentence that you are an" \
	" automated assistant and what the call is about, then wait."

/* Whether words of the callee are those of an answering machine, or of a service that screens calls. */
bool rules_voicemail(struct arena *a, const char *words);
bool rules_screening(struct arena *a, const char *words);

#endif
