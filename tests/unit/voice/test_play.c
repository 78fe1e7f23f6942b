/* What is on its way to the callee: order, lead, marks, what was heard, what is dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "voice/play.h"

#define MS 1000LL
#define S 1000000LL
#define NOW (1000 * S)

static struct play *p;
static uint8_t sound[60 * 8000];

static int
setup(void **state)
{
	(void)state;
	p = play_new();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	play_free(p);
	return 0;
}

/* Sends all that may be sent at that time; bytes of sound, and the last mark in mark. */
static size_t
send_all(int64_t now, char mark[24])
{
	struct play_out out;
	size_t bytes = 0;

	while (play_ready(p, now)) {
		play_take(p, now, &out);
		assert_int_not_equal(out.kind, PLAY_NOTHING);
		assert_int_not_equal(out.kind, PLAY_CLEAR);
		if (out.kind == PLAY_SOUND)
			bytes += out.len;
		else if (mark != NULL)
			memcpy(mark, out.mark, sizeof out.mark);
	}
	return bytes;
}

static void
test_in_order_and_whole(void **state)
{
	struct play_out out;
	size_t got = 0;

	(void)state;
	for (size_t i = 0; i < 8000; i++)
		sound[i] = (uint8_t)(i * 7);
	play_add(p, "one", sound, 5000, false, NOW);
	play_add(p, "one", sound + 5000, 3000, false, NOW);
	while (play_ready(p, NOW)) {
		play_take(p, NOW, &out);
		if (out.kind != PLAY_SOUND)
			continue;
		assert_in_range(out.len, 1, PLAY_PIECE_MAX);
		assert_memory_equal(out.sound, sound + got, out.len);
		got += out.len;
	}
	assert_int_equal(got, 8000);
	assert_true(play_busy(p, NOW + 900 * MS));
}

static void
test_an_item_ends_with_its_last_mark(void **state)
{
	struct play_item item;
	char mark[24] = "";

	(void)state;
	play_add(p, "one", sound, 8000, false, NOW);
	play_close(p);
	assert_int_equal(send_all(NOW, mark), 8000);
	assert_false(play_finished(p, NOW + 900 * MS, &item));
	play_marked(p, "m1", NOW + 400 * MS);
	assert_false(play_finished(p, NOW + 900 * MS, &item));
	play_marked(p, mark, NOW + 1100 * MS);
	assert_true(play_finished(p, NOW + 1100 * MS, &item));
	assert_string_equal(item.name, "one");
	assert_int_equal(item.heard_ms, 1000);
	assert_int_equal(item.whole_ms, 1000);
	assert_false(item.cut);
	assert_int_equal(item.started_us, NOW + 100 * MS); /* the marks say so */
	assert_false(play_finished(p, NOW + 1100 * MS, &item));
	assert_false(play_busy(p, NOW + 1100 * MS));
}

static void
test_without_marks_the_clock_counts(void **state)
{
	struct play_item item;

	(void)state;
	play_add(p, "one", sound, 8000, false, NOW);
	play_close(p);
	send_all(NOW, NULL);
	assert_false(play_finished(p, NOW + 3 * S, &item));
	assert_true(play_finished(p, NOW + 5 * S, &item));
	assert_int_equal(item.heard_ms, 1000);
}

static void
test_an_interruption_says_what_was_heard(void **state)
{
	char item[PLAY_ITEM_MAX];
	struct play_item cut;
	struct play_out out;
	int64_t heard;

	(void)state;
	play_add(p, "one", sound, 40000, false, NOW);
	send_all(NOW, NULL);
	play_marked(p, "m1", NOW + 450 * MS); /* behind 400 ms */
	assert_true(play_clear(p, NOW + 600 * MS, item, &heard));
	assert_string_equal(item, "one");
	assert_int_equal(heard, 550); /* 400 and the 150 since */
	play_take(p, NOW + 600 * MS, &out);
	assert_int_equal(out.kind, PLAY_CLEAR);
	play_marked(p, "m2", NOW + 610 * MS); /* gone, not heard */
	assert_true(play_finished(p, NOW + 610 * MS, &cut));
	assert_true(cut.cut);
	assert_int_equal(cut.heard_ms, 550);
	assert_int_equal(cut.whole_ms, 5000);
	assert_false(play_ready(p, NOW + 620 * MS));
	assert_false(play_busy(p, NOW + 620 * MS));
	assert_false(play_clear(p, NOW + 630 * MS, item, &heard));
}

static void
test_the_next_mark_is_the_limit(void **state)
{
	char item[PLAY_ITEM_MAX];
	int64_t heard;

	(void)state;
	play_add(p, "one", sound, 40000, false, NOW);
	send_all(NOW, NULL);
	assert_true(play_clear(p, NOW + 3 * S, item, &heard));
	assert_int_equal(heard, 400); /* no mark has come back */
}

static void
test_the_second_item_is_cut(void **state)
{
	char item[PLAY_ITEM_MAX], mark[24];
	struct play_item done;
	int64_t heard;

	(void)state;
	play_add(p, "one", sound, 8000, false, NOW);
	play_add(p, "two", sound, 16000, false, NOW);
	send_all(NOW, mark);
	play_marked(p, "m3", NOW + 1200 * MS); /* 200 ms into the second */
	assert_true(play_finished(p, NOW + 1200 * MS, &done));
	assert_string_equal(done.name, "one");
	assert_true(play_clear(p, NOW + 1300 * MS, item, &heard));
	assert_string_equal(item, "two");
	assert_int_equal(heard, 300);
}

static void
test_keys_are_not_cut(void **state)
{
	char item[PLAY_ITEM_MAX];
	int64_t heard;

	(void)state;
	play_add(p, "keys", sound, 8000, true, NOW);
	assert_false(play_clear(p, NOW, item, &heard));
	assert_int_equal(send_all(NOW, NULL), 8000);
	assert_false(play_clear(p, NOW + 100 * MS, item, &heard));
}

static void
test_the_carrier_is_only_so_far_ahead(void **state)
{
	size_t bytes;

	(void)state;
	for (int i = 0; i < 40; i++) {
		play_add(p, "one", sound, 8000, false, NOW);
		send_all(NOW, NULL);
	}
	bytes = send_all(NOW, NULL);
	assert_int_equal(bytes, 0);
	bytes = send_all(NOW + 2 * S, NULL);
	assert_in_range(bytes, 2 * 8000 - PLAY_PIECE_MAX, 2 * 8000 + PLAY_PIECE_MAX);
}

static void
test_too_much_drops_the_oldest(void **state)
{
	(void)state;
	play_add(p, "one", sound, sizeof sound, false, NOW);
	assert_in_range(play_dropped(p), sizeof sound - PLAY_QUEUE_MAX,
	    sizeof sound - PLAY_QUEUE_MAX + PLAY_PIECE_MAX);
}

static void
test_what_is_late_is_dropped(void **state)
{
	struct play_item item;

	(void)state;
	play_add(p, "one", sound, 8000, false, NOW);
	play_close(p);
	assert_false(play_ready(p, NOW + 10 * S));
	assert_int_equal(play_dropped(p), 8000);
	assert_true(play_finished(p, NOW + 10 * S, &item));
	assert_int_equal(item.heard_ms, 0);
	play_add(p, "two", sound, 8000, false, NOW + 11 * S);
	assert_int_equal(send_all(NOW + 11 * S, NULL), 8000);
}

static void
test_marks_that_are_none_of_ours(void **state)
{
	static const char *const names[] = { "", "m", "m0", "m-1", "m99", "x1", "m1x",
		"m99999999999999999999" };
	struct play_item item;

	(void)state;
	play_add(p, "one", sound, 8000, false, NOW);
	play_close(p);
	send_all(NOW, NULL);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		play_marked(p, names[i], NOW + 1 * MS);
	assert_false(play_finished(p, NOW + 1 * S, &item));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_order_and_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_an_item_ends_with_its_last_mark, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_without_marks_the_clock_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_an_interruption_says_what_was_heard, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_next_mark_is_the_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_second_item_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keys_are_not_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_the_carrier_is_only_so_far_ahead, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_much_drops_the_oldest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_late_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_marks_that_are_none_of_ours, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
