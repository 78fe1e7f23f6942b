/*
 * voice.c: offhook-voice, the master of the loops that hold conversations over the carrier's media streams.
 * The master keeps the socket. A loop that is told to end finishes its conversations first, which may take as
 * long as a call may last; new ones go to the loop that has taken its place, or to the next master's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "prog/options.h"
#include "sys/daemon.h"
#include "sys/signals.h"
#include "sys/supervise.h"
#include "voice/dialogue.h"
#include "voice/serve.h"

#define PROGRAM "offhook-voice"
#define BACKLOG 1024

struct voice {
	struct options options;
	struct settings settings;
	struct voice_env env;
	struct dialogue *dialogue; /* or NULL */
};

/* Whether the engine's model would let us in at all; false with a sentence. A server of the operator's own
 * may want no key. */
static bool
has_key(const struct settings *s, char *error, size_t size)
{
	const char *engine = s->voice.engine;
	bool gemini = strcmp(engine, "gemini") == 0 && s->gemini.api_key[0] == '\0';
	bool openai = strcmp(engine, "openai") == 0 && s->openai.api_key[0] == '\0' &&
	    str_starts(s->openai.realtime_url, "wss://api.openai.com/");

	if (gemini || openai)
		snprintf(error, size, "voice.engine = %s needs %s.api_key", engine, engine);
	return !gemini && !openai;
}

/* The environment of the loops from the settings; false with a sentence. */
static bool
env_fill(struct voice *voice, char *error, size_t size)
{
	const struct settings *s = &voice->settings;
	struct dialogue *dialogue = NULL;

	if (!has_key(s, error, size))
		return false;
	if (s->voice.script[0] != '\0' &&
	    (dialogue = dialogue_load(s->voice.script, error, size)) == NULL)
		return false;
	dialogue_free(voice->dialogue);
	voice->dialogue = dialogue;
	voice->env = (struct voice_env){
		.database_url = s->database.url,
		.statement_timeout_ms = (int)s->database.statement_timeout_ms,
		.listen_fd = voice->env.listen_fd,
		.public_url = s->server.public_url,
		.carrier_token = s->twilio.auth_token,
		.account_sid = s->twilio.account_sid,
		.engine = s->voice.engine,
		.max_talk_s = s->calls.max_duration_seconds,
		.hold_s = s->voice.hold_seconds,
		.max_calls = (int)s->voice.max_calls,
		.dialogue = dialogue,
		.openai = { s->openai.realtime_url, s->openai.api_key, s->openai.realtime_model },
		.gemini = { s->gemini.url, s->gemini.api_key, s->gemini.model },
		.deepgram = { s->deepgram.live_url, s->deepgram.api_key, NULL },
		.listen_dir = s->voice.listen_dir[0] != '\0' ? s->voice.listen_dir : NULL,
		.host = voice->env.host,
		.ca_file = s->webhooks.ca_file[0] != '\0' ? s->webhooks.ca_file : NULL,
	};
	return true;
}

static bool
reload(void *arg)
{
	struct voice *voice = arg, next = *voice;
	enum log_level level;
	char error[512];

	daemon_reloading();
	memset(&next.settings, 0, sizeof next.settings);
	next.dialogue = NULL;
	if (!settings_read(voice->options.config, &next.settings, error, sizeof error) ||
	    !env_fill(&next, error, sizeof error)) {
		settings_clear(&next.settings);
		log_error("the settings were not reloaded: %s", error);
		daemon_ready();
		return false;
	}
	settings_clear(&voice->settings);
	dialogue_free(voice->dialogue);
	*voice = next;
	if (log_level_parse(voice->settings.server.log_level, &level))
		log_set_level(level);
	log_info("the settings were reloaded");
	daemon_ready();
	return true;
}

static int
serve(struct voice *voice)
{
	int count = (int)voice->settings.voice.loops, status;
	struct child *children = mem_zalloc((size_t)count, sizeof *children);
	struct supervisor supervisor = { .children = children,
		.count = count,
		.drain_ms = SUPERVISE_HANDOVER,
		.reload = reload,
		.arg = voice };

	for (int i = 0; i < count; i++)
		children[i] = (struct child){
			.name = "loop", .run = voice_serve, .arg = &voice->env
		};
	status = supervise_run(&supervisor);
	free(children);
	return status;
}

int
main(int argc, char **argv)
{
	struct voice voice = { 0 };
	char error[512], machine[DAEMON_MACHINE_SIZE];
	int status;

	log_open(PROGRAM, LOG_LEVEL_INFO);
	daemon_title_init(argc, argv);
	options_read(&voice.options, PROGRAM,
	    "Talks with the callees over the carrier's media streams, behind nginx.", argc, argv);
	options_settings(&voice.options, &voice.settings);
	daemon_harden();
	daemon_machine(machine);
	voice.env.host = machine;
	if (!env_fill(&voice, error, sizeof error))
		log_fatal("%s", error);
	voice.env.listen_fd = daemon_socket("voice");
	if (voice.env.listen_fd < 0)
		voice.env.listen_fd = daemon_listen(voice.settings.voice.socket, BACKLOG);
	if (voice.env.listen_fd < 0)
		log_fatal("%s cannot be opened: the folder must exist and be ours",
		    voice.settings.voice.socket);
	if (!daemon_pid_file(voice.options.pid_file))
		log_fatal("the pid file cannot be written");
	signals_init();
	daemon_ready();
	status = serve(&voice);
	daemon_stopping();
	settings_clear(&voice.settings);
	dialogue_free(voice.dialogue);
	daemon_end();
	return status;
}
