/* test_weburl.c: which addresses are taken, what relative ones mean, what a fragment says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "sim/weburl.h"

static void
absolute_ones_are_told_from_others(void **state)
{
	static const char *const good[] = { "http://a", "https://a.example:8443/x?y=1#z",
		"https://u:p@a.example/", "http://127.0.0.1:80", "http://[::1]:80/x" };
	static const char *const bad[] = { "", "a", "/a", "ftp://a/", "http://", "http:///x",
		"http://a_b/", "http://a b/", "http://a/ b", "https://a/\n", "HTTP://a/",
		"http://@/", "http://a/<b>" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(weburl_absolute(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(weburl_absolute(bad[i]));
}

static void
relative_ones_are_joined(void **state)
{
	static const struct {
		const char *base, *ref, *joined;
	} cases[] = {
		{ "https://a.example/x/y?q=1", "z", "https://a.example/x/z" },
		{ "https://a.example/x/y?q=1", "/z?a=%2f", "https://a.example/z?a=%2f" },
		{ "https://a.example/x/y#rc=1", "z#rc=3", "https://a.example/x/z#rc=3" },
		{ "https://a.example/x", "https://b.example/%7e", "https://b.example/%7e" },
		{ NULL, "https://b.example/", "https://b.example/" },
		{ NULL, "/z", NULL },
		{ "https://a.example/x", "ftp://b.example/", NULL },
		{ "https://a.example/x", "http://b_c.example/", NULL },
	};
	char *joined;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		joined = weburl_join(cases[i].base, cases[i].ref);
		if (cases[i].joined == NULL)
			assert_null(joined);
		else
			assert_string_equal(joined, cases[i].joined);
		free(joined);
	}
}

static void
check(const char *url, struct weburl_override want)
{
	struct weburl_override o;

	weburl_override(url, &o);
	assert_int_equal(o.connect_ms, want.connect_ms);
	assert_int_equal(o.read_ms, want.read_ms);
	assert_int_equal(o.total_ms, want.total_ms);
	assert_int_equal(o.retries, want.retries);
	assert_int_equal(o.retry, want.retry);
}

static void
fragments_override(void **state)
{
	const struct weburl_override usual = { 5000, 15000, 15000, 1, RETRY_CONNECT };

	(void)state;
	check("https://a/", usual);
	check("https://a/#", usual);
	check("https://a/?rc=3", usual);
	check("https://a/#rc=6&rt=99&ct=10001&tt=x&unknown=1", usual);
	check("https://a/#rc=3&rp=5xx,ct,rt&rt=4000",
	    (struct weburl_override){
		5000, 4000, 15000, 3, RETRY_5XX | RETRY_CONNECT | RETRY_READ });
	check("https://a/#rp=all&ct=100&tt=200&rc=0",
	    (struct weburl_override){ 100, 15000, 200, 0, RETRY_ALL });
	check("https://a/#rp=4xx%2Cnone",
	    (struct weburl_override){ 5000, 15000, 15000, 1, RETRY_4XX });
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(absolute_ones_are_told_from_others),
		cmocka_unit_test(relative_ones_are_joined),
		cmocka_unit_test(fragments_override),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
