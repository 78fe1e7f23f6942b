/* test_smtp.c: the dialogue of a mail, without a socket: what is said when, and what each reply means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/smtp.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT "x\r\n.y\r\n"

static void
begin(struct smtp *s, struct arena *a, const char *text)
{
	assert_null(smtp_unfit("a@b.example", "c@d.example", text, strlen(text)));
	smtp_init(s, a, "a@b.example", "c@d.example", text, strlen(text));
}

/* Says all that is to be said, which must be this. */
static void
say(struct smtp *s, const char *expected)
{
	const char *bytes;
	size_t len = smtp_next(s, &bytes);

	assert_int_equal(len, strlen(expected));
	assert_memory_equal(bytes, expected, len);
	smtp_said(s, len);
	assert_int_equal(smtp_next(s, &bytes), 0);
}

static void
hear(struct smtp *s, const char *reply)
{
	smtp_hear(s, reply, strlen(reply));
}

static void
goes_through(void **state)
{
	struct arena *a = arena_new();
	struct smtp s;

	(void)state;
	begin(&s, a, TEXT);
	say(&s, "MAIL FROM:<a@b.example>\r\n");
	hear(&s, "250-go\r\n250 on\r\n");
	say(&s, "RCPT TO:<c@d.example>\r\n");
	hear(&s, "25");
	hear(&s, "1 will ");
	assert_int_equal(s.step, SMTP_RCPT);
	hear(&s, "forward\r\n");
	say(&s, "DATA\r\n");
	hear(&s, "354\r\n");
	assert_false(s.whole);
	say(&s, "x\r\n..y\r\n.\r\n");
	assert_true(s.whole);
	assert_false(smtp_over(&s));
	hear(&s, "250 taken\n"); /* a server that knows no CR */
	assert_true(smtp_over(&s));
	assert_int_equal(s.step, SMTP_TAKEN);
	assert_int_equal(s.code, 250);
	arena_free(a);
}

/* Each byte by itself, said and heard. */
static void
goes_through_in_bits(void **state)
{
	static const char replies[] = "250 a\r\n250-b\r\n250 b\r\n354 c\r\n250 d\r\n";
	struct arena *a = arena_new();
	size_t at = 0, said = 0;
	const char *bytes;
	char all[256];
	struct smtp s;

	(void)state;
	begin(&s, a, "." TEXT);
	while (!smtp_over(&s)) {
		if (smtp_next(&s, &bytes) > 0) {
			assert_false(s.whole);
			all[said++] = *bytes;
			smtp_said(&s, 1);
		} else {
			assert_true(at < strlen(replies));
			smtp_hear(&s, &replies[at++], 1);
		}
	}
	all[said] = '\0';
	assert_string_equal(all,
	    "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"
	    "..x\r\n..y\r\n.\r\n");
	assert_int_equal(s.step, SMTP_TAKEN);
	arena_free(a);
}

/* The reply at a step, and where it leads. */
static void
sorts_replies(void **state)
{
	static const struct {
		enum smtp_step at;
		const char *reply;
		enum smtp_step to;
		long code;
	} cases[] = {
		{ SMTP_MAIL, "250 x\r\n", SMTP_RCPT, 250 },
		{ SMTP_MAIL, "451 x\r\n", SMTP_REFUSED, 451 },
		{ SMTP_MAIL, "550-x\r\n550-y\r\n550 z\r\n", SMTP_REFUSED, 550 },
		{ SMTP_MAIL, "354 x\r\n", SMTP_BROKEN, 354 },
		{ SMTP_MAIL, "150 x\r\n", SMTP_BROKEN, 150 },
		{ SMTP_MAIL, "600 x\r\n", SMTP_BROKEN, 600 },
		{ SMTP_RCPT, "552 x\r\n", SMTP_REFUSED, 552 },
		{ SMTP_DATA, "250 x\r\n", SMTP_BROKEN, 250 },
		{ SMTP_DATA, "354 x\r\n", SMTP_TEXT, 354 },
		{ SMTP_DATA, "554 x\r\n", SMTP_REFUSED, 554 },
		{ SMTP_TEXT, "354 x\r\n", SMTP_BROKEN, 354 },
		{ SMTP_TEXT, "421 x\r\n", SMTP_REFUSED, 421 },
		{ SMTP_TEXT, "\r\n", SMTP_BROKEN, 354 },
		{ SMTP_TEXT, "25\r\n", SMTP_BROKEN, 354 },
		{ SMTP_TEXT, "2500 x\r\n", SMTP_BROKEN, 354 },
		{ SMTP_TEXT, "ok\r\n", SMTP_BROKEN, 354 },
		{ SMTP_TEXT, " 250 x\r\n", SMTP_BROKEN, 354 },
		{ SMTP_TEXT, "250", SMTP_TEXT, 354 },
		{ SMTP_TEXT, "250-x\r\n", SMTP_TEXT, 250 },
		{ SMTP_TEXT, "250\r\n", SMTP_TAKEN, 250 },
	};
	static const char *const good[] = { "250 x\r\n", "250 x\r\n", "354 x\r\n" };
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *bytes;
		struct smtp s;

		begin(&s, a, TEXT);
		for (int step = 0; step < (int)cases[i].at; step++) {
			smtp_said(&s, smtp_next(&s, &bytes));
			hear(&s, good[step]);
		}
		smtp_said(&s, smtp_next(&s, &bytes));
		hear(&s, cases[i].reply);
		assert_int_equal(s.step, cases[i].to);
		assert_int_equal(s.code, cases[i].code);
		assert_int_equal(s.whole, cases[i].at == SMTP_TEXT);
		if (s.step == SMTP_REFUSED)
			assert_int_equal(s.refused, cases[i].at);
		if (smtp_over(&s))
			assert_int_equal(smtp_next(&s, &bytes), 0);
	}
	arena_free(a);
}

static void
who_speaks_out_of_turn_is_not_understood(void **state)
{
	struct arena *a = arena_new();
	const char *bytes;
	struct smtp s;

	(void)state;
	begin(&s, a, TEXT);
	hear(&s, "250 early\r\n");
	assert_int_equal(s.step, SMTP_BROKEN);
	begin(&s, a, TEXT);
	smtp_said(&s, smtp_next(&s, &bytes));
	hear(&s, "250 x\r\n250 y\r\n354 z\r\n250 taken\r\n");
	assert_int_equal(s.step, SMTP_BROKEN);
	assert_false(s.whole);
	arena_free(a);
}

static void
who_does_not_stop_is_left(void **state)
{
	struct arena *a = arena_new();
	const char *bytes;
	struct smtp s;
	size_t heard = 0;

	(void)state;
	begin(&s, a, TEXT);
	smtp_said(&s, smtp_next(&s, &bytes));
	while (!smtp_over(&s) && heard < 2 * SMTP_HEARD_MAX) {
		hear(&s, "250-more\r\n");
		heard += 10;
	}
	assert_int_equal(s.step, SMTP_BROKEN);
	assert_in_range(heard, SMTP_HEARD_MAX, SMTP_HEARD_MAX + 10);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_through),
		cmocka_unit_test(goes_through_in_bits),
		cmocka_unit_test(sorts_replies),
		cmocka_unit_test(who_speaks_out_of_turn_is_not_understood),
		cmocka_unit_test(who_does_not_stop_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
