/* What listeners hear: both sides in time, what was cut off and what is late, the bounds of one who is slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "voice/sound.h"
#include "voice/tap.h"
#include "voice/wav.h"

#define MS 1000LL
#define NOW (1000 * 1000 * MS)
#define FRAME 160 /* bytes of mu-law: 20 ms */
#define LOUD 0x10
#define HEARD_MAX (20 * 8000)

static struct play *play;
static struct tap *tap;
static struct ear *ear;
static int64_t now;
static int16_t callee[HEARD_MAX], agent[HEARD_MAX];
static size_t heard; /* samples of both */

static int
setup(void **state)
{
	(void)state;
	now = NOW;
	heard = 0;
	play = play_new();
	tap = tap_new(play, now);
	ear = ear_new(tap);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	ear_free(ear);
	tap_free(tap, now);
	play_free(play);
	return 0;
}

/* Takes all that waits for a listener. */
static void
take(struct ear *e)
{
	uint8_t pcm[TAP_PIECE_MAX];
	size_t len;

	while ((len = ear_take(e, pcm, sizeof pcm)) > 0) {
		for (size_t i = 0; i < len; i += 4, heard++) {
			assert_in_range(heard, 0, HEARD_MAX - 1);
			callee[heard] = (int16_t)(pcm[i] | pcm[i + 1] << 8);
			agent[heard] = (int16_t)(pcm[i + 2] | pcm[i + 3] << 8);
		}
	}
}

/* The carrier takes all that it may have. */
static void
send(void)
{
	struct play_out out;

	while (play_ready(play, now))
		play_take(play, now, &out);
}

static void
hear(uint8_t byte, size_t len)
{
	uint8_t sound[FRAME * 50];

	memset(sound, byte, len);
	tap_hear(tap, sound, len, now);
}

/* Time goes by, in ticks of 20 ms; the callee says this byte. */
static void
pass(int ms, uint8_t byte)
{
	for (int i = 0; i < ms; i += 20) {
		now += 20 * MS;
		hear(byte, FRAME);
		send();
		tap_tick(tap, now);
		take(ear);
	}
}

static void
say(uint8_t byte, int ms)
{
	static uint8_t sound[10 * 8000];

	memset(sound, byte, (size_t)ms * 8);
	play_add(play, "item", sound, (size_t)ms * 8, false, now);
	send();
}

/* Samples of a side that are not silent, and where the first of them is. */
static size_t
loud(const int16_t *side, size_t *first)
{
	size_t count = 0;

	for (size_t i = 0; i < heard; i++) {
		if (side[i] == 0)
			continue;
		if (count++ == 0 && first != NULL)
			*first = i;
	}
	return count;
}

static void
test_silence_flows_as_well(void **state)
{
	(void)state;
	pass(1000, SOUND_SILENCE);
	assert_int_equal(heard, (1000 - TAP_BEHIND_MS) * 8);
	assert_int_equal(loud(callee, NULL), 0);
	assert_int_equal(loud(agent, NULL), 0);
}

static void
test_the_callee_is_left(void **state)
{
	size_t first = 0;
	int16_t sample;
	uint8_t byte = LOUD;

	(void)state;
	pass(400, SOUND_SILENCE);
	pass(200, LOUD);
	pass(600, SOUND_SILENCE);
	sound_from_pcmu(&byte, 1, &sample);
	assert_int_equal(loud(callee, &first), 200 * 8);
	assert_int_equal(callee[first], sample);
	assert_int_equal(first, 400 * 8);
	assert_int_equal(loud(agent, NULL), 0);
}

static void
test_the_agent_is_right_when_he_is_heard(void **state)
{
	size_t first = 0;

	(void)state;
	pass(400, SOUND_SILENCE);
	say(LOUD, 300); /* at once, as engines do; it is heard as time goes by */
	pass(100, SOUND_SILENCE);
	assert_int_equal(loud(agent, NULL), 0);
	pass(1000, SOUND_SILENCE);
	assert_int_equal(loud(agent, &first), 300 * 8);
	assert_in_range(first, 399 * 8, 401 * 8);
	assert_int_equal(loud(callee, NULL), 0);
}

static void
test_both_at_once_stand_at_the_same_time(void **state)
{
	size_t left = 0, right = 0;

	(void)state;
	pass(2000, SOUND_SILENCE);
	say(LOUD, 300);
	pass(300, LOUD);
	pass(1000, SOUND_SILENCE);
	assert_int_equal(loud(callee, &left), 300 * 8);
	assert_int_equal(loud(agent, &right), 300 * 8);
	assert_in_range(right, left - 160, left + 160);
}

static void
test_what_an_interruption_cuts_off_is_not_heard(void **state)
{
	char item[PLAY_ITEM_MAX];
	int64_t heard_ms;
	size_t first = 0, second;

	(void)state;
	say(LOUD, 5000);
	pass(1000, SOUND_SILENCE);
	assert_true(play_clear(play, now, item, &heard_ms));
	pass(1000, SOUND_SILENCE);
	second = loud(agent, &first);
	assert_int_equal(second, heard_ms * 8);
	assert_true(heard_ms <= 1000);
	say(LOUD, 200); /* what comes next is */
	pass(1000, SOUND_SILENCE);
	assert_int_equal(loud(agent, NULL), second + 200 * 8);
}

static void
test_who_comes_amid_a_sentence_hears_the_rest_of_it(void **state)
{
	(void)state;
	say(LOUD, 2000);
	play_close(play);
	send();
	ear_free(ear);
	tap_free(tap, now);
	for (int i = 0; i < 350; i += 20) { /* before the first mark */
		now += 20 * MS;
		send();
	}
	tap = tap_new(play, now);
	ear = ear_new(tap);
	play_marked(play, "m1", now); /* 400 ms of it have been heard */
	pass(2600, SOUND_SILENCE);
	assert_in_range(loud(agent, NULL), 1, 1700 * 8);
	assert_int_not_equal(agent[0], 0);
}

static void
test_the_carriers_marks_say_when(void **state)
{
	(void)state;
	say(LOUD, 2000);
	pass(1000, SOUND_SILENCE); /* the mark behind 400 ms does not come back */
	assert_int_equal(loud(agent, NULL), 400 * 8);
	play_marked(play, "m1", now);
	pass(300, SOUND_SILENCE);
	play_marked(play, "m2", now);
	pass(1000, SOUND_SILENCE);
	assert_int_equal(loud(agent, NULL), 1200 * 8);
}

static void
test_a_carrier_without_marks_is_believed_by_the_clock(void **state)
{
	(void)state;
	say(LOUD, 1000);
	play_close(play);
	send();
	pass(5000, SOUND_SILENCE);
	assert_true(loud(agent, NULL) > 400 * 8);
}

static void
test_sound_that_comes_unevenly_is_not_torn(void **state)
{
	size_t first = 0;

	(void)state;
	pass(1000, LOUD);
	for (int i = 0; i < 10; i++) { /* five frames at once, each time */
		now += 100 * MS;
		for (int f = 0; f < 5; f++)
			hear(LOUD, FRAME);
		tap_tick(tap, now);
		take(ear);
	}
	assert_int_equal(loud(callee, &first), heard);
	assert_int_equal(first, 0);
}

static void
test_more_than_there_can_be_is_left_out(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		hear(LOUD, 50 * FRAME); /* a second each, all at once */
	pass(3000, SOUND_SILENCE);
	assert_int_equal(heard, (3000 - TAP_BEHIND_MS) * 8);
	assert_in_range(loud(callee, NULL), 1, 200 * 8);
}

static void
test_a_loop_that_stood_still_goes_on_in_time(void **state)
{
	size_t first = 0;

	(void)state;
	pass(1000, SOUND_SILENCE);
	now += 5000 * MS;
	hear(LOUD, FRAME);
	tap_tick(tap, now);
	take(ear); /* of the five seconds the last two are left */
	assert_int_equal(heard, (1000 - TAP_BEHIND_MS + TAP_KEPT_MS) * 8);
	pass(1000, SOUND_SILENCE);
	assert_int_equal(loud(callee, &first), FRAME);
	assert_int_equal(heard - first, FRAME + (1000 - TAP_BEHIND_MS) * 8);
}

static void
test_who_is_slow_loses_what_is_old(void **state)
{
	struct ear *slow = ear_new(tap);
	size_t all;

	(void)state;
	pass(3000, LOUD);
	pass(1000, SOUND_SILENCE);
	all = heard;
	assert_int_equal(all, (4000 - TAP_BEHIND_MS) * 8); /* the other one is not concerned */
	assert_int_equal(ear_waiting(slow), TAP_KEPT_MS * TAP_BYTES_A_MS);
	heard = 0;
	take(slow);
	assert_int_equal(heard, TAP_KEPT_MS * 8);
	assert_int_equal(loud(callee, NULL), (TAP_KEPT_MS - (1000 - TAP_BEHIND_MS)) * 8);
	assert_int_equal(ear_waiting(slow), 0);
	ear_free(slow);
}

static void
test_only_so_many_listen(void **state)
{
	struct ear *more[TAP_EARS_MAX - 1];

	(void)state;
	for (int i = 0; i < TAP_EARS_MAX - 1; i++)
		assert_non_null(more[i] = ear_new(tap));
	assert_null(ear_new(tap));
	ear_free(more[0]);
	assert_non_null(more[0] = ear_new(tap));
	for (int i = 0; i < TAP_EARS_MAX - 1; i++)
		ear_free(more[i]);
	assert_true(tap_used(tap));
	ear_free(ear);
	assert_false(tap_used(tap));
	ear = ear_new(tap);
}

static void
test_the_end_is_told_whole(void **state)
{
	(void)state;
	pass(1000, LOUD);
	assert_false(ear_over(ear));
	tap_free(tap, now);
	tap = NULL;
	assert_true(ear_over(ear));
	take(ear);
	assert_int_equal(heard, 1000 * 8);
	assert_int_equal(loud(callee, NULL), 1000 * 8);
}

static void
test_a_file_for_browsers(void **state)
{
	struct wav *slow = wav_new(WAV_RATE), *fast = wav_new(WAV_RATE_BROWSER);
	uint8_t pcm[TAP_PIECE_MAX], *left = pcm;
	struct buf one, other;

	(void)state;
	for (; left < pcm + sizeof pcm; left += 4) {
		left[0] = 0x34; /* the callee's 0x1234, and silence */
		left[1] = 0x12;
		left[2] = left[3] = 0;
	}
	buf_init(&one, 131072);
	buf_init(&other, 131072);
	wav_head(slow, &one);
	wav_head(fast, &other);
	assert_int_equal(one.len, 44);
	assert_int_equal(other.len, 44);
	assert_memory_equal(other.data + 24, "\x80\xbb\0\0\0\xee\x02\0", 8); /* 48,000; 192,000 */
	wav_sound(slow, pcm, sizeof pcm, &one);
	assert_int_equal(one.len, 44 + sizeof pcm);
	assert_memory_equal(one.data + 44, pcm, sizeof pcm);
	wav_sound(fast, pcm, sizeof pcm, &other);
	wav_sound(fast, pcm, sizeof pcm, &other);
	assert_false(buf_failed(&other));
	assert_in_range(other.len, 44 + 11 * sizeof pcm, 44 + 12 * sizeof pcm);
	assert_int_equal(other.len % 4, 0);
	for (size_t i = 44 + 4 * 1000; i + 4 * 1000 < other.len; i += 4) {
		assert_in_range((uint8_t)other.data[i + 1], 0x11, 0x13);
		assert_int_equal(other.data[i + 2] | other.data[i + 3], 0);
	}
	buf_free(&one);
	buf_free(&other);
	wav_free(slow);
	wav_free(fast);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_silence_flows_as_well),
		TEST(test_the_callee_is_left),
		TEST(test_the_agent_is_right_when_he_is_heard),
		TEST(test_both_at_once_stand_at_the_same_time),
		TEST(test_what_an_interruption_cuts_off_is_not_heard),
		TEST(test_who_comes_amid_a_sentence_hears_the_rest_of_it),
		TEST(test_the_carriers_marks_say_when),
		TEST(test_a_carrier_without_marks_is_believed_by_the_clock),
		TEST(test_sound_that_comes_unevenly_is_not_torn),
		TEST(test_more_than_there_can_be_is_left_out),
		TEST(test_a_loop_that_stood_still_goes_on_in_time),
		TEST(test_who_is_slow_loses_what_is_old),
		TEST(test_only_so_many_listen),
		TEST(test_the_end_is_told_whole),
		cmocka_unit_test(test_a_file_for_browsers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
