/* told.c: see told.h. What an engine tells may come from within any call of it, so nothing is ended here. */
#include "voice/told.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/str.h"
#include "voice/sound.h"
#include "voice/talk.h"

static void
told_ready(void *arg)
{
	(void)arg;
}

static void
told_audio(void *arg, const char *item, const char *base64, size_t len)
{
	struct session *s = arg;
	uint8_t pcmu[3072];
	size_t part;

	if (s->phase != TALKING && s->phase != ENDING)
		return;
	for (; len > 0; base64 += part, len -= part) {
		int bytes;

		part = len > 4096 ? 4096 : len;
		bytes = digest_unbase64_n(base64, part, pcmu, sizeof pcmu);
		if (bytes < 0)
			return;
		talk_add_sound(s, item, pcmu, (size_t)bytes, false);
	}
}

static void
told_spoken(void *arg, const char *item, const char *text, bool final)
{
	struct session *s = arg;

	sayings_text(s->sayings, item, text, final);
}

static void
told_heard(void *arg, const char *text, bool final)
{
	struct session *s = arg;
	int64_t now = clock_boot_us();

	if (!final) {
		buf_puts(&s->heard, text);
		return;
	}
	buf_clear(&s->heard);
	if (str_blank(text))
		return;
	if (s->ears == NULL)
		s->ops->told(s->arg, "operator", text, talk_at_ms(s, now));
	(void)talk_weigh(s, text, now);
}

static void
told_speech_started(void *arg)
{
	struct session *s = arg;
	int64_t now = clock_boot_us(), heard_ms;
	char item[PLAY_ITEM_MAX];

	/* Who is calling is heard by everybody, and the last words are. */
	if (s->phase != TALKING || !s->disclosed)
		return;
	if (play_clear(s->play, now, item, &heard_ms) && s->engine != NULL)
		s->kind->interrupted(s->engine, item, heard_ms);
	s->ops->ready(s->arg);
}

static void
told_turn_done(void *arg)
{
	struct session *s = arg;

	play_close(s->play);
}

static void
told_failed(void *arg, const char *sentence, bool for_good)
{
	struct session *s = arg;

	if (for_good)
		talk_break_off(s, sentence, clock_boot_us());
	else
		log_warning("the engine: %s", sentence);
}

/* ---- tools ---- */

static void
answer_tool(struct session *s, const char *id, json_t *result)
{
	if (s->engine != NULL)
		s->kind->answer(s->engine, id, result);
	json_decref(result);
}

static void
refuse_tool(struct session *s, const char *id, const char *why)
{
	answer_tool(s, id, json_pack("{s:s}", "error", why));
}

static const char *
argument(json_t *arguments, const char *name)
{
	const char *text = json_string_value(json_object_get(arguments, name));

	return text == NULL || str_blank(text) || strlen(text) > TALK_TEXT_MAX ? NULL : text;
}

static void
tool_ask_user(struct session *s, const char *id, json_t *arguments)
{
	const char *question = argument(arguments, "question"), *request_id;

	if (question == NULL) {
		refuse_tool(s, id, "The question is missing.");
		return;
	}
	request_id = questions_ask(&s->questions, id);
	if (request_id == NULL) {
		refuse_tool(s, id, "There are too many questions already.");
		return;
	}
	s->ops->ask(s->arg, request_id, question);
}

static void
tool_send_dtmf(struct session *s, const char *id, json_t *arguments)
{
	const char *digits = argument(arguments, "digits");
	struct buf tones;
	char item[24];

	buf_init(&tones, PLAY_QUEUE_MAX);
	if (digits == NULL || !sound_keys(digits, &tones)) {
		refuse_tool(s, id, "The digits must be 1 to 32 of 0-9 * # and w.");
	} else {
		snprintf(item, sizeof item, "keys-%d", ++s->own_count);
		play_close(s->play);
		talk_add_sound(s, item, (const uint8_t *)tones.data, tones.len, true);
		play_close(s->play);
		s->ops->keys(s->arg, digits, "out");
		answer_tool(s, id, json_pack("{s:s}", "pressed", digits));
	}
	buf_free(&tones);
}

static void
tool_end_call(struct session *s, const char *id, json_t *arguments)
{
	(void)id;
	verdict_clear(&s->verdict);
	verdict_read(arguments, &s->verdict);
	play_close(s->play);
	talk_end_soon(s, clock_boot_us());
}

static bool
may_transfer(const struct session *s, const char *to)
{
	json_t *number;
	size_t i;

	json_array_foreach(s->transfer_numbers, i, number)
	{
		if (json_is_string(number) && strcmp(json_string_value(number), to) == 0)
			return str_e164(to);
	}
	return false;
}

static void
tool_transfer(struct session *s, const char *id, json_t *arguments)
{
	const char *to = argument(arguments, "to");

	if (to == NULL || !may_transfer(s, to)) {
		s->ops->noted(s->arg, "transfer_refused",
		    "The agent wanted to connect the callee with a number that is not allowed.");
		refuse_tool(s, id, "That number is not allowed.");
		return;
	}
	s->ops->noted(s->arg, "transfer", "The callee is connected with the client's number.");
	verdict_set(&s->verdict, "success_no_booking",
	    "The callee was connected with the client's number.");
	s->verdict.transfer_to = mem_strdup(to);
	play_close(s->play);
	talk_end_soon(s, clock_boot_us());
}

static const struct {
	const char *name;
	void (*run)(struct session *s, const char *id, json_t *arguments);
} tools[] = {
	{ "ask_user", tool_ask_user },
	{ "send_dtmf", tool_send_dtmf },
	{ "end_call", tool_end_call },
	{ "transfer", tool_transfer },
};

static void
told_tool(void *arg, const char *id, const char *name, json_t *arguments)
{
	struct session *s = arg;

	if (s->phase != TALKING)
		return;
	for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++) {
		if (strcmp(tools[i].name, name) == 0) {
			tools[i].run(s, id, arguments);
			return;
		}
	}
	refuse_tool(s, id, "There is no such tool.");
}

static void
told_tool_cancelled(void *arg, const char *id)
{
	struct session *s = arg;

	questions_forget(&s->questions, id);
}

const struct engine_told told_session = {
	.ready = told_ready,
	.audio = told_audio,
	.spoken = told_spoken,
	.heard = told_heard,
	.speech_started = told_speech_started,
	.turn_done = told_turn_done,
	.tool = told_tool,
	.tool_cancelled = told_tool_cancelled,
	.failed = told_failed,
};
