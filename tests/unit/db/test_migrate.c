/*
 * test_migrate.c: migrations from temporary directories into a schema of their own, in the
 * PostgreSQL of OFFHOOK_TEST_DATABASE_URL (skipped when it is unset).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "db/migrate.h"

static const char *url;
static char directory[] = "/tmp/offhook-migrate-XXXXXX";
static char heard[8192];

static const struct db_options options = { .program = "test_migrate" };

static void
hear(const char *line, void *arg)
{
	(void)arg;
	(void)strncat(heard, line, sizeof(heard) - strlen(heard) - 1);
	(void)strncat(heard, "\n", sizeof(heard) - strlen(heard) - 1);
}

static void
put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
drop(const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	(void)unlink(path);
}

static void
script(struct db *db, const char *sql)
{
	char error[512];

	if (db_script(db, sql, error, sizeof(error)) != RC_OK)
		fail_msg("%s", error);
}

static struct db *
open_db(void)
{
	struct db *db = db_new(url, &options);

	script(db, "SET search_path = t_migrate");
	return db;
}

static enum rc
apply(struct db *db)
{
	heard[0] = '\0';
	return migrate_apply(db, directory, hear, NULL);
}

static bool
current(struct db *db)
{
	bool yes = false;

	assert_int_equal(migrate_current(db, directory, &yes), RC_OK);
	return yes;
}

static int
setup(void **state)
{
	struct db *db = db_new(url, &options);

	script(db, "DROP SCHEMA IF EXISTS t_migrate CASCADE; CREATE SCHEMA t_migrate");
	db_free(db);
	put("001_one.sql", "CREATE TABLE one (a int);\nINSERT INTO one VALUES (1);\n");
	put("002_two.sql", "ALTER TABLE one ADD COLUMN b int -- no newline after this");
	put("functions/f.sql",
	    "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';");
	drop("003_three.sql");
	drop("002_again.sql");
	drop("functions/g.sql");
	*state = open_db();
	return 0;
}

static int
teardown(void **state)
{
	script(*state, "DROP SCHEMA t_migrate CASCADE");
	db_free(*state);
	return 0;
}

static void
all_is_applied_once_and_in_order(void **state)
{
	assert_false(current(*state));
	assert_int_equal(apply(*state), RC_OK);
	assert_string_equal(
	    heard, "applied 001_one\napplied 002_two\napplied functions (1 files)\n");
	assert_true(current(*state));
	assert_int_equal(apply(*state), RC_OK);
	assert_string_equal(heard, "");
	put("003_three.sql", "CREATE TABLE three ();");
	assert_false(current(*state));
	assert_int_equal(apply(*state), RC_OK);
	assert_string_equal(heard, "applied 003_three\n");
}

static void
functions_come_again_when_any_text_changed(void **state)
{
	assert_int_equal(apply(*state), RC_OK);
	put("functions/g.sql",
	    "CREATE OR REPLACE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT f()';");
	assert_false(current(*state));
	assert_int_equal(apply(*state), RC_OK);
	assert_string_equal(heard, "applied functions (2 files)\n");
	put("functions/g.sql",
	    "CREATE OR REPLACE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT z()';");
	assert_int_not_equal(apply(*state), RC_OK);
	assert_false(current(*state));
}

static void
a_failed_file_leaves_nothing_behind(void **state)
{
	static const struct statement left = { "t_left",
		"SELECT to_regclass('t_migrate.half') IS NOT NULL", 0 };
	struct rows *rows;

	put("003_three.sql", "CREATE TABLE half ();\n\nSELECT 1/0;\n");
	assert_int_equal(apply(*state), RC_INVALID);
	assert_non_null(strstr(heard, "003_three: ERROR"));
	assert_int_equal(db_run(*state, &left, NULL, &rows), RC_OK);
	assert_false(rows_bool(rows, 0, 0));
	rows_free(rows);
	/* The failure cost the session, and with it the search path. */
	script(*state, "SET search_path = t_migrate");
	put("003_three.sql", "CREATE TABLE whole ();");
	assert_int_equal(apply(*state), RC_OK);
	assert_string_equal(heard, "applied 003_three\napplied functions (1 files)\n");
}

static void
a_changed_missing_or_late_file_is_refused(void **state)
{
	assert_int_equal(apply(*state), RC_OK);
	put("001_one.sql", "CREATE TABLE one (a bigint);");
	assert_int_equal(apply(*state), RC_CONFLICT);
	assert_non_null(strstr(heard, "001_one was changed"));
	assert_false(current(*state));
	drop("001_one.sql");
	assert_int_equal(apply(*state), RC_CONFLICT);
	assert_non_null(strstr(heard, "001_one, which no file stands for"));
	assert_false(current(*state));
	put("001_one.sql", "CREATE TABLE one (a int);\nINSERT INTO one VALUES (1);\n");
	assert_true(current(*state));
	put("000_zero.sql", "SELECT 1;");
	assert_int_equal(apply(*state), RC_CONFLICT);
	assert_non_null(strstr(heard, "000_zero before it was not"));
	drop("000_zero.sql");
}

static void
names_are_checked(void **state)
{
	put("002_again.sql", "SELECT 1;");
	assert_int_equal(apply(*state), RC_BROKEN);
	drop("002_again.sql");
	put("7_seven.sql", "SELECT 1;");
	assert_int_equal(apply(*state), RC_BROKEN);
	drop("7_seven.sql");
	put("004_o'clock.sql", "SELECT 1;");
	assert_int_equal(apply(*state), RC_BROKEN);
	drop("004_o'clock.sql");
	assert_int_equal(migrate_apply(*state, "/nonexistent", hear, NULL), RC_BROKEN);
}

static void
two_hosts_at_once_are_one(void **state)
{
	pid_t children[3];
	int status, applied = 0;

	put("003_three.sql", "SELECT pg_sleep(0.3); CREATE TABLE three ();");
	for (int i = 0; i < 3; i++) {
		if ((children[i] = fork()) != 0)
			continue;
		struct db *db = open_db();
		enum rc rc = apply(db);

		db_free(db);
		_exit(rc != RC_OK ? 99 : heard[0] != '\0');
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_true(WIFEXITED(status));
		assert_in_range(WEXITSTATUS(status), 0, 1);
		applied += WEXITSTATUS(status);
	}
	assert_int_equal(applied, 1);
	assert_true(current(*state));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_is_applied_once_and_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    functions_come_again_when_any_text_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_failed_file_leaves_nothing_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_changed_missing_or_late_file_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(names_are_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(two_hosts_at_once_are_one, setup, teardown),
	};
	char path[64];
	int failed;

	url = getenv("OFFHOOK_TEST_DATABASE_URL");
	if (url == NULL || *url == '\0')
		return 77;
	log_open("test_migrate", LOG_LEVEL_ERROR);
	if (mkdtemp(directory) == NULL)
		return 1;
	(void)snprintf(path, sizeof(path), "%s/functions", directory);
	if (mkdir(path, 0700) != 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	drop("functions/f.sql");
	drop("functions/g.sql");
	drop("001_one.sql");
	drop("002_two.sql");
	drop("003_three.sql");
	(void)rmdir(path);
	(void)rmdir(directory);
	return failed;
}
