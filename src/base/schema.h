/*
 * schema.h: as much of JSON Schema as describes one flat object, and no more: type, required,
 * properties, additionalProperties, enum, pattern, format (date, time), minimum, maximum,
 * minLength, maxLength. title, description, default and examples may stand there too. Whatever
 * else a schema says is refused when it is read, so that nothing is taken for checked that is not.
 *
 * Everything is bounded: properties, patterns, and what matching a pattern may cost.
 */
#ifndef BASE_SCHEMA_H
#define BASE_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

#define SCHEMA_PROPERTIES_MAX 32

struct schema;

/* Reads a schema (borrowed; the schema keeps a reference). NULL with a sentence in error that names
 * the property and the keyword. */
struct schema *schema_new(json_t *text, char *error, size_t error_size);
void schema_free(struct schema *schema); /* NULL is fine */

enum schema_fault { SCHEMA_REQUIRED, SCHEMA_EMPTY, SCHEMA_INVALID };
/* Told of each property that is wrong: required and absent, required and blank, or not as it must
 * be. says is a sentence about what it must be ("must be a whole number from 1 to 50"). */
typedef void schema_told(
    void *arg, const char *property, enum schema_fault fault, const char *says);

/*
 * Checks an object. null is as good as absent, and so is a blank text where one is required.
 * Returns what the schema declares of it, with defaults, in the schema's order: a new reference;
 * or NULL when something was wrong. says lies in the arena.
 */
json_t *schema_check(
    const struct schema *schema, struct arena *a, json_t *object, schema_told *told, void *arg);

/* The properties, in their order. */
size_t schema_count(const struct schema *schema);
const char *schema_name(const struct schema *schema, size_t i);

/* What is known of a property beforehand. */
struct schema_bounds {
	int64_t max_chars; /* that its value can have when written; -1: no limit */
	bool always;       /* it is required or has a default */
	bool free_text;    /* any text: neither enum, format nor pattern pins it */
	bool text;
};
/* False when there is no such property. */
bool schema_bounds(const struct schema *schema, const char *name, struct schema_bounds *bounds);

#endif
