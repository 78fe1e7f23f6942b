/*
 * print_letter.c: for check_letters: reads letters from standard input, an array of JSON, and prints each
 * as it would be sent: its length in a line of its own, then its bytes; -1 for one that is refused. With a
 * member "call" the letter is the one about that call.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "remote/letter_summary.h"

static const char *
text_of(json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void
read_call(struct arena *a, json_t *value, struct letter *letter)
{
	struct letter_call call = { .summary = text_of(value, "summary"),
		.outcome = text_of(value, "outcome"),
		.sentiment = text_of(value, "sentiment"),
		.action_items = json_object_get(value, "action_items"),
		.fields = json_object_get(value, "fields"),
		.job_id = json_integer_value(json_object_get(value, "job_id")),
		.call_id = text_of(value, "call_id"),
		.external_id = text_of(value, "external_id"),
		.duration_s = json_integer_value(json_object_get(value, "duration_s")),
		.created_s = json_integer_value(json_object_get(value, "created_s")) };

	letter_summary(a, &call, letter);
}

static void
print(json_t *value)
{
	struct arena *a = arena_new();
	struct letter letter = { .from = text_of(value, "from"),
		.to = text_of(value, "to"),
		.subject = text_of(value, "subject"),
		.date_s = json_integer_value(json_object_get(value, "date_s")),
		.message_id = text_of(value, "message_id"),
		.text = text_of(value, "text"),
		.html = text_of(value, "html") };
	json_t *call = json_object_get(value, "call");
	const char *mail;
	size_t len;

	if (call != NULL)
		read_call(a, call, &letter);
	mail = letter_render(a, &letter, &len);
	if (mail == NULL) {
		puts("-1");
	} else {
		printf("%zu\n", len);
		fwrite(mail, 1, len, stdout);
	}
	arena_free(a);
}

int
main(void)
{
	json_error_t error;
	json_t *letters = json_loadf(stdin, JSON_ALLOW_NUL, &error), *letter;
	size_t i;

	if (letters == NULL) {
		fprintf(stderr, "print_letter: %s\n", error.text);
		return 1;
	}
	json_array_foreach(letters, i, letter)
	{
		print(letter);
	}
	json_decref(letters);
	return fflush(stdout) == 0 ? 0 : 1;
}
