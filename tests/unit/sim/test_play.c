/* test_play.c: what the carrier still has to play. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sim/play.h"

/* The names of all marks that are due, in order. */
static const char *
due(struct play *p)
{
	static char names[PLAY_MARKS_MAX * 2 + 1];
	struct play_mark *m;

	names[0] = '\0';
	while ((m = play_due(p)) != NULL) {
		strcat(names, m->name);
		free(m);
	}
	return names;
}

static void
add(struct play *p, uint8_t value, size_t len)
{
	uint8_t bytes[1000];

	memset(bytes, value, sizeof(bytes));
	assert_true(len <= sizeof(bytes));
	assert_int_equal(play_add(p, bytes, len), 0);
}

static void
sound_is_played_in_order(void **state)
{
	uint8_t out[ULAW_FRAME];
	struct play p;

	(void)state;
	play_init(&p);
	add(&p, 1, 200);
	add(&p, 2, 100);
	assert_int_equal(play_take(&p, out), ULAW_FRAME);
	assert_int_equal(out[0], 1);
	assert_int_equal(out[159], 1);
	assert_int_equal(play_waiting(&p), 140);
	assert_int_equal(play_take(&p, out), 140);
	assert_int_equal(out[39], 1);
	assert_int_equal(out[40], 2);
	assert_int_equal(out[139], 2);
	assert_int_equal(out[140], ULAW_SILENCE);
	assert_int_equal(play_take(&p, out), 0);
	assert_int_equal(out[0], ULAW_SILENCE);
	play_free(&p);
}

static void
a_mark_waits_for_the_sound_before_it(void **state)
{
	uint8_t out[ULAW_FRAME];
	struct play p;

	(void)state;
	play_init(&p);
	assert_true(play_mark(&p, "a"));
	assert_string_equal(due(&p), "a"); /* nothing before it: at once */
	add(&p, 1, 170);
	assert_true(play_mark(&p, "b"));
	add(&p, 1, 10);
	assert_true(play_mark(&p, "c"));
	assert_string_equal(due(&p), "");
	play_take(&p, out);
	assert_string_equal(due(&p), "");
	play_take(&p, out); /* the first 160 have been played, the rest begins */
	assert_string_equal(due(&p), "");
	assert_true(play_mark(&p, "d")); /* its sound is being played */
	assert_string_equal(due(&p), "");
	play_take(&p, out);
	assert_string_equal(due(&p), "bcd");
	assert_true(play_mark(&p, "e"));
	assert_string_equal(due(&p), "e");
	play_free(&p);
}

static void
clear_drops_the_sound_and_frees_the_marks(void **state)
{
	uint8_t out[ULAW_FRAME];
	struct play p;

	(void)state;
	play_init(&p);
	add(&p, 1, 800);
	assert_true(play_mark(&p, "a"));
	add(&p, 1, 800);
	assert_true(play_mark(&p, "b"));
	play_take(&p, out);
	assert_int_equal(play_clear(&p), 1600 - ULAW_FRAME);
	assert_string_equal(due(&p), "ab");
	assert_int_equal(play_take(&p, out), 0);
	add(&p, 2, 160);
	assert_true(play_mark(&p, "c"));
	assert_string_equal(due(&p), "");
	assert_int_equal(play_take(&p, out), 160);
	assert_int_equal(out[0], 2);
	assert_string_equal(due(&p), "");
	play_take(&p, out);
	assert_string_equal(due(&p), "c");
	assert_int_equal(play_clear(&p), 0);
	play_free(&p);
}

static void
ten_minutes_and_a_thousand_marks_are_held(void **state)
{
	uint8_t out[ULAW_FRAME], *bytes = calloc(1, PLAY_MAX + 5);
	struct play p;

	(void)state;
	play_init(&p);
	assert_int_equal(play_add(&p, bytes, 100), 0);
	assert_int_equal(play_add(&p, bytes, PLAY_MAX), 100);
	assert_int_equal(play_add(&p, bytes, 1), 1);
	play_take(&p, out);
	assert_int_equal(play_add(&p, bytes, ULAW_FRAME + 5), 5);
	assert_int_equal(play_waiting(&p), PLAY_MAX);
	for (int i = 0; i < PLAY_MARKS_MAX; i++)
		assert_true(play_mark(&p, "m"));
	assert_false(play_mark(&p, "m"));
	play_clear(&p);
	assert_int_equal(strlen(due(&p)), PLAY_MARKS_MAX);
	assert_true(play_mark(&p, "m"));
	play_free(&p);
	free(bytes);
}

static void
sound_goes_on_for_hours_in_little_memory(void **state)
{
	uint8_t out[ULAW_FRAME];
	struct play p;

	(void)state;
	play_init(&p);
	for (int i = 0; i < 100000; i++) {
		add(&p, (uint8_t)i, 161);
		play_take(&p, out);
		if (i % 160 == 159) /* it has fallen behind by a frame */
			play_take(&p, out);
	}
	assert_true(p.room < 4096);
	play_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_is_played_in_order),
		cmocka_unit_test(a_mark_waits_for_the_sound_before_it),
		cmocka_unit_test(clear_drops_the_sound_and_frees_the_marks),
		cmocka_unit_test(ten_minutes_and_a_thousand_marks_are_held),
		cmocka_unit_test(sound_goes_on_for_hours_in_little_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
