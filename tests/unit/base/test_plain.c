/* test_plain.c: what is left of foreign text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/plain.h"
#include "base/str.h"

static void
makes_text_plain(void **state)
{
	static const struct {
		const char *text;
		size_t max;
		bool one_line;
		const char *plain;
	} cases[] = {
		{ "", 10, true, "" },
		{ "as it is", 10, true, "as it is" },
		{ "as it is", 8, true, "as it is" },
		{ "as it is", 7, true, "as it …" },
		{ "too long", 1, true, "…" },
		{ "a\nb\r\nc\rd", 99, true, "a b c d" },
		{ "a\nb\r\nc\rd\te", 99, false, "a\nb\nc\nd\te" },
		{ "a\u2028b\u2029c\xc2\x85"
		  "d\ve\ff",
		    99, true, "a b c d e f" },
		{ "a\u2028b\u2029c\xc2\x85"
		  "d\ve\ff",
		    99, false, "a\nb\nc\nd\ne\nf" },
		{ "a\x01"
		  "b\x1b[2J\x7f\xc2\x80",
		    99, true, "a b [2J  " },
		{ "\u202eevil\u202c \u2066x\u2069 \ufeff\u200b\u200e\xc2\xad", 99, true,
		    "evil x " },
		{ "\U000e0041\U000e0042x", 99, true, "x" },
		{ "\xff\xc0\xaf\xed\xa0\x80", 99, true, "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd" },
		{ "\xd0", 99, true, "\ufffd" },
		{ "Привет", 3, true, "Пр…" },
		{ "می\u200cخواهم", 99, true, "می\u200cخواهم" },
		{ "\U0001f600\U0001f600", 2, true, "\U0001f600\U0001f600" },
		{ "\U0001f600\U0001f600", 1, true, "…" },
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_string_equal(
		    plain_text(a, cases[i].text, cases[i].max, cases[i].one_line), cases[i].plain);
	arena_free(a);
}

/* Of any bytes: valid UTF-8, no longer than was said, and plain already. */
static void
any_bytes_become_plain(void **state)
{
	struct arena *a = arena_new();
	char bytes[64];

	(void)state;
	srandom(7);
	for (int round = 0; round < 20000; round++) {
		size_t len = (size_t)random() % sizeof bytes, max = 1 + (size_t)random() % 70;
		char *once;

		for (size_t i = 0; i < len; i++)
			bytes[i] = (char)(1 + random() % 255);
		bytes[len < sizeof bytes ? len : len - 1] = '\0';
		once = plain_text(a, bytes, max, round % 2 == 0);
		assert_true(str_utf8(once, strlen(once)));
		assert_true(str_chars(once) <= max);
		assert_string_equal(plain_text(a, once, max, round % 2 == 0), once);
		arena_reset(a);
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_text_plain),
		cmocka_unit_test(any_bytes_become_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
