/* manifest.c: see manifest.h. One table for the fields, then what must hold between them. */
#include "domain/manifest.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "domain/brief.h"

#define TEXT_MAX 2000

/* ---- the fields, each for itself ---- */

static bool
is_text(json_t *value)
{
	const char *text = json_string_value(value);

	return text != NULL && !str_blank(text) && strlen(text) <= TEXT_MAX;
}
#define A_TEXT "must be a text that is not empty, of at most 2,000 bytes"

static bool
is_name(json_t *value)
{
	const char *name = json_string_value(value);
	size_t len = name == NULL ? 0 : strlen(name);

	return len > 0 && len <= 64 &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == len;
}
#define A_NAME "must be a name of a to z, 0 to 9, - and _"

/* Whether value is a text and one of "a|b|c". */
static bool
is_one_of(json_t *value, const char *words)
{
	const char *text = json_string_value(value);
	size_t len = text == NULL ? 0 : strlen(text);

	for (; len > 0; words++) {
		size_t word = strcspn(words, "|");

		if (word == len && strncmp(words, text, len) == 0)
			return true;
		words += word;
		if (*words == '\0')
			return false;
	}
	return false;
}

static bool
are_of(json_t *values, const char *words)
{
	json_t *value;
	size_t i;

	json_array_foreach(values, i, value)
	{
		if (!is_one_of(value, words))
			return false;
	}
	return json_array_size(values) > 0;
}

static bool
is_kind(json_t *value)
{
	return is_one_of(value,
	    "restaurant_booking|restaurant_cancel|doctor_appointment|hotel_booking|concierge|"
	    "negotiation|other");
}
#define A_KIND "must be negotiation or one of the kinds that POST /calls has"

static bool
are_events(json_t *value)
{
	return are_of(value,
	    "status_change|transcript|supervisor|ask_user|answered|answer_spoken|answer_dropped|"
	    "dtmf|outcome|recording_ready|transcript_ready|call_error");
}
#define EVENTS "must be an array of types of events"

static bool
are_modes(json_t *value)
{
	return are_of(value, "any|stream");
}
#define MODES "must be an array of any and stream"

/* A text with no slot but {call_id}. */
static bool
call_slot(const void *arg, const char *name, struct schema_bounds *bounds)
{
	(void)arg;
	*bounds = (struct schema_bounds){ .max_chars = 40, .always = true };
	return strcmp(name, "call_id") == 0;
}

static bool
is_call_text(json_t *value)
{
	char error[128];

	return is_text(value) &&
	    brief_check(json_string_value(value), TEXT_MAX, call_slot, NULL, error, sizeof error);
}

static bool
is_url(json_t *value)
{
	return is_call_text(value) && json_string_value(value)[0] == '/' &&
	    strstr(json_string_value(value), "{call_id}") != NULL;
}
#define A_URL "must be a path that begins with / and holds {call_id}"

static bool
are_steps(json_t *value)
{
	json_t *step;
	size_t i;

	json_array_foreach(value, i, step)
	{
		if (!is_call_text(step))
			return false;
	}
	return json_array_size(value) > 0;
}
#define STEPS "must be an array of texts with no slot but {call_id}"

static bool
are_limits(json_t *value)
{
	json_t *chars = json_object_get(value, "max_brief_chars");

	return json_object_size(value) == 1 && json_is_integer(chars) &&
	    json_integer_value(chars) > 0 && json_integer_value(chars) <= BRIEF_CHARS_MAX;
}
#define LIMITS "must be an object with max_brief_chars, from 1 to 4000, and nothing else"

static bool
is_object(json_t *value)
{
	return json_is_object(value);
}
#define AN_OBJECT "must be an object"

static bool
is_filled_array(json_t *value)
{
	return json_array_size(value) > 0;
}
#define FILLED "must be an array with something in it"

static const struct {
	const char *name;
	bool (*right)(json_t *value);
	const char *must;
	bool optional;
} fields[] = {
	{ "skill_id", is_name, A_NAME, false },
	{ "title", is_text, A_TEXT, false },
	{ "description", is_text, A_TEXT, false },
	{ "version", is_text, A_TEXT, false },
	{ "kind", is_kind, A_KIND, false },
	{ "phone_slot", is_name, A_NAME, true },
	{ "booking_slot", is_name, A_NAME, true },
	{ "input_schema", is_object, AN_OBJECT, false },
	{ "slots", is_object, AN_OBJECT, false },
	{ "examples", is_filled_array, FILLED, false },
	{ "brief_template", is_text, A_TEXT, false },
	{ "event_types", are_events, EVENTS, false },
	{ "ask_user_modes_supported", are_modes, MODES, false },
	{ "status_url_template", is_url, A_URL, false },
	{ "events_url_template", is_url, A_URL, false },
	{ "answer_url_template", is_url, A_URL, false },
	{ "recording_url_template", is_url, A_URL, false },
	{ "next_steps", are_steps, STEPS, false },
	{ "limits", are_limits, LIMITS, false },
};
#define FIELDS (sizeof fields / sizeof fields[0])

static bool
known_field(const char *name)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (strcmp(fields[i].name, name) == 0)
			return true;
	return false;
}

static bool
fields_right(json_t *manifest, char *error, size_t error_size)
{
	const char *name;
	json_t *value;

	if (!json_is_object(manifest)) {
		snprintf(error, error_size, "must be a JSON object");
		return false;
	}
	json_object_foreach(manifest, name, value)
	{
		if (!known_field(name)) {
			snprintf(error, error_size, "%.64s: no such field", name);
			return false;
		}
	}
	for (size_t i = 0; i < FIELDS; i++) {
		value = json_object_get(manifest, fields[i].name);
		if (value == NULL ? fields[i].optional : fields[i].right(value))
			continue;
		snprintf(error, error_size, "%s: %s", fields[i].name,
		    value == NULL ? "must be there" : fields[i].must);
		return false;
	}
	return true;
}

/* ---- what holds between them ---- */

struct draft {
	json_t *manifest;
	const struct schema *schema;
	char *error;
	size_t error_size;
};

static const char *
text_of(const struct draft *d, const char *name)
{
	return json_string_value(json_object_get(d->manifest, name));
}

/* The number to dial comes from one slot, which is a required text. */
static bool
target_right(const struct draft *d)
{
	const char *phone = text_of(d, "phone_slot"), *booking = text_of(d, "booking_slot");
	const char *slot = phone != NULL ? phone : booking;
	struct schema_bounds bounds;

	if ((phone == NULL) == (booking == NULL)) {
		snprintf(d->error, d->error_size,
		    "phone_slot: either this or booking_slot must be there");
		return false;
	}
	if (schema_bounds(d->schema, slot, &bounds) && bounds.always && bounds.text)
		return true;
	snprintf(d->error, d->error_size, "%s: must name a required slot that is a string",
	    phone != NULL ? "phone_slot" : "booking_slot");
	return false;
}

/* Every slot has its question and its hint, and nothing else has. */
static bool
slots_right(const struct draft *d)
{
	json_t *slots = json_object_get(d->manifest, "slots");
	size_t count = schema_count(d->schema);

	for (size_t i = 0; i < count; i++) {
		const char *name = schema_name(d->schema, i);
		json_t *about = json_object_get(slots, name);

		if (json_object_size(about) == 2 &&
		    is_text(json_object_get(about, "suggested_question")) &&
		    is_text(json_object_get(about, "type_hint")))
			continue;
		snprintf(d->error, d->error_size,
		    "slots.%s: must be an object with suggested_question and type_hint", name);
		return false;
	}
	if (json_object_size(slots) == count)
		return true;
	snprintf(d->error, d->error_size, "slots: holds what is no slot of input_schema");
	return false;
}

/* The two slots that a call takes over as they are. */
static bool
options_right(const struct draft *d)
{
	static const char *const names[] = { "language", "ask_user_mode" };
	struct schema_bounds bounds;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (schema_bounds(d->schema, names[i], &bounds) && bounds.always && bounds.text &&
		    bounds.max_chars >= 0)
			continue;
		snprintf(d->error, d->error_size,
		    "input_schema.properties.%s: must be there, a string with a default and a "
		    "maxLength or an enum",
		    names[i]);
		return false;
	}
	if (json_equal(
		json_object_get(
		    json_object_get(
			json_object_get(json_object_get(d->manifest, "input_schema"), "properties"),
			"ask_user_mode"),
		    "enum"),
		json_object_get(d->manifest, "ask_user_modes_supported")))
		return true;
	snprintf(d->error, d->error_size,
	    "ask_user_modes_supported: must be the enum of the slot ask_user_mode");
	return false;
}

static void
note_fault(void *arg, const char *slot, enum schema_fault fault, const char *says)
{
	const struct draft *d = arg;

	(void)fault;
	snprintf(d->error, d->error_size, "examples: %s %s", slot, says);
}

/* What the manifest shows as an example works. */
static bool
examples_right(struct draft *d)
{
	struct arena *a = arena_new();
	bool right = true;
	json_t *example, *slots;
	size_t i;

	json_array_foreach(json_object_get(d->manifest, "examples"), i, example)
	{
		if (!json_is_object(example)) {
			snprintf(d->error, d->error_size, "examples: must hold objects");
			right = false;
			break;
		}
		slots = schema_check(d->schema, a, example, note_fault, d);
		right = slots != NULL;
		json_decref(slots);
		if (!right)
			break;
	}
	arena_free(a);
	return right;
}

/* What a brief may name of the booking whose number is dialed (booking_find() gives it; the lengths
 * are those of sql/008_bookings.sql). */
static bool
booking_bounds(const char *name, struct schema_bounds *bounds)
{
	static const struct {
		const char *name;
		int64_t max_chars;
		bool free_text;
	} values[] = {
		{ "booking_holder_name", 200, true },
		{ "booking_date", 10, false },
		{ "booking_time", 5, false },
		{ "guests", 6, false },
		{ "venue_name", 200, true },
	};

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		if (strcmp(values[i].name, name) != 0)
			continue;
		*bounds = (struct schema_bounds){ .max_chars = values[i].max_chars,
			.free_text = values[i].free_text,
			.text = true };
		return true;
	}
	return false;
}

/* A slot of the template: one of the skill's, or of the booking. */
static bool
brief_slot_of(const void *arg, const char *name, struct schema_bounds *bounds)
{
	const struct draft *d = arg;

	return schema_bounds(d->schema, name, bounds) ||
	    (text_of(d, "booking_slot") != NULL && booking_bounds(name, bounds));
}

static bool
template_right(const struct draft *d)
{
	json_int_t most = json_integer_value(
	    json_object_get(json_object_get(d->manifest, "limits"), "max_brief_chars"));
	char fault[256];

	if (brief_check(text_of(d, "brief_template"), most, brief_slot_of, d, fault, sizeof fault))
		return true;
	snprintf(d->error, d->error_size, "brief_template: %s", fault);
	return false;
}

struct schema *
manifest_check(json_t *manifest, const char *id, char *error, size_t error_size)
{
	struct draft d = { manifest, NULL, error, error_size };
	struct schema *schema;
	char fault[256];

	if (!fields_right(manifest, error, error_size))
		return NULL;
	if (strcmp(text_of(&d, "skill_id"), id) != 0) {
		snprintf(error, error_size, "skill_id: must be the file's name, %s", id);
		return NULL;
	}
	schema = schema_new(json_object_get(manifest, "input_schema"), fault, sizeof fault);
	if (schema == NULL) {
		snprintf(error, error_size, "input_schema.%s", fault);
		return NULL;
	}
	d.schema = schema;
	if (target_right(&d) && slots_right(&d) && options_right(&d) && examples_right(&d) &&
	    template_right(&d))
		return schema;
	schema_free(schema);
	return NULL;
}
