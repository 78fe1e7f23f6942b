/*
 * test_carrier_dial.c: the form of a dial, parsed back as the carrier would, and what we make of
 * each of its answers: above all, what may have become a call is never taken for none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "remote/carrier.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ACCOUNT "AC0f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define TOKEN "f3d1c0ffee5eed0123456789abcdef42"
#define TO "+442079460018"
#define FROM "+15005550006"
#define SID "CA5a4b3c2d1e0f00112233445566778899"
#define SID2 "CA5a4b3c2d1e0f0011223344556677889a"
#define OURS "https://dialer.example.net"
#define CALL "call_01hq8v5w8z3x7k2m4n6p8r0s2t"
#define ATTEMPT "att_01hq8v5w8z3x7k2m4n6p8r0s2v"
#define CALLBACK(kind) \
	OURS "/twilio/" kind "/" CALL "?attempt=" ATTEMPT "#rc=4&rp=5xx,ct,rt&ct=3000&rt=5000"

static const struct carrier carrier = {
	.api_url = "https://api.example.net",
	.account_sid = ACCOUNT,
	.auth_token = TOKEN,
	.from = FROM,
	.public_url = OURS,
	.timeout_ms = 2000,
	.max_talk_s = 900,
	.ring_s = 55,
};

/* ---- the request of a dial ---- */

static struct carrier_dial
dial_with(const char *machine_detection)
{
	return (struct carrier_dial){ CALL, ATTEMPT, TO, machine_detection, "", "" };
}

/* Whether the form of a dial is exactly these pairs in this order. */
static void
check_form(const char *machine_detection, const struct str_pair *want, int want_count)
{
	struct arena *a = arena_new();
	const struct carrier_dial dial = dial_with(machine_detection);
	struct str_pair pairs[32];
	struct fetch f;
	int count;

	carrier_dial_request(&carrier, a, &dial, &f);
	assert_int_equal(strlen(f.body), f.body_len);
	count = str_form(arena_strdup(a, f.body), pairs, 32);
	assert_int_equal(count, want_count);
	for (int i = 0; i < count; i++) {
		assert_string_equal(pairs[i].name, want[i].name);
		assert_string_equal(pairs[i].value, want[i].value);
	}
	arena_free(a);
}

#define PAIR(n, v)                      \
	{                               \
		(char[]){ n }, (char[]) \
		{                       \
			v               \
		}                       \
	}

static void
a_dial_says_everything_the_carrier_has_to_know(void **state)
{
	const struct str_pair async[] = {
		PAIR("To", TO),
		PAIR("From", FROM),
		PAIR("Url", CALLBACK("voice")),
		PAIR("StatusCallback", CALLBACK("status")),
		PAIR("StatusCallbackEvent", "initiated"),
		PAIR("StatusCallbackEvent", "ringing"),
		PAIR("StatusCallbackEvent", "answered"),
		PAIR("StatusCallbackEvent", "completed"),
		PAIR("Record", "true"),
		PAIR("RecordingTrack", "outbound"),
		PAIR("RecordingStatusCallback", CALLBACK("recording")),
		PAIR("RecordingStatusCallbackEvent", "completed absent"),
		PAIR("Timeout", "55"),
		PAIR("TimeLimit", "900"),
		PAIR("MachineDetection", "DetectMessageEnd"),
		PAIR("AsyncAmd", "true"),
		PAIR("AsyncAmdStatusCallback", CALLBACK("amd")),
	};

	(void)state;
	check_form("async", async, (int)COUNT(async));
	check_form("on", async, (int)COUNT(async) - 2);
	check_form("off", async, (int)COUNT(async) - 3);
}

/* The customer's number and agent in place of ours; the news still come to us. */
static void
a_dial_may_have_its_own_number_and_agent(void **state)
{
	struct arena *a = arena_new();
	struct carrier_dial dial = dial_with("off");
	struct str_pair pairs[32];
	struct fetch f;
	int count;

	(void)state;
	dial.from = "+15550199";
	dial.url = "https://agent.example.com/voice?a=1&b=%20#rc=2";
	carrier_dial_request(&carrier, a, &dial, &f);
	count = str_form(arena_strdup(a, f.body), pairs, 32);
	assert_int_equal(count, 14);
	assert_string_equal(pairs[1].name, "From");
	assert_string_equal(pairs[1].value, dial.from);
	assert_string_equal(pairs[2].name, "Url");
	assert_string_equal(pairs[2].value, dial.url);
	assert_string_equal(pairs[3].name, "StatusCallback");
	assert_string_equal(pairs[3].value, CALLBACK("status"));
	for (int i = 3; i < count; i++)
		assert_string_not_equal(pairs[i].name, "Url");
	arena_free(a);
}

static void
a_dial_is_a_post_with_our_name_and_no_window_of_its_own(void **state)
{
	struct arena *a = arena_new();
	const struct carrier_dial dial = dial_with("off");
	struct carrier c = carrier;
	struct fetch f;

	(void)state;
	c.ca_file = "/etc/ca.pem";
	memset(&f, 0xff, sizeof(f));
	carrier_dial_request(&c, a, &dial, &f);
	assert_string_equal(f.method, "POST");
	assert_string_equal(
	    f.url, "https://api.example.net/2010-04-01/Accounts/" ACCOUNT "/Calls.json");
	assert_string_equal(f.user, ACCOUNT);
	assert_string_equal(f.password, TOKEN);
	assert_string_equal(f.ca_file, "/etc/ca.pem");
	assert_int_equal(f.to_fd, -1);
	assert_int_equal(f.window.not_before_us, 0);
	assert_int_equal(f.window.not_after_us, 0);
	assert_true(f.connect_ms > 0 && f.connect_ms < f.total_ms);
	assert_true(f.total_ms >= 26000); /* the carrier's own limit for an answer */
	assert_true(f.max_reply > 0);
	assert_null(strstr(f.body, TOKEN));
	arena_free(a);
}

/* Nothing that a form gives a meaning to gets into it raw, and no address of ours is cut. */
static void
every_value_is_escaped(void **state)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "-._~=&%";
	struct arena *a = arena_new();
	const struct carrier_dial dial = { CALL, ATTEMPT, "+1&From=%2B1555\xc3\xa9 x", "async", "",
		"" };
	struct str_pair pairs[32];
	struct carrier c = carrier;
	struct fetch f;

	(void)state;
	c.public_url = "https://a.example.net:8443/x y&z=%41";
	carrier_dial_request(&c, a, &dial, &f);
	assert_int_equal(strspn(f.body, plain), f.body_len);
	assert_non_null(strstr(f.body, "%23rc%3D4%26rp%3D5xx%2Cct%2Crt%26ct%3D3000%26rt%3D5000&"));
	assert_non_null(
	    strstr(f.body, "To=%2B1%26From%3D%252B1555%C3%A9%20x&From=%2B15005550006&"));
	assert_int_equal(str_form(arena_strdup(a, f.body), pairs, 32), 17);
	assert_string_equal(pairs[0].value, dial.to);
	assert_true(
	    str_starts(pairs[2].value, "https://a.example.net:8443/x y&z=%41/twilio/voice/"));
	arena_free(a);
}

static void
a_sid_is_ca_and_32_digits(void **state)
{
	static const char *const wrong[] = {
		"",
		"CA",
		"CA5a4b3c2d1e0f0011223344556677889",
		SID "0",
		"CA5A4b3c2d1e0f00112233445566778899",
		"ca5a4b3c2d1e0f00112233445566778899",
		"RE5a4b3c2d1e0f00112233445566778899",
		"CA5a4b3c2d1e0f0011223344556677889g",
		" " SID,
		SID "\n",
		"CA../../../../../../../../../../..",
	};

	(void)state;
	assert_true(carrier_sid_valid(SID));
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_false(carrier_sid_valid(wrong[i]));
}

/* ---- the answer to a dial ---- */

/* What is made of the result. Nothing secret is in the reason, ever. */
static struct carrier_dial_answer
read_back(struct fetch_result r, const char *body)
{
	struct carrier_dial_answer answer;

	buf_init(&r.body, 1024);
	buf_puts(&r.body, body);
	r.body_bytes = (int64_t)r.body.len;
	if (r.end != FETCH_ANSWERED)
		(void)snprintf(r.error, sizeof(r.error), "Connection timed out");
	memset(&answer, 0xff, sizeof(answer));
	carrier_dial_read(&r, &answer);
	fetch_result_free(&r);
	assert_null(strstr(answer.reason, &TO[1]));
	assert_null(strstr(answer.reason, &FROM[1]));
	assert_null(strstr(answer.reason, TOKEN));
	assert_null(strstr(answer.reason, ACCOUNT));
	assert_true(strlen(answer.reason) < sizeof(answer.reason) - 1);
	return answer;
}

static struct carrier_dial_answer
answered(long status, const char *body, int64_t retry_after_s)
{
	struct fetch_result r = { .end = FETCH_ANSWERED,
		.status = status,
		.content_length = -1,
		.retry_after_s = retry_after_s,
		.connect_us = 1500 };

	return read_back(r, body);
}

static void
a_call_is_taken_when_it_has_a_name(void **state)
{
	static const char *const nameless[] = { "{\"status\":\"queued\"}", "{\"sid\":\"CA123\"}",
		"{\"sid\":\"" SID "0\"}", "{\"sid\":\"CA5A4B3C2D1E0F00112233445566778899\"}",
		"{\"sid\":\"SM5a4b3c2d1e0f00112233445566778899\"}", "{\"sid\":17}",
		"{\"sid\":null}", "{\"sid\":\"" SID "\",\"sid\":\"" SID2 "\"}", "[\"" SID "\"]",
		"\"" SID "\"", "{\"sid\":\"" SID "\"", "<html>" SID "</html>", "" };
	struct carrier_dial_answer got;

	(void)state;
	got = answered(201, "{\"sid\":\"" SID "\",\"status\":\"queued\",\"to\":\"" TO "\"}", -1);
	assert_string_equal(got.answer, "accepted");
	assert_string_equal(got.call_sid, SID);
	assert_string_equal(got.reason, "");
	assert_int_equal(got.retry_s, 0);
	/* Taken, but what was it called? It has to be looked for. */
	for (size_t i = 0; i < COUNT(nameless); i++) {
		got = answered(201, nameless[i], -1);
		if (strcmp(got.answer, "unknown") != 0)
			fail_msg("%s is %s", nameless[i], got.answer);
		assert_string_equal(got.call_sid, "");
	}
}

/* What the carrier says about it may name the number: it stays out of the reason. */
static void
a_call_is_refused_with_a_code(void **state)
{
	static const struct {
		long status;
		const char *body, *reason;
	} cases[] = {
		{ 400, "{\"code\":21211,\"message\":\"" TO " is no number\"}",
		    "HTTP 400, code 21211." },
		{ 401, "{\"code\":20003,\"message\":\"" ACCOUNT " " TOKEN "\"}",
		    "HTTP 401, code 20003." },
		{ 403, "{\"code\":20403,\"message\":\"from " FROM "\"}", "HTTP 403, code 20403." },
		{ 404, "{\"code\":20404}", "HTTP 404, code 20404." },
		{ 400, "{\"code\":\"" TO "\"}", "HTTP 400, code 0." },
		{ 400, "{\"code\":{\"code\":1}}", "HTTP 400, code 0." },
		{ 400, "{}", "HTTP 400, code 0." },
		{ 400, "[21211]", "HTTP 400, code 0." },
		{ 400, "To=" TO, "HTTP 400, code 0." },
		{ 413, "", "HTTP 413, code 0." },
		{ 499, "", "HTTP 499, code 0." },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct carrier_dial_answer got = answered(cases[i].status, cases[i].body, 30);

		assert_string_equal(got.answer, "refused");
		assert_non_null(strstr(got.reason, cases[i].reason));
		assert_string_equal(got.call_sid, "");
		assert_int_equal(got.retry_s, 0);
	}
}

static void
a_busy_carrier_says_how_long_within_reason(void **state)
{
	static const struct {
		int64_t after_s, retry_s;
	} cases[] = { { -1, 0 }, { 0, 0 }, { 1, 1 }, { 299, 299 }, { 300, 300 }, { 301, 300 },
		{ INT64_MAX, 300 }, { INT64_MIN, 0 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct carrier_dial_answer got = answered(
		    429, "{\"code\":20429,\"sid\":\"" SID "\"}", cases[i].after_s);

		assert_string_equal(got.answer, "throttled");
		assert_int_equal(got.retry_s, cases[i].retry_s);
		assert_string_equal(got.call_sid, "");
		assert_string_not_equal(got.reason, "");
	}
}

/* Whatever may have become a call is not known not to be one. */
static void
all_else_that_was_answered_is_unknown(void **state)
{
	static const long statuses[] = { 200, 202, 204, 301, 302, 307, 399, 408, 500, 502, 503, 504,
		599 };

	(void)state;
	for (size_t i = 0; i < COUNT(statuses); i++) {
		const struct carrier_dial_answer got = answered(
		    statuses[i], "{\"code\":21211,\"sid\":\"" SID "\"}", 10);

		assert_string_equal(got.answer, "unknown");
		assert_string_equal(got.call_sid, "");
		assert_int_equal(got.retry_s, 0);
		assert_string_not_equal(got.reason, "");
	}
}

static void
what_was_not_answered_is_sorted_by_whether_it_left(void **state)
{
	static const struct {
		enum fetch_end end;
		bool missed;
		int64_t connect_us, took_us;
		const char *answer;
	} cases[] = {
		{ FETCH_UNKNOWN, false, 1500, 30000000, "unknown" },
		{ FETCH_UNKNOWN, false, 0, 30000000, "unknown" },
		{ FETCH_NOT_SENT, true, 1500, 50000, "missed" }, /* it was there, we were late */
		{ FETCH_NOT_SENT, true, 1500, 3000000, "missed" },
		{ FETCH_NOT_SENT, true, 0, 50000, "missed" }, /* it is farther than we thought */
		{ FETCH_NOT_SENT, true, 0, 999999, "missed" },
		{ FETCH_NOT_SENT, true, 0, 1000000, "not_sent" }, /* no carrier is so far */
		{ FETCH_NOT_SENT, false, 0, 50000, "not_sent" },
		{ FETCH_NOT_SENT, false, 1500, 50000, "not_sent" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct fetch_result r = { .end = cases[i].end,
			.content_length = -1,
			.retry_after_s = -1,
			.missed = cases[i].missed,
			.connect_us = cases[i].connect_us,
			.took_us = cases[i].took_us };
		const struct carrier_dial_answer got = read_back(r, "{\"sid\":\"" SID "\"}");

		assert_string_equal(got.answer, cases[i].answer);
		assert_string_equal(got.call_sid, "");
		assert_int_equal(got.retry_s, 0);
		assert_string_not_equal(got.reason, "");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dial_says_everything_the_carrier_has_to_know),
		cmocka_unit_test(a_dial_may_have_its_own_number_and_agent),
		cmocka_unit_test(a_dial_is_a_post_with_our_name_and_no_window_of_its_own),
		cmocka_unit_test(every_value_is_escaped),
		cmocka_unit_test(a_sid_is_ca_and_32_digits),
		cmocka_unit_test(a_call_is_taken_when_it_has_a_name),
		cmocka_unit_test(a_call_is_refused_with_a_code),
		cmocka_unit_test(a_busy_carrier_says_how_long_within_reason),
		cmocka_unit_test(all_else_that_was_answered_is_unknown),
		cmocka_unit_test(what_was_not_answered_is_sorted_by_whether_it_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
