/*
 * daemon.h: what every daemon does around its work: pid file, limits, process name, and telling
 * systemd. Daemons stay in the foreground; systemd or ./dev puts them in the background.
 */
#ifndef SYS_DAEMON_H
#define SYS_DAEMON_H

#include <stdbool.h>

/* Writes the pid to path (atomically); NULL does nothing. Removed by daemon_end(). */
bool daemon_pid_file(const char *path);
/* No core files, umask 0027, no ptrace by others. */
void daemon_harden(void);
/* Name seen in ps for this process (keeps the program's name: "offhook-api: worker 3"). */
void daemon_title_init(int argc, char **argv);
void daemon_title(const char *program, const char *role);
/* sd_notify: ready, reloading, stopping. Nothing without systemd. */
void daemon_ready(void);
void daemon_reloading(void);
void daemon_stopping(void);
/* A listening unix socket that systemd passed under this name, or -1. */
int daemon_socket(const char *name);
/* A listening unix socket at path, mode 0660, replacing a stale one. -1 with a log line. */
int daemon_listen(const char *path, int backlog);
/* What tells this machine apart from others: its machine-id, or else its host name. */
#define DAEMON_MACHINE_SIZE 65
void daemon_machine(char machine[DAEMON_MACHINE_SIZE]);
void daemon_end(void);

#endif
