/*
 * drive.c: an engine, or the ears, in a loop of their own, for tests in another language. The first line of
 * standard input says what to begin; the others are what the session does. What is told is written to
 * standard output, a line of JSON each.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/mem.h"
#include "voice/ears.h"
#include "voice/engine.h"
#include "voice/link.h"

#define LINE_MAX_BYTES (1u << 20)
#define LOOK_MS 2
#define END_MS 300 /* for close frames to go out */

static struct lws_context *context;
static struct links *links;
static struct alarm *look;
static struct buf input;
static json_t *begin; /* the first line; owns the texts that were begun with */
static const struct engine_kind *kind;
static struct engine *engine;
static struct ears *ears;
static const char *end_at; /* the name of what is told, from within which the end comes */
static bool over;

static void
tell(const char *name, json_t *value)
{
	json_t *line = json_pack("{s:o}", name, value);

	json_dumpf(line, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(line);
	if (end_at == NULL || strcmp(end_at, name) != 0)
		return;
	end_at = NULL;
	if (engine != NULL)
		kind->end(engine);
	ears_free(ears);
	engine = NULL;
	ears = NULL;
	tell("ended", json_true());
}

/* ---- what an engine tells ---- */

static void
on_ready(void *arg)
{
	(void)arg;
	tell("ready", json_true());
}

static void
on_audio(void *arg, const char *item, const char *base64, size_t len)
{
	(void)arg;
	tell("audio", json_pack("[s, s%]", item, base64, len));
}

static void
on_spoken(void *arg, const char *item, const char *text, bool final)
{
	(void)arg;
	tell("spoken", json_pack("[s, s, b]", item, text, final));
}

static void
on_heard(void *arg, const char *text, bool final)
{
	(void)arg;
	tell("heard", json_pack("[s, b]", text, final));
}

static void
on_speech_started(void *arg)
{
	(void)arg;
	tell("speech_started", json_true());
}

static void
on_turn_done(void *arg)
{
	(void)arg;
	tell("turn_done", json_true());
}

static void
on_tool(void *arg, const char *id, const char *name, json_t *arguments)
{
	(void)arg;
	tell("tool", json_pack("[s, s, O]", id, name, arguments));
}

static void
on_tool_cancelled(void *arg, const char *id)
{
	(void)arg;
	tell("tool_cancelled", json_string(id));
}

static void
on_failed(void *arg, const char *sentence, bool for_good)
{
	(void)arg;
	tell("failed", json_pack("[s, b]", sentence, for_good));
}

static const struct engine_told engine_told = { on_ready, on_audio, on_spoken, on_heard,
	on_speech_started, on_turn_done, on_tool, on_tool_cancelled, on_failed };

/* ---- what the ears tell ---- */

static void
on_utterance(void *arg, const char *text, int64_t start_ms, int64_t end_ms)
{
	(void)arg;
	tell("heard", json_pack("[s, I, I]", text, (json_int_t)start_ms, (json_int_t)end_ms));
}

static void
on_done(void *arg)
{
	(void)arg;
	tell("done", json_true());
}

static const struct ears_told ears_told = { on_utterance, on_failed, on_done };

/* ---- what the session does ---- */

static const char *
text_of(const char *name)
{
	const char *text = json_string_value(json_object_get(begin, name));

	return text == NULL ? "" : text;
}

static void
do_begin(void)
{
	static struct engine_env env;
	struct engine_account account = { text_of("url"), text_of("api_key"), text_of("model") };
	struct engine_setup setup = { .env = &env,
		.instructions = text_of("instructions"),
		.greeting = text_of("greeting"),
		.language = text_of("language"),
		.voice = text_of("voice"),
		.tools = json_object_get(begin, "tools") };
	struct ears_setup listen = { links, account.url, account.api_key, setup.language };

	end_at = json_string_value(json_object_get(begin, "end_at"));
	env = (struct engine_env){ .links = links, .openai = account, .gemini = account };
	if (strcmp(text_of("kind"), "ears") == 0) {
		ears = ears_begin(&listen, &ears_told, NULL);
		return;
	}
	kind = strcmp(text_of("kind"), "openai") == 0 ? &engine_openai : &engine_gemini;
	engine = kind->begin(&setup, &engine_told, NULL);
}

static void
do_hear(json_t *value)
{
	const char *base64 = json_string_value(json_array_get(value, 0));
	uint8_t pcmu[65536];
	int len = digest_unbase64_n(base64, strlen(base64), pcmu, sizeof pcmu);

	if (engine != NULL)
		kind->hear(engine, base64, strlen(base64));
	if (ears != NULL)
		ears_hear(ears, json_integer_value(json_array_get(value, 1)), pcmu, (size_t)len);
}

static void
do_it(const char *name, json_t *value)
{
	const char *first = json_string_value(json_array_get(value, 0));

	if (strcmp(name, "hear") == 0)
		do_hear(value);
	else if (strcmp(name, "finish") == 0 && ears != NULL)
		ears_finish(ears);
	else if (strcmp(name, "end") == 0)
		over = true;
	else if (engine == NULL)
		return;
	else if (strcmp(name, "disclosed") == 0)
		kind->disclosed(engine);
	else if (strcmp(name, "interrupted") == 0)
		kind->interrupted(engine, first, json_integer_value(json_array_get(value, 1)));
	else if (strcmp(name, "answer") == 0)
		kind->answer(engine, first, json_array_get(value, 1));
	else if (strcmp(name, "prompt") == 0)
		kind->prompt(engine, first);
}

static void
take_line(const char *line, size_t len)
{
	json_t *said = json_loadb(line, len, 0, NULL), *value;
	const char *name;

	if (said == NULL)
		log_fatal("a line that is no JSON");
	if (begin == NULL) {
		begin = said;
		do_begin();
		return;
	}
	json_object_foreach(said, name, value)
	{
		do_it(name, value);
	}
	json_decref(said);
}

static void
on_look(void *arg)
{
	char part[65536], *end;
	ssize_t got = read(STDIN_FILENO, part, sizeof part);

	(void)arg;
	if (got > 0)
		buf_add(&input, part, (size_t)got);
	if (got == 0 || (got < 0 && errno != EAGAIN) || buf_failed(&input))
		over = true;
	while (!over && (end = memchr(input.data, '\n', input.len)) != NULL) {
		take_line(input.data, (size_t)(end - input.data));
		input.len -= (size_t)(end + 1 - input.data);
		memmove(input.data, end + 1, input.len + 1);
	}
	alarm_set(look, LOOK_MS);
}

static void
on_end(void *arg)
{
	*(bool *)arg = true;
}

static void
clean_up(void)
{
	bool gone = false;
	struct alarm *end = alarm_new(links, on_end, &gone);

	if (engine != NULL)
		kind->end(engine);
	ears_free(ears);
	alarm_set(end, END_MS);
	while (!gone)
		lws_service(context, 0);
	alarm_free(end);
	alarm_free(look);
	lws_context_destroy(context);
	links_free(links);
	buf_free(&input);
	json_decref(begin);
}

int
main(int argc, char **argv)
{
	struct lws_context_creation_info info = { .port = CONTEXT_PORT_NO_LISTEN,
		.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
		    LWS_SERVER_OPTION_EXPLICIT_VHOSTS };

	log_open("drive", LOG_LEVEL_INFO);
	lws_set_log_level(LLL_ERR, NULL);
	buf_init(&input, LINE_MAX_BYTES);
	(void)fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	context = lws_create_context(&info);
	links = context == NULL ? NULL : links_new(context, argc > 1 ? argv[1] : NULL);
	if (links == NULL)
		log_fatal("no loop");
	look = alarm_new(links, on_look, NULL);
	alarm_set(look, 1);
	while (!over)
		lws_service(context, 0);
	clean_up();
	return 0;
}
