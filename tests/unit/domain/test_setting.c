/* test_setting.c: the catalogue of the settings of the tree: what each may be, patches, and that the
 * documents name every one of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/str.h"
#include "domain/setting.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct arena *a;

static int
setup(void **state)
{
	(void)state;
	a = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

static json_t *
parse(const char *text)
{
	char why[64];
	json_t *value = json_parse_strict(text, strlen(text), why);

	assert_non_null(value);
	return value;
}

/* The leaves of a patch as text, or the sentence that refuses it. In the arena. */
static const char *
patched(const char *text)
{
	json_t *patch = parse(text), *leaves;
	const char *said;
	char *dump;

	leaves = setting_patch(a, patch, &said);
	json_decref(patch);
	if (leaves == NULL)
		return said;
	assert_null(said);
	dump = json_dumps(leaves, JSON_COMPACT | JSON_SORT_KEYS);
	said = arena_strdup(a, dump);
	free(dump);
	json_decref(leaves);
	return said;
}

static void
the_table_holds_together(void **state)
{
	(void)state;
	for (const struct setting *s = settings_catalogue; s->path != NULL; s++) {
		json_t *absent = setting_absent(s);

		assert_ptr_equal(setting_find(s->path), s); /* no path twice */
		assert_true(strlen(s->path) < 80 && strlen(s->help) > 10);
		if (s->absent != NULL)
			assert_null(setting_check(s, a, absent));
		else
			assert_null(absent);
		json_decref(absent);
		/* No setting is a section of another. */
		for (const struct setting *o = settings_catalogue; o->path != NULL; o++)
			assert_false(
			    str_starts(o->path, s->path) && o->path[strlen(s->path)] == '.');
	}
	assert_null(setting_find("processing"));
	assert_null(setting_find(""));
}

static void
values_are_right_or_refused(void **state)
{
	static const struct {
		const char *path, *value, *says; /* NULL: right */
	} cases[] = {
		{ "processing.auto", "true", NULL },
		{ "processing.auto", "\"true\"", "true or false" },
		{ "processing.auto", "1", "true or false" },
		{ "processing.filters.min_duration_seconds", "0", NULL },
		{ "processing.filters.min_duration_seconds", "86400", NULL },
		{ "processing.filters.min_duration_seconds", "86401", "0 to 86400" },
		{ "processing.filters.min_duration_seconds", "-1", "0 to 86400" },
		{ "processing.filters.min_duration_seconds", "30.0", "whole number" },
		{ "processing.filters.min_duration_seconds", "\"30\"", "whole number" },
		{ "processing.filters.min_duration_seconds", "true", "whole number" },
		{ "integrations.callrail.poll_interval_seconds", "0", "1 to 86400" },
		{ "integrations.callrail.poll_interval_seconds", "1", NULL },
		{ "integrations.callrail.account_id", "\"ACC_8-1\"", NULL },
		{ "integrations.callrail.account_id", "\"\"", "1 to 64" },
		{ "integrations.callrail.account_id", "\"../x\"", "1 to 64" },
		{ "integrations.callrail.account_id", "8154748", "a text" },
		{ "integrations.callrail.api_key", "\"abcd1234\"", NULL },
		{ "integrations.callrail.api_key", "\"abc1234\"", "8 to 200" },
		{ "integrations.callrail.api_key", "\"abcd 1234\"", "visible" },
		{ "integrations.callrail.api_key", "\"abcd\\n1234\"", "visible" },
		{ "integrations.callrail.api_key", "\"…1234567\"", "cut short" },
		{ "integrations.callrail.api_key", "12345678", "a text" },
		{ "calling.default_region", "\"GB\"", NULL },
		{ "voice.voicemail_message", "\"Please call back.\"", NULL },
		{ "voice.voicemail_message", "\"  \"", "not blank" },
		{ "voice.voicemail_message", "5", "not blank" },
		{ "voice.transfer_numbers", "[]", NULL },
		{ "voice.transfer_numbers", "[\"+12025550143\"]", NULL },
		{ "voice.transfer_numbers", "[\"+12025550143\", \"0900123\"]", "number 2 is none" },
		{ "voice.transfer_numbers", "\"+12025550143\"", "an array of at most 20" },
		{ "calling.default_region", "\"gb\"", "two capital letters" },
		{ "calling.default_region", "\"GBR\"", "two capital letters" },
		{ "email.recipients", "[]", NULL },
		{ "email.recipients", "[\"a@b.example\", \"o'neil+x=y@localhost\"]", NULL },
		{ "email.recipients", "\"a@b.example\"", "an array" },
		{ "email.recipients", "[\"a@b.example\", 7]", "number 2" },
		{ "email.recipients", "[\"a@b.example\\r\\nBcc: x@y.example\"]", "number 1" },
		{ "email.recipients", "[\"a b@c.example\"]", "number 1" },
		{ "email.recipients", "[\"<a@b.example>\"]", "number 1" },
		{ "email.recipients", "[\"a@b@c.example\"]", "number 1" },
		{ "email.recipients", "[\"@b.example\"]", "number 1" },
		{ "email.recipients", "[\"a@\"]", "number 1" },
		{ "email.recipients", "[\"a@b..example\"]", "number 1" },
		{ "email.recipients", "[\"a@-b.example\"]", "number 1" },
		{ "email.recipients", "[\".a@b.example\"]", "number 1" },
		{ "email.recipients", "[\"ä@b.example\"]", "number 1" },
		{ "email.recipients", "[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1]", "at most 20" },
		{ "summary.schema", "{\"type\": \"object\", \"properties\": {\"a\": {}}}", NULL },
		{ "summary.schema", "{}", "of type object" },
		{ "summary.schema", "{\"type\": \"array\"}", "of type object" },
		{ "summary.schema", "{\"type\": \"object\", \"properties\": []}", "properties" },
		{ "summary.schema", "true", "an object" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *value = parse(cases[i].value);
		const char *said = setting_check(setting_find(cases[i].path), a, value);

		json_decref(value);
		if (cases[i].says == NULL)
			assert_null(said);
		else if (said == NULL || strstr(said, cases[i].says) == NULL)
			fail_msg("%s %s: %s", cases[i].path, cases[i].value, said ? said : "right");
	}
}

static void
long_values_are_refused(void **state)
{
	json_t *schema = parse("{\"type\": \"object\", \"description\": \"\"}");
	char *text = mem_alloc(SETTING_SCHEMA_MAX + 1);
	json_t *list;

	(void)state;
	memset(text, 'x', SETTING_SCHEMA_MAX);
	text[SETTING_SCHEMA_MAX] = '\0';
	json_object_set_new(schema, "description", json_string(text));
	assert_non_null(setting_check(setting_find("summary.schema"), a, schema));
	json_decref(schema);
	text[201] = '\0';
	schema = json_string(text);
	assert_non_null(setting_check(setting_find("integrations.callrail.api_key"), a, schema));
	json_decref(schema);
	memcpy(text + 65, "@b.example", sizeof "@b.example");
	list = json_pack("[s]", text);
	assert_non_null(setting_check(setting_find("email.recipients"), a, list));
	json_decref(list);
	list = json_pack("[s]", text + 1);
	assert_null(setting_check(setting_find("email.recipients"), a, list));
	json_decref(list);
	free(text);
}

static void
a_patch_becomes_paths(void **state)
{
	static const struct {
		const char *patch, *leaves;
	} cases[] = {
		{ "{}", "{}" },
		{ "{\"processing\": {}}", "{}" },
		{ "{\"processing\": {\"auto\": true, \"filters\": {\"min_duration_seconds\": 5}}}",
		    "{\"processing.auto\":true,\"processing.filters.min_duration_seconds\":5}" },
		{ "{\"processing\": {\"auto\": null}}", "{\"processing.auto\":null}" },
		{ "{\"summary\": null, \"email\": {\"recipients\": []}}",
		    "{\"email.recipients\":[],\"summary.schema\":null}" },
		{ "{\"processing\": null}",
		    "{\"processing.auto\":null,\"processing.filters.min_duration_seconds\":null,"
		    "\"processing.max_attempts\":null,\"processing.retry_base_seconds\":null}" },
		{ "{\"summary\": {\"schema\": {\"type\": \"object\", \"default\": null}}}",
		    "{\"summary.schema\":{\"default\":null,\"type\":\"object\"}}" },
		{ "[]", "the configuration must be an object" },
		{ "{\"x\": 1}", "there is no setting x" },
		{ "{\"x\": null}", "there is no setting x" },
		{ "{\"\": 1}", "there is no setting " },
		{ "{\"processing\": {\"\": 1}}", "there is no setting processing." },
		{ "{\"process\": {}}", "there is no setting process" },
		{ "{\"processing\": {\"auto\": {\"x\": 1}}}",
		    "processing.auto must be true or false" },
		{ "{\"processing\": 1}", "processing must be an object" },
		{ "{\"processing.auto\": true}",
		    "there is no setting processing.auto: settings are nested objects" },
		{ "{\"processing\": {\"auto\": true, \"x\": 1}}",
		    "there is no setting processing.x" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(patched(cases[i].patch), cases[i].leaves);
}

static void
a_long_name_is_no_path(void **state)
{
	char name[1001];
	json_t *patch;
	const char *why;

	(void)state;
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	patch = json_pack("{s:i}", name, 1);
	assert_null(setting_patch(a, patch, &why));
	assert_true(strlen(why) < 120);
	json_decref(patch);
}

static void
secrets_are_known(void **state)
{
	(void)state;
	assert_string_equal(setting_secrets(a), "{integrations.callrail.api_key}");
}

/* The default in a row of the document: its third cell, without the quotes of code; "" for none. */
static void
read_default(const char *row, char out[64])
{
	char cell[64];

	assert_int_equal(sscanf(row, "| %*[^|]| %*[^|]| %63[^ |]", cell), 1);
	if (strcmp(cell, "none") == 0)
		cell[0] = '\0';
	snprintf(out, 64, "%.*s", (int)strcspn(cell + (*cell == '`'), "`"), cell + (*cell == '`'));
}

static void
the_document_has_the_same_table(void **state)
{
	const char *top = getenv("srcdir");
	char path[4096], row[1024], name[128], shown[64];
	size_t rows = 0, count = 0;
	FILE *file;

	(void)state;
	snprintf(path, sizeof path, "%s/doc/configuration.md", top == NULL ? "." : top);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(row, sizeof row, file) != NULL) {
		const struct setting *s;

		if (sscanf(row, "| `%127[^`]` |", name) != 1)
			continue;
		rows++;
		if ((s = setting_find(name)) == NULL)
			fail_msg("%s stands in the document and is no setting", name);
		read_default(row, shown);
		assert_string_equal(shown, s->absent == NULL ? "" : s->absent);
	}
	fclose(file);
	while (settings_catalogue[count].path != NULL)
		count++;
	assert_int_equal(rows, count);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_holds_together),
		cmocka_unit_test(values_are_right_or_refused),
		cmocka_unit_test(long_values_are_refused),
		cmocka_unit_test(a_patch_becomes_paths),
		cmocka_unit_test(a_long_name_is_no_path),
		cmocka_unit_test(secrets_are_known),
		cmocka_unit_test(the_document_has_the_same_table),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
