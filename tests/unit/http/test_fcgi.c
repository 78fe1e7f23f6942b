/*
 * test_fcgi.c: a worker in a child process, spoken to over its socket as nginx would and as it
 * never would. The records are made here, so that the library is not its own witness.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/fcgi.h"
#include "sys/daemon.h"

#define MAX_BODY (1u << 20)

static char directory[] = "/tmp/offhook-fcgi-XXXXXX";
static char path[64];
static pid_t worker;

/* ---- the worker ---- */

static volatile sig_atomic_t signal_came;

static void
on_signal(int sig)
{
	(void)sig;
	signal_came = 1;
	fcgi_stop();
}

static void
handle(const struct req *req, struct resp *resp, void *arg)
{
	(void)arg;
	if (strcmp(req->path, "/file") == 0) {
		(void)resp_header(resp, "X-Accel-Redirect", "/recordings/x.mp3");
		resp_text(resp, 200, "audio/mpeg", "");
	} else if (strcmp(req->path, "/nothing") == 0) {
		return;
	} else if (strcmp(req->path, "/large") == 0) {
		resp_text(resp, 200, "text/plain", "");
		for (int i = 0; i < 100000; i++)
			buf_puts(&resp->body, "0123456789");
	} else if (strcmp(req->path, "/slow") == 0) {
		clock_sleep_ms(300);
		resp_detail(resp, 200, "slow %d", (int)signal_came);
	} else {
		resp_json(resp, 201,
		    json_pack("{s:s, s:s, s:i}", "method", req->method, "body", req->body, "len",
			(int)req->body_len));
	}
}

static int
start_worker(void **state)
{
	int fd = daemon_listen(path, 16);
	sigset_t term;

	(void)state;
	assert_true(fd >= 0);
	/* Not before its handler is there. */
	(void)sigemptyset(&term);
	(void)sigaddset(&term, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &term, NULL);
	if ((worker = fork()) == 0) {
		struct sigaction sa = { .sa_handler = on_signal };
		struct fcgi_server server = {
			.listen_fd = fd, .max_body = MAX_BODY, .handle = handle
		};
		struct sigaction now;
		int rc;

		(void)signal(SIGPIPE, SIG_IGN);
		(void)sigaction(SIGTERM, &sa, NULL);
		(void)sigprocmask(SIG_UNBLOCK, &term, NULL);
		rc = fcgi_serve(&server);
		(void)sigaction(SIGPIPE, NULL, &now);
		_exit(rc == 0 && now.sa_handler == SIG_IGN && signal_came ? 0 : 1);
	}
	(void)sigprocmask(SIG_UNBLOCK, &term, NULL);
	(void)close(fd);
	return 0;
}

/* Ends the worker; it must have ended well and soon. */
static int
stop_worker(void **state)
{
	int64_t start = clock_boot_us();
	int status;

	(void)state;
	(void)kill(worker, SIGTERM);
	assert_int_equal(waitpid(worker, &status, 0), worker);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(clock_boot_us() - start < 2000000);
	return 0;
}

/* ---- the web server's side ---- */

static int
dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void
record(struct buf *b, int type, const void *content, size_t len)
{
	const unsigned char header[8] = { 1, (unsigned char)type, 0, 1, (unsigned char)(len >> 8),
		(unsigned char)len, 0, 0 };

	buf_add(b, header, sizeof(header));
	buf_add(b, content, len);
}

/* Name-value pairs "NAME=value", NULL-terminated, and "CONTENT_LENGTH" when announced >= 0. */
static void
request(struct buf *b, const char *const *params, long announced, const char *body, size_t body_len)
{
	static const unsigned char begin[8] = { 0, 1, 0 };
	struct buf pairs;
	char length[48];

	buf_init(&pairs, 60000);
	(void)snprintf(length, sizeof(length), "CONTENT_LENGTH=%ld", announced);
	for (;; params++) {
		const char *p = *params != NULL ? *params : length;
		size_t name = strcspn(p, "=");
		unsigned char lengths[2] = { (unsigned char)name,
			(unsigned char)(strlen(p) - name - 1) };

		if (*params == NULL && announced < 0)
			break;
		buf_add(&pairs, lengths, 2);
		buf_add(&pairs, p, name);
		buf_add(&pairs, p + name + 1, strlen(p) - name - 1);
		if (*params == NULL)
			break;
	}
	record(b, 1, begin, sizeof(begin));
	record(b, 4, pairs.data, pairs.len);
	record(b, 4, "", 0);
	for (size_t at = 0; at < body_len; at += 60000)
		record(b, 5, body + at, body_len - at < 60000 ? body_len - at : 60000);
	record(b, 5, "", 0);
	buf_free(&pairs);
}

/* Sends the bytes and gives what came on standard output until the worker hung up. */
static void
talk(const struct buf *bytes, struct buf *out)
{
	int fd = dial();
	size_t sent = 0;
	unsigned char header[8];

	buf_clear(out);
	while (sent < bytes->len) {
		ssize_t n = send(fd, bytes->data + sent, bytes->len - sent, MSG_NOSIGNAL);

		assert_true(n > 0);
		sent += (size_t)n;
	}
	while (recv(fd, header, 8, MSG_WAITALL) == 8) {
		static char content[65536 + 256];
		size_t len = (size_t)header[4] << 8 | header[5];

		assert_int_equal(recv(fd, content, len + header[6], MSG_WAITALL), len + header[6]);
		if (header[1] == 6)
			buf_add(out, content, len);
	}
	(void)close(fd);
}

static void
ask(const char *method, const char *document, struct buf *out)
{
	char m[64], d[256];
	const char *const params[] = { m, d, "REQUEST_URI=/",
		"QUERY_STRING=", "HTTP_X_REQUEST_ID=req-1", NULL };
	struct buf b;

	(void)snprintf(m, sizeof(m), "REQUEST_METHOD=%s", method);
	(void)snprintf(d, sizeof(d), "DOCUMENT_URI=%s", document);
	buf_init(&b, 1000000);
	request(&b, params, -1, NULL, 0);
	talk(&b, out);
	buf_free(&b);
}

static void
answers_carry_their_headers(void **state)
{
	static const char head[] = "Status: 201 Created\r\n"
				   "X-Request-Id: req-1\r\n"
				   "Cache-Control: no-store\r\n"
				   "X-Content-Type-Options: nosniff\r\n"
				   "Strict-Transport-Security: max-age=63072000\r\n"
				   "Content-Type: application/json\r\n";
	char wanted[1024];
	struct buf out;

	(void)state;
	buf_init(&out, 4u << 20);
	ask("GET", "/calls", &out);
	(void)snprintf(wanted, sizeof(wanted),
	    "%sContent-Length: 34\r\n\r\n{\"method\":\"GET\",\"body\":\"\",\"len\":0}", head);
	assert_string_equal(out.data, wanted);
	/* HEAD is GET without the body. */
	ask("HEAD", "/calls", &out);
	(void)snprintf(wanted, sizeof(wanted), "%sContent-Length: 35\r\n\r\n", head);
	assert_string_equal(out.data, wanted);

	ask("GET", "/file", &out);
	assert_non_null(strstr(out.data, "X-Accel-Redirect: /recordings/x.mp3\r\n"));
	assert_null(strstr(out.data, "Content-Length"));
	ask("GET", "/nothing", &out);
	assert_memory_equal(out.data, "Status: 500 Internal", 20);
	ask("GET", "/large", &out);
	assert_non_null(strstr(out.data, "Content-Length: 1000000\r\n"));
	assert_int_equal(strlen(strstr(out.data, "\r\n\r\n")), 1000004);
	ask("GET", "bad", &out);
	assert_memory_equal(out.data, "Status: 400 Bad Request\r\n", 25);
	assert_non_null(strstr(out.data, "X-Request-Id: req-1\r\n"));
	buf_free(&out);
}

static void
bodies_are_read_exactly(void **state)
{
	static const char *const params[] = { "REQUEST_METHOD=POST", "DOCUMENT_URI=/calls", NULL };
	static char body[MAX_BODY + 70000];
	static const struct {
		long announced;
		size_t sent;
		const char *status;
	} cases[] = {
		{ 5, 5, "Status: 201" },
		{ 0, 0, "Status: 201" },
		{ MAX_BODY, MAX_BODY, "Status: 201" },
		{ MAX_BODY + 1, MAX_BODY + 1, "Status: 413" },
		{ 99999999999, 70000, "Status: 413" },
		{ 5, 4, "Status: 400" },
		{ 5, 6, "Status: 400" },
		{ 5, 70000, "Status: 400" },
		{ 0, 1, "Status: 400" },
	};
	struct buf b, out;

	(void)state;
	memset(body, 'x', sizeof(body));
	buf_init(&b, 8u << 20);
	buf_init(&out, 8u << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&b);
		request(&b, params, cases[i].announced, body, cases[i].sent);
		talk(&b, &out);
		assert_memory_equal(out.data, cases[i].status, strlen(cases[i].status));
		if (strcmp(cases[i].status, "Status: 413") == 0)
			assert_non_null(strstr(out.data,
			    "\r\n\r\n{\"detail\":\"Request body is larger than 1 MiB\"}"));
	}
	buf_free(&b);
	buf_free(&out);
}

/* None of these may end or hold the worker: the next request is answered. */
static void
bad_peers_are_survived(void **state)
{
	static const char *const bytes[] = { "", "\1", "\1\1\0\1", "GET / HTTP/1.1\r\n\r\n",
		"\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0\1\4\0\1\377\377\0\0", "\1\11\0\0\0\0\0\0" };
	static const size_t lengths[] = { 0, 1, 4, 18, 24, 8 };
	struct buf out;

	(void)state;
	buf_init(&out, 1u << 20);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		int fd = dial();

		(void)!send(fd, bytes[i], lengths[i], MSG_NOSIGNAL);
		(void)close(fd);
		ask("GET", "/calls", &out);
		assert_memory_equal(out.data, "Status: 201", 11);
	}
	buf_free(&out);
}

static void
a_silent_peer_holds_the_worker_for_a_bounded_time(void **state)
{
	int64_t start = clock_boot_us();
	int fd = dial();
	struct buf out;

	(void)state;
	buf_init(&out, 1u << 20);
	(void)!send(fd, "\1\1\0\1", 4, MSG_NOSIGNAL);
	ask("GET", "/calls", &out);
	assert_memory_equal(out.data, "Status: 201", 11);
	assert_in_range(clock_boot_us() - start, 4000000, 7000000);
	(void)close(fd);
	buf_free(&out);
}

/* The signal comes while a request is at hand: it is answered, undisturbed, and then the worker
 * ends (in stop_worker, which signals once more in vain). */
static void
a_request_at_hand_is_finished(void **state)
{
	struct buf out;
	pid_t killer;

	(void)state;
	buf_init(&out, 1u << 20);
	if ((killer = fork()) == 0) {
		clock_sleep_ms(100);
		(void)kill(worker, SIGTERM);
		_exit(0);
	}
	ask("GET", "/slow", &out);
	(void)waitpid(killer, NULL, 0);
	assert_non_null(strstr(out.data, "{\"detail\":\"slow 0\"}"));
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    answers_carry_their_headers, start_worker, stop_worker),
		cmocka_unit_test_setup_teardown(bodies_are_read_exactly, start_worker, stop_worker),
		cmocka_unit_test_setup_teardown(bad_peers_are_survived, start_worker, stop_worker),
		cmocka_unit_test_setup_teardown(
		    a_silent_peer_holds_the_worker_for_a_bounded_time, start_worker, stop_worker),
		cmocka_unit_test_setup_teardown(
		    a_request_at_hand_is_finished, start_worker, stop_worker),
	};
	int failed;

	log_open("test_fcgi", LOG_LEVEL_ERROR);
	if (mkdtemp(directory) == NULL)
		return 1;
	(void)snprintf(path, sizeof(path), "%s/sock", directory);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(path);
	(void)rmdir(directory);
	return failed;
}
