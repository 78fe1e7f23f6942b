/*
 * extract.h: what a workspace wants to have read out of its calls, by a JSON Schema of its own (the setting
 * summary.schema): how a language model is asked for it, and what of its answer is taken.
 *
 * Understood are type, properties, required, items, enum, const, anyOf, additionalProperties (true or
 * false), minimum, maximum, exclusiveMinimum, exclusiveMaximum, minLength, maxLength, minItems and
 * maxItems, which are checked; format, pattern, multipleOf and uniqueItems, which the model is told and
 * nobody checks; and what only explains. Whatever else a schema says makes it one that cannot be used.
 */
#ifndef DOMAIN_EXTRACT_H
#define DOMAIN_EXTRACT_H

#include <jansson.h>

#include "base/err.h"
#include "base/mem.h"

/* The schema as "strict" structured output wants one: no object allows more than its properties, and all
 * are required; one that the workspace does not require may be null. A new reference; NULL with a sentence
 * in the arena that names the place. */
json_t *extract_strict(struct arena *a, json_t *schema, const char **why) MUST_CHECK;

/* What of a model's answer is kept: it is as the schema (one that extract_strict() takes) wants it, with
 * what nobody asked for left out, and its texts are plain. A new reference; NULL with a sentence in the
 * arena that names the place and no word of the answer. */
json_t *extract_take(struct arena *a, json_t *schema, json_t *answer, const char **why) MUST_CHECK;

#endif
