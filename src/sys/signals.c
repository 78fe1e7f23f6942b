/*
 * signals.c: the handlers set a flag and nothing else.
 */
#include "sys/signals.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

volatile sig_atomic_t signal_stop;
volatile sig_atomic_t signal_reload;
volatile sig_atomic_t signal_child;

static const int ours[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD };
#define OURS_COUNT (sizeof(ours) / sizeof(ours[0]))

static sigset_t our_set;
static sigset_t wait_mask;

static void
on_signal(int number)
{
	if (number == SIGHUP)
		signal_reload = 1;
	else if (number == SIGCHLD)
		signal_child = 1;
	else
		signal_stop = 1;
}

void
signals_init(void)
{
	struct sigaction action;
	size_t i;

	memset(&action, 0, sizeof(action));
	sigemptyset(&our_set);
	for (i = 0; i < OURS_COUNT; i++)
		sigaddset(&our_set, ours[i]);
	/* Blocked first: one that comes in between must wait for its handler. */
	if (sigprocmask(SIG_BLOCK, &our_set, &wait_mask) != 0)
		abort();
	for (i = 0; i < OURS_COUNT; i++)
		sigdelset(&wait_mask, ours[i]);

	action.sa_handler = SIG_IGN;
	if (sigaction(SIGPIPE, &action, NULL) != 0)
		abort();
	action.sa_handler = on_signal;
	action.sa_mask = our_set;
	for (i = 0; i < OURS_COUNT; i++) {
		/* Children that merely stop are no news. */
		action.sa_flags = ours[i] == SIGCHLD ? SA_NOCLDSTOP : 0;
		if (sigaction(ours[i], &action, NULL) != 0)
			abort();
	}
}

const sigset_t *
signals_wait_mask(void)
{
	return &wait_mask;
}

void
signals_unblock(void)
{
	sigprocmask(SIG_SETMASK, &wait_mask, NULL);
}

void
signals_sleep_ms(long timeout_ms)
{
	struct timespec timeout = { .tv_sec = timeout_ms / 1000,
		.tv_nsec = timeout_ms % 1000 * 1000000L };

	ppoll(NULL, 0, timeout_ms >= 0 ? &timeout : NULL, &wait_mask);
}
