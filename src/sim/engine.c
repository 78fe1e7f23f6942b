/*
 * engine.c: fire what is due, start what waits, let libcurl work, sleep until the next of these.
 * It holds the world lock for a bounded batch at a time, so that the REST side never waits long.
 */
#include "sim/engine.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/log.h"
#include "sim/timer.h"
#include "sim/webhook.h"

#define BATCH 128

static pthread_t thread;
static bool stopping; /* the world lock's */
static bool asleep;   /* the world lock's: a wake-up is needed, and none has been sent */

static void
wake(void)
{
	if (!asleep)
		return;
	asleep = false;
	webhook_wake();
}

/* Milliseconds to sleep, rounded up so that a timer is due when we wake. */
static int
sleep_ms(void)
{
	int64_t next = timer_next_us(), now = timer_now_us();

	if (webhook_has_work() || next <= now)
		return 0;
	if (next - now > 1000000)
		return 1000;
	return (int)((next - now + 999) / 1000);
}

static void *
run(void *arg)
{
	bool stop = false;
	int ms;

	(void)arg;
	while (!stop) {
		world_lock();
		timer_fire_due(BATCH);
		world_unlock();

		webhook_start_waiting();
		webhook_perform();

		world_lock();
		stop = stopping;
		ms = stop ? 0 : sleep_ms();
		asleep = ms > 0;
		world_unlock();
		if (ms > 0)
			webhook_wait(ms);

		world_lock();
		asleep = false;
		world_unlock();
	}
	return NULL;
}

void
engine_start(void)
{
	int error;

	webhook_open();
	timer_on_earlier(wake);
	error = pthread_create(&thread, NULL, run, NULL);
	if (error != 0)
		log_fatal("no thread for the engine: %s", strerror(error));
}

void
engine_stop(void)
{
	world_lock();
	stopping = true;
	wake();
	world_unlock();
	pthread_join(thread, NULL);
	webhook_close();
}
