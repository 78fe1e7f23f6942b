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

/* Runs a statement about our own database, on the server's. */
static void
run(const char *statement)
{
	struct db *db = db_new(database_server(), &options);
	char sql[128];

	(void)snprintf(sql, sizeof(sql), "%s DATABASE %s", statement, name);
	database_script(db, sql);
	db_free(db);
}

const char *
database_create(const char *begins)
{
	const char *server = database_server();

	(void)snprintf(name, sizeof(name), "%s_%d", begins, (int)getpid());
	run("CREATE");
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
	run("DROP");
}
