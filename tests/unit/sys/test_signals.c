/*
 * test_signals.c: signals wait until the process waits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "sys/signals.h"

static void
lower_flags(void)
{
	signal_stop = signal_reload = signal_child = 0;
}

/* A wait that ends at once because a signal is there. */
static void
sleep_interrupted(void)
{
	int64_t before = clock_boot_us();

	signals_sleep_ms(20000);
	assert_true(clock_boot_us() - before < 10000000);
}

static void
blocked_until_the_wait(void **state)
{
	static const struct {
		int number;
		volatile sig_atomic_t *flag;
	} cases[] = {
		{ SIGTERM, &signal_stop },
		{ SIGINT, &signal_stop },
		{ SIGQUIT, &signal_stop },
		{ SIGHUP, &signal_reload },
		{ SIGCHLD, &signal_child },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		lower_flags();
		assert_int_equal(raise(cases[i].number), 0);
		assert_int_equal(*cases[i].flag, 0);
		sleep_interrupted();
		assert_int_equal(*cases[i].flag, 1);
		assert_int_equal(signal_stop + signal_reload + signal_child, 1);
	}
}

static void
calling_init_again_loses_nothing(void **state)
{
	(void)state;
	lower_flags();
	signal_reload = 1;
	raise(SIGTERM);
	signals_init();
	assert_int_equal(signal_reload, 1);
	assert_int_equal(signal_stop, 0);
	sleep_interrupted();
	assert_int_equal(signal_stop, 1);
}

static void
the_wait_mask_works_for_others(void **state)
{
	(void)state;
	lower_flags();
	raise(SIGHUP);
	assert_int_equal(sigsuspend(signals_wait_mask()), -1);
	assert_int_equal(errno, EINTR);
	assert_int_equal(signal_reload, 1);
}

static void
waits_end_by_themselves(void **state)
{
	int64_t before = clock_boot_us();

	(void)state;
	lower_flags();
	signals_sleep_ms(0);
	signals_sleep_ms(50);
	assert_true(clock_boot_us() - before >= 50000);
	assert_int_equal(signal_stop + signal_reload + signal_child, 0);
}

static void
children_are_reported_when_they_end(void **state)
{
	pid_t pid;

	(void)state;
	lower_flags();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(0);
	sleep_interrupted();
	assert_int_equal(signal_child, 1);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
broken_pipes_are_errors(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	assert_int_equal(write(ends[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	close(ends[1]);
}

static void
calls_are_not_restarted(void **state)
{
	struct sigaction action;

	(void)state;
	assert_int_equal(sigaction(SIGTERM, NULL, &action), 0);
	assert_int_equal(action.sa_flags & SA_RESTART, 0);
	assert_int_equal(sigismember(&action.sa_mask, SIGHUP), 1);
}

static void
unblocked_they_come_at_once(void **state)
{
	(void)state;
	lower_flags();
	raise(SIGTERM);
	assert_int_equal(signal_stop, 0);
	signals_unblock();
	assert_int_equal(signal_stop, 1);
	raise(SIGHUP);
	assert_int_equal(signal_reload, 1);
	signals_init();
	lower_flags();
	raise(SIGHUP);
	assert_int_equal(signal_reload, 0);
	signals_sleep_ms(0);
	assert_int_equal(signal_reload, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocked_until_the_wait),
		cmocka_unit_test(calling_init_again_loses_nothing),
		cmocka_unit_test(the_wait_mask_works_for_others),
		cmocka_unit_test(waits_end_by_themselves),
		cmocka_unit_test(children_are_reported_when_they_end),
		cmocka_unit_test(broken_pipes_are_errors),
		cmocka_unit_test(calls_are_not_restarted),
		cmocka_unit_test(unblocked_they_come_at_once),
	};

	alarm(120);
	signals_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
