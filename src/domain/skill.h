/*
 * skill.h: what the product can be asked for by name. A skill is a file, its manifest: what it is,
 * which slots it wants, how they become the brief of a call. Manifests are read once, at the start of
 * a program, and a set of them is never changed; doc/skills.md says how to write one.
 */
#ifndef DOMAIN_SKILL_H
#define DOMAIN_SKILL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "base/schema.h"

/* Texts are the manifest's. */
struct skill {
	const char *id, *title, *description;
	const char *kind;         /* of its calls, as POST /calls has it */
	const char *phone_slot;   /* the slot with the number to dial, or NULL: then … */
	const char *booking_slot; /* … the slot with the booking whose number is dialed */
	json_t *manifest;         /* as its file has it */
	struct schema *schema;    /* of its slots */
};

struct skill_set;

/* Reads each *.json of a folder. NULL with a sentence in error that names file and field. */
struct skill_set *skill_set_load(const char *dir, char *error, size_t error_size);
void skill_set_free(struct skill_set *set); /* NULL is fine */

/* By their ids, in order. */
size_t skill_count(const struct skill_set *set);
const struct skill *skill_at(const struct skill_set *set, size_t i);
/* NULL when there is none; set may be NULL. */
const struct skill *skill_find(const struct skill_set *set, const char *id);

/* What was given to a run. */
struct skill_input {
	json_t *slots;   /* declared slots, with defaults; NULL when something was wrong */
	json_t *missing; /* array of {slot_name, reason, suggested_question, type_hint} */
	json_t *invalid; /* object: slot, and what it must be */
};

/* Reads the slots from an object. What comes in input belongs to the arena. True when all is well. */
bool skill_read(
    const struct skill *skill, struct arena *a, json_t *object, struct skill_input *input);
/* Says that a slot is wrong after all. */
void skill_refuse(struct skill_input *input, const char *slot, const char *says);

/* Slots as text; NULL when the skill has none of that name. */
const char *skill_slot(const struct skill_input *input, const char *name);
/* The brief of a call, of at most 4,000 characters, in the arena. More holds what the template may
 * name besides the slots, or is NULL. */
const char *skill_brief(
    const struct skill *skill, struct arena *a, const struct skill_input *input, json_t *more);

/* A URL template of the manifest ("status_url_template") for a call, in the arena. */
const char *skill_url(
    const struct skill *skill, struct arena *a, const char *template, const char *call_id);
/* What a caller does next, sentence by sentence. A new reference. */
json_t *skill_next_steps(const struct skill *skill, struct arena *a, const char *call_id);

#endif
