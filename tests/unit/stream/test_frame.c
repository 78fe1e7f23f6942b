/* What goes over a stream, and what nginx may ask for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "stream/frame.h"
#include "stream/request.h"

#define CALL "call_01m8ag254n90fbmptcfhdy3bsg"

static void
test_an_event_is_three_lines_and_an_empty_one(void **state)
{
	struct call_event event = { 7, CALL, "transcript", "2026-11-25T23:18:42.516Z",
		"{\"role\": \"bot\",\n\"text\" :\r\n\"two\\nlines\"}" };
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	frame_event(&event, &out);
	assert_string_equal(out.data,
	    "id: 7\nevent: transcript\ndata: {\"event_id\": 7, \"call_id\": \"" CALL
	    "\", \"event_type\": \"transcript\", \"created_at\": \"2026-11-25T23:18:42.516Z\","
	    " \"data\": {\"role\": \"bot\", \"text\" :  \"two\\nlines\"}}\n\n");
	buf_clear(&out);
	frame_retry(1500, &out);
	assert_string_equal(out.data, "retry: 1500\n\n");
	buf_free(&out);
	assert_int_equal(FRAME_HEARTBEAT[0], ':');
}

static bool
parse(const char *head, struct request *r)
{
	return request_parse(head, strlen(head), r);
}

static void
test_what_nginx_asks_is_read(void **state)
{
	struct request r;

	(void)state;
	assert_true(parse("GET /_events/" CALL "?after=0&request=req_x.1-2 HTTP/1.1\r\n"
			  "Host: x\r\n\r\n",
	    &r));
	assert_string_equal(r.call_id, CALL);
	assert_int_equal(r.after, 0);
	assert_string_equal(r.request_id, "req_x.1-2");
	assert_true(parse("GET /_events/" CALL "?after=2147483647&request= HTTP/1.0\r\n\r\n", &r));
	assert_int_equal(r.after, INT32_MAX);
	assert_string_equal(r.request_id, "");
}

static void
test_anything_else_is_refused(void **state)
{
	static const char *const heads[] = {
		"",
		"\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"POST /_events/" CALL "?after=0&request=a HTTP/1.1\r\n\r\n",
		"GET /_events/" CALL "?after=0&request=a",
		"GET /_events/" CALL "?after=0&request=a HTTP/2\r\n\r\n",
		"GET /_events/" CALL "?after=0&request=a HTTP/1.12\r\n\r\n",
		"GET /_events/" CALL "?after=-1&request=a HTTP/1.1\r\n\r\n",
		"GET /_events/" CALL "?after=2147483648&request=a HTTP/1.1\r\n\r\n",
		"GET /_events/" CALL "?after=&request=a HTTP/1.1\r\n\r\n",
		"GET /_events/" CALL "?after=1 HTTP/1.1\r\n\r\n",
		"GET /_events/" CALL "?after=1&request=a\tb HTTP/1.1\r\n\r\n",
		"GET /_events/call_x?after=1&request=a HTTP/1.1\r\n\r\n",
		"GET /_events/" CALL "'?after=1&request=a HTTP/1.1\r\n\r\n",
		"GET /_events/../" CALL "?after=1&request=a HTTP/1.1\r\n\r\n",
		"GET /_events/" CALL
		"?after=1&request=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		" HTTP/1.1\r\n\r\n",
	};
	static const char *const parts[] = { "?after=0", "&request=a", " HTTP/1.1" };
	char head[512] = "GET /_events/" CALL;
	static const char zero[] = "GET /_events/" CALL "?after=1&request=a\0 HTTP/1.1\r\n\r\n";
	struct request r;

	(void)state;
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
		assert_false(parse(heads[i], &r));
	assert_false(request_parse(zero, sizeof zero - 1, &r));
	for (size_t i = 0; i < 3; i++) {
		strcpy(head + strlen(head), "\r\n"); /* the line ends too early */
		assert_false(parse(head, &r));
		strcpy(head + strlen(head) - 2, parts[i]);
	}
	strcpy(head + strlen(head), "\r\n");
	assert_true(parse(head, &r));
	memset(head + 20, '-', 380); /* or too late */
	strcpy(head + 400, "\r\n");
	assert_false(parse(head, &r));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_event_is_three_lines_and_an_empty_one),
		cmocka_unit_test(test_what_nginx_asks_is_read),
		cmocka_unit_test(test_anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
