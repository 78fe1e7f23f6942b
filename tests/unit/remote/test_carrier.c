/*
 * test_carrier.c: calls and recordings, asked for at a small server of our own on the loopback,
 * which answers as it is told and writes down what it was asked. The dial has its own program.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
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
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "remote/carrier.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ACCOUNT "AC0f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define TOKEN "f3d1c0ffee5eed0123456789abcdef42"
#define TO "+442079460018"
#define FROM "+15005550006"
#define SID "CA5a4b3c2d1e0f00112233445566778899"
#define SID2 "CA5a4b3c2d1e0f0011223344556677889a"
static const struct carrier carrier = {
	.account_sid = ACCOUNT,
	.auth_token = TOKEN,
	.from = FROM,
	.timeout_ms = 2000,
};

/* ---- one question at a time ---- */

static enum rc
call_get(const struct carrier *c, const char *sid, struct carrier_call *call)
{
	struct arena *a = arena_new();
	struct fetch_result result;
	struct fetch f;
	enum rc rc;

	carrier_get_request(c, a, sid, &f);
	fetch_wait(&f, &result);
	rc = carrier_get_read(&result, sid, call);
	fetch_result_free(&result);
	arena_free(a);
	return rc;
}

static enum rc
call_list(const struct carrier *c, const char *to, int64_t from, int64_t until,
    struct carrier_call *calls, int max, int *count)
{
	struct arena *a = arena_new();
	struct fetch_result result;
	struct fetch f;
	enum rc rc;

	carrier_list_request(c, a, to, "", &f);
	fetch_wait(&f, &result);
	rc = carrier_list_read(&result, from, until, calls, max, count);
	fetch_result_free(&result);
	arena_free(a);
	return rc;
}

static enum rc
call_end(const struct carrier *c, const char *sid)
{
	struct arena *a = arena_new();
	struct fetch_result result;
	struct fetch f;
	enum rc rc;

	carrier_end_request(c, a, sid, &f);
	fetch_wait(&f, &result);
	rc = carrier_end_read(&result);
	fetch_result_free(&result);
	arena_free(a);
	return rc;
}

/* ---- a carrier on the loopback ---- */

#define MAX_REPLY 8192

static struct {
	char reply[MAX_REPLY];
	char seen[4096];
	int fd;
	int connections;
	pthread_t thread;
	char url[64];
	struct carrier carrier;
} server;

static bool
whole(const char *text, size_t len)
{
	const char *end = strstr(text, "\r\n\r\n");
	const char *length = strcasestr(text, "Content-Length: ");

	if (end == NULL)
		return false;
	return length == NULL || length > end ||
	    len >= (size_t)(end - text) + 4 + strtoul(length + 16, NULL, 10);
}

static void *
serve(void *arg)
{
	(void)arg;
	for (;;) {
		int fd = accept(server.fd, NULL, NULL);
		size_t len = 0;
		ssize_t n;
		char byte;

		if (fd < 0)
			return NULL;
		server.connections++;
		memset(server.seen, 0, sizeof(server.seen));
		while (!whole(server.seen, len) && len < sizeof(server.seen) - 1 &&
		    (n = recv(fd, server.seen + len, sizeof(server.seen) - 1 - len, 0)) > 0)
			len += (size_t)n;
		(void)!send(fd, server.reply, strlen(server.reply), MSG_NOSIGNAL);
		/* With nothing to say it keeps the line until the other side has had enough. */
		while (server.reply[0] == '\0' && recv(fd, &byte, 1, 0) > 0)
			;
		(void)close(fd);
	}
}

static int
start(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	(void)state;
	memset(&server, 0, sizeof(server));
	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(server.fd, (struct sockaddr *)&address, len) != 0 || listen(server.fd, 16) != 0 ||
	    getsockname(server.fd, (struct sockaddr *)&address, &len) != 0)
		return -1;
	(void)snprintf(
	    server.url, sizeof(server.url), "http://127.0.0.1:%d", ntohs(address.sin_port));
	server.carrier = carrier;
	server.carrier.api_url = server.url;
	return pthread_create(&server.thread, NULL, serve, NULL);
}

static int
stop(void **state)
{
	(void)state;
	(void)shutdown(server.fd, SHUT_RDWR);
	(void)close(server.fd);
	return pthread_join(server.thread, NULL);
}

/* The server thread reads the reply only after a request has come: no lock is needed. */
static void
will_reply(int status, const char *body)
{
	int n = snprintf(server.reply, sizeof(server.reply),
	    "HTTP/1.1 %d Whatever\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
	    "Connection: close\r\n\r\n%s",
	    status, strlen(body), body);

	assert_in_range(n, 1, (int)sizeof(server.reply) - 1);
}

static void
will_send(const char *text)
{
	(void)snprintf(server.reply, sizeof(server.reply), "%s", text);
}

/* The first line of the last request, and that it came with our name. */
static void
was_asked(const char *method, const char *rest)
{
	char line[512];

	(void)snprintf(line, sizeof(line), "%s /2010-04-01/Accounts/" ACCOUNT "/%s HTTP/1.1\r\n",
	    method, rest);
	assert_memory_equal(server.seen, line, strlen(line));
	assert_non_null(strstr(server.seen,
	    "\r\nAuthorization: Basic "
	    "QUMwZjFlMmQzYzRiNWE2OTc4ODc5NmE1YjRjM2QyZTFmMDpmM2QxYzBmZmVlNWVlZDAxMjM0NTY3ODlhYmNk"
	    "ZWY0Mg==\r\n"));
}

static const struct {
	int status;
	const char *body;
	enum rc rc;
} poor_answers[] = {
	{ 404, "{\"code\":20404}", RC_NOT_FOUND },
	{ 404, "", RC_NOT_FOUND },
	{ 400, "{}", RC_LATER },
	{ 401, "{\"code\":20003}", RC_LATER },
	{ 403, "{}", RC_LATER },
	{ 429, "{}", RC_LATER },
	{ 500, "{\"sid\":\"" SID "\"}", RC_LATER },
	{ 503, "", RC_LATER },
	{ 302, "", RC_LATER },
	{ 201, "{\"sid\":\"" SID "\"}", RC_LATER },
	{ 200, "", RC_LATER },
	{ 200, "[]", RC_LATER },
	{ 200, "null", RC_LATER },
	{ 200, "<html></html>", RC_LATER },
	{ 200, "{\"sid\":\"" SID "\"", RC_LATER },
	{ 200, "{\"sid\":\"" SID "\"}{}", RC_LATER },
};

static void
a_call_is_read(void **state)
{
	struct carrier_call call;

	(void)state;
	will_reply(200,
	    "{\"sid\":\"" SID "\",\"status\":\"completed\",\"duration\":\"47\",\"to\":\"" TO "\","
	    "\"answered_by\":\"machine_end_beep\","
	    "\"date_created\":\"Tue, 14 Nov 2023 22:13:20 +0000\"}");
	memset(&call, 0xff, sizeof(call));
	assert_int_equal(call_get(&server.carrier, SID, &call), RC_OK);
	was_asked("GET", "Calls/" SID ".json");
	assert_string_equal(call.sid, SID);
	assert_string_equal(call.status, "completed");
	assert_string_equal(call.duration, "47");
	assert_string_equal(call.answered_by, "machine_end_beep");
	assert_int_equal(call.created, 1700000000);

	will_reply(200,
	    "{\"sid\":\"" SID "\",\"status\":\"in-progress\",\"duration\":null,"
	    "\"answered_by\":null,\"date_created\":\"yesterday\"}");
	memset(&call, 0xff, sizeof(call));
	assert_int_equal(call_get(&server.carrier, SID, &call), RC_OK);
	assert_string_equal(call.status, "in-progress");
	assert_string_equal(call.duration, "");
	assert_string_equal(call.answered_by, "");
	assert_int_equal(call.created, 0);

	will_reply(200,
	    "{\"sid\":\"" SID "\",\"status\":\"a status that is far too long for its place\","
	    "\"duration\":47,\"answered_by\":[\"human\"],"
	    "\"date_created\":\"2023-11-14T22:13:20Z\"}");
	assert_int_equal(call_get(&server.carrier, SID, &call), RC_OK);
	assert_string_equal(call.status, "a status that i");
	assert_string_equal(call.duration, "");
	assert_string_equal(call.answered_by, "");
	assert_int_equal(call.created, 0);
	assert_int_equal(server.connections, 3);
}

static void
a_call_that_cannot_be_read_is_missing_or_for_later(void **state)
{
	struct carrier_call call;

	(void)state;
	for (size_t i = 0; i < COUNT(poor_answers); i++) {
		will_reply(poor_answers[i].status, poor_answers[i].body);
		assert_int_equal(call_get(&server.carrier, SID, &call), poor_answers[i].rc);
	}
	/* An object, but not this call. */
	will_reply(200, "{}");
	assert_int_equal(call_get(&server.carrier, SID, &call), RC_LATER);
	will_reply(200, "{\"sid\":\"" SID2 "\",\"status\":\"completed\"}");
	assert_int_equal(call_get(&server.carrier, SID, &call), RC_LATER);
}

static void
a_carrier_that_is_silent_or_away_is_for_later(void **state)
{
	struct carrier c = server.carrier;
	struct carrier_recording recording;
	struct carrier_call call;
	int64_t begun = clock_boot_us();
	int count;

	(void)state;
	c.timeout_ms = 200;
	will_send("");
	assert_int_equal(call_get(&c, SID, &call), RC_LATER);
	assert_int_equal(call_end(&c, SID), RC_LATER);
	assert_true(clock_boot_us() - begun < 2000000);
	c.api_url = "http://127.0.0.1:1";
	assert_int_equal(call_get(&c, SID, &call), RC_LATER);
	assert_int_equal(call_list(&c, TO, 0, INT64_MAX, &call, 1, &count), RC_LATER);
	assert_int_equal(count, 0);
	assert_int_equal(call_end(&c, SID), RC_LATER);
	assert_int_equal(carrier_recording_find(&c, SID, &recording), RC_LATER);
}

/* ---- the list of calls ---- */

#define T 1700000000

/* A page with one call for each of the instants; the last digit of the sid is the index. */
static void
will_list(const int64_t *created, int count)
{
	char body[4096] = "{\"page\":0,\"calls\":[", date[CLOCK_ISO_SIZE];
	size_t len = strlen(body);

	for (int i = 0; i < count; i++) {
		clock_format_rfc2822(created[i], date);
		len += (size_t)snprintf(body + len, sizeof(body) - len,
		    "%s{\"sid\":\"CA%032x\",\"status\":\"queued\",\"date_created\":\"%s\","
		    "\"start_time\":null,\"duration\":null}",
		    i > 0 ? "," : "", i, date);
	}
	(void)snprintf(body + len, sizeof(body) - len, "]}");
	will_reply(200, body);
}

static void
calls_are_listed_by_when_they_were_made(void **state)
{
	static const int64_t created[] = { T + 61, T + 60, T + 59, T, T - 1 };
	struct carrier_call calls[8];
	int count = -1;

	(void)state;
	will_list(created, 5);
	assert_int_equal(call_list(&server.carrier, TO, T, T + 60, calls, 8, &count), RC_OK);
	was_asked("GET", "Calls.json?To=%2B442079460018&From=%2B15005550006&PageSize=100");
	assert_int_equal(count, 3);
	for (int i = 0; i < count; i++) {
		char sid[CARRIER_SID_SIZE];

		(void)snprintf(sid, sizeof(sid), "CA%032x", (unsigned)i + 1);
		assert_string_equal(calls[i].sid, sid);
		assert_string_equal(calls[i].status, "queued");
		assert_int_equal(calls[i].created, created[i + 1]);
	}
	assert_int_equal(call_list(&server.carrier, TO, T, T + 60, calls, 2, &count), RC_OK);
	assert_int_equal(count, 2);
	assert_int_equal(calls[0].created, T + 60); /* the newest stay */
	assert_int_equal(call_list(&server.carrier, TO, T, T + 60, calls, 0, &count), RC_OK);
	assert_int_equal(count, 0);
	assert_int_equal(call_list(&server.carrier, TO, T + 62, T + 99, calls, 8, &count), RC_OK);
	assert_int_equal(count, 0);
	will_list(created, 0);
	assert_int_equal(call_list(&server.carrier, TO, T, T + 60, calls, 8, &count), RC_OK);
	assert_int_equal(count, 0);
}

static void
what_is_no_call_is_left_out_of_the_list(void **state)
{
	struct carrier_call calls[8];
	int count = -1;

	(void)state;
	will_reply(200,
	    "{\"calls\":[17,null,{},{\"sid\":\"CA1\",\"date_created\":"
	    "\"Tue, 14 Nov 2023 22:13:20 +0000\"},{\"sid\":\"" SID "0\",\"date_created\":"
	    "\"Tue, 14 Nov 2023 22:13:20 +0000\"},{\"sid\":\"" SID2 "\",\"date_created\":"
	    "\"Tue, 14 Nov 2023 22:13:20 +0000\"}]}");
	assert_int_equal(call_list(&server.carrier, TO, T, T, calls, 8, &count), RC_OK);
	assert_int_equal(count, 1);
	assert_string_equal(calls[0].sid, SID2);
}

/* "There is no such call" lets a number be dialled again: it must not be read out of a page that
 * has no list. */
static void
a_page_without_a_list_is_no_empty_list(void **state)
{
	static const char *const pages[] = { "{}", "{\"calls\":null}", "{\"calls\":{}}",
		"{\"calls\":\"\"}", "{\"recordings\":[]}" };
	struct carrier_call call;
	int count = -1;

	(void)state;
	for (size_t i = 0; i < COUNT(pages); i++) {
		will_reply(200, pages[i]);
		assert_int_equal(
		    call_list(&server.carrier, TO, 0, INT64_MAX, &call, 1, &count), RC_LATER);
		assert_int_equal(count, 0);
	}
	for (size_t i = 0; i < COUNT(poor_answers); i++) {
		will_reply(poor_answers[i].status, poor_answers[i].body);
		assert_int_equal(
		    call_list(&server.carrier, TO, 0, INT64_MAX, &call, 1, &count), RC_LATER);
		assert_int_equal(count, 0);
	}
}

/* ---- the end of a call ---- */

static void
a_call_is_ended_or_was_over_already(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum rc rc;
	} answers[] = {
		{ 200, "{\"sid\":\"" SID "\",\"status\":\"completed\"}", RC_OK },
		{ 400, "{\"code\":21220,\"message\":\"Call is not in-progress\"}", RC_OK },
		{ 404, "{\"code\":20404}", RC_NOT_FOUND },
		{ 401, "{\"code\":20003}", RC_LATER },
		{ 429, "{}", RC_LATER },
		{ 500, "", RC_LATER },
		{ 503, "", RC_LATER },
		{ 302, "", RC_LATER },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++) {
		will_reply(answers[i].status, answers[i].body);
		assert_int_equal(call_end(&server.carrier, SID), answers[i].rc);
		was_asked("POST", "Calls/" SID ".json");
		assert_non_null(strstr(server.seen, "\r\n\r\nStatus=completed"));
	}
	assert_int_equal(server.connections, (int)COUNT(answers)); /* nothing was said twice */
}

/* ---- recordings ---- */

#define RECORDING "RE00112233445566778899aabbccddeeff"

static void
the_newest_recording_is_found(void **state)
{
	struct carrier_recording found;

	(void)state;
	will_reply(200,
	    "{\"recordings\":[{\"sid\":\"" RECORDING "\",\"status\":\"completed\","
	    "\"duration\":\"46\"},{\"sid\":\"RE1\",\"status\":\"failed\"}]}");
	memset(&found, 0xff, sizeof(found));
	assert_int_equal(carrier_recording_find(&server.carrier, SID, &found), RC_OK);
	was_asked("GET", "Recordings.json?CallSid=" SID);
	assert_string_equal(found.sid, RECORDING);
	assert_string_equal(found.status, "completed");
	assert_string_equal(found.duration, "46");

	will_reply(200,
	    "{\"recordings\":[{\"sid\":\"" RECORDING "\",\"status\":\"processing\","
	    "\"duration\":null}]}");
	assert_int_equal(carrier_recording_find(&server.carrier, SID, &found), RC_OK);
	assert_string_equal(found.status, "processing");
	assert_string_equal(found.duration, "");

	will_reply(200, "{\"recordings\":[]}");
	assert_int_equal(carrier_recording_find(&server.carrier, SID, &found), RC_NOT_FOUND);
	for (size_t i = 0; i < COUNT(poor_answers); i++) {
		if (poor_answers[i].status == 200 && poor_answers[i].body[0] == '{')
			continue;
		will_reply(poor_answers[i].status, poor_answers[i].body);
		assert_int_equal(
		    carrier_recording_find(&server.carrier, SID, &found), poor_answers[i].rc);
	}
}

/* One fetch into a new file; what came of it is in text. */
static enum rc
fetch_recording(int64_t max, int64_t *bytes, char *text, size_t size)
{
	FILE *file = tmpfile();
	ssize_t n;
	enum rc rc;

	assert_non_null(file);
	*bytes = -1;
	rc = carrier_recording_fetch(&server.carrier, RECORDING, fileno(file), max, bytes);
	n = pread(fileno(file), text, size - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	(void)fclose(file);
	return rc;
}

static void
a_recording_is_fetched_whole(void **state)
{
	char text[64];
	int64_t bytes;

	(void)state;
	will_reply(200, "ID3 all of it");
	assert_int_equal(fetch_recording(1000, &bytes, text, sizeof(text)), RC_OK);
	was_asked("GET", "Recordings/" RECORDING ".mp3");
	assert_int_equal(bytes, 13);
	assert_string_equal(text, "ID3 all of it");
	assert_int_equal(fetch_recording(13, &bytes, text, sizeof(text)), RC_OK);
	assert_int_equal(bytes, 13);
	/* Without a length, the end of the line or of the chunks is the end. */
	will_send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nID3 all of it");
	assert_int_equal(fetch_recording(1000, &bytes, text, sizeof(text)), RC_OK);
	assert_int_equal(bytes, 13);
	will_send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		  "4\r\nID3 \r\n9\r\nall of it\r\n0\r\n\r\n");
	assert_int_equal(fetch_recording(1000, &bytes, text, sizeof(text)), RC_OK);
	assert_string_equal(text, "ID3 all of it");
}

static void
a_recording_that_is_not_whole_is_for_later(void **state)
{
	char text[64];
	int64_t bytes;

	(void)state;
	will_send("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nID3 all of it");
	assert_int_equal(fetch_recording(1000, &bytes, text, sizeof(text)), RC_LATER);
	will_send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nID3 \r\n9\r\nall");
	assert_int_equal(fetch_recording(1000, &bytes, text, sizeof(text)), RC_LATER);
	will_reply(200, "");
	assert_int_equal(fetch_recording(1000, &bytes, text, sizeof(text)), RC_LATER);
	assert_int_equal(bytes, 0);
	will_reply(200, "ID3 all of it");
	assert_int_equal(fetch_recording(12, &bytes, text, sizeof(text)), RC_LATER);
	assert_true(strlen(text) <= 12);
	will_reply(500, "ID3 all of it");
	assert_int_equal(fetch_recording(1000, &bytes, text, sizeof(text)), RC_LATER);
	will_reply(206, "ID3 all of it");
	assert_int_equal(fetch_recording(1000, &bytes, text, sizeof(text)), RC_LATER);
	will_send("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(fetch_recording(1000, &bytes, text, sizeof(text)), RC_LATER);
	will_reply(404, "{\"code\":20404}");
	assert_int_equal(fetch_recording(1000, &bytes, text, sizeof(text)), RC_NOT_FOUND);
	assert_int_equal(server.connections, 8); /* each was asked for once */
}

static void
a_recording_that_cannot_be_written_is_for_later(void **state)
{
	int64_t bytes = -1;

	(void)state;
	will_reply(200, "ID3 all of it");
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	if (full < 0)
		skip();
	assert_int_equal(
	    carrier_recording_fetch(&server.carrier, RECORDING, full, 1000, &bytes), RC_LATER);
	assert_int_equal(bytes, 0);
	(void)close(full);
}

#define WITH_SERVER(f) cmocka_unit_test_setup_teardown(f, start, stop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(a_call_is_read),
		WITH_SERVER(a_call_that_cannot_be_read_is_missing_or_for_later),
		WITH_SERVER(a_carrier_that_is_silent_or_away_is_for_later),
		WITH_SERVER(calls_are_listed_by_when_they_were_made),
		WITH_SERVER(what_is_no_call_is_left_out_of_the_list),
		WITH_SERVER(a_page_without_a_list_is_no_empty_list),
		WITH_SERVER(a_call_is_ended_or_was_over_already),
		WITH_SERVER(the_newest_recording_is_found),
		WITH_SERVER(a_recording_is_fetched_whole),
		WITH_SERVER(a_recording_that_is_not_whole_is_for_later),
		WITH_SERVER(a_recording_that_cannot_be_written_is_for_later),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	log_open("test_carrier", LOG_LEVEL_ERROR);
	fetch_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
