/*
 * test_feed.c: what the thread that reads the database answers, over a real PostgreSQL with our schema: in a database
 * of its own beside the one of OFFHOOK_TEST_DATABASE_URL; skipped when that is unset.
 */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
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
#include "domain/event.h"
#include "stream/feed.h"
#include "unit/database.h"
#include "unit/stream/events.h"

#define ANSWERS_MAX 8 /* that nobody has taken */
#define LONG_MS 20000 /* never waited out where all is well */
#define SHORT_MS 300  /* in which what is to come would have come */
#define MANY (5 * EVENT_NEWS_MAX / 2)
#define CALL "call_01m8ag254n90fbmptcfhdy3bs"

static const struct db_options options = { .program = "test_feed" };
static const char *url;
static struct db *db;
static struct feed *feed;
static int calls; /* so far */

static int
make_database(void **state)
{
	(void)state;
	url = database_create("offhook_feed");
	db = db_new(url, &options);
	events_schema(db);
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
begin(void **state)
{
	(void)state;
	feed = feed_new(url, 5000);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	feed_free(feed);
	return 0;
}

/* ---- what has come ---- */

/* All that comes within that time, or as soon as there is anything. */
static struct answer *
taken(int within_ms)
{
	struct pollfd ready = { .fd = feed_fd(feed), .events = POLLIN };

	(void)poll(&ready, 1, within_ms);
	return feed_take(feed);
}

/* Waits until so many have come since the last were taken: each adds one to what feed_fd() counts. */
static void
come(int answers)
{
	int64_t until = clock_boot_us() + LONG_MS * INT64_C(1000);
	char path[64], line[256];
	unsigned long count = 0;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", feed_fd(feed));
	while (count < (unsigned long)answers) {
		FILE *f = fopen(path, "re");

		assert_non_null(f);
		while (fgets(line, sizeof line, f) != NULL)
			(void)sscanf(line, "eventfd-count: %lx", &count);
		fclose(f);
		assert_true(clock_boot_us() < until);
		clock_sleep_ms(1);
	}
}

static int
count_and_free(struct answer *answer)
{
	struct answer *next;
	int count = 0;

	for (; answer != NULL; answer = next) {
		next = answer->next;
		answer_free(answer);
		count++;
	}
	return count;
}

/* Takes answers until one to a question has come, and nothing but news beside it. */
static void
assert_replayed(void)
{
	int64_t until = clock_boot_us() + LONG_MS * INT64_C(1000);
	int count = 0;

	while (count == 0) {
		struct answer *answer = taken(SHORT_MS), *next;

		assert_true(clock_boot_us() < until);
		for (; answer != NULL; answer = next) {
			next = answer->next;
			if (answer->kind == ANSWER_REPLAY)
				count++;
			else
				assert_int_equal(answer->kind, ANSWER_NEWS);
			answer_free(answer);
		}
	}
	assert_int_equal(count, 1);
}

/* Takes news until that event has come; how many others came before it. */
static int
news_before(const char *call_id, int64_t event_id)
{
	int64_t until = clock_boot_us() + LONG_MS * INT64_C(1000);
	bool found = false;
	int count = 0;

	while (!found) {
		struct answer *answer = taken(SHORT_MS), *next;
		struct call_event event;

		assert_true(clock_boot_us() < until);
		for (; answer != NULL; answer = next) {
			next = answer->next;
			assert_int_equal(answer->kind, ANSWER_NEWS);
			for (int i = 0; i < rows_count(answer->rows); i++) {
				assert_true(
				    call_event_read(answer->rows, i, EVENT_NEWS_FIRST, &event));
				if (event.event_id == event_id &&
				    strcmp(event.call_id, call_id) == 0)
					found = true;
				else if (!found)
					count++;
			}
			answer_free(answer);
		}
	}
	return count;
}

static void
database_back(void)
{
	database_open();
	db_free(db);
	db = db_new(url, &options);
}

/* A call that no other test knows. */
static const char *
new_call(void)
{
	static char call_id[ID_SIZE];

	snprintf(call_id, sizeof call_id, CALL "%c", 'a' + calls++);
	events_call(db, call_id);
	return call_id;
}

/* Another session runs this in one transaction; as soon as that condition on pg_locks holds, we go on. */
static pid_t
meanwhile(const char *sql, const char *condition)
{
	struct arena *a = arena_new();
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		db = db_new(url, &options);
		database_script(db, arena_printf(a, "BEGIN; %s; COMMIT", sql));
		_exit(0);
	}
	database_script(db,
	    arena_printf(a,
		"DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_locks WHERE %s) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$",
		condition));
	arena_free(a);
	return pid;
}

static void
assert_ended(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- questions ---- */

static void
questions_are_answered_in_their_order(void **state)
{
	const char *call_id = new_call();
	struct answer *answer;
	char list[64];

	(void)state;
	events_add(db, call_id, 4, "speech", "{}");
	snprintf(list, sizeof list, "{%s,call_none}", call_id);
	feed_ask_replay(feed, 7, call_id, 2, 2);
	answer = taken(LONG_MS);
	assert_int_equal(answer->kind, ANSWER_REPLAY);
	assert_int_equal(answer->listener, 7);
	assert_string_equal(answer->call_id, call_id);
	assert_int_equal(rows_count(answer->rows), 2);
	assert_int_equal(rows_int(answer->rows, 0, EVENT_REPLAY_FIRST), 3);
	assert_int_equal(count_and_free(answer), 1);
	assert_true(feed_ask_stand(feed, list));
	answer = taken(LONG_MS);
	assert_int_equal(answer->kind, ANSWER_STAND);
	assert_int_equal(rows_count(answer->rows), 2);
	assert_int_equal(rows_int(answer->rows, 0, EVENT_STAND_COUNT), 5);
	assert_int_equal(rows_int(answer->rows, 1, EVENT_STAND_COUNT), 0);
	assert_true(rows_bool(answer->rows, 1, EVENT_STAND_SETTLED));
	assert_int_equal(count_and_free(answer), 1);
}

/* Nobody takes what has been answered: no more is read than he may be behind. */
static void
answers_wait_for_who_takes_them(void **state)
{
	const char *call_id = new_call();
	int count = 0;

	(void)state;
	feed_follow(feed, true);
	(void)news_before(call_id, 1);
	for (int i = 0; i < 2 * ANSWERS_MAX + 3; i++)
		feed_ask_replay(feed, (uint64_t)i, call_id, 0, 100);
	come(ANSWERS_MAX);
	events_add(db, call_id, 1, "speech", "{}");
	clock_sleep_ms(SHORT_MS);
	while (count < 2 * ANSWERS_MAX + 4) { /* and the news */
		int some = count_and_free(taken(LONG_MS));

		assert_true(some > 0 && some <= ANSWERS_MAX);
		assert_true(count > 0 || some == ANSWERS_MAX);
		count += some;
	}
	assert_int_equal(count, 2 * ANSWERS_MAX + 4);
}

static void
only_one_asks_how_calls_stand(void **state)
{
	(void)state;
	database_shut();
	assert_true(feed_ask_stand(feed, "{}"));
	assert_false(feed_ask_stand(feed, "{}"));
	assert_int_equal(count_and_free(taken(SHORT_MS)), 0);
	assert_false(feed_ask_stand(feed, "{}"));
	database_back();
	assert_int_equal(count_and_free(taken(LONG_MS)), 1);
	assert_true(feed_ask_stand(feed, "{}"));
	assert_int_equal(count_and_free(taken(LONG_MS)), 1);
}

/* The database is away, and questions are kept until it is back; what is left at the end is let go of. */
static void
questions_outlast_the_database(void **state)
{
	const char *call_id = new_call();

	(void)state;
	feed_follow(feed, true);
	(void)news_before(call_id, 1);
	database_shut();
	feed_ask_replay(feed, 1, call_id, 0, 100);
	assert_int_equal(count_and_free(taken(2 * SHORT_MS)), 0);
	database_back();
	assert_replayed(); /* news from before are told again, before or after it */
	events_add(db, call_id, 1, "speech", "{}");
	(void)news_before(call_id, 2);
	for (int i = 0; i < 2 * ANSWERS_MAX; i++)
		feed_ask_replay(feed, 1, call_id, 0, 100);
}

/* What is being answered when the end comes is answered first. */
static void
the_end_waits_for_a_statement(void **state)
{
	const char *call_id = new_call();
	pid_t pid = meanwhile("LOCK TABLE calls IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(0.5)",
	    "relation = 'calls'::regclass AND mode = 'AccessExclusiveLock' AND granted");

	(void)state;
	feed_ask_replay(feed, 1, call_id, 0, 100);
	clock_sleep_ms(100);
	feed_free(feed);
	feed = feed_new(url, 5000);
	assert_ended(pid);
}

/* ---- news ---- */

static void
news_are_waited_for_while_the_database_is_away(void **state)
{
	const char *call_id = new_call();

	(void)state;
	database_shut();
	feed_follow(feed, true);
	assert_int_equal(count_and_free(taken(SHORT_MS)), 0);
	database_back();
	(void)news_before(call_id, 1);
}

/* The connection is lost, and while it is something happens. Meanwhile there is no room for news, so that no question
 * for them is on its way: after that the next one asks for a little more than is new (begin() in feed.c). */
static void
news_go_on_where_they_were_interrupted(void **state)
{
	const char *call_id = new_call();

	(void)state;
	feed_follow(feed, true);
	(void)news_before(call_id, 1);
	for (int i = 0; i < ANSWERS_MAX; i++)
		feed_ask_replay(feed, (uint64_t)i, call_id, 0, 100);
	come(ANSWERS_MAX);
	events_add(db, call_id, 1, "speech", "{}");
	database_script(db,
	    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
	    " WHERE datname = current_database() AND application_name = 'offhook-events'");
	assert_int_equal(count_and_free(taken(LONG_MS)), ANSWERS_MAX);
	assert_int_equal(news_before(call_id, 2), 0);
}

static void
news_come_while_they_are_wanted(void **state)
{
	const char *call_id = new_call();

	(void)state;
	events_add(db, call_id, 1, "speech", "{}");
	assert_int_equal(count_and_free(taken(SHORT_MS)), 0);
	feed_follow(feed, true);
	feed_follow(feed, true);
	(void)news_before(call_id, 2); /* and what may have been committed before it, but late */
	events_add(db, call_id, 1, "speech", "{}");
	assert_int_equal(news_before(call_id, 3), 0);
	feed_follow(feed, false);
	clock_sleep_ms(SHORT_MS);
	events_add(db, call_id, 1, "speech", "{}");
	assert_int_equal(count_and_free(taken(SHORT_MS)), 0);
	feed_follow(feed, true);
	(void)news_before(call_id, 4);
}

static void
many_news_come_in_several_answers(void **state)
{
	const char *call_id = new_call();

	(void)state;
	feed_follow(feed, true);
	(void)news_before(call_id, 1);
	events_add(db, call_id, MANY, "speech", "{}");
	assert_int_equal(news_before(call_id, MANY + 1), MANY - 1);
	assert_int_equal(count_and_free(taken(SHORT_MS)), 0);
}

/* A number is drawn before its commit: who commits late is told of all the same. */
static void
what_is_committed_late_is_told_of(void **state)
{
	char late[ID_SIZE], sql[256];
	const char *call_id;
	pid_t pid;

	(void)state;
	snprintf(late, sizeof late, "%s", new_call());
	call_id = new_call();
	feed_follow(feed, true);
	(void)news_before(call_id, 1);
	database_script(db, "SELECT pg_advisory_lock(1)");
	snprintf(sql, sizeof sql,
	    "SELECT fn.event_add('%s', 'late', '{}'); SELECT pg_advisory_xact_lock(1)", late);
	pid = meanwhile(sql, "locktype = 'advisory' AND NOT granted");
	events_add(db, call_id, 6, "speech", "{}");
	assert_int_equal(news_before(call_id, 7), 5);
	database_script(db, "SELECT pg_advisory_unlock(1)");
	assert_int_equal(news_before(late, 2), 0);
	assert_int_equal(count_and_free(taken(SHORT_MS)), 0);
	assert_ended(pid);
}

/* Another server has taken over, which lacks the last events and their numbers: what it draws again is told of. */
static void
a_sequence_that_went_back_is_followed(void **state)
{
	const char *call_id;
	char sql[256];

	(void)state;
	database_script(
	    db, "SELECT setval('call_event_seq', 5000)"); /* far from where it goes back to */
	call_id = new_call();
	feed_follow(feed, true);
	(void)news_before(call_id, 1);
	snprintf(sql, sizeof sql,
	    "DELETE FROM call_events WHERE call_id <> '%s'; UPDATE call_events SET seq = 1;"
	    " SELECT setval('call_event_seq', 1)",
	    call_id);
	database_script(db, sql);
	database_shut();
	database_back();
	events_add(db, call_id, 1, "speech", "{}");
	(void)news_before(call_id, 2);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(questions_are_answered_in_their_order),
		CASE(answers_wait_for_who_takes_them),
		CASE(only_one_asks_how_calls_stand),
		CASE(questions_outlast_the_database),
		CASE(the_end_waits_for_a_statement),
		CASE(news_are_waited_for_while_the_database_is_away),
		CASE(news_go_on_where_they_were_interrupted),
		CASE(news_come_while_they_are_wanted),
		CASE(many_news_come_in_several_answers),
		CASE(what_is_committed_late_is_told_of),
		CASE(a_sequence_that_went_back_is_followed),
	};

	log_open("test_feed", LOG_LEVEL_ERROR);
	if (database_server() == NULL)
		return 77;
	alarm(120); /* whatever goes wrong, the test ends */
	return cmocka_run_group_tests(tests, make_database, drop_database);
}
