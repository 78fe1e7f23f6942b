/* talk.c: see talk.h. */
#include "voice/talk.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "domain/tongue.h"
#include "voice/rules.h"
#include "voice/speech.h"

#define BEEP_WAIT_US (30 * S_US) /* for a machine's beep */
#define BEEP_QUIET_MS 4000       /* … which some do not have */
#define ENDING_US (15 * S_US)    /* for the last words */

/* ---- saying something of our own ---- */

int64_t
talk_at_ms(const struct session *s, int64_t us)
{
	int64_t ms = (us - s->answered_us) / 1000;

	return ms < 0 ? 0 : ms;
}

void
talk_add_sound(struct session *s, const char *item, const uint8_t *pcmu, size_t len, bool keep)
{
	char request_id[QUESTION_ID_SIZE];
	int64_t now = clock_boot_us();

	play_add(s->play, item, pcmu, len, keep, now);
	s->ops->ready(s->arg);
	s->sounded_us = now;
	if (!s->spoke && !keep) {
		s->spoke = true;
		s->spoke_us = now;
		s->ops->spoke(s->arg);
	}
	while (!keep && questions_said(&s->questions, request_id))
		s->ops->used(s->arg, request_id);
}

static void
own_made(void *arg, const uint8_t *pcmu, size_t len)
{
	struct session *s = arg;
	char item[24];

	s->own_order = 0;
	if (len == 0)
		return;
	snprintf(item, sizeof item, "own-%d", s->own_count);
	talk_add_sound(s, item, pcmu, len, false);
	play_close(s->play);
}

/* voice: whose language the words are in. */
static void
say_in(struct session *s, const char *voice, const char *text)
{
	char item[24];

	snprintf(item, sizeof item, "own-%d", ++s->own_count);
	s->own_order = speech_order(s->env->speech, text, voice, own_made, s);
	if (s->own_order != 0)
		sayings_text(s->sayings, item, text, true);
}

void
talk_say(struct session *s, const char *text)
{
	say_in(s, s->language, text);
}

void
talk_say_own(struct session *s, const char *text)
{
	say_in(s, tongue_of(s->language)->code, text);
}

/* ---- ending ---- */

void
talk_engine_end(struct session *s)
{
	struct engine *engine = s->engine;

	s->engine = NULL;
	if (engine != NULL)
		s->kind->end(engine);
}

void
talk_end_soon(struct session *s, int64_t now)
{
	s->phase = ENDING;
	s->phase_since = now;
	s->ending_at = now + ENDING_US;
}

void
talk_end_with(struct session *s, const char *outcome, const char *summary, int64_t now)
{
	if (s->phase >= ENDING)
		return;
	verdict_set(&s->verdict, outcome, summary);
	talk_end_soon(s, now);
}

void
talk_hush(struct session *s, int64_t now)
{
	char item[PLAY_ITEM_MAX];
	int64_t heard_ms;

	(void)play_clear(s->play, now, item, &heard_ms);
}

void
talk_break_off(struct session *s, const char *why, int64_t now)
{
	if (s->phase >= ENDING)
		return;
	log_warning("the engine has failed: %s", why);
	s->ops->noted(s->arg, "engine_failed", "The agent's engine has failed.");
	play_close(s->play);
	talk_say_own(s, tongue_of(s->language)->broken);
	talk_end_with(s, "failed_technical", "The agent broke off for technical reasons.", now);
}

/* ---- a machine has answered ---- */

static void
leave_message(struct session *s, int64_t now)
{
	bool mute = s->voicemail == NULL;

	if (!mute)
		talk_say(s, s->voicemail);
	talk_end_with(s, "failed_voicemail",
	    mute ? "A machine answered." : "A machine answered; the message was left.", now);
	/* A message may be long. */
	s->ending_at = now + 4 * ENDING_US;
}

void
talk_machine(struct session *s, const char *by, int64_t now)
{
	if (s->phase != TALKING || s->machine_seen)
		return;
	s->machine_seen = true;
	s->ops->noted(s->arg, "voicemail", "A machine has answered.");
	talk_hush(s, now);
	s->phase = MACHINE;
	s->phase_since = now;
	if (strcmp(by, "fax") == 0)
		s->voicemail = NULL;
	if (s->voicemail == NULL || strncmp(by, "machine_end", 11) == 0)
		leave_message(s, now);
}

void
talk_mind_machine(struct session *s, int64_t now)
{
	bool quiet = now - s->phase_since > BEEP_QUIET_MS * 1000 &&
	    s->listen.quiet_ms >= BEEP_QUIET_MS;

	if (s->beeped || quiet || now - s->phase_since > BEEP_WAIT_US)
		leave_message(s, now);
}

bool
talk_is_machine(const char *answered_by)
{
	return answered_by != NULL &&
	    (strncmp(answered_by, "machine", 7) == 0 || strcmp(answered_by, "fax") == 0);
}

bool
talk_weigh(struct session *s, const char *words, int64_t now)
{
	struct arena *a = arena_new();
	bool machine = rules_voicemail(a, words), screening = !machine && rules_screening(a, words);

	if (machine) {
		talk_machine(s, "machine_start", now);
	} else if (screening && !s->screened && s->engine != NULL) {
		s->screened = true;
		s->ops->noted(s->arg, "call_screening", "A call screening service is listening.");
		s->kind->prompt(s->engine, RULES_SCREENING);
	}
	arena_free(a);
	return !machine && !screening;
}
