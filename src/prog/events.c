/*
 * events.c: offhook-events, the master of the process that holds the event streams. The master
 * keeps the socket, so that clients wait instead of failing while that process is replaced.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "prog/options.h"
#include "stream/serve.h"
#include "sys/daemon.h"
#include "sys/signals.h"
#include "sys/supervise.h"

#define PROGRAM "offhook-events"
#define BACKLOG 4096
#define DRAIN_MS 12000 /* a statement may have to be waited for */

struct events {
	struct options options;
	struct settings settings;
	struct stream_env env;
};

static void
env_fill(struct events *events)
{
	const struct settings *s = &events->settings;

	events->env = (struct stream_env){
		.database_url = s->database.url,
		.statement_timeout_ms = (int)s->database.statement_timeout_ms,
		.listen_fd = events->env.listen_fd,
		.max_streams = (int)s->events.max_streams,
		.heartbeat_s = s->events.heartbeat_seconds,
		.longest_s = s->events.max_seconds,
	};
}

static bool
reload(void *arg)
{
	struct events *events = arg;
	struct settings next = { 0 };
	enum log_level level;
	char error[512];

	daemon_reloading();
	if (!settings_read(events->options.config, &next, error, sizeof error)) {
		log_error("the settings were not reloaded: %s", error);
		daemon_ready();
		return false;
	}
	settings_clear(&events->settings);
	events->settings = next;
	env_fill(events);
	if (log_level_parse(next.server.log_level, &level))
		log_set_level(level);
	log_info("the settings were reloaded");
	daemon_ready();
	return true;
}

int
main(int argc, char **argv)
{
	struct events events = { 0 };
	struct child child = { .name = "streams", .run = stream_serve, .arg = &events.env };
	struct supervisor supervisor = { &child, 1, DRAIN_MS, reload, NULL, &events };
	int status;

	log_open(PROGRAM, LOG_LEVEL_INFO);
	daemon_title_init(argc, argv);
	options_read(
	    &events.options, PROGRAM, "Streams the events of calls, behind nginx.", argc, argv);
	options_settings(&events.options, &events.settings);
	daemon_harden();
	events.env.listen_fd = daemon_socket("events");
	if (events.env.listen_fd < 0)
		events.env.listen_fd = daemon_listen(events.settings.events.socket, BACKLOG);
	if (events.env.listen_fd < 0)
		log_fatal("%s cannot be opened: the folder must exist and be ours",
		    events.settings.events.socket);
	env_fill(&events);
	if (!daemon_pid_file(events.options.pid_file))
		log_fatal("the pid file cannot be written");
	signals_init();
	daemon_ready();
	status = supervise_run(&supervisor);
	daemon_stopping();
	settings_clear(&events.settings);
	daemon_end();
	return status;
}
