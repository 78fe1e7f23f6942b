/*
 * crash.c: SIGKILL to oneself, so that nothing is closed, flushed or rolled back on the way out.
 */
#include "sys/crash.h"

#ifdef CRASH_POINTS
#	include <fcntl.h>
#	include <signal.h>
#	include <stdint.h>
#	include <stdlib.h>
#	include <string.h>
#	include <unistd.h>

#	include "base/str.h"

#	define PASSES_MAX 1000000

/* Whether at ("name" or "name:N") means this point; then *pass is N, or 1. */
static bool
is_point(const char *at, const char *name, int64_t *pass)
{
	size_t len = strlen(name);

	*pass = 1;
	if (strncmp(at, name, len) != 0)
		return false;
	if (at[len] == '\0')
		return true;
	return at[len] == ':' && str_int64(at + len + 1, 1, PASSES_MAX, pass);
}

/* Leaves the mark; false when another process (or this one, before) already did. */
static bool
first_to_crash(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

void
crash_point(const char *name)
{
	static int64_t passes; /* of the point that is named, in this process */
	const char *at = getenv("OFFHOOK_CRASH_AT"), *once = getenv("OFFHOOK_CRASH_ONCE");
	int64_t pass;

	if (at == NULL || !is_point(at, name, &pass) || ++passes != pass)
		return;
	if (once != NULL && *once != '\0' && !first_to_crash(once))
		return;
	kill(getpid(), SIGKILL);
}
#endif
