/*
 * test_race.c: several processes at once on one database, as workers, dialers and watchers are:
 * what may happen once happens once, and the books balance. In a database of its own beside the
 * one of OFFHOOK_TEST_DATABASE_URL; skipped when that is unset.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "domain/accept.h"
#include "domain/leg.h"
#include "domain/pacer.h"
#include "unit/database.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define AT_ONCE 6
#define ROUNDS 15

static const struct db_options options = { .program = "test_race" };
static const char *url; /* our own database */
static struct arena *a;
static struct db *db;
static int made; /* workspaces and numbers so far */
static bool in_child;

/* An assertion that holds in a child too, which must not go on with the tests of its parent. */
static void
check(bool right, const char *what)
{
	if (right)
		return;
	if (!in_child)
		fail_msg("%s", what);
	print_error("in a child: %s\n", what);
	_exit(1);
}

/* ---- a database ---- */

/* The first column of the only row, or NULL. */
static const char *
ask(struct db *d, const char *sql, const char *parameter)
{
	struct statement s = { arena_printf(a, "race_%d", ++made), sql, parameter == NULL ? 0 : 1 };
	const char *text = NULL;
	struct rows *rows;

	check(db_run(d, &s, &parameter, &rows) == RC_OK, sql);
	if (rows_count(rows) > 0 && rows_text(rows, 0, 0) != NULL)
		text = arena_strdup(a, rows_text(rows, 0, 0));
	rows_free(rows);
	return text;
}

static void
assert_asked(const char *sql, const char *parameter, const char *expected)
{
	const char *answer = ask(db, sql, parameter);

	if (answer == NULL || strcmp(answer, expected) != 0)
		fail_msg("%s [%s]: %s instead of %s", sql, parameter == NULL ? "" : parameter,
		    answer == NULL ? "nothing" : answer, expected);
}

static int
setup(void **state)
{
	(void)state;
	a = arena_new();
	url = database_create("offhook_race");
	db = db_new(url, &options);
	database_migrate(db);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	db_free(db);
	database_drop();
	arena_free(a);
	return 0;
}

static const char *
workspace(int quota, int cap)
{
	const char *id = arena_printf(a, "ws_%d", ++made);

	database_script(db,
	    arena_printf(
		a, "SELECT fn.workspace_create('%s', 'default', 'w', %d, %d)", id, quota, cap));
	return id;
}

/* Nothing that must always hold is broken, in the whole database. */
static void
assert_books(void)
{
	assert_asked("SELECT count(*) FROM fn.credits_audit_months()", NULL, "0");
	assert_asked("SELECT count(*) FROM fn.credits_audit_calls()", NULL, "0");
	assert_asked("SELECT count(*) FROM calls c WHERE event_count <> (SELECT count(*)"
		     " FROM call_events e WHERE e.call_id = c.call_id)",
	    NULL, "0");
	assert_asked("SELECT count(*) FROM calls c WHERE (c.status = 'queued') <> EXISTS"
		     " (SELECT FROM call_queue q WHERE q.call_id = c.call_id)",
	    NULL, "0");
	assert_asked("SELECT count(*) FROM calls c WHERE (SELECT count(*) FROM call_events e"
		     " WHERE e.call_id = c.call_id AND event_type = 'outcome')"
		     " <> CASE WHEN call_is_final(c.status) THEN 1 ELSE 0 END",
	    NULL, "0");
}

/* ---- several at once ---- */

typedef int (*job)(struct db *d, int number);

static void
child(job work, int number, int start, int report)
{
	struct db *d = db_new(url, &options);
	char byte;
	int result;

	in_child = true;
	alarm(60);
	(void)ask(d, "SELECT 1", NULL);
	if (write(report, &(int){ -1 }, sizeof(int)) != sizeof(int)) /* ready */
		_exit(1);
	while (read(start, &byte, 1) > 0)
		;
	result = work(d, number);
	_exit(write(report, &result, sizeof(result)) != sizeof(result));
}

/* Runs the work in processes that start at the same instant; their results, in no order. */
static void
at_once(job work, int count, int results[])
{
	int start[2], report[2], status;

	assert_int_equal(pipe(start), 0);
	assert_int_equal(pipe(report), 0);
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			close(start[1]);
			child(work, i, start[0], report[1]);
		}
	}
	close(report[1]); /* so that nothing is waited for when they have died */
	for (int i = 0; i < count; i++)
		assert_int_equal(read(report[0], &results[i], sizeof(int)), (ssize_t)sizeof(int));
	close(start[1]);
	for (int i = 0; i < count; i++)
		assert_int_equal(read(report[0], &results[i], sizeof(int)), (ssize_t)sizeof(int));
	for (int i = 0; i < count; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	close(start[0]);
	close(report[0]);
}

static int
how_many(const int results[], int count, int value)
{
	int found = 0;

	for (int i = 0; i < count; i++)
		found += results[i] == value;
	return found;
}

/* ---- accepting ---- */

/* What the children share with the test: set before the fork. */
static const char *the_workspace, *the_key, *the_call, *the_attempt, *the_sid;
static bool the_direct;
static int64_t the_number, the_epoch;
static int64_t the_cap = 1000;

/* What a worker would hand to the committer for one call of that workspace, under that key. */
static struct accept_wish
wish_of(const char *workspace_id, const char *key, char call_id[ID_SIZE])
{
	struct credential who = { .scope = "workspace", .scope_id = workspace_id };
	struct accept_wish read;
	struct call_wish wish;
	struct buf message;

	call_wish_init(&wish);
	wish.target_phone = arena_printf(a, "+1555%07d", rand() % 10000000);
	wish.brief = "b";
	wish.language = "en";
	wish.kind = "other";
	wish.ask_user_mode = "any";
	wish.machine_detection = "off";
	wish.direct = the_direct;
	wish.credits = 1;
	wish.default_cap = the_cap;
	wish.idem_key = key;
	wish.idem_route = key == NULL ? NULL : "POST /calls";
	wish.idem_fingerprint = key == NULL ? NULL : "\\x01";
	buf_init(&message, ACCEPT_MESSAGE_MAX);
	accept_ask(&message, &who, &wish);
	check(accept_read(arena_strndup(a, message.data, message.len), message.len, &read), "wish");
	buf_free(&message);
	if (call_id != NULL)
		memcpy(call_id, wish.call_id, ID_SIZE);
	return read;
}

static enum call_refusal
accept_one(struct db *d, char call_id[ID_SIZE])
{
	struct accept_wish wish = wish_of(the_workspace, the_key, call_id);
	enum call_refusal refusal = CALL_ACCEPTED;
	struct rows *rows;

	check(accept_run(d, &wish, 1, &rows) == RC_OK, "accept");
	while (accept_again(rows, 0)) { /* as the committer does */
		rows_free(rows);
		clock_sleep_ms(1);
		check(accept_run(d, &wish, 1, &rows) == RC_OK, "accept");
	}
	check(call_result(rows_text(rows, 0, 0), &refusal) == RC_OK, "result");
	rows_free(rows);
	return refusal;
}

static int
accept_job(struct db *d, int number)
{
	srand((unsigned)(getpid() + number));
	return (int)accept_one(d, NULL);
}

static void
one_key_makes_one_call(void **state)
{
	int results[AT_ONCE];

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		the_direct = round % 2 == 1;
		the_workspace = workspace(100, 100);
		the_key = "the key";
		at_once(accept_job, AT_ONCE, results);
		assert_int_equal(how_many(results, AT_ONCE, CALL_ACCEPTED), 1);
		assert_int_equal(
		    how_many(results, AT_ONCE, the_direct ? CALL_KEY_RUNNING : CALL_REPLAY),
		    AT_ONCE - 1);
		assert_asked(
		    "SELECT count(*) FROM calls WHERE workspace_id = $1", the_workspace, "1");
	}
	the_key = NULL;
	the_direct = false;
	assert_books();
}

/* Committers of several hosts at once: each batch has the same keys and workspaces, in an order of its own. */
#define BATCH 12
#define BATCH_KEYS 4
static const char *the_workspaces[3];

static int
accept_batch(struct db *d, int number)
{
	struct accept_wish wishes[BATCH];
	int count = BATCH, accepted = 0;
	struct rows *rows;

	srand((unsigned)(getpid() + number));
	for (int i = 0; i < BATCH; i++) {
		int n = number % 2 == 0 ? i : BATCH - 1 - i;

		wishes[i] = wish_of(
		    the_workspaces[n % 3], arena_printf(a, "key %d", n / 3 % BATCH_KEYS), NULL);
	}
	while (count > 0) {
		int again = 0;

		check(accept_run(d, wishes, count, &rows) == RC_OK, "a batch");
		check(rows_count(rows) == count, "a row for each");
		for (int i = 0; i < count; i++) {
			const char *result = rows_text(rows, i, 0);

			accepted += strcmp(result, "accepted") == 0;
			if (accept_again(rows, i))
				wishes[again++] = wishes[i];
			else
				check(strcmp(result, "accepted") == 0 ||
					strcmp(result, "replay") == 0,
				    result);
		}
		rows_free(rows);
		count = again;
		clock_sleep_ms(1);
	}
	return accepted;
}

static void
batches_of_several_hosts_make_one_call_a_key(void **state)
{
	int results[AT_ONCE], accepted;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < 3; i++)
			the_workspaces[i] = workspace(100, 100);
		at_once(accept_batch, AT_ONCE, results);
		accepted = 0;
		for (int i = 0; i < AT_ONCE; i++)
			accepted += results[i];
		assert_int_equal(accepted, 3 * BATCH_KEYS);
		for (int i = 0; i < 3; i++)
			assert_asked("SELECT count(*) FROM calls WHERE workspace_id = $1",
			    the_workspaces[i], "4");
	}
	assert_asked(
	    "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()", NULL, "0");
	assert_books();
}

/* The totals of a month have no row before its first call: all who come first must find one. */
static void
the_first_calls_of_a_month_are_accepted(void **state)
{
	int results[AT_ONCE];

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		the_direct = round % 3 == 1;
		the_workspace = workspace(AT_ONCE - round % 2, 100);
		at_once(accept_job, AT_ONCE, results);
		assert_int_equal(how_many(results, AT_ONCE, CALL_ACCEPTED), AT_ONCE - round % 2);
		assert_int_equal(how_many(results, AT_ONCE, CALL_NO_CREDIT), round % 2);
	}
	the_direct = false;
	assert_books();
}

static void
the_cap_holds_for_direct_calls_at_once(void **state)
{
	int results[AT_ONCE];

	(void)state;
	the_direct = true;
	for (int cap = 1; cap <= 4; cap++) {
		the_workspace = workspace(100, cap);
		at_once(accept_job, AT_ONCE, results);
		assert_int_equal(how_many(results, AT_ONCE, CALL_ACCEPTED), cap);
		assert_int_equal(how_many(results, AT_ONCE, CALL_AT_CAP), AT_ONCE - cap);
	}
	the_direct = false;
	assert_books();
}

/* A twin that waits for the first, which is undone: the key is the twin's. */
static void
a_key_whose_first_use_was_undone_is_free(void **state)
{
	struct db *first = db_new(url, &options);
	int report[2], result = -1;
	pid_t pid;

	(void)state;
	the_workspace = workspace(100, 100);
	the_key = "undone";
	database_script(first,
	    arena_printf(a,
		"BEGIN; INSERT INTO idempotency_keys (workspace_id, route, key, fingerprint, call_id)"
		" VALUES ('%s', 'POST /calls', 'undone', '\\x01', 'call_x')",
		the_workspace));
	assert_int_equal(pipe(report), 0);
	pid = fork();
	if (pid == 0) {
		struct db *d = db_new(url, &options);

		in_child = true;
		alarm(60);
		result = accept_job(d, 0);
		_exit(write(report[1], &result, sizeof(result)) != sizeof(result));
	}
	while (strcmp(ask(db,
			  "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
			  " AND datname = current_database()",
			  NULL),
		   "0") == 0)
		clock_sleep_ms(5);
	database_script(first, "ROLLBACK");
	assert_int_equal(read(report[0], &result, sizeof(result)), (ssize_t)sizeof(result));
	assert_int_equal(result, CALL_ACCEPTED);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(report[0]);
	close(report[1]);
	db_free(first);
	the_key = NULL;
	assert_books();
}

/* ---- dialing ---- */

static void
take_lead(void)
{
	const struct pacer_holder holder = { "here", 1, 1 };
	const struct pacer_heir me = { &holder, 10, false };
	struct pacer_lead old;

	assert_int_equal(pacer_look(db, &old), RC_OK);
	assert_int_equal(pacer_take(db, &old, &me, &the_epoch), RC_OK);
	assert_true(the_epoch > 0);
}

/* What a new leader learns of the one before. */
static void
doubt_is_read_as_it_was_left(void **state)
{
	const struct pacer_holder holder = { "here", 1, 1 };
	struct pacer_heir me = { &holder, 7, false };
	struct pacer_lead old;

	(void)state;
	assert_string_equal(
	    ask(db, "UPDATE pacer SET doubted_at = NULL WHERE one RETURNING $1", "done"), "done");
	assert_int_equal(pacer_look(db, &old), RC_OK);
	assert_int_equal(pacer_take(db, &old, &me, &the_epoch), RC_OK);
	assert_int_equal(pacer_look(db, &old), RC_OK);
	assert_true(old.doubt_s == -1 && old.cps == 7 && old.seen_s >= 0);
	me.doubtful = true;
	assert_int_equal(pacer_take(db, &old, &me, &the_epoch), RC_OK);
	assert_int_equal(pacer_look(db, &old), RC_OK);
	assert_true(old.doubt_s >= 0 && old.doubt_s < 5);
}

/* A call that waits; its number in the queue. */
static int64_t
queued(void)
{
	char call_id[ID_SIZE];

	assert_int_equal(accept_one(db, call_id), CALL_ACCEPTED);
	the_call = arena_strdup(a, call_id);
	return strtoll(ask(db, "SELECT queue_no FROM calls WHERE call_id = $1", call_id), NULL, 10);
}

static enum pacer_answer
claim_one(struct db *d, int64_t number, struct pacer_grant *grant)
{
	const struct pacer_wish wish = { the_epoch, number, 0, 1, the_cap, 0, -1, -1 };

	check(pacer_claim(d, &wish, grant) == RC_OK, "claim");
	return grant->answer;
}

static int
claim_job(struct db *d, int number)
{
	struct pacer_grant grant;

	(void)number;
	return (int)claim_one(d, the_number, &grant);
}

static void
one_call_is_granted_once(void **state)
{
	int results[AT_ONCE];

	(void)state;
	the_workspace = workspace(1000, 1000);
	take_lead();
	for (int round = 0; round < ROUNDS; round++) {
		the_number = queued();
		at_once(claim_job, AT_ONCE, results);
		assert_int_equal(how_many(results, AT_ONCE, PACER_GRANTED), 1);
		assert_int_equal(how_many(results, AT_ONCE, PACER_GONE), AT_ONCE - 1);
		assert_asked("SELECT count(*) FROM attempts WHERE call_id = $1", the_call, "1");
	}
	assert_books();
}

static int
cancel_or_claim(struct db *d, int number)
{
	struct credential who = { .scope = "workspace", .scope_id = the_workspace };
	bool cancelled;

	if (number % 2 == 0)
		return 100 + claim_job(d, number);
	check(call_cancel(d, &who, the_call, &cancelled) == RC_OK, "cancel");
	return cancelled;
}

/* "cancelled: true" of a call that waits means that it is never dialed; of one that is being dialed
 * that it is hung up. */
static void
cancel_and_claim_agree(void **state)
{
	int results[2], before = 0;

	(void)state;
	the_workspace = workspace(1000, 1000);
	take_lead();
	for (int round = 0; round < 3 * ROUNDS; round++) {
		bool granted;

		the_number = queued();
		at_once(cancel_or_claim, 2, results);
		granted = how_many(results, 2, 100 + PACER_GRANTED) == 1;
		assert_int_equal(how_many(results, 2, 1), 1); /* cancelled, in either order */
		assert_asked("SELECT status FROM calls WHERE call_id = $1", the_call, "cancelled");
		assert_asked("SELECT count(*) FROM attempts WHERE call_id = $1", the_call,
		    granted ? "1" : "0");
		assert_asked("SELECT count(*) FROM attempts WHERE call_id = $1"
			     " AND (hangup_at IS NULL OR check_at > clock_timestamp())",
		    the_call, "0");
		before += !granted;
	}
	print_message("cancelled before the claim: %d of %d\n", before, 3 * ROUNDS);
	assert_books();
}

static int
take_job(struct db *d, int number)
{
	const struct pacer_holder holder = { "somewhere", number, 1 };
	const struct pacer_heir me = { &holder, 10, false };
	struct pacer_lead old = { .epoch = the_epoch };
	int64_t epoch;

	check(pacer_take(d, &old, &me, &epoch) == RC_OK, "take");
	return epoch > 0;
}

static void
one_takes_the_lead(void **state)
{
	int results[AT_ONCE];

	(void)state;
	take_lead();
	for (int round = 0; round < ROUNDS; round++, the_epoch++) {
		at_once(take_job, AT_ONCE, results);
		assert_int_equal(how_many(results, AT_ONCE, 1), 1);
	}
}

/* ---- the carrier ---- */

/* Each child says one thing of the call: the answer to its dial, or a callback. */
static int
news_job(struct db *d, int number)
{
	static const char *const words[] = { "initiated", "ringing", "in-progress", "completed",
		"completed" };
	struct leg_news news = { the_call, the_attempt, the_sid, words[number % 5], "10", NULL, 60,
		NULL };
	struct pacer_report report = { the_attempt, "accepted", the_sid, "", 0 };
	int64_t again;
	bool taken;

	if (number == 5)
		return (int)pacer_report(d, &report, &again);
	return (int)leg_tell(d, &news, &taken);
}

static void
news_in_any_order_end_a_call_once(void **state)
{
	int results[AT_ONCE];
	struct pacer_grant grant;

	(void)state;
	the_workspace = workspace(1000, 1000);
	take_lead();
	for (int round = 0; round < ROUNDS; round++) {
		assert_int_equal(claim_one(db, queued(), &grant), PACER_GRANTED);
		the_attempt = grant.attempt_id;
		the_sid = arena_printf(a, "CA%032d", ++made);
		at_once(news_job, AT_ONCE, results);
		assert_int_equal(how_many(results, AT_ONCE, RC_OK), AT_ONCE);
		assert_asked("SELECT status FROM calls WHERE call_id = $1", the_call, "completed");
		assert_asked("SELECT state FROM attempts WHERE call_id = $1", the_call, "ended");
		assert_asked("SELECT call_sid FROM calls WHERE call_id = $1", the_call, the_sid);
	}
	assert_books();
}

/* ---- everything at once ---- */

/* The dials that this child was granted and has not reported: a dialer reports its own alone. */
static struct pacer_grant granted[500];
static int granted_count;

static void
claim_something(struct db *d)
{
	const char *number = ask(
	    d, "SELECT queue_no FROM call_queue ORDER BY random() LIMIT 1", NULL);
	struct pacer_grant grant;

	if (number != NULL && granted_count < (int)COUNT(granted) &&
	    claim_one(d, strtoll(number, NULL, 10), &grant) == PACER_GRANTED)
		granted[granted_count++] = grant;
}

static void
report_something(struct db *d)
{
	static const char *const answers[] = { "accepted", "accepted", "unknown", "throttled",
		"missed", "refused" };
	struct pacer_report report = { .reason = "x", .answer = answers[rand() % 6] };
	int64_t again;

	if (granted_count == 0)
		return;
	report.attempt_id = granted[--granted_count].attempt_id;
	report.call_sid = arena_printf(a, "CA%s", report.attempt_id);
	check(pacer_report(d, &report, &again) == RC_OK, "report");
}

static void
tell_something(struct db *d)
{
	static const char *const words[] = { "ringing", "in-progress", "completed", "busy" };
	struct leg_news news = { .status = words[rand() % 4], .duration = "9", .max_talk_s = 60 };
	bool taken;

	news.attempt_id = ask(d,
	    "SELECT attempt_id FROM attempts WHERE state IN ('intent', 'unknown', 'live')"
	    " ORDER BY random() LIMIT 1",
	    NULL);
	if (news.attempt_id == NULL)
		return;
	news.call_id = ask(
	    d, "SELECT call_id FROM attempts WHERE attempt_id = $1::uuid", news.attempt_id);
	news.call_sid = arena_printf(a, "CA%s", news.attempt_id);
	check(leg_tell(d, &news, &taken) == RC_OK, "news");
}

static void
cancel_something(struct db *d)
{
	struct credential who = { .scope = "workspace", .scope_id = the_workspace };
	const char *call_id = ask(d,
	    "SELECT call_id FROM calls WHERE NOT call_is_final(status) ORDER BY random() LIMIT 1",
	    NULL);
	bool cancelled;

	if (call_id != NULL)
		check(call_cancel(d, &who, call_id, &cancelled) == RC_OK, "cancel");
}

static void
watch_something(struct db *d)
{
	struct rows *rows;

	check(leg_due(d, 2, &rows) == RC_OK, "due");
	for (int i = 0; i < rows_count(rows); i++)
		check(leg_ask_failed(d, rows_text(rows, i, LEG_ATTEMPT_ID)) == RC_OK, "failed");
	rows_free(rows);
}

static void
do_anything(struct db *d)
{
	switch (rand() % 8) {
	case 0:
	case 1:
		the_direct = rand() % 4 == 0;
		(void)accept_one(d, NULL);
		break;
	case 2:
	case 3:
		claim_something(d);
		break;
	case 4:
		report_something(d);
		break;
	case 5:
		tell_something(d);
		break;
	case 6:
		if (rand() % 2 == 0)
			cancel_something(d);
		break;
	default:
		watch_something(d);
	}
}

static int
storm_job(struct db *d, int number)
{
	int64_t end = clock_boot_us() + 1500000;
	int steps = 0;

	srand((unsigned)(7 * number + 1));
	while (clock_boot_us() < end && steps < 400) {
		do_anything(d);
		steps++;
	}
	return steps;
}

static void
a_storm_leaves_the_books_in_order(void **state)
{
	int results[AT_ONCE], steps = 0;

	(void)state;
	the_workspace = workspace(100000, 20);
	take_lead();
	at_once(storm_job, AT_ONCE, results);
	for (int i = 0; i < AT_ONCE; i++)
		steps += results[i];
	print_message("%d steps\n", steps);
	the_direct = false;
	assert_books();
	assert_asked("SELECT count(*) FROM calls c WHERE status IN ('dialing', 'dial_unknown',"
		     " 'in_progress') AND NOT EXISTS (SELECT FROM attempts a WHERE"
		     " a.attempt_id = c.attempt_id AND a.check_at IS NOT NULL)",
	    NULL, "0");
}

/* ---- questions ---- */

/* Answers, lets time pass, or ends the call; 1 when its answer was taken. */
static int
question_job(struct db *d, int number)
{
	const char *answer =
	    "SELECT fn.question_answer(workspace_id, call_id, NULL, 'Seven.', 'voice')"
	    "::integer FROM calls WHERE call_id = $1";

	if (number == the_number)
		(void)ask(d, "SELECT fn.expire_questions(9)", NULL);
	else if (number == the_number + 1)
		(void)ask(d,
		    "SELECT fn.call_cancel(workspace_id, call_id) FROM calls WHERE call_id = $1",
		    the_call);
	else
		return strcmp(ask(d, answer, the_call), "1") == 0;
	return 0;
}

/* Several answer one question at once, while its time runs out (odd rounds) and the call ends. */
static void
a_question_has_one_answer_at_most(void **state)
{
	int results[AT_ONCE];

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		char call_id[ID_SIZE];
		int taken;

		the_workspace = workspace(100, 100);
		the_number = round % 3 == 0 ? AT_ONCE : 0; /* none but answers, or all together */
		the_call = call_id;
		assert_int_equal(accept_one(db, call_id), CALL_ACCEPTED);
		(void)ask(db,
		    round % 2 == 0 ? "SELECT fn.question_ask($1, 'ask_1', 'What?', 60, 'u')"
				   : "SELECT fn.question_ask($1, 'ask_1', 'What?', 0, 'u')",
		    call_id);
		at_once(question_job, AT_ONCE, results);
		taken = how_many(results, AT_ONCE, 1);
		if (round % 2 == 1)
			assert_int_equal(taken, 0);
		else if (round % 3 == 0)
			assert_int_equal(taken, 1);
		else
			assert_in_range(taken, 0, 1);
		assert_asked("SELECT count(*) FROM call_events WHERE call_id = $1"
			     " AND event_type = 'answered'",
		    call_id, taken == 1 ? "1" : "0");
		(void)ask(db,
		    "SELECT fn.call_cancel(workspace_id, call_id) FROM calls"
		    " WHERE call_id = $1",
		    call_id);
		assert_asked("SELECT count(*) FROM call_events WHERE call_id = $1"
			     " AND event_type = 'answer_dropped'",
		    call_id, "1");
	}
	assert_books();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_key_makes_one_call),
		cmocka_unit_test(batches_of_several_hosts_make_one_call_a_key),
		cmocka_unit_test(the_first_calls_of_a_month_are_accepted),
		cmocka_unit_test(the_cap_holds_for_direct_calls_at_once),
		cmocka_unit_test(a_key_whose_first_use_was_undone_is_free),
		cmocka_unit_test(one_call_is_granted_once),
		cmocka_unit_test(cancel_and_claim_agree),
		cmocka_unit_test(one_takes_the_lead),
		cmocka_unit_test(doubt_is_read_as_it_was_left),
		cmocka_unit_test(news_in_any_order_end_a_call_once),
		cmocka_unit_test(a_question_has_one_answer_at_most),
		cmocka_unit_test(a_storm_leaves_the_books_in_order),
	};

	if (database_server() == NULL)
		return 77;
	log_open("test_race", LOG_LEVEL_ERROR);
	alarm(300); /* whatever goes wrong, the test ends */
	return cmocka_run_group_tests(tests, setup, teardown);
}
