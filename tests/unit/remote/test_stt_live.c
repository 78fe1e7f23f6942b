/* test_stt_live.c: what is asked of Deepgram's live API, and what its messages come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "remote/stt_live.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define QUERY                                                                       \
	"model=nova-3&encoding=mulaw&sample_rate=8000&channels=1&smart_format=true" \
	"&interim_results=true&endpointing=300&utterance_end_ms=1000&language="

static void
where_to(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 512);
	stt_live_url(&out, "wss://api.deepgram.com/v1/listen", "ru");
	assert_string_equal(out.data, "wss://api.deepgram.com/v1/listen?" QUERY "ru");
	buf_clear(&out);
	stt_live_url(&out, "wss://h/v1/listen?mip_opt_out=true", "auto");
	assert_string_equal(out.data, "wss://h/v1/listen?mip_opt_out=true&" QUERY "multi");
	buf_clear(&out);
	stt_live_url(&out, "wss://h/x", "a&b");
	assert_string_equal(out.data, "wss://h/x?" QUERY "a%26b");
	buf_free(&out);
}

/* Results with these flags; words (JSON, or "") are its words. */
static enum stt_live_said
results(struct stt_live *s, const char *text, const char *flags, const char *words)
{
	enum stt_live_said said;
	struct buf m;

	buf_init(&m, 1 << 16);
	buf_printf(&m,
	    "{\"type\":\"Results\",\"channel_index\":[0,1],\"start\":3.2,\"duration\":1.1,%s"
	    "\"channel\":{\"alternatives\":[{\"transcript\":\"%s\",\"confidence\":0.98,"
	    "\"words\":[%s]}]},\"metadata\":{\"request_id\":\"0d6a\"}}",
	    flags, text, words);
	assert_int_equal(stt_live_read(s, m.data, m.len, &said), RC_OK);
	buf_free(&m);
	return said;
}

static enum stt_live_said
other(struct stt_live *s, const char *message)
{
	enum stt_live_said said;

	assert_int_equal(stt_live_read(s, message, strlen(message), &said), RC_OK);
	return said;
}

#define GUESS "\"is_final\":false,\"speech_final\":false,"
#define SETTLED "\"is_final\":true,\"speech_final\":false,"
#define ENDED "\"is_final\":true,\"speech_final\":true,"
#define UTTERANCE_END "{\"type\":\"UtteranceEnd\",\"channel\":[0,1],\"last_word_end\":4.3}"

static void
parts_come_to_an_utterance(void **state)
{
	struct stt_live s;

	(void)state;
	stt_live_init(&s);
	assert_int_equal(results(&s, "a table", GUESS, ""), STT_LIVE_NOTHING);
	assert_int_equal(results(&s, "A table", SETTLED,
			     "{\"word\":\"a\",\"start\":3.3,\"end\":3.4},"
			     "{\"word\":\"table\",\"start\":3.41,\"end\":3.7}"),
	    STT_LIVE_NOTHING);
	assert_int_equal(results(&s, "", SETTLED, ""), STT_LIVE_NOTHING);
	assert_int_equal(
	    results(&s, "for four.", ENDED, "{\"word\":\"for\",\"start\":4.0,\"end\":4.2345}"),
	    STT_LIVE_UTTERANCE);
	assert_string_equal(s.text.data, "A table for four.");
	assert_int_equal(s.start_ms, 3300);
	assert_int_equal(s.end_ms, 4235);
	/* It was told: the end that follows is no second one. */
	assert_int_equal(other(&s, UTTERANCE_END), STT_LIVE_NOTHING);
	assert_false(stt_live_rest(&s));
	/* Times without words are those of the span. */
	assert_int_equal(results(&s, "Yes.", ENDED, ""), STT_LIVE_UTTERANCE);
	assert_string_equal(s.text.data, "Yes.");
	assert_int_equal(s.start_ms, 3200);
	assert_int_equal(s.end_ms, 4300);
	stt_live_free(&s);
}

static void
noise_hides_the_pause(void **state)
{
	struct stt_live s;

	(void)state;
	stt_live_init(&s);
	assert_int_equal(other(&s, UTTERANCE_END), STT_LIVE_NOTHING);
	assert_int_equal(results(&s, "Hello?", SETTLED, ""), STT_LIVE_NOTHING);
	assert_int_equal(other(&s, UTTERANCE_END), STT_LIVE_UTTERANCE);
	assert_string_equal(s.text.data, "Hello?");
	/* An end without words says that somebody has breathed. */
	assert_int_equal(results(&s, "", ENDED, ""), STT_LIVE_NOTHING);
	stt_live_free(&s);
}

static void
an_end_without_words_of_its_own(void **state)
{
	struct stt_live s;

	(void)state;
	stt_live_init(&s);
	assert_int_equal(results(&s, "One.", SETTLED, ""), STT_LIVE_NOTHING);
	assert_int_equal(results(&s, "", ENDED, ""), STT_LIVE_UTTERANCE);
	assert_string_equal(s.text.data, "One.");
	stt_live_free(&s);
}

static void
what_is_left_at_the_end(void **state)
{
	struct stt_live s;

	(void)state;
	stt_live_init(&s);
	assert_int_equal(results(&s, "Wait", SETTLED, ""), STT_LIVE_NOTHING);
	assert_int_equal(other(&s,
			     "{\"type\":\"Metadata\",\"transaction_key\":\"deprecated\","
			     "\"request_id\":\"0d6a\",\"duration\":61.2,\"channels\":1}"),
	    STT_LIVE_OVER);
	assert_true(stt_live_rest(&s));
	assert_string_equal(s.text.data, "Wait");
	assert_false(stt_live_rest(&s));
	stt_live_free(&s);
}

static void
nothing_grows_without_end(void **state)
{
	char text[4000];
	struct stt_live s;
	int i;

	(void)state;
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	stt_live_init(&s);
	for (i = 0; i < 5; i++)
		assert_int_equal(results(&s, text, SETTLED, ""), STT_LIVE_NOTHING);
	assert_int_equal(other(&s, UTTERANCE_END), STT_LIVE_UTTERANCE);
	assert_int_equal(s.text.len, 2 * (sizeof text - 1) + 1);
	assert_false(buf_failed(&s.text));
	stt_live_free(&s);
}

static void
times_that_are_none(void **state)
{
	struct stt_live s;

	(void)state;
	stt_live_init(&s);
	assert_int_equal(
	    results(&s, "x", ENDED, "{\"start\":1e300,\"end\":-5}"), STT_LIVE_UTTERANCE);
	assert_int_equal(s.start_ms, 0);
	assert_int_equal(s.end_ms, 0);
	assert_int_equal(results(&s, "x", ENDED, "{\"start\":5,\"end\":2}"), STT_LIVE_UTTERANCE);
	assert_int_equal(s.start_ms, 5000);
	assert_int_equal(s.end_ms, 5000);
	assert_int_equal(results(&s, "x", ENDED, "1,2"), STT_LIVE_UTTERANCE);
	assert_int_equal(s.start_ms, 3200);
	stt_live_free(&s);
}

static void
what_is_none_of_it_is_refused(void **state)
{
	static const char *const cases[] = { "", "x", "[]", "{}", "{\"type\":1}",
		"{\"type\":\"Results\"}",
		"{\"type\":\"Results\",\"channel\":{\"alternatives\":[]}}",
		"{\"type\":\"Results\",\"channel\":{\"alternatives\":[{\"transcript\":1}]}}",
		"{\"type\":\"Results\",\"type\":\"Results\"}" };
	enum stt_live_said said;
	struct stt_live s;
	size_t i;

	(void)state;
	stt_live_init(&s);
	assert_int_equal(results(&s, "Hello", SETTLED, ""), STT_LIVE_NOTHING);
	for (i = 0; i < COUNT(cases); i++)
		assert_int_equal(stt_live_read(&s, cases[i], strlen(cases[i]), &said), RC_INVALID);
	assert_int_equal(
	    other(&s, "{\"type\":\"SpeechStarted\",\"timestamp\":3.2}"), STT_LIVE_NOTHING);
	assert_int_equal(other(&s, "{\"type\":\"SomethingNew\"}"), STT_LIVE_NOTHING);
	assert_int_equal(other(&s, UTTERANCE_END), STT_LIVE_UTTERANCE);
	assert_string_equal(s.text.data, "Hello");
	stt_live_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_to),
		cmocka_unit_test(parts_come_to_an_utterance),
		cmocka_unit_test(noise_hides_the_pause),
		cmocka_unit_test(an_end_without_words_of_its_own),
		cmocka_unit_test(what_is_left_at_the_end),
		cmocka_unit_test(nothing_grows_without_end),
		cmocka_unit_test(times_that_are_none),
		cmocka_unit_test(what_is_none_of_it_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
