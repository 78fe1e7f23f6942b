/*
 * test_mem.c: arenas own what they hand out, and let go of all of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static char released[16];

static void
note(void *object)
{
	strncat(released, object, sizeof(released) - strlen(released) - 1);
}

static void
plain_memory(void **state)
{
	unsigned char *p = mem_zalloc(7, 3);
	char *s = mem_strdup("text");
	size_t i;

	(void)state;
	for (i = 0; i < 21; i++)
		assert_int_equal(p[i], 0);
	p = mem_realloc(p, 100);
	p[99] = 1;
	free(p);
	assert_string_equal(s, "text");
	free(s);
	free(mem_alloc(0));
	free(mem_zalloc(0, 8));
	free(mem_zalloc(8, 0));
	free(mem_realloc(NULL, 0));
}

static void
pieces_are_zeroed_aligned_and_apart(void **state)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 2000, 2047, 2048, 2049, 8191, 8192, 8193,
		100000 };
	const size_t count = sizeof(sizes) / sizeof(sizes[0]);
	unsigned char *pieces[2][13];
	struct arena *a = arena_new();
	size_t round, i, j;

	(void)state;
	for (round = 0; round < 2; round++) {
		for (i = 0; i < count; i++) {
			unsigned char *p = arena_alloc(a, sizes[i]);

			assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
			for (j = 0; j < sizes[i]; j++)
				assert_int_equal(p[j], 0);
			memset(p, (int)(round * count + i + 1), sizes[i]);
			pieces[round][i] = p;
		}
	}
	for (round = 0; round < 2; round++) {
		for (i = 0; i < count; i++) {
			for (j = 0; j < sizes[i]; j++)
				assert_int_equal(pieces[round][i][j], round * count + i + 1);
		}
	}
	arena_free(a);
}

static void
memory_is_zeroed_again_after_a_reset(void **state)
{
	struct arena *a = arena_new();
	char *p;
	int i, round;

	(void)state;
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 1000; i++) {
			p = arena_alloc(a, 64);
			assert_int_equal(p[0] | p[63], 0);
			memset(p, 'x', 64);
		}
		memset(arena_alloc(a, 50000), 'x', 50000);
		arena_reset(a);
	}
	arena_free(a);
}

static void
a_first_large_piece_is_not_kept(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	memset(arena_alloc(a, 9000), 'x', 9000);
	arena_reset(a);
	assert_string_equal(arena_strdup(a, "after"), "after");
	arena_free(a);
}

static void
texts_are_copied(void **state)
{
	struct arena *a = arena_new();
	char source[] = { 'a', 0, 'b', 'c' };
	char *copy;

	(void)state;
	assert_string_equal(arena_strdup(a, ""), "");
	assert_string_equal(arena_strdup(a, "hello"), "hello");
	assert_string_equal(arena_strndup(a, "hello", 2), "he");
	assert_string_equal(arena_strndup(a, "hello", 0), "");
	copy = arena_strndup(a, source, sizeof(source));
	assert_memory_equal(copy, source, sizeof(source));
	assert_int_equal(copy[sizeof(source)], 0);
	assert_string_equal(arena_printf(a, "%s-%d", "n", 42), "n-42");
	assert_int_equal(strlen(arena_printf(a, "%9999d", 1)), 9999);
	arena_free(a);
}

static void
hooks_run_newest_first_and_once(void **state)
{
	struct arena *a = arena_new();
	char one[] = "1", two[] = "2", three[] = "3";

	(void)state;
	released[0] = '\0';
	arena_on_free(a, note, one);
	arena_on_free(a, note, two);
	arena_reset(a);
	assert_string_equal(released, "21");
	arena_reset(a);
	assert_string_equal(released, "21");
	arena_on_free(a, note, three);
	arena_free(a);
	assert_string_equal(released, "213");
}

static void
hooks_may_use_memory_of_the_arena(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	released[0] = '\0';
	arena_on_free(a, note, arena_strdup(a, "mine"));
	arena_free(a);
	assert_string_equal(released, "mine");
}

static void
nothing_can_be_freed(void **state)
{
	(void)state;
	arena_free(NULL);
	arena_free(arena_new());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_memory),
		cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
		cmocka_unit_test(memory_is_zeroed_again_after_a_reset),
		cmocka_unit_test(a_first_large_piece_is_not_kept),
		cmocka_unit_test(texts_are_copied),
		cmocka_unit_test(hooks_run_newest_first_and_once),
		cmocka_unit_test(hooks_may_use_memory_of_the_arena),
		cmocka_unit_test(nothing_can_be_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
