/*
 * setting.h: the catalogue of the settings of the tree (platform, partner, organization, workspace):
 * one table says which there are, what each may be, and what holds where nobody sets it. A patch, the
 * operator's command and the OpenAPI document all go by it. A setting is stored by its whole path and
 * as a whole, an object too; how levels are merged is domain/config.h's.
 */
#ifndef DOMAIN_SETTING_H
#define DOMAIN_SETTING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

#define SETTING_SCHEMA_MAX 16384 /* bytes of a JSON Schema */

enum setting_type {
	SETTING_BOOL,
	SETTING_INT,    /* a whole number in [min, max] */
	SETTING_NAME,   /* min to max of A-Z a-z 0-9 - _ */
	SETTING_SECRET, /* min to max visible ASCII characters; only the last four are ever shown */
	SETTING_REGION, /* two capital letters */
	SETTING_TEXT,   /* min to max characters, not blank */
	SETTING_NUMBERS,   /* an array of at most max phone numbers in E.164 form */
	SETTING_ADDRESSES, /* an array of at most max mail addresses */
	SETTING_SCHEMA     /* a JSON Schema of an object */
};

struct setting {
	const char *path; /* "processing.auto"; NULL ends the table */
	enum setting_type type;
	int64_t min, max;
	const char *absent; /* what holds where nobody sets it, as JSON text; NULL: nothing */
	const char *help;   /* for the OpenAPI document */
};

extern const struct setting settings_catalogue[];

/* The setting of that path, or NULL. */
const struct setting *setting_find(const char *path);

/* What holds where nobody sets it: a new reference, or NULL. */
json_t *setting_absent(const struct setting *s);

/* What is wrong with a value: a sentence in the arena, or NULL when it is right. */
const char *setting_check(const struct setting *s, struct arena *a, json_t *value);

/*
 * Reads a JSON merge patch of nested objects (borrowed) into one flat object of paths and values, null
 * for what is to be removed: a new reference. null in place of a section removes all that is in it. NULL
 * with a sentence in *why (in the arena), which names the first path that is unknown or not as it must be.
 */
json_t *setting_patch(struct arena *a, json_t *patch, const char **why) MUST_CHECK;

/* Puts a value (its reference is taken) at a path of nested objects. */
void setting_place(json_t *document, const char *path, json_t *value);

/* The paths of the secrets, as PostgreSQL writes an array of texts; in the arena. */
const char *setting_secrets(struct arena *a);

/* The JSON Schema of nested settings, of a patch (nullable) or as they are shown. A new reference. */
json_t *setting_schema(bool patch);

#endif
