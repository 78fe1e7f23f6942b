/* test_rt_gemini.c: the messages of the Gemini Live API, as its reference has them and as nobody should
 * send them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "remote/rt_gemini.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What the buffer holds must be this document. */
static void
says(struct buf *out, const char *expected)
{
	char why[64];
	json_t *one = json_parse_strict(out->data, out->len, why);
	json_t *two = json_parse_strict(expected, strlen(expected), why);

	assert_false(buf_failed(out));
	assert_non_null(one);
	assert_non_null(two);
	if (!json_equal(one, two))
		fail_msg("%s\nis not\n%s", out->data, expected);
	json_decref(one);
	json_decref(two);
	buf_clear(out);
}

#define SETUP_REST                                                                           \
	"\"systemInstruction\":{\"parts\":[{\"text\":\"Be kind.\"}]},"                       \
	"\"realtimeInputConfig\":{\"automaticActivityDetection\":{"                          \
	"\"startOfSpeechSensitivity\":\"START_SENSITIVITY_HIGH\","                           \
	"\"endOfSpeechSensitivity\":\"END_SENSITIVITY_HIGH\",\"prefixPaddingMs\":100,"       \
	"\"silenceDurationMs\":600},\"activityHandling\":\"START_OF_ACTIVITY_INTERRUPTS\"}," \
	"\"inputAudioTranscription\":{},\"outputAudioTranscription\":{},"                    \
	"\"contextWindowCompression\":{\"slidingWindow\":{}},"

static void
sets_a_session_up(void **state)
{
	struct buf out;
	json_t *tools = json_pack("[{s:s, s:s, s:{s:s}}]", "name", "ask_user", "description",
	    "Ask the customer", "parameters", "type", "object");
	struct rt_gemini_setup setup = { "gemini-3.8-live", "Be kind.", "Kore", tools, NULL };

	(void)state;
	buf_init(&out, 4096);
	rt_gemini_begin(&out, &setup);
	says(&out,
	    "{\"setup\":{\"model\":\"models/gemini-3.8-live\","
	    "\"generationConfig\":{\"responseModalities\":[\"AUDIO\"],\"speechConfig\":"
	    "{\"voiceConfig\":{\"prebuiltVoiceConfig\":{\"voiceName\":\"Kore\"}}}}," SETUP_REST
	    "\"sessionResumption\":{},\"tools\":[{\"functionDeclarations\":[{\"name\":\"ask_user\","
	    "\"description\":\"Ask the customer\",\"parametersJsonSchema\":{\"type\":\"object\"}}]}]}}");
	setup.model = "gemini-2.5-flash-native-audio-preview-12-2025";
	rt_gemini_begin(&out, &setup);
	assert_non_null(strstr(out.data, "\"behavior\":\"NON_BLOCKING\""));
	buf_clear(&out);
	setup = (struct rt_gemini_setup){ "m", "Be kind.", "", NULL, "h-7f21" };
	rt_gemini_begin(&out, &setup);
	says(&out,
	    "{\"setup\":{\"model\":\"models/m\",\"generationConfig\":{\"responseModalities\":"
	    "[\"AUDIO\"]}," SETUP_REST "\"sessionResumption\":{\"handle\":\"h-7f21\"}}}");
	json_decref(tools);
	buf_free(&out);
}

static void
says_the_rest(void **state)
{
	static const uint8_t pcm[] = { 0, 0, 0xff, 0x7f, 0, 0x80, 1, 0 };
	json_t *result = json_pack("{s:s}", "output", "window");
	struct buf out;

	(void)state;
	buf_init(&out, 512);
	rt_gemini_sound(&out, pcm, sizeof pcm);
	says(&out,
	    "{\"realtimeInput\":{\"audio\":{\"data\":\"AAD/fwCAAQA=\","
	    "\"mimeType\":\"audio/pcm;rate=16000\"}}}");
	rt_gemini_text(&out, "Say \"hello\".");
	says(&out, "{\"realtimeInput\":{\"text\":\"Say \\\"hello\\\".\"}}");
	rt_gemini_result(&out, "fc-41", "ask_user", result);
	says(&out,
	    "{\"toolResponse\":{\"functionResponses\":[{\"id\":\"fc-41\",\"name\":\"ask_user\","
	    "\"response\":{\"output\":\"window\"}}]}}");
	buf_free(&out);
	buf_init(&out, 80);
	rt_gemini_sound(&out, pcm, sizeof pcm);
	assert_true(buf_failed(&out)); /* its ceiling is kept */
	json_decref(result);
	buf_free(&out);
}

/* In memory of exactly its length, so that a step too far is seen; it is the caller's to free. */
static enum rc
reads(const char *text, struct rt_gemini_told *told, char **message)
{
	size_t len = strlen(text);

	*message = mem_alloc(len > 0 ? len : 1);
	memcpy(*message, text, len);
	return rt_gemini_read(*message, len, told);
}

static void
sound_alone_is_read_where_it_stands(void **state)
{
	struct rt_gemini_told told;
	char *message;

	(void)state;
	assert_int_equal(reads("{\"serverContent\": {\"modelTurn\":{\"parts\":[{\"inlineData\":{"
			       "\"mimeType\":\"audio/pcm;rate=24000\",\"data\":\"AAAA\"}}]}}}\n",
			     &told, &message),
	    RC_OK);
	assert_null(told.tree);
	assert_int_equal(told.sound_count, 1);
	assert_int_equal(told.sounds[0].len, 4);
	assert_memory_equal(told.sounds[0].base64, "AAAA", 4);
	rt_gemini_clear(&told);
	free(message);
}

static void
several_things_at_once(void **state)
{
	struct rt_gemini_told told;
	char *message;

	(void)state;
	assert_int_equal(
	    reads(
		"{\"serverContent\":{\"modelTurn\":{\"parts\":[{\"text\":\"thinking\","
		"\"thought\":true},{\"inlineData\":{\"mimeType\":\"audio/pcm;rate=24000\","
		"\"data\":\"AAAA\"}},{\"inlineData\":{\"mimeType\":\"audio/pcm;rate=24000\","
		"\"data\":\"AQAB\"}}]},\"outputTranscription\":{\"text\":\"Good evening, \"},"
		"\"inputTranscription\":{\"text\":\"Hello.\",\"finished\":true},"
		"\"generationComplete\":true,\"turnComplete\":true,\"interrupted\":true},"
		"\"toolCall\":{\"functionCalls\":[{\"id\":\"fc-41\",\"name\":\"ask_user\","
		"\"args\":{\"question\":\"Window or aisle?\"}},{\"id\":\"fc-42\",\"name\":\"x\"}]},"
		"\"toolCallCancellation\":{\"ids\":[\"fc-40\"]},\"goAway\":{\"timeLeft\":\"7.5s\"},"
		"\"sessionResumptionUpdate\":{\"newHandle\":\"h-7f21\",\"resumable\":true},"
		"\"setupComplete\":{\"sessionId\":\"s\"},\"newThing\":[],"
		"\"usageMetadata\":{\"promptTokenCount\":812}}",
		&told, &message),
	    RC_OK);
	assert_true(told.setup_complete);
	assert_true(told.interrupted);
	assert_true(told.generation_complete);
	assert_true(told.turn_complete);
	assert_int_equal(told.sound_count, 2);
	assert_string_equal(told.sounds[1].base64, "AQAB");
	assert_string_equal(told.spoken, "Good evening, ");
	assert_false(told.spoken_finished);
	assert_string_equal(told.heard, "Hello.");
	assert_true(told.heard_finished);
	assert_int_equal(told.call_count, 2);
	assert_string_equal(told.calls[0].id, "fc-41");
	assert_string_equal(told.calls[0].name, "ask_user");
	assert_string_equal(json_string_value(json_object_get(told.calls[0].arguments, "question")),
	    "Window or aisle?");
	assert_int_equal(json_object_size(told.calls[1].arguments), 0);
	assert_int_equal(told.cancelled_count, 1);
	assert_string_equal(told.cancelled[0], "fc-40");
	assert_true(told.go_away);
	assert_int_equal(told.go_away_ms, 7500);
	assert_true(told.resumption);
	assert_string_equal(told.handle, "h-7f21");
	rt_gemini_clear(&told);
	free(message);
}

static void
little_messages(void **state)
{
	struct rt_gemini_told told;
	char *message;

	(void)state;
	assert_int_equal(reads("{\"setupComplete\":{}}", &told, &message), RC_OK);
	assert_true(told.setup_complete);
	rt_gemini_clear(&told);
	free(message);
	assert_int_equal(reads("{\"serverContent\":{\"turnComplete\":true},\"usageMetadata\":{}}",
			     &told, &message),
	    RC_OK);
	assert_true(told.turn_complete);
	assert_false(told.interrupted || told.setup_complete || told.go_away || told.resumption);
	assert_null(told.heard);
	rt_gemini_clear(&told);
	free(message);
	assert_int_equal(
	    reads("{\"sessionResumptionUpdate\":{\"newHandle\":\"\",\"resumable\":false}}", &told,
		&message),
	    RC_OK);
	assert_true(told.resumption);
	assert_null(told.handle);
	rt_gemini_clear(&told);
	free(message);
	assert_int_equal(reads("{\"goAway\":{\"timeLeft\":\"soon\"}}", &told, &message), RC_OK);
	assert_true(told.go_away);
	assert_int_equal(told.go_away_ms, 0);
	rt_gemini_clear(&told);
	free(message);
	assert_int_equal(reads("{\"usageMetadata\":{}}", &told, &message), RC_OK);
	rt_gemini_clear(&told);
	free(message);
}

static void
what_is_none_of_it_is_refused(void **state)
{
#define BLOB(mime, data)                                                                    \
	"{\"serverContent\":{\"modelTurn\":{\"parts\":[{\"inlineData\":{\"mimeType\":" mime \
	",\"data\":" data "}}]}}}"
	static const char *const cases[] = { "", "x", "[]", "1", "{\"setupComplete\":1}",
		"{\"serverContent\":[]}", "{\"serverContent\":{\"interrupted\":1}}",
		"{\"serverContent\":{\"turnComplete\":\"true\"}}",
		"{\"serverContent\":{\"modelTurn\":[]}}",
		"{\"serverContent\":{\"modelTurn\":{\"parts\":{}}}}",
		"{\"serverContent\":{\"modelTurn\":{\"parts\":[1]}}}",
		"{\"serverContent\":{\"modelTurn\":{\"parts\":[{\"inlineData\":{}}]}}}",
		BLOB("\"audio/pcm;rate=16000\"", "\"AAAA\""), BLOB("\"image/png\"", "\"AAAA\""),
		BLOB("\"audio/pcm;rate=24000\"", "\"AAA\""), BLOB("\"audio/pcm;rate=24000\"", "1"),
		BLOB("\"audio/pcm;rate=24000\"", "\"AAAA\",\"data\":\"AAAA\""),
		BLOB("1", "\"AAAA\""), "{\"serverContent\":{\"inputTranscription\":\"x\"}}",
		"{\"serverContent\":{\"outputTranscription\":{\"text\":1}}}",
		"{\"serverContent\":{\"outputTranscription\":{\"finished\":1}}}",
		"{\"toolCall\":[]}",
		"{\"toolCall\":{\"functionCalls\":[{\"name\":\"x\",\"args\":{}}]}}",
		"{\"toolCall\":{\"functionCalls\":[{\"id\":\"1\",\"name\":\"x\",\"args\":[]}]}}",
		"{\"toolCall\":{\"functionCalls\":[1]}}",
		"{\"toolCall\":{\"functionCalls\":[{\"id\":1,\"name\":\"x\",\"args\":{}}]}}",
		("{\"toolCall\":{\"functionCalls\":"
		 "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}}"),
		"{\"toolCallCancellation\":{\"ids\":[1]}}", "{\"goAway\":\"10s\"}",
		"{\"sessionResumptionUpdate\":{\"newHandle\":\"h\",\"resumable\":\"yes\"}}",
		"{\"setupComplete\":{},\"setupComplete\":{}}", "{\"setupComplete\":{}}{}" };
	struct rt_gemini_told told;
	char *message;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		if (reads(cases[i], &told, &message) != RC_INVALID)
			fail_msg("was taken: %s", cases[i]);
		assert_null(told.tree);
		assert_int_equal(told.sound_count, 0);
		assert_int_equal(told.call_count, 0);
		free(message);
	}
}

static void
more_parts_than_we_hold(void **state)
{
	struct rt_gemini_told told;
	struct buf text;
	char *message;
	int i;

	(void)state;
	buf_init(&text, 1 << 16);
	buf_puts(&text, "{\"serverContent\":{\"modelTurn\":{\"parts\":[");
	for (i = 0; i <= RT_GEMINI_PARTS_MAX; i++)
		buf_printf(&text,
		    "%s{\"inlineData\":{\"mimeType\":\"audio/pcm;rate=24000\",\"data\":\"AAAA\"}}",
		    i == 0 ? "" : ",");
	buf_puts(&text, "]}}}");
	assert_int_equal(reads(text.data, &told, &message), RC_INVALID);
	free(message);
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_a_session_up),
		cmocka_unit_test(says_the_rest),
		cmocka_unit_test(sound_alone_is_read_where_it_stands),
		cmocka_unit_test(several_things_at_once),
		cmocka_unit_test(little_messages),
		cmocka_unit_test(what_is_none_of_it_is_refused),
		cmocka_unit_test(more_parts_than_we_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
