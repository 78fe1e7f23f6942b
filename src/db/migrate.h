/*
 * migrate.h: brings the schema up to the files of sql/. sql/NNN_what.sql are applied once, in
 * order, each in a transaction; the .sql files of sql/functions hold the functions (create or
 * replace) and are applied again, all in one transaction, whenever their text has changed. An advisory lock
 * lets two hosts run it at once. schema_migrations keeps what was applied and its SHA-256; a
 * numbered file whose text changed after it was applied is an error.
 */
#ifndef DB_MIGRATE_H
#define DB_MIGRATE_H

#include <stdbool.h>

#include "base/err.h"
#include "db/db.h"

/* Applies what is missing from directory; tell(text, arg) hears a line a step, and why it failed.
 * RC_CONFLICT: files and database contradict each other (a file changed or gone, or one before an
 * applied one that was not). RC_BROKEN: a file cannot be read. Else what db_script() gave. */
enum rc migrate_apply(
    struct db *db, const char *directory, void (*tell)(const char *, void *), void *arg) MUST_CHECK;
/* Whether the database stands exactly at the files of directory. */
enum rc migrate_current(struct db *db, const char *directory, bool *current) MUST_CHECK;

#endif
