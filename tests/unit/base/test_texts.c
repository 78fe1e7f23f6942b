/* Messages of texts: what is written is read, and nothing else is read as one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/texts.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))
#define MAX 4096

static const char *const some[] = { "call_1", NULL, "", "two\nlines \"quoted\" \\", "\xc3\xa9" };

static void
assert_same(const char *const left[], const char *const right[], int count)
{
	for (int i = 0; i < count; i++) {
		if (left[i] == NULL)
			assert_null(right[i]);
		else
			assert_string_equal(left[i], right[i]);
	}
}

static void
what_is_written_is_read(void **state)
{
	const char *read[COUNT(some)];
	struct buf b;

	(void)state;
	buf_init(&b, MAX);
	texts_write(&b, some, COUNT(some));
	assert_false(buf_failed(&b));
	assert_int_equal(texts_size(b.data, MAX), b.len);
	assert_true(texts_read(b.data, b.len, read, COUNT(some)));
	assert_same(some, read, COUNT(some));
	for (int i = 0; i < COUNT(some); i++)
		assert_true(read[i] == NULL || (read[i] > b.data && read[i] < b.data + b.len));
	buf_free(&b);
}

static void
no_text_at_all_is_a_message_too(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, MAX);
	texts_write(&b, NULL, 0);
	assert_int_equal(texts_size(b.data, MAX), b.len);
	assert_true(texts_read(b.data, b.len, NULL, 0));
	buf_free(&b);
}

static void
a_message_that_is_too_large_is_not_written(void **state)
{
	const char *texts[] = { "0123456789" };
	struct buf b;

	(void)state;
	/* size, count, length, text, zero */
	buf_init(&b, 4 + 4 + 4 + 10 + 1);
	texts_write(&b, texts, 1);
	assert_false(buf_failed(&b));
	assert_int_equal(b.len, b.max);
	buf_free(&b);
	buf_init(&b, 4 + 4 + 4 + 10);
	texts_write(&b, texts, 1);
	assert_true(buf_failed(&b));
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void
a_size_that_cannot_be_is_none(void **state)
{
	uint32_t sizes[] = { 0, 4, 7, MAX + 1, UINT32_MAX };

	(void)state;
	for (int i = 0; i < COUNT(sizes); i++)
		assert_int_equal(texts_size((const char *)&sizes[i], MAX), 0);
	sizes[0] = 8;
	assert_int_equal(texts_size((const char *)&sizes[0], MAX), 8);
	sizes[0] = MAX;
	assert_int_equal(texts_size((const char *)&sizes[0], MAX), MAX);
}

static void
what_is_cut_off_or_goes_on_is_not_read(void **state)
{
	const char *read[COUNT(some)];
	struct buf b;

	(void)state;
	buf_init(&b, MAX);
	texts_write(&b, some, COUNT(some));
	for (size_t size = 0; size < b.len; size++) {
		char *cut = mem_alloc(size + 1); /* so that the sanitizer sees a step beyond */

		memcpy(cut, b.data, size);
		assert_false(texts_read(cut, size, read, COUNT(some)));
		if (size >= TEXTS_HEAD) { /* and when it lies about its size, too */
			uint32_t said = (uint32_t)size;

			memcpy(cut, &said, sizeof said);
			assert_false(texts_read(cut, size, read, COUNT(some)));
		}
		free(cut);
	}
	buf_puts(&b, "more");
	assert_false(texts_read(b.data, b.len, read, COUNT(some)));
	buf_free(&b);
}

static void
other_counts_and_zeros_inside_are_refused(void **state)
{
	const char *read[COUNT(some) + 1], *text[] = { "abcd" };
	struct buf b;

	(void)state;
	buf_init(&b, MAX);
	texts_write(&b, some, COUNT(some));
	assert_false(texts_read(b.data, b.len, read, COUNT(some) + 1));
	assert_false(texts_read(b.data, b.len, read, COUNT(some) - 1));
	buf_clear(&b);
	texts_write(&b, text, 1);
	assert_true(texts_read(b.data, b.len, read, 1));
	b.data[b.len - 3] = '\0'; /* a reader would take "ab" for the whole */
	assert_false(texts_read(b.data, b.len, read, 1));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(no_text_at_all_is_a_message_too),
		cmocka_unit_test(a_message_that_is_too_large_is_not_written),
		cmocka_unit_test(a_size_that_cannot_be_is_none),
		cmocka_unit_test(what_is_cut_off_or_goes_on_is_not_read),
		cmocka_unit_test(other_counts_and_zeros_inside_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
