/*
 * supervise.h: a master and its children: fork, reap, refork with a brake, pass on reload, drain.
 * The master does nothing else, so it has nothing to crash of.
 */
#ifndef SYS_SUPERVISE_H
#define SYS_SUPERVISE_H

#include <stdbool.h>
#include <sys/types.h>

struct child {
	const char *name;      /* for the log and the process title, e.g. "dialer" */
	int (*run)(void *arg); /* the child's life; its result is the exit status */
	void *arg;
	/* kept by the supervisor */
	pid_t pid; /* 0 when it does not run */
	long started_ms;
	long not_before_ms; /* the brake: do not refork before */
	unsigned quick_deaths;
};

/* Children end in their own time, which may be long: on SIGHUP new ones take their places at once, and on
 * SIGTERM the master leaves them behind. */
#define SUPERVISE_HANDOVER (-1)

struct supervisor {
	struct child *children;
	int count;
	int drain_ms; /* how long a SIGTERMed child may take before SIGKILL, or SUPERVISE_HANDOVER */
	/* Called in the master on SIGHUP before it is passed on; false keeps the children as they
	 * are. May be NULL. */
	bool (*reload)(void *arg);
	/* Called in the master after a child was reaped, with its index. May be NULL. */
	void (*reaped)(void *arg, int index);
	void *arg;
};

/*
 * Runs the children until SIGTERM; returns the exit status of the master. A child that dies is
 * started again: at once when it lived for a second, else with a delay that doubles from 100 ms
 * to 5 s. On SIGHUP children get SIGHUP. On SIGTERM they get SIGTERM, again every 100 ms (a
 * library's wait may swallow one), and SIGKILL after drain_ms. A child dies with its master
 * (PR_SET_PDEATHSIG, SIGTERM). run() begins as after signals_init(), with all flags down and the
 * process title set. Returns 0, or 1 when not even SIGKILL ended a child.
 */
int supervise_run(struct supervisor *s);

#endif
