/*
 * shape.c: see shape.h.
 */
#include "http/shape.h"

#include <float.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

/* The statement and its table stand side by side, so a column of another type is a broken build. */
static _Noreturn void
wrong_type(const struct shape *field)
{
	log_error("field %s: its column does not hold that type", field->name);
	abort();
}

static json_t *
real_value(const struct shape *field, const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= -DBL_MAX && value <= DBL_MAX))
		wrong_type(field);
	return json_real(value);
}

static json_t *
bool_value(const struct shape *field, const char *text)
{
	if (strcmp(text, "t") == 0 || strcmp(text, "true") == 0)
		return json_true();
	if (strcmp(text, "f") == 0 || strcmp(text, "false") == 0)
		return json_false();
	wrong_type(field);
}

/* JSON from the database. What is no such thing is the data's fault, not the program's: null. */
static json_t *
document_value(const struct shape *field, const char *text)
{
	char why[64];
	json_t *value = json_parse_strict(text, strlen(text), why);

	if (value != NULL && json_is_array(value) == (field->type == SHAPE_ARRAY))
		return value;
	log_error("field %s: unusable JSON in the database: %s", field->name,
	    value == NULL ? why : "not of that type");
	json_decref(value);
	return json_null();
}

static json_t *
field_value(const struct shape *field, const char *text)
{
	int64_t number;
	json_t *value;

	switch (field->type) {
	case SHAPE_TEXT:
	case SHAPE_CHOICE:
	case SHAPE_TIME:
		if ((value = json_string(text)) == NULL)
			wrong_type(field);
		return value;
	case SHAPE_INT:
		if (!str_int64(text, INT64_MIN, INT64_MAX, &number))
			wrong_type(field);
		return json_integer(number);
	case SHAPE_REAL:
		return real_value(field, text);
	case SHAPE_BOOL:
		return bool_value(field, text);
	case SHAPE_OBJECT:
	case SHAPE_ARRAY:
		return document_value(field, text);
	}
	abort();
}

json_t *
shape_object(
    const struct shape *shape, const char *(*value)(const void *arg, int i), const void *arg)
{
	json_t *object = json_object();

	for (int i = 0; shape[i].name != NULL; i++) {
		const char *text = value(arg, i);

		/* What may be left out and has no null is left out. */
		if (text == NULL && shape[i].optional && !shape[i].nullable)
			continue;
		(void)json_object_set_new(object, shape[i].name,
		    text != NULL ? field_value(&shape[i], text) : json_null());
	}
	return object;
}

static json_t *
free_object(void)
{
	return json_pack("{s:b, s:s}", "additionalProperties", 1, "type", "object");
}

json_t *
shape_reference(const char *component)
{
	char ref[128];

	snprintf(ref, sizeof(ref), "#/components/schemas/%s", component);
	return json_pack("{s:s}", "$ref", ref);
}

json_t *
shape_enumeration(const char *choices)
{
	json_t *list = json_array();

	for (;; choices++) {
		size_t len = strcspn(choices, "|");

		(void)json_array_append_new(list, json_stringn(choices, len));
		choices += len;
		if (*choices == '\0')
			return json_pack("{s:s, s:o}", "type", "string", "enum", list);
	}
}

static json_t *
items_schema(const char *items)
{
	if (items == NULL || strcmp(items, "object") == 0)
		return free_object();
	if (strcmp(items, "string") == 0)
		return json_pack("{s:s}", "type", "string");
	return shape_reference(items);
}

/* The schema of the type alone. */
static json_t *
type_schema(const struct shape *field)
{
	switch (field->type) {
	case SHAPE_TEXT:
		return json_pack("{s:s}", "type", "string");
	case SHAPE_CHOICE:
		return shape_enumeration(field->choices);
	case SHAPE_INT:
		return json_pack("{s:s}", "type", "integer");
	case SHAPE_REAL:
		return json_pack("{s:s}", "type", "number");
	case SHAPE_BOOL:
		return json_pack("{s:s}", "type", "boolean");
	case SHAPE_TIME:
		return json_pack("{s:s, s:s}", "type", "string", "format", "date-time");
	case SHAPE_OBJECT:
		return free_object();
	case SHAPE_ARRAY:
		return json_pack(
		    "{s:o, s:s}", "items", items_schema(field->items), "type", "array");
	}
	abort();
}

static json_t *
field_schema(const struct shape *field)
{
	json_t *schema = field->component != NULL ? shape_reference(field->component)
						  : type_schema(field);

	if (field->nullable)
		schema = json_pack("{s:[o, {s:s}]}", "anyOf", schema, "type", "null");
	if (field->title != NULL && field->component == NULL)
		(void)json_object_set_new(schema, "title", json_string(field->title));
	if (field->help != NULL)
		(void)json_object_set_new(schema, "description", json_string(field->help));
	if (field->absent != NULL)
		(void)json_object_set_new(
		    schema, "default", json_loads(field->absent, JSON_DECODE_ANY, NULL));
	if (field->example != NULL)
		(void)json_object_set_new(schema, "examples",
		    json_pack("[o]", json_loads(field->example, JSON_DECODE_ANY, NULL)));
	return schema;
}

json_t *
shape_schema(const struct shape *shape, const char *title, const char *description)
{
	json_t *properties = json_object();
	json_t *required = json_array();
	json_t *schema;

	for (const struct shape *field = shape; field->name != NULL; field++) {
		(void)json_object_set_new(properties, field->name, field_schema(field));
		if (!field->optional)
			(void)json_array_append_new(required, json_string(field->name));
	}
	schema = json_pack("{s:o, s:s}", "properties", properties, "type", "object");
	if (json_object_size(properties) == 0)
		(void)json_object_set_new(schema, "additionalProperties", json_true());
	if (json_array_size(required) > 0)
		(void)json_object_set(schema, "required", required);
	json_decref(required);
	(void)json_object_set_new(schema, "title", json_string(title));
	if (description != NULL)
		(void)json_object_set_new(schema, "description", json_string(description));
	return schema;
}

json_t *
shape_example(const struct shape *shape)
{
	json_t *example = json_object();

	for (const struct shape *field = shape; field->name != NULL; field++)
		if (field->example != NULL)
			(void)json_object_set_new(example, field->name,
			    json_loads(field->example, JSON_DECODE_ANY, NULL));
	if (json_object_size(example) > 0)
		return example;
	json_decref(example);
	return NULL;
}

void
shape_components(const struct shape *shape, json_t *components)
{
	for (const struct shape *field = shape; field->name != NULL; field++) {
		json_t *schema;

		if (field->component == NULL || field->choices == NULL)
			continue;
		schema = shape_enumeration(field->choices);
		(void)json_object_set_new(schema, "title", json_string(field->component));
		(void)json_object_set_new(components, field->component, schema);
	}
}
