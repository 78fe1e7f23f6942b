/*
 * timer.h: the one lock of the simulator, and what happens later.
 *
 * Calls, recordings, rules and everything else that changes belong to the world lock: whoever
 * reads or changes them holds it, for microseconds, never over a system call that can wait.
 * Timers belong to the lock too; the engine's thread fires them while it holds it.
 */
#ifndef SIM_TIMER_H
#define SIM_TIMER_H

#include <stddef.h>
#include <stdint.h>

#define TIMER_NEVER INT64_MAX

struct timer {
	int64_t at_us;             /* CLOCK_MONOTONIC */
	size_t place;              /* in the heap, from 1; 0 when not armed */
	void (*fire)(void *owner); /* called once, no longer armed */
	void *owner;
};

void world_lock(void);
void world_unlock(void);

/* CLOCK_MONOTONIC in microseconds: comparable with other programs of this host. */
int64_t timer_now_us(void);

/* Calls fire(owner) once at at_us or soon after; an armed timer is moved. A zeroed struct timer
 * is one that is not armed. */
void timer_arm(struct timer *t, int64_t at_us, void (*fire)(void *), void *owner);
/* The same, ms milliseconds from now. */
void timer_arm_in(struct timer *t, int64_t ms, void (*fire)(void *), void *owner);
void timer_disarm(struct timer *t);

/* Fires what is due, at most max timers, oldest first. */
void timer_fire_due(size_t max);
/* When the next timer is due, or TIMER_NEVER. */
int64_t timer_next_us(void);
/* wake() is called, with the lock held, whenever the next timer became an earlier one. */
void timer_on_earlier(void (*wake)(void));
/* Forgets all timers without firing them: at the end of the program. */
void timer_close(void);

#endif
