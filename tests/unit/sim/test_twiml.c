/* test_twiml.c: TwiML is read, or refused with the carrier's code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "sim/twiml.h"

static int
code_of(const char *text)
{
	char problem[TWIML_PROBLEM_SIZE] = "";
	struct twiml *doc;
	int code = -1;

	doc = twiml_parse(text, strlen(text), &code, problem);
	assert_int_equal(doc == NULL, code != 0);
	assert_int_equal(problem[0] == '\0', code == 0);
	twiml_free(doc);
	return code;
}

static void
a_document_becomes_a_tree(void **state)
{
	static const char text[] =
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- hello -->\n<Response>\n"
	    "<Gather input=\"speech dtmf\" timeout=\"7\" action=\"turn?a=1&amp;b=2\">\n"
	    "  <Say voice=\"alice\"> Caf\xc3\xa9 &amp; <emphasis>more</emphasis>&lt; </Say>\n"
	    "  <Pause length=\"2\"/></Gather>\n<Hangup/></Response>";
	char problem[TWIML_PROBLEM_SIZE];
	const struct twiml_node *gather, *say;
	struct twiml *doc;
	int code;

	(void)state;
	doc = twiml_parse(text, strlen(text), &code, problem);
	assert_non_null(doc);
	gather = twiml_first(doc);
	assert_int_equal(gather->verb, TWIML_GATHER);
	assert_int_equal(twiml_number(gather, "timeout", 5), 7);
	assert_int_equal(twiml_number(gather, "numDigits", 5), 5);
	assert_string_equal(twiml_text(gather, "action", ""), "turn?a=1&b=2");
	assert_true(twiml_is(gather, "input", "speech dtmf"));
	say = gather->child;
	assert_int_equal(say->verb, TWIML_SAY);
	assert_string_equal(say->text, "Caf\xc3\xa9 & more<");
	assert_int_equal(say->next->verb, TWIML_PAUSE);
	assert_null(say->next->next);
	assert_int_equal(gather->next->verb, TWIML_HANGUP);
	twiml_free(doc);
}

static void
good_documents_are_taken(void **state)
{
	static const char *const good[] = {
		"<Response/>",
		"<Response><Say loop=\"0\"/><Play digits=\"1wW#\"/><Redirect/></Response>",
		"<Response><Gather finishOnKey=\"\" speechTimeout=\"auto\" speechModel=\"phone_call\"/>"
		"</Response>",
		"<Response><Dial>+14155550100</Dial><Dial><Number>+14155550100</Number></Dial>"
		"</Response>",
		"<Response><Start><Stream url=\"wss://a.example/x\" track=\"both_tracks\"/></Start>"
		"<Stop><Stream name=\"x\"/></Stop></Response>",
		"<Response><Reject reason=\"busy\"/></Response>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(code_of(good[i]), 0);
}

static void
bad_documents_are_refused(void **state)
{
	static const struct {
		const char *text;
		int code;
	} bad[] = {
		{ "", 12100 },
		{ "Hello", 12100 },
		{ "<Response>", 12100 },
		{ "<Response></Response>x", 12100 },
		{ "<Response><Say>&nbsp;</Say></Response>", 12100 },
		{ "<!DOCTYPE Response><Response/>", 12100 },
		{ "<!DOCTYPE r [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><Response/>", 12100 },
		{ "<Response><Say>\x01</Say></Response>", 12100 },
		{ "<Say>x</Say>", 12200 },
		{ "<Response><Response/></Response>", 12200 },
		{ "<Response><Number>+14155550100</Number></Response>", 12200 },
		{ "<Response><Pause length=\"0\"/></Response>", 12200 },
		{ "<Response><Pause length=\"1.5\"/></Response>", 12200 },
		{ "<Response><Play/></Response>", 12200 },
		{ "<Response><Play digits=\"1\">/a.mp3</Play></Response>", 12200 },
		{ "<Response><Gather><Play digits=\"1\"/></Gather></Response>", 12200 },
		{ "<Response><Gather Action=\"/x\"/></Response>", 12200 },
		{ "<Response><Say><b>x</b></Say></Response>", 12200 },
		{ "<Response><Connect/></Response>", 12200 },
		{ "<Response><Connect><Stream/></Connect></Response>", 12200 },
		{ "<Response><Connect><Stream url=\"wss://a/#x\"/></Connect></Response>", 12200 },
		{ "<Response><Connect><Stream url=\"wss://u:p@a/\"/></Connect></Response>", 12200 },
		{ "<Response><Connect><Stream url=\"wss://a\"><Parameter value=\"x\"/></Stream>"
		  "</Connect></Response>",
		    12200 },
		{ "<Response><Connect><Stream url=\"wss://a\"><Parameter name=\"\" value=\"x\"/>"
		  "</Stream></Connect></Response>",
		    12200 },
		{ "<Response><Connect><Stream url=\"wss://a\" track=\"outbound_track\"/></Connect>"
		  "</Response>",
		    31941 },
		{ "<Response><Start><Stream url=\"wss://a\" statusCallback=\"/x\"/></Start>"
		  "</Response>",
		    11100 },
		{ "<Response><Redirect>gopher://x</Redirect></Response>", 11100 },
		{ "<Response><Dial><Number>112</Number></Dial></Response>", 13224 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(code_of(bad[i].text), bad[i].code);
}

static void
depth_is_bounded(void **state)
{
	char text[4096] = "<Response><Say>";

	(void)state;
	for (int i = 0; i < 100; i++)
		strncat(text, "<s>", sizeof(text) - strlen(text) - 1);
	for (int i = 0; i < 100; i++)
		strncat(text, "</s>", sizeof(text) - strlen(text) - 1);
	strncat(text, "</Say></Response>", sizeof(text) - strlen(text) - 1);
	assert_int_equal(code_of(text), 12200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_becomes_a_tree),
		cmocka_unit_test(good_documents_are_taken),
		cmocka_unit_test(bad_documents_are_refused),
		cmocka_unit_test(depth_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
