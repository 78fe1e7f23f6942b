/*
 * valid.h: field tables to typed values, and the same tables to OpenAPI schemas. A handler only
 * meets values that are of the declared type and range, and never sees a field that nobody
 * declared. Errors have the shape of seed 003's HTTPValidationError items: loc, msg, type, input,
 * with the texts that API clients of that generation know ("Field required", type "missing").
 */
#ifndef HTTP_VALID_H
#define HTTP_VALID_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

enum field_type {
	FIELD_TEXT,   /* string; min and max count characters (0: no limit) */
	FIELD_NUMBER, /* a JSON number; its owner reads it from the text of the body, exactly */
	FIELD_INT,    /* integer in [min, max]; a number sent as a string is not one (body) */
	FIELD_BOOL,   /* boolean; in a query: true, false, 1, 0 */
	FIELD_CHOICE, /* string, one of choices ("a|b|c") */
	FIELD_OBJECT, /* a JSON object, kept as it is */
	FIELD_LIST,   /* a JSON array of [min, max] texts, or what items says; the handler
	               * checks what stands in it */
	FIELD_TEXT_OR_LIST, /* a text, or a list as of FIELD_LIST */
	FIELD_TIME          /* string, ISO 8601 date and time with Z or an offset */
};

struct field {
	const char *name; /* NULL ends a table */
	enum field_type type;
	bool required;
	bool nullable;       /* null is taken as absent */
	int64_t min, max;    /* 0, 0: no limit */
	const char *choices; /* FIELD_CHOICE: "a|b" */
	const char
	    *pattern; /* FIELD_CHOICE that the seed declares as a pattern: its text, or NULL */
	const char *format; /* FIELD_TEXT: for OpenAPI, e.g. "uri"; the handler checks it */
	const char *absent; /* default as JSON text ("\"auto\"", "100"), or NULL */
	/* For the OpenAPI document alone: */
	const char *title;
	const char *help;
	const char *example;   /* as JSON text, or NULL */
	const char *component; /* FIELD_CHOICE: the name of its schema, or NULL: written in place */
	const char *items;     /* lists: the schema of what stands in it, or NULL: texts */
};

#define VALID_FIELDS_MAX 24

/* Typed values, by the position of the field in its table. Owned by the arena. */
struct input {
	const struct field *fields;
	bool given[VALID_FIELDS_MAX];     /* was in the request and not null */
	json_t *values[VALID_FIELDS_MAX]; /* as given, or the default, or NULL */
	json_t *errors;                   /* array for 422, empty when all is well; borrowed */
	json_t *root;                     /* the whole body, or NULL; borrowed */
};

/*
 * Reads a JSON object by the table. RC_OK, or RC_INVALID with in->errors filled: every wrong
 * field is reported, not only the first. Unknown fields are ignored (as seed 003's server does).
 * Text that is no JSON gives one error of type "json_invalid" with loc ["body", position].
 */
enum rc valid_body(struct arena *a, const struct field *fields, const char *text, size_t len,
    struct input *in) MUST_CHECK;
/* The same for an object that has been parsed already, such as an item of a list. */
enum rc valid_object(
    struct arena *a, const struct field *fields, json_t *object, struct input *in) MUST_CHECK;
/* The same for a query string: loc is ["query", name]. lookup(name) gives the decoded value. */
enum rc valid_query(struct arena *a, const struct field *fields,
    const char *(*lookup)(const void *arg, const char *name), const void *arg,
    struct input *in) MUST_CHECK;

/* The errors as one sentence that names each field: "limit: Input should be a valid integer". In the
 * arena. */
const char *valid_says(struct arena *a, const struct input *in);

/* The first required field of a body that is missing, null or blank, or NULL; also of one that was found
 * wrong, but not of what is no object. */
const char *valid_lacking(const struct input *in);

/* Values by name; the field must be in the table (else abort). NULL, 0 or false when absent. */
const char *input_text(const struct input *in, const char *name);
int64_t input_int(const struct input *in, const char *name);
bool input_bool(const struct input *in, const char *name);
json_t *input_json(const struct input *in, const char *name); /* borrowed */
bool input_given(const struct input *in, const char *name);
/* Adds an error to in->errors, as if the table had found it. input may be NULL (borrowed). */
void input_error(struct input *in, const char *where, const char *name, const char *type,
    const char *msg, json_t *value);

/* The JSON Schema of a table, as FastAPI writes it (title, type or anyOf with null, bounds,
 * default, enum, description); that of an empty one is an object of any fields. A new reference. */
json_t *valid_schema(const struct field *fields, const char *title);
/* One entry of OpenAPI "parameters" for each field. A new reference (array). where: "query" or
 * "header". */
json_t *valid_parameters(const struct field *fields, const char *where);
/* An object of the fields' examples, or NULL when there are none. A new reference. */
json_t *valid_example(const struct field *fields);
/* Adds the schemas of the fields that have a component to an object. */
void valid_components(const struct field *fields, json_t *components);

#endif
