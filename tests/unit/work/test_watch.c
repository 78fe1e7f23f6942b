/*
 * test_watch.c: the watcher over a real PostgreSQL with our schema and a carrier of the test's own (stage.h): what a
 * call's row has become afterwards, and what the carrier was asked. Skipped when OFFHOOK_TEST_DATABASE_URL is unset.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "unit/database.h"
#include "unit/work/stage.h"

#define CALLS "/2010-04-01/Accounts/" STAGE_ACCOUNT "/Calls"
#define SID "CA%032d"
#define ATTEMPT "00000000-0000-4000-8000-%012d"
#define AT_ONCE 256  /* questions that the watcher has under way */
#define AWAY_AFTER 8 /* failures until it takes the carrier to be away */

static int made; /* calls so far */

/* A call in that state with its attempt, which is to be looked at now; more is SQL of other columns of the attempt,
 * as ", column = value". Returns its number. */
static int
attempt(const char *status, const char *state, const char *more)
{
	const char *sid = strcmp(state, "live") == 0 ? stage_text("'" SID "'", ++made)
						     : (++made, "NULL");

	database_script(stage.db,
	    stage_text(
		"INSERT INTO calls (call_id, workspace_id, task_id, status, direct, target_phone, brief, language, kind,"
		" ask_user_mode, machine_detection, credits_reserved, price_cents, call_sid, attempt_id)"
		" VALUES ('call_%d', 'ws1', 'task_%d', '%s', false, '+120255%05d', 'b', 'en', 'other', 'any', 'off', 0,"
		" 0, %s, '" ATTEMPT "');"
		"INSERT INTO call_events (call_id, event_id, workspace_id, event_type, data)"
		" VALUES ('call_%d', 1, 'ws1', 'status_change', '{}');"
		"INSERT INTO attempts (attempt_id, workspace_id, call_id, epoch, state, to_number, slot_at, call_sid,"
		" check_at, deadline_at) VALUES ('" ATTEMPT
		"', 'ws1', 'call_%d', 1, '%s', '+120255%05d', now(), %s,"
		" now(), now() + interval '100 s');"
		"UPDATE attempts SET checks = 0%s WHERE attempt_id = '" ATTEMPT "'",
		made, made, status, made, sid, made, made, made, made, state, made, sid, more,
		made));
	return made;
}

static int
live(const char *more)
{
	return attempt("in_progress", "live", more);
}

static int
lost(void)
{
	return attempt("dial_unknown", "unknown", "");
}

/* Nothing of an earlier test is looked at. */
static int
forget(void **state)
{
	database_script(stage.db, "DELETE FROM attempts WHERE check_at IS NOT NULL");
	return stage_close(state);
}

/* ---- what the carrier says ---- */

static const char *
sid_of(int number)
{
	return stage_text(SID, number);
}

static const char *
one_call(int number, const char *status, const char *more)
{
	return stage_text("{\"sid\": \"" SID "\", \"status\": \"%s\"%s}", number, status, more);
}

/* One of a list, made just now. */
static const char *
listed(int number)
{
	time_t now = time(NULL);
	char text[64];

	strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", gmtime(&now));
	return one_call(number, "in-progress", stage_text(", \"date_created\": \"%s\"", text));
}

/* ---- what has become of it ---- */

static const char *
is(int number, const char *condition)
{
	return stage_text(
	    "SELECT %s FROM attempts t JOIN calls c USING (call_id) WHERE t.attempt_id = '" ATTEMPT
	    "'",
	    condition, number);
}

static const char *
ended(int number)
{
	return is(number, "t.state = 'ended'");
}

/* It was put off, and is as it was. */
static const char *
put_off(int number, const char *state)
{
	return is(number,
	    stage_text(
		"t.state = '%s' AND checks >= 1 AND check_at > now() AND check_at < now() + interval '40 s'",
		state));
}

/* One question, one answer, and then that is so. */
static void
watch(const char *asked, int status, const char *body, const char *until)
{
	const struct play play = { .replies = { { asked, status, body } },
		.steps = { { until, 1, NULL } } };

	stage_play(work_watch, &play);
}

/* ---- live ones ---- */

static void
a_call_that_is_over_is_ended(void **state)
{
	int number = live("");

	(void)state;
	watch(stage_text("GET " CALLS "/%s.json", sid_of(number)), 200,
	    one_call(number, "completed", ", \"duration\": \"12\", \"answered_by\": \"human\""),
	    ended(number));
	stage_assert(
	    is(number, "c.status = 'completed' AND duration_sec = 12 AND answered_by = 'human'"));
}

static void
what_the_carrier_does_not_say_stays_open(void **state)
{
	int number = live("");
	const struct play play = { .replies = { { "GET ", 200,
				       one_call(number, "in-progress", ", \"duration\": null") } },
		.steps = { { put_off(number, "live"), 1, NULL } },
		.number = SIGHUP };

	(void)state;
	stage_play(work_watch, &play);
	stage_assert(is(number, "c.status = 'in_progress' AND answered_by IS NULL"));
}

static void
a_call_that_was_deleted_over_there_has_failed(void **state)
{
	int number = live("");

	(void)state;
	watch("GET ", 404, "{}", ended(number));
	stage_assert(is(number, "c.status = 'failed' AND outcome_type = 'failed_technical'"));
}

static void
another_calls_state_says_nothing(void **state)
{
	int number = live("");

	(void)state;
	watch("GET ", 200, one_call(number + 1, "completed", ""), put_off(number, "live"));
}

static void
what_is_to_be_hung_up_is_and_then_asked_for(void **state)
{
	static const char *const why[] = { ", hangup_at = now()",
		", deadline_at = now() - interval '1 s'",
		", hangup_at = now(), deadline_at = now() - interval '1 s'" };

	(void)state;
	for (int i = 0; i < 3; i++) {
		int number = live(why[i]);
		const struct play play = { .replies = { { "POST " CALLS, 200, "{}" },
					       { "GET ", 200, one_call(number, "completed", "") } },
			.steps = { { ended(number), 2, NULL } } };

		stage_play(work_watch, &play);
		stage_assert(is(number, "hangup_at IS NOT NULL"));
	}
}

static void
who_cannot_be_hung_up_is_tried_again(void **state)
{
	int number = live(", hangup_at = now()");

	(void)state;
	watch("POST ", 503, "", put_off(number, "live"));
}

/* ---- lost ones ---- */

/* By the number that was called and the one that called, and none that belongs to another. */
static void
a_lost_dial_is_found(void **state)
{
	int other = live(", check_at = now() + interval '1 hour'"), number = lost();

	(void)state;
	database_script(stage.db,
	    stage_text(
		"UPDATE calls SET from_number = '+12025550000' WHERE call_id = 'call_%d'", number));
	watch(stage_text("GET " CALLS ".json?To=%%2B120255%05d&From=%%2B12025550000&", number), 200,
	    stage_text("{\"calls\": [%s, %s, {}]}", listed(other), listed(number)),
	    is(number, "t.state = 'live'"));
	stage_assert(is(
	    number, stage_text("c.call_sid = '%s' AND c.status = 'in_progress'", sid_of(number))));
}

static void
of_two_that_could_be_it_none_is(void **state)
{
	int number = lost();

	(void)state;
	watch("GET ", 200, stage_text("{\"calls\": [%s, %s]}", listed(number), listed(number + 1)),
	    put_off(number, "unknown"));
}

static void
one_that_is_not_there_is_looked_for_again(void **state)
{
	const struct play play = {
		.replies = { { "From=%2B15005550006&", 200, "{\"calls\": []}" } },
		.steps = { { put_off(lost(), "unknown"), 2, NULL } }
	};

	(void)state;
	stage_play(work_watch, &play);
}

static void
an_answer_that_is_none_finds_nothing(void **state)
{
	const struct play play = { .replies = { { "GET ", 200, "what?" }, { "GET ", 200, "{}" },
				       { "GET ", 0, "" }, { "GET ", 500, "" } },
		.steps = {
		    { "SELECT count(*) = 4 FROM attempts WHERE state = 'unknown' AND checks >= 1 AND check_at > now()"
		      " AND check_at < now() + interval '40 s'",
			4, NULL } } };

	(void)state;
	for (int i = 0; i < 4; i++)
		(void)lost();
	stage_play(work_watch, &play);
}

/* ---- a database that fails ---- */

static void
what_cannot_be_compared_is_put_off(void **state)
{
	int number = lost();

	(void)state;
	database_script(stage.db, STAGE_BREAK("sid_bound"));
	watch("GET ", 200, stage_text("{\"calls\": [%s]}", listed(number)),
	    put_off(number, "unknown"));
	database_script(stage.db, STAGE_MEND("sid_bound"));
}

static void
who_cannot_be_given_up_is_put_off(void **state)
{
	const struct play play = {
		.steps = { { put_off(live(", deadline_at = now() - interval '1 s'"), "live"), 0,
		    NULL } }
	};

	(void)state;
	database_script(stage.db, STAGE_BREAK("watch_give_up"));
	stage_play(work_watch, &play);
	database_script(stage.db, STAGE_MEND("watch_give_up"));
}

/* What is due cannot be read: it is when it can. */
static void
a_database_that_fails_is_asked_again(void **state)
{
	int number = live("");
	const struct play play = { .replies = { { "GET ", 404, "{}" } },
		.steps = { { "SELECT pg_sleep(1) IS NOT NULL", 0, STAGE_MEND("watch_due") },
		    { ended(number), 1, NULL } } };

	(void)state;
	database_script(stage.db, STAGE_BREAK("watch_due"));
	stage_play(work_watch, &play);
}

static void
what_cannot_even_be_put_off_waits_for_its_lease(void **state)
{
	int number = live("");

	(void)state;
	database_script(stage.db, STAGE_BREAK("watch_failed"));
	watch(
	    "GET ", 500, "", is(number, "t.state = 'live' AND check_at > now() + interval '40 s'"));
	database_script(stage.db, STAGE_MEND("watch_failed"));
}

/* ---- many ---- */

static void
no_more_than_so_many_are_asked_for_at_once(void **state)
{
	const struct play play = { .replies = { { "GET ", 404, "{}" } },
		.steps = { { "SELECT count(*) = 0 FROM attempts WHERE state = 'live'", AT_ONCE + 20,
		    NULL } },
		.held = AT_ONCE };
	struct rlimit files;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	assert_true(files.rlim_cur > 2 * AT_ONCE);
	for (int i = 0; i < AT_ONCE + 20; i++)
		(void)live("");
	stage_play(work_watch, &play);
}

/* One question at a time finds out whether it is back; the others are put off, and looked at more often than asked
 * for. */
static void
a_carrier_that_is_away_is_asked_one_question_at_a_time(void **state)
{
	const struct play play = { .replies = { { "GET ", 500, "" } },
		.steps = { { "SELECT count(*) = 13 AND sum(checks) >= 26 FROM attempts WHERE state = 'live'",
		    AWAY_AFTER + 1, NULL } },
		.at_most = 18 };

	(void)state;
	for (int i = 0; i < AWAY_AFTER; i++)
		(void)live("");
	for (int i = 0; i < 5; i++)
		(void)live(", check_at = now() + interval '1 s'");
	stage_play(work_watch, &play);
}

static void
a_question_under_way_is_waited_for_at_the_end(void **state)
{
	int number = live("");
	const struct play play = {
		.replies = { { "GET ", 200, one_call(number, "completed", "") } },
		.steps = { { ended(number), 1, NULL } },
		.number = SIGTERM,
		.at_first = true
	};

	(void)state;
	stage_play(work_watch, &play);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, stage_open, forget)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_call_that_is_over_is_ended),
		CASE(what_the_carrier_does_not_say_stays_open),
		CASE(a_call_that_was_deleted_over_there_has_failed),
		CASE(another_calls_state_says_nothing),
		CASE(what_is_to_be_hung_up_is_and_then_asked_for),
		CASE(who_cannot_be_hung_up_is_tried_again),
		CASE(a_lost_dial_is_found),
		CASE(of_two_that_could_be_it_none_is),
		CASE(one_that_is_not_there_is_looked_for_again),
		CASE(an_answer_that_is_none_finds_nothing),
		CASE(what_cannot_be_compared_is_put_off),
		CASE(who_cannot_be_given_up_is_put_off),
		CASE(a_database_that_fails_is_asked_again),
		CASE(what_cannot_even_be_put_off_waits_for_its_lease),
		CASE(no_more_than_so_many_are_asked_for_at_once),
		CASE(a_carrier_that_is_away_is_asked_one_question_at_a_time),
		CASE(a_question_under_way_is_waited_for_at_the_end),
	};

	log_open("test_watch", LOG_LEVEL_ERROR);
	if (database_server() == NULL)
		return 77;
	alarm(240); /* whatever goes wrong, the test ends */
	return cmocka_run_group_tests(tests, stage_build, stage_strike);
}
