/* asker.c: the side of exchange.h that asks: one question at a time, and a bound for every wait. */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/texts.h"
#include "sys/exchange.h"

#define READ_SIZE 65536
#define HAND_OVER_MS 1000

struct asker {
	int door;
	int fd; /* -1: not connected */
	size_t answer_max;
};

struct asker *
asker_new(int outside, size_t answer_max)
{
	struct asker *a = mem_alloc(sizeof *a);

	*a = (struct asker){ outside, -1, answer_max };
	return a;
}

static void
hang_up(struct asker *a)
{
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
}

void
asker_free(struct asker *a)
{
	hang_up(a);
	free(a);
}

/* Waits for the socket; false when the deadline has passed. */
static bool
wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		int64_t left = deadline - clock_boot_us();
		int n;

		if (left <= 0)
			return false;
		n = poll(&p, 1, (int)(left / 1000) + 1);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

/* Hands that end over; false when the door stays full. */
static bool
hand_over(int door, int end)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	char nothing = 0;
	struct iovec iov = { &nothing, 1 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes };
	struct cmsghdr *c = &control.align;
	int64_t deadline = clock_boot_us() + HAND_OVER_MS * INT64_C(1000);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof end);
	memcpy(CMSG_DATA(c), &end, sizeof end);
	while (sendmsg(door, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno != EINTR && (errno != EAGAIN || !wait_for(door, POLLOUT, deadline)))
			return false;
	}
	return true;
}

/* Whether the connection, idle since the last answer, still stands: nothing can have come but its end. */
static bool
still_connected(const struct asker *a)
{
	char byte;

	return a->fd >= 0 && recv(a->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

void
asker_open(struct asker *a)
{
	int ends[2];

	if (still_connected(a))
		return;
	hang_up(a);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
		log_error("no sockets for a question: %s", strerror(errno));
		return;
	}
	if (hand_over(a->door, ends[1])) {
		a->fd = ends[0];
	} else {
		log_warning("nobody takes questions in");
		close(ends[0]);
	}
	close(ends[1]);
}

static bool
send_all(int fd, const struct buf *b, int64_t deadline)
{
	size_t sent = 0;

	while (sent < b->len) {
		ssize_t n = send(fd, b->data + sent, b->len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0)
			sent += (size_t)n;
		else if (errno != EINTR && (errno != EAGAIN || !wait_for(fd, POLLOUT, deadline)))
			return false;
	}
	return true;
}

/* Reads until one message is whole; false when it does not become so. */
static bool
receive(struct asker *a, int64_t deadline, struct buf *answer)
{
	char bytes[READ_SIZE];
	size_t size;
	ssize_t n;

	for (;;) {
		if (answer->len >= TEXTS_HEAD) {
			size = texts_size(answer->data, a->answer_max);
			if (size == 0 || answer->len > size)
				return false;
			if (answer->len == size)
				return true;
		}
		if (!wait_for(a->fd, POLLIN, deadline))
			return false;
		n = recv(a->fd, bytes, sizeof bytes, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return false;
		if (n > 0)
			buf_add(answer, bytes, (size_t)n);
		if (buf_failed(answer))
			return false;
	}
}

enum rc
asker_ask(struct asker *a, const struct buf *question, int wait_ms, struct buf *answer)
{
	int64_t deadline = clock_boot_us() + wait_ms * INT64_C(1000);

	asker_open(a);
	if (a->fd < 0)
		return RC_LATER;
	buf_clear(answer);
	if (send_all(a->fd, question, deadline) && receive(a, deadline, answer))
		return RC_OK;
	log_warning("no answer to a question within %d ms: its outcome is unknown", wait_ms);
	hang_up(a); /* who would answer late must not answer the next one */
	return RC_LATER;
}
