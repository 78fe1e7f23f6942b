/* test_structs.c: timers fire in order, maps and rolls find what was put into them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/map.h"
#include "sim/roll.h"
#include "sim/timer.h"

#define MANY 2000

static int64_t last_us;
static int fired;

static void
fire(void *owner)
{
	struct timer *t = owner;

	assert_true(t->at_us >= last_us);
	assert_int_equal(t->place, 0);
	last_us = t->at_us;
	fired++;
}

static void
timers_fire_in_order(void **state)
{
	struct timer *timers = calloc(MANY, sizeof(*timers));
	int64_t now = timer_now_us();

	(void)state;
	srand(7);
	world_lock();
	for (int i = 0; i < MANY; i++)
		timer_arm(&timers[i], now - 1000000 + rand() % 1000000, fire, &timers[i]);
	for (int i = 0; i < MANY; i += 3)
		timer_arm(&timers[i], now - rand() % 1000000, fire, &timers[i]); /* moved */
	for (int i = 1; i < MANY; i += 3)
		timer_disarm(&timers[i]);
	timer_arm(&timers[1], now + 60000000, fire, &timers[1]);
	timer_fire_due(10);
	assert_int_equal(fired, 10);
	timer_fire_due(MANY);
	assert_int_equal(fired, MANY - (MANY + 1) / 3);
	assert_int_equal(timer_next_us(), now + 60000000);
	timer_disarm(&timers[1]);
	assert_true(timer_next_us() == TIMER_NEVER);
	timer_close();
	world_unlock();
	free(timers);
}

static void
maps_keep_what_they_hold(void **state)
{
	static char keys[MANY][16];
	struct map m = { 0 };

	(void)state;
	assert_null(map_get(&m, "x"));
	assert_null(map_remove(&m, "x"));
	for (int i = 0; i < MANY; i++) {
		snprintf(keys[i], sizeof(keys[i]), "key%d", i);
		assert_null(map_put(&m, keys[i], keys[i]));
	}
	assert_ptr_equal(map_put(&m, keys[5], keys[6]), keys[5]);
	assert_ptr_equal(map_put(&m, keys[5], keys[5]), keys[6]);
	for (int i = 0; i < MANY; i += 2)
		assert_ptr_equal(map_remove(&m, keys[i]), keys[i]);
	assert_int_equal(m.used, MANY / 2);
	for (int i = 0; i < MANY; i++)
		assert_ptr_equal(map_get(&m, keys[i]), i % 2 == 0 ? NULL : keys[i]);
	map_clear(&m, NULL);
}

static int released;

static void
release(void *thing)
{
	(void)thing;
	released++;
}

static void
rolls_never_use_a_number_twice(void **state)
{
	char a[] = "a", b[] = "b", c[] = "c";
	struct roll r = { 0 };

	(void)state;
	assert_int_equal(roll_add(&r, a, a), 0);
	assert_int_equal(roll_add(&r, b, b), 1);
	roll_remove(&r, a, 0);
	assert_int_equal(roll_add(&r, c, c), 2);
	assert_null(roll_at(&r, 0));
	assert_null(roll_get(&r, "a"));
	roll_hide(&r, b);
	assert_null(roll_get(&r, "b"));
	assert_ptr_equal(roll_at(&r, 1), b);
	assert_ptr_equal(roll_get(&r, "c"), c);
	assert_null(roll_at(&r, 3));
	roll_clear(&r, release);
	assert_int_equal(released, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_in_order),
		cmocka_unit_test(maps_keep_what_they_hold),
		cmocka_unit_test(rolls_never_use_a_number_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
