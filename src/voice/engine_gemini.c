/*
 * engine_gemini.c: the agent by Google's Gemini Live API. Its sound is linear, so both directions are
 * resampled. It counts by itself what of its words was heard. A connection lasts some minutes and another
 * goes on with the session by its handle; without one, it is told what has been said.
 */
#include "voice/engine.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "remote/rt_gemini.h"
#include "voice/model.h"
#include "voice/open_tools.h"
#include "voice/sound.h"

#define FRAME_MAX 4000     /* bytes of mu-law in a frame of the callee: half a second */
#define SLICE 32768        /* characters of the model's sound at once: half a second */
#define WORDS_MAX 4096     /* of one turn */
#define MOVE_EARLY_MS 1000 /* before the server goes away */
#define KEEP_MS 12000      /* of the callee, while he hears who is calling */

_Static_assert(__BYTE_ORDER == __LITTLE_ENDIAN, "the model's samples are taken as they are");

struct engine {
	struct model model;
	const struct engine_account *account;
	char *instructions, *greeting, *voice;
	json_t *tools;
	char *handle;      /* of the session, or NULL */
	bool tried_handle; /* this connection was begun with it */
	struct sound_rate *up, *down;
	struct buf linear, other_rate, base64; /* sound on its way */
	int turn;                              /* of the agent, from 1 */
	char item[24];
	bool talking;             /* the turn has begun and has not been told to be over */
	bool unheard;             /* … and the server thinks that it is still being heard */
	bool disclosed;           /* the callee has heard who is calling */
	bool leaving;             /* the server goes away */
	bool cut_off;             /* the connection broke off while it was talking */
	struct buf spoken, heard; /* fragments so far */
	struct open_tools open;
	struct buf later; /* words of ours for the next connection */
	struct alarm *alarm;
};

/* ---- what we say ---- */

static void
say(struct engine *e, const char *text)
{
	if (e->model.ready) {
		rt_gemini_text(&e->model.out, text);
		model_send(&e->model, BACKLOG_WORDS);
	} else if (e->later.len + strlen(text) < e->later.max) {
		buf_puts(&e->later, text);
		buf_puts(&e->later, "\n");
	}
}

static void
greet(struct engine *e)
{
	struct buf text;

	if (e->greeting[0] == '\0')
		return;
	buf_init(&text, 8192);
	buf_printf(&text,
	    "(The call has been answered. Begin it now: say exactly this sentence, then wait: %s)",
	    e->greeting);
	say(e, text.data);
	buf_free(&text);
}

static void
gemini_hear(struct engine *e, const char *base64, size_t len)
{
	uint8_t pcmu[FRAME_MAX];
	int16_t samples[FRAME_MAX];
	int bytes = digest_unbase64_n(base64, len, pcmu, sizeof pcmu);

	if (bytes <= 0)
		return;
	sound_from_pcmu(pcmu, (size_t)bytes, samples);
	buf_clear(&e->other_rate);
	sound_rate_run(e->up, samples, (size_t)bytes, &e->other_rate);
	if (e->other_rate.len == 0)
		return;
	rt_gemini_sound(&e->model.out, e->other_rate.data, e->other_rate.len);
	model_send(&e->model, BACKLOG_SOUND);
}

/* ---- turns ---- */

static void
begin_turn(struct engine *e)
{
	if (e->talking)
		return;
	e->talking = e->unheard = true;
	e->turn++;
	snprintf(e->item, sizeof e->item, "turn-%d", e->turn);
}

/* What has come of words so far is all. */
static void
finish_heard(struct engine *e)
{
	if (e->heard.len == 0)
		return;
	history_add(&e->model.history, false, e->heard.data);
	e->model.told->heard(e->model.arg, e->heard.data, true);
	buf_clear(&e->heard);
}

static void
finish_spoken(struct engine *e, bool cut)
{
	if (e->spoken.len == 0)
		return;
	history_add(&e->model.history, true, e->spoken.data);
	if (cut)
		history_cut_off(&e->model.history);
	e->model.told->spoken(e->model.arg, e->item, e->spoken.data, true);
	buf_clear(&e->spoken);
}

/* A fragment that does not fit any more is told, and forgotten. */
static void
collect(struct buf *words, const char *text)
{
	if (words->len + strlen(text) <= words->max)
		buf_puts(words, text);
}

/* ---- the model's sound ---- */

static void
tell_slice(struct engine *e, const char *base64, size_t len)
{
	uint8_t pcmu[SLICE / 8 + 64]; /* a third of the samples, and what the filter held back */
	size_t count;
	char *text;
	int bytes;

	buf_clear(&e->linear);
	buf_clear(&e->other_rate);
	buf_clear(&e->base64);
	bytes = digest_unbase64_n(
	    base64, len, (uint8_t *)buf_room(&e->linear, len / 4 * 3), len / 4 * 3);
	if (bytes < 2)
		return;
	sound_rate_run(e->down, (const int16_t *)(const void *)e->linear.data, (size_t)bytes / 2,
	    &e->other_rate);
	count = e->other_rate.len / 2;
	if (count == 0 || count > sizeof pcmu)
		return;
	sound_to_pcmu((const int16_t *)(const void *)e->other_rate.data, count, pcmu);
	text = buf_room(&e->base64, 4 * ((count + 2) / 3));
	digest_base64(pcmu, count, text);
	e->model.told->audio(e->model.arg, e->item, e->base64.data, e->base64.len);
}

static void
on_sound(struct engine *e, const struct rt_gemini_sound *sound)
{
	size_t at, len;

	for (at = 0; at < sound->len && model_alive(&e->model); at += len) {
		len = sound->len - at < SLICE ? sound->len - at : SLICE;
		tell_slice(e, sound->base64 + at, len);
	}
}

/* ---- tools ---- */

static void
on_call(struct engine *e, const struct rt_gemini_call *call)
{
	json_t *error;

	if (open_tools_add(&e->open, call->id, call->name, e->model.life)) {
		e->model.told->tool(e->model.arg, call->id, call->name, call->arguments);
		return;
	}
	error = json_pack("{s:s}", "error", OPEN_TOOLS_FULL);
	rt_gemini_result(&e->model.out, call->id, call->name, error);
	model_send(&e->model, BACKLOG_WORDS);
	json_decref(error);
}

static void
on_cancelled(struct engine *e, const char *id)
{
	struct open_tool *tool = open_tools_find(&e->open, id);

	if (tool == NULL)
		return;
	tool->life = 0;
	e->model.told->tool_cancelled(e->model.arg, id);
}

/* Whether speech interrupts is settled with a connection's setup, and it has to; so the server hears nothing
 * until the callee has heard who is calling, and until the server thinks so too. */
static void
let_hear(struct engine *e)
{
	if (e->model.held && e->disclosed && (e->talking || !e->unheard))
		model_listen(&e->model);
}

/* ---- what we are told ---- */

static void
move(struct engine *e)
{
	e->leaving = false;
	alarm_set(e->alarm, 0);
	if (model_alive(&e->model))
		model_move(&e->model);
}

static void
on_ready(struct engine *e)
{
	model_ready(&e->model);
	if (!model_alive(&e->model))
		return;
	if (e->cut_off)
		finish_spoken(e, true);
	if (!model_alive(&e->model))
		return;
	if (e->turn == 0)
		greet(e);
	else if (e->cut_off)
		say(e, "(The connection broke off while you were talking. Go on.)");
	e->cut_off = false;
	if (e->later.len > 0)
		say(e, e->later.data);
	buf_clear(&e->later);
}

static void
on_interrupted(struct engine *e)
{
	finish_spoken(e, true);
	if (!model_alive(&e->model))
		return;
	e->talking = false;
	e->model.told->speech_started(e->model.arg);
}

static void
end_turn(struct engine *e)
{
	finish_heard(e);
	if (model_alive(&e->model))
		finish_spoken(e, false);
	if (!model_alive(&e->model) || !e->talking)
		return;
	e->talking = false;
	e->model.told->turn_done(e->model.arg);
}

/* What the callee said belongs before what the model says to it. */
static void
on_words(struct engine *e, const struct rt_gemini_told *told)
{
	if (told->heard != NULL && told->heard[0] != '\0') {
		collect(&e->heard, told->heard);
		e->model.told->heard(e->model.arg, told->heard, false);
	}
	if (model_alive(&e->model) &&
	    (told->heard_finished || told->spoken != NULL || told->sound_count > 0))
		finish_heard(e);
	if (!model_alive(&e->model) || told->spoken == NULL || told->spoken[0] == '\0')
		return;
	begin_turn(e);
	collect(&e->spoken, told->spoken);
	e->model.told->spoken(e->model.arg, e->item, told->spoken, false);
}

static void
on_sounds(struct engine *e, const struct rt_gemini_told *told)
{
	int i;

	if (told->sound_count > 0)
		begin_turn(e);
	for (i = 0; i < told->sound_count && model_alive(&e->model); i++)
		on_sound(e, &told->sounds[i]);
}

static void
on_tools(struct engine *e, const struct rt_gemini_told *told)
{
	int i;

	for (i = 0; i < told->cancelled_count && model_alive(&e->model); i++)
		on_cancelled(e, told->cancelled[i]);
	if (told->call_count > 0)
		begin_turn(e);
	for (i = 0; i < told->call_count && model_alive(&e->model); i++)
		on_call(e, &told->calls[i]);
}

static void
on_session(struct engine *e, const struct rt_gemini_told *told)
{
	if (told->handle != NULL) {
		free(e->handle);
		e->handle = mem_strdup(told->handle);
	}
	if (told->go_away) {
		e->leaving = true;
		alarm_set(e->alarm,
		    told->go_away_ms > MOVE_EARLY_MS ? told->go_away_ms - MOVE_EARLY_MS : 1);
	}
	/* Between two turns nobody misses anything. */
	if (e->leaving && !e->talking && told->turn_complete)
		move(e);
}

static void
act(struct engine *e, const struct rt_gemini_told *told)
{
	if (told->setup_complete && !e->model.ready)
		on_ready(e);
	if (model_alive(&e->model))
		on_words(e, told);
	if (model_alive(&e->model))
		on_sounds(e, told);
	if (model_alive(&e->model) && told->interrupted)
		on_interrupted(e);
	if (model_alive(&e->model))
		on_tools(e, told);
	if (model_alive(&e->model) && (told->generation_complete || told->turn_complete))
		end_turn(e);
	if (told->turn_complete)
		e->unheard = false;
	if (model_alive(&e->model))
		let_hear(e);
	if (model_alive(&e->model))
		on_session(e, told);
}

static bool
gemini_message(struct engine *e, char *bytes, size_t len)
{
	struct rt_gemini_told told;

	if (rt_gemini_read(bytes, len, &told) != RC_OK)
		return false;
	act(e, &told);
	rt_gemini_clear(&told);
	return true;
}

/* ---- the connection ---- */

static void
gemini_address(struct engine *e, struct buf *url, struct link_setup *setup)
{
	buf_puts(url, e->account->url);
	setup->header = "x-goog-api-key:"; /* not in the URL, as documented: those end in logs */
	setup->scheme = "";
	setup->secret = e->account->api_key;
}

/* A session without a handle is told what has been said with its instructions. */
static void
gemini_opened(struct engine *e)
{
	struct rt_gemini_setup setup = { e->account->model, NULL, e->voice, e->tools, e->handle };
	struct buf instructions;

	buf_init(&instructions, 128 << 10);
	buf_puts(&instructions, e->instructions);
	if (e->handle == NULL && e->model.history.count > 0) {
		buf_puts(&instructions, "\n\nThe call is under way already. So far was said:\n");
		history_write(&e->model.history, &instructions);
		buf_puts(&instructions, "Go on from there.\n");
	}
	setup.instructions = instructions.data;
	e->tried_handle = e->handle != NULL;
	e->cut_off = e->cut_off || e->talking;
	e->talking = e->unheard = false;
	e->leaving = false;
	alarm_set(e->alarm, 0);
	rt_gemini_begin(&e->model.out, &setup);
	model_send(&e->model, BACKLOG_WORDS);
	buf_free(&instructions);
}

/* What was wrong is in the close frame alone. With a handle it may have been that. */
static bool
gemini_worth_it(struct engine *e, const struct link_end *end)
{
	bool was_ready = e->model.ready;

	if (end->status != 0)
		return end->status == 429 || end->status >= 500;
	if (end->code == 1007 && e->tried_handle && !was_ready) {
		free(e->handle);
		e->handle = NULL;
		e->model.tries--; /* it was not the connection's fault */
		return true;
	}
	return end->code != 1007 && end->code != 1008 && strstr(end->error, "quota") == NULL;
}

static void
gemini_release(struct engine *e)
{
	alarm_free(e->alarm);
	sound_rate_free(e->up);
	sound_rate_free(e->down);
	buf_free(&e->linear);
	buf_free(&e->other_rate);
	buf_free(&e->base64);
	buf_free(&e->spoken);
	buf_free(&e->heard);
	buf_free(&e->later);
	json_decref(e->tools);
	free(e->handle);
	free(e->instructions);
	free(e->greeting);
	free(e->voice);
	free(e);
}

static const struct model_ops ops = {
	.name = "Gemini",
	.address = gemini_address,
	.opened = gemini_opened,
	.message = gemini_message,
	.worth_it = gemini_worth_it,
	.keep_ms = KEEP_MS,
	.hear = gemini_hear,
	.release = gemini_release,
};

/* ---- for the session ---- */

/* The server goes away now, whatever is being said. */
static void
on_alarm(void *arg)
{
	move(arg);
}

static struct engine *
gemini_begin(const struct engine_setup *setup, const struct engine_told *told, void *arg)
{
	struct engine *e = mem_zalloc(1, sizeof *e);

	e->account = &setup->env->gemini;
	e->instructions = mem_strdup(setup->instructions);
	e->greeting = mem_strdup(setup->greeting == NULL ? "" : setup->greeting);
	e->voice = mem_strdup(setup->voice == NULL ? "" : setup->voice);
	e->tools = json_deep_copy(setup->tools);
	e->up = sound_rate_new(SOUND_RATE, RT_GEMINI_HZ_IN);
	e->down = sound_rate_new(RT_GEMINI_HZ_OUT, SOUND_RATE);
	buf_init(&e->linear, SLICE);
	buf_init(&e->other_rate, SLICE);
	buf_init(&e->base64, SLICE);
	buf_init(&e->spoken, WORDS_MAX);
	buf_init(&e->heard, WORDS_MAX);
	buf_init(&e->later, 16384);
	e->alarm = alarm_new(setup->env->links, on_alarm, e);
	e->model.held = e->greeting[0] != '\0';
	model_begin(&e->model, &ops, e, setup, told, arg);
	return e;
}

static void
gemini_heard_frame(struct engine *e, const char *base64, size_t len)
{
	model_hear(&e->model, base64, len);
}

static void
gemini_disclosed(struct engine *e)
{
	e->disclosed = true;
	let_hear(e);
}

/* The model counts for itself: its turn is complete when it would have been heard. */
static void
gemini_interrupted(struct engine *e, const char *item, int64_t heard_ms)
{
	(void)item;
	(void)heard_ms;
	history_cut_off(&e->model.history);
}

static void
gemini_answer(struct engine *e, const char *tool_id, json_t *result)
{
	struct open_tool *tool = open_tools_find(&e->open, tool_id);
	struct buf text;

	if (tool == NULL)
		return;
	if (e->model.ready && tool->life == e->model.life) {
		rt_gemini_result(&e->model.out, tool_id, tool->name, result);
		model_send(&e->model, BACKLOG_WORDS);
	} else {
		buf_init(&text, 16384);
		open_tool_write(tool, result, &text);
		say(e, text.data);
		buf_free(&text);
	}
	tool->life = 0;
}

static void
gemini_prompt(struct engine *e, const char *text)
{
	say(e, text);
}

static void
gemini_end(struct engine *e)
{
	alarm_set(e->alarm, 0);
	model_end(&e->model);
}

const struct engine_kind engine_gemini = {
	.name = "gemini",
	.begin = gemini_begin,
	.hear = gemini_heard_frame,
	.disclosed = gemini_disclosed,
	.interrupted = gemini_interrupted,
	.answer = gemini_answer,
	.prompt = gemini_prompt,
	.end = gemini_end,
};
