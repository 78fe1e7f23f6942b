/*
 * test_req.c: what a handler sees of a request, and which requests it never sees.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/req.h"

static struct arena *a;

/* A request for a path and query. */
static bool
make(struct req *r, const char *path, const char *uri, const char *query)
{
	static char *environment[8];
	const char *why = NULL;
	bool ok;

	environment[0] = arena_strdup(a, "REQUEST_METHOD=GET");
	environment[1] = arena_printf(a, "DOCUMENT_URI=%s", path);
	environment[2] = arena_printf(a, "REQUEST_URI=%s", uri);
	environment[3] = arena_printf(a, "QUERY_STRING=%s", query);
	environment[4] = arena_strdup(a, "HTTP_X_API_KEY=k=v");
	environment[5] = arena_strdup(a, "CONTENT_TYPE=application/json");
	environment[6] = NULL;
	ok = req_init(r, a, environment, "", 0, &why);
	assert_int_equal(ok, why == NULL);
	return ok;
}

static void
headers_and_parameters_are_found(void **state)
{
	struct req r;

	(void)state;
	assert_true(make(&r, "/calls", "/calls?x=1", "x=1"));
	assert_string_equal(r.method, "GET");
	assert_string_equal(r.path, "/calls");
	assert_string_equal(r.uri, "/calls?x=1");
	assert_string_equal(req_header(&r, "x-api-key"), "k=v");
	assert_string_equal(req_header(&r, "content-type"), "application/json");
	assert_null(req_header(&r, "x-api"));
	assert_null(req_header(&r, "x-api-keys"));
	assert_null(req_header(&r,
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
	assert_null(req_param(&r, "REQUEST"));
}

static void
query_values_are_decoded(void **state)
{
	static const struct {
		const char *query, *name, *value;
	} cases[] = {
		{ "a=1&b=2", "a", "1" },
		{ "a=1&b=2", "b", "2" },
		{ "a=1&a=2", "a", "1" },
		{ "a=1&b=2", "c", NULL },
		{ "ab=1", "a", NULL },
		{ "a=x+y%20z%2Bq", "a", "x y z+q" },
		{ "%61=1", "a", "1" },
		{ "a=%c3%A9", "a", "\xc3\xa9" },
		{ "a", "a", "" },
		{ "a=", "a", "" },
		{ "&&a=1&", "a", "1" },
		{ "a=b=c", "a", "b=c" },
		{ "", "a", NULL },
	};
	struct req r;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *value;

		assert_true(make(&r, "/", "/", cases[i].query));
		value = req_query(&r, cases[i].name);
		if (cases[i].value == NULL)
			assert_null(value);
		else
			assert_string_equal(value, cases[i].value);
	}
}

static void
malformed_requests_are_refused(void **state)
{
	struct req r;

	(void)state;
	assert_false(make(&r, "", "/", ""));
	assert_false(make(&r, "calls", "/", ""));
	assert_false(make(&r, "/\xff", "/%ff", ""));
	assert_false(make(&r, "/a", "/a%00b", ""));
	assert_false(make(&r, "/", "/", "a=%"));
	assert_false(make(&r, "/", "/", "a=%4"));
	assert_false(make(&r, "/", "/", "a=%zz"));
	assert_false(make(&r, "/", "/", "a=%00"));
	assert_false(make(&r, "/", "/", "a=%ff"));
	assert_false(make(&r, "/", "/", "a=\xc3"));
	assert_non_null(r.request_id);
}

static void
request_ids_are_kept_or_made(void **state)
{
	char good[] = "HTTP_X_REQUEST_ID=ab-1.2_C", bad[] = "HTTP_X_REQUEST_ID=a b";
	char uri[] = "DOCUMENT_URI=/";
	char *kept[] = { uri, good, NULL }, *made[] = { uri, bad, NULL };
	const char *why;
	struct req r;

	(void)state;
	assert_true(req_init(&r, a, kept, "", 0, &why));
	assert_string_equal(r.request_id, "ab-1.2_C");
	assert_true(req_init(&r, a, made, "", 0, &why));
	assert_true(req_id_sane(r.request_id));
	assert_string_not_equal(r.request_id, "a b");
	assert_false(req_id_sane(""));
	assert_false(req_id_sane("a\n"));
	assert_true(
	    req_id_sane("1234567890123456789012345678901234567890123456789012345678901234"));
	assert_false(
	    req_id_sane("12345678901234567890123456789012345678901234567890123456789012345"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_and_parameters_are_found),
		cmocka_unit_test(query_values_are_decoded),
		cmocka_unit_test(malformed_requests_are_refused),
		cmocka_unit_test(request_ids_are_kept_or_made),
	};
	int failed;

	a = arena_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(a);
	return failed;
}
