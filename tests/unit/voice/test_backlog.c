/* test_backlog.c: what waits is sent in order, sound only while it is fresh, words always; and no more than
 * there is room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libwebsockets.h>

#include "voice/backlog.h"

#define MS 1000

/* The next message must be this one; it is sent. */
static void
next_is(struct backlog *b, int64_t now, const char *expected)
{
	enum backlog_kind kind;
	size_t len;
	unsigned char *bytes = backlog_next(b, now, &kind, &len);

	if (expected == NULL) {
		assert_null(bytes);
		return;
	}
	assert_non_null(bytes);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(bytes, expected, len);
	memset(bytes - LWS_PRE, 'x', LWS_PRE + len); /* as libwebsockets does */
	backlog_pop(b);
}

static bool
add(struct backlog *b, enum backlog_kind kind, const char *text, int64_t now)
{
	return backlog_add(b, kind, text, strlen(text), now);
}

static void
in_order(void **state)
{
	struct backlog b;
	int i;

	(void)state;
	backlog_init(&b, 100000, 1000);
	assert_true(backlog_empty(&b));
	next_is(&b, 0, NULL);
	for (i = 0; i < 100; i++) { /* the place of what has been sent is used again */
		assert_true(add(&b, BACKLOG_WORDS, "one", 0));
		assert_true(add(&b, BACKLOG_SOUND, "", 0));
		assert_true(add(&b, BACKLOG_BYTES, "three", 0));
		next_is(&b, 0, "one");
		assert_false(backlog_empty(&b));
		next_is(&b, 0, "");
		assert_true(add(&b, BACKLOG_WORDS, "four", 0));
		next_is(&b, 0, "three");
		next_is(&b, 0, "four");
		next_is(&b, 0, NULL);
	}
	assert_true(b.cap <= 8192);
	assert_int_equal(b.dropped, 0);
	backlog_free(&b);
}

static void
old_sound_is_dropped_and_old_words_are_not(void **state)
{
	struct backlog b;

	(void)state;
	backlog_init(&b, 100000, 1000);
	assert_true(add(&b, BACKLOG_SOUND, "a", 0));
	assert_true(add(&b, BACKLOG_WORDS, "words", 0));
	assert_true(add(&b, BACKLOG_BYTES, "bb", 100 * MS));
	assert_true(add(&b, BACKLOG_SOUND, "c", 500 * MS));
	next_is(&b, 1200 * MS, "words");
	next_is(&b, 1200 * MS, "c");
	next_is(&b, 1200 * MS, NULL);
	assert_int_equal(b.dropped, 3);
	assert_true(add(&b, BACKLOG_SOUND, "d", 1200 * MS));
	next_is(&b, 2200 * MS, "d"); /* just young enough */
	backlog_free(&b);
}

static void
words_push_sound_out(void **state)
{
	char big[1000];
	struct backlog b;

	(void)state;
	memset(big, 'w', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	backlog_init(&b, 4096, 1000);
	assert_true(add(&b, BACKLOG_SOUND, "oldest", 0));
	assert_true(add(&b, BACKLOG_WORDS, big, 0));
	assert_true(add(&b, BACKLOG_SOUND, "old", 0));
	assert_true(add(&b, BACKLOG_WORDS, big, 0));
	assert_true(add(&b, BACKLOG_SOUND, "young", 0));
	assert_true(add(&b, BACKLOG_WORDS, big, 0));
	assert_int_equal(b.dropped, 0);
	assert_true(add(&b, BACKLOG_WORDS, "!", 0));
	next_is(&b, 0, "oldest"); /* there was room still */
	assert_false(add(&b, BACKLOG_WORDS, big, 0));
	backlog_free(&b);
}

static void
new_sound_pushes_old_sound_out(void **state)
{
	char frame[401];
	struct backlog b;
	enum backlog_kind kind;
	size_t len;
	int i;

	(void)state;
	memset(frame, 's', sizeof frame - 1);
	frame[sizeof frame - 1] = '\0';
	backlog_init(&b, 4096, 1000);
	for (i = 0; i < 100; i++) {
		frame[0] = (char)i;
		frame[1] = 's';
		assert_true(backlog_add(&b, BACKLOG_SOUND, frame, sizeof frame - 1, 0));
		assert_true(b.cap <= 4096);
	}
	assert_true(b.dropped > 90 * 400 && b.dropped < 100 * 400);
	assert_true(*backlog_next(&b, 0, &kind, &len) > 90); /* the newest are left */
	for (i = 0; backlog_next(&b, 0, &kind, &len) != NULL; i++)
		backlog_pop(&b);
	assert_int_equal(b.dropped + i * 400, 100 * 400);
	backlog_free(&b);
}

static void
what_never_fits(void **state)
{
	static char huge[8192];
	struct backlog b;

	(void)state;
	backlog_init(&b, 4096, 1000);
	assert_false(backlog_add(&b, BACKLOG_WORDS, huge, sizeof huge, 0));
	assert_false(backlog_add(&b, BACKLOG_WORDS, huge, 4096, 0));
	assert_true(backlog_add(&b, BACKLOG_SOUND, huge, 4096, 0));
	assert_true(backlog_empty(&b));
	assert_int_equal(b.dropped, 4096);
	assert_true(add(&b, BACKLOG_WORDS, "still", 0));
	next_is(&b, 0, "still");
	backlog_free(&b);
}

static void
memory_of_a_jam_is_not_kept(void **state)
{
	static char big[60000];
	struct backlog b;
	enum backlog_kind kind;
	size_t len;

	(void)state;
	backlog_init(&b, 100000, 1000);
	assert_true(backlog_add(&b, BACKLOG_WORDS, big, sizeof big, 0));
	assert_non_null(backlog_next(&b, 0, &kind, &len));
	backlog_pop(&b);
	assert_int_equal(b.cap, 0);
	assert_true(add(&b, BACKLOG_WORDS, "small", 0));
	next_is(&b, 0, "small");
	backlog_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(old_sound_is_dropped_and_old_words_are_not),
		cmocka_unit_test(words_push_sound_out),
		cmocka_unit_test(new_sound_pushes_old_sound_out),
		cmocka_unit_test(what_never_fits),
		cmocka_unit_test(memory_of_a_jam_is_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
