/* The carrier's messages: what is taken, what is refused, what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "voice/frames.h"

#define MZ "MZ00112233445566778899aabbccddeeff"
#define AC "AC0f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define CA "CA5a4b3c2d1e0f00112233445566778899"
#define START(account, call, encoding, rate)                                                      \
	"{\"event\":\"start\",\"sequenceNumber\":\"1\",\"streamSid\":\"" MZ                       \
	"\",\"start\":{\"streamSid\":\"" MZ "\",\"accountSid\":\"" account                        \
	"\",\"callSid\":\"" call "\",\"tracks\":[\"inbound\"],\"customParameters\":"              \
	"{\"token\":\"abc\"},\"mediaFormat\":{\"encoding\":\"" encoding "\",\"sampleRate\":" rate \
	",\"channels\":1}}}"
#define MEDIA(track, payload)                                                          \
	"{\"event\":\"media\",\"sequenceNumber\":\"7\",\"streamSid\":\"" MZ            \
	"\",\"media\":{\"track\":\"" track "\",\"chunk\":\"6\",\"timestamp\":\"120\"," \
	"\"payload\":\"" payload "\"}}"

static bool
reads(const char *text, struct frame *f)
{
	return frame_read(text, strlen(text), f);
}

static void
test_taken(void **state)
{
	static const struct {
		const char *text;
		enum frame_kind kind;
	} cases[] = {
		{ "{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}",
		    FRAME_CONNECTED },
		{ START(AC, CA, "audio/x-mulaw", "8000"), FRAME_START },
		{ MEDIA("inbound", "/////w=="), FRAME_SOUND },
		{ MEDIA("outbound", "/////w=="), FRAME_OTHER },
		{ "{\"event\":\"dtmf\",\"streamSid\":\"" MZ
		  "\",\"dtmf\":{\"track\":\"inbound_track\",\"digit\":\"5\"}}",
		    FRAME_KEY },
		{ "{\"event\":\"mark\",\"streamSid\":\"" MZ "\",\"mark\":{\"name\":\"m3\"}}",
		    FRAME_MARK },
		{ "{\"event\":\"stop\",\"streamSid\":\"" MZ "\",\"stop\":{}}", FRAME_STOP },
		{ "{\"event\":\"something-new\",\"streamSid\":5}", FRAME_OTHER },
	};
	struct frame f;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_true(reads(cases[i].text, &f));
		assert_int_equal(f.kind, cases[i].kind);
		frame_free(&f);
	}
}

static void
test_fields(void **state)
{
	struct frame f;

	(void)state;
	assert_true(reads(START(AC, CA, "audio/x-mulaw", "8000"), &f));
	assert_string_equal(f.stream_sid, MZ);
	assert_string_equal(f.account_sid, AC);
	assert_string_equal(f.call_sid, CA);
	assert_string_equal(f.token, "abc");
	frame_free(&f);
	assert_true(reads(MEDIA("inbound", "/////w=="), &f));
	assert_int_equal(f.base64_len, 8);
	assert_memory_equal(f.base64, "/////w==", 8);
	frame_free(&f);
}

static void
test_refused(void **state)
{
	static const char *const cases[] = { "", "{", "[]", "5", "{}", "{\"event\":1}",
		"{\"event\":\"media\"}", START("AC12", CA, "audio/x-mulaw", "8000"),
		START(AC, "CAxx", "audio/x-mulaw", "8000"), START(AC, CA, "audio/x-alaw", "8000"),
		START(AC, CA, "audio/x-mulaw", "16000"), MEDIA("inbound", ""),
		MEDIA("inbound", "///"), MEDIA("inbound", "!!!!"),
		"{\"event\":\"media\",\"streamSid\":\"" MZ "\",\"media\":{\"track\":\"inbound\"}}",
		"{\"event\":\"media\",\"streamSid\":\"XX\",\"media\":{\"track\":\"inbound\","
		"\"payload\":\"/////w==\"}}",
		"{\"event\":\"dtmf\",\"streamSid\":\"" MZ "\",\"dtmf\":{\"digit\":\"55\"}}",
		"{\"event\":\"dtmf\",\"streamSid\":\"" MZ "\",\"dtmf\":{\"digit\":\"E\"}}",
		"{\"event\":\"dtmf\",\"streamSid\":\"" MZ "\",\"dtmf\":{\"digit\":\"\"}}",
		"{\"event\":\"mark\",\"streamSid\":\"" MZ "\",\"mark\":{}}",
		"{\"event\":\"mark\",\"streamSid\":\"" MZ
		"\",\"mark\":{\"name\":\"0123456789012345678901234567890123456789\"}}",
		"{\"event\":\"stop\",\"event\":\"stop\",\"streamSid\":\"" MZ "\"}" };
	static char big[FRAME_MAX + 2];
	struct frame f;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_false(reads(cases[i], &f));
	memset(big, ' ', sizeof big - 1);
	memcpy(big, "{\"event\":\"connected\"}", 21);
	assert_false(frame_read(big, sizeof big - 1, &f));
	assert_true(frame_read(big, FRAME_MAX, &f));
	frame_free(&f);
}

static void
test_written(void **state)
{
	const uint8_t sound[] = { 0xff, 0xff, 0xff, 0xff };
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	frame_sound(&out, MZ, sound, sizeof sound);
	assert_string_equal(out.data,
	    "{\"event\":\"media\",\"streamSid\":\"" MZ "\",\"media\":{\"payload\":\"/////w==\"}}");
	buf_clear(&out);
	frame_mark(&out, MZ, "m1");
	assert_string_equal(
	    out.data, "{\"event\":\"mark\",\"streamSid\":\"" MZ "\",\"mark\":{\"name\":\"m1\"}}");
	buf_clear(&out);
	frame_clear(&out, MZ);
	assert_string_equal(out.data, "{\"event\":\"clear\",\"streamSid\":\"" MZ "\"}");
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
