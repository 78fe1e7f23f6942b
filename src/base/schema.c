/*
 * schema.c: see schema.h. The only user of PCRE2, whose dialect is nearest to the one that JSON
 * Schema names, and which gives up at a limit that we set: a pattern may be careless, and the text
 * that it meets is a stranger's.
 */
#include "base/schema.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"

#define PATTERN_MAX 256
#define CHOICES_MAX 64
#define MATCH_STEPS_MAX 20000
#define MATCH_DEPTH_MAX 1000
#define MATCH_HEAP_KIB 512
#define SAYS_MAX 2048
#define NUMBER_CHARS 24

enum kind { KIND_TEXT, KIND_WHOLE, KIND_NUMBER, KIND_FLAG };
enum format { FORMAT_NONE, FORMAT_DATE, FORMAT_TIME };

struct property {
	const char *name;
	enum kind kind;
	bool required;
	enum format format;
	double minimum, maximum;        /* infinite: none */
	int64_t min_length, max_length; /* -1: none */
	json_t *choices, *absent;       /* borrowed from the schema's text, or NULL */
	const char *pattern;            /* borrowed, or NULL */
	pcre2_code *code;               /* of the pattern */
};

struct schema {
	json_t *text;
	bool closed; /* additionalProperties is false */
	pcre2_match_context *limits;
	size_t count;
	struct property properties[SCHEMA_PROPERTIES_MAX];
};

/* ---- checking a value ---- */

static bool
is_date(const char *s)
{
	char whole[32];
	int64_t us;

	if (strlen(s) != 10)
		return false;
	snprintf(whole, sizeof whole, "%sT00:00:00Z", s);
	return clock_parse_iso(whole, &us);
}

/* HH:MM or HH:MM:SS, a wall clock's. */
static bool
is_time(const char *s)
{
	char whole[40];
	size_t len = strlen(s);
	int64_t us;

	if ((len != 5 && len != 8) || strspn(s, "0123456789:") != len || s[2] != ':')
		return false;
	snprintf(whole, sizeof whole, "2000-01-01T%s%sZ", s, len == 5 ? ":00" : "");
	return clock_parse_iso(whole, &us);
}

static bool
matches(const struct schema *schema, const pcre2_code *code, const char *s)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	int n;

	if (data == NULL)
		abort();
	n = pcre2_match(code, (PCRE2_SPTR)s, strlen(s), 0, 0, data, schema->limits);
	pcre2_match_data_free(data);
	return n >= 0; /* a limit that was reached is no match */
}

static bool
text_fits(const struct schema *schema, const struct property *p, const char *s)
{
	int64_t chars = (int64_t)str_chars(s);

	if (chars < p->min_length || (p->max_length >= 0 && chars > p->max_length))
		return false;
	if (p->format == FORMAT_DATE && !is_date(s))
		return false;
	if (p->format == FORMAT_TIME && !is_time(s))
		return false;
	return p->code == NULL || matches(schema, p->code, s);
}

static bool
is_choice(const struct property *p, json_t *value)
{
	json_t *choice;
	size_t i;

	json_array_foreach(p->choices, i, choice)
	{
		if (json_equal(choice, value))
			return true;
	}
	return false;
}

static bool
fits(const struct schema *schema, const struct property *p, json_t *value)
{
	bool of_kind = p->kind == KIND_TEXT ? json_is_string(value)
	    : p->kind == KIND_WHOLE         ? json_is_integer(value)
	    : p->kind == KIND_NUMBER        ? json_is_number(value)
					    : json_is_boolean(value);

	if (!of_kind || (p->choices != NULL && !is_choice(p, value)))
		return false;
	if (p->kind == KIND_TEXT)
		return text_fits(schema, p, json_string_value(value));
	return p->kind == KIND_FLAG ||
	    (json_number_value(value) >= p->minimum && json_number_value(value) <= p->maximum);
}

/* ---- saying what a property must be ---- */

static void
say_choices(struct buf *b, const struct property *p)
{
	json_t *choice;
	char *text;
	size_t i;

	json_array_foreach(p->choices, i, choice)
	{
		text = json_dumps(choice, JSON_ENCODE_ANY | JSON_COMPACT);
		buf_printf(b, "%s%s", i == 0 ? " one of " : ", ", text);
		free(text);
	}
}

static void
say_text(struct buf *b, const struct property *p)
{
	if (p->format == FORMAT_DATE) {
		buf_puts(b, " a date such as 2026-12-31");
	} else if (p->format == FORMAT_TIME) {
		buf_puts(b, " a time such as 19:30");
	} else {
		buf_puts(b, " a text");
		if (p->min_length == p->max_length && p->max_length >= 0)
			buf_printf(b, " of %lld characters", (long long)p->max_length);
		else if (p->min_length > 0 && p->max_length >= 0)
			buf_printf(b, " of %lld to %lld characters", (long long)p->min_length,
			    (long long)p->max_length);
		else if (p->max_length >= 0)
			buf_printf(b, " of at most %lld characters", (long long)p->max_length);
		else if (p->min_length > 0)
			buf_printf(b, " of at least %lld characters", (long long)p->min_length);
	}
	if (p->pattern != NULL)
		buf_printf(b, " that matches %s", p->pattern);
}

static void
say_number(struct buf *b, const struct property *p)
{
	buf_puts(b, p->kind == KIND_WHOLE ? " a whole number" : " a number");
	if (isfinite(p->minimum))
		buf_printf(
		    b, " %s %.15g", isfinite(p->maximum) ? "from" : "of at least", p->minimum);
	if (isfinite(p->maximum))
		buf_printf(b, " %s %.15g", isfinite(p->minimum) ? "to" : "of at most", p->maximum);
}

static const char *
requirement(struct arena *a, const struct property *p)
{
	const char *says;
	struct buf b;

	buf_init(&b, SAYS_MAX);
	buf_puts(&b, "must be");
	if (p->choices != NULL)
		say_choices(&b, p);
	else if (p->kind == KIND_TEXT)
		say_text(&b, p);
	else if (p->kind == KIND_FLAG)
		buf_puts(&b, " true or false");
	else
		say_number(&b, p);
	says = arena_strdup(a, b.data);
	buf_free(&b);
	return says;
}

/* ---- checking an object ---- */

/* False, told, when a member is not declared and may not be there. */
static bool
all_declared(const struct schema *schema, json_t *object, schema_told *told, void *arg)
{
	struct schema_bounds bounds;
	const char *name;
	json_t *value;
	bool right = true;

	if (!schema->closed)
		return true;
	json_object_foreach(object, name, value)
	{
		if (!schema_bounds(schema, name, &bounds)) {
			told(arg, name, SCHEMA_INVALID, "is not known here");
			right = false;
		}
	}
	return right;
}

json_t *
schema_check(
    const struct schema *schema, struct arena *a, json_t *object, schema_told *told, void *arg)
{
	bool right = all_declared(schema, object, told, arg);
	json_t *clean = json_object();

	for (const struct property *p = schema->properties; p < schema->properties + schema->count;
	     p++) {
		json_t *value = json_object_get(object, p->name);
		bool absent = value == NULL || json_is_null(value);
		bool blank = p->required && json_is_string(value) &&
		    str_blank(json_string_value(value));

		if (absent || blank) {
			if (p->required) {
				told(arg, p->name, absent ? SCHEMA_REQUIRED : SCHEMA_EMPTY,
				    requirement(a, p));
				right = false;
			} else if (p->absent != NULL) {
				(void)json_object_set(clean, p->name, p->absent);
			}
		} else if (!fits(schema, p, value)) {
			told(arg, p->name, SCHEMA_INVALID, requirement(a, p));
			right = false;
		} else {
			(void)json_object_set(clean, p->name, value);
		}
	}
	if (right)
		return clean;
	json_decref(clean);
	return NULL;
}

/* ---- what is known beforehand ---- */

size_t
schema_count(const struct schema *schema)
{
	return schema->count;
}

const char *
schema_name(const struct schema *schema, size_t i)
{
	return schema->properties[i].name;
}

static int64_t
longest(const struct property *p)
{
	int64_t most = 0;
	json_t *choice;
	size_t i;

	if (p->kind == KIND_WHOLE || p->kind == KIND_NUMBER)
		return NUMBER_CHARS;
	if (p->kind == KIND_FLAG)
		return 5;
	if (p->format != FORMAT_NONE)
		return 10;
	json_array_foreach(p->choices, i, choice)
	{
		int64_t chars = (int64_t)str_chars(json_string_value(choice));

		most = chars > most ? chars : most;
	}
	return p->choices != NULL ? most : p->max_length;
}

bool
schema_bounds(const struct schema *schema, const char *name, struct schema_bounds *bounds)
{
	for (const struct property *p = schema->properties; p < schema->properties + schema->count;
	     p++) {
		if (strcmp(p->name, name) != 0)
			continue;
		*bounds = (struct schema_bounds){ .max_chars = longest(p),
			.always = p->required || p->absent != NULL,
			.free_text = p->kind == KIND_TEXT && p->choices == NULL &&
			    p->format == FORMAT_NONE && p->code == NULL,
			.text = p->kind == KIND_TEXT };
		return true;
	}
	return false;
}

/* ---- reading a schema ---- */

/* Reads one keyword of a property; NULL when it is right, else what it must be. */
typedef const char *read_keyword(struct property *p, json_t *value);

static const char *
read_kind(struct property *p, json_t *value)
{
	static const char *const names[] = { "string", "integer", "number", "boolean" };

	for (size_t i = 0; json_is_string(value) && i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(names[i], json_string_value(value)) == 0) {
			p->kind = (enum kind)i;
			return NULL;
		}
	}
	return "must be string, integer, number or boolean";
}

static const char *
read_choices(struct property *p, json_t *value)
{
	json_t *choice;
	size_t i;

	p->choices = value;
	if (json_array_size(value) == 0 || json_array_size(value) > CHOICES_MAX)
		return "must be an array of 1 to 64 values";
	json_array_foreach(value, i, choice)
	{
		if (p->kind == KIND_TEXT ? !json_is_string(choice) : !json_is_number(choice))
			return "must hold values of the property's type";
	}
	return NULL;
}

static const char *
read_pattern(struct property *p, json_t *value)
{
	PCRE2_SIZE offset;
	int number;

	p->pattern = json_string_value(value);
	if (p->kind != KIND_TEXT || p->pattern == NULL || strlen(p->pattern) > PATTERN_MAX)
		return "must be a regular expression of at most 256 bytes, for a string";
	p->code = pcre2_compile((PCRE2_SPTR)p->pattern, PCRE2_ZERO_TERMINATED,
	    PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C, &number, &offset, NULL);
	return p->code != NULL ? NULL : "is no regular expression";
}

static const char *
read_format(struct property *p, json_t *value)
{
	const char *name = json_string_value(value);

	if (p->kind == KIND_TEXT && name != NULL && strcmp(name, "date") == 0)
		p->format = FORMAT_DATE;
	else if (p->kind == KIND_TEXT && name != NULL && strcmp(name, "time") == 0)
		p->format = FORMAT_TIME;
	else
		return "must be date or time, for a string";
	return NULL;
}

static const char *
read_bound(const struct property *p, json_t *value, double *bound)
{
	if ((p->kind != KIND_WHOLE && p->kind != KIND_NUMBER) || !json_is_number(value))
		return "must be a number, for an integer or a number";
	*bound = json_number_value(value);
	return NULL;
}

static const char *
read_minimum(struct property *p, json_t *value)
{
	return read_bound(p, value, &p->minimum);
}

static const char *
read_maximum(struct property *p, json_t *value)
{
	return read_bound(p, value, &p->maximum);
}

static const char *
read_length(const struct property *p, json_t *value, int64_t *length)
{
	if (p->kind != KIND_TEXT || !json_is_integer(value) || json_integer_value(value) < 0)
		return "must be a whole number of at least 0, for a string";
	*length = json_integer_value(value);
	return NULL;
}

static const char *
read_min_length(struct property *p, json_t *value)
{
	return read_length(p, value, &p->min_length);
}

static const char *
read_max_length(struct property *p, json_t *value)
{
	return read_length(p, value, &p->max_length);
}

static const char *
read_absent(struct property *p, json_t *value)
{
	p->absent = value; /* whether it fits is known when all else has been read */
	return NULL;
}

static const char *
read_words(struct property *p, json_t *value)
{
	(void)p;
	return json_is_string(value) ? NULL : "must be a string";
}

static const char *
read_examples(struct property *p, json_t *value)
{
	(void)p;
	return json_is_array(value) ? NULL : "must be an array";
}

/* type comes first: the others ask for it. */
static const struct {
	const char *name;
	read_keyword *read;
} keywords[] = {
	{ "type", read_kind },
	{ "enum", read_choices },
	{ "pattern", read_pattern },
	{ "format", read_format },
	{ "minimum", read_minimum },
	{ "maximum", read_maximum },
	{ "minLength", read_min_length },
	{ "maxLength", read_max_length },
	{ "default", read_absent },
	{ "title", read_words },
	{ "description", read_words },
	{ "examples", read_examples },
};
#define KEYWORDS (sizeof keywords / sizeof keywords[0])

static bool
known_keyword(const char *name)
{
	for (size_t i = 0; i < KEYWORDS; i++)
		if (strcmp(keywords[i].name, name) == 0)
			return true;
	return false;
}

static bool
read_property(
    const struct schema *schema, struct property *p, json_t *text, char *error, size_t error_size)
{
	const char *name, *must;
	json_t *value;

	json_object_foreach(text, name, value)
	{
		if (!known_keyword(name)) {
			snprintf(error, error_size, "properties.%s.%s: no such keyword here",
			    p->name, name);
			return false;
		}
	}
	for (size_t i = 0; i < KEYWORDS; i++) {
		value = json_object_get(text, keywords[i].name);
		must = value != NULL ? keywords[i].read(p, value) : i == 0 ? "must be there" : NULL;
		if (must != NULL) {
			snprintf(error, error_size, "properties.%s.%s: %s", p->name,
			    keywords[i].name, must);
			return false;
		}
	}
	if (p->absent != NULL && !fits(schema, p, p->absent)) {
		snprintf(
		    error, error_size, "properties.%s.default: does not fit the property", p->name);
		return false;
	}
	return true;
}

static bool
read_properties(struct schema *schema, json_t *properties, char *error, size_t error_size)
{
	const char *name;
	json_t *text;

	if (!json_is_object(properties) || json_object_size(properties) == 0 ||
	    json_object_size(properties) > SCHEMA_PROPERTIES_MAX) {
		snprintf(error, error_size, "properties: must be an object of 1 to %d members",
		    SCHEMA_PROPERTIES_MAX);
		return false;
	}
	json_object_foreach(properties, name, text)
	{
		struct property *p = &schema->properties[schema->count++];

		*p = (struct property){ .name = name,
			.minimum = -INFINITY,
			.maximum = INFINITY,
			.min_length = -1,
			.max_length = -1 };
		if (!json_is_object(text)) {
			snprintf(error, error_size, "properties.%s: must be an object", name);
			return false;
		}
		if (!read_property(schema, p, text, error, error_size))
			return false;
	}
	return true;
}

static bool
read_required(struct schema *schema, json_t *required, char *error, size_t error_size)
{
	json_t *name;
	size_t i, p;

	if (required != NULL && !json_is_array(required)) {
		snprintf(error, error_size, "required: must be an array");
		return false;
	}
	json_array_foreach(required, i, name)
	{
		for (p = 0; p < schema->count; p++)
			if (json_is_string(name) &&
			    strcmp(schema->properties[p].name, json_string_value(name)) == 0)
				break;
		if (p == schema->count) {
			snprintf(error, error_size, "required: item %zu is no property", i + 1);
			return false;
		}
		schema->properties[p].required = true;
	}
	return true;
}

static bool
read_root(struct schema *schema, char *error, size_t error_size)
{
	const char *type = json_string_value(json_object_get(schema->text, "type"));
	json_t *more = json_object_get(schema->text, "additionalProperties");
	const char *name;
	json_t *value;

	json_object_foreach(schema->text, name, value)
	{
		if (strcmp(name, "type") != 0 && strcmp(name, "required") != 0 &&
		    strcmp(name, "properties") != 0 && strcmp(name, "title") != 0 &&
		    strcmp(name, "description") != 0 && strcmp(name, "additionalProperties") != 0) {
			snprintf(error, error_size, "%s: no such keyword here", name);
			return false;
		}
	}
	if (type == NULL || strcmp(type, "object") != 0) {
		snprintf(error, error_size, "type: must be object");
		return false;
	}
	if (more != NULL && !json_is_boolean(more)) {
		snprintf(error, error_size, "additionalProperties: must be true or false");
		return false;
	}
	schema->closed = json_is_false(more);
	return read_properties(
		   schema, json_object_get(schema->text, "properties"), error, error_size) &&
	    read_required(schema, json_object_get(schema->text, "required"), error, error_size);
}

struct schema *
schema_new(json_t *text, char *error, size_t error_size)
{
	struct schema *schema = mem_zalloc(1, sizeof *schema);

	schema->text = json_incref(text);
	schema->limits = pcre2_match_context_create(NULL);
	if (schema->limits == NULL)
		abort();
	pcre2_set_match_limit(schema->limits, MATCH_STEPS_MAX);
	pcre2_set_depth_limit(schema->limits, MATCH_DEPTH_MAX);
	pcre2_set_heap_limit(schema->limits, MATCH_HEAP_KIB);
	if (read_root(schema, error, error_size))
		return schema;
	schema_free(schema);
	return NULL;
}

void
schema_free(struct schema *schema)
{
	if (schema == NULL)
		return;
	for (size_t i = 0; i < schema->count; i++)
		pcre2_code_free(schema->properties[i].code);
	pcre2_match_context_free(schema->limits);
	json_decref(schema->text);
	free(schema);
}
