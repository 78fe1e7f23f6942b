/*
 * supervise.c: the master's loop. Its signals are blocked except while it sleeps, so each turn sees
 * every flag. A child begins like a fresh process: flags down, handlers in place, signals blocked.
 */
#include "sys/supervise.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "sys/daemon.h"
#include "sys/signals.h"

#define LONG_LIFE_MS 1000
#define BRAKE_FIRST_MS 100
#define BRAKE_MAX_MS 5000
#define INSIST_MS 100  /* between two SIGTERMs to the same child */
#define KILLED_MS 5000 /* how long the kernel may take over a SIGKILL */
#define IDLE_MS 60000  /* no wait is without end, should a signal ever get lost */

static long
now_ms(void)
{
	return (long)(clock_boot_us() / 1000);
}

static void __attribute__((noreturn)) child_main(const struct child *c, pid_t master)
{
	/* The master may have died before the first line took effect: then no signal will come. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0 || getppid() != master)
		_exit(1);
	signal_stop = signal_reload = signal_child = 0;
	signals_init();
	log_about(NULL);
	daemon_title(program_invocation_short_name, c->name);
	exit(c->run(c->arg));
}

/* A life that began and ended just now, or none at all: each in a row doubles the wait. */
static void
brake(struct child *c)
{
	long delay = BRAKE_MAX_MS;

	if (c->quick_deaths < 6)
		delay = (long)BRAKE_FIRST_MS << c->quick_deaths;
	if (delay > BRAKE_MAX_MS)
		delay = BRAKE_MAX_MS;
	c->quick_deaths++;
	c->not_before_ms = now_ms() + delay;
}

static void
start(struct child *c)
{
	pid_t master = getpid(), pid;

	fflush(NULL); /* or the child would write what stands in the buffers a second time */
	pid = fork();
	if (pid == 0)
		child_main(c, master);
	c->started_ms = now_ms();
	if (pid < 0) {
		log_error("cannot fork %s: %s", c->name, strerror(errno));
		brake(c);
		return;
	}
	c->pid = pid;
}

static void
start_due(struct supervisor *s)
{
	long now = now_ms();
	int i;

	for (i = 0; i < s->count; i++) {
		if (s->children[i].pid == 0 && s->children[i].not_before_ms <= now)
			start(&s->children[i]);
	}
}

static void
log_death(const struct child *c, int status)
{
	if (WIFSIGNALED(status))
		log_warning("%s (pid %ld) was killed by signal %d", c->name, (long)c->pid,
		    WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		log_warning("%s (pid %ld) ended with status %d", c->name, (long)c->pid,
		    WEXITSTATUS(status));
	else
		log_info("%s (pid %ld) ended", c->name, (long)c->pid);
}

static void
buried(struct supervisor *s, int index, int status)
{
	struct child *c = &s->children[index];

	log_death(c, status);
	c->pid = 0;
	if (now_ms() - c->started_ms >= LONG_LIFE_MS) {
		c->quick_deaths = 0;
		c->not_before_ms = 0;
	} else {
		brake(c);
	}
	if (s->reaped != NULL)
		s->reaped(s->arg, index);
}

static void
reap(struct supervisor *s)
{
	int status, i;
	pid_t pid;

	signal_child = 0;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (i = 0; i < s->count; i++) {
			if (s->children[i].pid == pid) {
				buried(s, i, status);
				break;
			}
		}
	}
}

/* Sends the signal to all that run; returns how many that are. */
static int
signal_all(const struct supervisor *s, int number)
{
	int running = 0, i;

	for (i = 0; i < s->count; i++) {
		if (s->children[i].pid == 0)
			continue;
		running++;
		if (number != 0)
			kill(s->children[i].pid, number);
	}
	return running;
}

/* A child that ends because it was told to is no reason to brake, however short it lived. */
static void
reload(struct supervisor *s)
{
	int i;

	signal_reload = 0;
	if (s->reload != NULL && !s->reload(s->arg))
		return;
	for (i = 0; i < s->count; i++)
		s->children[i].started_ms -= LONG_LIFE_MS;
	signal_all(s, SIGHUP);
	for (i = 0; s->drain_ms == SUPERVISE_HANDOVER && i < s->count; i++)
		s->children[i].pid = 0; /* its end is nobody's business */
}

/* Until the next child may be started. */
static long
next_start_ms(const struct supervisor *s)
{
	long now = now_ms(), wait = IDLE_MS;
	int i;

	for (i = 0; i < s->count; i++) {
		if (s->children[i].pid == 0 && s->children[i].not_before_ms - now < wait)
			wait = s->children[i].not_before_ms - now;
	}
	return wait > 0 ? wait : 0;
}

/* Signals every INSIST_MS until all children are gone; false when limit_ms passed before. */
static bool
insist(struct supervisor *s, int number, long limit_ms)
{
	long end = now_ms() + limit_ms, again = 0, now, wait;

	for (;;) {
		reap(s);
		if (signal_all(s, 0) == 0)
			return true;
		now = now_ms();
		if (now >= end)
			return false;
		if (now >= again) {
			signal_all(s, number);
			again = now + INSIST_MS;
		}
		wait = again < end ? again - now : end - now;
		signals_sleep_ms(wait);
	}
}

static int
drain(struct supervisor *s)
{
	if (s->drain_ms == SUPERVISE_HANDOVER) {
		signal_all(s, SIGTERM);
		return 0;
	}
	if (insist(s, SIGTERM, s->drain_ms))
		return 0;
	log_warning("%d of %d children did not end within %d ms: killing them", signal_all(s, 0),
	    s->count, s->drain_ms);
	if (insist(s, SIGKILL, KILLED_MS))
		return 0;
	log_error("children are left that not even SIGKILL ends");
	return 1;
}

int
supervise_run(struct supervisor *s)
{
	signals_init();
	while (!signal_stop) {
		reap(s);
		if (signal_reload)
			reload(s);
		start_due(s);
		signals_sleep_ms(next_start_ms(s));
	}
	return drain(s);
}
