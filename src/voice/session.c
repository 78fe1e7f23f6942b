/* session.c: see session.h. */
#include "voice/session.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/tongue.h"
#include "voice/ears.h"
#include "voice/rules.h"
#include "voice/speech.h"
#include "voice/talk.h"
#include "voice/told.h"

#define LETTER_US 80000           /* of the first sentence, as it is spoken */
#define BEEP_EARLY_US (45 * S_US) /* a beep later than that is something else */
#define GRACE_US 700000           /* after the last sound, before the end */
#define LAST_WORDS_US (2 * S_US)  /* for other ears, once the talk is over */

/* ---- other ears ---- */

static void
ears_heard(void *arg, const char *text, int64_t start_ms, int64_t end_ms)
{
	struct session *s = arg;
	int64_t now = clock_boot_us();

	(void)start_ms;
	s->ops->told(s->arg, "supervisor_stt", text, end_ms);
	if (talk_weigh(s, text, now) && s->phase == TALKING && s->engine != NULL &&
	    s->kind->words != NULL)
		s->kind->words(s->engine, text);
}

static void
ears_failed(void *arg, const char *sentence, bool for_good)
{
	(void)arg;
	log_warning("the second ears: %s%s", sentence, for_good ? " (for good)" : "");
}

static void
ears_done(void *arg)
{
	struct session *s = arg;

	s->ears_done = true;
}

static const struct ears_told ears_told = { ears_heard, ears_failed, ears_done };

/* ---- life ---- */

static void
engine_begin(struct session *s, const struct session_setup *setup)
{
	struct rules_case c = { setup->brief, setup->language, setup->call_kind, setup->slots,
		setup->transfer_numbers };
	struct engine_call call = { setup->brief, setup->call_kind, setup->slots, setup->learnt,
		setup->ears != NULL };
	json_t *list = rules_tools(&c);
	struct engine_setup engine = { .env = setup->env,
		.instructions = rules_instructions(s->arena, &c),
		.greeting = tongue_of(setup->language)->disclosure,
		.language = s->language,
		.call = &call,
		.tools = list };

	s->engine = s->kind->begin(&engine, &told_session, s);
	json_decref(list);
}

struct session *
session_new(const struct session_setup *setup, int64_t now)
{
	struct session *s = mem_zalloc(1, sizeof *s);
	struct ears_setup ears;

	s->ops = setup->ops;
	s->arg = setup->arg;
	s->kind = setup->kind;
	s->env = setup->env;
	s->arena = arena_new();
	s->language = arena_strdup(s->arena, setup->language);
	s->voicemail = setup->voicemail == NULL || str_blank(setup->voicemail)
	    ? NULL
	    : arena_strdup(s->arena, setup->voicemail);
	s->transfer_numbers = json_incref(setup->transfer_numbers);
	s->questions.call_id = arena_strdup(s->arena, setup->call_id);
	s->play = play_new();
	s->sayings = sayings_new();
	buf_init(&s->heard, TALK_TEXT_MAX);
	s->answered_us = now - setup->since_us;
	s->max_talk_us = setup->max_talk_s * S_US;
	s->patience.most_music_us = setup->hold_s * S_US;
	if (talk_is_machine(setup->answered_by)) {
		talk_machine(s, setup->answered_by, now);
		return s;
	}
	engine_begin(s, setup);
	if (setup->ears != NULL) {
		ears = *setup->ears;
		ears.language = s->language;
		s->ears = ears_begin(&ears, &ears_told, s);
	}
	return s;
}

void
session_free(struct session *s)
{
	talk_engine_end(s);
	if (s->ears != NULL)
		ears_free(s->ears);
	if (s->own_order != 0)
		speech_forget(s->env->speech, s->own_order);
	tap_free(s->tap, clock_boot_us());
	play_free(s->play);
	sayings_free(s->sayings);
	verdict_clear(&s->verdict);
	json_decref(s->transfer_numbers);
	buf_free(&s->heard);
	arena_free(s->arena);
	free(s);
}

struct play *
session_play(struct session *s)
{
	return s->play;
}

struct tap *
session_tap(struct session *s, int64_t now)
{
	if (s->tap == NULL && s->phase != OVER)
		s->tap = tap_new(s->play, now);
	return s->tap;
}

/* ---- from the carrier ---- */

void
session_hear(struct session *s, const char *base64, size_t base64_len, const uint8_t *pcmu,
    size_t len, int64_t now)
{
	unsigned news = listen_hear(&s->listen, pcmu, len);

	if (news & LISTEN_BEEP) {
		s->beeped = true;
		/* Whoever talks alone and then beeps is no human. */
		if (s->phase == TALKING && now - s->answered_us < BEEP_EARLY_US &&
		    s->questions.asked == 0)
			talk_machine(s, "machine_end_beep", now);
	}
	if (s->engine != NULL && s->phase == TALKING)
		s->kind->hear(s->engine, base64, base64_len);
	if (s->ears != NULL)
		ears_hear(s->ears, talk_at_ms(s, now), pcmu, len);
	if (s->tap != NULL)
		tap_hear(s->tap, pcmu, len, now);
}

void
session_key(struct session *s, char key, int64_t now)
{
	const char text[2] = { key, '\0' };

	(void)now;
	s->ops->keys(s->arg, text, "in");
	if (s->phase == TALKING && s->engine != NULL && s->kind->words != NULL)
		s->kind->words(s->engine, text);
}

void
session_marked(struct session *s, const char *mark, int64_t now)
{
	play_marked(s->play, mark, now);
}

void
session_stopped(struct session *s, int64_t now)
{
	(void)now;
	s->stopped = true;
}

/* ---- from the database ---- */

void
session_news(struct session *s, const char *answered_by, json_t *questions, int64_t now)
{
	char tool_id[QUESTION_TOOL_SIZE];
	json_t *one, *result;
	bool silent;
	size_t i;

	if (talk_is_machine(answered_by))
		talk_machine(s, answered_by, now);
	json_array_foreach(questions, i, one)
	{
		if (!questions_news(&s->questions, one, tool_id, &result, &silent))
			continue;
		if (silent)
			s->ops->used(s->arg, json_string_value(json_object_get(one, "request_id")));
		if (s->engine != NULL)
			s->kind->answer(s->engine, tool_id, result);
		json_decref(result);
	}
}

/* ---- time ---- */

static void
mind_patience(struct session *s, bool busy, int64_t now)
{
	struct patience_state state = { busy, s->listen.talking, questions_open(&s->questions) > 0,
		listen_music(&s->listen) };

	switch (patience_look(&s->patience, &state, now)) {
	case PATIENCE_PROMPT:
		s->kind->prompt(s->engine, RULES_SILENCE);
		break;
	case PATIENCE_HOLDING:
		s->kind->prompt(s->engine, RULES_HOLDING);
		break;
	case PATIENCE_MUSIC:
		s->ops->noted(s->arg, "on_hold", "The callee has put the agent on hold.");
		break;
	case PATIENCE_SILENT:
		s->ops->noted(s->arg, "silence", "The callee says nothing any more.");
		talk_end_with(s, "success_no_booking", "The callee said nothing any more.", now);
		break;
	case PATIENCE_HELD:
		talk_end_with(s, "success_no_booking", "The callee left the agent on hold.", now);
		break;
	case PATIENCE_NONE:
		break;
	}
}

/* The last word is for us: well before the carrier ends the call by itself. */
static void
mind_time(struct session *s, int64_t now)
{
	int64_t warn = s->max_talk_us / 4 < 20 * S_US ? s->max_talk_us / 4 : 20 * S_US;
	int64_t left = s->answered_us + s->max_talk_us - now;

	if (left < warn && !s->time_told && s->engine != NULL) {
		s->time_told = true;
		s->kind->prompt(s->engine, RULES_TIME);
	}
	if (left >= warn / 2)
		return;
	s->ops->noted(s->arg, "time_over", "The time for the call is over.");
	talk_hush(s, now);
	talk_say_own(s, tongue_of(s->language)->time_over);
	talk_end_with(s, "success_no_booking", "The time for the call was over.", now);
}

/* The first sentence has been heard when the first item has, or (where more follows in one breath) when it has
 * been spoken for so long as that sentence takes. */
static void
mind_disclosure(struct session *s, int64_t now)
{
	const char *sentence = tongue_of(s->language)->disclosure;

	if (s->disclosed || !s->spoke ||
	    (!s->first_heard && now - s->spoke_us < (int64_t)str_chars(sentence) * LETTER_US))
		return;
	s->disclosed = true;
	if (s->engine != NULL && s->kind->disclosed != NULL)
		s->kind->disclosed(s->engine);
}

static void
tell_sayings(struct session *s, bool all, int64_t now)
{
	struct play_item played;
	int64_t started;
	char *text;

	while (play_finished(s->play, now, &played)) {
		s->first_heard = s->spoke;
		sayings_played(s->sayings, &played, now);
	}
	while (sayings_next(s->sayings, now, all, &text, &started)) {
		s->ops->told(s->arg, "bot", text, talk_at_ms(s, started));
		free(text);
	}
}

/* The callee's last words come before the end, while he is there. Once he has gone, the verdict is due at once:
 * the carrier's word that the call is over may be on its way. */
static void
mind_last_words(struct session *s, int64_t now)
{
	if (s->ears != NULL && !s->ears_done && !s->stopped && now - s->phase_since < LAST_WORDS_US)
		return;
	s->phase = OVER;
	s->ops->over(s->arg, &s->verdict);
}

static void
end_tap(struct session *s, int64_t now)
{
	tap_free(s->tap, now);
	s->tap = NULL;
}

static void
mind_tap(struct session *s, int64_t now)
{
	if (tap_used(s->tap))
		tap_tick(s->tap, now);
	else
		end_tap(s, now);
}

static void
finish(struct session *s, int64_t now)
{
	talk_hush(s, now);
	end_tap(s, now);
	tell_sayings(s, true, now);
	talk_engine_end(s);
	if (s->ears != NULL)
		ears_finish(s->ears);
	s->phase = LAST_WORDS;
	s->phase_since = now;
	mind_last_words(s, now);
}

bool
session_quiet(const struct session *s)
{
	return s->phase == OVER && (s->ears == NULL || s->ears_done);
}

void
session_tick(struct session *s, int64_t now)
{
	bool busy = play_busy(s->play, now) || s->own_order != 0;

	if (s->phase == LAST_WORDS)
		mind_last_words(s, now);
	if (s->phase >= LAST_WORDS)
		return;
	if (s->tap != NULL)
		mind_tap(s, now);
	if (s->stopped) {
		finish(s, now);
		return;
	}
	tell_sayings(s, false, now);
	if (s->phase == TALKING) {
		mind_disclosure(s, now);
		mind_patience(s, busy, now);
		mind_time(s, now);
	}
	if (s->phase == MACHINE) {
		talk_engine_end(s);
		talk_mind_machine(s, now);
	}
	if (s->phase == ENDING &&
	    ((!busy && now - s->sounded_us > GRACE_US && now - s->phase_since > GRACE_US) ||
		now > s->ending_at))
		finish(s, now);
}
