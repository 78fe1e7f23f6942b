/*
 * test_resp.c: what a handler can answer, and that nothing from outside can end a header line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "http/resp.h"

static void
headers_cannot_be_injected(void **state)
{
	static const char *const names[] = { "", "X: y", "X\r\nY", "X Y", "X\x7f" };
	static const char *const values[] = { "a\r\nX-Accel-Redirect: /etc/passwd", "a\nb", "a\rb",
		"\t", "a\x7f", "\x01" };
	struct resp r;

	(void)state;
	resp_init(&r);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		assert_false(resp_header(&r, "X-Echo", values[i]));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_false(resp_header(&r, names[i], "v"));
	assert_string_equal(r.headers.data, "");
	assert_true(resp_header(&r, "X-Echo", "h\xc3\xa9, \"x\""));
	assert_string_equal(r.headers.data, "X-Echo: h\xc3\xa9, \"x\"\r\n");
	resp_free(&r);
}

static void
bodies_are_written(void **state)
{
	struct resp r;

	(void)state;
	resp_init(&r);
	resp_json(
	    &r, 201, json_pack("{s:f, s:s, s:n, s:i}", "a", 0.1, "b", "\xc3\xa9/", "c", "d", 7));
	assert_int_equal(r.status, 201);
	assert_string_equal(r.body.data, "{\"a\":0.1,\"b\":\"\xc3\xa9/\",\"c\":null,\"d\":7}");
	assert_string_equal(r.headers.data, "Content-Type: application/json\r\n");

	/* A later answer replaces the earlier one. */
	resp_detail(&r, 404, "no %s", "\"call\"");
	assert_int_equal(r.status, 404);
	assert_string_equal(r.body.data, "{\"detail\":\"no \\\"call\\\"\"}");
	assert_string_equal(r.headers.data, "Content-Type: application/json\r\n");

	resp_error_code(&r, 503, "maintenance", "Back \xff soon");
	assert_string_equal(r.body.data,
	    "{\"detail\":{\"error_code\":\"maintenance\",\"message\":\"Back ? soon\"}}");

	resp_clear(&r);
	assert_int_equal(r.status, 0);
	resp_text(&r, 200, "text/xml", "<Response/>");
	assert_string_equal(r.headers.data, "Content-Type: text/xml\r\n");
	resp_clear(&r);
	resp_json_text(&r, 200, "[]");
	assert_string_equal(r.headers.data, "Content-Type: application/json\r\n");
	assert_string_equal(r.body.data, "[]");
	resp_clear(&r);
	assert_true(resp_header(&r, "content-type", "text/plain"));
	resp_text(&r, 200, "text/html", "x");
	assert_string_equal(r.headers.data, "content-type: text/plain\r\n");
	resp_json(&r, 200, NULL);
	assert_int_equal(r.status, 500);
	resp_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_cannot_be_injected),
		cmocka_unit_test(bodies_are_written),
	};

	log_open("test_resp", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
