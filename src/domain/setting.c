/* setting.c: see setting.h. doc/configuration.md says the same table to people. */
#include "domain/setting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

#define PATH_SHOWN 80 /* bytes of a path that nobody knows, which are given back */
#define PATH_SIZE 256 /* more than any path of the table, and a name behind it */

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

#define CALLRAIL "integrations.callrail."

const struct setting settings_catalogue[] = {
	{ "processing.auto", SETTING_BOOL, 0, 0, "false",
	    "The workspace's own calls enter the post-call pipeline when they end." },
	{ "processing.filters.min_duration_seconds", SETTING_INT, 0, 86400, "30",
	    "A shorter call is skipped. One whose duration nobody knows passes." },
	{ "processing.max_attempts", SETTING_INT, 1, 20, "3",
	    "How often a job is tried before it is failed." },
	{ "processing.retry_base_seconds", SETTING_INT, 1, 3600, "5",
	    "The wait before the second try, which doubles with each further one." },
	{ "email.recipients", SETTING_ADDRESSES, 0, 20, "[]",
	    "Who is sent the summary of a call." },
	{ "summary.schema", SETTING_SCHEMA, 0, 0, NULL,
	    "A JSON Schema of what a summary holds. It is replaced as a whole." },
	{ CALLRAIL "enabled", SETTING_BOOL, 0, 0, "false", "Calls are fetched from CallRail." },
	{ CALLRAIL "account_id", SETTING_NAME, 1, 64, NULL, "The account at CallRail." },
	{ CALLRAIL "api_key", SETTING_SECRET, 8, 200, NULL,
	    "The key for that account. Only its last four characters are ever shown." },
	{ CALLRAIL "company_id", SETTING_NAME, 1, 64, NULL,
	    "The company of the account; all of them when it is not set." },
	{ CALLRAIL "poll_interval_seconds", SETTING_INT, 1, 86400, "60",
	    "How often CallRail is asked for new calls." },
	{ CALLRAIL "backfill_days", SETTING_INT, 0, 365, "7",
	    "How far back the first question reaches." },
	{ CALLRAIL "skip_all_on_ingest", SETTING_BOOL, 0, 0, "false",
	    "Calls that come in are skipped, until somebody requeues them." },
	{ CALLRAIL "max_calls_per_workspace", SETTING_INT, 0, 1000000000, NULL,
	    "Calls that one workspace may take in on a UTC day; what is over is skipped." },
	{ CALLRAIL "max_total_calls", SETTING_INT, 0, 1000000000, NULL,
	    "The same for all workspaces together." },
	{ "calling.default_region", SETTING_REGION, 0, 0, "\"US\"",
	    "Where national phone numbers are at home." },
	{ "calls.single_calls_per_minute", SETTING_INT, 1, 6000, "30",
	    "Dials of single calls in any 60 seconds; what is over waits." },
	{ "voice.voicemail_message", SETTING_TEXT, 1, 900, NULL,
	    "What an answering machine is told after its beep; without it the agent hangs up. Calls "
	    "over a media stream alone." },
	{ "voice.transfer_numbers", SETTING_NUMBERS, 0, 20, "[]",
	    "The numbers, and no others, that the agent may connect a callee with. Calls over a "
	    "media stream alone." },
	{ "voice.live_listening", SETTING_BOOL, 0, 0, "false",
	    "Admins may listen to calls while they go on. Calls over a media stream alone." },
	{ .path = NULL },
};

const struct setting *
setting_find(const char *path)
{
	for (const struct setting *s = settings_catalogue; s->path != NULL; s++)
		if (strcmp(s->path, path) == 0)
			return s;
	return NULL;
}

/* Whether there are settings below that path. */
static bool
is_section(const char *path)
{
	size_t len = strlen(path);

	for (const struct setting *s = settings_catalogue; s->path != NULL; s++)
		if (strncmp(s->path, path, len) == 0 && s->path[len] == '.')
			return true;
	return false;
}

json_t *
setting_absent(const struct setting *s)
{
	return s->absent == NULL ? NULL : json_loads(s->absent, JSON_DECODE_ANY, NULL);
}

/* ---- what a value may be ---- */

/* A text of min to max of these characters, without a zero among them. */
static bool
is_made_of(json_t *value, const char *characters, int64_t min, int64_t max)
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);

	return text != NULL && (int64_t)len >= min && (int64_t)len <= max &&
	    strspn(text, characters) == len;
}

static bool
is_secret(const struct setting *s, json_t *value)
{
	const char *text = json_string_value(value);
	int64_t len = (int64_t)json_string_length(value);

	if (text == NULL || len < s->min || len > s->max)
		return false;
	for (int64_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return true;
}

static bool
is_address(json_t *value)
{
	const char *text = json_string_value(value);

	return text != NULL && strlen(text) == json_string_length(value) && str_mail_address(text);
}

static const char *
check_addresses(const struct setting *s, struct arena *a, json_t *value)
{
	json_t *one;
	size_t i;

	if (!json_is_array(value) || (int64_t)json_array_size(value) > s->max)
		return arena_printf(
		    a, "must be an array of at most %lld mail addresses", (long long)s->max);
	json_array_foreach(value, i, one)
	{
		if (!is_address(one))
			return arena_printf(
			    a, "must hold mail addresses alone, and number %zu is none", i + 1);
	}
	return NULL;
}

static bool
is_text(const struct setting *s, json_t *value)
{
	const char *text = json_string_value(value);
	int64_t count;

	if (text == NULL || strlen(text) != json_string_length(value) || str_blank(text))
		return false;
	count = (int64_t)str_chars(text);
	return count >= s->min && count <= s->max;
}

static const char *
check_numbers(const struct setting *s, struct arena *a, json_t *value)
{
	json_t *one;
	size_t i;

	if (!json_is_array(value) || (int64_t)json_array_size(value) > s->max)
		return arena_printf(
		    a, "must be an array of at most %lld phone numbers", (long long)s->max);
	json_array_foreach(value, i, one)
	{
		const char *number = json_string_value(one);

		if (number == NULL || strlen(number) != json_string_length(one) ||
		    !str_e164(number))
			return arena_printf(a,
			    "must hold phone numbers such as \"+12025550143\" alone, and number "
			    "%zu is none",
			    i + 1);
	}
	return NULL;
}

static const char *
check_schema(json_t *value)
{
	json_t *type = json_object_get(value, "type");
	json_t *properties = json_object_get(value, "properties");

	if (!json_is_object(value))
		return "must be a JSON Schema: an object";
	if (json_dumpb(value, NULL, 0, JSON_COMPACT) > SETTING_SCHEMA_MAX)
		return "must be a JSON Schema of at most 16,384 bytes";
	if (type == NULL || !json_is_string(type) || strcmp(json_string_value(type), "object") != 0)
		return "must be a JSON Schema of type object";
	if (properties != NULL && !json_is_object(properties))
		return "must be a JSON Schema whose properties are an object";
	return NULL;
}

const char *
setting_check(const struct setting *s, struct arena *a, json_t *value)
{
	long long min = s->min, max = s->max;
	json_int_t number = json_integer_value(value);

	switch (s->type) {
	case SETTING_BOOL:
		return json_is_boolean(value) ? NULL : "must be true or false";
	case SETTING_INT:
		if (json_is_integer(value) && number >= min && number <= max)
			return NULL;
		return arena_printf(a, "must be a whole number from %lld to %lld", min, max);
	case SETTING_NAME:
		if (is_made_of(value, LETTERS DIGITS "-_", min, max))
			return NULL;
		return arena_printf(
		    a, "must be a text of %lld to %lld of A-Z a-z 0-9 - _", min, max);
	case SETTING_SECRET:
		if (is_secret(s, value))
			return NULL;
		return arena_printf(a,
		    "must be a text of %lld to %lld visible ASCII characters (as it is shown it is"
		    " cut short: leave it out to keep it)",
		    min, max);
	case SETTING_REGION:
		if (is_made_of(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", 2, 2))
			return NULL;
		return "must be a region of two capital letters, such as \"US\"";
	case SETTING_TEXT:
		if (is_text(s, value))
			return NULL;
		return arena_printf(
		    a, "must be a text of %lld to %lld characters, not blank", min, max);
	case SETTING_NUMBERS:
		return check_numbers(s, a, value);
	case SETTING_ADDRESSES:
		return check_addresses(s, a, value);
	case SETTING_SCHEMA:
		return check_schema(value);
	}
	abort();
}

/* ---- patches ---- */

struct patch {
	struct arena *a;
	json_t *leaves;
	const char *why; /* NULL as long as all is well */
};

/* Every setting of a section is to be removed. */
static void
remove_section(struct patch *p, const char *path)
{
	size_t len = strlen(path);

	for (const struct setting *s = settings_catalogue; s->path != NULL; s++)
		if (strncmp(s->path, path, len) == 0 && s->path[len] == '.')
			json_object_set_new(p->leaves, s->path, json_null());
}

static void
take_leaf(struct patch *p, const struct setting *s, json_t *value)
{
	const char *wrong = json_is_null(value) ? NULL : setting_check(s, p->a, value);

	if (wrong != NULL)
		p->why = arena_printf(p->a, "%s %s", s->path, wrong);
	else
		json_object_set(p->leaves, s->path, value);
}

static void take_section(struct patch *p, const char *section, json_t *object);

/* section is "" at the top. Sections nest no deeper than the table's paths do. */
static void
take(struct patch *p, const char *section, const char *name, json_t *value)
{
	char path[PATH_SIZE];
	int len = snprintf(
	    path, sizeof(path), "%s%s%s", section, *section == '\0' ? "" : ".", name);
	bool whole = len < (int)sizeof(path) && *name != '\0' && strchr(name, '.') == NULL;
	const struct setting *s = whole ? setting_find(path) : NULL;

	if (s != NULL)
		take_leaf(p, s, value);
	else if (!whole || !is_section(path))
		p->why = arena_printf(p->a, "there is no setting %.*s%s", PATH_SHOWN, path,
		    strchr(name, '.') != NULL ? ": settings are nested objects" : "");
	else if (json_is_null(value))
		remove_section(p, path);
	else if (json_is_object(value))
		take_section(p, path, value);
	else
		p->why = arena_printf(p->a, "%s must be an object", path);
}

static void
take_section(struct patch *p, const char *section, json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		if (p->why == NULL)
			take(p, section, name, value);
	}
}

json_t *
setting_patch(struct arena *a, json_t *patch, const char **why)
{
	struct patch p = { a, json_object(), NULL };

	if (json_is_object(patch))
		take_section(&p, "", patch);
	else
		p.why = "the configuration must be an object";
	*why = p.why;
	if (p.why == NULL)
		return p.leaves;
	json_decref(p.leaves);
	return NULL;
}

/* ---- documents ---- */

/* The object of that name inside another, made when it is missing. */
static json_t *
object_in(json_t *outer, const char *name)
{
	json_t *inner = json_object_get(outer, name);

	if (inner == NULL) {
		inner = json_object();
		json_object_set_new(outer, name, inner);
	}
	return inner;
}

/* The next name of a path into name; what is left of the path, NULL behind the last. */
static const char *
next_name(const char *path, char name[PATH_SIZE])
{
	size_t len = strcspn(path, ".");

	snprintf(name, PATH_SIZE, "%.*s", (int)len, path);
	return path[len] == '\0' ? NULL : path + len + 1;
}

void
setting_place(json_t *document, const char *path, json_t *value)
{
	char name[PATH_SIZE];

	while ((path = next_name(path, name)) != NULL)
		document = object_in(document, name);
	json_object_set_new(document, name, value);
}

const char *
setting_secrets(struct arena *a)
{
	const char *list = "", *comma = "";

	for (const struct setting *s = settings_catalogue; s->path != NULL; s++) {
		if (s->type != SETTING_SECRET)
			continue;
		list = arena_printf(a, "%s%s%s", list, comma, s->path);
		comma = ",";
	}
	return arena_printf(a, "{%s}", list);
}

/* ---- JSON Schema ---- */

static json_t *
text_schema(int64_t min, int64_t max)
{
	return json_pack("{s:s, s:I, s:I}", "type", "string", "minLength", (json_int_t)min,
	    "maxLength", (json_int_t)max);
}

static json_t *
type_schema(const struct setting *s, bool patch)
{
	json_t *schema;

	switch (s->type) {
	case SETTING_BOOL:
		return json_pack("{s:s}", "type", "boolean");
	case SETTING_INT:
		return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum",
		    (json_int_t)s->min, "maximum", (json_int_t)s->max);
	case SETTING_NAME:
		schema = text_schema(s->min, s->max);
		json_object_set_new(schema, "pattern", json_string("^[A-Za-z0-9_-]+$"));
		return schema;
	case SETTING_SECRET:
		return patch ? text_schema(s->min, s->max) : text_schema(5, 5);
	case SETTING_REGION:
		return json_pack("{s:s, s:s}", "type", "string", "pattern", "^[A-Z]{2}$");
	case SETTING_TEXT:
		return text_schema(s->min, s->max);
	case SETTING_NUMBERS:
		return json_pack("{s:s, s:I, s:{s:s, s:s}}", "type", "array", "maxItems",
		    (json_int_t)s->max, "items", "type", "string", "pattern",
		    "^\\+[1-9][0-9]{6,14}$");
	case SETTING_ADDRESSES:
		return json_pack("{s:s, s:I, s:{s:s, s:s, s:i}}", "type", "array", "maxItems",
		    (json_int_t)s->max, "items", "type", "string", "format", "email", "maxLength",
		    STR_MAIL_MAX);
	case SETTING_SCHEMA:
		return json_pack("{s:s, s:b}", "type", "object", "additionalProperties", 1);
	}
	abort();
}

static json_t *
leaf_schema(const struct setting *s, bool patch)
{
	json_t *schema = type_schema(s, patch);

	if (patch)
		schema = json_pack("{s:[o, {s:s}]}", "anyOf", schema, "type", "null");
	json_object_set_new(schema, "description", json_string(s->help));
	if (s->absent != NULL && !patch)
		json_object_set_new(schema, "default", setting_absent(s));
	return schema;
}

static json_t *
section_schema(bool patch)
{
	json_t *schema = json_pack(
	    "{s:s, s:b, s:{}}", "type", "object", "additionalProperties", 0, "properties");

	return patch ? json_pack("{s:[o, {s:s}]}", "anyOf", schema, "type", "null") : schema;
}

/* Where the settings of a section stand in what section_schema() made. */
static json_t *
properties_of(json_t *section)
{
	json_t *forms = json_object_get(section, "anyOf");

	return json_object_get(forms == NULL ? section : json_array_get(forms, 0), "properties");
}

json_t *
setting_schema(bool patch)
{
	json_t *schema = section_schema(false);

	for (const struct setting *s = settings_catalogue; s->path != NULL; s++) {
		const char *path = s->path;
		json_t *at = properties_of(schema);
		char name[PATH_SIZE];

		while ((path = next_name(path, name)) != NULL) {
			if (json_object_get(at, name) == NULL)
				json_object_set_new(at, name, section_schema(patch));
			at = properties_of(json_object_get(at, name));
		}
		json_object_set_new(at, name, leaf_schema(s, patch));
	}
	return schema;
}
