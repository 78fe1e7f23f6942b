/*
 * test_id.c: ids sort by time; keys carry a checksum that is checked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
ids_are_valid_and_differ(void **state)
{
	char a[ID_SIZE], b[ID_SIZE];
	int i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		id_make(a, "call_");
		id_make(b, "call_");
		assert_int_equal(strlen(a), 5 + 26);
		assert_true(id_valid(a, "call_"));
		assert_false(id_valid(a, "task_"));
		assert_string_not_equal(a, b);
	}
	id_make(a, "123456789012");
	assert_int_equal(strlen(a), ID_SIZE - 2);
	id_make(a, "");
	assert_true(id_valid(a, ""));
}

static void
later_ids_sort_later(void **state)
{
	char a[ID_SIZE], b[ID_SIZE];
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		id_make(a, "call_");
		clock_sleep_ms(2);
		id_make(b, "call_");
		assert_true(strcmp(a, b) < 0);
	}
}

static void
the_time_is_in_front(void **state)
{
	static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
	int64_t before = clock_wall_us() / 1000, ms = 0;
	char id[ID_SIZE];
	int i;

	(void)state;
	id_make(id, "c_");
	/* 2 zero bits and 48 of time are exactly ten characters. */
	for (i = 2; i < 12; i++)
		ms = ms << 5 | (strchr(alphabet, id[i]) - alphabet);
	assert_true(ms >= before && ms <= clock_wall_us() / 1000);
}

static void
what_is_no_id(void **state)
{
	static const char *const cases[] = { "", "call_", "call_0123456789abcdefghjkmnpqr",
		"call_0123456789abcdefghjkmnp", "call_0123456789abcdefghjkmnpqi",
		"call_0123456789ABCDEFGHJKMNPQRS", "call_../../../../etc/passwd00",
		"call_0123456789abcdefghjkmnpq/", "call_0123456789abcdefghjkmnpqr\n",
		"CALL_0123456789abcdefghjkmnpq", "xcall_0123456789abcdefghjkmnpq" };
	size_t i;

	(void)state;
	assert_true(id_valid("call_0123456789abcdefghjkmnpqrs", "call_"));
	for (i = 0; i < COUNT(cases); i++)
		assert_false(id_valid(cases[i], "call_"));
}

static void
known_keys(void **state)
{
	/* zlib.crc32() of the 32 characters, in base62 of 0-9A-Za-z. */
	static const char *const cases[] = { "ohk_000000000000000000000000000000002wjyrI",
		"ohk_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz4W8LJS",
		"ohk_abcdefghijklmnopqrstuvwxyzABCDEF1mVgZW",
		"ohk_0000000000000000000000000000017200YwDE" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_true(id_key_valid(cases[i]));
}

static void
keys_are_valid_and_differ(void **state)
{
	char a[ID_KEY_SIZE], b[ID_KEY_SIZE];
	int i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		id_key_make(a);
		id_key_make(b);
		assert_int_equal(strlen(a), 42);
		assert_true(id_key_valid(a));
		assert_memory_not_equal(a + 4, b + 4, 32);
	}
}

static void
every_character_of_a_key_counts(void **state)
{
	char key[ID_KEY_SIZE];
	size_t i;

	(void)state;
	id_key_make(key);
	for (i = 0; i < strlen(key); i++) {
		char was = key[i];

		key[i] = was == 'x' ? 'y' : 'x';
		assert_false(id_key_valid(key));
		key[i] = was;
	}
	assert_true(id_key_valid(key));
}

static void
what_is_no_key(void **state)
{
	char key[ID_KEY_SIZE + 1];

	(void)state;
	assert_false(id_key_valid(""));
	assert_false(id_key_valid("ohk_"));
	id_key_make(key);
	key[41] = '\0';
	assert_false(id_key_valid(key));
	id_key_make(key);
	key[42] = '0';
	key[43] = '\0';
	assert_false(id_key_valid(key));
	key[42] = '\n';
	assert_false(id_key_valid(key));
	id_key_make(key);
	key[20] = '-';
	assert_false(id_key_valid(key));
	key[20] = '\0';
	assert_false(id_key_valid(key));
}

static void
key_characters_are_spread(void **state)
{
	unsigned seen[128] = { 0 };
	char key[ID_KEY_SIZE];
	int i, j;

	(void)state;
	for (i = 0; i < 1000; i++) {
		id_key_make(key);
		for (j = 4; j < 36; j++)
			seen[(unsigned char)key[j]]++;
	}
	/* 32000 draws of 62: 516 each; the bounds are beyond eight deviations. */
	for (i = 0; i < 128; i++) {
		if (seen[i] != 0)
			assert_in_range(seen[i], 330, 710);
	}
	assert_int_not_equal(seen['0'], 0);
	assert_int_not_equal(seen['z'], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_valid_and_differ),
		cmocka_unit_test(later_ids_sort_later),
		cmocka_unit_test(the_time_is_in_front),
		cmocka_unit_test(what_is_no_id),
		cmocka_unit_test(known_keys),
		cmocka_unit_test(keys_are_valid_and_differ),
		cmocka_unit_test(every_character_of_a_key_counts),
		cmocka_unit_test(what_is_no_key),
		cmocka_unit_test(key_characters_are_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
