/* test_rt_openai.c: the messages of OpenAI's Realtime API, as its reference has them and as nobody should
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
#include "remote/rt_openai.h"

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

static void
configures_a_session(void **state)
{
	struct buf out;
	json_t *tools = json_pack("[{s:s, s:s, s:{s:s}}]", "name", "ask_user", "description",
	    "Ask the customer", "parameters", "type", "object");
	struct rt_openai_session session = { "Be \"kind\".", "pt-BR", "cedar", tools, true };

	(void)state;
	buf_init(&out, 4096);
	rt_openai_update(&out, &session);
	says(&out,
	    "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\","
	    "\"output_modalities\":[\"audio\"],\"instructions\":\"Be \\\"kind\\\".\","
	    "\"audio\":{\"input\":{\"format\":{\"type\":\"audio/pcmu\"},"
	    "\"transcription\":{\"model\":\"gpt-4o-mini-transcribe\",\"language\":\"pt\"},"
	    "\"turn_detection\":{\"type\":\"server_vad\",\"threshold\":0.5,\"prefix_padding_ms\":300,"
	    "\"silence_duration_ms\":500,\"create_response\":true,\"interrupt_response\":true}},"
	    "\"output\":{\"format\":{\"type\":\"audio/pcmu\"},\"voice\":\"cedar\"}},"
	    "\"tools\":[{\"type\":\"function\",\"name\":\"ask_user\",\"description\":"
	    "\"Ask the customer\",\"parameters\":{\"type\":\"object\"}}],\"tool_choice\":\"auto\"}}");
	assert_null(json_object_get(json_array_get(tools, 0), "type")); /* the caller's stay his */
	session = (struct rt_openai_session){ "x", "auto", NULL, NULL, false };
	rt_openai_update(&out, &session);
	assert_null(strstr(out.data, "language"));
	assert_null(strstr(out.data, "voice"));
	assert_non_null(strstr(out.data, "\"tools\":[]"));
	assert_non_null(strstr(out.data, "\"create_response\":false,\"interrupt_response\":false"));
	buf_clear(&out);
	session.instructions = "\xff";
	rt_openai_update(&out, &session);
	assert_true(buf_failed(&out));
	json_decref(tools);
	buf_free(&out);
}

static void
says_the_rest(void **state)
{
	json_t *result = json_pack("{s:s}", "answer", "\"window\"");
	struct buf out;

	(void)state;
	buf_init(&out, 512);
	rt_openai_append(&out, "/////w==", 8);
	assert_string_equal(
	    out.data, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"/////w==\"}");
	buf_clear(&out);
	rt_openai_truncate(&out, "item_a1", 1480);
	says(&out,
	    "{\"type\":\"conversation.item.truncate\",\"item_id\":\"item_a1\",\"content_index\":0,"
	    "\"audio_end_ms\":1480}");
	rt_openai_say(&out, RT_OPENAI_SYSTEM, "a\nb");
	says(&out,
	    "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\",\"role\":\"system\","
	    "\"content\":[{\"type\":\"input_text\",\"text\":\"a\\nb\"}]}}");
	rt_openai_say(&out, RT_OPENAI_ASSISTANT, "c");
	says(&out,
	    "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\","
	    "\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"c\"}]}}");
	rt_openai_result(&out, "call_7", result);
	says(&out,
	    "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"function_call_output\","
	    "\"call_id\":\"call_7\",\"output\":\"{\\\"answer\\\":\\\"\\\\\\\"window\\\\\\\"\\\"}\"}}");
	rt_openai_open(&out, "auto");
	says(&out,
	    "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"audio\":{\"input\":{"
	    "\"format\":{\"type\":\"audio/pcmu\"},"
	    "\"transcription\":{\"model\":\"gpt-4o-mini-transcribe\"},"
	    "\"turn_detection\":{\"type\":\"server_vad\",\"threshold\":0.5,\"prefix_padding_ms\":300,"
	    "\"silence_duration_ms\":500,\"create_response\":true,\"interrupt_response\":true}},"
	    "\"output\":{\"format\":{\"type\":\"audio/pcmu\"}}}}}");
	rt_openai_respond(&out);
	says(&out, "{\"type\":\"response.create\",\"event_id\":\"respond\"}");
	json_decref(result);
	buf_free(&out);
}

/* In memory of exactly its length, so that a step too far is seen; it is the caller's to free. */
static enum rc
reads(const char *text, struct rt_openai_event *event, char **message)
{
	size_t len = strlen(text);

	*message = mem_alloc(len > 0 ? len : 1);
	memcpy(*message, text, len);
	return rt_openai_read(*message, len, event);
}

static void
sound_is_read_where_it_stands(void **state)
{
	static const char *const cases[] = {
		"{\"type\":\"response.output_audio.delta\",\"event_id\":\"event_9\","
		"\"response_id\":\"resp_2\",\"item_id\":\"item_a1\",\"output_index\":0,"
		"\"content_index\":0,\"delta\":\"fn5+fg==\"}",
		" {\"delta\" : \"fn5+fg==\" ,\"item_id\":\"item_a1\","
		"\"type\":\"response.output_audio.delta\"}\n",
	};
	struct rt_openai_event event;
	char *message;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(reads(cases[i], &event, &message), RC_OK);
		assert_int_equal(event.kind, RT_OPENAI_AUDIO);
		assert_null(event.tree);
		assert_string_equal(event.item, "item_a1");
		assert_int_equal(event.text_len, 8);
		assert_memory_equal(event.text, "fn5+fg==", 8);
		assert_true(event.text > message && event.text < message + strlen(cases[i]));
		rt_openai_clear(&event);
		free(message);
	}
}

static void
sound_that_is_written_otherwise_is_the_same(void **state)
{
	struct rt_openai_event event;
	char *message;

	(void)state;
	assert_int_equal(reads("{\"type\":\"response.output_audio.delta\",\"item_id\":\"i\","
			       "\"more\":{\"delta\":\"\"},\"delta\":\"fn5\\u002bfg==\"}",
			     &event, &message),
	    RC_OK);
	assert_int_equal(event.kind, RT_OPENAI_AUDIO);
	assert_string_equal(event.text, "fn5+fg==");
	assert_int_equal(event.text_len, 8);
	rt_openai_clear(&event);
	free(message);
}

static void
every_kind_is_told_apart(void **state)
{
	static const struct {
		const char *message;
		enum rt_openai_kind kind;
		const char *item, *text;
	} cases[] = {
		{ "{\"type\":\"input_audio_buffer.speech_started\",\"audio_start_ms\":1200,"
		  "\"item_id\":\"item_u1\"}",
		    RT_OPENAI_SPEECH_STARTED, NULL, NULL },
		{ "{\"type\":\"conversation.item.input_audio_transcription.delta\","
		  "\"item_id\":\"item_u1\",\"content_index\":0,\"delta\":\"Good \"}",
		    RT_OPENAI_HEARD_PART, "item_u1", "Good " },
		{ "{\"type\":\"conversation.item.input_audio_transcription.completed\","
		  "\"item_id\":\"item_u1\",\"content_index\":0,\"transcript\":\"Good day.\","
		  "\"usage\":{}}",
		    RT_OPENAI_HEARD, "item_u1", "Good day." },
		{ "{\"type\":\"response.output_audio_transcript.delta\",\"item_id\":\"item_a1\","
		  "\"delta\":\"Hel\"}",
		    RT_OPENAI_SPOKEN_PART, "item_a1", "Hel" },
		{ "{\"type\":\"response.output_audio_transcript.done\",\"item_id\":\"item_a1\","
		  "\"transcript\":\"Hello.\"}",
		    RT_OPENAI_SPOKEN, "item_a1", "Hello." },
		{ "{\"type\":\"rate_limits.updated\",\"rate_limits\":[]}", RT_OPENAI_OTHER, NULL,
		    NULL },
		{ "{\"type\":\"response.output_audio.done\",\"item_id\":1}", RT_OPENAI_OTHER, NULL,
		    NULL },
		{ "{\"type\":\"something.new\",\"session\":[]}", RT_OPENAI_OTHER, NULL, NULL },
	};
	struct rt_openai_event event;
	char *message;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(reads(cases[i].message, &event, &message), RC_OK);
		assert_int_equal(event.kind, cases[i].kind);
		if (cases[i].item != NULL)
			assert_string_equal(event.item, cases[i].item);
		if (cases[i].text != NULL)
			assert_string_equal(event.text, cases[i].text);
		rt_openai_clear(&event);
		free(message);
	}
}

static void
the_formats_are_those_asked_for_or_not(void **state)
{
	static const struct {
		const char *message;
		enum rt_openai_kind kind;
		bool pcmu;
	} cases[] = {
		{ "{\"type\":\"session.created\",\"session\":{\"type\":\"realtime\",\"audio\":{\"input\":"
		  "{\"format\":{\"type\":\"audio/pcm\",\"rate\":24000}}}}}",
		    RT_OPENAI_CREATED, false },
		{ "{\"type\":\"session.updated\",\"session\":{\"audio\":{\"input\":{\"format\":{\"type\":"
		  "\"audio/pcmu\"}},\"output\":{\"format\":{\"type\":\"audio/pcmu\"}}}}}",
		    RT_OPENAI_UPDATED, true },
		{ "{\"type\":\"session.updated\",\"session\":{\"audio\":{\"input\":{\"format\":{\"type\":"
		  "\"audio/pcmu\"}},\"output\":{\"format\":{\"type\":\"audio/pcm\"}}}}}",
		    RT_OPENAI_UPDATED, false },
		{ "{\"type\":\"session.updated\",\"session\":{\"audio\":[]}}", RT_OPENAI_UPDATED,
		    false },
	};
	struct rt_openai_event event;
	char *message;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(reads(cases[i].message, &event, &message), RC_OK);
		assert_int_equal(event.kind, cases[i].kind);
		assert_int_equal(event.pcmu, cases[i].pcmu);
		rt_openai_clear(&event);
		free(message);
	}
}

static void
how_a_response_ended(void **state)
{
	static const struct {
		const char *message;
		enum rt_openai_status status;
	} cases[] = {
		{ "{\"type\":\"response.done\",\"response\":{\"id\":\"resp_2\",\"status\":\"cancelled\","
		  "\"status_details\":{\"type\":\"cancelled\",\"reason\":\"turn_detected\"},"
		  "\"output\":[],\"usage\":{\"total_tokens\":310}}}",
		    RT_OPENAI_CANCELLED },
		{ "{\"type\":\"response.done\",\"response\":{\"id\":\"resp_2\",\"status\":\"completed\"}}",
		    RT_OPENAI_COMPLETED },
		{ "{\"type\":\"response.done\",\"response\":{\"id\":\"resp_2\",\"status\":"
		  "\"incomplete\"}}",
		    RT_OPENAI_INCOMPLETE },
		{ "{\"type\":\"response.done\",\"response\":{\"id\":\"resp_2\",\"status\":\"failed\"}}",
		    RT_OPENAI_FAILED },
		{ "{\"type\":\"response.done\",\"response\":{\"id\":\"resp_2\",\"status\":\"lost\"}}",
		    RT_OPENAI_FAILED },
	};
	struct rt_openai_event event;
	char *message;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(reads(cases[i].message, &event, &message), RC_OK);
		assert_int_equal(event.kind, RT_OPENAI_DONE);
		assert_string_equal(event.response, "resp_2");
		assert_int_equal(event.status, cases[i].status);
		rt_openai_clear(&event);
		free(message);
	}
}

static void
tools_with_arguments_and_with_nonsense(void **state)
{
	struct rt_openai_event event;
	char *message;

	(void)state;
	assert_int_equal(
	    reads("{\"type\":\"response.function_call_arguments.done\",\"call_id\":\"call_7\","
		  "\"name\":\"ask_user\",\"arguments\":\"{\\\"question\\\":\\\"Window?\\\"}\"}",
		&event, &message),
	    RC_OK);
	assert_int_equal(event.kind, RT_OPENAI_TOOL);
	assert_string_equal(event.call_id, "call_7");
	assert_string_equal(event.name, "ask_user");
	assert_string_equal(
	    json_string_value(json_object_get(event.arguments, "question")), "Window?");
	rt_openai_clear(&event);
	free(message);
	assert_int_equal(
	    reads("{\"type\":\"response.function_call_arguments.done\",\"call_id\":\"call_7\","
		  "\"name\":\"ask_user\",\"arguments\":\"[1\"}",
		&event, &message),
	    RC_OK);
	assert_int_equal(event.kind, RT_OPENAI_TOOL);
	assert_null(event.arguments);
	rt_openai_clear(&event);
	free(message);
}

static void
errors_keep_their_code_alone(void **state)
{
	static const struct {
		const char *message, *code;
		bool expired;
	} cases[] = {
		{ "{\"type\":\"error\",\"event_id\":\"event_31\",\"error\":{\"type\":"
		  "\"invalid_request_error\",\"code\":\"invalid_value\",\"message\":\"...\",\"param\":"
		  "\"session.audio.output.format\",\"event_id\":\"our-12\"}}",
		    "invalid_value", false },
		{ "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"code\":"
		  "\"session_expired\",\"message\":\"...\",\"param\":null}}",
		    "session_expired", true },
		{ "{\"type\":\"error\",\"error\":{\"type\":\"server_error\",\"code\":null}}",
		    "server_error", false },
		{ "{\"type\":\"error\",\"error\":{\"type\":\"x\",\"code\":\"Your text was: hello\"}}",
		    "", false },
		{ "{\"type\":\"error\",\"error\":{}}", "", false },
	};
	struct rt_openai_event event;
	char *message;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(reads(cases[i].message, &event, &message), RC_OK);
		assert_int_equal(event.kind, RT_OPENAI_ERROR);
		assert_string_equal(event.code, cases[i].code);
		assert_int_equal(event.expired, cases[i].expired);
		rt_openai_clear(&event);
		free(message);
	}
}

static void
what_is_none_of_it_is_refused(void **state)
{
	static const char *const cases[] = { "", "x", "[]", "{}", "\"error\"", "{\"type\":1}",
		"{\"type\":\"error\"}", "{\"type\":\"error\",\"error\":\"x\"}",
		"{\"type\":\"error\",\"type\":\"error\",\"error\":{}}",
		"{\"type\":\"session.created\"}", "{\"type\":\"response.created\",\"response\":{}}",
		"{\"type\":\"response.created\",\"response\":{\"id\":1}}",
		"{\"type\":\"response.done\",\"response\":{\"id\":\"r\"}}",
		"{\"type\":\"response.output_audio.delta\",\"item_id\":\"i\"}",
		"{\"type\":\"response.output_audio.delta\",\"delta\":\"AAAA\"}",
		"{\"type\":\"response.output_audio.delta\",\"item_id\":\"\",\"delta\":\"AAAA\"}",
		"{\"type\":\"response.output_audio.delta\",\"item_id\":\"i\",\"delta\":\"AAA\"}",
		"{\"type\":\"response.output_audio.delta\",\"item_id\":\"i\",\"delta\":\"AA\\\"A\"}",
		"{\"type\":\"response.output_audio.delta\",\"item_id\":\"i\",\"delta\":\"AAAA\","
		"\"delta\":\"AAAA\"}",
		"{\"type\":\"response.output_audio.delta\",\"item_id\":\"i\",\"delta\":1}",
		"{\"type\":\"response.output_audio.delta\",\"item_id\":\"i\",\"delta\":\"AAAA\"}x",
		"{\"type\":\"response.function_call_arguments.done\",\"call_id\":\"c\","
		"\"name\":\"n\",\"arguments\":{}}",
		"{\"type\":\"response.function_call_arguments.done\",\"call_id\":\"c\","
		"\"arguments\":\"{}\"}",
		"{\"type\":\"conversation.item.input_audio_transcription.completed\","
		"\"item_id\":\"i\",\"transcript\":null}" };
	struct rt_openai_event event;
	char *message;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		if (reads(cases[i], &event, &message) != RC_INVALID)
			fail_msg("was taken: %s", cases[i]);
		assert_null(event.tree);
		assert_null(event.text);
		free(message);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(configures_a_session),
		cmocka_unit_test(says_the_rest),
		cmocka_unit_test(sound_is_read_where_it_stands),
		cmocka_unit_test(sound_that_is_written_otherwise_is_the_same),
		cmocka_unit_test(every_kind_is_told_apart),
		cmocka_unit_test(the_formats_are_those_asked_for_or_not),
		cmocka_unit_test(how_a_response_ended),
		cmocka_unit_test(tools_with_arguments_and_with_nonsense),
		cmocka_unit_test(errors_keep_their_code_alone),
		cmocka_unit_test(what_is_none_of_it_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
