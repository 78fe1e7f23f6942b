/*
 * daemon.c: the platform's side of a daemon. The title is written over the arguments and the
 * environment that the kernel laid out one behind the other; the program's short name (comm) stays
 * as it is, so that pgrep and systemd go on finding it.
 */
#include "sys/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "config.h"

#ifdef HAVE_SYSTEMD
#	include <systemd/sd-daemon.h>
#else
/* Without libsystemd nobody is told, and nothing was passed. */
#	define SD_LISTEN_FDS_START 3
static int
sd_notify(int unset_environment, const char *state)
{
	(void)unset_environment;
	(void)state;
	return 0;
}

static int
sd_listen_fds_with_names(int unset_environment, char ***names)
{
	(void)unset_environment;
	*names = NULL;
	return 0;
}

static int
sd_is_socket_unix(int fd, int type, int listening, const char *path, size_t length)
{
	(void)fd;
	(void)type;
	(void)listening;
	(void)path;
	(void)length;
	return 0;
}
#endif

extern char **environ;

static char *pid_path;    /* owned; NULL when there is no pid file */
static pid_t pid_path_of; /* who wrote it: its children leave it alone */
static char *title_area;  /* where the kernel put the arguments, or NULL */
static size_t title_size; /* of title_area, all of it writable */
/* What the title is written over, moved away. Nobody reads it: setenv() may put another array into
 * environ, and then this one shall not look lost. */
static char **environment __attribute__((used));
static char *environment_text __attribute__((used));

static bool
write_pid(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	char text[32];
	bool done;
	int len;

	if (fd < 0)
		return false;
	len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	done = write(fd, text, (size_t)len) == len;
	return close(fd) == 0 && done;
}

bool
daemon_pid_file(const char *path)
{
	char fresh[PATH_MAX];
	int len;

	if (path == NULL)
		return true;
	len = snprintf(fresh, sizeof(fresh), "%s.new", path);
	if (len < 0 || (size_t)len >= sizeof(fresh)) {
		log_error("the path of the pid file is too long");
		return false;
	}
	if (!write_pid(fresh) || rename(fresh, path) != 0) {
		log_error("cannot write the pid file %s: %s", path, strerror(errno));
		unlink(fresh);
		return false;
	}
	free(pid_path);
	pid_path = mem_strdup(path);
	pid_path_of = getpid();
	return true;
}

void
daemon_harden(void)
{
	const struct rlimit none = { 0, 0 };

	umask(0027);
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		log_warning("cannot switch core files off: %s", strerror(errno));
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		log_warning("cannot keep others from tracing: %s", strerror(errno));
}

/* Steps end over s when s stands right there. */
static void
extend_area(const char *s, char **end)
{
	if (s == *end)
		*end += strlen(s) + 1;
}

/* The environment moves to the heap, where it stays until the program ends: its strings in one
 * piece, since unsetenv() forgets where they were. */
static void
move_environment(void)
{
	size_t count, size = 0, len, i;
	char **moved, *to;

	for (count = 0; environ[count] != NULL; count++)
		size += strlen(environ[count]) + 1;
	moved = mem_zalloc(count + 1, sizeof(*moved));
	to = environment_text = mem_alloc(size + 1);
	for (i = 0; i < count; i++, to += len) {
		len = strlen(environ[i]) + 1;
		moved[i] = memcpy(to, environ[i], len);
	}
	environ = environment = moved;
}

void
daemon_title_init(int argc, char **argv)
{
	char *end;
	int i;

	if (title_area != NULL || argc < 1 || argv[0] == NULL)
		return;
	end = argv[0];
	for (i = 0; i < argc; i++)
		extend_area(argv[i], &end);
	for (i = 0; environ[i] != NULL; i++)
		extend_area(environ[i], &end);
	title_area = argv[0];
	title_size = (size_t)(end - argv[0]);

	/* Everything that points into the area gets a copy before it is written over. */
	program_invocation_name = mem_strdup(program_invocation_name);
	program_invocation_short_name = mem_strdup(program_invocation_short_name);
	for (i = 0; i < argc; i++)
		argv[i] = mem_strdup(argv[i]);
	move_environment();
}

void
daemon_title(const char *program, const char *role)
{
	if (title_area == NULL)
		return;
	/* Zeros to the very end: the kernel shows the area as it is. */
	memset(title_area, 0, title_size);
	snprintf(title_area, title_size, "%s: %s", program, role);
}

void
daemon_ready(void)
{
	sd_notify(0, "READY=1");
}

void
daemon_reloading(void)
{
	char state[64];
	struct timespec now;

	/* systemd compares with its own reading of this clock, which is not that of base/clock. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	sd_notify(0, state);
}

void
daemon_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

int
daemon_socket(const char *name)
{
	char **names = NULL;
	int count, found = -1, i;

	count = sd_listen_fds_with_names(0, &names);
	for (i = 0; i < count && names != NULL; i++) {
		if (found < 0 && strcmp(names[i], name) == 0 &&
		    sd_is_socket_unix(SD_LISTEN_FDS_START + i, SOCK_STREAM, 1, NULL, 0) > 0)
			found = SD_LISTEN_FDS_START + i;
		free(names[i]);
	}
	free(names);
	return found;
}

int
daemon_listen(const char *path, int backlog)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, rc;

	if (strlen(path) >= sizeof(address.sun_path)) {
		log_error("%s: too long for a socket", path);
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0) {
		log_error("%s: socket: %s", path, strerror(errno));
		return -1;
	}
	(void)unlink(path);
	mask = umask(0117); /* 0660 from its first moment */
	rc = bind(fd, (struct sockaddr *)&address, sizeof(address));
	(void)umask(mask);
	if (rc != 0 || listen(fd, backlog) != 0) {
		log_error("%s: cannot listen: %s", path, strerror(errno));
		(void)close(fd);
		return -1;
	}
	return fd;
}

void
daemon_machine(char machine[DAEMON_MACHINE_SIZE])
{
	FILE *f = fopen("/etc/machine-id", "re");

	memset(machine, 0, DAEMON_MACHINE_SIZE);
	if (f != NULL) {
		if (fgets(machine, DAEMON_MACHINE_SIZE, f) != NULL)
			machine[strcspn(machine, "\n")] = '\0';
		(void)fclose(f);
	}
	if (machine[0] == '\0')
		(void)gethostname(machine, DAEMON_MACHINE_SIZE - 1);
}

void
daemon_end(void)
{
	if (pid_path != NULL && pid_path_of == getpid())
		unlink(pid_path);
	free(pid_path);
	pid_path = NULL;
}
