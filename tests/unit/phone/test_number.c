/* test_number.c: numbers as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "phone/number.h"

static void
reads_what_can_be_a_number(void **state)
{
	static const struct {
		const char *text, *region, *e164;
	} cases[] = {
		{ "(408) 555-1234", "US", "+14085551234" },
		{ "408.555.1234", "US", "+14085551234" },
		{ "1 408 555 1234", "US", "+14085551234" },
		{ " 020 7946 0958", "GB", "+442079460958" },
		{ "06 12 34 56 78", "FR", "+33612345678" },
		{ "06 698 12345", "IT", "+390669812345" }, /* the 0 stays there */
		{ "+44 (0)20 7946 0958", "US", "+442079460958" },
		{ "011 44 20 7946 0958", "US", "+442079460958" },
		{ "030/12345678", "DE", "+493012345678" },
		/* E.164 is never refused, whatever the library thinks of it. */
		{ "+15555551234", "US", "+15555551234" },
		{ "+19830000000", "ZZ", "+19830000000" },
		{ "+9991234567", "US", "+9991234567" },
	};
	char out[PHONE_NUMBER_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_null(phone_read(cases[i].text, cases[i].region, out));
		assert_string_equal(out, cases[i].e164);
	}
}

static void
says_why_something_is_none(void **state)
{
	static const struct {
		const char *text, *region, *part;
	} cases[] = {
		{ "", "US", "no phone number" },
		{ "+", "US", "no phone number" },
		{ "555-1234", "US", "area code" },
		{ "911", "US", "too short" },
		{ "408 555 12345678", "US", "too long" },
		{ "(408) 555-1234", "ZZ", "country code" },
		{ "+999 123 4567", "US", "country code" },
		{ "1-800-FLOWERS", "US", "must be digits" },
		{ "+44 20 7946 0958 abc", "GB", "must be digits" },
		{ "+14155552671 ext 5", "US", "must be digits" },
		{ "tel:+14155552671", "US", "must be digits" },
		{ "408\n5551234", "US", "must be digits" },
		{ "408\xc2\xa0"
		  "5551234",
		    "US", "must be digits" },
		{ "00000000000000000000000000000000000000000000000000000000000000000000", "US",
		    "must be digits" },
	};
	char out[PHONE_NUMBER_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *why = phone_read(cases[i].text, cases[i].region, out);

		assert_non_null(why);
		if (strstr(why, cases[i].part) == NULL)
			fail_msg("\"%s\": %s", cases[i].text, why);
	}
}

static void
knows_regions(void **state)
{
	(void)state;
	assert_true(phone_region("US"));
	assert_true(phone_region("DE"));
	assert_false(phone_region("ZZ"));
	assert_false(phone_region("us"));
	assert_false(phone_region(""));
	assert_false(phone_region("USA"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_can_be_a_number),
		cmocka_unit_test(says_why_something_is_none),
		cmocka_unit_test(knows_regions),
	};

	phone_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
