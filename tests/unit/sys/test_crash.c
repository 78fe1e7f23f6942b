/*
 * test_crash.c: crash points, compiled in whatever the build says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/crash.h"

#define SURVIVED 7

/* Which of ten passes of the two points a fresh process dies at (1 to 10 for the first point, 11
 * to 20 for the second), or 0. */
static int
dies_at(const char *at)
{
	int ends[2], status, i;
	char pass, last = 0;
	pid_t pid;

	if (at != NULL)
		setenv("OFFHOOK_CRASH_AT", at, 1);
	else
		unsetenv("OFFHOOK_CRASH_AT");
	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		for (i = 1; i <= 20; i++) {
			pass = (char)i;
			if (write(ends[1], &pass, 1) != 1)
				_exit(1);
			crash_point(i <= 10 ? "dial.claimed" : "dial.sent");
		}
		_exit(SURVIVED);
	}
	close(ends[1]);
	while (read(ends[0], &pass, 1) == 1)
		last = pass;
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status)) {
		assert_int_equal(WEXITSTATUS(status), SURVIVED);
		return 0;
	}
	assert_int_equal(WTERMSIG(status), SIGKILL);
	return last;
}

static void
points_are_found_by_name_and_count(void **state)
{
	(void)state;
	unsetenv("OFFHOOK_CRASH_ONCE");
	assert_int_equal(dies_at("dial.claimed"), 1);
	assert_int_equal(dies_at("dial.claimed:1"), 1);
	assert_int_equal(dies_at("dial.claimed:3"), 3);
	assert_int_equal(dies_at("dial.claimed:10"), 10);
	assert_int_equal(dies_at("dial.sent"), 11);
	assert_int_equal(dies_at("dial.sent:2"), 12);
}

static void
other_texts_crash_nothing(void **state)
{
	static const char *const texts[] = { NULL, "", ":", "dial", "dial.claime", "dial.claimedx",
		"dial.claimed:", "dial.claimed:0", "dial.claimed:-1", "dial.claimed:x",
		"dial.claimed:11", "dial.claimed:3x", "dial.claimed:99999999999999999999" };
	size_t i;

	(void)state;
	unsetenv("OFFHOOK_CRASH_ONCE");
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(dies_at(texts[i]), 0);
}

static void
once_is_once_for_all_processes(void **state)
{
	char path[64];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/offhook-test-crash-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	setenv("OFFHOOK_CRASH_ONCE", path, 1);
	assert_int_equal(dies_at("dial.claimed"), 0);
	unlink(path);
	assert_int_equal(dies_at("dial.claimed"), 1);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(dies_at("dial.claimed"), 0);
	unlink(path);
	setenv("OFFHOOK_CRASH_ONCE", "", 1);
	assert_int_equal(dies_at("dial.claimed"), 1);
	unsetenv("OFFHOOK_CRASH_ONCE");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(points_are_found_by_name_and_count),
		cmocka_unit_test(other_texts_crash_nothing),
		cmocka_unit_test(once_is_once_for_all_processes),
	};

	alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
