/* TwiML: what is spoken stays text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "api/twiml.h"

static void
test_end(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	assert_string_equal(twiml_end(a, "Good & bye", "en-US"),
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response>"
	    "<Say language=\"en-US\">Good &amp; bye</Say><Hangup/></Response>\n");
	assert_string_equal(twiml_end(a, "", "en-US"),
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Hangup/></Response>\n");
	arena_free(a);
}

static void
test_listen(void **state)
{
	struct arena *a = arena_new();
	const char *text = twiml_listen(a, "Hello", "ru-RU", "https://x/?a=1&turn=2#rc=4");

	(void)state;
	assert_non_null(strstr(text, "action=\"https://x/?a=1&amp;turn=2#rc=4\""));
	assert_non_null(strstr(text, "actionOnEmptyResult=\"true\""));
	assert_non_null(strstr(text, "<Say language=\"ru-RU\">Hello</Say></Gather></Response>"));
	arena_free(a);
}

static void
test_wait(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	assert_string_equal(twiml_wait(a, "Hold & wait", "de-DE", "https://x/?turn=2&look=1#rc=4"),
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response>"
	    "<Gather input=\"speech dtmf\" timeout=\"1\" speechTimeout=\"2\""
	    " actionOnEmptyResult=\"true\" method=\"POST\" language=\"de-DE\""
	    " action=\"https://x/?turn=2&amp;look=1#rc=4\">"
	    "<Say language=\"de-DE\">Hold &amp; wait</Say></Gather></Response>\n");
	arena_free(a);
}

static void
test_hold(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	assert_string_equal(twiml_hold(a, "Hold & wait", "en-US", "https://x/?a=1&turn=2#rc=4"),
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response>"
	    "<Say language=\"en-US\">Hold &amp; wait</Say><Pause length=\"1\"/>"
	    "<Redirect method=\"POST\">https://x/?a=1&amp;turn=2#rc=4</Redirect></Response>\n");
	arena_free(a);
}

static void
test_stream(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	assert_string_equal(
	    twiml_stream(a, "wss://x/twilio/media/call_1", "a\"b", "https://x/?a=1&after=stream"),
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response>"
	    "<Connect><Stream url=\"wss://x/twilio/media/call_1\"><Parameter name=\"token\""
	    " value=\"a&quot;b\"/></Stream></Connect>"
	    "<Redirect method=\"POST\">https://x/?a=1&amp;after=stream</Redirect></Response>\n");
	arena_free(a);
}

static void
test_dial(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	assert_string_equal(twiml_dial(a, "+12025550177", "+15005550006", 90),
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response>"
	    "<Dial timeLimit=\"90\" callerId=\"+15005550006\">+12025550177</Dial>"
	    "<Hangup/></Response>\n");
	arena_free(a);
}

static void
test_go_on(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	assert_string_equal(twiml_go_on(a, "Hello", "en-US", "https://x/?a=1&turn=1"),
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response>"
	    "<Say language=\"en-US\">Hello</Say>"
	    "<Redirect method=\"POST\">https://x/?a=1&amp;turn=1</Redirect></Response>\n");
	arena_free(a);
}

/* The keys come before the Gather, which may hold none. */
static void
test_press(void **state)
{
	struct arena *a = arena_new();
	const char *text = twiml_press(a, "", "en-US", "1w#", "https://x/?turn=1");

	(void)state;
	assert_non_null(strstr(text, "<Response><Play digits=\"1w#\"/><Gather "));
	assert_non_null(strstr(text, "action=\"https://x/?turn=1\"></Gather></Response>"));
	arena_free(a);
}

/* Words that look like markup, end attributes, or are no XML characters at all. */
static void
test_hostile_words(void **state)
{
	static const char *const words[] = { "</Say><Dial>+19005550100</Dial><Say>", "]]>",
		"<!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]>&y;", "\" loop=\"0",
		"a\001\010\037b" };
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		const char *text = twiml_end(a, words[i], "en-US");
		const char *spoken = strstr(text, "en-US\">") + strlen("en-US\">");
		const char *end = strstr(text, "</Say><Hangup/>");

		assert_non_null(end);
		for (const char *p = spoken; p < end; p++)
			assert_true(
			    *p != '<' && *p != '>' && *p != '"' && (unsigned char)*p >= ' ');
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_dial),
		cmocka_unit_test(test_go_on),
		cmocka_unit_test(test_press),
		cmocka_unit_test(test_hostile_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
