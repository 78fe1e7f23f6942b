/*
 * database.h: a database of a test's own on a real PostgreSQL, beside the one that OFFHOOK_TEST_DATABASE_URL names.
 */
#ifndef UNIT_DATABASE_H
#define UNIT_DATABASE_H

#include "db/db.h"

/* What the environment names, or NULL with a line that says so: then the test ends with 77, skipped. */
const char *database_server(void);
/* Makes it, under a name that begins so, and gives its URL, which stays valid. Fails the test if it cannot. */
const char *database_create(const char *begins);
/* Who is connected to it has to go before. */
void database_drop(void);
/* Brings it to the schema of sql/. */
void database_migrate(struct db *db);
/* Throws out whoever is connected to it, and lets nobody in until it is opened again. */
void database_shut(void);
void database_open(void);
/* Statements, or the end of the test. */
void database_script(struct db *db, const char *sql);

#endif
