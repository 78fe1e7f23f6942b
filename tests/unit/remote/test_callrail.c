/* test_callrail.c: what is asked of CallRail, and what is made of its answers, whole, odd or broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "remote/callrail.h"

static const struct callrail callrail = { "https://api.callrail.example", NULL, false };
static const struct callrail loose = { "http://127.0.0.1:9", NULL, true };
static const struct callrail_account account = { "ACC8154748", "0123456789abcdefKEY" };

static int64_t
instant(const char *iso)
{
	int64_t us = 0;

	assert_true(clock_parse_iso(iso, &us));
	return us;
}

static struct callrail_ask
some_page(int page)
{
	return (struct callrail_ask){ account, NULL, instant("2026-11-19T23:59:59Z"),
		instant("2026-11-20T09:12:00.001Z"), page };
}

static void
asks_exactly_this(void **state)
{
	struct callrail_ask ask = some_page(3);
	struct arena *a = arena_new();
	struct fetch f;

	(void)state;
	assert_null(callrail_list_request(&callrail, a, &ask, &f));
	assert_string_equal(f.method, "GET");
	assert_string_equal(f.url,
	    "https://api.callrail.example/v3/a/ACC8154748/calls.json?sort=start_time&order=asc"
	    "&per_page=250&page=3&fields=company_id,transcription"
	    "&start_date=2026-11-19T23:59&end_date=2026-11-20T09:13");
	assert_string_equal(f.headers[0], "Authorization: Token token=\"0123456789abcdefKEY\"");
	assert_string_equal(f.headers[1], "Accept: application/json");
	assert_null(f.headers[2]);
	assert_null(f.body);
	assert_true(f.connect_ms > 0 && f.total_ms > 0 && f.max_reply > 0);

	ask.company_id = "COM_7-7";
	assert_null(callrail_list_request(&callrail, a, &ask, &f));
	assert_non_null(strstr(f.url, "&company_id=COM_7-7"));

	assert_null(callrail_recording_request(&callrail, a, &account, "CAL0a1b", &f));
	assert_string_equal(
	    f.url, "https://api.callrail.example/v3/a/ACC8154748/calls/CAL0a1b/recording.json");
	assert_string_equal(f.headers[0], "Authorization: Token token=\"0123456789abcdefKEY\"");
	assert_string_equal(f.url, callrail_recording_place(&callrail, a, "ACC8154748", "CAL0a1b"));
	arena_free(a);
}

static void
asks_for_nothing_that_is_no_id(void **state)
{
	static const char *const ids[] = { "", "../x", "a b", "a/b", "a?b", "a%2fb", "a\n",
		"a.json", "\xc3\xa4",
		"12345678901234567890123456789012345678901234567890123456789012345" };
	static const char *const keys[] = { "", "a b", "a\"b", "a\\b", "a\r\nX: y", "\xc3\xa4" };
	struct callrail_ask ask;
	struct arena *a = arena_new();
	struct fetch f;

	(void)state;
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		assert_false(callrail_id(ids[i]));
		ask = some_page(1);
		ask.account.id = ids[i];
		assert_non_null(callrail_list_request(&callrail, a, &ask, &f));
		ask = some_page(1);
		ask.company_id = ids[i];
		assert_non_null(callrail_list_request(&callrail, a, &ask, &f));
		assert_non_null(callrail_recording_request(&callrail, a, &account, ids[i], &f));
	}
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		ask = some_page(1);
		ask.account.key = keys[i];
		assert_non_null(callrail_list_request(&callrail, a, &ask, &f));
	}
	ask = some_page(0);
	assert_non_null(callrail_list_request(&callrail, a, &ask, &f));
	ask = some_page(1);
	ask.until_us = ask.from_us - 1;
	assert_non_null(callrail_list_request(&callrail, a, &ask, &f));
	assert_true(callrail_id("CAL0a1b2c3d4e5f") && callrail_id("213472384"));
	arena_free(a);
}

static void
answer(struct fetch_result *result, long status, int64_t retry_after_s, const char *body)
{
	*result = (struct fetch_result){
		.end = FETCH_ANSWERED, .status = status, .retry_after_s = retry_after_s
	};
	buf_init(&result->body, 1 << 20);
	buf_puts(&result->body, body);
}

static enum rc
read_page(struct arena *a, const char *body, int asked, struct callrail_page *page)
{
	struct callrail_ask ask = some_page(asked);
	struct fetch_result result;
	enum rc rc;

	answer(&result, 200, -1, body);
	rc = callrail_list_read(&result, a, &ask, page);
	buf_free(&result.body);
	return rc;
}

#define PAGE(n, pages, calls)                                       \
	"{\"page\":" #n ",\"per_page\":250,\"total_pages\":" #pages \
	",\"total_records\":1,\"more\":{},\"calls\":[" calls "]}"

static void
reads_a_page(void **state)
{
	struct arena *a = arena_new();
	struct callrail_page page;
	const struct callrail_call *call;

	(void)state;
	assert_int_equal(
	    read_page(a,
		PAGE(1, 2,
		    "{\"id\":\"CAL0a\",\"answered\":true,\"direction\":\"inbound\",\"duration\":94,"
		    "\"start_time\":\"2026-11-20T09:12:33.120-05:00\","
		    "\"customer_phone_number\":\"+13125550111\",\"customer_name\":\"A Name\","
		    "\"recording\":\"https://api.callrail.example/v3/a/ACC1/calls/CAL0a/recording\","
		    "\"voicemail\":false,\"company_id\":\"COM77\",\"transcription\":\"Hello\"},"
		    "{\"id\":213472384,\"direction\":\"sideways\",\"duration\":null,"
		    "\"start_time\":\"2026-11-20T14:12:34Z\",\"customer_phone_number\":\"Anonymous\","
		    "\"recording\":null,\"company_id\":\"../7\",\"transcription\":\" \",\"voicemail\":1},"
		    "{\"id\":\"CAL0c\",\"start_time\":\"2026-11-20T14:12:35Z\",\"duration\":0}"),
		1, &page),
	    RC_OK);
	assert_int_equal(page.count, 3);
	assert_int_equal(page.odd, 0);
	assert_false(page.last);
	assert_null(page.error);
	call = &page.calls[0];
	assert_string_equal(call->id, "CAL0a");
	assert_string_equal(call->company_id, "COM77");
	assert_string_equal(call->direction, "inbound");
	assert_int_equal(call->start_us, instant("2026-11-20T14:12:33.120Z"));
	assert_int_equal(call->duration_s, 94);
	assert_true(call->recording && call->answered && !call->voicemail);
	assert_string_equal(call->customer, "+1…11");
	assert_string_equal(call->transcription, "Hello");
	call = &page.calls[1];
	assert_string_equal(call->id, "213472384");
	assert_int_equal(call->duration_s, -1);
	assert_false(call->recording || call->answered || call->voicemail);
	assert_null(call->company_id);
	assert_null(call->direction);
	assert_null(call->transcription);
	assert_string_equal(call->customer, "");
	assert_int_equal(page.calls[2].duration_s, 0);
	assert_false(page.calls[2].recording);
	assert_int_equal(read_page(a, PAGE(2, 2, ""), 2, &page), RC_OK);
	assert_true(page.last);
	assert_int_equal(read_page(a, PAGE(1, 0, ""), 1, &page), RC_OK); /* no calls at all */
	assert_true(page.last);
	arena_free(a);
}

static void
leaves_out_another_companys_calls(void **state)
{
	struct callrail_ask ask = some_page(1);
	struct arena *a = arena_new();
	struct fetch_result result;
	struct callrail_page page;

	(void)state;
	ask.company_id = "COM1";
	answer(&result, 200, -1,
	    PAGE(1, 1,
		"{\"id\":\"CALa\",\"start_time\":\"2026-11-20T14:12:35Z\",\"company_id\":\"COM1\"},"
		"{\"id\":\"CALb\",\"start_time\":\"2026-11-20T14:12:35Z\",\"company_id\":\"COM2\"}"));
	assert_int_equal(callrail_list_read(&result, a, &ask, &page), RC_OK);
	assert_int_equal(page.count, 1);
	assert_int_equal(page.odd, 1);
	assert_string_equal(page.calls[0].id, "CALa");
	buf_free(&result.body);
	arena_free(a);
}

#define CALL(id, start, rest) "{\"id\":" id ",\"start_time\":" start rest "}"
#define AT "\"2026-11-20T14:12:34Z\""

static void
leaves_out_what_is_no_call(void **state)
{
	static const char *const odd[] = { CALL("null", AT, ""), CALL("\"\"", AT, ""),
		CALL("\"../7\"", AT, ""), CALL("7.5", AT, ""), CALL("0", AT, ""),
		CALL("-7", AT, ""), CALL("[\"CAL\"]", AT, ""), "{\"start_time\":" AT "}",
		"{\"id\":\"CAL\"}", CALL("\"CAL\"", "null", ""),
		CALL("\"CAL\"", "\"2026-11-20\"", ""), CALL("\"CAL\"", "\"2026-11-20T14:12\"", ""),
		CALL("\"CAL\"", "1763648000", ""), CALL("\"CAL\"", AT, ",\"duration\":-1"),
		CALL("\"CAL\"", AT, ",\"duration\":\"94\""),
		CALL("\"CAL\"", AT, ",\"duration\":1.5"),
		CALL("\"CAL\"", AT, ",\"duration\":99999999999"),
		CALL("\"CAL\"", AT, ",\"recording\":true"),
		CALL("\"CAL\"", AT, ",\"recording\":{}"), "null", "7", "[]", "\"CAL\"" };
	struct arena *a = arena_new();
	struct callrail_page page;

	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		const char *body = arena_printf(
		    a, PAGE(1, 1, "%s,{\"id\":\"CALgood\",\"start_time\":" AT "}"), odd[i]);

		assert_int_equal(read_page(a, body, 1, &page), RC_OK);
		assert_int_equal(page.odd, 1);
		assert_int_equal(page.count, 1); /* one that is odd holds up nobody */
		assert_string_equal(page.calls[0].id, "CALgood");
	}
	arena_free(a);
}

static void
takes_no_page_that_is_none(void **state)
{
	static const char *const bodies[] = { "", "<html>Sign in</html>", "[]", "null", "{}",
		"{\"calls\":[]}", "{\"calls\":[],\"page\":1}", "{\"calls\":[],\"total_pages\":1}",
		"{\"calls\":{},\"page\":1,\"total_pages\":1}",
		"{\"calls\":[],\"page\":2,\"total_pages\":2}",
		"{\"calls\":[],\"page\":\"1\",\"total_pages\":1}",
		"{\"calls\":[],\"page\":1,\"total_pages\":-1}",
		"{\"calls\":[],\"page\":1,\"total_pages\":1e3}",
		"{\"calls\":[],\"page\":1,\"total_pages\":99999999}",
		"{\"calls\":[],\"page\":1,\"total_pages\":1",
		"{\"calls\":[],\"has_next_page\":false}" };
	struct arena *a = arena_new();
	struct callrail_page page;
	struct buf many;

	(void)state;
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		assert_int_equal(read_page(a, bodies[i], 1, &page), RC_LATER);
		assert_non_null(page.error);
		assert_int_equal(page.count, 0);
	}
	buf_init(&many, 1 << 20);
	for (int i = 0; i <= CALLRAIL_PAGE_CALLS; i++)
		buf_printf(
		    &many, "%s{\"id\":\"CAL%d\",\"start_time\":" AT "}", i > 0 ? "," : "", i);
	assert_int_equal(
	    read_page(a, arena_printf(a, PAGE(1, 1, "%s"), many.data), 1, &page), RC_LATER);
	assert_string_equal(page.error, "CallRail's answer holds more calls than a page has");
	buf_free(&many);
	arena_free(a);
}

static void
sorts_what_is_no_answer(void **state)
{
	static const struct {
		long status;
		int64_t retry_after_s;
		const char *body;
		enum rc rc;
		int64_t wait_s;
		const char *error;
	} cases[] = {
		{ 401, 5, "{\"error\":\"HTTP Token: Access denied.\"}", RC_INVALID, 0,
		    "CallRail answered 401 (the api_key is not known there): HTTP Token: Access denied." },
		{ 401, -1, "{\"error\":\"Unknown key 0123456789abcdefKEY\"}", RC_INVALID, 0,
		    "CallRail answered 401 (the api_key is not known there)" },
		{ 403, -1, "", RC_INVALID, 0,
		    "CallRail answered 403 (the user of the api_key may not see this account)" },
		{ 404, -1, "<html>", RC_INVALID, 0,
		    "CallRail answered 404 (no such account or company, or the user of the api_key may"
		    " not see it)" },
		{ 400, -1, "{\"errors\":[\"Date range is not valid\"]}", RC_INVALID, 0,
		    "CallRail answered 400: Date range is not valid" },
		{ 400, -1, "{\"error\":{\"message\":\"No such field\"}}", RC_INVALID, 0,
		    "CallRail answered 400: No such field" },
		{ 400, -1, "{\"error\":\"+13125550111 is odd\"}", RC_INVALID, 0,
		    "CallRail answered 400" },
		{ 406, -1, "{\"error\":{}}", RC_INVALID, 0, "CallRail answered 406" },
		{ 302, -1, "", RC_INVALID, 0, "CallRail answered 302" },
		{ 204, -1, "", RC_INVALID, 0, "CallRail answered 204" },
		{ 429, -1, "{\"error\":\"User or Agency limit\"}", RC_LATER, 0,
		    "CallRail answered 429 (too many requests): User or Agency limit" },
		{ 429, 90, "", RC_LATER, 90, "CallRail answered 429 (too many requests)" },
		{ 429, 900000, "", RC_LATER, 3600, "CallRail answered 429 (too many requests)" },
		{ 500, -1, "{\"error\":7}", RC_LATER, 0, "CallRail answered 500" },
		{ 503, 0, "<html>", RC_LATER, 0, "CallRail answered 503" },
	};
	struct callrail_ask ask = some_page(1);
	struct arena *a = arena_new();
	struct callrail_page page;
	struct fetch_result result;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		answer(&result, cases[i].status, cases[i].retry_after_s, cases[i].body);
		assert_int_equal(callrail_list_read(&result, a, &ask, &page), cases[i].rc);
		assert_string_equal(page.error, cases[i].error);
		assert_int_equal(page.retry_after_s, cases[i].wait_s);
		assert_int_equal(page.status, cases[i].status);
		assert_int_equal(page.count, 0);
		buf_free(&result.body);
	}
	result = (struct fetch_result){ .end = FETCH_UNKNOWN, .error = "timed out" };
	assert_int_equal(callrail_list_read(&result, a, &ask, &page), RC_LATER);
	assert_string_equal(page.error, "CallRail could not be asked: timed out");
	arena_free(a);
}

static void
finds_a_recording(void **state)
{
	static const struct {
		const struct callrail *at;
		long status;
		const char *body;
		enum rc rc;
	} cases[] = { { &callrail, 200,
			  "{\"url\":\"https://app.callrail.example/r?access_key=s3cret\"}", RC_OK },
		{ &callrail, 200, "{\"url\":\"http://app.callrail.example/r?access_key=s3cret\"}",
		    RC_LATER },
		{ &callrail, 200, "{\"url\":\"https://127.0.0.1/r?access_key=s3cret\"}", RC_LATER },
		{ &callrail, 200, "{\"url\":\"https://user@app.callrail.example/s3cret\"}",
		    RC_LATER },
		{ &callrail, 200, "{\"url\":\"file:///etc/s3cret\"}", RC_LATER },
		{ &callrail, 200, "{\"url\":[\"https://app.callrail.example/\"]}", RC_LATER },
		{ &callrail, 200, "{}", RC_LATER }, { &callrail, 200, "<html>", RC_LATER },
		{ &loose, 200, "{\"url\":\"http://127.0.0.1:9/r?access_key=s3cret\"}", RC_OK },
		{ &loose, 200, "{\"url\":\"ftp://127.0.0.1/s3cret\"}", RC_LATER },
		{ &callrail, 404, "", RC_NOT_FOUND }, { &callrail, 401, "", RC_INVALID },
		{ &callrail, 302, "", RC_INVALID }, { &callrail, 429, "", RC_LATER },
		{ &callrail, 500, "", RC_LATER } };
	struct callrail_recording recording;
	struct arena *a = arena_new();
	struct fetch_result result;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		answer(&result, cases[i].status, -1, cases[i].body);
		assert_int_equal(
		    callrail_recording_read(cases[i].at, &result, a, &account, &recording),
		    cases[i].rc);
		assert_true((recording.url != NULL) == (cases[i].rc == RC_OK));
		assert_true((recording.error == NULL) == (cases[i].rc == RC_OK));
		if (recording.error != NULL)
			assert_null(strstr(recording.error, "s3cret"));
		buf_free(&result.body);
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_exactly_this),
		cmocka_unit_test(asks_for_nothing_that_is_no_id),
		cmocka_unit_test(reads_a_page),
		cmocka_unit_test(leaves_out_another_companys_calls),
		cmocka_unit_test(leaves_out_what_is_no_call),
		cmocka_unit_test(takes_no_page_that_is_none),
		cmocka_unit_test(sorts_what_is_no_answer),
		cmocka_unit_test(finds_a_recording),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
