/* test_msg.c: messages of media streams, both ways; the sound of a telephone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/msg.h"
#include "sim/tone.h"
#include "sim/ulaw.h"

#define STREAM "MZ00112233445566778899aabbccddeeff"
#define ACCOUNT "AC0f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define CALL "CA5a4b3c2d1e0f00112233445566778899"

static void
the_carriers_messages_are_made_byte_by_byte(void **state)
{
	struct msg_line l = { .stream_sid = STREAM, .call_sid = CALL, .account_sid = ACCOUNT };
	json_t *parameters = json_pack("{s:s}", "attempt", "9\"c");
	uint8_t sound[3] = { 0xff, 0x80, 0x00 };
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	msg_connected(&out);
	assert_string_equal(
	    out.data, "{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}");
	buf_clear(&out);
	msg_start(&l, parameters, &out);
	assert_string_equal(out.data,
	    "{\"event\":\"start\",\"sequenceNumber\":\"1\",\"streamSid\":\"" STREAM
	    "\",\"start\":{\"streamSid\":\"" STREAM "\",\"accountSid\":\"" ACCOUNT
	    "\",\"callSid\":\"" CALL "\",\"tracks\":[\"inbound\"],\"customParameters\":"
	    "{\"attempt\":\"9\\\"c\"},\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\","
	    "\"sampleRate\":8000,\"channels\":1}}}");
	buf_clear(&out);
	msg_media(&l, 120, sound, sizeof(sound), &out);
	assert_string_equal(out.data,
	    "{\"event\":\"media\",\"sequenceNumber\":\"2\",\"streamSid\":\"" STREAM
	    "\",\"media\":{\"track\":\"inbound\",\"chunk\":\"1\",\"timestamp\":\"120\","
	    "\"payload\":\"/4AA\"}}");
	buf_clear(&out);
	msg_dtmf(&l, '#', &out);
	assert_string_equal(out.data,
	    "{\"event\":\"dtmf\",\"sequenceNumber\":\"3\",\"streamSid\":\"" STREAM
	    "\",\"dtmf\":{\"track\":\"inbound_track\",\"digit\":\"#\"}}");
	buf_clear(&out);
	msg_mark(&l, "a \"b\"", &out);
	assert_string_equal(out.data,
	    "{\"event\":\"mark\",\"sequenceNumber\":\"4\",\"streamSid\":\"" STREAM
	    "\",\"mark\":{\"name\":\"a \\\"b\\\"\"}}");
	buf_clear(&out);
	msg_stop(&l, &out);
	assert_string_equal(out.data,
	    "{\"event\":\"stop\",\"sequenceNumber\":\"5\",\"streamSid\":\"" STREAM
	    "\",\"stop\":{\"accountSid\":\"" ACCOUNT "\",\"callSid\":\"" CALL "\"}}");
	assert_false(buf_failed(&out));
	buf_free(&out);
	json_decref(parameters);
}

static int
code_of(const char *text, struct msg *m)
{
	char why[MSG_WHY_SIZE] = "";
	int code = msg_read(text, strlen(text), STREAM, m, why);

	assert_int_equal(code == 0, why[0] == '\0');
	return code;
}

static void
the_customers_messages_are_read(void **state)
{
	struct msg m;

	(void)state;
	assert_int_equal(code_of("{\"event\":\"media\",\"streamSid\":\"" STREAM
				 "\",\"media\":{\"payload\":\"/4AA\"}}",
			     &m),
	    0);
	assert_int_equal(m.kind, MSG_MEDIA);
	assert_int_equal(m.len, 3);
	assert_memory_equal(m.audio, "\xff\x80\x00", 3);
	msg_release(&m);
	assert_int_equal(
	    code_of(
		"{\"mark\":{\"name\":\"\"},\"streamSid\":\"" STREAM "\",\"event\":\"mark\"}", &m),
	    0);
	assert_int_equal(m.kind, MSG_MARK);
	assert_string_equal(m.name, "");
	msg_release(&m);
	assert_int_equal(code_of("{\"event\":\"clear\",\"streamSid\":\"" STREAM "\"}", &m), 0);
	assert_int_equal(m.kind, MSG_CLEAR);
	msg_release(&m);
}

static void
what_is_no_message_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"null",
		"\"clear\"",
		"{\"event\":\"clear\",\"streamSid\":\"" STREAM "\"} ",
		"{\"event\":\"clear\",\"streamSid\":\"" STREAM "\"}{}",
		"{\"event\":\"clear\",\"streamSid\":\"" STREAM "0\"}",
		"{\"event\":\"clear\",\"streamSid\":7}",
		"{\"event\":\"CLEAR\",\"streamSid\":\"" STREAM "\"}",
		"{\"event\":\"clear\",\"streamSid\":\"" STREAM "\",\"x\":1}",
		"{\"event\":\"media\",\"streamSid\":\"" STREAM "\"}",
		"{\"event\":\"media\",\"streamSid\":\"" STREAM "\",\"media\":[\"/4AA\"]}",
		"{\"event\":\"media\",\"streamSid\":\"" STREAM
		"\",\"media\":{\"payload\":\"/4A\"}}",
		"{\"event\":\"media\",\"streamSid\":\"" STREAM "\",\"media\":{\"payload\":\"\"}}",
		"{\"event\":\"media\",\"streamSid\":\"" STREAM
		"\",\"media\":{\"payload\":\"/4AA\",\"track\":\"inbound\"}}",
		"{\"event\":\"mark\",\"streamSid\":\"" STREAM "\",\"mark\":\"x\"}",
		"{\"event\":\"mark\",\"streamSid\":\"" STREAM
		"\",\"media\":{\"payload\":\"/4AA\"}}",
	};
	struct msg m;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		/* White space after the document is no fault. */
		bool fine = i == 3;

		if ((code_of(bad[i], &m) == 0) != fine)
			fail_msg("%s", bad[i]);
		msg_release(&m);
	}
}

static void
a_marks_name_has_a_bound(void **state)
{
	static const char head[] = "{\"event\":\"mark\",\"streamSid\":\"" STREAM
				   "\",\"mark\":{\"name\":\"";
	char text[MSG_NAME_MAX + 200], name[MSG_NAME_MAX + 2];
	struct msg m;

	(void)state;
	memset(name, 'x', sizeof(name));
	snprintf(text, sizeof(text), "%s%.*s\"}}", head, MSG_NAME_MAX, name);
	assert_int_equal(code_of(text, &m), 0);
	msg_release(&m);
	snprintf(text, sizeof(text), "%s%.*s\"}}", head, MSG_NAME_MAX + 1, name);
	assert_int_equal(code_of(text, &m), MSG_INVALID);
}

static void
mu_law_is_that_of_the_standard(void **state)
{
	static const struct {
		uint8_t byte;
		int16_t sample;
	} known[] = {
		{ 0x00, -32124 },
		{ 0x80, 32124 },
		{ 0xff, 0 },
		{ 0x7f, 0 },
		{ 0xfe, 8 },
		{ 0x7e, -8 },
		{ 0xf0, 120 },
		{ 0xef, 132 },
		{ 0x8f, 16764 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_int_equal(ulaw_decode(known[i].byte), known[i].sample);
	for (int byte = 0; byte < 256; byte++) /* but for the second zero */
		if (byte != 0x7f)
			assert_int_equal(ulaw_encode(ulaw_decode((uint8_t)byte)), byte);
	assert_int_equal(ulaw_encode(INT16_MAX), 0x80);
	assert_int_equal(ulaw_encode(INT16_MIN), 0x00);
	/* Never further off than half a step. */
	for (int s = -32124; s <= 32124; s++) {
		int off = ulaw_decode(ulaw_encode((int16_t)s)) - s;

		assert_true(abs(off) <= (abs(s) + 132) / 32);
	}
}

static void
tones_go_on_where_they_were(void **state)
{
	uint8_t whole[800], parts[800];

	(void)state;
	tone_music(12345, whole, sizeof(whole));
	tone_music(12345, parts, 300);
	tone_music(12645, parts + 300, 500);
	assert_memory_equal(whole, parts, sizeof(whole));
	assert_true(ulaw_audible(whole, sizeof(whole)));
	tone_beep(0, whole, sizeof(whole));
	assert_true(ulaw_audible(whole, sizeof(whole)));
	assert_memory_equal(whole, whole + 8, 700); /* 1000 Hz: eight samples */
	memset(whole, ULAW_SILENCE, sizeof(whole));
	assert_false(ulaw_audible(whole, sizeof(whole)));
	assert_false(ulaw_audible(whole, 0));
}

/* 20 ms of two sines, from the sample number at. */
static void
two_sines(double low, double high, double loud, int at, uint8_t out[ULAW_FRAME])
{
	for (int i = 0; i < ULAW_FRAME; i++) {
		double t = 2 * M_PI * (at + i) / ULAW_RATE;

		out[i] = ulaw_encode((int16_t)(loud * (sin(low * t) + sin(high * t) * 1.2)));
	}
}

static void
keys_are_heard_by_their_tones(void **state)
{
	static const double rows[] = { 697, 770, 852, 941 }, columns[] = { 1209, 1336, 1477, 1633 };
	static const char keys[] = "123A456B789C*0#D";
	uint8_t frame[ULAW_FRAME];

	(void)state;
	for (int k = 0; k < 16; k++)
		for (int loud = 500; loud <= 12000; loud *= 4)
			for (int at = 0; at < 400; at += 37) {
				/* Up to 1.5 percent off, as the standard allows. */
				double off = at % 2 == 0 ? 1.012 : 0.988;

				two_sines(rows[k / 4] * off, columns[k % 4] * off, loud, at, frame);
				assert_int_equal(tone_key(frame), keys[k]);
			}
	memset(frame, ULAW_SILENCE, sizeof(frame));
	assert_int_equal(tone_key(frame), 0);
	tone_music(0, frame, sizeof(frame));
	assert_int_equal(tone_key(frame), 0);
	two_sines(697, 770, 4000, 0, frame);
	assert_int_equal(tone_key(frame), 0);
	two_sines(500, 1500, 4000, 0, frame);
	assert_int_equal(tone_key(frame), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_carriers_messages_are_made_byte_by_byte),
		cmocka_unit_test(the_customers_messages_are_read),
		cmocka_unit_test(what_is_no_message_is_refused),
		cmocka_unit_test(a_marks_name_has_a_bound),
		cmocka_unit_test(mu_law_is_that_of_the_standard),
		cmocka_unit_test(tones_go_on_where_they_were),
		cmocka_unit_test(keys_are_heard_by_their_tones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
