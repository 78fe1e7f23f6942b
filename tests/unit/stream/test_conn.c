/*
 * test_conn.c: what the process of the streams says to nginx, over real sockets and a real loop: heads that are cut,
 * too long or none, more connections than there is room or files for, clients that do not take what they are sent.
 * The hub is the real one; nobody answers what it asks of the database.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "stream/conn.h"

#define CALL "call_01m8ag254n90fbmptcfhdy3bsg"
#define GET "GET /_events/" CALL "?after=0&request="
#define END " HTTP/1.0\r\nHost: x\r\n\r\n"
#define STREAMS 3
#define SPARE 256 /* connections that are taken beside the streams, to be refused */
#define STALL_S 1
#define LONG_US INT64_C(20000000) /* never waited out where all is well */

static struct event_base *loop;
static struct conns *all;
static struct hub *hub;
static int door, replays;
static uint64_t asking;   /* the listener who asked last */
static void *last_stream; /* that was sent something */
static struct sockaddr_un address;

static void
want_replay(void *arg, uint64_t listener, const char *call_id, int64_t after)
{
	(void)arg;
	(void)after;
	assert_string_equal(call_id, CALL);
	asking = listener;
	replays++;
}

static bool
want_stand(void *arg, const char *calls)
{
	(void)arg;
	(void)calls;
	return true;
}

static bool
send_on(void *stream, const char *bytes, size_t len)
{
	last_stream = stream;
	return conn_send(stream, bytes, len);
}

static int
open_all(void **state)
{
	static const struct hub_rules rules = { STREAMS, 15000000, 1800000000 };
	static const struct hub_ops ops = { send_on, conn_end, want_replay, want_stand, NULL };

	(void)state;
	address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "offhook-test-conn-%d",
	    (int)getpid());
	door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(door, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(door, 1024), 0);
	loop = event_base_new();
	all = conns_new(loop, STREAMS, STALL_S);
	hub = hub_new(&rules, &ops);
	conns_set_hub(all, hub);
	assert_true(conns_listen(all, door));
	replays = 0;
	return 0;
}

static int
close_all(void **state)
{
	(void)state;
	conns_free(all);
	hub_free(hub);
	event_base_free(loop);
	return close(door);
}

/* ---- a client ---- */

static void
turn(void)
{
	assert_true(event_base_loop(loop, EVLOOP_NONBLOCK) >= 0);
	clock_sleep_ms(1);
}

static int
connected(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static void
say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* What comes next, until that text was in it, or the end of the connection when there is none. */
static const char *
hear(int fd, const char *until)
{
	static char text[8192];
	int64_t end = clock_boot_us() + LONG_US;
	size_t len = 0;

	for (;;) {
		ssize_t n = recv(fd, text + len, sizeof text - len - 1, 0);

		assert_true(clock_boot_us() < end);
		if (n == 0)
			break;
		len += n > 0 ? (size_t)n : 0;
		text[len] = '\0';
		if (until != NULL && strstr(text, until) != NULL)
			break;
		turn();
	}
	text[len] = '\0';
	return text;
}

static void
until_count(int count)
{
	int64_t end = clock_boot_us() + LONG_US;

	while (conns_count(all) != count) {
		assert_true(clock_boot_us() < end);
		turn();
	}
}

static int
streaming(const char *request_id)
{
	int fd = connected();

	say(fd, GET);
	say(fd, request_id);
	say(fd, END);
	(void)hear(fd, "\r\n\r\n");
	return fd;
}

/* ---- the tests ---- */

static void
a_head_in_pieces_is_one_request(void **state)
{
	int fd = connected();
	const char *head;

	(void)state;
	say(fd, "GET /_events/" CALL);
	until_count(1);
	for (int i = 0; i < 20; i++)
		turn();
	assert_int_equal(hub_count(hub), 0);
	say(fd, "?after=7&request=req-1 HTTP/1.1\r\n\r");
	for (int i = 0; i < 20; i++)
		turn();
	assert_int_equal(hub_count(hub), 0);
	say(fd, "\n");
	head = hear(fd, "\r\n\r\n");
	assert_int_equal(
	    strncmp(head, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n", 50), 0);
	assert_non_null(strstr(head, "\r\nX-Request-Id: req-1\r\n"));
	assert_int_equal(hub_count(hub), 1);
	assert_int_equal(replays, 1);
	close(fd);
	until_count(0);
	assert_int_equal(hub_count(hub), 0);
}

static void
what_comes_behind_a_request_is_passed_over(void **state)
{
	int fd = streaming("");

	(void)state;
	say(fd, GET "x" END);
	for (int i = 0; i < 20; i++)
		turn();
	assert_int_equal(hub_count(hub), 1);
	assert_int_equal(replays, 1);
	close(fd);
	until_count(0);
}

static void
what_is_no_request_is_answered_404(void **state)
{
	static const char *const heads[] = { "\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
		"POST /_events/" CALL "?after=0&request= HTTP/1.1\r\n\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		int fd = connected();

		say(fd, heads[i]);
		assert_int_equal(strncmp(hear(fd, NULL), "HTTP/1.1 404 Not Found\r\n", 24), 0);
		close(fd);
	}
	until_count(0);
}

static void
a_head_without_an_end_is_refused_when_it_is_too_long(void **state)
{
	char more[4097];
	int fd = connected();

	(void)state;
	memset(more, 'x', sizeof more - 1);
	more[sizeof more - 1] = '\0';
	say(fd, GET " HTTP/1.1\r\nX: ");
	say(fd, more);
	assert_int_equal(strncmp(hear(fd, NULL), "HTTP/1.1 404 Not Found\r\n", 24), 0);
	close(fd);
	until_count(0);
}

static void
who_sends_no_request_is_let_go(void **state)
{
	int64_t began = clock_boot_us();
	int fd = connected();

	(void)state;
	say(fd, "GET ");
	assert_string_equal(hear(fd, NULL), "");
	assert_true(clock_boot_us() - began >= 4000000);
	close(fd);
	assert_int_equal(conns_count(all), 0);
}

static void
one_stream_too_many_is_told_to_come_back(void **state)
{
	int fds[STREAMS], fd;
	const char *answer;

	(void)state;
	for (int i = 0; i < STREAMS; i++)
		fds[i] = streaming("r");
	fd = connected();
	say(fd, GET END);
	answer = hear(fd, NULL);
	assert_int_equal(strncmp(answer, "HTTP/1.1 503 Service Unavailable\r\n", 34), 0);
	assert_non_null(strstr(answer, "\r\nRetry-After: 5\r\n"));
	close(fd);
	for (int i = 0; i < STREAMS; i++)
		close(fds[i]);
	until_count(0);
}

static void
far_too_many_connections_are_closed_at_once(void **state)
{
	int fds[STREAMS + SPARE], fd;

	(void)state;
	for (int i = 0; i < STREAMS + SPARE; i++)
		fds[i] = connected();
	until_count(STREAMS + SPARE);
	fd = connected();
	assert_string_equal(hear(fd, NULL), "");
	assert_int_equal(conns_count(all), STREAMS + SPARE);
	close(fd);
	for (int i = 0; i < STREAMS + SPARE; i++)
		close(fds[i]);
	until_count(0);
}

/* From now on, for a while at least; files is what to go back to. */
static void
no_file_beyond(int fd, struct rlimit *files)
{
	struct rlimit few;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, files), 0);
	few = *files;
	few.rlim_cur = (rlim_t)fd + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (int i = 0; i < 20; i++)
		turn();
}

/* No file left: the door is closed for a moment. (Whoever stood before it is let in then, but not under memcheck,
 * which accepts and closes where the kernel would not accept.) */
static void
without_a_file_the_door_is_closed_for_a_moment(void **state)
{
	struct rlimit files;
	int fd = connected(), next;

	(void)state;
	no_file_beyond(fd, &files);
	assert_int_equal(conns_count(all), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	next = streaming("");
	assert_int_equal(hub_count(hub), 1);
	close(next);
	close(fd);
	until_count(0);
}

static void
who_leaves_in_a_shortage_opens_no_door_again(void **state)
{
	struct rlimit files;
	int fd = connected();

	(void)state;
	no_file_beyond(fd, &files);
	conns_stop_listening(all);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	for (int i = 0; i < 200; i++)
		turn();
	assert_int_equal(conns_count(all), 0);
	close(fd);
}

/* He is told that it is enough, and when he stalls he is dropped; the hub forgets him. */
static void
who_takes_nothing_is_dropped(void **state)
{
	static char bytes[65536];
	struct call_event event = { 1, CALL, "speech", "2026-11-25T00:00:00.000Z", bytes };
	int fd = streaming("");
	struct replay first = { asking, CALL, &event, 1, false };
	int64_t began;

	(void)state;
	memset(bytes, ' ', sizeof bytes - 1);
	bytes[0] = '{';
	bytes[sizeof bytes - 2] = '}';
	hub_replayed(hub, &first, clock_boot_us());
	for (event.event_id = 2; event.event_id <= 16; event.event_id++)
		hub_news(hub, &event, clock_boot_us());
	began = clock_boot_us();
	until_count(0);
	assert_true(clock_boot_us() - began < 5000000);
	assert_int_equal(hub_count(hub), 0);
	close(fd);
}

static void
what_was_told_before_the_end_still_arrives(void **state)
{
	int fd = streaming("");

	(void)state;
	hub_goodbye(hub);
	assert_non_null(strstr(hear(fd, NULL), "retry: "));
	close(fd);
	until_count(0);
}

static void
who_has_taken_all_is_let_go_at_once(void **state)
{
	int fd = streaming("");

	(void)state;
	conn_end(last_stream);
	assert_int_equal(conns_count(all), 0);
	assert_string_equal(hear(fd, NULL), "");
	close(fd);
}

static void
who_is_left_is_closed(void **state)
{
	int one = streaming(""), two = connected();

	(void)state;
	until_count(2);
	conns_free(all);
	all = conns_new(loop, STREAMS, STALL_S);
	assert_int_equal(hub_count(hub), 0);
	assert_string_equal(hear(one, NULL), "");
	assert_string_equal(hear(two, NULL), "");
	close(one);
	close(two);
}

static void
what_is_no_socket_is_not_listened_on(void **state)
{
	struct conns *none = conns_new(loop, 1, 1);

	(void)state;
	assert_false(conns_listen(none, -1));
	conns_free(none);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_head_in_pieces_is_one_request),
		CASE(what_comes_behind_a_request_is_passed_over),
		CASE(what_is_no_request_is_answered_404),
		CASE(a_head_without_an_end_is_refused_when_it_is_too_long),
		CASE(who_sends_no_request_is_let_go),
		CASE(one_stream_too_many_is_told_to_come_back),
		CASE(far_too_many_connections_are_closed_at_once),
		CASE(without_a_file_the_door_is_closed_for_a_moment),
		CASE(who_leaves_in_a_shortage_opens_no_door_again),
		CASE(who_takes_nothing_is_dropped),
		CASE(what_was_told_before_the_end_still_arrives),
		CASE(who_has_taken_all_is_let_go_at_once),
		CASE(who_is_left_is_closed),
		CASE(what_is_no_socket_is_not_listened_on),
	};

	log_open("test_conn", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
