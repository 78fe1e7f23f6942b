/*
 * test_log.c: one event is one line in one write, whatever is in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"

static int catcher; /* the reading end of a pipe that stands in for standard error */
static int stderr_kept;

static int
catch_stderr(void **state)
{
	int ends[2];

	(void)state;
	unsetenv("JOURNAL_STREAM");
	if (pipe2(ends, O_CLOEXEC) != 0 || (stderr_kept = dup(STDERR_FILENO)) < 0)
		return -1;
	catcher = ends[0];
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	fcntl(catcher, F_SETFL, O_NONBLOCK);
	log_about(NULL);
	log_open("offhook-test", LOG_LEVEL_INFO);
	return 0;
}

static int
release_stderr(void **state)
{
	(void)state;
	dup2(stderr_kept, STDERR_FILENO);
	close(stderr_kept);
	close(catcher);
	return 0;
}

/* What was written since the last time; "" for nothing. */
static const char *
caught(void)
{
	static char text[8192];
	ssize_t len = read(catcher, text, sizeof(text) - 1);

	text[len > 0 ? len : 0] = '\0';
	return text;
}

/* The part behind "time level program[pid] ". */
static const char *
message(void)
{
	const char *text = strstr(caught(), "] ");

	return text != NULL ? text + 2 : "";
}

static void
plain_lines(void **state)
{
	char expected[64];
	const char *text;

	(void)state;
	log_error("disk %s", "full");
	text = caught();
	assert_int_equal(strspn(text, "0123456789-T:.Z"), 24);
	assert_int_equal(text[10], 'T');
	assert_int_equal(text[23], 'Z');
	snprintf(
	    expected, sizeof(expected), " error offhook-test[%ld] disk full\n", (long)getpid());
	assert_string_equal(text + 24, expected);
	log_warning("w");
	assert_non_null(strstr(caught(), "Z warning offhook-test["));
	log_info("i");
	assert_non_null(strstr(caught(), "Z info offhook-test["));
}

static void
levels(void **state)
{
	enum log_level level = LOG_LEVEL_INFO;

	(void)state;
	log_debug("hidden");
	assert_string_equal(caught(), "");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("shown");
	assert_string_equal(message(), "shown\n");
	log_set_level(LOG_LEVEL_ERROR);
	log_warning("hidden");
	assert_string_equal(caught(), "");
	log_error("shown");
	assert_string_equal(message(), "shown\n");
	assert_true(log_level_parse("debug", &level));
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_true(log_level_parse("error", &level));
	assert_int_equal(level, LOG_LEVEL_ERROR);
	assert_false(log_level_parse("", &level));
	assert_false(log_level_parse("DEBUG", &level));
	assert_false(log_level_parse("warn", &level));
	assert_int_equal(level, LOG_LEVEL_ERROR);
}

static void
subjects(void **state)
{
	char longest[100];

	(void)state;
	log_about("call_1");
	log_info("dialed");
	assert_string_equal(message(), "call_1: dialed\n");
	log_about("a\nb");
	log_info("x");
	assert_string_equal(message(), "a\\x0ab: x\n");
	log_about("");
	log_info("x");
	assert_string_equal(message(), "x\n");
	memset(longest, 's', sizeof(longest));
	longest[99] = '\0';
	log_about(longest);
	log_info("x");
	assert_int_equal(strlen(message()), 63 + strlen(": x\n"));
	log_about(NULL);
	log_info("x");
	assert_string_equal(message(), "x\n");
}

static void
foreign_bytes_are_escaped(void **state)
{
	static const char *const cases[][2] = {
		{ "a\nb\rc\td", "a\\x0ab\\x0dc\\x09d\n" },
		{ "\x1b[31mred\x7f", "\\x1b[31mred\\x7f\n" },
		{ "Zürich ☎ 😀", "Zürich ☎ 😀\n" },
		{ "\xff\xc3(\xc0\x80", "\\xff\\xc3(\\xc0\\x80\n" },
		{ "\xc2\x9b"
		  "31m",
		    "\\xc2\\x9b31m\n" }, /* a control of the upper half */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80\n" },
		{ "%s%n", "%s%n\n" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		log_info("%s", cases[i][0]);
		assert_string_equal(message(), cases[i][1]);
	}
}

/* However long and whatever it consists of: one line, bounded, valid, and marked as cut. */
static void
long_texts_are_cut(void **state)
{
	static const char *const units[] = { "a", "ü", "☎", "😀", "\xff", "\n" };
	char text[6001];
	const char *line;
	size_t i, shift, len, unit, at;

	(void)state;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		unit = strlen(units[i]);
		for (shift = 0; shift < 4; shift++) {
			memset(text, '.', sizeof(text));
			for (at = shift; at + unit < sizeof(text); at += unit)
				memcpy(text + at, units[i], unit);
			text[at] = '\0';
			log_info("%s", text);
			line = caught();
			len = strlen(line);
			assert_in_range(len, 2030, 2048);
			assert_true(str_ends(line, "…\n"));
			assert_true(strchr(line, '\n') == line + len - 1);
			assert_true(str_utf8(line, len));
		}
	}
}

static void
errno_is_left_alone(void **state)
{
	(void)state;
	errno = ENOENT;
	log_info("%m");
	assert_int_equal(errno, ENOENT);
	assert_string_equal(message(), "No such file or directory\n");
	errno = EACCES;
	log_debug("hidden");
	assert_int_equal(errno, EACCES);
}

static void
lines_for_the_journal(void **state)
{
	char stream[64];
	struct stat st;

	(void)state;
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open("offhook-test", LOG_LEVEL_DEBUG);
	log_about("req-1");
	log_error("e");
	assert_string_equal(caught(), "<3>req-1: e\n");
	log_warning("w");
	assert_string_equal(caught(), "<4>req-1: w\n");
	log_about(NULL);
	log_info("i\n<0>forged");
	assert_string_equal(caught(), "<6>i\\x0a<0>forged\n");
	log_debug("d");
	assert_string_equal(caught(), "<7>d\n");
	/* Inherited by a process whose standard error goes elsewhere. */
	setenv("JOURNAL_STREAM", "1:1", 1);
	log_open("offhook-test", LOG_LEVEL_DEBUG);
	log_info("plain");
	assert_string_equal(message(), "plain\n");
}

static void
fatal_ends_with_status_1(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		log_fatal("no %s", "way");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_string_equal(message(), "no way\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(plain_lines, catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(levels, catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(subjects, catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(
		    foreign_bytes_are_escaped, catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(long_texts_are_cut, catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(errno_is_left_alone, catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(
		    lines_for_the_journal, catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(
		    fatal_ends_with_status_1, catch_stderr, release_stderr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
