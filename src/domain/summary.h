/*
 * summary.h: a transcript read by a language model: what it is shown, what it is to answer, and what of
 * the answer is kept. Pure: nothing is asked here.
 *
 * The transcript is foreign. It is shown as lines of "Role: words", each on one line whatever is in it, and
 * a role holds no colon: so no line can pretend to be two, or another's. Nothing but these lines is in
 * the material, so there is no end of it that words could forge; the instructions are ours and constant.
 * What Unicode hides, and what chat templates take for their own marks, is not shown.
 */
#ifndef DOMAIN_SUMMARY_H
#define DOMAIN_SUMMARY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

/* ---- what is shown ---- */

/* The items of a transcript ([{role, text}]) as lines, in the arena. */
const char *summary_lines(struct arena *a, json_t *items);

/* The next part of such lines: those from the byte *from on, as many as fit into max bytes (at least 256);
 * *from moves behind them. A line that is longer than a part is cut between words, and begins anew with
 * its role. In the arena. */
const char *summary_part(struct arena *a, const char *lines, size_t max, size_t *from);

/* How much a model takes. */
struct summary_room {
	size_t bytes;   /* of material at once */
	int max_tokens; /* of the answer */
};
/* context_tokens is what the model takes in all, ours and its answer; schema_bytes what of it the schema
 * needs; small: a larger part was too much already. */
struct summary_room summary_room(int64_t context_tokens, size_t schema_bytes, bool small);

/* ---- what is asked ---- */

extern const char
    summary_instructions[]; /* of a whole transcript, or of the notes that stand for it */
extern const char summary_note_instructions[]; /* of a part */
/* Behind the instructions when an answer was not as it must be. In the arena. */
const char *summary_instructions_again(struct arena *a, const char *instructions, json_t *schema);

/* What is to be answered. extracted: the workspace's schema as extract_strict() made it, or NULL.
 * New references. */
json_t *summary_schema(json_t *extracted);
json_t *summary_note_schema(void);

/* ---- what is kept ---- */

/* The note of an answer about a part, plain and of at most max bytes, in the arena; NULL when there is
 * none. */
const char *summary_note_read(struct arena *a, json_t *answer, size_t max);

/* Notes ([{note}]) as lines. In the arena. */
const char *summary_notes(struct arena *a, json_t *notes);

struct summary {
	const char *text;
	json_t *result; /* {empty, outcome, sentiment, action_items, extracted}: a new reference */
};
/* False with a sentence in the arena, which holds no word of the answer. schema: the workspace's own, or
 * NULL. */
bool summary_read(struct arena *a, json_t *answer, json_t *schema, struct summary *summary,
    const char **why) MUST_CHECK;

/* ---- what it cost ---- */

struct summary_usage {
	int64_t requests, prompt_tokens, completion_tokens, cost_micros;
};
/* One more answer; prices are for a million tokens. */
void summary_count(struct summary_usage *usage, int64_t prompt_tokens, int64_t completion_tokens,
    double prompt_price, double completion_price);
void summary_add(struct summary_usage *usage, const struct summary_usage *more);
/* As it stands in a result. A new reference. */
json_t *summary_usage_json(const struct summary_usage *usage, const char *model);

#endif
