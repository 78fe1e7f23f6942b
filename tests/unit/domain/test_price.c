/* test_price.c: prices as text and as people say them; and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "domain/price.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
texts_are_read_to_the_cent(void **state)
{
	static const struct {
		const char *text, *back; /* NULL: no price */
	} cases[] = {
		{ "150", "150.00" },
		{ "150.0", "150.00" },
		{ "135.5", "135.50" },
		{ "99.99", "99.99" },
		{ "0", "0.00" },
		{ "0.05", "0.05" },
		{ "9999999999.99", "9999999999.99" },
		{ "10000000000", NULL },
		{ "", NULL },
		{ ".5", NULL },
		{ "5.", NULL },
		{ "1.999", NULL },
		{ "-1", NULL },
		{ "+1", NULL },
		{ "1e2", NULL },
		{ "1,000", NULL },
		{ " 1", NULL },
		{ "1 ", NULL },
	};
	char back[PRICE_SIZE];
	int64_t cents;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		bool read = price_read(cases[i].text, &cents);

		assert_int_equal(read, cases[i].back != NULL);
		if (read)
			assert_string_equal(price_text(cents, back), cases[i].back);
	}
}

static void
what_is_said_is_understood(void **state)
{
	static const struct {
		const char *said, *price, *sentence; /* NULL: all of it */
	} cases[] = {
		{ "135", "135.00", NULL },
		{ "135.", "135.00", NULL },
		{ "$135", "135.00", NULL },
		{ "135 dollars.", "135.00", NULL },
		{ "135$", "135.00", NULL },
		{ "€ 99.99", "99.99", NULL },
		{ "It costs 1,250.50 dollars.", "1250.50", NULL },
		{ "$1,250", "1250.00", NULL },
		{ "$12,345,678", "12345678.00", NULL },
		{ "135,50 euros", "135.50", NULL },
		{ "135 dollars and 50 cents", "135.50", NULL },
		{ "one hundred and thirty five dollars", "135.00", NULL },
		{ "One hundred thirty-five dollars and fifty cents, sir.", "135.50", NULL },
		{ "That would be two thousand one hundred dollars", "2100.00", NULL },
		{ "a hundred bucks", "100.00", NULL },
		{ "It will be one hundred and twenty.", "120.00", NULL },
		{ "one thirty five dollars", "135.00", NULL },
		{ "Yes, I can help. It costs 150. When should I come?", "150.00", "It costs 150." },
		{ "I can do 135", "135.00", NULL },
		{ "I'd do it for 135 then.", "135.00", NULL },
		{ "Okay, 135 it is!", "135.00", NULL },
		{ "I normally charge $150, but for you I can do $135.", "135.00", NULL },
		{ "150 dollars? No, 140 dollars.", "140.00", "No, 140 dollars." },
		{ "135 dollars, not 150 dollars.", "135.00", NULL },
		{ "I can do it for 135 instead of 150.", "135.00", NULL },
		{ "Normally it is 180 dollars.", "180.00", NULL },
		{ "I can come at 7 pm for $95.", "95.00", NULL },
		{ "It takes 3 hours and costs 240 dollars.", "240.00", NULL },
		{ "Call 408-555-1234. The price is 80 dollars.", "80.00",
		    "The price is 80 dollars." },
		{ "That's 200 with parts.", "200.00", NULL },
		{ "\xd0\x94\xd0\xb0, 135 dollars", "135.00", NULL },
	};
	struct arena *a = arena_new();
	struct price_named named;
	char text[PRICE_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (!price_find(a, cases[i].said, &named))
			fail_msg("no price in: %s", cases[i].said);
		if (strcmp(price_text(named.cents, text), cases[i].price) != 0)
			fail_msg("%s in: %s", text, cases[i].said);
		assert_string_equal(
		    named.sentence, cases[i].sentence != NULL ? cases[i].sentence : cases[i].said);
	}
	arena_free(a);
}

static void
what_is_no_price_is_none(void **state)
{
	static const char *const cases[] = { "", "Hello, yes, how can I help you?",
		"Yes, that is fine, it is booked.", "Goodbye.", "I can come at 7.", "at 7 pm",
		"at 19:30", "in 2 days", "It takes 3 hours.", "We are 3 people.",
		"I have 2 guys here.", "Call me at 408-555-1234.", "My number is 4085551234567.",
		"on 12/24", "10% off", "$20 off", "80 dollars an hour", "80 dollars per hour",
		"$90 hourly", "between 100 and 150 dollars", "100 to 150 dollars", "$100-150",
		"100 or 150", "more than 100 dollars", "at least 150 dollars", "not 150",
		"from 99 dollars", "One moment please.", "No one is here.",
		"I can do seven or nine.", "the 2nd of May", "1.250,00", "12345678901 dollars",
		"0 dollars", "$", "$ ", "five five dollars", "Plus 20 dollars for parts",
		"a 50 dollars deposit", "2 Main Street", "You are number 5.", "and", "a",
		"hundred-", "1,2,3", "9:15", "-5" };
	struct arena *a = arena_new();
	struct price_named named;
	char text[PRICE_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (price_find(a, cases[i], &named))
			fail_msg("%s in: %s", price_text(named.cents, text), cases[i]);
	arena_free(a);
}

/* Whatever is said: an end, a price within bounds, and a sentence that is text. */
static void
anything_may_be_said(void **state)
{
	static const char *const bits[] = { "1", "99", ",", ".", "$", "€", " ", "one", "hundred",
		"thousand", " dollars", " and ", "-", ":", "%", "cents", "not ", "\xd0", "é", "to ",
		"between ", "999999999", "!", "? " };
	uint32_t seed = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct arena *a = arena_new();
		struct price_named named;
		char said[256] = "";

		for (int n = 0; n < 12; n++) {
			seed = seed * 1664525 + 1013904223;
			strcat(said, bits[(seed >> 16) % COUNT(bits)]);
		}
		if (price_find(a, said, &named)) {
			assert_in_range(named.cents, 1, PRICE_CENTS_MAX);
			assert_non_null(strstr(said, named.sentence));
		}
		arena_free(a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_read_to_the_cent),
		cmocka_unit_test(what_is_said_is_understood),
		cmocka_unit_test(what_is_no_price_is_none),
		cmocka_unit_test(anything_may_be_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
