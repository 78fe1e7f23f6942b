/*
 * test_supervise.c: a real master with real children, driven by real signals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "sys/signals.h"
#include "sys/supervise.h"

/* Far beyond what anything here takes, even under valgrind on a busy machine. */
#define PATIENCE_MS 30000

/* Masters and children tell what happens to them; small enough for a pipe to keep it whole. */
struct news {
	char
	    what; /* b begun, e ending, h hung up, t terminated, r reaped, c checked, p parent asked */
	pid_t pid;
	int number;
	int64_t at_us;
};

static int news_in, news_out;
static pid_t master;

static void
tell(char what, int number)
{
	struct news n;

	memset(&n, 0, sizeof(n));
	n.what = what;
	n.pid = getpid();
	n.number = number;
	n.at_us = clock_boot_us();
	if (write(news_out, &n, sizeof(n)) != sizeof(n))
		_exit(99);
}

/* The next news of this kind; false when there is none in time, or nobody left to tell. */
static bool
hear(char what, struct news *n)
{
	struct pollfd in = { .fd = news_in, .events = POLLIN };
	int64_t end = clock_boot_us() + PATIENCE_MS * 1000;

	while (clock_boot_us() < end) {
		if (poll(&in, 1, 100) <= 0)
			continue;
		if (read(news_in, n, sizeof(*n)) != sizeof(*n))
			return false;
		if (n->what == what)
			return true;
	}
	return false;
}

static int
until_told(void *arg)
{
	int number = *(int *)arg;

	tell('b', number);
	while (!signal_stop) {
		signals_sleep_ms(1000);
		if (signal_reload) {
			signal_reload = 0;
			tell('h', number);
		}
	}
	tell('e', number);
	return 0;
}

static int
dies_at_once(void *arg)
{
	(void)arg;
	tell('b', 0);
	return 3;
}

static int
lives_a_while(void *arg)
{
	(void)arg;
	tell('b', 0);
	clock_sleep_ms(1100);
	return 0;
}

static int
deaf(void *arg)
{
	(void)arg;
	tell('b', 0);
	while (getppid() == master)
		clock_sleep_ms(1000);
	return 0;
}

static volatile sig_atomic_t terms;

static void
count_term(int number)
{
	(void)number;
	terms++;
}

/* Like a library that swallows the first signals. */
static int
needs_four_terms(void *arg)
{
	(void)arg;
	signal(SIGTERM, count_term);
	tell('b', 0);
	while (terms < 4)
		signals_sleep_ms(1000);
	tell('t', terms);
	return 0;
}

/* Number is the sum of what is wrong with the state that a child begins in. */
static int
checks_its_state(void *arg)
{
	struct sigaction action;
	int wrong = 0, death = 0;
	sigset_t mask;

	(void)arg;
	sigprocmask(SIG_BLOCK, NULL, &mask);
	wrong += signal_stop || signal_reload || signal_child ? 1 : 0;
	wrong += sigismember(&mask, SIGTERM) && sigismember(&mask, SIGHUP) ? 0 : 2;
	wrong += sigaction(SIGTERM, NULL, &action) == 0 && action.sa_handler != SIG_DFL ? 0 : 4;
	wrong += prctl(PR_GET_PDEATHSIG, &death) == 0 && death == SIGTERM ? 0 : 8;
	wrong += getppid() == master ? 0 : 16;
	tell('c', wrong);
	return until_told(&wrong);
}

static int numbers[] = { 0, 1, 2 };

static void
start_master(struct supervisor *s)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	news_in = ends[0];
	news_out = ends[1];
	fflush(NULL);
	master = fork();
	assert_true(master >= 0);
	if (master == 0) {
		int status;

		close(news_in);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		master = getpid();
		status = supervise_run(s);
		_exit(status);
	}
	close(news_out);
}

/* Ends the master and everything of it, and returns its status as wait(2) has it. */
static int
end_master(int number)
{
	int status = -1;
	struct news n;

	if (number != 0)
		kill(master, number);
	/* Nobody holds the writing end any more: no child is left. */
	assert_false(hear('!', &n));
	assert_int_equal(read(news_in, &n, sizeof(n)), 0);
	assert_int_equal(waitpid(master, &status, 0), master);
	close(news_in);
	return status;
}

static void
killed_children_come_back(void **state)
{
	struct child children[] = {
		{ .name = "zero", .run = until_told, .arg = &numbers[0] },
		{ .name = "one", .run = until_told, .arg = &numbers[1] },
	};
	struct supervisor s = { .children = children, .count = 2, .drain_ms = PATIENCE_MS };
	pid_t pids[2] = { 0, 0 };
	struct news n;
	int i;

	(void)state;
	start_master(&s);
	for (i = 0; i < 2; i++) {
		assert_true(hear('b', &n));
		pids[n.number] = n.pid;
	}
	assert_true(pids[0] > 0 && pids[1] > 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(kill(pids[1], SIGKILL), 0);
		assert_true(hear('b', &n));
		assert_int_equal(n.number, 1);
		assert_int_not_equal(n.pid, pids[1]);
		pids[1] = n.pid;
	}
	assert_int_equal(kill(pids[0], 0), 0);
	kill(master, SIGTERM);
	assert_true(hear('e', &n));
	assert_true(hear('e', &n));
	assert_int_equal(end_master(0), 0);
}

/* What takes long to end: a conversation. */
static int
until_done(void *arg)
{
	int number = *(int *)arg;

	tell('b', number);
	while (!signal_stop && !signal_reload)
		signals_sleep_ms(1000);
	clock_sleep_ms(1500);
	tell('e', number);
	return 0;
}

static void
places_are_handed_over(void **state)
{
	struct child children[] = { { .name = "zero", .run = until_done, .arg = &numbers[0] } };
	struct supervisor s = { .children = children, .count = 1, .drain_ms = SUPERVISE_HANDOVER };
	struct news first, second, n;

	(void)state;
	start_master(&s);
	assert_true(hear('b', &first));
	kill(master, SIGHUP);
	assert_true(hear('b', &second)); /* before the first has ended */
	assert_int_not_equal(second.pid, first.pid);
	assert_int_equal(kill(first.pid, 0), 0);
	assert_true(hear('e', &n));
	assert_int_equal(n.pid, first.pid);
	kill(master, SIGTERM);
	assert_int_equal(waitpid(master, NULL, 0), master); /* which waits for nobody */
	assert_int_equal(kill(second.pid, 0), 0);
	assert_true(hear('e', &n));
	assert_int_equal(n.pid, second.pid);
	close(news_in);
}

static void
children_begin_clean(void **state)
{
	struct child children[] = { { .name = "checks", .run = checks_its_state } };
	struct supervisor s = { .children = children, .count = 1, .drain_ms = PATIENCE_MS };
	struct news n;

	(void)state;
	start_master(&s);
	assert_true(hear('c', &n));
	assert_int_equal(n.number, 0);
	/* Once more for a child that is forked when the master has seen a signal or two. */
	kill(master, SIGHUP);
	assert_true(hear('h', &n));
	kill(n.pid, SIGKILL);
	assert_true(hear('c', &n));
	assert_int_equal(n.number, 0);
	assert_int_equal(end_master(SIGTERM), 0);
}

static void
quick_deaths_are_braked(void **state)
{
	static const int64_t at_least_ms[] = { 100, 200, 400, 800 };
	struct child children[] = { { .name = "quick", .run = dies_at_once } };
	struct supervisor s = { .children = children, .count = 1, .drain_ms = PATIENCE_MS };
	struct news last, n;
	size_t i;

	(void)state;
	start_master(&s);
	assert_true(hear('b', &last));
	for (i = 0; i < 4; i++) {
		assert_true(hear('b', &n));
		assert_true((n.at_us - last.at_us) / 1000 >= at_least_ms[i] - 1);
		last = n;
	}
	assert_int_equal(end_master(SIGTERM), 0);
}

/* The brake as it stands after a death, told by the master: ten times the deaths, and 1 when there
 * is a wait. */
static void
tell_brake(void *arg, int index)
{
	struct child *c = arg;

	tell('r', 10 * c[index].quick_deaths + (c[index].not_before_ms > 0));
}

static void
long_lives_release_the_brake(void **state)
{
	struct child children[] = { { .name = "long", .run = lives_a_while, .quick_deaths = 5 } };
	struct supervisor s = { .children = children,
		.count = 1,
		.drain_ms = PATIENCE_MS,
		.reaped = tell_brake,
		.arg = children };
	struct news n;

	(void)state;
	start_master(&s);
	assert_true(hear('r', &n));
	assert_int_equal(n.pid, master);
	assert_int_equal(n.number, 0);
	assert_true(hear('b', &n));
	assert_true(hear('r', &n));
	assert_int_equal(n.number, 0);
	assert_int_equal(end_master(SIGTERM), 0);
}

static void
the_brake_has_a_ceiling(void **state)
{
	struct child children[] = { { .name = "quick", .run = dies_at_once, .quick_deaths = 400 } };
	struct supervisor s = { .children = children, .count = 1, .drain_ms = PATIENCE_MS };
	int64_t before = clock_boot_us();
	struct news n;

	(void)state;
	start_master(&s);
	assert_true(hear('b', &n));
	assert_true(hear('b', &n));
	assert_true(clock_boot_us() - before >= 5000000 - 1000);
	assert_true(clock_boot_us() - before < 12000000);
	/* Nothing runs now: the master must not wait for its child to end it. */
	assert_int_equal(end_master(SIGTERM), 0);
}

static bool reload_answer;

static bool
on_reload(void *arg)
{
	(void)arg;
	tell('p', 0);
	return reload_answer;
}

static void
reloads_are_passed_on(void **state)
{
	struct child children[] = {
		{ .name = "zero", .run = until_told, .arg = &numbers[0] },
		{ .name = "one", .run = until_told, .arg = &numbers[1] },
	};
	struct supervisor s = {
		.children = children, .count = 2, .drain_ms = PATIENCE_MS, .reload = on_reload
	};
	struct news n;

	(void)state;
	reload_answer = true;
	start_master(&s);
	assert_true(hear('b', &n) && hear('b', &n));
	kill(master, SIGHUP);
	assert_true(hear('p', &n));
	assert_true(hear('h', &n) && hear('h', &n));
	assert_int_equal(end_master(SIGTERM), 0);
}

static void
refused_reloads_are_not_passed_on(void **state)
{
	struct child children[] = { { .name = "zero", .run = until_told, .arg = &numbers[0] } };
	struct supervisor s = {
		.children = children, .count = 1, .drain_ms = PATIENCE_MS, .reload = on_reload
	};
	struct news n;

	(void)state;
	reload_answer = false;
	start_master(&s);
	assert_true(hear('b', &n));
	kill(master, SIGHUP);
	assert_true(hear('p', &n));
	kill(master, SIGTERM);
	/* The child would have told of a SIGHUP before it told of its end. */
	do
		assert_int_equal(read(news_in, &n, sizeof(n)), sizeof(n));
	while (n.what == 'p');
	assert_int_equal(n.what, 'e');
	assert_int_equal(end_master(0), 0);
}

static void
draining_insists(void **state)
{
	struct child children[] = { { .name = "slow", .run = needs_four_terms } };
	struct supervisor s = { .children = children, .count = 1, .drain_ms = PATIENCE_MS };
	int64_t before;
	struct news n;

	(void)state;
	start_master(&s);
	assert_true(hear('b', &n));
	before = clock_boot_us();
	kill(master, SIGTERM);
	assert_true(hear('t', &n));
	assert_int_equal(n.number, 4);
	assert_true(n.at_us - before >= 300000 - 1000);
	assert_int_equal(end_master(0), 0);
}

static void
draining_ends_with_sigkill(void **state)
{
	struct child children[] = {
		{ .name = "deaf", .run = deaf },
		{ .name = "zero", .run = until_told, .arg = &numbers[0] },
	};
	struct supervisor s = { .children = children, .count = 2, .drain_ms = 300 };
	int64_t before;
	struct news n;

	(void)state;
	start_master(&s);
	assert_true(hear('b', &n) && hear('b', &n));
	before = clock_boot_us();
	assert_int_equal(end_master(SIGTERM), 0);
	assert_true(clock_boot_us() - before >= 299000); /* whole milliseconds are counted */
}

static void
the_dead_are_not_started_again_while_draining(void **state)
{
	struct child children[] = {
		{ .name = "zero", .run = until_told, .arg = &numbers[0] },
		{ .name = "deaf", .run = deaf },
	};
	struct supervisor s = { .children = children, .count = 2, .drain_ms = 700 };
	struct news n;

	(void)state;
	start_master(&s);
	assert_true(hear('b', &n) && hear('b', &n));
	kill(master, SIGTERM);
	assert_true(hear('e', &n));
	assert_false(hear('b', &n));
	assert_int_equal(end_master(0), 0);
}

static void
children_die_with_their_master(void **state)
{
	struct child children[] = {
		{ .name = "zero", .run = until_told, .arg = &numbers[0] },
		{ .name = "one", .run = until_told, .arg = &numbers[1] },
	};
	struct supervisor s = { .children = children, .count = 2, .drain_ms = PATIENCE_MS };
	struct news n;
	int status;

	(void)state;
	start_master(&s);
	assert_true(hear('b', &n) && hear('b', &n));
	status = end_master(SIGKILL);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void
no_children_no_work(void **state)
{
	struct supervisor s = { .children = NULL, .count = 0, .drain_ms = 100 };

	(void)state;
	start_master(&s);
	assert_int_equal(end_master(SIGTERM), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_children_come_back),
		cmocka_unit_test(places_are_handed_over),
		cmocka_unit_test(children_begin_clean),
		cmocka_unit_test(quick_deaths_are_braked),
		cmocka_unit_test(long_lives_release_the_brake),
		cmocka_unit_test(the_brake_has_a_ceiling),
		cmocka_unit_test(reloads_are_passed_on),
		cmocka_unit_test(refused_reloads_are_not_passed_on),
		cmocka_unit_test(draining_insists),
		cmocka_unit_test(draining_ends_with_sigkill),
		cmocka_unit_test(the_dead_are_not_started_again_while_draining),
		cmocka_unit_test(children_die_with_their_master),
		cmocka_unit_test(no_children_no_work),
	};

	alarm(300);
	log_open("test_supervise", LOG_LEVEL_ERROR);
	/* A SIGTERM that comes before the master is ready must be kept for it. */
	signals_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
