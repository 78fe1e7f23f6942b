/*
 * test_db.c: statements against a real PostgreSQL, named by OFFHOOK_TEST_DATABASE_URL (skipped
 * when it is unset). What is proved above all: every wait ends in time, and what is known about
 * the outcome is told rightly, whatever becomes of the server.
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
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/db.h"

static const char *url;

static const struct db_options defaults = { .program = "test_db" };
/* Short, so that the tests are. */
static const struct db_options hasty = {
	.program = "test_db", .statement_timeout_ms = 300, .connect_timeout_ms = 300
};

static const struct statement sql_echo = { "t_echo", "SELECT $1::text AS given, $2::bigint AS n",
	2 };
static const struct statement sql_pid = { "t_pid", "SELECT pg_backend_pid()", 0 };
static const struct statement sql_sleep = { "t_sleep", "SELECT pg_sleep(5)", 0 };

static void
script(struct db *db, const char *sql)
{
	char error[512];

	if (db_script(db, sql, error, sizeof(error)) != RC_OK)
		fail_msg("%s", error);
}

static int64_t
number(struct db *db, const struct statement *s)
{
	struct rows *rows;
	int64_t n;

	assert_int_equal(db_run(db, s, NULL, &rows), RC_OK);
	n = rows_int(rows, 0, 0);
	rows_free(rows);
	return n;
}

/* Runs a statement until the brake is over. */
static enum rc
run_patiently(struct db *db, const struct statement *s)
{
	enum rc rc = RC_LATER;

	for (int i = 0; i < 50 && rc == RC_LATER; i++) {
		rc = db_run(db, s, NULL, NULL);
		if (rc == RC_LATER)
			clock_sleep_ms(20);
	}
	return rc;
}

static void
values_come_back_as_they_were(void **state)
{
	struct db *db = db_new(url, &defaults);
	char n[24];
	const char *const values[] = { "a'b\\c \xc3\xa9", db_int(INT64_MIN, n) };
	const char *const nulls[] = { NULL, NULL };
	struct rows *rows;

	(void)state;
	assert_int_equal(db_generation(db), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(db_run(db, &sql_echo, values, &rows), RC_OK);
		assert_int_equal(rows_count(rows), 1);
		assert_int_equal(rows_columns(rows), 2);
		assert_string_equal(rows_name(rows, 1), "n");
		assert_null(rows_name(rows, 2));
		assert_string_equal(rows_text(rows, 0, 0), values[0]);
		assert_true(rows_int(rows, 0, 1) == INT64_MIN);
		rows_free(rows);
	}
	assert_int_equal(db_run(db, &sql_echo, nulls, &rows), RC_OK);
	assert_null(rows_text(rows, 0, 0));
	assert_int_equal(rows_int(rows, 0, 1), 0);
	rows_free(rows);
	assert_int_equal(db_generation(db), 1);
	db_free(db);
}

static void
types_are_read(void **state)
{
	static const struct statement s = { "t_types",
		"SELECT true, false, 1.5::float8, 1e20::float8, NULL::bool, current_setting('timezone'),"
		" current_setting('application_name')",
		0 };
	struct db *db = db_new(url, &defaults);
	struct rows *rows;

	(void)state;
	assert_int_equal(db_run(db, &s, NULL, &rows), RC_OK);
	assert_true(rows_bool(rows, 0, 0));
	assert_false(rows_bool(rows, 0, 1));
	assert_true(rows_real(rows, 0, 2) == 1.5);
	assert_true(rows_real(rows, 0, 3) == 1e20);
	assert_false(rows_bool(rows, 0, 4));
	assert_string_equal(rows_text(rows, 0, 5), "UTC");
	assert_string_equal(rows_text(rows, 0, 6), "test_db");
	assert_string_equal(db_bool(true), "true");
	rows_free(rows);
	db_free(db);
}

static void
errors_are_sorted(void **state)
{
	static const struct {
		struct statement s;
		enum rc rc;
	} cases[] = {
		{ { "t_e1", "SELECT 'x' || $1::text::int", 1 }, RC_INVALID },
		{ { "t_e2", "SELECT 1/($1::text::int)", 1 }, RC_INVALID },
		{ { "t_e3", "SELECT * FROM no_such_table_at_all WHERE a = $1", 1 }, RC_BROKEN },
		{ { "t_e4", "SELEC $1", 1 }, RC_BROKEN },
		{ { "t_e5", "COPY pg_class TO STDOUT", 0 }, RC_LATER },
	};
	static const char *const values[][1] = { { "y" }, { "0" }, { "1" }, { "1" }, { NULL } };
	struct db *db = db_new(url, &defaults);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(db_run(db, &cases[i].s, values[i], NULL), cases[i].rc);
		if (cases[i].rc != RC_LATER)
			assert_int_equal(db_run(db, &cases[i].s, values[i], NULL), cases[i].rc);
		assert_int_equal(run_patiently(db, &sql_pid), RC_OK);
	}
	db_free(db);
}

static void
a_long_statement_ends_at_the_server_and_the_connection_stays(void **state)
{
	struct db *db = db_new(url, &hasty);
	int64_t start = clock_boot_us();

	(void)state;
	assert_int_equal(db_run(db, &sql_sleep, NULL, NULL), RC_LATER);
	assert_in_range(clock_boot_us() - start, 250000, 1500000);
	assert_int_equal(db_run(db, &sql_pid, NULL, NULL), RC_OK);
	assert_int_equal(db_generation(db), 1);
	db_free(db);
}

static void
a_backend_that_dies_while_idle_is_replaced_unseen(void **state)
{
	static const struct statement kill_it = { "t_kill", "SELECT pg_terminate_backend($1::int)",
		1 };
	struct db *db = db_new(url, &defaults), *other = db_new(url, &defaults);
	char n[24];
	const char *const values[] = { db_int(number(db, &sql_pid), n) };

	(void)state;
	assert_int_equal(db_run(other, &kill_it, values, NULL), RC_OK);
	clock_sleep_ms(100);
	assert_int_equal(db_run(db, &sql_pid, NULL, NULL), RC_OK);
	assert_int_equal(db_generation(db), 2);
	db_free(other);
	db_free(db);
}

static void
a_backend_that_dies_at_work_is_an_unknown_outcome_and_a_brake(void **state)
{
	static const struct statement suicide = { "t_suicide",
		"SELECT pg_terminate_backend(pg_backend_pid())", 0 };
	struct db *db = db_new(url, &defaults);
	int64_t start;

	(void)state;
	assert_int_equal(db_run(db, &sql_pid, NULL, NULL), RC_OK);
	assert_int_equal(db_run(db, &suicide, NULL, NULL), RC_LATER);
	start = clock_boot_us();
	assert_int_equal(db_run(db, &sql_pid, NULL, NULL), RC_LATER);
	assert_true(clock_boot_us() - start < 5000);
	assert_int_equal(run_patiently(db, &sql_pid), RC_OK);
	assert_int_equal(db_generation(db), 2);
	db_free(db);
}

/* Stops the backend; false where we may not. */
static bool
stop_backend(pid_t pid)
{
	if (kill(pid, SIGSTOP) == 0)
		return true;
	print_message("the backend belongs to somebody else: not tried\n");
	return false;
}

static void
a_stopped_server_costs_a_bounded_time(void **state)
{
	struct db *db = db_new(url, &hasty);
	pid_t pid = (pid_t)number(db, &sql_pid);
	int64_t start = clock_boot_us();

	(void)state;
	if (stop_backend(pid)) {
		assert_int_equal(db_run(db, &sql_pid, NULL, NULL), RC_LATER);
		assert_in_range(clock_boot_us() - start, 2200000, 3000000);
		(void)kill(pid, SIGCONT);
		assert_int_equal(run_patiently(db, &sql_pid), RC_OK);
	}
	db_free(db);
}

static void
a_stopped_server_is_bounded_while_sending_too(void **state)
{
	struct db *db = db_new(url, &hasty);
	pid_t pid = (pid_t)number(db, &sql_pid);
	char *large = malloc(16u << 20);
	const char *const values[] = { large, "1" };
	int64_t start = clock_boot_us();

	(void)state;
	memset(large, 'x', (16u << 20) - 1);
	large[(16u << 20) - 1] = '\0';
	if (stop_backend(pid)) {
		assert_int_equal(db_run(db, &sql_echo, values, NULL), RC_LATER);
		assert_in_range(clock_boot_us() - start, 2200000, 3000000);
		(void)kill(pid, SIGCONT);
	}
	free(large);
	db_free(db);
}

static void
a_statement_is_waited_for_as_long_as_there_is_patience(void **state)
{
	struct db *db = db_new(url, &defaults);
	int64_t start;

	(void)state;
	(void)number(db, &sql_pid);
	db_patience(db, 200);
	start = clock_boot_us();
	assert_int_equal(db_run(db, &sql_sleep, NULL, NULL), RC_LATER);
	assert_in_range(clock_boot_us() - start, 190000, 1000000);
	db_patience(db, 60000); /* no more than the options say */
	assert_int_equal(run_patiently(db, &sql_pid), RC_OK);
	db_free(db);
	db = db_new(url, &hasty);
	db_patience(db, 60000);
	start = clock_boot_us();
	assert_int_equal(db_run(db, &sql_sleep, NULL, NULL), RC_LATER);
	assert_in_range(clock_boot_us() - start, 290000, 1000000);
	db_free(db);
}

/* Waits so often, and then not any more. */
static bool
wait_so_often(void *arg, int fd, short events, int64_t until_us)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int *left = arg;

	assert_true(until_us > clock_boot_us());
	return (*left)-- > 0 && poll(&pfd, 1, 5000) == 1;
}

static void
somebody_else_may_wait_for_the_server(void **state)
{
	struct db *db = db_new(url, &defaults);
	int left = 1000;

	(void)state;
	db_meanwhile(db, wait_so_often, &left);
	(void)number(db, &sql_pid);
	assert_in_range(left, 900, 997); /* to connect, and for the answer */
	left = 0;
	assert_int_equal(db_run(db, &sql_sleep, NULL, NULL), RC_LATER);
	db_free(db);
}

static void
a_server_that_is_not_there_is_tried_with_a_brake(void **state)
{
	struct db *db = db_new("host=/nonexistent dbname=x", &hasty);
	int64_t start = clock_boot_us();

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(db_run(db, &sql_pid, NULL, NULL), RC_LATER);
	assert_true(clock_boot_us() - start < 500000);
	assert_int_equal(db_generation(db), 0);
	db_free(db);
}

static void
a_server_that_takes_the_connection_and_is_silent_is_bounded(void **state)
{
	char dir[] = "/tmp/offhook-test-XXXXXX";
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char conninfo[128];
	struct db *db;
	int64_t start;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.5432", dir);
	(void)snprintf(conninfo, sizeof(conninfo), "host=%s port=5432 dbname=x user=x", dir);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 5), 0);
	db = db_new(conninfo, &hasty);
	start = clock_boot_us();
	assert_int_equal(db_run(db, &sql_pid, NULL, NULL), RC_LATER);
	assert_in_range(clock_boot_us() - start, 290000, 1000000);
	start = clock_boot_us(); /* and nobody after that is held up at once */
	for (int i = 0; i < 100; i++)
		assert_int_equal(db_run(db, &sql_pid, NULL, NULL), RC_LATER);
	assert_true(clock_boot_us() - start < 100000);
	db_free(db);
	db = db_new(conninfo, &defaults);
	db_patience(db, 200);
	start = clock_boot_us();
	assert_int_equal(db_run(db, &sql_pid, NULL, NULL), RC_LATER);
	assert_in_range(clock_boot_us() - start, 190000, 1000000);
	db_free(db);
	(void)close(fd);
	(void)unlink(address.sun_path);
	(void)rmdir(dir);
}

static void
a_changed_table_or_a_lost_statement_is_prepared_anew(void **state)
{
	static const struct statement all = { "t_all", "SELECT * FROM t_change", 0 };
	struct db *db = db_new(url, &defaults), *other = db_new(url, &defaults);
	struct rows *rows;

	(void)state;
	script(db, "DROP TABLE IF EXISTS t_change; CREATE TABLE t_change (a int)");
	assert_int_equal(db_run(db, &all, NULL, NULL), RC_OK);
	script(other, "ALTER TABLE t_change ADD COLUMN b int");
	assert_int_equal(db_run(db, &all, NULL, &rows), RC_OK);
	assert_int_equal(rows_columns(rows), 2);
	rows_free(rows);
	assert_int_equal(db_generation(db), 2);
	script(db, "DEALLOCATE ALL");
	assert_int_equal(db_run(db, &all, NULL, NULL), RC_OK);
	assert_int_equal(db_generation(db), 3);
	script(db, "DROP TABLE t_change");
	db_free(other);
	db_free(db);
}

static void
a_conflict_is_tried_three_times_more(void **state)
{
	static const struct statement s = { "t_conflict", "SELECT pg_temp.conflict()", 0 };
	static const struct statement tries = { "t_tries", "SELECT nextval('pg_temp.tries')", 0 };
	struct db *db = db_new(url, &defaults);

	(void)state;
	script(db,
	    "CREATE TEMP SEQUENCE tries;"
	    "CREATE FUNCTION pg_temp.conflict() RETURNS void LANGUAGE plpgsql AS $$ BEGIN"
	    " PERFORM nextval('pg_temp.tries'); RAISE EXCEPTION USING ERRCODE = '40P01'; END $$");
	assert_int_equal(db_run(db, &s, NULL, NULL), RC_LATER);
	assert_int_equal(number(db, &tries), 5);
	db_free(db);
}

static void
a_script_that_leaves_a_transaction_open_loses_it(void **state)
{
	static const struct statement seen = { "t_seen",
		"SELECT count(*) FROM pg_class WHERE relname = 't_open'", 0 };
	struct db *db = db_new(url, &defaults);
	char error[256];

	(void)state;
	script(db, "BEGIN; CREATE TABLE t_open ()");
	assert_int_equal(number(db, &seen), 0);
	assert_int_equal(db_script(db, "BEGIN; SELECT 1/0", error, sizeof(error)), RC_INVALID);
	assert_non_null(strstr(error, "division by zero"));
	assert_int_equal(number(db, &seen), 0);
	db_free(db);
}

static void
url_options_are_kept(void **state)
{
	static const struct statement s = { "t_opt",
		"SELECT current_setting('work_mem'),"
		" current_setting('lock_timeout')",
		0 };
	char with[1024];
	struct rows *rows;
	struct db *db;

	(void)state;
	(void)snprintf(with, sizeof(with), "%s%coptions=-cwork_mem%%3D7MB", url,
	    strchr(url, '?') != NULL ? '&' : '?');
	db = db_new(with, &defaults);
	/* A conninfo ("host=… dbname=…") would be spelled otherwise. */
	if (strstr(url, "://") != NULL) {
		assert_int_equal(db_run(db, &s, NULL, &rows), RC_OK);
		assert_string_equal(rows_text(rows, 0, 0), "7MB");
		assert_string_equal(rows_text(rows, 0, 1), "2s");
		rows_free(rows);
	}
	db_free(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_come_back_as_they_were),
		cmocka_unit_test(types_are_read),
		cmocka_unit_test(errors_are_sorted),
		cmocka_unit_test(a_long_statement_ends_at_the_server_and_the_connection_stays),
		cmocka_unit_test(a_backend_that_dies_while_idle_is_replaced_unseen),
		cmocka_unit_test(a_backend_that_dies_at_work_is_an_unknown_outcome_and_a_brake),
		cmocka_unit_test(a_stopped_server_costs_a_bounded_time),
		cmocka_unit_test(a_stopped_server_is_bounded_while_sending_too),
		cmocka_unit_test(a_statement_is_waited_for_as_long_as_there_is_patience),
		cmocka_unit_test(somebody_else_may_wait_for_the_server),
		cmocka_unit_test(a_server_that_is_not_there_is_tried_with_a_brake),
		cmocka_unit_test(a_server_that_takes_the_connection_and_is_silent_is_bounded),
		cmocka_unit_test(a_changed_table_or_a_lost_statement_is_prepared_anew),
		cmocka_unit_test(a_conflict_is_tried_three_times_more),
		cmocka_unit_test(a_script_that_leaves_a_transaction_open_loses_it),
		cmocka_unit_test(url_options_are_kept),
	};

	url = getenv("OFFHOOK_TEST_DATABASE_URL");
	if (url == NULL || *url == '\0')
		return 77;
	log_open("test_db", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
