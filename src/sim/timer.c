/*
 * timer.c: a binary heap of deadlines. Timers lie inside their owners and know their place, so
 * that arming, moving and taking back cost a few swaps and no allocation, with tens of thousands
 * of calls alive.
 */
#include "sim/timer.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"

static pthread_mutex_t world = PTHREAD_MUTEX_INITIALIZER;
static struct timer **heap; /* from 1 to armed */
static size_t armed, room;
static void (*wake_engine)(void);

void
world_lock(void)
{
	pthread_mutex_lock(&world);
}

void
world_unlock(void)
{
	pthread_mutex_unlock(&world);
}

int64_t
timer_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void
put(struct timer *t, size_t place)
{
	heap[place] = t;
	t->place = place;
}

static void
sift_up(struct timer *t, size_t place)
{
	while (place > 1 && heap[place / 2]->at_us > t->at_us) {
		put(heap[place / 2], place);
		place /= 2;
	}
	put(t, place);
}

static void
sift_down(struct timer *t, size_t place)
{
	size_t child;

	while ((child = place * 2) <= armed) {
		if (child < armed && heap[child + 1]->at_us < heap[child]->at_us)
			child++;
		if (heap[child]->at_us >= t->at_us)
			break;
		put(heap[child], place);
		place = child;
	}
	put(t, place);
}

void
timer_arm(struct timer *t, int64_t at_us, void (*fire)(void *), void *owner)
{
	timer_disarm(t);
	t->at_us = at_us;
	t->fire = fire;
	t->owner = owner;
	if (armed + 1 >= room) {
		room = room == 0 ? 1024 : room * 2;
		heap = mem_realloc(heap, room * sizeof(heap[0]));
	}
	sift_up(t, ++armed);
	if (t->place == 1 && wake_engine != NULL)
		wake_engine();
}

void
timer_arm_in(struct timer *t, int64_t ms, void (*fire)(void *), void *owner)
{
	timer_arm(t, timer_now_us() + ms * 1000, fire, owner);
}

void
timer_disarm(struct timer *t)
{
	struct timer *last;
	size_t place = t->place;

	if (place == 0)
		return;
	t->place = 0;
	last = heap[armed--];
	if (last == t)
		return;
	if (place > 1 && heap[place / 2]->at_us > last->at_us)
		sift_up(last, place);
	else
		sift_down(last, place);
}

void
timer_fire_due(size_t max)
{
	int64_t now = timer_now_us();

	while (max-- > 0 && armed > 0 && heap[1]->at_us <= now) {
		struct timer *t = heap[1];

		timer_disarm(t);
		t->fire(t->owner);
	}
}

int64_t
timer_next_us(void)
{
	return armed > 0 ? heap[1]->at_us : TIMER_NEVER;
}

void
timer_on_earlier(void (*wake)(void))
{
	wake_engine = wake;
}

void
timer_close(void)
{
	free(heap);
	heap = NULL;
	armed = room = 0;
}
