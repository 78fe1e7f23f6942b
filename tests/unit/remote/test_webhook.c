/* test_webhook.c: signatures by the scheme's own vectors, what is sent, and what answers mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "remote/webhook.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct arena *a;

static int
setup(void **state)
{
	(void)state;
	a = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

#define SECRET_1 "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
#define SECRET_2 "whsec_3M5sekysF3InA0KSwOW0hsXYvAN85JCtJy/IlDtPDq4="
#define BODY_1                                                                          \
	"{\"type\":\"call.ask_user\",\"timestamp\":\"2026-11-20T22:51:05Z\",\"data\":{" \
	"\"call_id\":\"call_0001\",\"question\":\"Window or aisle?\"}}"

static void
signatures(void **state)
{
	static const struct {
		const char *secret, *id;
		int64_t time;
		const char *body, *signature;
	} cases[] = {
		{ "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
		    1614265330, "{\"test\": 2432232314}",
		    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" },
		{ SECRET_1, "msg_2mV7kPq1", 1795215065, BODY_1,
		    "v1,L2tqe81ab3TzjDkiGC+gsQdOYLAoarSOLFN07zxxiLU=" },
		{ SECRET_2, "msg_2mV7kPq2", 1795215066,
		    "{\"type\":\"call.completed\",\"data\":{\"call_id\":\"call_0002\",\"summary\":"
		    "\"Tisch für 4 — bestätigt\"}}",
		    "v1,7noXf4nfK4kVWB3Pd5is7r6RuV+98Ww67zrbcNZNl88=" },
		{ "whsec_w4rbjNQYdHqKzhPpAujACNUpx5YG8OSH8BGCjC2Loi8GYzOw6Ui3weOb/Fg/MZAAWY8rBPNlf1doah9"
		  "rECIqdQ==",
		    "msg_2mV7kPq3", 1795215067, "",
		    "v1,y/dd71vy/1VDxRHf67Tj4Nx1pJh8irTMPCh/gp+Xs+s=" },
	};
	static const char *const bad[] = { "", "whsec_", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
		"whsec_!!!!", "whsec_AAEC AwQF", "whpk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX" };
	char out[WEBHOOK_SIGNATURE_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(
		    webhook_sign(cases[i].secret, cases[i].id, cases[i].time, cases[i].body, out));
		assert_string_equal(out, cases[i].signature);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(webhook_sign(bad[i], "msg_1", 1, "", out));
}

static struct webhook_message
message(void)
{
	return (struct webhook_message){ .id = "msg_2mV7kPq1",
		.url = "https://example.com/hook",
		.secret = SECRET_1,
		.body = BODY_1,
		.content_type = "application/json" };
}

static void
the_request_bears_both_signatures_during_a_change(void **state)
{
	struct webhook_message m = message();
	struct fetch f;

	(void)state;
	assert_null(webhook_request(a, &m, 1795215065, &f));
	assert_string_equal(f.method, "POST");
	assert_string_equal(f.url, "https://example.com/hook");
	assert_string_equal(f.body, BODY_1);
	assert_int_equal(f.body_len, strlen(BODY_1));
	assert_string_equal(f.content_type, "application/json");
	assert_string_equal(f.headers[0], "webhook-id: msg_2mV7kPq1");
	assert_string_equal(f.headers[1], "webhook-timestamp: 1795215065");
	assert_string_equal(
	    f.headers[2], "webhook-signature: v1,L2tqe81ab3TzjDkiGC+gsQdOYLAoarSOLFN07zxxiLU=");
	assert_null(f.headers[3]);
	assert_true(f.public_only);
	assert_true(f.total_ms == 10000 && f.max_reply == 65536);

	m.old_secret = SECRET_2;
	assert_null(webhook_request(a, &m, 1795215065, &f));
	assert_string_equal(f.headers[2],
	    "webhook-signature: v1,L2tqe81ab3TzjDkiGC+gsQdOYLAoarSOLFN07zxxiLU="
	    " v1,t4VOpqmk4+Ro0qIfYiKo2crYRdMHE+FoowI7tpevu1o=");
}

/* A form goes out as it is, and is signed when there is something to sign with. */
static void
a_form_may_go_unsigned(void **state)
{
	struct webhook_message m = message();
	struct fetch f;

	(void)state;
	m.body = "CallStatus=ringing&To=%2B15550100";
	m.content_type = "application/x-www-form-urlencoded";
	assert_null(webhook_request(a, &m, 1795215065, &f));
	assert_string_equal(f.content_type, "application/x-www-form-urlencoded");
	assert_string_equal(f.body, "CallStatus=ringing&To=%2B15550100");
	assert_non_null(f.headers[2]);
	m.secret = NULL;
	assert_null(webhook_request(a, &m, 1795215065, &f));
	assert_string_equal(f.headers[0], "webhook-id: msg_2mV7kPq1");
	assert_string_equal(f.headers[1], "webhook-timestamp: 1795215065");
	assert_null(f.headers[2]);
}

static void
what_must_not_be_sent_is_not(void **state)
{
	struct webhook_message m = message();
	struct fetch f;

	(void)state;
	m.url = "https://127.0.0.1/";
	assert_non_null(webhook_request(a, &m, 1, &f));
	m.anywhere = true;
	assert_null(webhook_request(a, &m, 1, &f));
	assert_false(f.public_only);
	m.secret = "whsec_?";
	assert_non_null(webhook_request(a, &m, 1, &f));
}

static struct webhook_answer
read_reply(enum fetch_end end, long status, const char *body, bool question)
{
	struct fetch_result r = { .end = end, .status = status, .retry_after_s = 30 };
	struct webhook_answer answer;

	snprintf(r.error, sizeof r.error, "no route");
	buf_init(&r.body, 65536);
	buf_puts(&r.body, body);
	webhook_read(a, &r, question, &answer);
	buf_free(&r.body);
	return answer;
}

static void
what_answers_mean(void **state)
{
	struct webhook_answer w;

	(void)state;
	for (long status = 200; status < 300; status++) {
		w = read_reply(FETCH_ANSWERED, status, "", false);
		assert_null(w.error);
		assert_int_equal(w.status, status);
	}
	w = read_reply(FETCH_ANSWERED, 503, "", false);
	assert_string_equal(w.error, "answered HTTP 503");
	assert_int_equal(w.retry_after_s, 30);
	assert_string_equal(read_reply(FETCH_ANSWERED, 302, "", false).error, "answered HTTP 302");
	w = read_reply(FETCH_UNKNOWN, 0, "", false);
	assert_string_equal(w.error, "no route");
	assert_int_equal(w.status, 0);
}

static void
an_answer_may_come_with_the_reply(void **state)
{
	static const char *const none[] = { "", "{}", "[]", "null", "\"x\"", "{\"answer\":\"\"}",
		"{\"answer\":null}", "{\"answer\":7}", "{\"answer\":[\"x\"]}",
		"{\"answer\":\"x\",}", "{\"answer\":\"x\"} y",
		"{\"answer\":\"x\",\"answer\":\"y\"}", "{\"answer\":\"x\",\"mode\":\"loud\"}",
		"{\"answer\":\"x\",\"mode\":1}", "{\"answer\":\"\xff\"}",
		"{\"answer\":\"\\u0000\"}", "{\"Answer\":\"x\"}" };
	struct webhook_answer w;
	struct buf body;

	(void)state;
	w = read_reply(FETCH_ANSWERED, 200, "{\"answer\":\"Seven\",\"mode\":\"context\"}", true);
	assert_string_equal(w.answer, "Seven");
	assert_string_equal(w.mode, "context");
	w = read_reply(FETCH_ANSWERED, 200, "{\"mode\":null,\"more\":{},\"answer\":\" ü\"}", true);
	assert_string_equal(w.answer, " ü");
	assert_string_equal(w.mode, "voice");
	for (size_t i = 0; i < COUNT(none); i++) {
		w = read_reply(FETCH_ANSWERED, 200, none[i], true);
		if (w.error != NULL || w.answer != NULL)
			fail_msg("%s", none[i]);
	}
	/* Only a 200 to a question. */
	assert_null(read_reply(FETCH_ANSWERED, 200, "{\"answer\":\"Seven\"}", false).answer);
	assert_null(read_reply(FETCH_ANSWERED, 202, "{\"answer\":\"Seven\"}", true).answer);
	assert_null(read_reply(FETCH_ANSWERED, 500, "{\"answer\":\"Seven\"}", true).answer);
	/* 4,000 characters, whatever their bytes. */
	buf_init(&body, 65536);
	buf_puts(&body, "{\"answer\":\"");
	for (int i = 0; i < 4000; i++)
		buf_puts(&body, "ü");
	buf_puts(&body, "\"}");
	assert_non_null(read_reply(FETCH_ANSWERED, 200, body.data, true).answer);
	body.len -= 2;
	buf_puts(&body, "x\"}");
	assert_null(read_reply(FETCH_ANSWERED, 200, body.data, true).answer);
	buf_free(&body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures),
		cmocka_unit_test(the_request_bears_both_signatures_during_a_change),
		cmocka_unit_test(a_form_may_go_unsigned),
		cmocka_unit_test(what_must_not_be_sent_is_not),
		cmocka_unit_test(what_answers_mean),
		cmocka_unit_test(an_answer_may_come_with_the_reply),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
