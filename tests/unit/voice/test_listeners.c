/* What nginx may ask of the door to listeners, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "voice/listeners.h"

#define CALL "call_01234567890123456789012345"
#define REST "Host: offhook-voice\r\n\r\n"

static void
test_a_request(void **state)
{
	struct listener_request r;

	(void)state;
	assert_true(listener_request_read(
	    "GET /_listen/" CALL "?rate=8000&request=ab.C-1_ HTTP/1.1\r\n" REST, &r));
	assert_string_equal(r.call_id, CALL);
	assert_string_equal(r.request_id, "ab.C-1_");
	assert_true(listener_request_read(
	    "GET /_listen/" CALL "?rate=8000&request= HTTP/1.1\r\n" REST, &r));
	assert_string_equal(r.request_id, "");
	assert_int_equal(r.rate, 8000);
	assert_true(listener_request_read(
	    "GET /_listen/" CALL "?rate=48000&request=x HTTP/1.1\r\n" REST, &r));
	assert_int_equal(r.rate, 48000);
}

static void
test_anything_else(void **state)
{
	static const char *const wrong[] = {
		"",
		"GET",
		"GET /_listen/",
		"GET /_listen/" CALL,
		"GET /_listen/" CALL "?rate=8000&request=x",
		"GET /_listen/" CALL "?rate=8000&request=x HTTP/1.0\r\n" REST,
		"POST /_listen/" CALL "?rate=8000&request=x HTTP/1.1\r\n" REST,
		"GET /_listen/" CALL "?rate=8000&request=x y HTTP/1.1\r\n" REST,
		"GET /_listen/" CALL "?rate=8000&request=x\r\nX: HTTP/1.1\r\n" REST,
		"GET /_listen/" CALL "?after=1 HTTP/1.1\r\n" REST,
		"GET /_listen/" CALL "?request=x HTTP/1.1\r\n" REST,
		"GET /_listen/" CALL "?rate=16000&request=x HTTP/1.1\r\n" REST,
		"GET /_listen/" CALL " HTTP/1.1\r\n" REST,
		"GET /_listen/" CALL "0?rate=8000&request=x HTTP/1.1\r\n" REST,
		"GET /_listen/task_01234567890123456789012345?rate=8000&request=x HTTP/1.1\r\n" REST,
		"GET /_listen/call_0123456789012345678901234/?rate=8000&request=x HTTP/1.1\r\n" REST,
		"GET /_listen/?rate=8000&request=x HTTP/1.1\r\n" REST,
		("GET /_listen/" CALL
		 "?rate=8000&request=0123456789012345678901234567890123456789012345678901"
		 "2345678901234 HTTP/1.1\r\n" REST),
	};
	struct listener_request r;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		if (listener_request_read(wrong[i], &r))
			fail_msg("%s was taken", wrong[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_request),
		cmocka_unit_test(test_anything_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
