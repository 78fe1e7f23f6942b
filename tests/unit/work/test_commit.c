/*
 * test_commit.c: workers ask, the committer commits, over the real exchange and a real PostgreSQL, whose function
 * fn.calls_accept is one of this test: it says what a call's brief tells it to. What is asked wrongly, answered
 * wrongly or too large harms nobody else. In a database of its own beside the one of OFFHOOK_TEST_DATABASE_URL;
 * skipped when that is unset.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/texts.h"
#include "db/db.h"
#include "domain/accept.h"
#include "sys/signals.h"
#include "unit/database.h"
#include "work/commit.h"

#define LONG_MS 20000 /* never waited out where all is well */
#define LARGE ((size_t)6 << 20)

static const struct db_options options = { .program = "test_commit" };
static struct db *db;
static struct exchange_door door;
static struct exchange *x;

/* What a call's brief makes of it; with "few" among several one row is missing. */
static const char *const schema[] = {
	"CREATE SCHEMA fn",
	"CREATE TYPE machine_detection AS ENUM ('off')",
	"CREATE SEQUENCE tries",
	"CREATE TABLE statements (bytes bigint)",
	"CREATE FUNCTION fn.calls_accept(bytea[], text[], text[], boolean[], text[], text[], text[], bytea[], text[],"
	" text[], text[], briefs text[], text[], text[], json[], text[], machine_detection[], json[], timestamptz[],"
	" boolean[], integer[], integer[], integer[], text[], text[]) RETURNS TABLE (result text, workspace_id text,"
	" status integer, body text) LANGUAGE plpgsql AS $$ BEGIN"
	" INSERT INTO statements SELECT sum(length(b)) FROM unnest(briefs) b;"
	" IF cardinality(briefs) > 1 AND 'bad' = ANY (briefs) THEN RAISE data_exception; END IF;"
	" RETURN QUERY SELECT CASE WHEN b = 'again' AND nextval('tries') < 3 THEN 'again' ELSE 'accepted' END, 'ws', 202,"
	" CASE WHEN b = 'large' THEN repeat('x', 9 << 20) ELSE left(b, 10) END FROM unnest(briefs) WITH ORDINALITY"
	" AS u (b, n) WHERE cardinality(briefs) = 1 OR b <> 'few' ORDER BY n; END $$",
};

static int
make_database(void **state)
{
	(void)state;
	db = db_new(database_create("offhook_commit"), &options);
	for (size_t i = 0; i < sizeof schema / sizeof schema[0]; i++)
		database_script(db, schema[i]);
	return 0;
}

static int
drop_database(void **state)
{
	(void)state;
	db_free(db);
	database_drop();
	return 0;
}

static int
open_door(void **state)
{
	(void)state;
	signals_init();
	if (!exchange_door_open(&door))
		return -1;
	x = exchange_new(door.inside, ACCEPT_MESSAGE_MAX);
	return 0;
}

static int
close_door(void **state)
{
	(void)state;
	exchange_free(x);
	exchange_door_close(&door);
	signal_stop = 0;
	return 0;
}

/* ---- workers, each a process ---- */

static enum rc
accept_in(
    struct asker *asker, const char *brief, struct arena *a, struct call_acceptance *acceptance)
{
	const struct credential who = { .key_hash = "\\x00" };
	struct call_wish wish;

	call_wish_init(&wish);
	wish.target_phone = "+12025550123";
	wish.brief = brief;
	return call_accept(asker, LONG_MS, a, &who, &wish, acceptance);
}

/* Ends with 0 when a call with this brief comes to rc, and an accepted one is told its own brief. */
static pid_t
want(const char *brief, enum rc rc)
{
	pid_t pid = fork();
	struct call_acceptance acceptance = { CALL_AT_CAP, NULL, 0, NULL };
	struct arena *a;
	enum rc got;

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	a = arena_new();
	got = accept_in(asker_new(door.outside, ACCEPT_MESSAGE_MAX), brief, a, &acceptance);
	if (got != rc)
		_exit(10 + (int)got);
	if (rc == RC_OK &&
	    (acceptance.refusal != CALL_ACCEPTED || acceptance.status != 202 ||
		strncmp(acceptance.body, brief, strlen(acceptance.body)) != 0))
		_exit(2);
	_exit(0);
}

/* Asks for what is no call, and ends with 0 when it is told so. */
static pid_t
want_nonsense(void)
{
	const char *text = "what time is it?", *texts[5];
	struct buf question, answer;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	buf_init(&question, ACCEPT_MESSAGE_MAX);
	buf_init(&answer, ACCEPT_MESSAGE_MAX);
	texts_write(&question, &text, 1);
	if (asker_ask(asker_new(door.outside, ACCEPT_MESSAGE_MAX), &question, LONG_MS, &answer) !=
		RC_OK ||
	    !texts_read(answer.data, answer.len, texts, 5))
		_exit(1);
	_exit(strtol(texts[0], NULL, 10) == RC_BROKEN ? 0 : 2);
}

/* So many wait; only then it is begun to answer. */
static void
wait_for(int count)
{
	int64_t end = clock_boot_us() + LONG_MS * INT64_C(1000);

	while (exchange_wait(x, 10) != count) {
		assert_true(clock_boot_us() < end);
		clock_sleep_ms(1);
	}
}

/* Serves until all have gone. */
static void
serve(const pid_t pids[], int count)
{
	signal_stop = 1;
	commit_serve(x, db);
	for (int i = 0; i < count; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) != 0)
			fail_msg("worker %d ended with %d", i, WEXITSTATUS(status));
	}
}

/* ---- the committer ---- */

static void
what_is_no_call_is_told_so_and_the_others_are_accepted(void **state)
{
	pid_t pids[3];

	(void)state;
	pids[0] = want_nonsense();
	wait_for(1);
	serve(pids, 1);
	(void)close_door(state);
	assert_int_equal(open_door(state), 0);
	pids[0] = want("one", RC_OK);
	pids[1] = want_nonsense();
	pids[2] = want("two", RC_OK);
	wait_for(3);
	serve(pids, 3);
}

static void
an_answer_that_is_too_large_is_told_as_broken(void **state)
{
	pid_t pids[2];

	(void)state;
	pids[0] = want("large", RC_BROKEN);
	pids[1] = want("small", RC_OK);
	wait_for(2);
	serve(pids, 2);
}

static void
what_breaks_a_statement_is_tried_by_itself(void **state)
{
	static const char *const breaking[] = { "bad", "few" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		pid_t pids[3] = { want("one", RC_OK), want(breaking[i], RC_OK),
			want("two", RC_OK) };

		wait_for(3);
		serve(pids, 3);
		(void)close_door(state);
		assert_int_equal(open_door(state), 0);
	}
}

static void
large_wishes_do_not_make_one_statement(void **state)
{
	char *brief = mem_zalloc(1, LARGE + 1);
	pid_t pids[5];

	(void)state;
	memset(brief, 'b', LARGE);
	for (int i = 0; i < 5; i++)
		pids[i] = want(brief, RC_OK);
	wait_for(5);
	serve(pids, 5);
	database_script(db,
	    "DO $$ BEGIN ASSERT (SELECT max(bytes) BETWEEN 12 << 20 AND 16 << 20 FROM statements); END $$");
	free(brief);
}

static void
what_another_is_in_the_way_of_is_tried_again(void **state)
{
	pid_t pids[1] = { want("again", RC_OK) };

	(void)state;
	wait_for(1);
	serve(pids, 1);
}

/* ---- the worker's side ---- */

static void
what_is_too_large_is_not_asked(void **state)
{
	char *brief = mem_zalloc(1, ACCEPT_MESSAGE_MAX + 1);
	struct asker *asker = asker_new(door.outside, ACCEPT_MESSAGE_MAX);
	struct call_acceptance acceptance;
	struct arena *a = arena_new();

	(void)state;
	memset(brief, 'b', ACCEPT_MESSAGE_MAX);
	assert_int_equal(accept_in(asker, brief, a, &acceptance), RC_INVALID);
	assert_int_equal(exchange_wait(x, 0), 0);
	arena_free(a);
	asker_free(asker);
	free(brief);
}

/* Another process answers the next question, with these texts. */
static pid_t
answering(const char *const texts[], int count)
{
	pid_t pid = fork();
	struct question *q;
	struct buf message;

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	buf_init(&message, ACCEPT_MESSAGE_MAX);
	texts_write(&message, texts, count);
	wait_for(1);
	if (exchange_take(x, &q, 1) != 1)
		_exit(1);
	exchange_answer(x, q, &message);
	_exit(0);
}

static void
an_answer_that_is_none_is_broken(void **state)
{
	static const char *const answers[][5] = {
		{ NULL, "accepted", "ws", "202", "{}" },
		{ "zero", "accepted", "ws", "202", "{}" },
		{ "0", "accepted", "ws", "99", "{}" },
		{ "0", "what?", "ws", "202", "{}" },
	};
	(void)state;
	for (int i = 0; i < 5; i++) {
		struct asker *asker = asker_new(door.outside, ACCEPT_MESSAGE_MAX);
		pid_t pid = answering(answers[i % 4], i == 4 ? 1 : 5);
		struct call_acceptance acceptance;
		struct arena *a = arena_new();
		int status;

		assert_int_equal(accept_in(asker, "one", a, &acceptance), RC_BROKEN);
		asker_free(asker);
		arena_free(a);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    what_is_no_call_is_told_so_and_the_others_are_accepted, open_door, close_door),
		cmocka_unit_test_setup_teardown(
		    an_answer_that_is_too_large_is_told_as_broken, open_door, close_door),
		cmocka_unit_test_setup_teardown(
		    what_breaks_a_statement_is_tried_by_itself, open_door, close_door),
		cmocka_unit_test_setup_teardown(
		    large_wishes_do_not_make_one_statement, open_door, close_door),
		cmocka_unit_test_setup_teardown(
		    what_another_is_in_the_way_of_is_tried_again, open_door, close_door),
		cmocka_unit_test_setup_teardown(
		    what_is_too_large_is_not_asked, open_door, close_door),
		cmocka_unit_test_setup_teardown(
		    an_answer_that_is_none_is_broken, open_door, close_door),
	};

	log_open("test_commit", LOG_LEVEL_ERROR);
	if (database_server() == NULL)
		return 77;
	alarm(120); /* whatever goes wrong, the test ends */
	return cmocka_run_group_tests(tests, make_database, drop_database);
}
