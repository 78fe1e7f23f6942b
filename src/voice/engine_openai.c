/*
 * engine_openai.c: the agent by OpenAI's Realtime API. The server listens for the ends of turns and answers
 * by itself; what we want said besides waits until no response is under way. There is no resumption: a new
 * connection is told what has been said.
 */
#include "voice/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "remote/rt_openai.h"
#include "voice/model.h"
#include "voice/open_tools.h"

#define ID_SIZE 129
#define ITEMS 8 /* of the agent's, whose lengths are known */
#define TOOLS 8 /* in one response */
#define FAILURES_MAX 2
#define KEEP_MS 1500 /* of the callee, while the model is away */
#define ALREADY_RESPONDING "conversation_already_has_active_response"

/* A piece of the agent's speech. */
struct item {
	char id[ID_SIZE];
	int64_t bytes;
	bool cut; /* nobody hears more of it */
};

/* A call of a tool that is told when its response is complete. */
struct asked {
	char id[ID_SIZE], name[ID_SIZE];
	json_t *arguments; /* NULL: they were no object */
};

struct engine {
	struct model model;
	const struct engine_account *account;
	char *instructions, *greeting, *language, *voice;
	json_t *tools;
	struct item items[ITEMS];  /* a ring */
	int item;                  /* the newest */
	struct asked asked[TOOLS]; /* of the response that is under way */
	int asked_count;
	struct open_tools open;
	bool responding;     /* a response is under way, or asked for */
	bool respond_wanted; /* another is wanted after it */
	bool owes_answer;    /* the callee, or we, said something that nothing was said to yet */
	bool disclosed;      /* the callee has heard who is calling, */
	bool interruptible; /* … and the server knows it: he may interrupt, and is answered by it */
	bool spoken_to;     /* what he said before is to be answered */
	int failures;       /* of responses, in a row */
	struct buf later;   /* words of ours for the next connection */
};

/* ---- what we say ---- */

static void
respond(struct engine *e)
{
	e->owes_answer = true;
	if (!e->model.ready) /* recall() will ask */
		return;
	if (e->responding) {
		e->respond_wanted = true;
		return;
	}
	e->responding = true;
	e->respond_wanted = false;
	rt_openai_respond(&e->model.out);
	model_send(&e->model, BACKLOG_WORDS);
}

static void
say(struct engine *e, enum rt_openai_role role, const char *text)
{
	rt_openai_say(&e->model.out, role, text);
	model_send(&e->model, BACKLOG_WORDS);
}

/* A word of ours, upon which the model is to act. */
static void
instruct(struct engine *e, const char *text)
{
	if (e->model.ready) {
		say(e, RT_OPENAI_SYSTEM, text);
	} else if (e->later.len + strlen(text) < e->later.max) {
		buf_puts(&e->later, text);
		buf_puts(&e->later, "\n");
	}
	respond(e);
}

static void
greet(struct engine *e)
{
	struct buf text;

	if (e->greeting[0] == '\0')
		return;
	buf_init(&text, 8192);
	buf_printf(&text,
	    "The call has been answered. Begin it now: say exactly this sentence, then wait: %s",
	    e->greeting);
	say(e, RT_OPENAI_SYSTEM, text.data);
	buf_free(&text);
	e->owes_answer = true;
}

/* What another connection has heard and said. */
static void
recall(struct engine *e)
{
	const struct history *h = &e->model.history;
	int i;

	for (i = 0; i < h->count; i++)
		say(e, h->turns[i].agent ? RT_OPENAI_ASSISTANT : RT_OPENAI_USER, h->turns[i].text);
	if (h->count == 0)
		greet(e);
	if (e->later.len > 0)
		say(e, RT_OPENAI_SYSTEM, e->later.data);
	buf_clear(&e->later);
	if (e->owes_answer || (h->count > 0 && !h->turns[h->count - 1].agent))
		respond(e);
}

static void
openai_hear(struct engine *e, const char *base64, size_t len)
{
	rt_openai_append(&e->model.out, base64, len);
	model_send(&e->model, BACKLOG_SOUND);
}

/* ---- the agent's items ---- */

static struct item *
find_item(struct engine *e, const char *id)
{
	int i;

	for (i = 0; i < ITEMS; i++) {
		if (e->items[i].id[0] != '\0' && strcmp(e->items[i].id, id) == 0)
			return &e->items[i];
	}
	return NULL;
}

static struct item *
add_item(struct engine *e, const char *id)
{
	struct item *item;

	e->item = (e->item + 1) % ITEMS;
	item = &e->items[e->item];
	*item = (struct item){ 0 };
	snprintf(item->id, sizeof item->id, "%s", id);
	return item;
}

/* ---- tools ---- */

static void
drop_asked(struct engine *e)
{
	int i;

	for (i = 0; i < e->asked_count; i++)
		json_decref(e->asked[i].arguments);
	e->asked_count = 0;
}

static void
refuse_tool(struct engine *e, const char *id, const char *why)
{
	json_t *error = json_pack("{s:s}", "error", why);

	rt_openai_result(&e->model.out, id, error);
	model_send(&e->model, BACKLOG_WORDS);
	json_decref(error);
	respond(e);
}

static void
on_tool(struct engine *e, struct rt_openai_event *event)
{
	struct asked *asked;

	if (e->asked_count == TOOLS) {
		refuse_tool(e, event->call_id, "These are too many calls in one response.");
		return;
	}
	asked = &e->asked[e->asked_count++];
	snprintf(asked->id, sizeof asked->id, "%s", event->call_id);
	snprintf(asked->name, sizeof asked->name, "%s", event->name);
	asked->arguments = json_incref(event->arguments);
}

/* To the session; or back to the model, which has written nonsense. */
static void
run_tool(struct engine *e, const struct asked *asked)
{
	if (asked->arguments == NULL)
		refuse_tool(e, asked->id, "The arguments are no JSON object.");
	else if (!open_tools_add(&e->open, asked->id, asked->name, e->model.life))
		refuse_tool(e, asked->id, OPEN_TOOLS_FULL);
	else
		e->model.told->tool(e->model.arg, asked->id, asked->name, asked->arguments);
}

static void
run_asked(struct engine *e)
{
	int i;

	for (i = 0; i < e->asked_count && model_alive(&e->model); i++)
		run_tool(e, &e->asked[i]);
	drop_asked(e);
}

/* ---- what we are told ---- */

static void
ask_to_open(struct engine *e)
{
	rt_openai_open(&e->model.out, e->language);
	model_send(&e->model, BACKLOG_WORDS);
}

/* What the callee said before this has been told to us before this, and is ours to answer. */
static void
on_open(struct engine *e)
{
	e->interruptible = true;
	if (e->spoken_to)
		respond(e);
	e->spoken_to = false;
}

static void
on_updated(struct engine *e, const struct rt_openai_event *event)
{
	if (!event->pcmu) {
		model_fail(&e->model, "does not take the sound of telephones", true);
		return;
	}
	if (!e->model.ready) {
		model_ready(&e->model);
		if (!model_alive(&e->model))
			return;
		recall(e);
		if (e->disclosed && !event->open)
			ask_to_open(e);
	}
	if (event->open && !e->interruptible)
		on_open(e);
}

/* Until the callee has heard who is calling, the server does nothing by itself: its ears would cancel the
 * sentence that says so. */
static void
on_created(struct engine *e)
{
	struct rt_openai_session session = { e->instructions, e->language, e->voice, e->tools,
		e->disclosed };

	rt_openai_update(&e->model.out, &session);
	model_send(&e->model, BACKLOG_WORDS);
}

/* How many bytes so much base64 comes to. */
static int64_t
bytes_of(const char *base64, size_t len)
{
	int64_t bytes = (int64_t)(len / 4 * 3);

	if (len > 0 && base64[len - 1] == '=')
		bytes -= base64[len - 2] == '=' ? 2 : 1;
	return bytes;
}

static void
on_audio(struct engine *e, const struct rt_openai_event *event)
{
	struct item *item = find_item(e, event->item);

	if (item == NULL)
		item = add_item(e, event->item);
	item->bytes += bytes_of(event->text, event->text_len);
	if (!item->cut)
		e->model.told->audio(e->model.arg, item->id, event->text, event->text_len);
}

static void
on_speech_started(struct engine *e)
{
	struct item *item = &e->items[e->item];

	if (!e->interruptible)
		return;
	/* What comes of it from now on was made before the server knew. */
	if (e->responding && item->id[0] != '\0')
		item->cut = true;
	e->model.told->speech_started(e->model.arg);
}

static void
on_heard(struct engine *e, const struct rt_openai_event *event)
{
	history_add(&e->model.history, false, event->text);
	e->model.told->heard(e->model.arg, event->text, true);
}

static void
on_spoken(struct engine *e, const struct rt_openai_event *event)
{
	const struct item *item = find_item(e, event->item);

	history_add(&e->model.history, true, event->text);
	if (item != NULL && item->cut)
		history_cut_off(&e->model.history);
	e->owes_answer = false;
	e->model.told->spoken(e->model.arg, event->item, event->text, true);
}

/* A response that failed is asked for once more. */
static void
on_failed_response(struct engine *e)
{
	drop_asked(e);
	if (++e->failures >= FAILURES_MAX) {
		model_fail(&e->model, "could not make an answer, twice", true);
		return;
	}
	model_fail(&e->model, "could not make an answer", false);
	if (model_alive(&e->model))
		respond(e);
}

static void
on_done(struct engine *e, const struct rt_openai_event *event)
{
	e->responding = false;
	if (event->status == RT_OPENAI_FAILED) {
		on_failed_response(e);
		return;
	}
	e->failures = 0;
	if (event->status == RT_OPENAI_COMPLETED)
		run_asked(e);
	else
		drop_asked(e);
	if (!model_alive(&e->model))
		return;
	if (e->respond_wanted)
		respond(e);
	else
		e->model.told->turn_done(e->model.arg);
}

static void
on_error(struct engine *e, const struct rt_openai_event *event)
{
	char what[96];

	if (event->expired) {
		model_move(&e->model);
		return;
	}
	if (event->of_respond) {
		/* Most likely the server was faster, and its own response is under way. */
		e->responding = strcmp(event->code, ALREADY_RESPONDING) == 0;
		e->respond_wanted = e->responding;
		if (e->responding)
			return;
	}
	snprintf(what, sizeof what, "did not take a message: %s", event->code);
	model_fail(&e->model, what, !e->model.ready);
}

static void
act(struct engine *e, struct rt_openai_event *event)
{
	const struct engine_told *told = e->model.told;

	switch (event->kind) {
	case RT_OPENAI_OTHER:
		break;
	case RT_OPENAI_CREATED:
		on_created(e);
		break;
	case RT_OPENAI_UPDATED:
		on_updated(e, event);
		break;
	case RT_OPENAI_SPEECH_STARTED:
		on_speech_started(e);
		break;
	case RT_OPENAI_SPEECH_STOPPED:
		e->spoken_to = e->spoken_to || !e->interruptible;
		break;
	case RT_OPENAI_HEARD_PART:
		told->heard(e->model.arg, event->text, false);
		break;
	case RT_OPENAI_HEARD:
		on_heard(e, event);
		break;
	case RT_OPENAI_RESPONSE:
		e->responding = true;
		e->owes_answer = true;
		break;
	case RT_OPENAI_AUDIO:
		on_audio(e, event);
		break;
	case RT_OPENAI_SPOKEN_PART:
		told->spoken(e->model.arg, event->item, event->text, false);
		break;
	case RT_OPENAI_SPOKEN:
		on_spoken(e, event);
		break;
	case RT_OPENAI_TOOL:
		on_tool(e, event);
		break;
	case RT_OPENAI_DONE:
		on_done(e, event);
		break;
	case RT_OPENAI_ERROR:
		on_error(e, event);
		break;
	}
}

static bool
openai_message(struct engine *e, char *bytes, size_t len)
{
	struct rt_openai_event event;

	if (rt_openai_read(bytes, len, &event) != RC_OK)
		return false;
	act(e, &event);
	rt_openai_clear(&event);
	return true;
}

/* ---- the connection ---- */

static void
openai_address(struct engine *e, struct buf *url, struct link_setup *setup)
{
	buf_puts(url, e->account->url);
	buf_puts(url, strchr(e->account->url, '?') == NULL ? "?model=" : "&model=");
	buf_urlencode(url, e->account->model);
	if (e->account->api_key[0] != '\0') {
		setup->header = "authorization:";
		setup->scheme = "Bearer ";
		setup->secret = e->account->api_key;
	}
	e->responding = e->respond_wanted = e->interruptible = e->spoken_to = false;
	drop_asked(e);
}

/* The codes are those after which OpenAI's own library connects anew. */
static bool
openai_worth_it(struct engine *e, const struct link_end *end)
{
	/* 1002 is 1012 (a restart) and 1013 (too busy), as libwebsockets 4.1 has them. */
	static const int codes[] = { 1001, 1002, 1005, 1006, 1011, 1012, 1013, 1015 };
	size_t i;

	(void)e;
	if (end->status != 0)
		return end->status == 429 || end->status >= 500;
	for (i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		if (end->code == codes[i])
			return true;
	}
	return false;
}

static void
openai_release(struct engine *e)
{
	drop_asked(e);
	json_decref(e->tools);
	free(e->instructions);
	free(e->greeting);
	free(e->language);
	free(e->voice);
	buf_free(&e->later);
	free(e);
}

static const struct model_ops ops = {
	.name = "OpenAI",
	.address = openai_address,
	.message = openai_message,
	.worth_it = openai_worth_it,
	.keep_ms = KEEP_MS,
	.hear = openai_hear,
	.release = openai_release,
};

/* ---- for the session ---- */

static struct engine *
openai_begin(const struct engine_setup *setup, const struct engine_told *told, void *arg)
{
	struct engine *e = mem_zalloc(1, sizeof *e);

	e->account = &setup->env->openai;
	e->instructions = mem_strdup(setup->instructions);
	e->greeting = mem_strdup(setup->greeting == NULL ? "" : setup->greeting);
	e->language = mem_strdup(setup->language);
	e->voice = mem_strdup(setup->voice == NULL ? "" : setup->voice);
	e->tools = json_deep_copy(setup->tools);
	e->disclosed = e->greeting[0] == '\0';
	buf_init(&e->later, 16384);
	model_begin(&e->model, &ops, e, setup, told, arg);
	return e;
}

static void
openai_heard_frame(struct engine *e, const char *base64, size_t len)
{
	model_hear(&e->model, base64, len);
}

static void
openai_disclosed(struct engine *e)
{
	if (e->disclosed)
		return;
	e->disclosed = true;
	if (e->model.ready)
		ask_to_open(e);
}

static void
openai_interrupted(struct engine *e, const char *id, int64_t heard_ms)
{
	struct item *item = find_item(e, id);

	if (item == NULL || heard_ms * 8 >= item->bytes)
		return; /* all of it was heard, or nobody knows it any more */
	item->cut = true;
	history_cut_off(&e->model.history);
	if (!e->model.ready)
		return;
	rt_openai_truncate(&e->model.out, id, heard_ms < 0 ? 0 : heard_ms);
	model_send(&e->model, BACKLOG_WORDS);
}

static void
openai_answer(struct engine *e, const char *tool_id, json_t *result)
{
	struct open_tool *tool = open_tools_find(&e->open, tool_id);
	struct buf text;

	if (tool == NULL)
		return;
	if (e->model.ready && tool->life == e->model.life) {
		rt_openai_result(&e->model.out, tool_id, result);
		model_send(&e->model, BACKLOG_WORDS);
		respond(e);
	} else {
		buf_init(&text, 16384);
		open_tool_write(tool, result, &text);
		instruct(e, text.data);
		buf_free(&text);
	}
	tool->life = 0;
}

static void
openai_prompt(struct engine *e, const char *text)
{
	instruct(e, text);
}

static void
openai_end(struct engine *e)
{
	model_end(&e->model);
}

const struct engine_kind engine_openai = {
	.name = "openai",
	.begin = openai_begin,
	.hear = openai_heard_frame,
	.disclosed = openai_disclosed,
	.interrupted = openai_interrupted,
	.answer = openai_answer,
	.prompt = openai_prompt,
	.end = openai_end,
};
