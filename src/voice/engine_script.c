/*
 * engine_script.c: the engine that needs no network: it speaks by espeak-ng and decides by domain/script.c
 * where the callee's words are known (other ears, or keys), and by his turns alone where they are not; or it
 * goes by a dialogue file. The callee's sound is its clock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/mem.h"
#include "domain/script.h"
#include "domain/tongue.h"
#include "voice/dialogue.h"
#include "voice/engine.h"
#include "voice/listen.h"
#include "voice/rules.h"
#include "voice/sound.h"
#include "voice/speech.h"

#define SENTENCES_MAX 64
#define SENTENCE_MAX 400   /* bytes; a longer one is parted at a blank */
#define AHEAD_MS 8000      /* so much is made before it is needed */
#define WORDS_WAIT_MS 1500 /* other ears take so long to tell what they have heard */
#define RESUMES_MAX 2      /* how often an interrupted turn is gone on with */
#define TURNS_MAX 40
#define HEARD_MAX 4000
#define FRAME_MAX 4096 /* bytes of the callee's sound in one go */

/* What is done once the words of a turn are on their way. */
struct deed {
	json_t *end; /* arguments of end_call, or NULL */
	const char *ask, *press, *transfer;
};

/* What is being said. */
struct speaking {
	const char *sentences[SENTENCES_MAX];
	int64_t lengths_ms[SENTENCES_MAX];
	int count, made;
	char item[24];
	uint64_t order; /* of the sentence that is being made; 0: none */
	int64_t made_ms, played_ms;
	bool on; /* until the deed is done */
	struct deed deed;
};

struct engine {
	const struct engine_told *told;
	void *arg;
	struct speech *speech;
	const struct dialogue *dialogue;
	struct arena *arena;
	const char *language, *greeting;
	const char *voice; /* of espeak-ng: of the language that is spoken */
	struct engine_call call;
	struct speaking speaking;
	int items;
	bool ready, mute; /* mute: nothing can be said, which has been told */
	/* The callee: */
	struct listen listen;
	struct buf heard;
	bool cut; /* he has interrupted us … */
	int cut_at,
	    resumes; /* … in this sentence, from which we go on unless his words are known */
	int wait_ms; /* his turn is over, and words may still come for so long; 0: it is not */
	/* The talk: */
	int turn, silent;
	bool asking; /* the client has been asked */
	const struct dialogue_turn *asked_by;
	const char *learnt;
};

/* ---- speaking ---- */

/* Bytes of the first sentence of a text. */
static size_t
sentence_length(const char *text)
{
	size_t blank = 0, i;

	for (i = 0; text[i] != '\0'; i++) {
		if (text[i] == ' ' && i > 0 && strchr(".!?", text[i - 1]) != NULL)
			return i;
		if (text[i] == ' ')
			blank = i;
		if (i >= SENTENCE_MAX && blank > 0)
			return blank;
		if (i >= 2 * SENTENCE_MAX && ((unsigned char)text[i] & 0xc0) != 0x80)
			return i;
	}
	return i;
}

static void
do_deed(struct engine *e)
{
	struct deed deed = e->speaking.deed;
	json_t *arguments = NULL;
	const char *tool = NULL;

	memset(&e->speaking.deed, 0, sizeof e->speaking.deed);
	if (deed.end != NULL) {
		tool = "end_call";
		arguments = deed.end;
	} else if (deed.ask != NULL) {
		e->asking = true;
		tool = "ask_user";
		arguments = json_pack("{s:s}", "question", deed.ask);
	} else if (deed.press != NULL) {
		tool = "send_dtmf";
		arguments = json_pack("{s:s}", "digits", deed.press);
	} else if (deed.transfer != NULL) {
		tool = "transfer";
		arguments = json_pack("{s:s}", "to", deed.transfer);
	}
	if (tool != NULL)
		e->told->tool(e->arg, tool, tool, arguments);
	json_decref(arguments);
}

static void go_on_speaking(struct engine *e);

/* The words of an item, as one text. */
static void
tell_words(struct engine *e)
{
	const struct speaking *s = &e->speaking;
	struct buf words;

	buf_init(&words, SENTENCES_MAX * 2 * SENTENCE_MAX);
	for (int i = 0; i < s->count; i++) {
		buf_puts(&words, i > 0 ? " " : "");
		buf_puts(&words, s->sentences[i]);
	}
	if (s->count > 0)
		e->told->spoken(e->arg, s->item, words.data, true);
	buf_free(&words);
}

static void
made(void *arg, const uint8_t *pcmu, size_t len)
{
	struct engine *e = arg;
	struct speaking *s = &e->speaking;
	char *base64;

	s->order = 0;
	if (len == 0) {
		e->mute = true;
		e->told->failed(e->arg, "no speech can be made", true);
		return;
	}
	if (!e->ready) {
		e->ready = true;
		e->told->ready(e->arg);
		tell_words(e);
	}
	s->lengths_ms[s->made++] = (int64_t)len / SOUND_BYTES_A_MS;
	s->made_ms += (int64_t)len / SOUND_BYTES_A_MS;
	base64 = mem_alloc(4 * ((len + 2) / 3) + 1);
	digest_base64(pcmu, len, base64);
	e->told->audio(e->arg, s->item, base64, strlen(base64));
	free(base64);
	go_on_speaking(e);
}

/* Has the next sentence made when it is time; after the last one the deed is done. */
static void
go_on_speaking(struct engine *e)
{
	struct speaking *s = &e->speaking;

	if (!s->on || s->order != 0 || e->mute)
		return;
	if (s->made < s->count) {
		if (s->made_ms - s->played_ms < AHEAD_MS)
			s->order = speech_order(
			    e->speech, s->sentences[s->made], e->voice, made, e);
		return;
	}
	s->on = false;
	if (s->made > 0)
		e->told->turn_done(e->arg);
	do_deed(e);
}

static void
stop_speaking(struct engine *e)
{
	struct speaking *s = &e->speaking;

	if (s->order != 0)
		speech_forget(e->speech, s->order);
	s->order = 0;
	s->on = false;
}

/* Begins to say the sentences that are there from one on. */
static void
begin_speaking(struct engine *e, int from)
{
	struct speaking *s = &e->speaking;

	memmove(
	    s->sentences, s->sentences + from, (size_t)(s->count - from) * sizeof s->sentences[0]);
	s->count -= from;
	s->made = 0;
	s->made_ms = s->played_ms = 0;
	s->on = true;
	snprintf(s->item, sizeof s->item, "script-%d", ++e->items);
}

/* Parts the words into sentences; what was being said is over. */
static void
prepare(struct engine *e, const char *words, const struct deed *deed)
{
	struct speaking *s = &e->speaking;
	size_t len;

	stop_speaking(e);
	json_decref(s->deed.end);
	s->count = 0;
	for (words += strspn(words, " "); *words != '\0' && s->count < SENTENCES_MAX;
	     words += len + strspn(words + len, " ")) {
		len = sentence_length(words);
		s->sentences[s->count++] = arena_strndup(e->arena, words, len);
	}
	s->deed = *deed;
	e->cut = false;
	e->resumes = 0;
	begin_speaking(e, 0);
}

static void
say(struct engine *e, const char *words, const struct deed *deed)
{
	prepare(e, words, deed);
	tell_words(e);
	go_on_speaking(e);
}

/* ---- thinking ---- */

static json_t *
end_arguments(const char *outcome, const char *summary, const char *learnt)
{
	json_t *arguments = json_pack("{s:s, s:s*}", "outcome_type", outcome, "summary", summary);
	json_t *more = learnt == NULL ? NULL : json_loads(learnt, 0, NULL);

	if (json_is_object(more))
		(void)json_object_update_missing(arguments, more);
	json_decref(more);
	return arguments;
}

static struct script_reply
think(struct engine *e, int turn, const char *heard, const char *answer, bool aloud, bool asked)
{
	struct script_turn t = { .turn = turn,
		.heard = heard,
		.brief = e->call.brief,
		.language = e->language,
		.silent_turns = e->silent,
		.asked = asked,
		.answer = answer,
		.aloud = aloud };

	if (strcmp(e->call.kind, "negotiation") == 0)
		t.deal = script_deal_read(e->arena, e->call.slots, e->learnt);
	return script_reply(e->arena, &t);
}

static void
act(struct engine *e, const struct script_reply *reply)
{
	struct deed deed = { 0 };

	if (reply->learnt != NULL)
		e->learnt = reply->learnt;
	if (reply->verdict != NULL)
		deed.end = end_arguments(reply->verdict, reply->summary, e->learnt);
	deed.ask = reply->question;
	say(e, reply->words, &deed);
}

static void
act_by_file(struct engine *e, const struct dialogue_turn *turn)
{
	struct deed deed = { .press = turn == NULL ? NULL : turn->press };

	if (turn == NULL) {
		deed.end = end_arguments(
		    "success_no_booking", "The dialogue came to its end.", NULL);
		say(e, "", &deed);
		return;
	}
	if (turn->end != NULL)
		deed.end = end_arguments(turn->end, turn->summary, NULL);
	deed.ask = turn->ask;
	deed.transfer = turn->transfer;
	e->asked_by = turn->ask != NULL ? turn : e->asked_by;
	say(e, turn->say, &deed);
}

/* The callee has had his turn. */
static void
take_turn(struct engine *e)
{
	const char *words = arena_strdup(e->arena, e->heard.data);
	bool known = words[0] != '\0';
	struct script_reply reply;

	buf_clear(&e->heard);
	e->wait_ms = 0;
	if (e->asking)
		return; /* he keeps himself company */
	if (e->cut && !known && e->resumes < RESUMES_MAX) {
		e->cut = false;
		e->resumes++;
		begin_speaking(e, e->cut_at);
		tell_words(e);
		go_on_speaking(e);
		return;
	}
	if (++e->turn > TURNS_MAX) {
		struct deed deed = { .end = end_arguments(
					 "success_no_booking", "The talk led nowhere.", NULL) };

		say(e, "", &deed);
	} else if (e->dialogue != NULL) {
		act_by_file(e, dialogue_turn(e->dialogue, e->arena, e->turn, words));
	} else {
		/* What was said is not known, and never will be: there is nothing to go by. */
		e->silent = known ? e->silent : e->silent + (e->call.words ? 1 : TURNS_MAX);
		reply = think(e, e->turn, words, NULL, false, false);
		act(e, &reply);
	}
}

/* ---- the interface ---- */

static const char *
copy(struct arena *a, const char *s)
{
	return s == NULL ? NULL : arena_strdup(a, s);
}

static void
script_open(struct engine *e)
{
	const struct deed none = { 0 };

	if (e->dialogue == NULL) {
		prepare(e, think(e, 0, "", NULL, false, false).words, &none);
		return;
	}
	prepare(e,
	    arena_printf(e->arena, "%s %s", e->greeting,
		dialogue_fill(e->arena, dialogue_opening(e->dialogue), "{brief}", e->call.brief)),
	    &none);
}

static struct engine *
script_begin(const struct engine_setup *setup, const struct engine_told *told, void *arg)
{
	struct engine *e = mem_zalloc(1, sizeof *e);
	struct arena *a = arena_new();

	e->told = told;
	e->arg = arg;
	e->speech = setup->env->speech;
	e->dialogue = setup->env->dialogue;
	e->arena = a;
	e->language = copy(a, setup->language);
	/* A file is in the language of the call, whatever that is; the built-in dialogue in a tongue of ours. */
	e->voice = e->dialogue != NULL ? e->language : tongue_of(e->language)->code;
	e->greeting = copy(a, setup->greeting);
	e->call = (struct engine_call){ copy(a, setup->call->brief), copy(a, setup->call->kind),
		copy(a, setup->call->slots), copy(a, setup->call->learnt), setup->call->words };
	e->learnt = e->call.learnt;
	buf_init(&e->heard, HEARD_MAX);
	script_open(e);
	e->speaking.order = speech_order(e->speech, e->speaking.sentences[0], e->voice, made, e);
	return e;
}

static bool
still_heard(const struct engine *e)
{
	return e->speaking.on || e->speaking.made_ms > e->speaking.played_ms;
}

static void
script_hear(struct engine *e, const char *base64, size_t len)
{
	uint8_t pcmu[FRAME_MAX];
	int bytes = digest_unbase64_n(base64, len, pcmu, sizeof pcmu);
	int ms = bytes < 0 ? 0 : bytes / SOUND_BYTES_A_MS;
	unsigned news = bytes < 0 ? 0 : listen_hear(&e->listen, pcmu, (size_t)bytes);

	if (e->speaking.played_ms < e->speaking.made_ms)
		e->speaking.played_ms += ms;
	if (news & LISTEN_BEGAN) {
		e->silent = 0;
		e->wait_ms = 0;
		if (still_heard(e) && e->ready)
			e->told->speech_started(e->arg);
	}
	if (news & LISTEN_ENDED && (e->cut || !still_heard(e)))
		e->wait_ms = e->call.words && e->heard.len == 0 ? WORDS_WAIT_MS : 1;
	/* Keys that were pressed while we spoke. */
	if (e->wait_ms == 0 && e->heard.len > 0 && !e->listen.talking && !still_heard(e))
		e->wait_ms = 1;
	if (e->wait_ms > 0 && (e->wait_ms -= ms) <= 0)
		take_turn(e);
	go_on_speaking(e);
}

static void
script_interrupted(struct engine *e, const char *item, int64_t heard_ms)
{
	struct speaking *s = &e->speaking;
	int64_t end = 0;
	int at = 0;

	if (strcmp(item, s->item) != 0)
		return;
	stop_speaking(e);
	while (at < s->made && (end += s->lengths_ms[at]) <= heard_ms)
		at++;
	s->played_ms = s->made_ms;
	e->cut = at < s->count;
	e->cut_at = at;
}

static void
script_answer(struct engine *e, const char *tool_id, json_t *result)
{
	const char *answer = json_string_value(json_object_get(result, "answer"));
	const char *mode = json_string_value(json_object_get(result, "mode"));
	const struct dialogue_turn *by = e->asked_by;
	bool aloud = mode != NULL && strcmp(mode, "voice") == 0;
	struct script_reply reply;
	struct deed deed = { 0 };

	if (strcmp(tool_id, "ask_user") != 0 || !e->asking)
		return;
	e->asking = false;
	e->asked_by = NULL;
	if (by != NULL && answer != NULL && by->answered != NULL) {
		say(e, dialogue_fill(e->arena, by->answered, "{answer}", aloud ? answer : ""),
		    &deed);
	} else if (by != NULL && answer == NULL && by->dropped != NULL) {
		deed.end = end_arguments("success_no_booking",
		    "The callee's question could not be answered in time.", NULL);
		say(e, by->dropped, &deed);
	} else {
		reply = think(e, ++e->turn, "", copy(e->arena, answer), aloud, true);
		act(e, &reply);
	}
}

static void
script_prompt(struct engine *e, const char *text)
{
	struct deed deed = { 0 };
	struct script_reply reply;

	if (strcmp(text, RULES_HOLDING) == 0) {
		say(e, tongue_of(e->language)->patience, &deed);
	} else if (strcmp(text, RULES_TIME) == 0) {
		deed.end = end_arguments(
		    "success_no_booking", "The time for the call was over.", NULL);
		say(e, tongue_of(e->language)->time_over, &deed);
	} else if (strcmp(text, RULES_SCREENING) == 0) {
		script_open(e);
		tell_words(e);
		go_on_speaking(e);
	} else if (!e->asking && !still_heard(e)) {
		e->silent++;
		reply = think(e, e->turn + 1, "", NULL, false, false);
		act(e, &reply);
	}
}

static void
script_words(struct engine *e, const char *text)
{
	buf_puts(&e->heard, e->heard.len > 0 ? " " : "");
	buf_puts(&e->heard, text);
	/* Words of a turn that is over already, or keys, for which there is no sound. */
	if (!e->listen.talking && (e->cut || !still_heard(e)))
		e->wait_ms = 1;
}

static void
script_end(struct engine *e)
{
	stop_speaking(e);
	json_decref(e->speaking.deed.end);
	buf_free(&e->heard);
	arena_free(e->arena);
	free(e);
}

const struct engine_kind engine_script = {
	.name = "script",
	.begin = script_begin,
	.hear = script_hear,
	.interrupted = script_interrupted,
	.answer = script_answer,
	.prompt = script_prompt,
	.words = script_words,
	.end = script_end,
};
