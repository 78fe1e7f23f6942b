/* database.c: see database.h. */
#include "unit/database.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "db/migrate.h"

static const struct db_options options = { .program = "unit-test" };
static char url[1024], name[64];

const char *
database_server(void)
{
	const char *server = getenv("OFFHOOK_TEST_DATABASE_URL");

	if (server != NULL && server[0] != '\0')
		return server;
	print_message("skipped: OFFHOOK_TEST_DATABASE_URL is not set\n");
	return NULL;
}

void
database_script(struct db *db, const char *sql)
{
	char error[512];

	if (db_script(db, sql, error, sizeof(error)) != RC_OK)
		fail_msg("%s: %s", sql, error);
}

/* Runs a statement about our own database, whose name stands between the two texts, on the server's. */
static void
run(const char *before, const char *after)
{
	struct db *db = db_new(database_server(), &options);
	char sql[256];

	(void)snprintf(sql, sizeof(sql), "%s%s%s", before, name, after);
	database_script(db, sql);
	db_free(db);
}

const char *
database_create(const char *begins)
{
	const char *server = database_server();

	(void)snprintf(name, sizeof(name), "%s_%d", begins, (int)getpid());
	run("CREATE DATABASE ", "");
	/* The last name wins, in a URL and in a list of settings. */
	(void)snprintf(url, sizeof(url), "%s%sdbname=%s", server,
	    strstr(server, "://") == NULL     ? " "
		: strchr(server, '?') == NULL ? "?"
					      : "&",
	    name);
	return url;
}

void
database_drop(void)
{
	run("DROP DATABASE ", "");
}

static void
tell(const char *line, void *arg)
{
	(void)line;
	(void)arg;
}

void
database_migrate(struct db *db)
{
	const char *source = getenv("srcdir");
	char directory[1024];

	(void)snprintf(directory, sizeof(directory), "%s/sql", source == NULL ? "." : source);
	if (migrate_apply(db, directory, tell, NULL) != RC_OK)
		fail_msg("the schema of %s cannot be made", directory);
}

void
database_shut(void)
{
	run("ALTER DATABASE ", " ALLOW_CONNECTIONS false");
	run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND datname = '",
	    "'");
}

void
database_open(void)
{
	run("ALTER DATABASE ", " ALLOW_CONNECTIONS true");
}
