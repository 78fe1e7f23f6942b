/*
 * db.h: PostgreSQL, one connection a process. The only user of libpq. A statement is a constant
 * beside the one function that runs it; it is prepared on first use on each connection; values
 * are always parameters. A statement is a transaction: there is no begin and no commit here, what
 * must happen together happens in one statement (a function in sql/functions where it is long).
 *
 * Every wait is bounded: by statement_timeout at the server (5 s unless told otherwise) and by a
 * poll on the socket here, so that a stopped server cannot hang a worker.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct db;
struct rows;

/* A statement. name is unique in the program (it names the prepared statement). */
struct statement {
	const char *name;
	const char *text;
	int params;
};

/* How a connection is to behave; zero means the default in the comment. */
struct db_options {
	const char *program;      /* application_name */
	int statement_timeout_ms; /* 5000 */
	int connect_timeout_ms;   /* 3000 */
};

/* Remembers how to connect; connects at the first statement. url: a libpq URL or conninfo.
 * Must be called after the fork that its user lives in. Never fails. */
struct db *db_new(const char *url, const struct db_options *options);
void db_free(struct db *db);

/*
 * Runs the statement with params text values (NULL is SQL's NULL) and gives its rows, to be
 * freed with rows_free() (rows may be NULL when nobody wants them).
 *   RC_OK        done and committed
 *   RC_LATER     the database is away, or became so (the outcome is unknown then), or timed out;
 *                the next call connects anew, with a brake
 *   RC_INVALID   the database refused a value (SQLSTATE class 22 or 23): a bug or a race
 *   RC_BROKEN    anything else; logged
 * Deadlocks and serialisation failures (40P01, 40001) are retried here up to 3 times with jitter.
 */
enum rc db_run(struct db *db, const struct statement *statement, const char *const values[],
    struct rows **rows) MUST_CHECK;

/* How long the statements from here on are waited for, each connecting included; 0: as the options say,
 * which is the rule. For one that has another way when the database does not answer soon. */
void db_patience(struct db *db, int patience_ms);

/* Who waits for the server instead of us, and does something else meanwhile: until fd is ready for events (of poll(2))
 * or until until_us (CLOCK_BOOTTIME); whether it is ready. Must not use db. */
void db_meanwhile(
    struct db *db, bool (*wait)(void *arg, int fd, short events, int64_t until_us), void *arg);

/* Who is behind the statements, for the audit log: of A-Z a-z 0-9 . _ @ : / -. Before the first of them. */
void db_actor(struct db *db, const char *actor);

/* A counter that grows with each new connection: session state (locks, quiet periods) that hangs
 * on the connection is gone when it has changed. 0 before the first. */
uint64_t db_generation(const struct db *db);

int rows_count(const struct rows *r);
int rows_columns(const struct rows *r);
/* The name of a column, or NULL past the last. */
const char *rows_name(const struct rows *r, int column);
/* The value as text, or NULL for SQL's NULL. Owned by r. */
const char *rows_text(const struct rows *r, int row, int column);
/* The same in the arena, to outlive the rows. */
const char *rows_copy(struct arena *a, const struct rows *r, int row, int column);
/* Typed reading; NULL reads as 0 or false. Aborts when the column does not hold that type: the
 * statement and its reader stand side by side, so that is a broken build. */
int64_t rows_int(const struct rows *r, int row, int column);
double rows_real(const struct rows *r, int row, int column);
bool rows_bool(const struct rows *r, int row, int column);
void rows_free(struct rows *r);

/* Text of an integer for a parameter: out has 24 bytes, returned for convenience. */
const char *db_int(int64_t value, char out[24]);
/* "true" or "false". */
const char *db_bool(bool value);

/* For the migrations alone: runs SQL text of any number of commands, in one transaction with
 * anything else only if the text says so. error receives the server's message. */
enum rc db_script(struct db *db, const char *sql, char *error, int error_size) MUST_CHECK;

#endif
