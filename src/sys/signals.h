/*
 * signals.h: signals become flags. They are blocked except while the process waits, so that none
 * is lost between the look at a flag and the wait.
 */
#ifndef SYS_SIGNALS_H
#define SYS_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

extern volatile sig_atomic_t signal_stop;   /* SIGTERM, SIGINT or SIGQUIT came */
extern volatile sig_atomic_t signal_reload; /* SIGHUP came; whoever acts on it sets it to 0 */
extern volatile sig_atomic_t signal_child;  /* SIGCHLD came; likewise */

/* Installs the handlers (without SA_RESTART), ignores SIGPIPE, and blocks these five signals. May
 * be called again; the flags are left as they are. */
void signals_init(void);
/* The mask to wait with (ppoll, sigsuspend): the five are let through. */
const sigset_t *signals_wait_mask(void);
/* Lets the signals through from now on: for processes that block in a library's wait. */
void signals_unblock(void);
/* Sleeps until a signal comes or timeout_ms has passed (-1: no limit). */
void signals_sleep_ms(long timeout_ms);

#endif
