/* holder.c: see holder.h. */
#include "work/holder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/daemon.h"

/* The first line of a small file, or "". */
static void
read_line(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "re");

	out[0] = '\0';
	if (f == NULL)
		return;
	if (fgets(out, (int)size, f) != NULL)
		out[strcspn(out, "\n")] = '\0';
	fclose(f);
}

/* When a process started, in clock ticks since boot; 0 when there is none. Field 22 of
 * /proc/PID/stat, counted behind the name, which may hold anything. */
static int64_t
start_of(int64_t pid)
{
	char path[64], stat[1024];
	const char *at;

	snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
	read_line(path, stat, sizeof stat);
	at = strrchr(stat, ')');
	for (int field = 2; at != NULL && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at == NULL ? 0 : strtoll(at, NULL, 10);
}

void
holder_self(struct pacer_holder *self)
{
	char machine[DAEMON_MACHINE_SIZE], boot[64];
	struct stat ns;

	memset(self, 0, sizeof *self);
	daemon_machine(machine);
	read_line("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
	if (stat("/proc/self/ns/pid", &ns) != 0)
		ns.st_ino = 0;
	self->pid = getpid();
	self->pid_start = start_of(self->pid);
	snprintf(self->host, sizeof self->host, "%.40s/%.40s/%llu", machine, boot,
	    (unsigned long long)ns.st_ino);
}

bool
holder_dead(const struct pacer_holder *self, const struct pacer_holder *other)
{
	size_t machine = strcspn(self->host, "/");

	if (other->host[0] == '\0')
		return true; /* there was none */
	if (strcmp(self->host, other->host) == 0)
		return other->pid == self->pid || start_of(other->pid) != other->pid_start;
	if (strncmp(self->host, other->host, machine + 1) != 0)
		return false;
	/* The same machine: dead when it has booted since, unknown in another container. */
	return strncmp(self->host + machine + 1, other->host + machine + 1,
		   strcspn(self->host + machine + 1, "/") + 1) != 0;
}
