/*
 * brief.h: the template of a brief. {slot} stands for a value; [a part in brackets] is left out when
 * a slot in it is absent. A text that its schema does not pin must stand in double quotes, which no
 * value can end: whatever a value says, it stays what the client said.
 */
#ifndef DOMAIN_BRIEF_H
#define DOMAIN_BRIEF_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/schema.h"

#define BRIEF_CHARS_MAX 4000

/* What is known of a slot; false when there is none of that name. */
typedef bool brief_slot(const void *arg, const char *name, struct schema_bounds *bounds);

/* Whether a template is right, and no values that its slots allow make it longer than most_chars.
 * False with a sentence in error. */
bool brief_check(const char *template, int64_t most_chars, brief_slot *slot, const void *arg,
    char *error, size_t error_size);

/* The brief, in the arena. values: an object of texts, numbers and booleans. The template has been
 * checked. */
const char *brief_make(struct arena *a, const char *template, json_t *values);

#endif
