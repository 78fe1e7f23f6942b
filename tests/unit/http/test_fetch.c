/*
 * test_fetch.c: exchanges with a small server of our own on the loopback, which answers, hangs up
 * or falls silent as it is told, and writes down what it saw and when. What is proved above all:
 * a request is never repeated, its outcome is sorted by what the peer may have done, and its last
 * byte leaves inside the send window or not at all.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/fetch.h"

#define BODY "To=%2B15551230001"
#define MAX_SEEN 8

/* What the server does with a request once it has it whole. */
enum manner { ANSWER, CLOSE_AT_ONCE, RESET, CLOSE_MIDWAY, STALL, ANSWER_EARLY, REDIRECT };

/* A connection as the server saw it. */
struct seen {
	char text[4096];
	size_t len;
	bool whole;          /* headers and announced body came */
	bool reset;          /* the client has dropped what it had not been told of */
	int64_t headers_us;  /* when the headers were complete */
	int64_t complete_us; /* when the last byte came */
};

static struct {
	enum manner manner;
	int fd;
	int port;
	struct seen seen[MAX_SEEN];
	int connections;
	pthread_t thread;
} server;

/* The process is held up between libcurl's last look at the clock and its write: send() of a request
 * with these bytes comes so much later. */
static const char *held_bytes;
static int held_ms;

ssize_t
send(int fd, const void *bytes, size_t len, int flags)
{
	static ssize_t (*real)(int, const void *, size_t, int);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "send");
	if (held_bytes != NULL && memmem(bytes, len, held_bytes, strlen(held_bytes)) != NULL)
		clock_sleep_ms(held_ms);
	return real(fd, bytes, len, flags);
}

static const char *const answers[] = {
	[ANSWER] = "HTTP/1.1 201 Created\r\nContent-Length: 5\r\nRetry-After: 7\r\n\r\nhello",
	[CLOSE_AT_ONCE] = "",
	[RESET] = "",
	[CLOSE_MIDWAY] = "HTTP/1.1 201 Created\r\nContent-Length: 50\r\n\r\nhel",
	[STALL] = "",
	[ANSWER_EARLY] =
	    "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
	[REDIRECT] = ("HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Type: text/html;charset=x"
		      "\r\nContent-Length: 0\r\n\r\n"),
};

/* Whether the request in s is complete. */
static bool
complete(struct seen *s)
{
	const char *end = strstr(s->text, "\r\n\r\n");
	const char *length = strcasestr(s->text, "Content-Length: ");
	size_t want;

	if (end == NULL)
		return false;
	if (s->headers_us == 0)
		s->headers_us = clock_boot_us();
	want = (size_t)(end - s->text) + 4;
	if (length != NULL && length < end)
		want += strtoul(length + 16, NULL, 10);
	return s->len >= want;
}

static void
receive(int fd, struct seen *s)
{
	while (s->len < sizeof(s->text) - 1) {
		ssize_t n = recv(fd, s->text + s->len, sizeof(s->text) - 1 - s->len, 0);

		if (n <= 0)
			return;
		s->len += (size_t)n;
		if (server.manner == ANSWER_EARLY && strstr(s->text, "\r\n\r\n") != NULL)
			return;
		if (complete(s)) {
			s->complete_us = clock_boot_us();
			s->whole = true;
			return;
		}
	}
}

/* Reads until the client is gone; 0 when it has left in order, else how. */
static int
until_end(int fd)
{
	ssize_t n;
	char byte;

	while ((n = recv(fd, &byte, 1, 0)) > 0)
		;
	return n == 0 ? 0 : errno;
}

static void *
serve(void *arg)
{
	(void)arg;
	for (;;) {
		const struct linger reset = { 1, 0 };
		int fd = accept(server.fd, NULL, NULL);
		struct seen *s;

		if (fd < 0)
			return NULL;
		s = &server.seen[server.connections < MAX_SEEN ? server.connections : MAX_SEEN - 1];
		server.connections++;
		receive(fd, s);
		(void)!send(
		    fd, answers[server.manner], strlen(answers[server.manner]), MSG_NOSIGNAL);
		if (server.manner == STALL || server.manner == ANSWER)
			s->reset = until_end(fd) != 0;
		if (server.manner == RESET)
			(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		(void)close(fd);
	}
}

static void
start(enum manner manner)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	memset(&server, 0, sizeof(server));
	server.manner = manner;
	server.fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(server.fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(server.fd, 16), 0);
	assert_int_equal(getsockname(server.fd, (struct sockaddr *)&address, &len), 0);
	server.port = ntohs(address.sin_port);
	assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

static void
stop(void)
{
	(void)shutdown(server.fd, SHUT_RDWR);
	assert_int_equal(pthread_join(server.thread, NULL), 0);
	(void)close(server.fd);
}

static struct fetch
post(void)
{
	static char url[64];
	struct fetch f = { .method = "POST",
		.url = url,
		.body = BODY,
		.body_len = strlen(BODY),
		.connect_ms = 1000,
		.total_ms = 2000,
		.max_reply = 1000,
		.to_fd = -1 };

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/Calls.json", server.port);
	return f;
}

static void
an_answer_is_an_answer(void **state)
{
	struct fetch_result r;
	struct fetch f;

	(void)state;
	start(ANSWER);
	f = post();
	f.user = "AC1";
	f.password = "secret";
	fetch_wait(&f, &r);
	stop();
	assert_int_equal(r.end, FETCH_ANSWERED);
	assert_int_equal(r.status, 201);
	assert_string_equal(r.body.data, "hello");
	assert_int_equal(r.body_bytes, 5);
	assert_int_equal(r.content_length, 5);
	assert_int_equal(r.retry_after_s, 7);
	assert_true(r.connect_us > 0 && r.sent_us > 0);
	assert_string_equal(r.error, "");
	assert_true(server.seen[0].whole);
	assert_non_null(strstr(server.seen[0].text, "POST /Calls.json HTTP/1.1\r\n"));
	assert_non_null(strstr(server.seen[0].text, "Authorization: Basic QUMxOnNlY3JldA==\r\n"));
	assert_non_null(
	    strstr(server.seen[0].text, "Content-Type: application/x-www-form-urlencoded\r\n"));
	assert_null(strstr(server.seen[0].text, "Expect"));
	assert_non_null(strstr(server.seen[0].text, "\r\n\r\n" BODY));
	fetch_result_free(&r);
}

static void
a_body_may_have_another_type_and_a_request_more_headers(void **state)
{
	static const char *const headers[] = { "webhook-id: msg_1", "webhook-timestamp: 7", NULL };
	struct fetch_result r;
	struct fetch f;

	(void)state;
	start(ANSWER);
	f = post();
	f.content_type = "application/json";
	f.headers = headers;
	fetch_wait(&f, &r);
	stop();
	assert_int_equal(r.end, FETCH_ANSWERED);
	assert_non_null(strstr(server.seen[0].text, "\r\nContent-Type: application/json\r\n"));
	assert_null(strstr(server.seen[0].text, "x-www-form-urlencoded"));
	assert_non_null(
	    strstr(server.seen[0].text, "\r\nwebhook-id: msg_1\r\nwebhook-timestamp: 7\r\n"));
	fetch_result_free(&r);
}

static void
a_reply_of_any_length_may_be_an_answer(void **state)
{
	struct fetch_result r;
	struct fetch f;

	(void)state;
	start(ANSWER);
	f = post();
	f.max_reply = 2;
	f.any_length = true;
	fetch_wait(&f, &r);
	stop();
	assert_int_equal(r.end, FETCH_ANSWERED);
	assert_int_equal(r.status, 201);
	assert_int_equal(r.body.len, 0);
	fetch_result_free(&r);
}

/* However the URL names us. Nothing arrives, not even a connection. */
static void
what_must_be_public_does_not_reach_us(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost", "a.localhost", "[::1]",
		"2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:127.0.0.1]", "0.0.0.0" };
	struct fetch_result r;
	struct fetch f;
	char url[80];

	(void)state;
	start(ANSWER);
	f = post();
	f.public_only = true;
	fetch_wait(&f, &r); /* plain http */
	assert_int_equal(r.end, FETCH_NOT_SENT);
	fetch_result_free(&r);
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		(void)snprintf(url, sizeof(url), "https://%s:%d/", hosts[i], server.port);
		f.url = url;
		fetch_wait(&f, &r);
		assert_int_equal(r.end, FETCH_NOT_SENT);
		assert_non_null(strstr(r.error, "public Internet"));
		fetch_result_free(&r);
	}
	stop();
	assert_int_equal(server.connections, 0);
}

static void
get_and_an_empty_post_have_no_body(void **state)
{
	struct fetch_result r;
	struct fetch f;

	(void)state;
	start(ANSWER);
	f = post();
	f.method = "GET";
	f.body_len = 0;
	fetch_wait(&f, &r);
	assert_int_equal(r.end, FETCH_ANSWERED);
	assert_true(r.sent_us > 0);
	fetch_result_free(&r);
	f.method = "POST";
	f.body = NULL;
	fetch_wait(&f, &r);
	assert_int_equal(r.end, FETCH_ANSWERED);
	fetch_result_free(&r);
	stop();
	assert_memory_equal(server.seen[0].text, "GET /", 5);
	assert_memory_equal(server.seen[1].text, "POST /", 6);
	assert_non_null(strstr(server.seen[1].text, "Content-Length: 0\r\n"));
}

/* Whatever happens after the request was sent, it is not sent again, and nobody claims to know. */
static void
what_left_and_was_not_answered_is_unknown_and_never_repeated(void **state)
{
	static const enum manner manners[] = { CLOSE_AT_ONCE, RESET, CLOSE_MIDWAY, STALL };

	(void)state;
	for (size_t i = 0; i < sizeof(manners) / sizeof(manners[0]); i++) {
		struct fetch_result r;
		struct fetch f;

		start(manners[i]);
		f = post();
		f.total_ms = 400;
		fetch_wait(&f, &r);
		assert_int_equal(r.end, FETCH_UNKNOWN);
		assert_int_equal(r.status, 0);
		assert_true(r.sent_us > 0);
		assert_string_not_equal(r.error, "");
		fetch_result_free(&r);
		f.method = "GET";
		f.body_len = 0;
		fetch_wait(&f, &r);
		assert_int_equal(r.end, FETCH_UNKNOWN);
		fetch_result_free(&r);
		stop();
		assert_int_equal(server.connections, 2);
		assert_true(server.seen[0].whole);
	}
}

static void
no_two_requests_share_a_connection(void **state)
{
	(void)state;
	start(ANSWER);
	for (int i = 0; i < 3; i++) {
		struct fetch f = post();
		struct fetch_result r;

		fetch_wait(&f, &r);
		assert_int_equal(r.end, FETCH_ANSWERED);
		fetch_result_free(&r);
	}
	stop();
	assert_int_equal(server.connections, 3);
}

static void
what_never_left_is_known_not_to_have(void **state)
{
	static const char *const urls[] = { "http://127.0.0.1:1/", "http://no-such-host.invalid/",
		"ftp://127.0.0.1/", "file:///etc/passwd", "not a url" };
	struct fetch_result r;
	struct fetch f;

	(void)state;
	start(ANSWER);
	f = post();
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		f.url = urls[i];
		fetch_wait(&f, &r);
		assert_int_equal(r.end, FETCH_NOT_SENT);
		assert_int_equal(r.sent_us, 0);
		assert_string_not_equal(r.error, "");
		fetch_result_free(&r);
	}
	/* Plain text where TLS is expected. */
	char tls[64];
	(void)snprintf(tls, sizeof(tls), "https://127.0.0.1:%d/", server.port);
	f.url = tls;
	f.total_ms = 500;
	fetch_wait(&f, &r);
	assert_int_equal(r.end, FETCH_NOT_SENT);
	fetch_result_free(&r);
	stop();
}

static void
redirects_are_answers(void **state)
{
	struct fetch_result r;
	struct fetch f;
	char whole[64];

	(void)state;
	start(REDIRECT);
	f = post();
	fetch_wait(&f, &r);
	stop();
	assert_int_equal(r.end, FETCH_ANSWERED);
	assert_int_equal(r.status, 302);
	assert_int_equal(r.retry_after_s, -1);
	assert_int_equal(server.connections, 1);
	assert_string_equal(r.content_type, "text/html;charset=x");
	(void)snprintf(whole, sizeof whole, "http://127.0.0.1:%d/other", server.port);
	assert_string_equal(r.redirect, whole); /* whole, as the next request would want it */
	fetch_result_free(&r);
}

static void
replies_have_a_ceiling_and_may_go_to_a_file(void **state)
{
	struct fetch_result r;
	struct fetch f;
	char text[16] = "";
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(file);
	start(ANSWER);
	f = post();
	f.max_reply = 4;
	fetch_wait(&f, &r);
	assert_int_equal(r.end, FETCH_UNKNOWN);
	assert_non_null(strstr(r.error, "longer than 4 bytes"));
	assert_int_equal(r.fault, FETCH_TOO_LONG);
	assert_null(r.redirect);
	assert_string_equal(r.content_type, "");
	fetch_result_free(&r);
	f.max_reply = 5;
	f.to_fd = fileno(file);
	fetch_wait(&f, &r);
	assert_int_equal(r.end, FETCH_ANSWERED);
	assert_int_equal(r.body_bytes, 5);
	assert_string_equal(r.body.data, "");
	assert_int_equal(pread(fileno(file), text, sizeof(text), 0), 5);
	assert_string_equal(text, "hello");
	fetch_result_free(&r);
	stop();
	(void)fclose(file);
}

/* ---- the send window ---- */

struct outcome {
	struct fetch_result r;
	bool done;
};

static void
remember(struct fetch_result *result, void *arg)
{
	struct outcome *o = arg;

	o->r = *result;
	buf_init(&result->body, 0);
	o->done = true;
}

static void
the_body_leaves_at_its_instant(void **state)
{
	struct fetch_pool *p = fetch_pool_new();
	struct outcome o[3] = { { .done = false } };
	int64_t start_us;

	(void)state;
	start(ANSWER);
	start_us = clock_boot_us();
	/* One after the other: the server takes one connection at a time. */
	for (int i = 0; i < 3; i++) {
		struct fetch f = post();

		f.window.not_before_us = start_us + 60000 * (i + 1);
		f.window.not_after_us = f.window.not_before_us + 50000;
		fetch_pool_start(p, &f, remember, &o[i]);
	}
	assert_int_equal(fetch_pool_active(p), 3);
	while (fetch_pool_active(p) > 0)
		fetch_pool_run(p, clock_boot_us() + 1000000);
	stop();
	for (int i = 0; i < 3; i++) {
		int64_t due = start_us + 60000 * (i + 1);

		assert_int_equal(o[i].r.end, FETCH_ANSWERED);
		assert_true(o[i].r.sent_us >= due);
		print_message(
		    "sent %lld us after its instant\n", (long long)(o[i].r.sent_us - due));
		assert_true(o[i].r.sent_us <= due + 50000);
		fetch_result_free(&o[i].r);
	}
	for (int i = 0; i < server.connections; i++)
		assert_true(server.seen[i].whole);
	fetch_pool_free(p);
}

static void
the_headers_go_before_and_the_body_never_early(void **state)
{
	struct fetch_result r;
	struct fetch f;

	(void)state;
	start(ANSWER);
	f = post();
	f.window.not_before_us = clock_boot_us() + 150000;
	f.window.not_after_us = f.window.not_before_us + 50000;
	fetch_wait(&f, &r);
	stop();
	assert_int_equal(r.end, FETCH_ANSWERED);
	assert_true(server.seen[0].headers_us < f.window.not_before_us - 50000);
	assert_true(server.seen[0].complete_us >= f.window.not_before_us);
	assert_true(r.sent_us >= f.window.not_before_us && r.sent_us <= f.window.not_after_us);
	assert_false(r.missed);
	fetch_result_free(&r);
}

static void
what_is_not_answered_in_its_window_is_dropped_with_the_socket(void **state)
{
	static const struct {
		enum manner manner;
		bool window, reset;
	} cases[] = { { STALL, true, true }, { STALL, false, false }, { ANSWER, true, false } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fetch_result r;
		struct fetch f;

		start(cases[i].manner);
		f = post();
		f.total_ms = 300;
		if (cases[i].window) {
			f.window.not_before_us = clock_boot_us();
			f.window.not_after_us = f.window.not_before_us + 200000;
		}
		fetch_wait(&f, &r);
		stop();
		assert_true(server.seen[0].whole);
		assert_int_equal(r.end, cases[i].manner == STALL ? FETCH_UNKNOWN : FETCH_ANSWERED);
		assert_int_equal(server.seen[0].reset, cases[i].reset);
		fetch_result_free(&r);
	}
}

static void
a_missed_window_leaves_the_request_unfinished(void **state)
{
	struct fetch_pool *p = fetch_pool_new();
	struct outcome o = { .done = false };
	struct fetch f;

	(void)state;
	start(ANSWER);
	/* Already over when it starts. */
	f = post();
	f.window.not_before_us = clock_boot_us() - 20000;
	f.window.not_after_us = f.window.not_before_us + 10000;
	fetch_pool_start(p, &f, remember, &o);
	while (!o.done)
		fetch_pool_run(p, clock_boot_us() + 100000);
	assert_int_equal(o.r.end, FETCH_NOT_SENT);
	fetch_result_free(&o.r);

	/* Headers out, then the process sleeps through the window. */
	o = (struct outcome){ .done = false };
	f.window.not_before_us = clock_boot_us() + 100000;
	f.window.not_after_us = f.window.not_before_us + 10000;
	fetch_pool_start(p, &f, remember, &o);
	fetch_pool_run(p, clock_boot_us() + 50000);
	assert_false(o.done);
	clock_sleep_ms(150);
	while (!o.done)
		fetch_pool_run(p, clock_boot_us() + 100000);
	assert_int_equal(o.r.end, FETCH_NOT_SENT);
	assert_int_equal(o.r.sent_us, 0);
	assert_true(o.r.missed && o.r.connect_us > 0);
	assert_true(o.r.took_us >= 150000);
	assert_non_null(strstr(o.r.error, "window"));
	fetch_result_free(&o.r);
	fetch_pool_free(p);
	clock_sleep_ms(50);
	stop();
	for (int i = 0; i < server.connections && i < MAX_SEEN; i++) {
		assert_false(server.seen[i].whole);
		assert_null(strstr(server.seen[i].text, "15551230001"));
	}
	assert_true(server.seen[server.connections - 1].headers_us > 0);
}

/* One of two bodies leaves after its window, since nobody can prevent that; what comes next within the
 * gap gives its place up, and no other. */
static void
what_left_late_takes_the_next_place(void **state)
{
	static const char *const bodies[] = { "first=1", "second=2", "third=3" };
	struct fetch_pool *p = fetch_pool_new();
	struct outcome o[3] = { { .done = false } };
	int64_t start_us;

	(void)state;
	start(ANSWER);
	held_bytes = bodies[0];
	held_ms = 150;
	start_us = clock_boot_us();
	for (int i = 0; i < 3; i++) {
		struct fetch f = post();

		f.body = bodies[i];
		f.body_len = strlen(bodies[i]);
		f.window.not_before_us = start_us + (int64_t[]){ 100000, 300000, 600000 }[i];
		f.window.not_after_us = f.window.not_before_us + 50000;
		f.window.gap_us = 200000;
		fetch_pool_start(p, &f, remember, &o[i]);
	}
	while (fetch_pool_active(p) > 0)
		fetch_pool_run(p, clock_boot_us() + 1000000);
	held_bytes = NULL;
	fetch_pool_free(p);
	stop();
	assert_int_equal(o[0].r.end, FETCH_ANSWERED); /* at 250 ms */
	assert_int_equal(o[1].r.end, FETCH_NOT_SENT); /* its window would have ended at 350 ms */
	assert_true(o[1].r.missed);
	assert_int_equal(o[2].r.end, FETCH_ANSWERED); /* and this one's at 650 ms */
	for (int i = 0; i < server.connections; i++)
		assert_null(strstr(server.seen[i].text, bodies[1]));
	for (int i = 0; i < 3; i++)
		fetch_result_free(&o[i].r);
}

static void
a_connection_that_never_stands_misses_the_window_in_time(void **state)
{
	struct fetch_result r;
	struct fetch f;
	int64_t begun = clock_boot_us();

	(void)state;
	f = post();
	f.connect_ms = f.total_ms = 5000;
	f.url = "http://192.0.2.1/"; /* TEST-NET: unreachable, or silent */
	f.window.not_before_us = begun + 100000;
	f.window.not_after_us = begun + 200000;
	fetch_wait(&f, &r);
	assert_int_equal(r.end, FETCH_NOT_SENT);
	assert_int_equal(r.connect_us, 0);
	assert_true(clock_boot_us() - begun < 1000000);
	fetch_result_free(&r);
}

static void
an_answer_before_the_body_is_no_request(void **state)
{
	struct fetch_result r;
	struct fetch f;

	(void)state;
	start(ANSWER_EARLY);
	f = post();
	f.window.not_before_us = clock_boot_us() + 300000;
	f.window.not_after_us = f.window.not_before_us + 50000;
	fetch_wait(&f, &r);
	stop();
	assert_int_equal(r.end, FETCH_NOT_SENT);
	assert_int_equal(r.sent_us, 0);
	assert_false(server.seen[0].whole);
	fetch_result_free(&r);
}

/* The body leaves at its instant all the same, and that has its end; then the other is ready. */
static void
the_pool_works_beside_another_wait(void **state)
{
	struct fetch_pool *p = fetch_pool_new();
	struct outcome o = { .done = false };
	const struct itimerspec in_a_while = { .it_value = { .tv_nsec = 100000000 } };
	struct fetch f = post();
	int64_t begun = clock_boot_us();
	int ends[2], soon;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	start(ANSWER);
	f = post();
	f.window.not_before_us = begun + 100000;
	f.window.not_after_us = begun + 140000;
	fetch_pool_start(p, &f, remember, &o);
	assert_false(fetch_pool_run_beside(p, ends[0], POLLIN, begun + 300000));
	assert_in_range(clock_boot_us() - begun, 300000, 400000);
	stop();
	assert_true(o.done);
	assert_int_equal(o.r.end, FETCH_ANSWERED);
	assert_in_range(o.r.sent_us - begun, 100000, 140000);
	fetch_result_free(&o.r);

	assert_int_equal(write(ends[1], "x", 1), 1);
	begun = clock_boot_us();
	assert_true(fetch_pool_run_beside(p, ends[0], POLLIN, begun + 5000000));
	assert_true(fetch_pool_run_beside(p, ends[1], POLLOUT, begun + 5000000));
	/* Ready, as poll(2) says it of a descriptor that nobody can wait for. */
	(void)close(ends[1]);
	assert_true(fetch_pool_run_beside(p, ends[0], POLLIN, begun + 5000000));
	assert_in_range(clock_boot_us() - begun, 0, 100000);
	(void)close(ends[0]);

	/* Ready after a while: that is seen at once. */
	soon = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
	assert_int_equal(timerfd_settime(soon, 0, &in_a_while, NULL), 0);
	begun = clock_boot_us();
	assert_true(fetch_pool_run_beside(p, soon, POLLIN, begun + 5000000));
	assert_in_range(clock_boot_us() - begun, 50000, 1000000);
	(void)close(soon);
	fetch_pool_free(p);
}

static void
nothing(int sig)
{
	(void)sig;
}

static void
the_pool_returns_in_time_and_at_a_signal(void **state)
{
	struct fetch_pool *p = fetch_pool_new();
	struct sigaction sa = { .sa_handler = nothing };
	const struct itimerval soon = { .it_value = { .tv_usec = 100000 } };
	struct outcome o = { .done = false };
	struct fetch f;
	int64_t begun;

	(void)state;
	begun = clock_boot_us();
	fetch_pool_run(p, begun + 50000);
	assert_in_range(clock_boot_us() - begun, 50000, 150000);

	start(STALL);
	f = post();
	f.total_ms = 10000;
	fetch_pool_start(p, &f, remember, &o);
	begun = clock_boot_us();
	fetch_pool_run(p, begun + 50000);
	assert_in_range(clock_boot_us() - begun, 50000, 150000);

	(void)sigaction(SIGALRM, &sa, NULL);
	(void)setitimer(ITIMER_REAL, &soon, NULL);
	begun = clock_boot_us();
	fetch_pool_run(p, begun + 5000000);
	assert_in_range(clock_boot_us() - begun, 50000, 1000000);
	assert_false(o.done);
	fetch_pool_free(p); /* abandons it */
	assert_false(o.done);
	stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_an_answer),
		cmocka_unit_test(a_body_may_have_another_type_and_a_request_more_headers),
		cmocka_unit_test(a_reply_of_any_length_may_be_an_answer),
		cmocka_unit_test(what_must_be_public_does_not_reach_us),
		cmocka_unit_test(get_and_an_empty_post_have_no_body),
		cmocka_unit_test(what_left_and_was_not_answered_is_unknown_and_never_repeated),
		cmocka_unit_test(no_two_requests_share_a_connection),
		cmocka_unit_test(what_never_left_is_known_not_to_have),
		cmocka_unit_test(redirects_are_answers),
		cmocka_unit_test(replies_have_a_ceiling_and_may_go_to_a_file),
		cmocka_unit_test(the_body_leaves_at_its_instant),
		cmocka_unit_test(the_headers_go_before_and_the_body_never_early),
		cmocka_unit_test(what_is_not_answered_in_its_window_is_dropped_with_the_socket),
		cmocka_unit_test(a_missed_window_leaves_the_request_unfinished),
		cmocka_unit_test(what_left_late_takes_the_next_place),
		cmocka_unit_test(a_connection_that_never_stands_misses_the_window_in_time),
		cmocka_unit_test(an_answer_before_the_body_is_no_request),
		cmocka_unit_test(the_pool_works_beside_another_wait),
		cmocka_unit_test(the_pool_returns_in_time_and_at_a_signal),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	log_open("test_fetch", LOG_LEVEL_ERROR);
	fetch_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
