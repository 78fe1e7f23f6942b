/*
 * torture.c: makes single calls of our programs fail: of memory, of the kernel, of libpq, of libcurl and of
 * libevent. Linked into the programs of the fault tests (configure --enable-torture), where the linker leads
 * each of these calls here (tests/torture/wraps). Without the file OFFHOOK_TORTURE nothing is different.
 * This file has the judge, and the calls of memory and of the kernel; the libraries have files of their own,
 * for a program links none that it does not use.
 */
#include "torture/torture.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "torture/wrap.h"

#define FRAME_MAX 65536 /* between two frames of a stack */

extern const char __executable_start[], etext[]; /* the linker's */
extern void *__libc_stack_end;                   /* the loader's */

static struct torture *control;
static char role[TORTURE_NAME];

/* ---- the file ---- */

static void __attribute__((constructor)) torture_open(void)
{
	const char *path = getenv("OFFHOOK_TORTURE");
	void *at = MAP_FAILED;
	int fd;

	if (path == NULL)
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		at = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED || ((struct torture *)at)->magic != TORTURE_MAGIC)
		abort(); /* or the test would test nothing */
	close(fd);
	control = at;
}

/* ---- where we are ---- */

/* Each function of ours keeps a frame pointer; a library's may not, so the way ends there. */
static int __attribute__((no_sanitize("address", "undefined")))
way(uint64_t frames[TORTURE_DEPTH], void *const *frame)
{
	int depth = 0;

	while (depth < TORTURE_DEPTH) {
		const char *back = frame[1];
		void *const *outer = *frame;

		if (back < __executable_start || back >= etext)
			break;
		frames[depth++] = (uint64_t)(back - __executable_start);
		if (outer <= frame || (const char *)outer - (const char *)frame > FRAME_MAX ||
		    (uintptr_t)outer % sizeof(void *) != 0 || (void *)outer >= __libc_stack_end)
			break;
		frame = outer;
	}
	return depth;
}

static uint64_t
hash(uint64_t key, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;

	while (size-- > 0)
		key = (key ^ *at++) * UINT64_C(1099511628211);
	return key;
}

static void
write_down(uint64_t key, const char *function, const uint64_t frames[TORTURE_DEPTH])
{
	for (unsigned i = 0; i < TORTURE_PATHS; i++) {
		struct torture_path *p = &control->paths[(key + i) % TORTURE_PATHS];
		uint64_t none = 0;

		if (p->key == key)
			return;
		if (!atomic_compare_exchange_strong(&p->key, &none, key))
			continue;
		memcpy(p->frames, frames, sizeof p->frames);
		strncpy(p->function, function, sizeof p->function - 1);
		return;
	}
}

enum verdict
torture_judge(const char *function, void *const *frame)
{
	uint64_t frames[TORTURE_DEPTH] = { 0 }, key;
	uint32_t not_yet = 0;

	if (control == NULL || role[0] == '\0' || strcmp(control->role, role) != 0 ||
	    way(frames, frame) == 0)
		return GO_ON;
	key = hash(UINT64_C(14695981039346656037), function, strlen(function));
	key = hash(key, frames, sizeof frames) | 1;
	write_down(key, function, frames);
	if (control->wanted != key || !atomic_compare_exchange_strong(&control->fired, &not_yet, 1))
		return GO_ON;
	return control->partial ? PARTIAL : FAIL;
}

void __real_daemon_title(const char *program, const char *its_role);
void __wrap_daemon_title(const char *program, const char *its_role);

void
__wrap_daemon_title(const char *program, const char *its_role)
{
	strncpy(role, its_role, sizeof role - 1);
	__real_daemon_title(program, its_role);
}

/* ---- memory and the kernel ---- */

FAILS(void *, malloc, (size_t size), (size), NULL, ENOMEM)
FAILS(void *, calloc, (size_t count, size_t size), (count, size), NULL, ENOMEM)
FAILS(void *, realloc, (void *old, size_t size), (old, size), NULL, ENOMEM)

MOVES(read, (int fd, void *to, size_t size), (fd, to, size), (fd, to, size > 1 ? 1 : size), EIO)
MOVES(write, (int fd, const void *from, size_t size), (fd, from, size),
    (fd, from, size > 1 ? 1 : size), ENOSPC)
MOVES(recv, (int fd, void *to, size_t size, int how), (fd, to, size, how),
    (fd, to, size > 1 ? 1 : size, how), ECONNRESET)
MOVES(send, (int fd, const void *from, size_t size, int how), (fd, from, size, how),
    (fd, from, size > 1 ? 1 : size, how), EPIPE)
FAILS(ssize_t, recvmsg, (int fd, struct msghdr *m, int how), (fd, m, how), -1, ECONNRESET)
FAILS(ssize_t, sendmsg, (int fd, const struct msghdr *m, int how), (fd, m, how), -1, EPIPE)
WAITS(poll, (struct pollfd * polls, nfds_t count, int ms), (polls, count, ms))
WAITS(ppoll,
    (struct pollfd * polls, nfds_t count, const struct timespec *limit, const sigset_t *mask),
    (polls, count, limit, mask))
FAILS(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1, EMFILE)
FAILS(int, socketpair, (int domain, int type, int protocol, int ends[2]),
    (domain, type, protocol, ends), -1, EMFILE)
FAILS(int, eventfd, (unsigned first, int flags), (first, flags), -1, EMFILE)
FAILS(int, timerfd_create, (int clock, int flags), (clock, flags), -1, EMFILE)
FAILS(FILE *, fopen, (const char *path, const char *how), (path, how), NULL, EMFILE)
FAILS(char *, fgets, (char *line, int size, FILE *f), (line, size, f), NULL, EIO)
FAILS(int, stat, (const char *path, struct stat *out), (path, out), -1, EACCES)
FAILS(int, pthread_create,
    (pthread_t * thread, const pthread_attr_t *how, void *(*life)(void *), void *arg),
    (thread, how, life, arg), EAGAIN, EAGAIN)
