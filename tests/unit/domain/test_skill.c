/*
 * test_skill.c: the manifests that are shipped, and manifests that are not right: each is named by
 * its file and its field. Runs over the sources' own folder and over one of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/str.h"
#include "domain/brief.h"
#include "domain/skill.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct arena *a;
static struct skill_set *shipped;
static char directory[] = "/tmp/offhook-skills-XXXXXX";

static int
setup(void **state)
{
	const char *top = getenv("srcdir");
	char error[512] = "";

	(void)state;
	a = arena_new();
	assert_non_null(mkdtemp(directory));
	shipped = skill_set_load(
	    arena_printf(a, "%s/src/skills", top == NULL ? "." : top), error, sizeof error);
	if (shipped == NULL)
		fail_msg("%s", error);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	skill_set_free(shipped);
	skill_set_free(NULL);
	(void)rmdir(directory);
	arena_free(a);
	return 0;
}

/* ---- what is shipped ---- */

static void
the_six_are_there_in_order(void **state)
{
	static const struct {
		const char *id, *kind;
	} skills[] = {
		{ "cancel-booking", "restaurant_cancel" },
		{ "concierge", "concierge" },
		{ "doctor-appointment", "doctor_appointment" },
		{ "hotel-booking", "hotel_booking" },
		{ "negotiation", "negotiation" },
		{ "restaurant-reservation", "restaurant_booking" },
	};

	(void)state;
	assert_int_equal(skill_count(shipped), COUNT(skills));
	for (size_t i = 0; i < COUNT(skills); i++) {
		assert_string_equal(skill_at(shipped, i)->id, skills[i].id);
		assert_string_equal(skill_at(shipped, i)->kind, skills[i].kind);
		assert_ptr_equal(skill_find(shipped, skills[i].id), skill_at(shipped, i));
	}
	assert_null(skill_find(shipped, "nonsense"));
	assert_null(skill_find(shipped, ""));
	assert_null(skill_find(NULL, "concierge"));
}

/* Reads input for a skill; fails unless it is right. */
static struct skill_input
input_of(const struct skill *skill, json_t *object)
{
	struct skill_input input;

	if (!skill_read(skill, a, object, &input))
		fail_msg("%s", skill->id);
	json_decref(object);
	return input;
}

static void
a_reservation_becomes_a_brief(void **state)
{
	const struct skill *skill = skill_find(shipped, "restaurant-reservation");
	struct skill_input input = input_of(skill,
	    json_pack("{s:s, s:i, s:s, s:s, s:s, s:s}", "restaurant_phone", "+12025550143",
		"party_size", 4, "date", "2026-12-24", "time", "19:30", "name", "Ann \"the\nboss\"",
		"more", "ignored"));
	json_t *steps;

	(void)state;
	assert_string_equal(skill_slot(&input, "restaurant_phone"), "+12025550143");
	assert_string_equal(skill_slot(&input, "language"), "auto");
	assert_string_equal(skill_slot(&input, "ask_user_mode"), "any");
	assert_null(skill_slot(&input, "more"));
	assert_string_equal(skill_brief(skill, a, &input, NULL),
	    "Please book a table for 4 on 2026-12-24 at 19:30 in the name of \"Ann 'the boss'\". If "
	    "that time is not free, ask which times are and ask your client before you accept "
	    "another.");
	assert_string_equal(skill_url(skill, a, "status_url_template", "call_1"), "/calls/call_1");
	steps = skill_next_steps(skill, a, "call_1");
	assert_true(json_array_size(steps) >= 3);
	assert_non_null(strstr(json_string_value(json_array_get(steps, 0)), "/calls/call_1"));
	json_decref(steps);
}

static void
a_cancellation_names_what_is_known_of_the_booking(void **state)
{
	const struct skill *skill = skill_find(shipped, "cancel-booking");
	struct skill_input input = input_of(
	    skill, json_pack("{s:s}", "booking_id", "0B6F5C1E-8f43-4c55-9d0e-3c8c1f1f7a10"));
	json_t *all = json_pack("{s:s, s:s, s:s, s:s}", "booking_holder_name", "Ann",
	    "booking_date", "2026-12-24", "booking_time", "19:30", "guests", "2");
	json_t *none = json_object();

	(void)state;
	assert_null(skill->phone_slot);
	assert_string_equal(skill->booking_slot, "booking_id");
	assert_string_equal(skill_brief(skill, a, &input, all),
	    "Please cancel the booking in the name of \"Ann\" on 2026-12-24 at 19:30 for 2. Ask for "
	    "a confirmation that it is cancelled.");
	assert_string_equal(skill_brief(skill, a, &input, none),
	    "Please cancel the booking. Ask for a confirmation that it is cancelled.");
	json_decref(all);
	json_decref(none);
}

static void
what_is_missing_comes_with_what_to_ask(void **state)
{
	const struct skill *skill = skill_find(shipped, "restaurant-reservation");
	json_t *object = json_pack("{s:s, s:s, s:s, s:s}", "restaurant_phone", "none", "party_size",
	    "4", "date", " ", "time", "19:30");
	struct skill_input input;
	json_t *one;

	(void)state;
	assert_false(skill_read(skill, a, object, &input));
	assert_int_equal(json_array_size(input.missing), 2);
	one = json_array_get(input.missing, 0);
	assert_string_equal(json_string_value(json_object_get(one, "slot_name")), "date");
	assert_string_equal(json_string_value(json_object_get(one, "reason")), "empty");
	assert_string_equal(json_string_value(json_object_get(one, "suggested_question")),
	    "For which day should I book?");
	assert_string_equal(
	    json_string_value(json_object_get(one, "type_hint")), "date YYYY-MM-DD");
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(input.missing, 1), "reason")),
	    "required");
	assert_int_equal(json_object_size(input.invalid), 2);
	assert_string_equal(json_string_value(json_object_get(input.invalid, "party_size")),
	    "must be a whole number from 1 to 50");
	assert_null(input.slots);
	json_decref(object);
}

/* The longest values that a skill takes still give a brief that a call may have. */
static void
no_brief_is_too_long(void **state)
{
	const struct skill *skill = skill_find(shipped, "concierge");
	char request[3001], name[101];
	struct skill_input input;

	(void)state;
	memset(request, '"', sizeof request - 1);
	memset(name, 'n', sizeof name - 1);
	request[sizeof request - 1] = name[sizeof name - 1] = '\0';
	input = input_of(skill,
	    json_pack("{s:s, s:s, s:s}", "target_phone", "+12025550143", "request", request, "name",
		name));
	assert_in_range(str_chars(skill_brief(skill, a, &input, NULL)), 3100, BRIEF_CHARS_MAX);
}

/* ---- what is not right ---- */

/* Loads a folder with this one file; why it was refused, or NULL. */
static const char *
refusal(const char *file, const char *text)
{
	const char *path = arena_printf(a, "%s/%s", directory, file);
	FILE *f = fopen(path, "w");
	static char error[512];
	struct skill_set *set;

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	error[0] = '\0';
	set = skill_set_load(directory, error, sizeof error);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(set == NULL, error[0] != '\0');
	skill_set_free(set);
	return set == NULL ? error : NULL;
}

/* A change to the shipped reservation, "a.b=JSON" or "a.b" to remove, and the refusal's end. */
static void
changes_are_refused_by_field(void **state)
{
	static const struct {
		const char *at, *value, *error;
	} cases[] = {
		{ "skill_id", "\"other\"", "skill_id: must be the file's name, " },
		{ "skill_id", NULL, "skill_id: must be there" },
		{ "title", "\"\"", "title: must be a text" },
		{ "title", "7", "title: must be a text" },
		{ "version", NULL, "version: must be there" },
		{ "kind", "\"taxi\"", "kind: must be negotiation or one of the kinds" },
		{ "surprise", "1", "surprise: no such field" },
		{ "phone_slot", NULL, "phone_slot: either this or booking_slot" },
		{ "booking_slot", "\"name\"", "phone_slot: either this or booking_slot" },
		{ "phone_slot", "\"none\"", "phone_slot: must name a required slot" },
		{ "phone_slot", "\"party_size\"", "phone_slot: must name a required slot" },
		{ "phone_slot", "\"phone_to_dictate\"", "phone_slot: must name a required slot" },
		{ "input_schema.type", "\"array\"", "input_schema.type: must be object" },
		{ "input_schema.required", "[\"x\"]", "input_schema.required: item 1" },
		{ "input_schema.properties.name.pattern", "\"(\"",
		    "input_schema.properties.name.pattern: is no regular expression" },
		{ "input_schema.properties.name.maxLength", NULL,
		    "brief_template: at character 74: the slot has no maxLength" },
		{ "input_schema.properties.language", NULL, "slots: holds what is no slot" },
		{ "input_schema.properties.language.default", NULL,
		    "input_schema.properties.language: must be there" },
		{ "slots.name", NULL, "slots.name: must be an object with" },
		{ "slots.name.type_hint", NULL, "slots.name: must be an object with" },
		{ "examples", "[]", "examples: must be an array" },
		{ "examples", "[1]", "examples: must hold objects" },
		{ "examples", "[{}]", "examples: " },
		{ "brief_template", "\"Hi {name}\"",
		    "brief_template: at character 4: the slot is" },
		{ "event_types", "[\"status_change\",\"rain\"]", "event_types: must be" },
		{ "event_types", "[]", "event_types: must be" },
		{ "ask_user_modes_supported", "[\"any\"]", "ask_user_modes_supported: must be" },
		{ "ask_user_modes_supported", "[\"mail\"]", "ask_user_modes_supported: must be" },
		{ "status_url_template", "\"/calls\"", "status_url_template: must be a path" },
		{ "answer_url_template", "\"https://x/{call_id}\"",
		    "answer_url_template: must be" },
		{ "recording_url_template", "\"/calls/{id}\"", "recording_url_template: must be" },
		{ "next_steps", "[\"Go to {place}.\"]", "next_steps: must be" },
		{ "limits", "{\"max_brief_chars\":4001}", "limits: must be" },
		{ "limits.max_brief_chars", "100", "brief_template: may grow to" },
		{ "limits.more", "1", "limits: must be" },
	};
	const struct skill *skill = skill_find(shipped, "restaurant-reservation");

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *manifest = json_deep_copy(skill->manifest), *in = manifest;
		char *at = arena_strdup(a, cases[i].at), *dot, *text;
		const char *error;

		for (; (dot = strchr(at, '.')) != NULL; at = dot + 1) {
			*dot = '\0';
			in = json_object_get(in, at);
			assert_non_null(in);
		}
		if (cases[i].value == NULL)
			json_object_del(in, at);
		else
			json_object_set_new(
			    in, at, json_loads(cases[i].value, JSON_DECODE_ANY, NULL));
		text = json_dumps(manifest, 0);
		error = refusal("restaurant-reservation.json", text);
		if (error == NULL ||
		    strstr(error,
			arena_printf(a, "/restaurant-reservation.json: %s", cases[i].error)) ==
			NULL)
			fail_msg("%s: %s", cases[i].at, error == NULL ? "taken" : error);
		free(text);
		json_decref(manifest);
	}
}

static void
files_that_are_none_are_refused_by_name(void **state)
{
	char big[70001], error[512];

	(void)state;
	assert_non_null(strstr(refusal("x.json", ""), "/x.json: unexpected end"));
	assert_non_null(strstr(refusal("x.json", "{\"a\":1,}"), "/x.json: syntax error"));
	assert_non_null(strstr(refusal("x.json", "{\"a\":1,\"a\":1}"), "/x.json: duplicate key"));
	assert_non_null(strstr(refusal("x.json", "[]"), "/x.json: must be a JSON object"));
	memset(big, ' ', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	assert_non_null(strstr(refusal("x.json", big), "/x.json: is larger than 64 KiB"));
	/* What is no manifest by its name is not looked at: then there is none. */
	assert_non_null(strstr(refusal("x.json~", "{"), "holds 0 skills"));
	assert_non_null(strstr(refusal(".x.json", "{"), "holds 0 skills"));
	assert_non_null(strstr(refusal(".json", "{"), "holds 0 skills"));
	assert_null(skill_set_load("/nonexistent/skills", error, sizeof error));
	assert_non_null(strstr(error, "/nonexistent/skills: cannot be read"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_six_are_there_in_order),
		cmocka_unit_test(a_reservation_becomes_a_brief),
		cmocka_unit_test(a_cancellation_names_what_is_known_of_the_booking),
		cmocka_unit_test(what_is_missing_comes_with_what_to_ask),
		cmocka_unit_test(no_brief_is_too_long),
		cmocka_unit_test(changes_are_refused_by_field),
		cmocka_unit_test(files_that_are_none_are_refused_by_name),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
