/* extract_take.c: what of a model's answer is kept; see extract.h. */
#include <stdbool.h>

#include "base/plain.h"
#include "base/str.h"
#include "domain/extract.h"
#include "domain/extract_place.h"

#define TEXT_MAX 10000      /* characters of a text that is kept */
#define KEPT_MAX (64 << 10) /* bytes of all that is kept */

static json_t *take(const struct place *at, json_t *schema, json_t *value);

static bool
is_of_type(json_t *schema, json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return extract_has_type(schema, "object");
	case JSON_ARRAY:
		return extract_has_type(schema, "array");
	case JSON_STRING:
		return extract_has_type(schema, "string");
	case JSON_INTEGER:
		return extract_has_type(schema, "integer") || extract_has_type(schema, "number");
	case JSON_REAL:
		return extract_has_type(schema, "number");
	case JSON_TRUE:
	case JSON_FALSE:
		return extract_has_type(schema, "boolean");
	case JSON_NULL:
		return extract_has_type(schema, "null");
	}
	return false;
}

/* Whether a measure keeps to a bound of the schema; sign 1: at most, -1: at least. */
static bool
keeps(json_t *schema, const char *bound, int sign, double measure)
{
	json_t *limit = json_object_get(schema, bound);

	return limit == NULL || (measure - json_number_value(limit)) * sign <= 0;
}

static bool
keeps_open(json_t *schema, const char *bound, int sign, double measure)
{
	json_t *limit = json_object_get(schema, bound);

	return limit == NULL || (measure - json_number_value(limit)) * sign < 0;
}

static bool
keeps_bounds(json_t *schema, json_t *value)
{
	double n;

	if (json_is_number(value)) {
		n = json_number_value(value);
		return keeps(schema, "minimum", -1, n) && keeps(schema, "maximum", 1, n) &&
		    keeps_open(schema, "exclusiveMinimum", -1, n) &&
		    keeps_open(schema, "exclusiveMaximum", 1, n);
	}
	if (json_is_string(value)) {
		n = (double)str_chars(json_string_value(value));
		return keeps(schema, "minLength", -1, n) && keeps(schema, "maxLength", 1, n);
	}
	if (json_is_array(value)) {
		n = (double)json_array_size(value);
		return keeps(schema, "minItems", -1, n) && keeps(schema, "maxItems", 1, n);
	}
	return true;
}

static bool
is_listed(json_t *schema, json_t *value)
{
	json_t *list = json_object_get(schema, "enum"), *only = json_object_get(schema, "const");
	json_t *one;
	size_t i;

	if (only != NULL && !json_equal(only, value))
		return false;
	json_array_foreach(list, i, one)
	{
		if (json_equal(one, value))
			return true;
	}
	return list == NULL;
}

/* An optional property: null stands for "not there", which a schema may know as a value too. */
static json_t *
take_object(const struct place *at, json_t *schema, json_t *value)
{
	json_t *needed = json_object_get(schema, "required"), *made = json_object(), *inner;
	json_t *schema_of, *given;
	const char *name;

	json_object_foreach(json_object_get(schema, "properties"), name, schema_of)
	{
		struct place place = place_below(at, name);

		given = json_object_get(value, name);
		inner = given != NULL ? take(&place, schema_of, given) : NULL;
		if (inner != NULL) {
			json_object_set_new(made, name, inner);
		} else if (extract_lists(needed, name) || (given != NULL && !json_is_null(given))) {
			if (given == NULL)
				place_wrong(&place, "is missing in the answer");
			json_decref(made);
			return NULL;
		}
	}
	*at->why = NULL;
	return made;
}

static json_t *
take_array(const struct place *at, json_t *schema, json_t *value)
{
	struct place place = place_below(at, "items");
	json_t *made = json_array(), *one, *inner;
	size_t i;

	json_array_foreach(value, i, one)
	{
		inner = take(&place, json_object_get(schema, "items"), one);
		if (inner == NULL) {
			json_decref(made);
			return NULL;
		}
		json_array_append_new(made, inner);
	}
	return made;
}

static json_t *
take_any(const struct place *at, json_t *schema, json_t *value)
{
	json_t *form, *made;
	size_t i;

	json_array_foreach(json_object_get(schema, "anyOf"), i, form)
	{
		if ((made = take(at, form, value)) != NULL)
			return made;
	}
	return NULL;
}

static json_t *
take(const struct place *at, json_t *schema, json_t *value)
{
	if ((json_object_get(schema, "type") != NULL && !is_of_type(schema, value)) ||
	    !is_listed(schema, value) || !keeps_bounds(schema, value)) {
		place_wrong(at, "is not in the answer as it must be");
		return NULL;
	}
	if (json_object_get(schema, "anyOf") != NULL)
		return take_any(at, schema, value);
	if (json_is_object(value) && extract_has_type(schema, "object"))
		return take_object(at, schema, value);
	if (json_is_array(value) && extract_has_type(schema, "array"))
		return take_array(at, schema, value);
	if (json_is_string(value) && json_object_get(schema, "enum") == NULL &&
	    json_object_get(schema, "const") == NULL)
		return json_string(plain_text(at->a, json_string_value(value), TEXT_MAX, false));
	return json_incref(value);
}

json_t *
extract_take(struct arena *a, json_t *schema, json_t *answer, const char **why)
{
	struct place top = { a, "extracted", 1, why };
	json_t *made;

	*why = NULL;
	made = answer != NULL ? take(&top, schema, answer) : NULL;
	if (answer == NULL)
		place_wrong(&top, "is missing in the answer");
	if (made == NULL || json_dumpb(made, NULL, 0, JSON_COMPACT) <= KEPT_MAX)
		return made;
	json_decref(made);
	place_wrong(&top, "is too long in the answer");
	return NULL;
}
