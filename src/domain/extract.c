/* extract.c: see extract.h. Source: JSON Schema 2020-12, and what OpenAI's structured outputs take of it. */
#include "domain/extract.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "domain/extract_place.h"

#define DEPTH_MAX 8 /* "strict" allows 10 levels, and this is inside another object */

/* ---- what a schema may say ---- */

static bool
takes_type_name(json_t *name)
{
	static const char *const types[] = { "string", "integer", "number", "boolean", "object",
		"array", "null" };
	const char *text = json_string_value(name);

	for (size_t i = 0; text != NULL && i < sizeof types / sizeof types[0]; i++)
		if (strcmp(text, types[i]) == 0)
			return true;
	return false;
}

static bool
takes_type(json_t *value)
{
	json_t *one;
	size_t i;

	if (!json_is_array(value))
		return takes_type_name(value);
	json_array_foreach(value, i, one)
	{
		if (!takes_type_name(one))
			return false;
	}
	return json_array_size(value) > 0;
}

static bool
takes_object(json_t *value)
{
	return json_is_object(value);
}

static bool
takes_list(json_t *value)
{
	return json_is_array(value) && json_array_size(value) > 0;
}

static bool
takes_names(json_t *value)
{
	json_t *one;
	size_t i;

	json_array_foreach(value, i, one)
	{
		if (!json_is_string(one))
			return false;
	}
	return json_is_array(value);
}

static bool
takes_bool(json_t *value)
{
	return json_is_boolean(value);
}

static bool
takes_number(json_t *value)
{
	return json_is_number(value);
}

static bool
takes_count(json_t *value)
{
	return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool
takes_text(json_t *value)
{
	return json_is_string(value);
}

static bool
takes_anything(json_t *value)
{
	return value != NULL;
}

enum use {
	USE_STRUCTURE, /* asked for, and checked */
	USE_HINT,      /* said to the model in the description */
	USE_NONE       /* for people */
};

static const struct keyword {
	const char *name;
	enum use use;
	bool (*takes)(json_t *value);
} keywords[] = {
	{ "type", USE_STRUCTURE, takes_type },
	{ "properties", USE_STRUCTURE, takes_object },
	{ "required", USE_STRUCTURE, takes_names },
	{ "additionalProperties", USE_STRUCTURE, takes_bool },
	{ "items", USE_STRUCTURE, takes_object },
	{ "anyOf", USE_STRUCTURE, takes_list },
	{ "enum", USE_STRUCTURE, takes_list },
	{ "const", USE_STRUCTURE, takes_anything },
	{ "description", USE_STRUCTURE, takes_text },
	{ "minimum", USE_HINT, takes_number },
	{ "maximum", USE_HINT, takes_number },
	{ "exclusiveMinimum", USE_HINT, takes_number },
	{ "exclusiveMaximum", USE_HINT, takes_number },
	{ "multipleOf", USE_HINT, takes_number },
	{ "minLength", USE_HINT, takes_count },
	{ "maxLength", USE_HINT, takes_count },
	{ "minItems", USE_HINT, takes_count },
	{ "maxItems", USE_HINT, takes_count },
	{ "uniqueItems", USE_HINT, takes_bool },
	{ "format", USE_HINT, takes_text },
	{ "pattern", USE_HINT, takes_text },
	{ "title", USE_NONE, takes_anything },
	{ "default", USE_NONE, takes_anything },
	{ "examples", USE_NONE, takes_anything },
	{ "deprecated", USE_NONE, takes_anything },
	{ "readOnly", USE_NONE, takes_anything },
	{ "writeOnly", USE_NONE, takes_anything },
	{ "$schema", USE_NONE, takes_anything },
	{ "$id", USE_NONE, takes_anything },
	{ "$comment", USE_NONE, takes_anything },
};

static const struct keyword *
find_keyword(const char *name)
{
	for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
		if (strcmp(keywords[i].name, name) == 0)
			return &keywords[i];
	return NULL;
}

static bool
check_keywords(const struct place *at, json_t *schema)
{
	const char *name;
	json_t *value;

	if (!json_is_object(schema))
		return place_wrong(at, "must be a schema");
	if (at->depth > DEPTH_MAX)
		return place_wrong(at, "lies too deep");
	json_object_foreach(schema, name, value)
	{
		const struct keyword *k = find_keyword(name);

		if (k == NULL)
			return place_wrong(
			    at, arena_printf(at->a, "says %.40s, which cannot be asked for", name));
		if (!k->takes(value))
			return place_wrong(at, arena_printf(at->a, "has a %s that is none", name));
	}
	if (json_object_get(schema, "type") == NULL && json_object_get(schema, "enum") == NULL &&
	    json_object_get(schema, "const") == NULL && json_object_get(schema, "anyOf") == NULL)
		return place_wrong(at, "has no type");
	if (extract_has_type(schema, "array") && json_object_get(schema, "items") == NULL)
		return place_wrong(at, "is an array without items");
	if (json_object_get(schema, "anyOf") != NULL &&
	    (extract_has_type(schema, "object") || extract_has_type(schema, "array")))
		return place_wrong(at, "has anyOf beside a type that holds others");
	return true;
}

/* ---- as a model is asked ---- */

static json_t *strict(const struct place *at, json_t *schema);

/* What can only be told in words. */
static void
add_description(const struct place *at, json_t *schema, json_t *made)
{
	const char *text = json_string_value(json_object_get(schema, "description")), *name;
	json_t *hints = json_object(), *value;
	char *said;

	json_object_foreach(schema, name, value)
	{
		const struct keyword *k = find_keyword(name);

		if (k != NULL && k->use == USE_HINT)
			json_object_set(hints, name, value);
	}
	if (json_object_size(hints) > 0) {
		said = json_dumps(hints, JSON_COMPACT);
		text = arena_printf(at->a, "%s%s%s", text != NULL ? text : "",
		    text != NULL ? " " : "", said != NULL ? said : "");
		free(said);
	}
	json_decref(hints);
	if (text != NULL)
		json_object_set_new(made, "description", json_string(text));
}

/* Lets a schema that was made take null as well. */
static void
allow_null(json_t *made)
{
	json_t *type = json_object_get(made, "type"), *list = json_object_get(made, "enum"), *one;
	json_t *forms = json_object_get(made, "anyOf");
	bool known = false;
	size_t i;

	if (type != NULL && !extract_has_type(made, "null")) {
		if (json_is_array(type))
			json_array_append_new(type, json_string("null"));
		else
			json_object_set_new(made, "type", json_pack("[O, s]", type, "null"));
	}
	json_array_foreach(list, i, one)
	{
		known = known || json_is_null(one);
	}
	if (list != NULL && !known)
		json_array_append_new(list, json_null());
	if (forms != NULL)
		json_array_append_new(forms, json_pack("{s:s}", "type", "null"));
}

/* The properties of an object; false with the reason. */
static bool
add_properties(const struct place *at, json_t *schema, json_t *made)
{
	json_t *needed = json_object_get(schema, "required"), *properties = json_object();
	json_t *required = json_array(), *value, *inner;
	const char *name;

	json_object_set_new(made, "properties", properties);
	json_object_set_new(made, "required", required);
	json_object_set_new(made, "additionalProperties", json_false());
	json_object_foreach(json_object_get(schema, "properties"), name, value)
	{
		struct place place = place_below(at, name);

		if ((inner = strict(&place, value)) == NULL)
			return false;
		if (!extract_lists(needed, name))
			allow_null(inner);
		json_object_set_new(properties, name, inner);
		json_array_append_new(required, json_string(name));
	}
	return true;
}

static bool
add_forms(const struct place *at, json_t *schema, json_t *made)
{
	struct place place = place_below(at, "anyOf");
	json_t *forms = json_array(), *form, *inner;
	size_t i;

	json_object_set_new(made, "anyOf", forms);
	json_array_foreach(json_object_get(schema, "anyOf"), i, form)
	{
		if ((inner = strict(&place, form)) == NULL)
			return false;
		json_array_append_new(forms, inner);
	}
	return true;
}

static bool
add_items(const struct place *at, json_t *schema, json_t *made)
{
	struct place place = place_below(at, "items");
	json_t *items = strict(&place, json_object_get(schema, "items"));

	if (items == NULL)
		return false;
	json_object_set_new(made, "items", items);
	return true;
}

static bool
fill(const struct place *at, json_t *schema, json_t *made)
{
	json_t *only = json_object_get(schema, "const");

	if (json_object_get(schema, "type") != NULL)
		json_object_set_new(made, "type", json_deep_copy(json_object_get(schema, "type")));
	add_description(at, schema, made);
	if (json_object_get(schema, "enum") != NULL)
		json_object_set_new(made, "enum", json_deep_copy(json_object_get(schema, "enum")));
	if (only != NULL)
		json_object_set_new(made, "enum", json_pack("[O]", only));
	return (!extract_has_type(schema, "object") || add_properties(at, schema, made)) &&
	    (!extract_has_type(schema, "array") || add_items(at, schema, made)) &&
	    (json_object_get(schema, "anyOf") == NULL || add_forms(at, schema, made));
}

static json_t *
strict(const struct place *at, json_t *schema)
{
	json_t *made;

	if (!check_keywords(at, schema))
		return NULL;
	made = json_object();
	if (fill(at, schema, made))
		return made;
	json_decref(made);
	return NULL;
}

json_t *
extract_strict(struct arena *a, json_t *schema, const char **why)
{
	struct place top = { a, "summary.schema", 1, why };

	*why = NULL;
	if (!extract_has_type(schema, "object") ||
	    !json_is_string(json_object_get(schema, "type"))) {
		place_wrong(&top, "must be of type object");
		return NULL;
	}
	return strict(&top, schema);
}
