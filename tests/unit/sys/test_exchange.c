/* Questions and answers between processes: who waits is answered once, whoever dies leaves nobody hanging. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/texts.h"
#include "sys/exchange.h"
#include "sys/signals.h"

#define MAX ((size_t)4 << 20)
#define LONG_MS 20000 /* never waited out where all is well */

static struct exchange_door door;
static struct exchange *x;

static int
set_up(void **state)
{
	(void)state;
	signals_init();
	if (!exchange_door_open(&door))
		return -1;
	x = exchange_new(door.inside, MAX);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	exchange_free(x);
	exchange_door_close(&door);
	return 0;
}

/* Sends one text in a process of its own, which ends with 0 when the answer is as expected, with 9 when there
 * is none. What such a process holds, or has inherited, is static here and below: memcheck looks for it at its end. */
static pid_t
ask(const char *text, int wait_ms, const char *expected)
{
	static struct asker *asker;
	static struct buf question, answer;
	pid_t pid = fork();
	const char *told = NULL;
	int status = 9;

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	asker = asker_new(door.outside, MAX);
	buf_init(&question, MAX);
	buf_init(&answer, MAX);
	texts_write(&question, &text, 1);
	if (asker_ask(asker, &question, wait_ms, &answer) == RC_OK)
		status = texts_read(answer.data, answer.len, &told, 1) &&
			strcmp(told, expected) == 0
		    ? 0
		    : 1;
	_exit(status);
}

static void
assert_ends(pid_t pid, int expected)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), expected);
}

/* Until so many questions wait. */
static void
wait_for(int count)
{
	int64_t end = clock_boot_us() + LONG_MS * INT64_C(1000);

	while (exchange_wait(x, 10) != count)
		assert_true(clock_boot_us() < end);
}

static const char *
text_of(const struct question *q)
{
	const char *text;

	assert_true(texts_read(q->message, q->size, &text, 1));
	return text;
}

static void
tell(struct question *q, const char *text)
{
	struct buf b;

	buf_init(&b, MAX);
	texts_write(&b, &text, 1);
	exchange_answer(x, q, &b);
	buf_free(&b);
}

static void
the_oldest_are_taken_first(void **state)
{
	struct question *q[8];
	pid_t pids[5];
	char text[8];

	(void)state;
	for (int i = 0; i < 5; i++) {
		snprintf(text, sizeof text, "%d", i);
		pids[i] = ask(text, LONG_MS, text);
		wait_for(i + 1);
	}
	assert_int_equal(exchange_take(x, q, 3), 3);
	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof text, "%d", i);
		assert_string_equal(text_of(q[i]), text);
	}
	tell(q[0], "0");
	tell(q[2], "2"); /* 1 is left to wait, and is still before those that came after it */
	assert_int_equal(exchange_wait(x, 0), 3);
	assert_int_equal(exchange_take(x, q, 8), 3);
	assert_string_equal(text_of(q[0]), "1");
	assert_string_equal(text_of(q[2]), "4");
	exchange_put_back(x, q[0]);
	assert_int_equal(exchange_take(x, q, 8), 3);
	assert_string_equal(text_of(q[0]), "3");
	assert_string_equal(text_of(q[2]), "1");
	tell(q[0], "3");
	tell(q[1], "4");
	tell(q[2], "1");
	for (int i = 0; i < 5; i++)
		assert_ends(pids[i], 0);
	assert_int_equal(exchange_wait(x, 0), 0);
}

/* More than a socket holds, both ways. */
static void
long_messages_arrive_whole(void **state)
{
	static char *text;
	struct question *q[1];
	pid_t pid;

	(void)state;
	text = mem_alloc(3000001);
	memset(text, 'x', 3000000);
	text[3000000] = '\0';
	pid = ask(text, LONG_MS, text);
	wait_for(1);
	assert_int_equal(exchange_take(x, q, 1), 1);
	assert_string_equal(text_of(q[0]), text);
	tell(q[0], text);
	while (!exchange_idle(x)) /* the rest of the answer goes out, then its asker leaves */
		(void)exchange_wait(x, 10);
	assert_ends(pid, 0);
	free(text);
}

static void
who_has_gone_asks_no_more(void **state)
{
	pid_t pid = ask("gone", LONG_MS, "");
	struct question *q[1];

	(void)state;
	wait_for(1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	wait_for(0);
	assert_int_equal(exchange_take(x, q, 1), 0);
	assert_true(exchange_idle(x));
}

static void
who_waited_long_enough_asks_no_more(void **state)
{
	int64_t before = clock_boot_us();
	pid_t pid = ask("impatient", 200, "");

	(void)state;
	wait_for(1);
	assert_ends(pid, 9);
	assert_true(clock_boot_us() - before >= 200000);
	wait_for(0);
}

/* Whoever answers dies with a question in hand: its asker learns so at once, and the next one who answers
 * takes in, by the same door, whoever asks then. */
static void
an_end_is_seen_at_once_and_the_next_one_answers(void **state)
{
	int64_t before = clock_boot_us();
	pid_t pid = ask("lost", LONG_MS, "");
	struct question *q[1];

	(void)state;
	wait_for(1);
	exchange_free(x);
	assert_ends(pid, 9);
	assert_true(clock_boot_us() - before < LONG_MS * INT64_C(1000) / 2);
	pid = ask("again", LONG_MS, "here");
	x = exchange_new(door.inside, MAX); /* after it: it has waited in the door */
	wait_for(1);
	assert_int_equal(exchange_take(x, q, 1), 1);
	tell(q[0], "here");
	assert_ends(pid, 0);
}

/* An answer that comes too late is not taken for the answer to the next question. */
static void
one_asker_goes_on_after_silence_and_death(void **state)
{
	static struct asker *asker;
	static struct buf question, answer;
	const char *text = "first", *told;
	struct question *q[1];
	pid_t pid;

	(void)state;
	asker = asker_new(door.outside, MAX);
	buf_init(&question, MAX);
	buf_init(&answer, MAX);
	texts_write(&question, &text, 1);
	assert_int_equal(asker_ask(asker, &question, 50, &answer), RC_LATER);
	(void)exchange_wait(x, 0); /* its connection, and at the next look its end */
	(void)exchange_wait(x, 0);
	assert_int_equal(exchange_take(x, q, 1), 0);
	asker_open(asker);
	assert_int_equal(exchange_wait(x, 0), 0);
	assert_false(exchange_idle(x)); /* it is known before it asks */
	exchange_free(x);
	x = exchange_new(door.inside, MAX);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		wait_for(1);
		(void)exchange_take(x, q, 1);
		tell(q[0], "second");
		_exit(0);
	}
	assert_int_equal(asker_ask(asker, &question, LONG_MS, &answer), RC_OK);
	assert_true(texts_read(answer.data, answer.len, &told, 1));
	assert_string_equal(told, "second");
	assert_ends(pid, 0);
	asker_free(asker);
	buf_free(&question);
	buf_free(&answer);
}

/* Those who talk nonsense, or while their question waits, are let go; nobody else notices. */
static void
nonsense_is_let_go(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} nonsense[] = {
		{ "\0\0\0\0", 4 },
		{ "\xff\xff\xff\xff", 4 },
		{ "\x08\0\0\0\0\0\0\0more", 12 },
	};
	pid_t pid = ask("sane", LONG_MS, "yes");
	struct question *q[1];

	(void)state;
	wait_for(1);
	for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
		pid_t fool = fork();

		if (fool == 0) {
			static struct asker *asker;
			static struct buf question, answer;

			prctl(PR_SET_PDEATHSIG, SIGKILL);
			asker = asker_new(door.outside, MAX);
			buf_init(&question, MAX);
			buf_init(&answer, MAX);
			buf_add(&question, nonsense[i].bytes, nonsense[i].len);
			_exit(asker_ask(asker, &question, LONG_MS, &answer) == RC_LATER ? 9 : 0);
		}
		while (waitpid(fool, NULL, WNOHANG) == 0)
			assert_true(exchange_wait(x, 10) >= 1);
	}
	wait_for(1);
	assert_int_equal(exchange_take(x, q, 1), 1);
	assert_string_equal(text_of(q[0]), "sane");
	tell(q[0], "yes");
	assert_ends(pid, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_oldest_are_taken_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(long_messages_arrive_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_has_gone_asks_no_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    who_waited_long_enough_asks_no_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    an_end_is_seen_at_once_and_the_next_one_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    one_asker_goes_on_after_silence_and_death, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nonsense_is_let_go, set_up, tear_down),
	};

	log_open("test_exchange", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
