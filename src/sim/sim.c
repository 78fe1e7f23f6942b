/*
 * sim.c: offhook-sim, a carrier to develop and test against. It speaks the carrier's REST API and
 * callbacks, plays the callees, and keeps a ledger of what really happened.
 *
 * Five threads: this one waits for a signal; libmicrohttpd's answers REST requests; the engine's
 * lives the calls and sends webhooks; the wire's has the media streams; the media thread makes
 * recordings and the callees' voices. See timer.h and line.h for the locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "sim/attempts.h"
#include "sim/call.h"
#include "sim/callee.h"
#include "sim/engine.h"
#include "sim/ledger.h"
#include "sim/life.h"
#include "sim/line.h"
#include "sim/media.h"
#include "sim/recording.h"
#include "sim/server.h"
#include "sim/settings.h"
#include "sim/timer.h"
#include "sim/wire.h"

static void
write_pid_file(void)
{
	const char *path = settings()->pid_file;
	char text[24];
	int fd, len;

	if (path == NULL)
		return;
	len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, (size_t)len) != len)
		log_fatal("pid file %s: %s", path, strerror(errno));
	close(fd);
}

static void
raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void
wait_for_signal(const sigset_t *set)
{
	int number;

	while (sigwait(set, &number) == EINTR)
		continue;
	log_info("signal %d: ending", number);
}

static void
close_all(void)
{
	server_release();
	wire_stop();
	media_close();
	server_close();
	engine_stop();
	if (settings()->pid_file != NULL)
		unlink(settings()->pid_file);
	life_close();
	call_close();
	recording_close();
	line_close_all();
	callee_close();
	attempts_close();
	ledger_close();
	timer_close();
	settings_close();
}

int
main(int argc, char **argv)
{
	sigset_t ends;

	settings_read(argc, argv);
	log_open("offhook-sim", LOG_LEVEL_INFO);
	/* Blocked before the threads start, so that only sigwait() gets them. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	signal(SIGPIPE, SIG_IGN);
	raise_file_limit();

	ledger_open(settings()->ledger);
	media_open(settings()->recordings);
	wire_start();
	engine_start();
	server_open();
	write_pid_file();
	wait_for_signal(&ends);
	close_all();
	return 0;
}
