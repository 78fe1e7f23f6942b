/* Whether an older leader can still be alive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "work/holder.h"

static void
test_self(void **state)
{
	struct pacer_holder self, none = { .host = "" };

	(void)state;
	holder_self(&self);
	assert_int_equal(self.pid, getpid());
	assert_true(self.pid_start > 0);
	assert_true(holder_dead(&self, &self)); /* it knows what it has sent */
	assert_true(holder_dead(&self, &none));
}

/* Another process of this machine: alive while it runs, dead when it is gone. */
static void
test_other_process(void **state)
{
	struct pacer_holder self, child;
	int up[2], down[2];
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(up), 0);
	assert_int_equal(pipe(down), 0);
	pid = fork();
	if (pid == 0) {
		holder_self(&child);
		if (write(up[1], &child, sizeof child) < 0)
			_exit(1);
		close(down[1]);
		_exit(read(down[0], &byte, 1) < 0);
	}
	close(down[0]);
	assert_int_equal(read(up[0], &child, sizeof child), (ssize_t)sizeof child);
	holder_self(&self);
	assert_false(holder_dead(&self, &child));
	close(down[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(holder_dead(&self, &child));
	close(up[0]);
	close(up[1]);
}

/* The same number, another process. */
static void
test_reused_pid(void **state)
{
	struct pacer_holder self, other;

	(void)state;
	holder_self(&self);
	other = self;
	other.pid = getppid();
	other.pid_start = 1;
	assert_true(holder_dead(&self, &other));
}

static void
test_other_places(void **state)
{
	struct pacer_holder self = { "machine/boot/1", 10, 100 };
	struct pacer_holder elsewhere = { "other/boot/1", 10, 100 };
	struct pacer_holder earlier = { "machine/older/1", 10, 100 };
	struct pacer_holder container = { "machine/boot/2", 10, 100 };

	(void)state;
	assert_false(holder_dead(&self, &elsewhere));
	assert_true(holder_dead(&self, &earlier));
	assert_false(holder_dead(&self, &container));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_self),
		cmocka_unit_test(test_other_process),
		cmocka_unit_test(test_reused_pid),
		cmocka_unit_test(test_other_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
