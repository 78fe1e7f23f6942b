/*
 * test_str.c: what the strict readers take and what they refuse.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
whole_numbers(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t value;
	} cases[] = {
		{ "0", true, 0 },
		{ "-0", true, 0 },
		{ "42", true, 42 },
		{ "-42", true, -42 },
		{ "007", true, 7 },
		{ "9223372036854775807", true, INT64_MAX },
		{ "-9223372036854775808", true, INT64_MIN },
		{ "9223372036854775808", false, 0 },
		{ "-9223372036854775809", false, 0 },
		{ "99999999999999999999999999", false, 0 },
		{ "", false, 0 },
		{ "-", false, 0 },
		{ "--1", false, 0 },
		{ "+1", false, 0 },
		{ " 1", false, 0 },
		{ "1 ", false, 0 },
		{ "1\n", false, 0 },
		{ "1.0", false, 0 },
		{ "1e3", false, 0 },
		{ "0x10", false, 0 },
		{ "1,000", false, 0 },
		{ "٣", false, 0 },
	};
	int64_t value;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		value = 77;
		assert_int_equal(
		    str_int64(cases[i].text, INT64_MIN, INT64_MAX, &value), cases[i].ok);
		assert_true(value == (cases[i].ok ? cases[i].value : 77));
	}
	assert_true(str_int64("1", 1, 10, &value));
	assert_true(str_int64("10", 1, 10, &value));
	assert_false(str_int64("0", 1, 10, &value));
	assert_false(str_int64("11", 1, 10, &value));
	assert_false(str_int64("-1", 0, 10, &value));
}

static void
decimal_numbers(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		double value;
	} cases[] = {
		{ "1", true, 1 },
		{ "0.25", true, 0.25 },
		{ "10.5", true, 10.5 },
		{ "-0.1", true, -0.1 },
		{ "0.1", true, 0.1 },
		{ "00.50", true, 0.5 },
		{ "", false, 0 },
		{ ".", false, 0 },
		{ "-", false, 0 },
		{ ".5", false, 0 },
		{ "5.", false, 0 },
		{ "1.2.3", false, 0 },
		{ "1,5", false, 0 },
		{ "1e5", false, 0 },
		{ "0x1p3", false, 0 },
		{ "inf", false, 0 },
		{ "nan", false, 0 },
		{ "+1", false, 0 },
		{ " 1", false, 0 },
		{ "1 ", false, 0 },
	};
	char longest[80];
	double value;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		value = 77;
		assert_int_equal(str_double(cases[i].text, -DBL_MAX, DBL_MAX, &value), cases[i].ok);
		assert_true(value == (cases[i].ok ? cases[i].value : 77));
	}
	assert_true(str_double("0.01", 0.01, 10000, &value));
	assert_true(str_double("10000", 0.01, 10000, &value));
	assert_false(str_double("0.0099", 0.01, 10000, &value));
	assert_false(str_double("10000.1", 0.01, 10000, &value));
	memset(longest, '1', sizeof(longest));
	longest[64] = '\0';
	assert_true(str_double(longest, 0, DBL_MAX, &value));
	longest[64] = '1';
	longest[65] = '\0';
	assert_false(str_double(longest, 0, DBL_MAX, &value));
}

static void
starts_and_ends(void **state)
{
	(void)state;
	assert_true(str_starts("call_1", "call_"));
	assert_true(str_starts("call_", ""));
	assert_false(str_starts("call", "call_"));
	assert_true(str_ends("a.mp3", ".mp3"));
	assert_true(str_ends("a", ""));
	assert_false(str_ends("mp3", ".mp3"));
	assert_false(str_ends("a.mp4", ".mp3"));
}

static void
blank(void **state)
{
	static const char *const yes[] = { "", " ", "\t\r\n\v\f", "\u00a0", "\u2003\u3000 \u2028",
		"\xc2\x85", "\u1680", "\u202f\u205f" };
	static const char *const no[] = { "a", " a ", "\u200b", "\u00a0x", "\xc2", "\xa0", " \xff",
		"\xc0\xa0" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(yes); i++)
		assert_true(str_blank(yes[i]));
	for (i = 0; i < COUNT(no); i++)
		assert_false(str_blank(no[i]));
}

static void
utf8(void **state)
{
	static const char *const valid[] = { "", "a", "\x7f", "\xc2\x80", "\xdf\xbf",
		"\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf", "Zürich ☎ 😀" };
	static const char *const invalid[] = { "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2",
		"\xc2 ", "\xe0\x9f\xbf", "\xe0\xa0", "\xed\xa0\x80", "\xed\xbf\xbf",
		"\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xf8\x88\x80\x80\x80", "\xfe", "\xff", "ok\xc3(" };
	uint32_t code;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(valid); i++)
		assert_true(str_utf8(valid[i], strlen(valid[i])));
	for (i = 0; i < COUNT(invalid); i++)
		assert_false(str_utf8(invalid[i], strlen(invalid[i])));
	assert_true(str_utf8("a\0b", 3));
	/* The length counts, not what happens to stand behind it. */
	assert_false(str_utf8("\xe2\x98\x8e", 2));
	assert_int_equal(str_utf8_next("\xe2\x98\x8e", 3, &code), 3);
	assert_int_equal(code, 0x260e);
	assert_int_equal(str_utf8_next("", 0, &code), 0);
	assert_int_equal(str_chars(""), 0);
	assert_int_equal(str_chars("Zürich ☎ 😀"), 10);
}

static void
phone_numbers(void **state)
{
	static const char *const yes[] = { "+1234567", "+14155550100", "+123456789012345",
		"+441632960000" };
	static const char *const no[] = { "", "+", "+123456", "+1234567890123456", "14155550100",
		"+0415555010", "+1 415 555 0100", "+1415555010a", " +14155550100", "+14155550100 ",
		"+14155550100\n", "++14155550100", "00441632960000", "+１２３４５６７" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(yes); i++)
		assert_true(str_e164(yes[i]));
	for (i = 0; i < COUNT(no); i++)
		assert_false(str_e164(no[i]));
}

static void
masked_phone_numbers(void **state)
{
	static const struct {
		const char *number, *masked;
	} cases[] = {
		{ "+14155550167", "+1…67" },
		{ "+79161234567", "+7…67" },
		{ "+441632960012", "+44…12" },
		{ "+4915112345678", "+49…78" },
		{ "+9987654321", "+998…21" },
		{ "+353861234567", "+353…67" },
		{ "+999999999999999", "+999…99" },
		{ "+123456", "(not a number)" },
		{ "sip:someone@example.com", "(not a number)" },
		{ "", "(not a number)" },
	};
	char out[STR_MASKED_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_string_equal(str_mask_phone(cases[i].number, out), cases[i].masked);
}

static void
tenant_ids(void **state)
{
	char id[70];

	(void)state;
	assert_true(str_tenant_id("abc"));
	assert_true(str_tenant_id("A-Z_09"));
	assert_false(str_tenant_id(""));
	assert_false(str_tenant_id("ab"));
	assert_false(str_tenant_id("a b"));
	assert_false(str_tenant_id("abc/"));
	assert_false(str_tenant_id("../etc"));
	assert_false(str_tenant_id("abc\n"));
	assert_false(str_tenant_id("äbc"));
	memset(id, 'x', sizeof(id));
	id[64] = '\0';
	assert_true(str_tenant_id(id));
	id[64] = 'x';
	id[65] = '\0';
	assert_false(str_tenant_id(id));
}

/* The text on the heap and cut to size, so that a step beyond it shows. */
static int
form(const char *text, struct str_pair *pairs, int max, char **kept)
{
	*kept = strdup(text);
	assert_non_null(*kept);
	return str_form(*kept, pairs, max);
}

static void
forms(void **state)
{
	static const struct {
		const char *text;
		int count;
		const char *first[2], *last[2];
	} cases[] = {
		{ "", 0, { NULL, NULL }, { NULL, NULL } },
		{ "a=1", 1, { "a", "1" }, { "a", "1" } },
		{ "a=", 1, { "a", "" }, { "a", "" } },
		{ "a", 1, { "a", "" }, { "a", "" } },
		{ "a=1&b=2", 2, { "a", "1" }, { "b", "2" } },
		{ "a=1&a=2", 2, { "a", "1" }, { "a", "2" } },
		{ "a=b=c&d==", 2, { "a", "b=c" }, { "d", "=" } },
		{ "To=%2B14155550100&x=a+b%20c", 2, { "To", "+14155550100" }, { "x", "a b c" } },
		{ "%61%3d=%26%3D%25", 1, { "a=", "&=%" }, { "a=", "&=%" } },
		{ "n=Z%c3%BCrich", 1, { "n", "Zürich" }, { "n", "Zürich" } },
		{ "a=1&b=2&c=3&d=4", 4, { "a", "1" }, { "d", "4" } },
		{ "a=1&b=2&c=3&d=4&e=5", -1, { NULL, NULL }, { NULL, NULL } },
		{ "&", -1, { NULL, NULL }, { NULL, NULL } },
		{ "a=1&", -1, { NULL, NULL }, { NULL, NULL } },
		{ "&a=1", -1, { NULL, NULL }, { NULL, NULL } },
		{ "a=1&&b=2", -1, { NULL, NULL }, { NULL, NULL } },
		{ "=1", -1, { NULL, NULL }, { NULL, NULL } },
		{ "=", -1, { NULL, NULL }, { NULL, NULL } },
		{ "a=%", -1, { NULL, NULL }, { NULL, NULL } },
		{ "a=%4", -1, { NULL, NULL }, { NULL, NULL } },
		{ "a=%4&b=1", -1, { NULL, NULL }, { NULL, NULL } },
		{ "a=%4g", -1, { NULL, NULL }, { NULL, NULL } },
		{ "a=%g4", -1, { NULL, NULL }, { NULL, NULL } },
		{ "a=%+4", -1, { NULL, NULL }, { NULL, NULL } },
		{ "%=1", -1, { NULL, NULL }, { NULL, NULL } },
		{ "a=%00", -1, { NULL, NULL }, { NULL, NULL } },
		{ "a=b%00c", -1, { NULL, NULL }, { NULL, NULL } },
		{ "%00=1", -1, { NULL, NULL }, { NULL, NULL } },
		{ "a=%ff", -1, { NULL, NULL }, { NULL, NULL } },
		{ "a=%c3", -1, { NULL, NULL }, { NULL, NULL } },
		{ "a=%ed%a0%80", -1, { NULL, NULL }, { NULL, NULL } },
		{ "a=\xff", -1, { NULL, NULL }, { NULL, NULL } },
	};
	struct str_pair pairs[4];
	char *kept;
	size_t i;
	int count;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		count = form(cases[i].text, pairs, 4, &kept);
		assert_int_equal(count, cases[i].count);
		if (count > 0) {
			assert_string_equal(pairs[0].name, cases[i].first[0]);
			assert_string_equal(pairs[0].value, cases[i].first[1]);
			assert_string_equal(pairs[count - 1].name, cases[i].last[0]);
			assert_string_equal(pairs[count - 1].value, cases[i].last[1]);
		}
		free(kept);
	}
	assert_int_equal(form("a=1", pairs, 0, &kept), -1);
	free(kept);
}

static void
mail_addresses(void **state)
{
	static const char *const yes[] = { "a@b", "offhook@localhost",
		"o'neil+x=y@mail.example.org", "a.b.c@x-1.example",
		"#!$%&*/?^_`{|}~-@example.com" };
	static const char *const no[] = { "", "a", "@", "a@", "@b", "a@b@c", ".a@b", "a.@b",
		"a..b@c", "a@.b", "a@b.", "a@b..c", "a@-b", "a@b-", "a b@c", "a@b c", "<a@b>",
		"a@b>", "\"a\"@b", "a@[127.0.0.1]", "a@b\n", "a\r@b", "a@b\x7f", "\x01@b",
		"\xc3\xa9@b", "a@\xc3\xa9.b", "a,b@c", "a;b@c", "a(b)@c", "a\\b@c", "a@b_c" };
	char text[STR_MAIL_MAX + 2], label[64], local[66];

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(str_mail_address(yes[i]));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(str_mail_address(no[i]));
	memset(local, 'l', sizeof(local));
	memset(label, 'h', sizeof(label));
	snprintf(text, sizeof(text), "%.64s@%.63s", local, label);
	assert_true(str_mail_address(text));
	snprintf(text, sizeof(text), "%.65s@%.63s", local, label);
	assert_false(str_mail_address(text));
	snprintf(text, sizeof(text), "%.64s@%.64s", local, label);
	assert_false(str_mail_address(text));
	snprintf(text, sizeof(text), "%.64s@%.63s.%.63s.%.61s", local, label, label, label);
	assert_int_equal(strlen(text), STR_MAIL_MAX);
	assert_true(str_mail_address(text));
	snprintf(text, sizeof(text), "%.64s@%.63s.%.63s.%.62s", local, label, label, label);
	assert_false(str_mail_address(text));
}

static void
loopback(void **state)
{
	static const char *const yes[] = { "localhost", "LocalHost", "[::1]", "127.0.0.1",
		"127.1.2.3" };
	static const char *const no[] = { "", "localhos", "localhost.example.org",
		"127.0.0.1.example.org", "[::2]", "128.0.0.1", "10.127.0.0.1", "mail.localhost" };

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(str_loopback(yes[i], strlen(yes[i])));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(str_loopback(no[i], strlen(no[i])));
	assert_true(str_loopback("localhost:25/x", 9)); /* what follows is not the host */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_numbers),
		cmocka_unit_test(decimal_numbers),
		cmocka_unit_test(starts_and_ends),
		cmocka_unit_test(blank),
		cmocka_unit_test(utf8),
		cmocka_unit_test(phone_numbers),
		cmocka_unit_test(masked_phone_numbers),
		cmocka_unit_test(tenant_ids),
		cmocka_unit_test(forms),
		cmocka_unit_test(mail_addresses),
		cmocka_unit_test(loopback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
