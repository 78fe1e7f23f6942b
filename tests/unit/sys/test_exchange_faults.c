/* Questions and answers between processes while calls of the kernel fail: a signal and a full buffer are waited
 * out, anything else ends the one connection. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/texts.h"
#include "sys/exchange.h"
#include "sys/signals.h"

#define MAX ((size_t)65536)
#define LONG_MS 20000 /* never waited out where all is well */
#define MANY 4096     /* askers that are taken in */

static struct exchange_door door;
static struct exchange *x;

/* ---- calls that fail ---- */

#define FAULTS 2

/* So many calls of the function fail, from the next on; of both while there are two. */
static struct fault {
	const char *function;
	int number, times;
} faults[FAULTS];

static void
break_next(int which, const char *function, int number, int times)
{
	faults[which] = (struct fault){ function, number, times };
}

static bool
fails(const char *function)
{
	for (int i = 0; i < FAULTS; i++) {
		struct fault *f = &faults[i];

		if (f->times > 0 && strcmp(f->function, function) == 0) {
			f->times--;
			errno = f->number;
			return true;
		}
	}
	return false;
}

int __real_socketpair(int domain, int type, int protocol, int ends[2]);
int __wrap_socketpair(int domain, int type, int protocol, int ends[2]);
ssize_t __real_sendmsg(int fd, const struct msghdr *m, int how);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int how);
ssize_t __real_send(int fd, const void *bytes, size_t len, int how);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int how);
ssize_t __real_recv(int fd, void *bytes, size_t len, int how);
ssize_t __wrap_recv(int fd, void *bytes, size_t len, int how);
int __real_poll(struct pollfd *polls, nfds_t count, int ms);
int __wrap_poll(struct pollfd *polls, nfds_t count, int ms);
int __real_ppoll(
    struct pollfd *polls, nfds_t count, const struct timespec *limit, const sigset_t *mask);
int __wrap_ppoll(
    struct pollfd *polls, nfds_t count, const struct timespec *limit, const sigset_t *mask);

int
__wrap_socketpair(int domain, int type, int protocol, int ends[2])
{
	return fails("socketpair") ? -1 : __real_socketpair(domain, type, protocol, ends);
}

ssize_t
__wrap_sendmsg(int fd, const struct msghdr *m, int how)
{
	return fails("sendmsg") ? -1 : __real_sendmsg(fd, m, how);
}

ssize_t
__wrap_send(int fd, const void *bytes, size_t len, int how)
{
	return fails("send") ? -1 : __real_send(fd, bytes, len, how);
}

ssize_t
__wrap_recv(int fd, void *bytes, size_t len, int how)
{
	return fails(how & MSG_PEEK ? "peek" : "recv") ? -1 : __real_recv(fd, bytes, len, how);
}

int
__wrap_poll(struct pollfd *polls, nfds_t count, int ms)
{
	return fails("poll") ? -1 : __real_poll(polls, count, ms);
}

int
__wrap_ppoll(struct pollfd *polls, nfds_t count, const struct timespec *limit, const sigset_t *mask)
{
	return fails("ppoll") ? -1 : __real_ppoll(polls, count, limit, mask);
}

/* ---- both sides ---- */

static int
set_up(void **state)
{
	(void)state;
	signals_init();
	memset(faults, 0, sizeof faults);
	if (!exchange_door_open(&door))
		return -1;
	x = exchange_new(door.inside, MAX);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	exchange_free(x);
	exchange_door_close(&door);
	return 0;
}

/* A process that answers everything with these bytes, some now and the rest a little later. */
static pid_t
serve(const char *bytes, size_t len, size_t now)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		struct question *q;
		struct buf b;

		if (exchange_wait(x, LONG_MS) == 0)
			continue;
		(void)exchange_take(x, &q, 1);
		buf_init(&b, MAX);
		buf_add(&b, bytes, now);
		exchange_answer(x, q, &b);
		buf_clear(&b);
		buf_add(&b, bytes + now, len - now);
		clock_sleep_ms(now < len ? 50 : 0);
		exchange_answer(x, q, &b);
		buf_free(&b);
	}
}

static void
end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* "yes" as a message. */
static void
make_yes(struct buf *b)
{
	const char *text = "yes";

	buf_init(b, MAX);
	texts_write(b, &text, 1);
}

/* Asks for an answer of at most so many bytes; what comes of it. */
static enum rc
ask(struct asker *asker, size_t most)
{
	struct buf question, answer;
	enum rc rc;

	make_yes(&question);
	buf_init(&answer, most);
	rc = asker_ask(asker, &question, LONG_MS, &answer);
	buf_free(&question);
	buf_free(&answer);
	return rc;
}

/* A connection that has been handed in. */
static int
hand_in(void)
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
	int ends[2];

	assert_int_equal(__real_socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	control.align = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.align), &ends[1], sizeof(int));
	assert_int_equal(__real_sendmsg(door.outside, &m, 0), 1);
	close(ends[1]);
	return ends[0];
}

/* One that is taken in, for whoever does not keep to the rules. */
static int
raw(void)
{
	int fd = hand_in();

	(void)exchange_wait(x, 0);
	return fd;
}

static void
put(int fd, const char *bytes, size_t len)
{
	assert_int_equal(__real_send(fd, bytes, len, 0), (ssize_t)len);
}

/* Whether the other side has hung up. */
static bool
hung_up(int fd)
{
	char byte;

	return __real_recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

/* ---- who asks ---- */

static void
an_asker_survives_what_passes(void **state)
{
	static const struct fault passing[] = { { "sendmsg", EINTR, 1 }, { "sendmsg", EAGAIN, 1 },
		{ "send", EINTR, 1 }, { "send", EAGAIN, 1 }, { "recv", EINTR, 1 },
		{ "recv", EAGAIN, 1 }, { "poll", EINTR, 1 }, { "peek", ECONNRESET, 1 } };
	struct buf yes;
	pid_t pid;

	(void)state;
	make_yes(&yes);
	pid = serve(yes.data, yes.len, yes.len);
	for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
		struct asker *asker = asker_new(door.outside, MAX);

		if (strcmp(passing[i].function, "peek") == 0)
			assert_int_equal(ask(asker, MAX), RC_OK);
		faults[0] = passing[i];
		assert_int_equal(ask(asker, MAX), RC_OK);
		assert_int_equal(faults[0].times, 0);
		assert_int_equal(ask(asker, MAX), RC_OK);
		asker_free(asker);
	}
	end(pid);
	buf_free(&yes);
}

static void
an_asker_is_told_later_of_what_does_not(void **state)
{
	static const struct fault lasting[][FAULTS] = {
		{ { "socketpair", EMFILE, 1 } },
		{ { "sendmsg", EPIPE, 1 } },
		{ { "sendmsg", EAGAIN, 1 }, { "poll", ENOMEM, 1 } },
		{ { "send", EPIPE, 1 } },
		{ { "send", EAGAIN, 1 }, { "poll", ENOMEM, 1 } },
		{ { "recv", ECONNRESET, 1 } },
		{ { "poll", ENOMEM, 1 } },
	};
	struct asker *asker;
	struct buf yes;
	pid_t pid;

	(void)state;
	make_yes(&yes);
	pid = serve(yes.data, yes.len, yes.len);
	for (size_t i = 0; i < sizeof lasting / sizeof lasting[0]; i++) {
		asker = asker_new(door.outside, MAX);
		memcpy(faults, lasting[i], sizeof faults);
		assert_int_equal(ask(asker, MAX), RC_LATER);
		assert_int_equal(faults[0].times + faults[1].times, 0);
		assert_int_equal(ask(asker, MAX), RC_OK); /* and goes on */
		asker_free(asker);
	}
	end(pid);
	buf_free(&yes);
}

/* Whoever has the question dies with it. */
static void
an_asker_sees_the_end(void **state)
{
	struct asker *asker = asker_new(door.outside, MAX);
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		while (exchange_wait(x, LONG_MS) == 0)
			;
		_exit(0);
	}
	assert_int_equal(ask(asker, MAX), RC_LATER);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	asker_free(asker);
}

static void
an_answer_may_come_in_pieces_and_must_be_one(void **state)
{
	struct asker *asker = asker_new(door.outside, MAX);
	struct buf yes;
	pid_t pid;

	(void)state;
	make_yes(&yes);
	for (size_t first = 1; first <= yes.len; first += 3) {
		pid = serve(yes.data, yes.len, first);
		assert_int_equal(ask(asker, MAX), RC_OK);
		assert_int_equal(ask(asker, 8), RC_LATER); /* more than its room */
		end(pid);
	}
	pid = serve("\0\0\0\0", 4, 4);
	assert_int_equal(ask(asker, MAX), RC_LATER);
	end(pid);
	buf_puts(&yes, "more");
	pid = serve(yes.data, yes.len, yes.len);
	assert_int_equal(ask(asker, MAX), RC_LATER);
	end(pid);
	asker_free(asker);
	buf_free(&yes);
}

/* ---- who answers ---- */

static void
there_is_no_door_without_sockets(void **state)
{
	struct exchange_door none;

	(void)state;
	break_next(0, "socketpair", EMFILE, 1);
	assert_false(exchange_door_open(&none));
}

static void
what_is_no_connection_is_not_taken_in(void **state)
{
	(void)state;
	put(door.outside, "", 1);
	assert_false(exchange_idle(x)); /* somebody stands at the door */
	assert_int_equal(exchange_wait(x, 0), 0);
	assert_true(exchange_idle(x));
}

static void
a_question_may_come_in_pieces(void **state)
{
	struct question *q;
	struct buf yes;
	int fd = raw();

	(void)state;
	make_yes(&yes);
	for (size_t i = 0; i < yes.len; i++) {
		assert_int_equal(exchange_wait(x, 0), 0);
		put(fd, yes.data + i, 1);
		if (i % 3 == 0)
			break_next(0, "recv", i % 2 == 0 ? EINTR : EAGAIN, 1);
	}
	break_next(1, "ppoll", EINTR, 1);
	assert_int_equal(exchange_wait(x, 0), 0); /* a signal came */
	while (exchange_wait(x, 10) != 1)
		;
	assert_int_equal(exchange_take(x, &q, 1), 1);
	break_next(0, "send", EAGAIN, 1);
	break_next(1, "send", EINTR, 1);
	exchange_answer(x, q, &yes);
	assert_int_equal(exchange_wait(x, 0), 0); /* sent again, and a signal came */
	assert_int_equal(exchange_wait(x, 0), 0);
	assert_int_equal(__real_recv(fd, yes.data, yes.len, MSG_DONTWAIT), (ssize_t)yes.len);
	assert_false(hung_up(fd));
	close(fd);
	buf_free(&yes);
}

static void
who_does_not_keep_to_the_rules_is_let_go(void **state)
{
	char much[MAX + 1] = { 0 };
	struct question *q;
	struct buf yes;
	int fd;

	(void)state;
	make_yes(&yes);
	fd = raw();
	put(fd, yes.data, yes.len);
	assert_int_equal(exchange_wait(x, 0), 1);
	put(fd, yes.data, yes.len); /* asks again before the answer */
	assert_int_equal(exchange_wait(x, 0), 0);
	assert_true(hung_up(fd));
	close(fd);

	fd = raw();
	break_next(0, "recv", ECONNRESET, 1);
	put(fd, yes.data, yes.len);
	assert_int_equal(exchange_wait(x, 0), 0);
	close(fd);

	fd = raw();
	put(fd, yes.data, yes.len);
	assert_int_equal(exchange_wait(x, 0), 1);
	assert_int_equal(exchange_take(x, &q, 1), 1);
	break_next(0, "send", EPIPE, 1);
	exchange_answer(x, q, &yes);
	assert_int_equal(exchange_wait(x, 0), 0);
	assert_true(hung_up(fd));
	close(fd);

	/* More at once than a question may have: it begins as one of the greatest size. */
	exchange_free(x);
	x = exchange_new(door.inside, 64);
	fd = raw();
	much[0] = 64;
	put(fd, much, sizeof much);
	assert_int_equal(exchange_wait(x, 0), 0);
	assert_true(hung_up(fd) || errno == ECONNRESET);
	close(fd);
	assert_true(exchange_idle(x));
	buf_free(&yes);
}

/* The rest stays at the door until one has gone. */
static void
only_so_many_are_taken_in(void **state)
{
	static int fds[MANY + 1];
	const struct rlimit files = { 2 * MANY + 100, 2 * MANY + 100 };
	struct rlimit before;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	if (before.rlim_max < files.rlim_max)
		skip();
	before.rlim_cur = files.rlim_cur;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (int i = 0; i <= MANY; i++) {
		fds[i] = hand_in();
		if (i % 64 == 0) /* the door holds no more than some hundreds */
			(void)exchange_wait(x, 0);
	}
	assert_false(exchange_idle(x));
	close(fds[0]);
	assert_int_equal(exchange_wait(x, 0), 0);
	assert_int_equal(exchange_wait(x, 0), 0);
	for (int i = 1; i <= MANY; i++)
		close(fds[i]);
	assert_int_equal(exchange_wait(x, 0), 0);
	assert_true(exchange_idle(x));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_asker_survives_what_passes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    an_asker_is_told_later_of_what_does_not, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_asker_sees_the_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    an_answer_may_come_in_pieces_and_must_be_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    there_is_no_door_without_sockets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_is_no_connection_is_not_taken_in, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_question_may_come_in_pieces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    who_does_not_keep_to_the_rules_is_let_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_so_many_are_taken_in, set_up, tear_down),
	};

	log_open("test_exchange_faults", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
