/* test_stt.c: what is asked of speech to text, and what is made of its answers, whole or broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "remote/stt.h"

static const struct stt stt = { "https://stt.example", "k3y", NULL };

static void
asks_exactly_this(void **state)
{
	static const struct {
		const char *language, *query;
	} cases[] = {
		{ "en", "language=en" },
		{ "pt-BR", "language=pt-BR" },
		{ "auto", "detect_language=true" },
		{ "", "detect_language=true" },
		{ "e", "detect_language=true" },
		{ "en&model=x", "detect_language=true" },
		{ "klingonisch", "detect_language=true" },
	};
	struct arena *a = arena_new();
	struct fetch f;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		stt_request(&stt, a, 7, 1234, cases[i].language, &f);
		assert_string_equal(f.url,
		    arena_printf(a, "https://stt.example/v1/listen?model=nova-3&punctuate=true&%s",
			cases[i].query));
	}
	assert_string_equal(f.method, "POST");
	assert_string_equal(f.headers[0], "Authorization: Token k3y");
	assert_null(f.headers[1]);
	assert_string_equal(f.content_type, "audio/mpeg");
	assert_null(f.body);
	assert_int_equal(f.from_fd, 7);
	assert_int_equal(f.body_len, 1234);
	assert_true(f.total_ms >= 600000);
	arena_free(a);
}

static enum rc
read_answer(struct arena *a, long status, const char *body, struct stt_words *words)
{
	struct fetch_result result = { .end = FETCH_ANSWERED, .status = status };
	enum rc rc;

	buf_init(&result.body, 1 << 20);
	buf_puts(&result.body, body);
	rc = stt_read(&result, a, words);
	buf_free(&result.body);
	return rc;
}

#define WORDS(list)                                                                          \
	"{\"metadata\":{\"request_id\":\"r\"},\"results\":{\"channels\":[{\"alternatives\":" \
	"[{\"transcript\":\"x\",\"confidence\":0.9,\"words\":[" list "]}]}]}}"

static void
reads_words(void **state)
{
	struct arena *a = arena_new();
	struct stt_words w;

	(void)state;
	assert_int_equal(read_answer(a, 200,
			     WORDS("{\"word\":\"da\",\"punctuated_word\":\"Da,\",\"start\":0.48,"
				   "\"end\":0.7204,\"confidence\":0.98},"
				   "{\"word\":\"net\",\"start\":1,\"end\":-3},"
				   "{\"word\":\"\",\"start\":1,\"end\":2},{\"start\":1},7,"
				   "{\"word\":\"far\",\"start\":1e300,\"end\":1e9}"),
			     &w),
	    RC_OK);
	assert_int_equal(w.count, 3);
	assert_string_equal(w.words[0].text, "Da,");
	assert_int_equal(w.words[0].start_ms, 480);
	assert_int_equal(w.words[0].end_ms, 720);
	assert_true(w.words[0].confidence > 0.97);
	assert_string_equal(w.words[1].text, "net");
	assert_int_equal(w.words[1].start_ms, 1000);
	assert_int_equal(w.words[1].end_ms, 0);
	assert_int_equal(w.words[2].start_ms, 0);
	assert_int_equal(read_answer(a, 200, WORDS(""), &w), RC_OK);
	assert_int_equal(w.count, 0);
	arena_free(a);
}

static void
sorts_errors(void **state)
{
	static const struct {
		long status;
		const char *body;
		enum rc rc;
		const char *says;
	} cases[] = {
		{ 401, "{\"err_code\":\"INVALID_AUTH\",\"err_msg\":\"no\",\"request_id\":\"5a1f\"}",
		    RC_INVALID, "Deepgram answered 401 INVALID_AUTH, request 5a1f" },
		{ 400, "{\"category\":\"INVALID_JSON\",\"message\":\"m\",\"details\":\"d\"}",
		    RC_INVALID, "Deepgram answered 400 INVALID_JSON" },
		{ 402, "plain text", RC_INVALID, "Deepgram answered 402" },
		{ 429, "{\"err_code\":\"TOO_MANY_REQUESTS\"}", RC_LATER,
		    "Deepgram answered 429 TOO_MANY_REQUESTS" },
		{ 408, "", RC_LATER, "Deepgram answered 408" },
		{ 503, "{\"err_code\":\"he said: book a table\"}", RC_LATER,
		    "Deepgram answered 503" },
		{ 504, "[]", RC_LATER, "Deepgram answered 504" },
		{ 200, "{\"request_id\":\"r\"}", RC_LATER, "Deepgram's answer holds no words" },
		{ 200, "{", RC_LATER, "Deepgram's answer holds no words" },
		{ 302, "", RC_LATER, "Deepgram answered 302" },
	};
	struct fetch_result lost = { .end = FETCH_UNKNOWN, .error = "timeout" };
	struct arena *a = arena_new();
	struct stt_words w;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(read_answer(a, cases[i].status, cases[i].body, &w), cases[i].rc);
		assert_string_equal(w.error, cases[i].says);
	}
	assert_int_equal(stt_read(&lost, a, &w), RC_LATER);
	assert_string_equal(w.error, "Deepgram could not be asked: timeout");
	arena_free(a);
}

/* ---- who said what ---- */

static enum rc
read_talk(struct arena *a, long status, const char *body, struct stt_talk *talk)
{
	struct fetch_result result = { .end = FETCH_ANSWERED, .status = status };
	enum rc rc;

	buf_init(&result.body, 1 << 20);
	buf_puts(&result.body, body);
	rc = stt_talk_read(&result, a, talk);
	buf_free(&result.body);
	return rc;
}

static void
tells_speakers_apart(void **state)
{
	struct arena *a = arena_new();
	struct stt_talk talk;
	struct fetch f;

	(void)state;
	stt_talk_request(&stt, a, 7, 1234, "audio/wav", &f);
	assert_string_equal(f.url,
	    "https://stt.example/v1/listen?model=nova-3&smart_format=true&detect_language=true"
	    "&utterances=true&diarize_model=latest");
	assert_string_equal(f.headers[0], "Authorization: Token k3y");
	assert_string_equal(f.content_type, "audio/wav");
	assert_int_equal(f.from_fd, 7);
	assert_int_equal(f.body_len, 1234);
	assert_int_equal(read_talk(a, 200,
			     "{\"results\":{\"channels\":[],\"utterances\":["
			     "{\"start\":0.48,\"end\":2.9,\"channel\":0,\"speaker\":1,"
			     "\"transcript\":\"Hello.\"},"
			     "{\"start\":3,\"end\":4,\"channel\":1,\"transcript\":\"Yes.\"},"
			     "{\"start\":-1,\"end\":1e300,\"speaker\":-7,\"transcript\":\"No.\"},"
			     "{\"start\":5,\"end\":6,\"speaker\":0,\"transcript\":\"\"},"
			     "{\"speaker\":0},7,null]}}",
			     &talk),
	    RC_OK);
	assert_int_equal(talk.count, 3);
	assert_int_equal(talk.turns[0].speaker, 1);
	assert_string_equal(talk.turns[0].text, "Hello.");
	assert_int_equal(talk.turns[0].start_ms, 480);
	assert_int_equal(talk.turns[0].end_ms, 2900);
	assert_int_equal(talk.turns[1].speaker, 1); /* of its channel */
	assert_int_equal(talk.turns[2].speaker, 0);
	assert_int_equal(talk.turns[2].start_ms, 0);
	assert_int_equal(talk.turns[2].end_ms, 0);
	assert_int_equal(read_talk(a, 200, "{\"results\":{\"utterances\":[]}}", &talk), RC_OK);
	assert_int_equal(talk.count, 0);
	arena_free(a);
}

static void
knows_when_nobody_is_answered(void **state)
{
	static const struct {
		long status;
		enum rc rc;
		bool away;
	} cases[] = {
		{ 200, RC_LATER, false }, /* no utterances */
		{ 400, RC_INVALID, false },
		{ 413, RC_INVALID, false },
		{ 401, RC_INVALID, true },
		{ 402, RC_INVALID, true },
		{ 403, RC_INVALID, true },
		{ 408, RC_LATER, true },
		{ 429, RC_LATER, true },
		{ 503, RC_LATER, true },
	};
	struct fetch_result lost = { .end = FETCH_UNKNOWN, .error = "timeout" };
	struct arena *a = arena_new();
	struct stt_talk talk;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(read_talk(a, cases[i].status, "{}", &talk), cases[i].rc);
		assert_int_equal(talk.away, cases[i].away);
		assert_non_null(talk.error);
	}
	assert_int_equal(stt_talk_read(&lost, a, &talk), RC_LATER);
	assert_true(talk.away);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_exactly_this),
		cmocka_unit_test(reads_words),
		cmocka_unit_test(sorts_errors),
		cmocka_unit_test(tells_speakers_apart),
		cmocka_unit_test(knows_when_nobody_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
