/*
 * exchange.c: the side that answers, and the door. An asker has one question at a time, so whatever comes from
 * it while its question waits means that it has gone, or is out of its mind: either way it is let go.
 */
#include "sys/exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/texts.h"
#include "sys/signals.h"

#define ASKERS_MAX 4096
#define READ_SIZE 65536 /* at once; a buffer that is larger is given back after the answer */
#define BRAKE_MS 100    /* when there are no descriptors left */

/* One asker. */
struct conn {
	struct question question; /* first: it is what others hold */
	int fd;
	uint64_t turn; /* when its question was whole, 0: none waits */
	struct buf in, out;
	size_t sent; /* of out */
	bool lost;
};

struct exchange {
	int door;
	size_t message_max;
	uint64_t turn; /* of the newest question */
	int count;
	struct conn *conns[ASKERS_MAX];
	struct conn *waiting[ASKERS_MAX]; /* while questions are taken */
	struct pollfd polls[ASKERS_MAX + 1];
};

/* ---- the door ---- */

bool
exchange_door_open(struct exchange_door *door)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
		log_error("no sockets for the committer: %s", strerror(errno));
		return false;
	}
	*door = (struct exchange_door){ ends[0], ends[1] };
	return true;
}

void
exchange_door_close(struct exchange_door *door)
{
	close(door->outside);
	close(door->inside);
}

/* The end that somebody has handed in, or -1. */
static int
take_end(int door)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char nothing;
	struct iovec iov = { &nothing, 1 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes };
	struct cmsghdr *c;
	int fd = -1;

	if (recvmsg(door, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return -1;
	c = CMSG_FIRSTHDR(&m);
	/* Nothing else can be handed in, for nobody has asked the kernel for it: GCOVR_EXCL_BR_START */
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof fd);
	/* GCOVR_EXCL_BR_STOP */
	if (fd < 0) {
		/* It was handed in, and there was no descriptor for it: its asker sees the end. */
		log_warning("an asker could not be taken in: too many files are open");
		clock_sleep_ms(BRAKE_MS);
	}
	return fd;
}

static void
let_in(struct exchange *x)
{
	struct conn *c;
	int fd;

	while (x->count < ASKERS_MAX && (fd = take_end(x->door)) >= 0) {
		c = mem_zalloc(1, sizeof *c);
		c->fd = fd;
		buf_init(&c->in, x->message_max);
		buf_init(&c->out, SIZE_MAX / 2);
		x->conns[x->count++] = c;
	}
}

/* ---- connections ---- */

static void
conn_free(struct conn *c)
{
	close(c->fd);
	buf_free(&c->in);
	buf_free(&c->out);
	free(c);
}

static void
forget_lost(struct exchange *x)
{
	int kept = 0;

	for (int i = 0; i < x->count; i++) {
		if (x->conns[i]->lost)
			conn_free(x->conns[i]);
		else
			x->conns[kept++] = x->conns[i];
	}
	x->count = kept;
}

/* Whether the question is whole now; the connection is lost when it can be none. */
static bool
whole(struct conn *c)
{
	size_t size;

	if (c->in.len < TEXTS_HEAD)
		return false;
	size = texts_size(c->in.data, c->in.max);
	c->lost = size == 0 || c->in.len > size;
	return c->in.len == size;
}

/* Reads all that is there, to the end of a connection whose asker has gone while his question was under way. */
static void
read_some(struct exchange *x, struct conn *c)
{
	char bytes[READ_SIZE];
	ssize_t n;

	while (!c->lost) {
		n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0 || c->turn != 0) {
			c->lost = true;
			return;
		}
		buf_add(&c->in, bytes, (size_t)n);
		if (buf_failed(&c->in)) {
			c->lost = true;
		} else if (whole(c)) {
			c->turn = ++x->turn;
			c->question = (struct question){ c->in.data, c->in.len };
		}
	}
}

static void
write_some(struct conn *c)
{
	ssize_t n = send(
	    c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0) {
		c->lost = errno != EAGAIN && errno != EINTR;
		return;
	}
	c->sent += (size_t)n;
	if (c->sent == c->out.len) {
		buf_clear(&c->out);
		c->sent = 0;
	}
}

/* ---- the public side ---- */

struct exchange *
exchange_new(int inside, size_t message_max)
{
	struct exchange *x = mem_zalloc(1, sizeof *x);

	x->door = inside;
	x->message_max = message_max;
	return x;
}

void
exchange_free(struct exchange *x)
{
	for (int i = 0; i < x->count; i++)
		conn_free(x->conns[i]);
	free(x);
}

static int
how_many_wait(const struct exchange *x)
{
	int waiting = 0;

	for (int i = 0; i < x->count; i++)
		waiting += x->conns[i]->turn != 0;
	return waiting;
}

int
exchange_wait(struct exchange *x, int timeout_ms)
{
	struct timespec timeout;
	int waiting, count;
	int64_t ms;

	forget_lost(x); /* whom an answer could not be sent to */
	waiting = how_many_wait(x);
	count = x->count;
	ms = waiting > 0 ? 0 : timeout_ms;
	timeout = (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	for (int i = 0; i < count; i++)
		x->polls[i] = (struct pollfd){ .fd = x->conns[i]->fd,
			.events = (short)(x->conns[i]->out.len > 0 ? POLLIN | POLLOUT : POLLIN) };
	x->polls[count] = (struct pollfd){ .fd = x->door, .events = POLLIN };
	if (ppoll(x->polls, (nfds_t)count + 1, &timeout, signals_wait_mask()) <= 0)
		return waiting;
	if (x->polls[count].revents != 0)
		let_in(x);
	for (int i = 0; i < count; i++) {
		if (x->polls[i].revents & POLLOUT)
			write_some(x->conns[i]);
		if (x->polls[i].revents & ~POLLOUT)
			read_some(x, x->conns[i]);
	}
	forget_lost(x);
	return how_many_wait(x);
}

static int
by_turn(const void *left, const void *right)
{
	const struct conn *a = *(struct conn *const *)left, *b = *(struct conn *const *)right;

	return a->turn < b->turn ? -1 : a->turn > b->turn;
}

int
exchange_take(struct exchange *x, struct question *taken[], int most)
{
	struct conn **waiting = x->waiting;
	int count = 0;

	for (int i = 0; i < x->count; i++) {
		if (x->conns[i]->turn != 0)
			waiting[count++] = x->conns[i];
	}
	qsort(waiting, (size_t)count, sizeof *waiting, by_turn);
	if (count > most)
		count = most;
	for (int i = 0; i < count; i++)
		taken[i] = &waiting[i]->question;
	return count;
}

void
exchange_answer(struct exchange *x, struct question *q, const struct buf *answer)
{
	struct conn *c = (struct conn *)q;

	c->turn = 0;
	c->question = (struct question){ NULL, 0 };
	buf_clear(&c->in);
	if (c->in.cap > READ_SIZE) {
		buf_free(&c->in);
		buf_init(&c->in, x->message_max);
	}
	buf_add(&c->out, answer->data, answer->len);
	write_some(c);
}

void
exchange_put_back(struct exchange *x, struct question *q)
{
	((struct conn *)q)->turn = ++x->turn;
}

bool
exchange_idle(const struct exchange *x)
{
	struct pollfd door = { .fd = x->door, .events = POLLIN };

	return x->count == 0 && poll(&door, 1, 0) == 0;
}
