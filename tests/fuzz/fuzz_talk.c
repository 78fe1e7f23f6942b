/*
 * "FOREIGN\0ANSWER". Of any foreign text: what a model is shown of it is JSON without a mark of a chat
 * template, from which it comes back as it was. Of any answer: it is none, or a reply with plain and bounded
 * words that does one thing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "domain/talk_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static json_t *
parse(const char *text)
{
	char why[64];

	return json_parse_strict(text, strlen(text), why);
}

static void
check_material(struct arena *a, const char *foreign)
{
	struct talk_facts facts = { .brief = foreign,
		.language = foreign,
		.kind = "other",
		.today = "2026-01-02",
		.slots = foreign,
		.so_far = foreign,
		.question = foreign,
		.answer = foreign,
		.mode = "voice" };
	const char *text = talk_material(a, &facts);
	json_t *back = parse(text), *answer = json_object_get(back, "client_answer");

	must(strpbrk(text, "<>") == NULL && strstr(text, "[INST") == NULL &&
	    strstr(text, "[/") == NULL);
	must(strcmp(json_string_value(json_object_get(back, "brief")), foreign) == 0);
	must(strcmp(json_string_value(json_object_get(answer, "answer")), foreign) == 0);
	json_decref(back);
}

static bool
is_plain(json_t *text, size_t max_chars)
{
	const char *s = json_string_value(text);

	return s != NULL && str_utf8(s, strlen(s)) && str_chars(s) <= max_chars &&
	    strpbrk(s, "\t\r\n\v\f\x1b\x7f") == NULL;
}

static void
check_reply(json_t *reply)
{
	json_t *verdict = json_object_get(reply, "verdict"),
	       *keys = json_object_get(reply, "digits");
	json_t *question = json_object_get(reply, "question"), *value;
	const char *name;

	must(is_plain(json_object_get(reply, "say"), 600));
	must((verdict != NULL) + (keys != NULL) + (question != NULL) <= 1);
	must(keys == NULL || is_plain(keys, 32));
	must(question == NULL || is_plain(question, 500));
	json_object_foreach(json_object_get(reply, "learnt"), name, value)
	    must(is_plain(value, 500));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	const char *text = arena_strndup(a, (const char *)data, size);
	size_t len = strlen(text);
	json_t *answer = len < size
	    ? json_parse_strict(text + len + 1, size - len - 1, (char[64]){ 0 })
	    : NULL;
	const char *reply = talk_read(a, answer);
	json_t *back = reply == NULL ? NULL : parse(reply);

	if (len < 4096 && str_utf8(text, len))
		check_material(a, text);
	if (reply != NULL)
		check_reply(back);
	json_decref(back);
	json_decref(answer);
	arena_free(a);
	return 0;
}
