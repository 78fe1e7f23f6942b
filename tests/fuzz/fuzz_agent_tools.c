/*
 * The arguments that a model calls its tools with, and the news of its questions, one JSON a line: of any, a
 * verdict is one that an agent may give, in bounded text; keys are tones or refused; each question is asked,
 * answered and told at most once.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "voice/questions.h"
#include "voice/sound.h"
#include "voice/verdict.h"

#define TEXT_MAX 500
#define TONES_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static bool
is_text(const char *text)
{
	return text != NULL && strlen(text) <= TEXT_MAX && str_utf8(text, strlen(text)) &&
	    !str_blank(text);
}

static void
check_verdict(json_t *arguments)
{
	struct verdict v = { 0 };
	const char *name;
	json_t *learnt, *value;
	char why[64];

	verdict_read(arguments, &v);
	must(strcmp(v.outcome, "success_booked") == 0 ||
	    strcmp(v.outcome, "success_refused") == 0 ||
	    strcmp(v.outcome, "success_no_booking") == 0 ||
	    strcmp(v.outcome, "failed_voicemail") == 0);
	must(is_text(v.summary) && v.transfer_to == NULL);
	if (v.learnt != NULL) {
		learnt = json_parse_strict(v.learnt, strlen(v.learnt), why);
		must(json_object_size(learnt) > 0);
		json_object_foreach(learnt, name, value)
		{
			must(json_is_integer(value) ? strcmp(name, "guests") == 0
						    : is_text(json_string_value(value)));
		}
		json_decref(learnt);
	}
	verdict_clear(&v);
}

static void
check_keys(json_t *arguments)
{
	const char *digits = json_string_value(json_object_get(arguments, "digits"));
	struct buf tones;

	buf_init(&tones, TONES_MAX);
	if (digits != NULL && sound_keys(digits, &tones))
		must(tones.len > 0 && strlen(digits) <= SOUND_KEYS_MAX && !buf_failed(&tones));
	buf_free(&tones);
}

static void
check_questions(struct questions *q, json_t *line)
{
	const char *id = json_string_value(json_object_get(line, "id"));
	char tool_id[QUESTION_TOOL_SIZE], request_id[QUESTION_ID_SIZE];
	int open = questions_open(q);
	json_t *result;
	bool silent;

	must(open <= QUESTIONS_AT_ONCE && q->asked <= QUESTIONS_IN_ALL);
	if (id != NULL && questions_ask(q, id) != NULL)
		must(questions_open(q) == open + 1);
	open = questions_open(q);
	if (questions_news(q, line, tool_id, &result, &silent)) {
		must(questions_open(q) == open - 1 && json_is_object(result));
		json_decref(result);
		must(!questions_news(q, line, tool_id, &result, &silent));
	}
	if (json_is_true(json_object_get(line, "said")))
		while (questions_said(q, request_id))
			must(str_starts(request_id, "ask_"));
	if (json_is_string(json_object_get(line, "forget")))
		questions_forget(q, json_string_value(json_object_get(line, "forget")));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct questions q = { .call_id = "call_1" };
	const char *at = (const char *)data, *end = at + size, *line;
	char why[64];

	while (at < end) {
		json_t *arguments;

		line = memchr(at, '\n', (size_t)(end - at));
		if (line == NULL)
			line = end;
		arguments = json_parse_strict(at, (size_t)(line - at), why);
		if (arguments != NULL) {
			check_verdict(arguments);
			check_keys(arguments);
			check_questions(&q, arguments);
		}
		json_decref(arguments);
		at = line + (line < end);
	}
	return 0;
}
