/*
 * valid.c: see valid.h. Errors are worded as Pydantic 2 words them, whose texts the clients of the
 * seed's server know. Beyond it we are strict, never lenient: a number sent as a string is none.
 */
#include "http/valid.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "http/shape.h"

#define INPUT_MAX 256 /* bytes of a refused value that are given back */
#define MESSAGE_MAX 1024

/* ---- errors ---- */

static void
release_json(void *value)
{
	json_decref(value);
}

/* The value, held by the arena from now on. */
static json_t *
own(struct arena *a, json_t *value)
{
	if (value != NULL)
		arena_on_free(a, release_json, value);
	return value;
}

static void
add_error(struct input *in, json_t *loc, const char *type, const char *msg, json_t *value)
{
	json_t *item = json_pack("{s:s, s:o, s:s}", "type", type, "loc", loc, "msg", msg);

	if (value != NULL &&
	    json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) <= INPUT_MAX)
		(void)json_object_set(item, "input", value);
	(void)json_array_append_new(in->errors, item);
}

void
input_error(struct input *in, const char *where, const char *name, const char *type,
    const char *msg, json_t *value)
{
	json_t *loc = json_array();

	(void)json_array_append_new(loc, json_string(where));
	if (name != NULL)
		(void)json_array_append_new(loc, json_string(name));
	add_error(in, loc, type, msg, value);
}

/* Where a field is being read from, for its errors. */
struct place {
	struct input *in;
	const char *where; /* "body" or "query" */
	const struct field *field;
	json_t *value;
};

static bool refuse(const struct place *p, const char *type, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Files an error and returns false. */
static bool
refuse(const struct place *p, const char *type, const char *fmt, ...)
{
	char msg[MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	input_error(p->in, p->where, p->field->name, type, msg, p->value);
	return false;
}

/* ---- checks ---- */

/* Calls see(arg, choice, length, last) for each of "a|b|c". */
static void
each_choice(
    const char *choices, void (*see)(void *arg, const char *s, size_t len, bool last), void *arg)
{
	for (;;) {
		size_t len = strcspn(choices, "|");
		bool last = choices[len] == '\0';

		see(arg, choices, len, last);
		if (last)
			return;
		choices += len + 1;
	}
}

static bool
is_choice(const char *choices, const char *s)
{
	size_t want = strlen(s);

	for (;;) {
		size_t len = strcspn(choices, "|");

		if (len == want && memcmp(choices, s, len) == 0)
			return true;
		if (choices[len] == '\0')
			return false;
		choices += len + 1;
	}
}

/* 'a', 'b' or 'c' */
static void
quote_choice(void *arg, const char *s, size_t len, bool last)
{
	struct buf *b = arg;

	if (b->len > 0)
		buf_puts(b, last ? " or " : ", ");
	buf_printf(b, "'%.*s'", (int)len, s);
}

static bool
check_text(const struct place *p)
{
	const struct field *f = p->field;
	int64_t chars;

	if (!json_is_string(p->value))
		return refuse(p, "string_type", "Input should be a valid string");
	chars = (int64_t)str_chars(json_string_value(p->value));
	if (f->min > 0 && chars < f->min)
		return refuse(p, "string_too_short",
		    "String should have at least %" PRId64 " character%s", f->min,
		    f->min == 1 ? "" : "s");
	if (f->max > 0 && chars > f->max)
		return refuse(p, "string_too_long",
		    "String should have at most %" PRId64 " character%s", f->max,
		    f->max == 1 ? "" : "s");
	return true;
}

static bool
check_int(const struct place *p)
{
	const struct field *f = p->field;
	int64_t value;

	if (!json_is_integer(p->value))
		return refuse(p, "int_type", "Input should be a valid integer");
	value = json_integer_value(p->value);
	if (f->min == 0 && f->max == 0)
		return true;
	if (value < f->min)
		return refuse(p, "greater_than_equal",
		    "Input should be greater than or equal to %" PRId64, f->min);
	if (value > f->max)
		return refuse(
		    p, "less_than_equal", "Input should be less than or equal to %" PRId64, f->max);
	return true;
}

static bool
check_choice(const struct place *p)
{
	const struct field *f = p->field;
	const char *s = json_string_value(p->value);
	struct buf list;

	if (s != NULL && is_choice(f->choices, s))
		return true;
	if (f->pattern != NULL && s == NULL)
		return refuse(p, "string_type", "Input should be a valid string");
	if (f->pattern != NULL)
		return refuse(
		    p, "string_pattern_mismatch", "String should match pattern '%s'", f->pattern);
	buf_init(&list, MESSAGE_MAX);
	each_choice(f->choices, quote_choice, &list);
	(void)refuse(p, "enum", "Input should be %s", list.data);
	buf_free(&list);
	return false;
}

static bool
check_time(const struct place *p)
{
	const char *s = json_string_value(p->value);
	char zoned[64];
	int64_t us;

	if (s == NULL)
		return refuse(p, "datetime_type", "Input should be a valid datetime");
	if (clock_parse_iso(s, &us))
		return true;
	if (strlen(s) < 10)
		return refuse(p, "datetime_from_date_parsing",
		    "Input should be a valid datetime or date, input is too short");
	if (snprintf(zoned, sizeof(zoned), "%sZ", s) < (int)sizeof(zoned) &&
	    clock_parse_iso(zoned, &us))
		return refuse(p, "timezone_aware", "Input should have timezone info");
	return refuse(p, "datetime_parsing", "Input should be a valid datetime, invalid value");
}

static bool
check_list(const struct place *p)
{
	const struct field *f = p->field;
	int64_t items = (int64_t)json_array_size(p->value);

	if (!json_is_array(p->value))
		return refuse(p, "list_type", "Input should be a valid list");
	if (items < f->min)
		return refuse(p, "too_short",
		    "List should have at least %" PRId64 " item%s after validation, not %" PRId64,
		    f->min, f->min == 1 ? "" : "s", items);
	if (items > f->max)
		return refuse(p, "too_long",
		    "List should have at most %" PRId64 " items after validation, not %" PRId64,
		    f->max, items);
	return true;
}

/* Whether the value is of the field's type and range; files an error if not. */
static bool
check(const struct place *p)
{
	switch (p->field->type) {
	case FIELD_TEXT:
		return check_text(p);
	case FIELD_NUMBER:
		return json_is_number(p->value) ||
		    refuse(p, "number_type", "Input should be a valid number");
	case FIELD_INT:
		return check_int(p);
	case FIELD_BOOL:
		return json_is_boolean(p->value) ||
		    refuse(p, "bool_type", "Input should be a valid boolean");
	case FIELD_CHOICE:
		return check_choice(p);
	case FIELD_OBJECT:
		return json_is_object(p->value) ||
		    refuse(p, "dict_type", "Input should be a valid dictionary");
	case FIELD_LIST:
		return check_list(p);
	case FIELD_TEXT_OR_LIST:
		return json_is_string(p->value) || check_list(p);
	case FIELD_TIME:
		return check_time(p);
	}
	abort();
}

/* ---- reading ---- */

static void
start(struct arena *a, const struct field *fields, struct input *in)
{
	*in = (struct input){ .fields = fields };
	in->errors = own(a, json_array());
}

static json_t *
default_of(const struct field *f)
{
	return f->absent != NULL ? json_loads(f->absent, JSON_DECODE_ANY, NULL) : NULL;
}

/* Takes one field, whose value is NULL when it was not sent. */
static void
take(struct arena *a, const struct place *p, int i)
{
	struct input *in = p->in;

	if (i >= VALID_FIELDS_MAX)
		abort();
	if (p->value == NULL || (p->field->nullable && json_is_null(p->value))) {
		if (p->value == NULL && p->field->required)
			(void)refuse(p, "missing", "Field required");
		else
			in->values[i] = own(a, default_of(p->field));
	} else if (check(p)) {
		in->values[i] = p->value;
		in->given[i] = true;
	}
}

static enum rc
verdict(const struct input *in)
{
	return json_array_size(in->errors) == 0 ? RC_OK : RC_INVALID;
}

/* One error about the body as a whole. */
static enum rc
refuse_body(struct input *in, const char *type, const char *msg, json_t *value)
{
	input_error(in, "body", NULL, type, msg, value);
	return RC_INVALID;
}

/* Where jansson stumbled, in bytes; 0 for what only we refuse (depth). */
static enum rc
refuse_json(struct input *in, const char *text, size_t len)
{
	json_error_t error = { .position = 0 };

	json_decref(json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error));
	add_error(in, json_pack("[s, i]", "body", error.position > 0 ? error.position : 0),
	    "json_invalid", "JSON decode error", NULL);
	return RC_INVALID;
}

enum rc
valid_object(struct arena *a, const struct field *fields, json_t *object, struct input *in)
{
	start(a, fields, in);
	if (!json_is_object(object))
		return refuse_body(in, "model_attributes_type",
		    "Input should be a valid dictionary or object to extract fields from", object);
	in->root = object;
	for (int i = 0; fields[i].name != NULL; i++)
		take(a,
		    &(struct place){
			in, "body", &fields[i], json_object_get(object, fields[i].name) },
		    i);
	return verdict(in);
}

enum rc
valid_body(
    struct arena *a, const struct field *fields, const char *text, size_t len, struct input *in)
{
	char why[64];
	json_t *root;

	start(a, fields, in);
	if (len == 0)
		return refuse_body(in, "missing", "Field required", NULL);
	if ((root = own(a, json_parse_kept(text, len, why))) == NULL)
		return refuse_json(in, text, len);
	return valid_object(a, fields, root, in);
}

/* The text of a query as the JSON value that a body would have held, or NULL with an error. */
static json_t *
query_value(struct arena *a, const struct place *p, const char *text)
{
	int64_t number;

	switch (p->field->type) {
	case FIELD_INT:
		if (str_int64(text, INT64_MIN, INT64_MAX, &number))
			return own(a, json_integer(number));
		(void)refuse(p, "int_parsing",
		    "Input should be a valid integer, unable to parse string as an integer");
		return NULL;
	case FIELD_BOOL:
		if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0)
			return json_true();
		if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0)
			return json_false();
		(void)refuse(p, "bool_parsing",
		    "Input should be a valid boolean, unable to interpret input");
		return NULL;
	case FIELD_TEXT:
	case FIELD_CHOICE:
	case FIELD_OBJECT:
	case FIELD_LIST:
	case FIELD_TEXT_OR_LIST:
	case FIELD_NUMBER:
	case FIELD_TIME:
		break;
	}
	return p->value;
}

enum rc
valid_query(struct arena *a, const struct field *fields,
    const char *(*lookup)(const void *arg, const char *name), const void *arg, struct input *in)
{
	start(a, fields, in);
	for (int i = 0; fields[i].name != NULL; i++) {
		struct place p = { in, "query", &fields[i], NULL };
		const char *text = lookup(arg, fields[i].name);

		if (text != NULL) {
			/* What is no UTF-8 was refused with the request; a caller's own lookup may slip. */
			p.value = own(
			    a, json_string(str_utf8(text, strlen(text)) ? text : "\xef\xbf\xbd"));
			if ((p.value = query_value(a, &p, text)) == NULL)
				continue;
		}
		take(a, &p, i);
	}
	return verdict(in);
}

const char *
valid_lacking(const struct input *in)
{
	if (in->root == NULL)
		return NULL;
	for (const struct field *f = in->fields; f->name != NULL; f++) {
		json_t *value = json_object_get(in->root, f->name);

		if (f->required && (value == NULL || json_is_null(value)))
			return f->name;
		if (f->required && json_is_string(value) && str_blank(json_string_value(value)))
			return f->name;
	}
	return NULL;
}

const char *
valid_says(struct arena *a, const struct input *in)
{
	const char *says = "";
	json_t *error;
	size_t i;

	json_array_foreach(in->errors, i, error)
	{
		json_t *loc = json_object_get(error, "loc");
		json_t *field = json_array_get(loc, 1);

		/* A body that is no JSON has a position there. */
		if (!json_is_string(field))
			field = json_array_get(loc, 0);
		says = arena_printf(a, "%s%s%s: %s", says, i > 0 ? "; " : "",
		    json_string_value(field), json_string_value(json_object_get(error, "msg")));
	}
	return says;
}

/* ---- typed access ---- */

static int
position(const struct input *in, const char *name)
{
	for (int i = 0; in->fields[i].name != NULL; i++) {
		if (strcmp(in->fields[i].name, name) == 0)
			return i;
	}
	abort();
}

const char *
input_text(const struct input *in, const char *name)
{
	return json_string_value(in->values[position(in, name)]);
}

int64_t
input_int(const struct input *in, const char *name)
{
	return json_integer_value(in->values[position(in, name)]);
}

bool
input_bool(const struct input *in, const char *name)
{
	return json_is_true(in->values[position(in, name)]);
}

json_t *
input_json(const struct input *in, const char *name)
{
	return in->values[position(in, name)];
}

bool
input_given(const struct input *in, const char *name)
{
	return in->given[position(in, name)];
}

/* ---- OpenAPI ---- */

static void
set(json_t *object, const char *key, json_t *value)
{
	if (value != NULL)
		(void)json_object_set_new(object, key, value);
}

static json_t *
choice_schema(const struct field *f)
{
	if (f->pattern != NULL)
		return json_pack("{s:s, s:s}", "type", "string", "pattern", f->pattern);
	return shape_enumeration(f->choices);
}

static json_t *
bounded_schema(const struct field *f)
{
	bool text = f->type == FIELD_TEXT;
	bool both = !text && (f->min != 0 || f->max != 0);
	json_t *schema = json_pack("{s:s}", "type", text ? "string" : "integer");

	if (f->format != NULL)
		set(schema, "format", json_string(f->format));
	if (both || f->max > 0)
		set(schema, text ? "maxLength" : "maximum", json_integer(f->max));
	if (both || f->min > 0)
		set(schema, text ? "minLength" : "minimum", json_integer(f->min));
	return schema;
}

static json_t *
list_schema(const struct field *f)
{
	return json_pack("{s:s, s:o, s:I, s:I}", "type", "array", "items",
	    f->items != NULL ? shape_reference(f->items) : json_pack("{s:s}", "type", "string"),
	    "minItems", (json_int_t)f->min, "maxItems", (json_int_t)f->max);
}

/* The schema of the type alone. */
static json_t *
type_schema(const struct field *f)
{
	switch (f->type) {
	case FIELD_TEXT:
	case FIELD_INT:
		return bounded_schema(f);
	case FIELD_NUMBER:
		return json_pack("{s:s}", "type", "number");
	case FIELD_BOOL:
		return json_pack("{s:s}", "type", "boolean");
	case FIELD_CHOICE:
		return choice_schema(f);
	case FIELD_OBJECT:
		return json_pack("{s:b, s:s}", "additionalProperties", 1, "type", "object");
	case FIELD_LIST:
		return list_schema(f);
	case FIELD_TEXT_OR_LIST:
		return json_pack("{s:[{s:s}, o]}", "anyOf", "type", "string", list_schema(f));
	case FIELD_TIME:
		return json_pack("{s:s, s:s}", "type", "string", "format", "date-time");
	}
	abort();
}

static json_t *
field_schema(const struct field *f)
{
	json_t *schema = f->component != NULL ? shape_reference(f->component) : type_schema(f);

	if (f->nullable)
		schema = json_pack("{s:[o, {s:s}]}", "anyOf", schema, "type", "null");
	if (f->title != NULL && f->component == NULL)
		set(schema, "title", json_string(f->title));
	if (f->help != NULL)
		set(schema, "description", json_string(f->help));
	set(schema, "default", default_of(f));
	if (f->example != NULL)
		set(schema, "examples",
		    json_pack("[o]", json_loads(f->example, JSON_DECODE_ANY, NULL)));
	return schema;
}

json_t *
valid_schema(const struct field *fields, const char *title)
{
	json_t *properties = json_object();
	json_t *required = json_array();
	json_t *schema;

	for (const struct field *f = fields; f->name != NULL; f++) {
		set(properties, f->name, field_schema(f));
		if (f->required)
			(void)json_array_append_new(required, json_string(f->name));
	}
	schema = json_pack("{s:o, s:s}", "properties", properties, "type", "object");
	if (json_object_size(properties) == 0)
		set(schema, "additionalProperties", json_true());
	if (json_array_size(required) > 0)
		set(schema, "required", json_incref(required));
	json_decref(required);
	set(schema, "title", json_string(title));
	return schema;
}

json_t *
valid_parameters(const struct field *fields, const char *where)
{
	json_t *list = json_array();

	for (const struct field *f = fields; f->name != NULL; f++) {
		json_t *item = json_pack("{s:s, s:s, s:b, s:o}", "name", f->name, "in", where,
		    "required", f->required, "schema", field_schema(f));

		if (f->help != NULL)
			set(item, "description", json_string(f->help));
		(void)json_array_append_new(list, item);
	}
	return list;
}

json_t *
valid_example(const struct field *fields)
{
	json_t *example = json_object();

	for (const struct field *f = fields; f->name != NULL; f++)
		if (f->example != NULL)
			set(example, f->name, json_loads(f->example, JSON_DECODE_ANY, NULL));
	if (json_object_size(example) > 0)
		return example;
	json_decref(example);
	return NULL;
}

void
valid_components(const struct field *fields, json_t *components)
{
	for (const struct field *f = fields; f->name != NULL; f++) {
		json_t *schema;

		if (f->component == NULL)
			continue;
		schema = type_schema(f);
		set(schema, "title", json_string(f->component));
		set(components, f->component, schema);
	}
}
