/* test_llm.c: what is asked of a language model, and what is made of its answers, whole or broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "remote/llm.h"

static const struct llm openai = { "https://api.openai.com/v1", "k3y", "m-1", NULL };
static const struct llm own = { "http://127.0.0.1:8000/v1", "", "m-2", NULL };

static json_t *
asked(const struct llm *m, struct arena *a, struct fetch *f)
{
	json_t *schema = json_pack("{s:s, s:b}", "type", "object", "additionalProperties", 0);
	struct llm_question q = { "Read.", "Agent: \"hello\"\n", "call_summary", schema, 500 };
	json_t *body;
	char why[64];

	llm_request(m, a, &q, f);
	json_decref(schema);
	assert_string_equal(f->method, "POST");
	assert_string_equal(f->content_type, "application/json");
	assert_false(f->public_only); /* the operator's own server may stand anywhere */
	assert_true(f->max_reply > 0 && f->total_ms > 0 && f->connect_ms > 0);
	body = json_parse_strict(f->body, f->body_len, why);
	assert_non_null(body);
	return body;
}

static const char *
text_at(json_t *body, const char *object, size_t i, const char *name)
{
	return json_string_value(
	    json_object_get(json_array_get(json_object_get(body, object), i), name));
}

static void
asks_exactly_this(void **state)
{
	struct arena *a = arena_new();
	struct fetch f;
	json_t *body = asked(&openai, a, &f), *format, *inner;

	(void)state;
	assert_string_equal(f.url, "https://api.openai.com/v1/chat/completions");
	assert_string_equal(f.headers[0], "Authorization: Bearer k3y");
	assert_null(f.headers[1]);
	assert_string_equal(json_string_value(json_object_get(body, "model")), "m-1");
	assert_string_equal(text_at(body, "messages", 0, "role"), "system");
	assert_string_equal(text_at(body, "messages", 0, "content"), "Read.");
	assert_string_equal(text_at(body, "messages", 1, "role"), "user");
	assert_string_equal(text_at(body, "messages", 1, "content"), "Agent: \"hello\"\n");
	assert_int_equal(json_integer_value(json_object_get(body, "max_completion_tokens")), 500);
	assert_null(json_object_get(body, "max_tokens"));
	format = json_object_get(body, "response_format");
	assert_string_equal(json_string_value(json_object_get(format, "type")), "json_schema");
	inner = json_object_get(format, "json_schema");
	assert_string_equal(json_string_value(json_object_get(inner, "name")), "call_summary");
	assert_true(json_is_true(json_object_get(inner, "strict")));
	assert_true(json_is_object(json_object_get(inner, "schema")));
	json_decref(body);
	arena_free(a);
}

static void
compatible_servers_get_their_name_of_the_limit(void **state)
{
	struct arena *a = arena_new();
	struct fetch f;
	json_t *body = asked(&own, a, &f);

	(void)state;
	assert_null(f.headers[0]); /* no key, no header */
	assert_int_equal(json_integer_value(json_object_get(body, "max_tokens")), 500);
	assert_null(json_object_get(body, "max_completion_tokens"));
	json_decref(body);
	arena_free(a);
}

static enum rc
read_answer(struct arena *a, long status, int64_t retry_after_s, const char *body,
    struct llm_answer *answer)
{
	struct fetch_result result = {
		.end = FETCH_ANSWERED, .status = status, .retry_after_s = retry_after_s
	};
	enum rc rc;

	buf_init(&result.body, 1 << 20);
	buf_puts(&result.body, body);
	rc = llm_read(&result, a, answer);
	buf_free(&result.body);
	return rc;
}

static void
reads_an_answer(void **state)
{
	struct arena *a = arena_new();
	struct llm_answer answer;

	(void)state;
	assert_int_equal(
	    read_answer(a, 200, -1,
		"{\"choices\":[{\"finish_reason\":\"stop\",\"message\":{\"role\":\"assistant\","
		"\"content\":\"{\\\"summary\\\":\\\"x\\\"}\",\"refusal\":null}}],"
		"\"usage\":{\"prompt_tokens\":812,\"completion_tokens\":96}}",
		&answer),
	    RC_OK);
	assert_string_equal(json_string_value(json_object_get(answer.value, "summary")), "x");
	assert_int_equal(answer.prompt_tokens, 812);
	assert_int_equal(answer.completion_tokens, 96);
	assert_null(answer.error);
	arena_free(a);
}

#define SAID(finish, content) \
	"{\"choices\":[{\"finish_reason\":\"" finish "\",\"message\":{\"content\":" content "}}]}"

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
		enum llm_fault fault;
	} cases[] = {
		{ 200, -1, SAID("length", "\"{\\\"a\\\": 1}\""), RC_LATER, 0,
		    "The language model's answer was cut off at its limit", LLM_OTHER },
		{ 200, -1, SAID("content_filter", "\"{}\""), RC_INVALID, 0,
		    "The language model's filter withheld the answer", LLM_OTHER },
		{ 200, -1, SAID("stop", "\"here you are: {}\""), RC_LATER, 0,
		    "The language model's answer is no JSON object", LLM_OTHER },
		{ 200, -1, SAID("stop", "\"[1]\""), RC_LATER, 0,
		    "The language model's answer is no JSON object", LLM_OTHER },
		{ 200, -1, SAID("stop", "null"), RC_LATER, 0,
		    "The language model's answer is no JSON object", LLM_OTHER },
		{ 200, -1, "{}", RC_LATER, 0, "The language model's answer is no JSON object",
		    LLM_OTHER },
		{ 200, -1, "<html>", RC_LATER, 0, "The language model's answer is no JSON object",
		    LLM_OTHER },
		{ 200, -1,
		    "{\"choices\":[{\"finish_reason\":\"stop\",\"message\":{\"content\":null,"
		    "\"refusal\":\"no\"}}]}",
		    RC_INVALID, 0, "The language model refused to answer", LLM_OTHER },
		{ 401, -1,
		    "{\"error\":{\"message\":\"secret words\",\"code\":\"invalid_api_key\"}}",
		    RC_INVALID, 0, "The language model answered 401 invalid_api_key", LLM_AWAY },
		{ 400, -1, "{\"error\":{\"code\":\"context_length_exceeded\"}}", RC_INVALID, 0,
		    "The language model answered 400 context_length_exceeded", LLM_TOO_LONG },
		{ 400, -1, "{\"error\":{\"code\":400,\"type\":\"exceed_context_size_error\"}}",
		    RC_INVALID, 0, "The language model answered 400 exceed_context_size_error",
		    LLM_TOO_LONG },
		{ 400, -1,
		    "{\"error\":{\"message\":\"This model's maximum context length is 4096 tokens."
		    "\",\"type\":\"BadRequestError\",\"code\":400}}",
		    RC_INVALID, 0, "The language model answered 400", LLM_TOO_LONG },
		{ 400, -1, "{\"error\":\"a text\"}", RC_INVALID, 0,
		    "The language model answered 400", LLM_OTHER },
		{ 429, 7, "{\"error\":{\"code\":\"rate_limit_exceeded\"}}", RC_LATER, 7,
		    "The language model answered 429 rate_limit_exceeded", LLM_AWAY },
		{ 429, 9000, "", RC_LATER, 120, "The language model answered 429", LLM_AWAY },
		{ 429, 7, "{\"error\":{\"code\":\"insufficient_quota\"}}", RC_INVALID, 0,
		    "The language model answered 429 insufficient_quota", LLM_AWAY },
		{ 503, -1, "<h1>away</h1>", RC_LATER, 0, "The language model answered 503",
		    LLM_AWAY },
		{ 500, -1, "{\"error\":{\"code\":\"Words of a caller\"}}", RC_LATER, 0,
		    "The language model answered 500", LLM_AWAY },
	};
	struct arena *a = arena_new();
	struct llm_answer answer;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(
		    read_answer(a, cases[i].status, cases[i].retry_after_s, cases[i].body, &answer),
		    cases[i].rc);
		assert_string_equal(answer.error, cases[i].error);
		assert_int_equal(answer.retry_after_s, cases[i].wait_s);
		assert_int_equal(answer.fault, cases[i].fault);
		assert_null(answer.value);
	}
	arena_free(a);
}

static void
a_server_that_is_away_is_asked_later(void **state)
{
	struct fetch_result result = { .end = FETCH_UNKNOWN, .error = "timed out" };
	struct arena *a = arena_new();
	struct llm_answer answer;

	(void)state;
	assert_int_equal(llm_read(&result, a, &answer), RC_LATER);
	assert_string_equal(answer.error, "The language model could not be asked: timed out");
	assert_int_equal(answer.fault, LLM_AWAY);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_exactly_this),
		cmocka_unit_test(compatible_servers_get_their_name_of_the_limit),
		cmocka_unit_test(reads_an_answer),
		cmocka_unit_test(sorts_what_is_no_answer),
		cmocka_unit_test(a_server_that_is_away_is_asked_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
