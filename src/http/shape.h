/*
 * shape.h: the shape of an answer as a table: which columns of a statement become which fields of
 * a JSON object. The same table writes the answer and its OpenAPI schema, so they cannot drift.
 */
#ifndef HTTP_SHAPE_H
#define HTTP_SHAPE_H

#include <jansson.h>
#include <stdbool.h>

enum shape_type {
	SHAPE_TEXT,
	SHAPE_CHOICE, /* text, one of choices */
	SHAPE_INT,
	SHAPE_REAL,
	SHAPE_BOOL,
	SHAPE_TIME,   /* text from the database, already ISO 8601 with Z */
	SHAPE_OBJECT, /* JSON text from the database */
	SHAPE_ARRAY   /* JSON text from the database */
};

struct shape {
	const char *name; /* of the JSON field and of the column; NULL ends a table */
	enum shape_type type;
	bool nullable;
	bool optional;       /* not in the schema's "required" */
	const char *items;   /* SHAPE_ARRAY: "string", "object", or the name of a schema */
	const char *choices; /* SHAPE_CHOICE: "a|b" */
	/* For the OpenAPI document alone: */
	const char *title;
	const char *help;      /* or NULL */
	const char *component; /* the name of its schema, or NULL: written in place */
	const char *absent;    /* what a client may take it for when it is left out, as JSON text */
	const char *example;   /* as JSON text, or NULL */
};

/* value(arg, i) gives the text of the i-th field of the table, or NULL for null. New reference. */
json_t *shape_object(
    const struct shape *shape, const char *(*value)(const void *arg, int i), const void *arg);
/* The JSON Schema; that of an empty table is an object of any fields. New reference. */
json_t *shape_schema(const struct shape *shape, const char *title, const char *description);
/* Adds the schemas of the fields that have a component and choices to an object. */
void shape_components(const struct shape *shape, json_t *components);
/* An object of the fields' examples, or NULL when there are none. New reference. */
json_t *shape_example(const struct shape *shape);

/* A reference to a schema of the document; the schema of a text that is one of "a|b". New ones. */
json_t *shape_reference(const char *component);
json_t *shape_enumeration(const char *choices);

#endif
