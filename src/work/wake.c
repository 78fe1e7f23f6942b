/*
 * wake.c: the waker. Brings calls whose time has come into the queue, from where the dialer takes them
 * like all others. A child of its own, because a thousand calls that are due in the same second take
 * longer than the dialer may stay away from its slots; any number of hosts may have one, since each
 * call is moved by whoever has locked it.
 */
#include "base/clock.h"
#include "base/log.h"
#include "domain/queue.h"
#include "sys/signals.h"
#include "work/env.h"

#define BATCH 50
#define PERIOD_US 50000 /* a call that is scheduled for the next moment is seen so late at most */
#define BEHIND_US 10000000 /* no statement runs so long: nothing comes into the schedule later */
#define ALL_US 60000000    /* all of it is read so often, whatever the rest has brought */

int
work_wake(void *arg)
{
	const struct work_env *env = arg;
	struct db_options options = { "offhook-waker", env->statement_timeout_ms, 0 };
	struct db *db = db_new(env->database_url, &options);
	int64_t read_all = 0;

	while (!signal_stop && !signal_reload) {
		int64_t now = clock_boot_us(), next_us = PERIOD_US;
		bool all = read_all == 0 || now - read_all > ALL_US;
		int woken = 0;

		if (queue_wake(db, all ? -1 : BEHIND_US, BATCH, &woken, &next_us) != RC_OK)
			read_all = 0; /* who knows for how long the database was away */
		else if (woken > 0)
			continue;
		else if (all)
			read_all = now;
		if (next_us < 0 || next_us > PERIOD_US)
			next_us = PERIOD_US;
		signals_sleep_ms((long)(next_us / 1000) + 1);
	}
	db_free(db);
	return 0;
}
