/*
 * test_signature.c: the carrier's signature, against vectors whose values its own two libraries
 * give, and the values that those libraries publish in their tests; and every near miss.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auth/signature.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define KEY "f3d1c0ffee5eed0123456789abcdef42"
#define HOST "https://dialer.example.net"
#define RINGING "CallSid=CA5a4b3c2d1e0f00112233445566778899&CallStatus=ringing"
#define STATUS                                                                      \
	"Called=%2B442079460018&ToState=&CallerCountry=US&Direction=outbound-api&"  \
	"Timestamp=Fri%2C+14+Mar+2025+09%3A26%3A53+%2B0000&"                        \
	"CallbackSource=call-progress-events&SipResponseCode=200&CallerState=CA&"   \
	"SequenceNumber=3&CallSid=CA5a4b3c2d1e0f00112233445566778899&"              \
	"To=%2B442079460018&CallStatus=completed&Duration=1&Caller=%2B15005550006&" \
	"CallDuration=47&AccountSid=AC0f1e2d3c4b5a69788796a5b4c3d2e1f0&"            \
	"ApiVersion=2010-04-01&From=%2B15005550006"
#define GATHER                                                                         \
	"CallSid=CA5a4b3c2d1e0f00112233445566778899&"                                  \
	"SpeechResult=S%C3%AD%2C+caf%C3%A9+%26+50%25+%2B+tax&Confidence=0.91&Digits=&" \
	"From=%2B15005550006&To=%2B442079460018"
#define MULTI "Event=ringing&CallSid=CA5a4b3c2d1e0f00112233445566778899&Event=answered"
#define SDK                                                            \
	"CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&" \
	"From=%2B14158675309&To=%2B18005551212"

struct vector {
	const char *name, *key, *url, *uri, *body, *signature;
};

static bool
check(const char *key, const char *url, const char *uri, const char *body, const char *signature)
{
	struct str_pair pairs[64];
	char text[2048];
	int count = 0;

	assert_in_range(snprintf(text, sizeof(text), "%s", body), 0, sizeof(text) - 1);
	if (text[0] != '\0')
		count = str_form(text, pairs, 64);
	assert_true(count >= 0);
	return signature_right(key, url, uri, pairs, count, signature);
}

static const struct vector right[] = {
	{ "V1 status", KEY, HOST, "/tw/status", STATUS, "cf2hvZtV4pKWairC02+Y/bhfAxY=" },
	{ "V2 query kept raw", KEY, HOST, "/tw/gather?job=7f3a&step=2%2Fb", GATHER,
	    "mnjogeJxJNdWXd8Lz3g54RHkxv0=" },
	{ "V3 GET", KEY, HOST,
	    "/tw/voice?AccountSid=AC0f1e2d3c4b5a69788796a5b4c3d2e1f0&"
	    "CallSid=CA5a4b3c2d1e0f00112233445566778899&CallStatus=in-progress&"
	    "AnsweredBy=human&From=%2B15005550006&To=%2B442079460018",
	    "", "vS/Sm9U2h36xQHA4YrFJKx0NFYE=" },
	{ "V4 a name twice", KEY, HOST, "/tw/multi", MULTI "&Event=answered",
	    "eWescVWnnAUFBlNW6jL7mrvSD4I=" },
	{ "V4 once is the same", KEY, HOST, "/tw/multi", MULTI, "eWescVWnnAUFBlNW6jL7mrvSD4I=" },
	{ "V5 hash in the query", KEY, HOST,
	    "/tw/events?src=es&bodySHA256="
	    "bc970eac21b3d3b26d85eca5620666a0b63e2fed992f6ed1e43f1f382407682e",
	    "", "ARFm80Jb/VXP2vwLoyXLlYxH8kg=" },
	{ "V6 ours has a port", KEY, HOST ":8443", "/tw/s", RINGING,
	    "xU3eYRf0rycTGRDtgkKAJ4eNrnM=" },
	{ "V6 both have it", KEY, HOST ":8443", "/tw/s", RINGING, "NQWGpeAYxtzQJ2IVoYSwtMpmAH4=" },
	{ "V6 the standard port", KEY, HOST, "/tw/s", RINGING, "vZYuhDIGWtta/8fH5TXxpfRh2NA=" },
	{ "V6 http, odd port", KEY, "http://dialer.example.net:8080", "/tw/s", RINGING,
	    "weT71VX5qioZ5PfoNei8am3AdR8=" },
	{ "V6 http, standard port", KEY, "http://dialer.example.net", "/tw/s", RINGING,
	    "gC2LWV4o1cB/DkCspH2Eu6ypvzM=" },
	{ "V6 no port at all", KEY, HOST, "/tw/s", RINGING, "xU3eYRf0rycTGRDtgkKAJ4eNrnM=" },
	{ "V7 wss", KEY, "wss://media.example.net", "/stream/v1", "",
	    "EJI8z0vEn12TZm8GdNMF+0HDHX0=" },
	{ "V7b wss, slash", KEY, "wss://media.example.net", "/stream/v1/", "",
	    "Mf6sd6BilYnWW1RgHrDPjvNau5M=" },
	{ "wss, standard port", KEY, "wss://media.example.net", "/stream/v1", "",
	    "JJaDcr0/XZC8UATnXlFxO3FTfTo=" },
	{ "V8 userinfo", KEY, "https://hook:s3cret@dialer.example.net", "/tw/s", RINGING,
	    "5bVa2k1PQeGO4TnUNUbUKsKygww=" },
	{ "published", "12345", "https://mycompany.com", "/myapp.php?foo=1&bar=2", SDK,
	    "RSOYDt4T1cUTdK1PDd93/VVr8B8=" },
	{ "published, port", "12345", "https://mycompany.com", "/myapp.php?foo=1&bar=2", SDK,
	    "kvajT1Ptam85bY51eRf/AJRuM3w=" },
	{ "published, both ports", "12345", "https://mycompany.com:443", "/myapp.php?foo=1&bar=2",
	    SDK, "kvajT1Ptam85bY51eRf/AJRuM3w=" },
	{ "published, ours has the port", "12345", "https://mycompany.com:443",
	    "/myapp.php?foo=1&bar=2", SDK, "RSOYDt4T1cUTdK1PDd93/VVr8B8=" },
};

static const struct vector wrong[] = {
	{ "V1 sorted without case", KEY, HOST, "/tw/status", STATUS,
	    "guaEtGfeKXo7+1+sA66+KbgWNiY=" },
	{ "V1 left encoded", KEY, HOST, "/tw/status", STATUS, "sOlEfgi92r7sHvwh4xxWvTsJYqY=" },
	{ "V1 without the empty one", KEY, HOST, "/tw/status", STATUS,
	    "+aPCt3H+kR7BQdpFkm6bHHIAkSM=" },
	{ "V2 query decoded", KEY, HOST, "/tw/gather?job=7f3a&step=2%2Fb", GATHER,
	    "hf+rrbeI42cmdsIOZ0oUCP7lccU=" },
	{ "V2 asked for decoded", KEY, HOST, "/tw/gather?job=7f3a&step=2/b", GATHER,
	    "mnjogeJxJNdWXd8Lz3g54RHkxv0=" },
	{ "V4 duplicates kept", KEY, HOST, "/tw/multi", MULTI "&Event=answered",
	    "b3hpkB2iujaG+g7Qu6N2B4FlDKk=" },
	{ "another path", KEY, HOST, "/tw/statuS", STATUS, "cf2hvZtV4pKWairC02+Y/bhfAxY=" },
	{ "a slash more", KEY, HOST, "/tw/status/", STATUS, "cf2hvZtV4pKWairC02+Y/bhfAxY=" },
	{ "a query more", KEY, HOST, "/tw/status?", STATUS, "cf2hvZtV4pKWairC02+Y/bhfAxY=" },
	{ "another host", KEY, "https://dialer.example.com", "/tw/status", STATUS,
	    "cf2hvZtV4pKWairC02+Y/bhfAxY=" },
	{ "another scheme", KEY, "http://dialer.example.net", "/tw/status", STATUS,
	    "cf2hvZtV4pKWairC02+Y/bhfAxY=" },
	{ "another port", KEY, HOST ":8444", "/tw/s", RINGING, "NQWGpeAYxtzQJ2IVoYSwtMpmAH4=" },
	{ "an odd port that we have not", KEY, HOST, "/tw/s", RINGING,
	    "NQWGpeAYxtzQJ2IVoYSwtMpmAH4=" },
	{ "https as if it were http", KEY, "https://mycompany.com", "/myapp.php?foo=1&bar=2", SDK,
	    "RSOYDt4T1cUTdK1PDd93/VVr8B8=" },
	{ "another key", "f3d1c0ffee5eed0123456789abcdef43", HOST, "/tw/status", STATUS,
	    "cf2hvZtV4pKWairC02+Y/bhfAxY=" },
	{ "a key that is cut", "f3d1c0ffee5eed0123456789abcdef4", HOST, "/tw/status", STATUS,
	    "cf2hvZtV4pKWairC02+Y/bhfAxY=" },
	{ "no form", KEY, HOST, "/tw/status", "", "cf2hvZtV4pKWairC02+Y/bhfAxY=" },
	{ "a value changed", KEY, HOST, "/tw/s",
	    "CallSid=CA5a4b3c2d1e0f00112233445566778899&CallStatus=busy",
	    "xU3eYRf0rycTGRDtgkKAJ4eNrnM=" },
	{ "a pair more", KEY, HOST, "/tw/s", RINGING "&Extra=", "xU3eYRf0rycTGRDtgkKAJ4eNrnM=" },
	{ "wss as https", KEY, "https://media.example.net", "/stream/v1", "",
	    "EJI8z0vEn12TZm8GdNMF+0HDHX0=" },
	{ "userinfo left out", KEY, HOST, "/tw/s", RINGING, "5bVa2k1PQeGO4TnUNUbUKsKygww=" },
};

static void
right_ones_are_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(right); i++) {
		const struct vector *v = &right[i];

		if (!check(v->key, v->url, v->uri, v->body, v->signature))
			fail_msg("%s", v->name);
	}
}

static void
wrong_ones_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		const struct vector *v = &wrong[i];

		if (check(v->key, v->url, v->uri, v->body, v->signature))
			fail_msg("%s", v->name);
	}
}

/* Each signature with one character changed, cut, lengthened, or in another dress. */
static void
no_other_text_will_do(void **state)
{
	char text[64];

	(void)state;
	for (size_t i = 0; i < COUNT(right); i++) {
		const struct vector *v = &right[i];
		size_t len = strlen(v->signature);

		for (size_t at = 0; at < len; at++) {
			memcpy(text, v->signature, len + 1);
			text[at] = text[at] == 'A' ? 'B' : 'A';
			assert_false(check(v->key, v->url, v->uri, v->body, text));
			text[at] = '\0';
			assert_false(check(v->key, v->url, v->uri, v->body, text));
		}
		(void)snprintf(text, sizeof(text), "%s=", v->signature);
		assert_false(check(v->key, v->url, v->uri, v->body, text));
		(void)snprintf(text, sizeof(text), " %s", v->signature);
		assert_false(check(v->key, v->url, v->uri, v->body, text));
		(void)snprintf(text, sizeof(text), "%s\n", v->signature);
		assert_false(check(v->key, v->url, v->uri, v->body, text));
		(void)snprintf(text, sizeof(text), "sha1=%s", v->signature);
		assert_false(check(v->key, v->url, v->uri, v->body, text));
	}
}

/* The order on the wire is of no account. */
static void
pairs_may_come_in_any_order(void **state)
{
	(void)state;
	assert_true(check(KEY, HOST, "/tw/s",
	    "CallStatus=ringing&CallSid=CA5a4b3c2d1e0f00112233445566778899",
	    "xU3eYRf0rycTGRDtgkKAJ4eNrnM="));
	assert_true(check(KEY, HOST, "/tw/multi",
	    "Event=answered&Event=ringing&Event=answered&"
	    "CallSid=CA5a4b3c2d1e0f00112233445566778899",
	    "eWescVWnnAUFBlNW6jL7mrvSD4I="));
}

/* Without a token everybody could sign: HMAC under the empty key is no signature. */
static void
an_empty_token_signs_nothing(void **state)
{
	(void)state;
	/* openssl dgst -sha1 -hmac "" over "https://dialer.example.net/tw/s" */
	assert_false(check("", HOST, "/tw/s", "", "MHR2FxVwgOc+oNH6ZpbT5QFjuTQ="));
	assert_false(check("", HOST, "/tw/s", "", ""));
	assert_false(check(KEY, HOST, "/tw/s", RINGING, ""));
}

/* More than could be signed is refused, not cut. */
static void
a_huge_form_is_refused(void **state)
{
	static char value[300 << 10];
	struct str_pair pair = { (char[]){ "a" }, value };

	(void)state;
	memset(value, 'x', sizeof(value) - 1);
	assert_false(signature_right(KEY, HOST, "/tw/s", &pair, 1, "xU3eYRf0rycTGRDtgkKAJ4eNrnM="));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_ones_are_accepted),
		cmocka_unit_test(wrong_ones_are_refused),
		cmocka_unit_test(no_other_text_will_do),
		cmocka_unit_test(pairs_may_come_in_any_order),
		cmocka_unit_test(an_empty_token_signs_nothing),
		cmocka_unit_test(a_huge_form_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
