/*
 * test_buf.c: buffers grow up to their ceiling, and a failure sticks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"

static void
empty_is_a_text(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	assert_string_equal(b.data, "");
	buf_add(&b, "", 0);
	buf_puts(&b, "");
	buf_printf(&b, "%s", "");
	assert_false(buf_failed(&b));
	buf_puts(&b, "x");
	assert_true(buf_failed(&b));
	assert_string_equal(b.data, "");
	buf_free(&b);
	buf_init(&b, SIZE_MAX);
	buf_puts(&b, "room");
	assert_string_equal(b.data, "room");
	buf_free(&b);
}

static void
grows_to_the_very_ceiling(void **state)
{
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 10000);
	for (i = 0; i < 10000; i++)
		buf_add(&b, "x", 1);
	assert_false(buf_failed(&b));
	assert_int_equal(b.len, 10000);
	assert_int_equal(strlen(b.data), 10000);
	buf_add(&b, "x", 1);
	assert_true(buf_failed(&b));
	assert_int_equal(b.len, 10000);
	buf_free(&b);
}

static void
failure_sticks_until_cleared(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 8);
	buf_puts(&b, "12345");
	buf_puts(&b, "6789");
	assert_true(buf_failed(&b));
	assert_string_equal(b.data, "12345");
	buf_puts(&b, "6");
	buf_printf(&b, "%d", 6);
	buf_add(&b, "6", 1);
	assert_string_equal(b.data, "12345");
	buf_clear(&b);
	assert_false(buf_failed(&b));
	buf_puts(&b, "12345678");
	assert_string_equal(b.data, "12345678");
	buf_free(&b);
}

static void
lengths_that_would_overflow_fail(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX);
	buf_puts(&b, "x");
	buf_add(&b, "y", SIZE_MAX);
	assert_true(buf_failed(&b));
	assert_string_equal(b.data, "x");
	buf_free(&b);
}

static void
printf_fits_exactly_or_not_at_all(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	buf_printf(&b, "%s%d", "ab", 345);
	assert_string_equal(b.data, "ab345");
	assert_false(buf_failed(&b));
	buf_clear(&b);
	buf_puts(&b, "x");
	buf_printf(&b, "%s", "12345");
	assert_true(buf_failed(&b));
	assert_string_equal(b.data, "x");
	buf_free(&b);

	buf_init(&b, 5000);
	buf_puts(&b, "start ");
	buf_printf(&b, "%4000d", 7);
	assert_int_equal(b.len, 4006);
	assert_int_equal(b.data[4005], '7');
	assert_int_equal(strncmp(b.data, "start  ", 7), 0);
	buf_free(&b);
}

static void
zeros_are_bytes_like_others(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	buf_add(&b, "a\0b", 3);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "a\0b\0", 4);
	buf_free(&b);
}

static void
urlencoded(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	buf_urlencode(&b, "AZaz09-._~");
	assert_string_equal(b.data, "AZaz09-._~");
	buf_clear(&b);
	buf_urlencode(&b, "+1 4/ü&=%\n*'");
	assert_string_equal(b.data, "%2B1%204%2F%C3%BC%26%3D%25%0A%2A%27");
	buf_clear(&b);
	buf_urlencode(&b, "\xff\x01");
	assert_string_equal(b.data, "%FF%01");
	buf_free(&b);
	buf_init(&b, 2);
	buf_urlencode(&b, " ");
	assert_true(buf_failed(&b));
	assert_string_equal(b.data, "");
	buf_free(&b);
}

static void
xml(void **state)
{
	static const struct {
		const char *text, *xml;
	} cases[] = {
		{ "plain", "plain" },
		{ "<a b=\"c\" d='e'>&amp;", "&lt;a b=&quot;c&quot; d=&apos;e&apos;&gt;&amp;amp;" },
		{ "tab\tnew\nret\r", "tab\tnew\nret\r" },
		{ "a\x01\x08\x0b\x0c\x0e\x1f\x62", "ab" },
		{ "Zürich ☎ 😀", "Zürich ☎ 😀" },
		{ "a\xef\xbf\xbe\xef\xbf\xbf.", "a." }, /* U+FFFE, U+FFFF */
		{ "\xef\xbf\xbd", "\xef\xbf\xbd" },     /* U+FFFD */
		{ "a\xed\xa0\x80.", "a." },             /* a surrogate */
		{ "a\xff\xc3<", "a&lt;" },
		{ "a\xe2\x98", "a" },
		{ "]]>", "]]&gt;" },
	};
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 200);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&b);
		buf_xml(&b, cases[i].text);
		assert_false(buf_failed(&b));
		assert_string_equal(b.data, cases[i].xml);
	}
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_is_a_text),
		cmocka_unit_test(grows_to_the_very_ceiling),
		cmocka_unit_test(failure_sticks_until_cleared),
		cmocka_unit_test(lengths_that_would_overflow_fail),
		cmocka_unit_test(printf_fits_exactly_or_not_at_all),
		cmocka_unit_test(zeros_are_bytes_like_others),
		cmocka_unit_test(urlencoded),
		cmocka_unit_test(xml),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
