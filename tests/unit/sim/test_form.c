/* test_form.c: form bodies, and the published vectors of the carrier's signature. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "sim/form.h"

#define TOKEN "f3d1c0ffee5eed0123456789abcdef42"
#define RINGING "CallSid=CA5a4b3c2d1e0f00112233445566778899&CallStatus=ringing"
#define BASE "https://dialer.example.net"

static const struct vector {
	const char *token, *url, *body, *signature;
} vectors[] = {
	/* V1: names in byte order, an empty value counts */
	{ TOKEN, BASE "/tw/status",
	    "Called=%2B442079460018&ToState=&CallerCountry=US&Direction=outbound-api&"
	    "Timestamp=Fri%2C+14+Mar+2025+09%3A26%3A53+%2B0000&"
	    "CallbackSource=call-progress-events&SipResponseCode=200&CallerState=CA&"
	    "SequenceNumber=3&CallSid=CA5a4b3c2d1e0f00112233445566778899&To=%2B442079460018&"
	    "CallStatus=completed&Duration=1&Caller=%2B15005550006&CallDuration=47&"
	    "AccountSid=AC0f1e2d3c4b5a69788796a5b4c3d2e1f0&ApiVersion=2010-04-01&"
	    "From=%2B15005550006",
	    "cf2hvZtV4pKWairC02+Y/bhfAxY=" },
	/* V2: the query stays as it is, the body is UTF-8 */
	{ TOKEN, BASE "/tw/gather?job=7f3a&step=2%2Fb",
	    "CallSid=CA5a4b3c2d1e0f00112233445566778899&"
	    "SpeechResult=S%C3%AD%2C+caf%C3%A9+%26+50%25+%2B+tax&Confidence=0.91&Digits=&"
	    "From=%2B15005550006&To=%2B442079460018",
	    "mnjogeJxJNdWXd8Lz3g54RHkxv0=" },
	/* V3: a GET has nothing but its URL */
	{ TOKEN,
	    BASE "/tw/voice?AccountSid=AC0f1e2d3c4b5a69788796a5b4c3d2e1f0&"
		 "CallSid=CA5a4b3c2d1e0f00112233445566778899&CallStatus=in-progress&"
		 "AnsweredBy=human&From=%2B15005550006&To=%2B442079460018",
	    NULL, "vS/Sm9U2h36xQHA4YrFJKx0NFYE=" },
	/* V4: the same value twice counts once */
	{ TOKEN, BASE "/tw/multi",
	    "Event=ringing&CallSid=CA5a4b3c2d1e0f00112233445566778899&Event=answered&"
	    "Event=answered",
	    "eWescVWnnAUFBlNW6jL7mrvSD4I=" },
	/* V5: a JSON body is in the URL by its hash */
	{ TOKEN,
	    BASE "/tw/events?src=es&bodySHA256="
		 "bc970eac21b3d3b26d85eca5620666a0b63e2fed992f6ed1e43f1f382407682e",
	    NULL, "ARFm80Jb/VXP2vwLoyXLlYxH8kg=" },
	/* V6: ports */
	{ TOKEN, BASE "/tw/s", RINGING, "xU3eYRf0rycTGRDtgkKAJ4eNrnM=" },
	{ TOKEN, BASE ":8443/tw/s", RINGING, "NQWGpeAYxtzQJ2IVoYSwtMpmAH4=" },
	{ TOKEN, BASE ":443/tw/s", RINGING, "vZYuhDIGWtta/8fH5TXxpfRh2NA=" },
	{ TOKEN, "http://dialer.example.net:8080/tw/s", RINGING, "weT71VX5qioZ5PfoNei8am3AdR8=" },
	{ TOKEN, "http://dialer.example.net:80/tw/s", RINGING, "gC2LWV4o1cB/DkCspH2Eu6ypvzM=" },
	/* V7: WebSocket */
	{ TOKEN, "wss://media.example.net/stream/v1", NULL, "EJI8z0vEn12TZm8GdNMF+0HDHX0=" },
	{ TOKEN, "wss://media.example.net/stream/v1/", NULL, "Mf6sd6BilYnWW1RgHrDPjvNau5M=" },
	/* V8: a user in the URL */
	{ TOKEN, "https://hook:s3cret@dialer.example.net/tw/s", RINGING,
	    "5bVa2k1PQeGO4TnUNUbUKsKygww=" },
	/* those of the carrier's own libraries */
	{ "12345", "https://mycompany.com/myapp.php?foo=1&bar=2",
	    "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&"
	    "To=%2B18005551212",
	    "RSOYDt4T1cUTdK1PDd93/VVr8B8=" },
};

static void
signatures_are_the_carriers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct vector *v = &vectors[i];
		struct form *f = form_new();
		struct str_pair pairs[32];
		char *body = mem_strdup(v->body == NULL ? "" : v->body);
		char signature[FORM_SIGNATURE_SIZE];
		int count = v->body == NULL ? 0 : str_form(body, pairs, 32);

		for (int k = 0; k < count; k++)
			form_add(f, pairs[k].name, pairs[k].value);
		form_sign(v->token, v->url, f, signature);
		assert_string_equal(signature, v->signature);
		form_free(f);
		free(body);
	}
}

static void
no_form_signs_like_an_empty_one(void **state)
{
	char a[FORM_SIGNATURE_SIZE], b[FORM_SIGNATURE_SIZE];
	struct form *f = form_new();

	(void)state;
	form_sign(TOKEN, BASE "/", NULL, a);
	form_sign(TOKEN, BASE "/", f, b);
	assert_string_equal(a, b);
	form_free(f);
}

static void
bodies_are_encoded(void **state)
{
	struct form *f = form_new();
	struct buf body;

	(void)state;
	form_add(f, "To", "+1 & =");
	form_add(f, "Empty", "");
	form_addf(f, "Number", "%d", 7);
	buf_init(&body, 1024);
	form_encode(f, &body);
	assert_string_equal(body.data, "To=%2B1%20%26%20%3D&Empty=&Number=7");
	buf_free(&body);
	form_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_are_the_carriers),
		cmocka_unit_test(no_form_signs_like_an_empty_one),
		cmocka_unit_test(bodies_are_encoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
