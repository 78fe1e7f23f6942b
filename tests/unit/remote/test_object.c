/*
 * test_object.c: the names of objects and their signed URLs. The first signature is the example of
 * Amazon's own page ("Authenticating Requests: Using Query Parameters"), the second was computed by
 * another implementation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "remote/media.h"
#include "remote/object.h"
#include "remote/presign.h"

static const struct store_name name = { "call_1", "CA2", "RE3" };

static struct store
store_of(const char *prefix, const char *template)
{
	return (struct store){ .endpoint = "http://127.0.0.1:9000",
		.region = "eu-central-1",
		.bucket = "recordings",
		.prefix = prefix,
		.access_key = "AKIA/TEST+KEY",
		.secret_key = "s3cr/et+:=",
		.key_template = template };
}

static void
signs_as_amazon_does(void **state)
{
	struct arena *a = arena_new();
	const struct presign p = { "https://examplebucket.s3.amazonaws.com/test.txt", "us-east-1",
		"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		INT64_C(1369353600) * 1000000, 86400, NULL };

	(void)state;
	assert_string_equal(presign_get(a, &p),
	    "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
	    "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
	    "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
	    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
	arena_free(a);
}

static void
signs_a_port_and_a_path_that_is_encoded(void **state)
{
	struct arena *a = arena_new();
	struct store s = store_of("a b/", "{prefix}\xc3\xa9+.mp3");
	const char *url = object_presigned(&s, a, &name, INT64_C(1795608000999999), 60);

	(void)state;
	assert_non_null(strstr(url, "http://127.0.0.1:9000/recordings/a%20b/%C3%A9%2B.mp3?X-Amz-"));
	assert_non_null(strstr(url, "&X-Amz-Date=20261125T120000Z&X-Amz-Expires=60&"));
	assert_non_null(strstr(url,
	    "&X-Amz-Signature=cafdab94618a374373f64a3c7c455caf05d5da25418e5e8b8936d901d144f71b"));
	assert_null(strstr(url, "s3cr"));
	arena_free(a);
}

static void
names_objects(void **state)
{
	static const struct {
		const char *prefix, *template, *path;
	} cases[] = {
		{ "", "{prefix}{recording_sid}.mp3", "RE3.mp3" },
		{ "calls/2026/", "{prefix}{recording_sid}.mp3", "calls/2026/RE3.mp3" },
		{ "x", "{call_sid}/{call_id}-{recording_sid}", "CA2/call_1-RE3" },
		{ "{call_id}", "{prefix}{call_sid}", "%7Bcall_id%7DCA2" },
		{ "a=b,c@d:e!f*g'h(i)j/", "{prefix}{call_id}",
		    "a%3Db%2Cc%40d%3Ae%21f%2Ag%27h%28i%29j/call_1" },
		{ "~-_.?#&%", "{prefix}{call_id}", "~-_.%3F%23%26%25call_1" },
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct store s = store_of(cases[i].prefix, cases[i].template);

		assert_string_equal(object_url(&s, a, &name),
		    arena_printf(a, "http://127.0.0.1:9000/recordings/%s", cases[i].path));
	}
	arena_free(a);
}

static void
refuses_templates(void **state)
{
	static const char *const bad[] = { "", "x", "{prefix}", "{prefix}.mp3", "{sid}",
		"{recording_sid", "recording_sid}", "{{recording_sid}}", "{Recording_sid}" };
	static const char *const good[] = { "{recording_sid}", "a/{call_id}.mp3", "{call_sid}x",
		"{prefix}{prefix}{call_id}" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(object_template_valid(bad[i]));
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(object_template_valid(good[i]));
}

static void
names_the_carriers_media(void **state)
{
	struct arena *a = arena_new();
	const struct carrier c = {
		.api_url = "https://api.example", .account_sid = "AC1", .auth_token = "token"
	};

	(void)state;
	assert_string_equal(media_url(&c, a, "RE3"),
	    "https://api.example/2010-04-01/Accounts/AC1/Recordings/RE3.mp3");
	assert_string_equal(media_authorization(&c, a), "Basic QUMxOnRva2Vu");
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_as_amazon_does),
		cmocka_unit_test(signs_a_port_and_a_path_that_is_encoded),
		cmocka_unit_test(names_objects),
		cmocka_unit_test(refuses_templates),
		cmocka_unit_test(names_the_carriers_media),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
