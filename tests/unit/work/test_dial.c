/*
 * test_dial.c: the dialer over a real PostgreSQL with our schema and a carrier of the test's own (stage.h): who is
 * dialed and who is not, what becomes of a dial by its answer, and how it comes back from what takes the lead from it.
 * When each dial leaves is what tests/faults and the pacer's model are about. Skipped when OFFHOOK_TEST_DATABASE_URL
 * is unset.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "unit/database.h"
#include "unit/work/stage.h"

#define IN_FLIGHT_MAX 256 /* dials that wait for their answer */
#define MANY (IN_FLIGHT_MAX + 14)
#define PHONE "+120255%05d"
#define LOSE_CONNECTION                                                                                    \
	"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'offhook-dialer'" \
	" AND datname = current_database()"
/* How often a call's dial has left; one whose slot had passed, as on a busy machine, has not. */
#define SENT \
	"(SELECT count(*) FROM attempts s WHERE s.call_id = c.call_id AND s.answer IS DISTINCT FROM 'missed')"
#define SOME "SELECT pg_sleep(0.3)" /* in which a dial that may leave has left */

/* What the carrier says to who only asks how far away it is, and to a dial. */
#define PROBED                                 \
	{                                      \
		"GET ", 200, "{\"calls\": []}" \
	}
#define TAKEN                      \
	{                          \
		"POST ", 201, NULL \
	}

static int made; /* calls so far */

/* ---- who waits ---- */

/* A call waits in that lane of a customer; more is SQL of other columns of it, as ", column = value". Returns its
 * number. */
static int
call_of(const char *workspace, const char *lane, const char *more)
{
	made++;
	database_script(stage.db,
	    stage_text(
		"INSERT INTO calls (call_id, workspace_id, task_id, status, direct, target_phone, brief, language, kind,"
		" ask_user_mode, machine_detection, queue_no, queue_rank, queue_lane, credits_reserved, price_cents)"
		" VALUES ('call_%d', '%s', 'task_%d', 'queued', false, '" PHONE
		"', 'b', 'en', 'other', 'any', 'off',"
		" nextval('call_queue_no'), 3, '%s', 0, 0);"
		"UPDATE calls SET kind = 'other'%s WHERE call_id = 'call_%d';"
		"SELECT fn.call_wait(c) FROM calls c WHERE call_id = 'call_%d'",
		made, workspace, made, made, lane, more, made, made));
	return made;
}

static int
call(void)
{
	return call_of("ws1", "", "");
}

static int
forget(void **state)
{
	database_script(stage.db,
	    "DELETE FROM call_queue; DELETE FROM attempts; UPDATE pacer SET doubted_at = NULL");
	return stage_close(state);
}

/* ---- what has become of it ---- */

static const char *
is(int number, const char *condition)
{
	return stage_text(
	    "SELECT %s FROM calls c LEFT JOIN attempts t USING (attempt_id) WHERE c.call_id = 'call_%d'",
	    condition, number);
}

static const char *
live(int number)
{
	return is(number, "t.state = 'live'");
}

static const char *
both(const char *one, const char *other)
{
	return stage_text("(%s) AND (%s)", one, other);
}

/* The carrier says that it is over. */
static const char *
hung_up(int number)
{
	return stage_text(
	    "SELECT fn.carrier_news(call_id, NULL, call_sid, 'completed', 5, NULL, 900) FROM calls"
	    " WHERE call_id = 'call_%d'",
	    number);
}

/* The slots of two calls lie so far apart. */
static void
assert_apart(int one, int other, const char *least)
{
	stage_assert(stage_text(
	    "SELECT max(slot_at) - min(slot_at) >= interval '%s' FROM attempts WHERE call_id IN"
	    " ('call_%d', 'call_%d')",
	    least, one, other));
}

/* ---- by its answer ---- */

/* One call whose dial is answered so; then that is so. */
static int
answered(int status, const char *body, const char *condition)
{
	int number = call();
	const struct play play = { .replies = { PROBED, { "POST ", status, body }, TAKEN },
		.steps = { { is(number, condition), 2, NULL } } };

	stage_play(work_dial, &play);
	return number;
}

static void
what_the_carrier_takes_is_live(void **state)
{
	int number = answered(
	    201, NULL, "t.state = 'live' AND t.answer = 'accepted' AND c.status = 'dialing'");

	(void)state;
	stage_assert(is(number, SENT " = 1"));
	stage_assert("SELECT seen_at IS NULL FROM pacer"); /* the lead was laid down */
}

static void
a_dial_may_have_its_own_number_and_agent(void **state)
{
	int number = call_of("ws1", "",
	    ", from_number = '+12025550000', webhook_url = 'https://agent.example.com/voice'");
	const struct play play = {
		.replies = { PROBED,
		    { "&From=%2B12025550000&Url=https%3A%2F%2Fagent.example.com%2Fvoice&", 201,
			NULL } },
		.steps = { { live(number), 2, NULL } }
	};

	(void)state;
	stage_play(work_dial, &play);
}

static void
what_it_refuses_has_failed(void **state)
{
	(void)state;
	(void)answered(400, "{\"code\": 21211}",
	    "c.status = 'failed' AND t.state = 'refused' AND " SENT " = 1");
}

static void
what_is_too_much_for_it_waits_and_is_dialed_again(void **state)
{
	(void)state;
	(void)answered(429, "", "t.state = 'live' AND " SENT " = 2");
}

/* Nobody is there, which a question before the first dial finds out, and each dial. */
static void
what_cannot_be_sent_waits(void **state)
{
	int number = call();
	const struct play play = {
		.steps = { { is(number, "c.status = 'queued' AND dials >= 2"), 0, NULL } }
	};

	(void)state;
	stage.env.carrier.api_url = "http://127.0.0.1:1";
	stage_play(work_dial, &play);
	stage_assert(stage_text(
	    "SELECT bool_and(answer IN ('not_sent', 'missed')) FROM attempts WHERE call_id = 'call_%d'",
	    number));
}

static void
what_may_have_become_a_call_is_not_dialed_again(void **state)
{
	(void)state;
	(void)answered(
	    500, "", "c.status = 'dial_unknown' AND t.state = 'unknown' AND " SENT " = 1");
	(void)answered(0, "", "c.status = 'dial_unknown' AND t.state = 'unknown' AND " SENT " = 1");
}

/* The attempt stays as it is until somebody asks the carrier; the dialer lives on. On a busy machine the first dials may
 * miss their slots, which cannot be written down either: so there are a few. */
static void
an_answer_that_cannot_be_written_down_costs_nothing_else(void **state)
{
	int one = call(), two = call(), three = call(), four = call();
	const char *ours = stage_text(
	    "FROM calls c LEFT JOIN attempts t USING (attempt_id)"
	    " WHERE c.call_id IN ('call_%d', 'call_%d', 'call_%d', 'call_%d')",
	    one, two, three, four);

	(void)state;
	stage.env.cps = 1;
	database_script(stage.db, STAGE_BREAK("dial_result"));
	stage_play(work_dial,
	    &(const struct play){ .replies = { PROBED, TAKEN },
		/* The first dial has been answered; who mends it is who would answer the next. */
		.steps = { { "SELECT true", 2, SOME "; " STAGE_MEND("dial_result") },
		    { stage_text("SELECT bool_or(t.state = 'live') %s", ours), 0, NULL } } });
	stage_assert(stage_text("SELECT max(" SENT ") = 1 %s", ours));
}

/* Each claim's commit takes so many seconds. */
static void
slow_commits(double seconds)
{
	database_script(stage.db,
	    stage_text(
		"CREATE FUNCTION fn.slow() RETURNS trigger LANGUAGE plpgsql AS"
		" 'BEGIN PERFORM pg_sleep(%g); RETURN NULL; END';"
		"CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON attempts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
		" EXECUTE FUNCTION fn.slow()",
		seconds));
}

#define QUICK_COMMITS "DROP TRIGGER slow ON attempts; DROP FUNCTION fn.slow()"

/* Longer than the window to send in: the dialer learns by the first, which is lost, and claims the others earlier. */
static void
a_slow_database_is_given_its_time(void **state)
{
	int one = call(), two = call(), three = call(), four = call();
	const struct play play = { .replies = { PROBED, TAKEN },
		.steps = { { both(live(one), live(two)), 0, SOME },
		    { both(live(three), live(four)), 0, QUICK_COMMITS } },
		.at_most = 5 };

	(void)state;
	stage.env.cps = 5;
	slow_commits(0.1);
	stage_play(work_dial, &play);
	stage_assert(stage_text("SELECT sum(dials) = 5 AND sum(" SENT
				") = 4 FROM calls c WHERE call_id BETWEEN 'call_%d' AND 'call_%d'",
	    one, four));
	assert_apart(one, two, "180 ms");
	assert_apart(three, four, "180 ms");
}

/* Longer than any notice: nobody is dialed, and somebody as soon as it is quicker. */
static void
a_database_that_is_too_slow_is_waited_for(void **state)
{
	int number = call();
	const struct play play = { .replies = { PROBED, TAKEN },
		.steps = { { "SELECT count(*) >= 3 FROM attempts WHERE answer = 'missed'", 0,
			       QUICK_COMMITS },
		    { live(number), 0, NULL } } };

	(void)state;
	slow_commits(0.6);
	stage_play(work_dial, &play);
	stage_assert(is(number, "dials > 3 AND " SENT " = 1"));
}

/* ---- who may not be dialed ---- */

static void
who_has_left_meanwhile_is_not_dialed_and_the_next_is(void **state)
{
	int one = call(), two = call(), three = call();
	const struct play play = { .replies = { PROBED, TAKEN },
		.steps = { { live(one), 0,
			       stage_text("SELECT fn.call_cancel('ws1', 'call_%d')", two) },
		    { live(three), 3, NULL } },
		.at_most = 3 };

	(void)state;
	stage.env.cps = 1;
	stage_play(work_dial, &play);
	stage_assert(is(two, "c.status = 'cancelled' AND dials = 0"));
}

/* Its row is there, and yet it is no call that waits. */
static void
who_is_dialed_already_is_passed_over(void **state)
{
	int one = call(), two = call(), three = call();
	const struct play play = { .replies = { PROBED, TAKEN },
		.steps = { { both(live(one), live(three)), 3, NULL } },
		.at_most = 3 };

	(void)state;
	database_script(stage.db,
	    stage_text("UPDATE calls SET status = 'dialing' WHERE call_id = 'call_%d'", two));
	stage_play(work_dial, &play);
	stage_assert(is(two, "dials = 0"));
}

static void
who_is_to_wait_is_dialed_after_it(void **state)
{
	int later = call(), now = call();
	const struct play play = { .replies = { PROBED, TAKEN },
		.steps = { { both(live(now), live(later)), 3, NULL } } };

	(void)state;
	database_script(stage.db,
	    stage_text(
		"UPDATE call_queue SET not_before = now() + interval '3 s' WHERE call_id = 'call_%d'",
		later));
	stage_play(work_dial, &play);
	assert_apart(now, later, "1 s");
}

/* Who is next cannot be read: it begins anew, and as soon as it can it goes on. */
static void
a_queue_that_cannot_be_read_is_read_again(void **state)
{
	int one = call(), two = call(), three = call();
	const struct play play = { .replies = { PROBED, TAKEN, PROBED },
		.steps = { { live(one), 0,
			       stage_text("SELECT fn.call_cancel('ws1', 'call_%d');"
					  " ALTER TABLE call_queue RENAME rank TO away",
				   two) },
		    { "SELECT epoch > 1 FROM pacer WHERE epoch > (SELECT max(epoch) FROM attempts)",
			0, SOME },
		    { "SELECT true", 0, "ALTER TABLE call_queue RENAME away TO rank" },
		    { live(three), 0, NULL } } };

	(void)state;
	stage.env.cps = 1;
	stage_play(work_dial, &play);
}

/* The log would be full of it. */
static void
what_cannot_be_read_is_not_asked_for_all_the_time(void **state)
{
	int one = call(), two = call();
	const struct play play = { .replies = { PROBED, TAKEN },
		.steps = { { live(one), 0, "ALTER TABLE call_queue RENAME lane TO away" },
		    { "SELECT pg_sleep(3) IS NOT NULL", 0,
			"ALTER TABLE call_queue RENAME away TO lane" },
		    { live(two), 0, NULL } } };

	(void)state;
	stage.env.cps = 0.5;
	database_script(stage.db,
	    "CREATE TABLE before AS SELECT xact_rollback AS n FROM pg_stat_database"
	    " WHERE datname = current_database()");
	stage_play(work_dial, &play);
	stage_assert(
	    "SELECT d.xact_rollback - before.n BETWEEN 2 AND 12 FROM pg_stat_database d, before"
	    " WHERE d.datname = current_database()");
	database_script(stage.db, "DROP TABLE before");
}

static void
who_is_too_late_is_ended(void **state)
{
	int late = call_of("ws1", "", ", not_after = now() - interval '1 s'"), two = call();
	const struct play play = { .replies = { PROBED, TAKEN },
		.steps = { { both(live(two), is(late, "c.status = 'expired' AND dials = 0")), 0,
		    NULL } } };

	(void)state;
	stage_play(work_dial, &play);
}

/* Its number is being dialed for somebody else, whose answer was lost. */
static void
whose_number_is_busy_waits_aside(void **state)
{
	int busy = call(), gone = call(), other = call();
	const struct play play = { .replies = { PROBED, TAKEN },
		.steps = { { live(other), 0, SOME },
		    { is(busy, "dials = 0"), 0,
			stage_text("SELECT fn.call_cancel('ws1', 'call_%d')", gone) },
		    { "SELECT true", 0, SOME },
		    { "SELECT true", 0, "DELETE FROM attempts WHERE state = 'unknown'" },
		    { live(busy), 0, NULL } } };

	(void)state;
	for (int i = busy; i <= gone; i++)
		database_script(stage.db,
		    stage_text(
			"INSERT INTO attempts (attempt_id, workspace_id, call_id, epoch, state, to_number, slot_at,"
			" check_at) VALUES (gen_random_uuid(), 'ws1', 'call_0', 0, 'unknown', '" PHONE
			"', now(),"
			" now() + interval '1 hour')",
			i));
	stage_play(work_dial, &play);
	stage_assert(is(gone, "dials = 0"));
}

/* Also while it cannot be read who is at the cap. */
static void
a_customer_at_his_cap_waits_for_his_own_calls(void **state)
{
	int one = call_of("ws2", "", ""), two = call_of("ws2", "", "");
	const struct play play = { .replies = { PROBED, TAKEN },
		.steps = { { live(one), 0, SOME },
		    { is(two, "dials = 0"), 0, STAGE_BREAK("in_flight") },
		    { "SELECT true", 0, SOME },
		    { "SELECT true", 0,
			stage_text("%s; %s", STAGE_MEND("in_flight"), hung_up(one)) },
		    { live(two), 0, NULL } } };

	(void)state;
	for (int i = 2; i <= 3; i++)
		database_script(stage.db,
		    stage_text("SELECT fn.workspace_create('ws%d', 'default', 'w', 1000, 1)", i));
	for (int i = 0; i < 2; i++)
		(void)call_of("ws3", "", "");
	stage_play(work_dial, &play);
}

/* Also while it cannot be read who is paused. */
static void
a_campaign_that_is_paused_waits_until_it_is_not(void **state)
{
	int also = call_of("ws1", "task_paused_too", ""),
	    paused = call_of("ws1", "task_paused", ""), other = call();
	const struct play play = { .replies = { PROBED, TAKEN },
		.steps = { { live(other), 0, SOME },
		    { is(paused, "dials = 0"), 0, STAGE_BREAK("lanes_free") },
		    { "SELECT true", 0, SOME },
		    { "SELECT true", 0,
			STAGE_MEND("lanes_free") "; UPDATE tasks SET paused_at = NULL,"
						 " paused_why = NULL" },
		    { both(live(paused), live(also)), 0, NULL } } };

	(void)state;
	database_script(stage.db,
	    "INSERT INTO tasks (task_id, workspace_id, kind, paused_at, paused_why) SELECT name, 'ws1', 'campaign', now(),"
	    " 'customer' FROM unnest('{task_paused,task_paused_too}'::text[]) name");
	stage_play(work_dial, &play);
}

static void
a_campaign_keeps_its_distance_and_its_cap(void **state)
{
	int one = call_of("ws1", "task_spaced", ""), two = call_of("ws1", "task_spaced", "");
	int three = call_of("ws1", "task_capped", ""), four = call_of("ws1", "task_capped", "");
	const struct play play = { .replies = { PROBED, TAKEN },
		.steps = { { both(live(two), live(three)), 0, SOME },
		    { is(four, "dials = 0"), 0, hung_up(three) }, { live(four), 0, NULL } } };

	(void)state;
	database_script(stage.db,
	    "INSERT INTO tasks (task_id, workspace_id, kind, spacing_s) VALUES ('task_spaced', 'ws1', 'campaign', 1);"
	    "INSERT INTO tasks (task_id, workspace_id, kind, max_concurrent) VALUES ('task_capped', 'ws1', 'campaign', 1)");
	stage_play(work_dial, &play);
	assert_apart(one, two, "1 s");
}

/* ---- the lead ---- */

/* While that is broken nobody is dialed; then it leads anew, and both calls are dialed, each once. */
static void
survives(const char *broken, const char *mended)
{
	int one = call(), two = call();
	const struct play play = { .replies = { PROBED, TAKEN },
		.steps = { { live(one), 0, broken },
		    { "SELECT pg_sleep(1.5) IS NOT NULL", 0, mended },
		    { both(live(one), live(two)), 0, NULL } } };

	stage.env.cps = 1; /* the other is not claimed before it is broken */
	stage_play(work_dial, &play);
	stage_assert(is(one, SENT " = 1"));
	stage_assert(is(two, SENT " = 1"));
	stage_assert(stage_text("SELECT count(DISTINCT epoch) > 1 FROM attempts WHERE call_id IN"
				" ('call_%d', 'call_%d')",
	    one, two));
}

static void
a_lead_that_was_taken_or_lost_is_begun_anew(void **state)
{
	(void)state;
	survives("UPDATE pacer SET epoch = epoch + 1", NULL);
	survives(LOSE_CONNECTION, NULL);
	survives(STAGE_BREAK("dial_claim"), STAGE_MEND("dial_claim"));
}

static void
a_lead_that_cannot_be_read_or_taken_is_later(void **state)
{
	(void)state;
	survives("ALTER TABLE pacer RENAME cps TO away; " LOSE_CONNECTION,
	    "ALTER TABLE pacer RENAME away TO cps");
	/* Somebody else is always quicker. */
	survives(
	    "ALTER FUNCTION fn.pacer_take RENAME TO away; " LOSE_CONNECTION ";"
	    " CREATE FUNCTION fn.pacer_take(bigint, text, integer, bigint, float8, boolean) RETURNS bigint"
	    " LANGUAGE sql AS 'SELECT NULL::bigint'",
	    "DROP FUNCTION fn.pacer_take; ALTER FUNCTION fn.away RENAME TO pacer_take");
}

static void
a_queue_that_cannot_be_counted_is_dialed_all_the_same(void **state)
{
	int number = call();
	const struct play play = { .replies = { PROBED, TAKEN },
		.steps = { { live(number), 0, NULL } } };

	(void)state;
	database_script(stage.db, STAGE_BREAK("queue_recount"));
	stage_play(work_dial, &play);
	database_script(stage.db, STAGE_MEND("queue_recount"));
}

/* With nobody to dial, its sign of life tells it, as soon as that can be given. */
static void
an_idle_leader_hears_that_another_leads(void **state)
{
	const struct play play = { .replies = { PROBED },
		.steps = { { "SELECT seen_at IS NOT NULL FROM pacer", 0,
			       "ALTER TABLE pacer RENAME cps TO away" },
		    { "SELECT pg_sleep(1.2) IS NOT NULL", 0,
			"ALTER TABLE pacer RENAME away TO cps; UPDATE pacer SET epoch = 1000000" },
		    { "SELECT epoch = 1000001 FROM pacer", 0, NULL } },
		.number = SIGHUP };

	(void)state;
	stage_play(work_dial, &play);
}

/* Another host has taken over and gives no sign of life any more: it is waited for, then succeeded with care, which
 * no later lead cuts short. */
static void
another_leader_is_waited_for(void **state)
{
	int one = call(), two = call(), three = call(), four = call();
	const struct play play = { .replies = { PROBED, TAKEN },
		.steps = {
		    { live(one), 0,
			"UPDATE pacer SET epoch = epoch + 1, host = 'elsewhere', seen_at = now()" },
		    { live(two), 0,
			"UPDATE pacer SET epoch = epoch + 1, doubted_at = doubted_at - interval '1 hour'" },
		    { both(live(three), live(four)), 0, NULL } } };

	(void)state;
	stage.env.cps = 2;
	stage_play(work_dial, &play);
	assert_apart(one, two, "4 s");
	assert_apart(three, four, "0.9 s"); /* as at half the rate */
}

/* What was sent before the lead was lost is answered, and written down, all the same. */
static void
an_answer_comes_without_the_lead(void **state)
{
	int one = call(), two = call();
	const struct play play = { .replies = { { "POST ", 429, "" }, TAKEN },
		.steps = { { "SELECT true", 1,
			       STAGE_BREAK("dial_claim") "; " STAGE_BREAK("pacer_take") },
		    { "SELECT pg_sleep(2) IS NOT NULL", 0, NULL }, /* the next claim has failed */
		    { is(one, "c.status = 'queued'"), 0,
			STAGE_MEND("dial_claim") "; " STAGE_MEND("pacer_take") },
		    { both(live(one), live(two)), 0, NULL } },
		.silent_until = 2 };

	(void)state;
	stage.env.cps = 1;
	stage.env.carrier.account_sid = ""; /* nothing is asked before the first dial */
	stage_play(work_dial, &play);
	stage_assert(stage_text("SELECT sum(" SENT
				") = 3 FROM calls c WHERE call_id IN ('call_%d', 'call_%d')",
	    one, two));
}

/* The database's clock, for whoever connects from now on, is wrong by fake.shift. */
static void
fake_clock(void)
{
	database_script(stage.db,
	    "CREATE SCHEMA fake; CREATE TABLE fake.shift AS SELECT interval '0' AS by;"
	    "CREATE FUNCTION fake.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS"
	    " 'SELECT pg_catalog.clock_timestamp() + by FROM fake.shift';"
	    "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = fake, pg_catalog, public',"
	    " current_database()); END $$");
}

static void
true_clock(void)
{
	database_script(stage.db,
	    "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET search_path', current_database()); END $$;"
	    "DROP SCHEMA fake CASCADE");
}

/* It goes on as if nothing had happened: the slots are by our own clock. */
static void
a_clock_that_is_set_does_not_matter(void **state)
{
	static const char *const by[] = { "1 hour", "-1 hour" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		int one = call(), two = call();
		const struct play play = { .replies = { PROBED, TAKEN },
			.steps = { { live(one), 0,
				       stage_text(
					   "UPDATE fake.shift SET by = interval '%s'", by[i]) },
			    { both(live(one), live(two)), 0, NULL } },
			.at_most = 3 };

		fake_clock();
		stage.env.cps = 0.5;
		stage_play(work_dial, &play);
		true_clock();
		stage_assert(stage_text(
		    "SELECT count(DISTINCT epoch) = 1 AND min(slot_at) + interval '59 min'"
		    " < max(slot_at) FROM attempts WHERE call_id IN ('call_%d', 'call_%d')",
		    one, two));
	}
}

static void
who_stands_by_has_no_lead_to_lay_down(void **state)
{
	static const struct play play = { .steps = {
					      { "SELECT pg_sleep(1) IS NOT NULL", 0, NULL } } };

	(void)state;
	(void)call();
	database_script(stage.db, "UPDATE pacer SET host = 'elsewhere', seen_at = now()");
	stage_play(work_dial, &play);
	stage_assert("SELECT host = 'elsewhere' AND seen_at IS NOT NULL FROM pacer");
	database_script(stage.db, "UPDATE pacer SET host = '', seen_at = NULL");
}

static void
a_lead_that_cannot_be_laid_down_is_left(void **state)
{
	int number = call();
	const struct play play = { .replies = { PROBED, TAKEN },
		.steps = { { live(number), 0, NULL } } };

	(void)state;
	database_script(stage.db, STAGE_BREAK("pacer_release"));
	stage_play(work_dial, &play);
	database_script(stage.db, STAGE_MEND("pacer_release"));
	stage_assert("SELECT seen_at IS NOT NULL FROM pacer");
}

/* ---- the rest ---- */

/* Where the number that calls is at home is not known, nor has it an account: it dials all the same, unasked. */
static void
without_an_account_nobody_is_asked_first(void **state)
{
	int number = call();
	const struct play play = {
		.replies = { TAKEN }, .steps = { { live(number), 0, NULL } }, .at_most = 1
	};

	(void)state;
	stage.env.carrier.account_sid = "";
	database_script(stage.db, STAGE_BREAK("home_is"));
	stage_play(work_dial, &play);
	database_script(stage.db, STAGE_MEND("home_is"));
}

static void
no_more_than_so_many_wait_for_their_answer(void **state)
{
	const struct play play = { .replies = { PROBED, TAKEN },
		.steps = { { stage_text(
				 "SELECT count(*) = %d FROM attempts WHERE state = 'live'", MANY),
		    0, NULL } },
		.held = IN_FLIGHT_MAX };

	(void)state;
	for (int i = 0; i < MANY; i++)
		(void)call();
	stage.env.cps = 500;
	stage.env.carrier.account_sid = "";
	stage_play(work_dial, &play);
}

static void
a_dial_under_way_is_waited_for_at_the_end(void **state)
{
	int number = call();
	const struct play play = { .replies = { TAKEN },
		.steps = { { live(number), 1, NULL } },
		.number = SIGTERM,
		.at_first = true };

	(void)state;
	stage.env.carrier.account_sid = "";
	stage_play(work_dial, &play);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, stage_open, forget)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_the_carrier_takes_is_live),
		CASE(a_dial_may_have_its_own_number_and_agent),
		CASE(what_it_refuses_has_failed),
		CASE(what_is_too_much_for_it_waits_and_is_dialed_again),
		CASE(what_cannot_be_sent_waits),
		CASE(what_may_have_become_a_call_is_not_dialed_again),
		CASE(an_answer_that_cannot_be_written_down_costs_nothing_else),
		CASE(a_slow_database_is_given_its_time),
		CASE(a_database_that_is_too_slow_is_waited_for),
		CASE(who_has_left_meanwhile_is_not_dialed_and_the_next_is),
		CASE(who_is_dialed_already_is_passed_over),
		CASE(who_is_to_wait_is_dialed_after_it),
		CASE(a_queue_that_cannot_be_read_is_read_again),
		CASE(what_cannot_be_read_is_not_asked_for_all_the_time),
		CASE(who_is_too_late_is_ended),
		CASE(whose_number_is_busy_waits_aside),
		CASE(a_customer_at_his_cap_waits_for_his_own_calls),
		CASE(a_campaign_that_is_paused_waits_until_it_is_not),
		CASE(a_campaign_keeps_its_distance_and_its_cap),
		CASE(a_lead_that_was_taken_or_lost_is_begun_anew),
		CASE(a_lead_that_cannot_be_read_or_taken_is_later),
		CASE(a_queue_that_cannot_be_counted_is_dialed_all_the_same),
		CASE(an_idle_leader_hears_that_another_leads),
		CASE(another_leader_is_waited_for),
		CASE(an_answer_comes_without_the_lead),
		CASE(a_clock_that_is_set_does_not_matter),
		CASE(who_stands_by_has_no_lead_to_lay_down),
		CASE(a_lead_that_cannot_be_laid_down_is_left),
		CASE(without_an_account_nobody_is_asked_first),
		CASE(no_more_than_so_many_wait_for_their_answer),
		CASE(a_dial_under_way_is_waited_for_at_the_end),
	};

	log_open("test_dial", LOG_LEVEL_ERROR);
	if (database_server() == NULL)
		return 77;
	alarm(240); /* whatever goes wrong, the test ends */
	return cmocka_run_group_tests(tests, stage_build, stage_strike);
}
