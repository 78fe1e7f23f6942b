/*
 * migrate.c: see migrate.h. What is to be done is a comparison of two sorted lists, the files of
 * the directory and the rows of schema_migrations. Each file is one script "BEGIN; …; COMMIT" that
 * also records it; the functions are one such script together, under the version "functions".
 *
 * The session's advisory lock falls when the connection does, and db.c would connect anew without
 * a word. So every script takes the same lock again for its transaction: free of charge while the
 * session holds it, and if it does not, a rival's record makes ours fail on the primary key.
 */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/migrate.h"

#define FILES_MAX 900
#define FILE_SIZE_MAX ((size_t)4 << 20)
#define SCRIPT_SIZE_MAX ((size_t)256 << 20)
#define HASH_SIZE (2 * DIGEST_SHA256_SIZE + 1)
#define ERROR_SIZE 1024
#define LOCK "7021940617301" /* any number, the same in every program of ours */

struct source {
	char *version; /* the name without .sql */
	struct buf text;
	char hash[HASH_SIZE];
};

/* The files of one directory, sorted by name. */
struct sources {
	struct source *list;
	int count;
};

/* A run of migrate_apply(). */
struct run {
	struct db *db;
	void (*tell)(const char *, void *);
	void *arg;
};

/* ---- files ---- */

static void
sources_free(struct sources *s)
{
	for (int i = 0; i < s->count; i++) {
		free(s->list[i].version);
		buf_free(&s->list[i].text);
	}
	free(s->list);
	*s = (struct sources){ 0 };
}

static void
hash_text(const void *data, size_t len, char out[HASH_SIZE])
{
	uint8_t digest[DIGEST_SHA256_SIZE];

	digest_sha256(data, len, digest);
	digest_hex(digest, sizeof(digest), out);
}

static bool
read_file(const char *path, struct buf *out)
{
	char chunk[16384];
	FILE *f = fopen(path, "re");
	bool ok;
	size_t n;

	if (f == NULL) {
		log_error("%s: %s", path, strerror(errno));
		return false;
	}
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(out, chunk, n);
	ok = !ferror(f) && !buf_failed(out);
	(void)fclose(f);
	if (!ok)
		log_error("%s: cannot be read whole", path);
	return ok;
}

/* Names become part of SQL and of error messages, so only plain ones are taken. */
static bool
plain_name(const char *name)
{
	return str_ends(name, ".sql") && strlen(name) < 128 &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == strlen(name);
}

static int
sql_only(const struct dirent *d)
{
	return str_ends(d->d_name, ".sql") && d->d_name[0] != '.';
}

static bool
add_source(struct sources *s, const char *directory, const char *name)
{
	struct source *source = &s->list[s->count];
	struct buf path;
	bool ok;

	if (!plain_name(name)) {
		log_error("%s: a name of a-z 0-9 _ - and .sql is wanted: %s", directory, name);
		return false;
	}
	buf_init(&path, 4096);
	buf_printf(&path, "%s/%s", directory, name);
	source->version = mem_strdup(name);
	source->version[strlen(name) - strlen(".sql")] = '\0';
	buf_init(&source->text, FILE_SIZE_MAX);
	s->count++;
	ok = !buf_failed(&path) && read_file(path.data, &source->text);
	buf_free(&path);
	/* A zero byte would cut the script short without a word. */
	if (ok && strlen(source->text.data) != source->text.len) {
		log_error("%s/%s holds a zero byte", directory, name);
		ok = false;
	}
	hash_text(source->text.data, source->text.len, source->hash);
	return ok;
}

/* Reads all .sql files of a directory. A directory that is not there is an error unless optional. */
static enum rc
read_sources(const char *directory, bool optional, struct sources *s)
{
	struct dirent **names = NULL;
	int n = scandir(directory, &names, sql_only, alphasort);
	enum rc rc = RC_OK;

	*s = (struct sources){ 0 };
	if (n < 0 && optional && errno == ENOENT)
		return RC_OK;
	if (n < 0 || n > FILES_MAX) {
		log_error("%s: %s", directory, n < 0 ? strerror(errno) : "too many files");
		rc = RC_BROKEN;
	}
	s->list = mem_zalloc((size_t)(n > 0 ? n : 1), sizeof(*s->list));
	for (int i = 0; i < n; i++) {
		if (rc == RC_OK && !add_source(s, directory, names[i]->d_name))
			rc = RC_BROKEN;
		free(names[i]);
	}
	free(names);
	return rc;
}

/* NNN_what, each number once. */
static bool
numbers_sound(const struct sources *s)
{
	for (int i = 0; i < s->count; i++) {
		const char *version = s->list[i].version;

		if (strspn(version, "0123456789") != 3 || version[3] != '_') {
			log_error("%s.sql: migrations are named NNN_what.sql", version);
			return false;
		}
		if (i > 0 && strncmp(version, s->list[i - 1].version, 4) == 0) {
			log_error("%s.sql and %s.sql have the same number", s->list[i - 1].version,
			    version);
			return false;
		}
	}
	return true;
}

/* The joint hash of the functions: of names and texts, each with its length. */
static void
functions_hash(const struct sources *s, char out[HASH_SIZE])
{
	struct buf all;

	buf_init(&all, SCRIPT_SIZE_MAX);
	for (int i = 0; i < s->count; i++)
		buf_printf(
		    &all, "%s %zu %s\n", s->list[i].version, s->list[i].text.len, s->list[i].hash);
	hash_text(all.data, all.len, out);
	buf_free(&all);
}

static enum rc
read_all(const char *directory, struct sources *numbered, struct sources *functions)
{
	struct buf path;
	enum rc rc;

	*functions = (struct sources){ 0 };
	rc = read_sources(directory, false, numbered);
	if (rc == RC_OK && !numbers_sound(numbered))
		rc = RC_BROKEN;
	if (rc != RC_OK)
		return rc;
	buf_init(&path, 4096);
	buf_printf(&path, "%s/functions", directory);
	rc = buf_failed(&path) ? RC_BROKEN : read_sources(path.data, true, functions);
	buf_free(&path);
	return rc;
}

/* ---- what the database has ---- */

static const struct statement sql_exists = { "migrate_exists",
	"SELECT to_regclass('schema_migrations') IS NOT NULL", 0 };

static const struct statement sql_applied = { "migrate_applied",
	"SELECT version, sha256 FROM schema_migrations ORDER BY version COLLATE \"C\"", 0 };

/* The rows of schema_migrations, or NULL with RC_OK when there is no such table yet. */
static enum rc
read_applied(struct db *db, struct rows **applied)
{
	struct rows *exists;
	bool is_there;
	enum rc rc;

	*applied = NULL;
	if ((rc = db_run(db, &sql_exists, NULL, &exists)) != RC_OK)
		return rc;
	is_there = rows_bool(exists, 0, 0);
	rows_free(exists);
	return is_there ? db_run(db, &sql_applied, NULL, applied) : RC_OK;
}

/* The hash under which a version was applied, or NULL. */
static const char *
applied_hash(const struct rows *applied, const char *version)
{
	for (int i = 0; applied != NULL && i < rows_count(applied); i++) {
		if (strcmp(rows_text(applied, i, 0), version) == 0)
			return rows_text(applied, i, 1);
	}
	return NULL;
}

static bool
is_numbered_source(const struct sources *numbered, const char *version)
{
	for (int i = 0; i < numbered->count; i++) {
		if (strcmp(numbered->list[i].version, version) == 0)
			return true;
	}
	return false;
}

/* The first applied version that no file stands for, or NULL. */
static const char *
unknown_version(const struct rows *applied, const struct sources *numbered)
{
	for (int i = 0; applied != NULL && i < rows_count(applied); i++) {
		const char *version = rows_text(applied, i, 0);

		if (strcmp(version, "functions") != 0 && !is_numbered_source(numbered, version))
			return version;
	}
	return NULL;
}

/* ---- applying ---- */

static void tell(const struct run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
tell(const struct run *run, const char *fmt, ...)
{
	char line[ERROR_SIZE + 256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	run->tell(line, run->arg);
}

static enum rc
script(const struct run *run, const char *what, const char *sql)
{
	char error[ERROR_SIZE];
	enum rc rc = db_script(run->db, sql, error, sizeof(error));

	if (rc != RC_OK)
		tell(run, "%s: %s", what, error);
	return rc;
}

/* Runs the texts and the record as one transaction. The opening stands on the first line, so that
 * the line numbers of an error in a single file are those of the file. */
static enum rc
apply(const struct run *run, const char *version, const char *hash, const struct source *sources,
    int count)
{
	struct buf sql;
	enum rc rc;

	buf_init(&sql, SCRIPT_SIZE_MAX);
	buf_puts(&sql, "BEGIN; SELECT pg_advisory_xact_lock(" LOCK "); ");
	for (int i = 0; i < count; i++) {
		buf_add(&sql, sources[i].text.data, sources[i].text.len);
		buf_puts(&sql, "\n;\n");
	}
	buf_printf(&sql,
	    "%s INSERT INTO schema_migrations (version, sha256) VALUES ('%s', '%s');COMMIT",
	    strcmp(version, "functions") == 0
		? "DELETE FROM schema_migrations WHERE version = 'functions';"
		: "",
	    version, hash);
	if (buf_failed(&sql)) {
		tell(run, "%s: too long", version);
		rc = RC_BROKEN;
	} else {
		rc = script(run, version, sql.data);
	}
	buf_free(&sql);
	return rc;
}

/* Holds what has been applied against the files, and applies the rest in order. */
static enum rc
apply_numbered(const struct run *run, const struct sources *numbered, const struct rows *applied)
{
	const char *unknown = unknown_version(applied, numbered);
	const char *skipped = NULL;
	enum rc rc;

	if (unknown != NULL) {
		tell(run, "the database has %s, which no file stands for: a newer program was here",
		    unknown);
		return RC_CONFLICT;
	}
	for (int i = 0; i < numbered->count; i++) {
		const struct source *source = &numbered->list[i];
		const char *hash = applied_hash(applied, source->version);

		if (hash == NULL) {
			skipped = skipped != NULL ? skipped : source->version;
		} else if (strcmp(hash, source->hash) != 0) {
			tell(run, "%s was changed after it had been applied", source->version);
			return RC_CONFLICT;
		} else if (skipped != NULL) {
			tell(run, "%s was applied, but %s before it was not", source->version,
			    skipped);
			return RC_CONFLICT;
		}
	}
	for (int i = 0; i < numbered->count; i++) {
		const struct source *source = &numbered->list[i];

		if (applied_hash(applied, source->version) != NULL)
			continue;
		if ((rc = apply(run, source->version, source->hash, source, 1)) != RC_OK)
			return rc;
		tell(run, "applied %s", source->version);
	}
	return RC_OK;
}

static enum rc
apply_functions(const struct run *run, const struct sources *functions, const struct rows *applied)
{
	const char *old = applied_hash(applied, "functions");
	char hash[HASH_SIZE];
	enum rc rc;

	functions_hash(functions, hash);
	if (functions->count == 0 || (old != NULL && strcmp(old, hash) == 0))
		return RC_OK;
	rc = apply(run, "functions", hash, functions->list, functions->count);
	if (rc == RC_OK)
		tell(run, "applied functions (%d files)", functions->count);
	return rc;
}

static enum rc
apply_all(const struct run *run, const char *directory)
{
	struct sources numbered, functions;
	struct rows *applied = NULL;
	enum rc rc;

	rc = read_all(directory, &numbered, &functions);
	if (rc == RC_OK)
		rc = read_applied(run->db, &applied);
	if (rc == RC_OK)
		rc = apply_numbered(run, &numbered, applied);
	if (rc == RC_OK)
		rc = apply_functions(run, &functions, applied);
	rows_free(applied);
	sources_free(&functions);
	sources_free(&numbered);
	return rc;
}

enum rc
migrate_apply(struct db *db, const char *directory, void (*hear)(const char *, void *), void *arg)
{
	const struct run run = { db, hear, arg };
	enum rc rc, after;

	/* The wait for another host that migrates has no server-side limit, the work itself neither;
	 * but a lock that the traffic holds must not dam up everything behind it. */
	rc = script(&run, "lock",
	    "SET statement_timeout = 0; SET lock_timeout = 0; SELECT pg_advisory_lock(" LOCK ");"
	    "SET lock_timeout = '10s';"
	    "CREATE TABLE IF NOT EXISTS schema_migrations (version text PRIMARY KEY,"
	    " sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())");
	if (rc == RC_OK)
		rc = apply_all(&run, directory);
	after = script(&run, "unlock",
	    "SELECT pg_advisory_unlock_all(); RESET statement_timeout; RESET lock_timeout");
	return rc != RC_OK ? rc : after;
}

enum rc
migrate_current(struct db *db, const char *directory, bool *current)
{
	struct sources numbered, functions;
	struct rows *applied = NULL;
	char hash[HASH_SIZE];
	enum rc rc;

	*current = false;
	rc = read_all(directory, &numbered, &functions);
	if (rc == RC_OK)
		rc = read_applied(db, &applied);
	if (rc == RC_OK) {
		const char *old = applied_hash(applied, "functions");

		functions_hash(&functions, hash);
		*current = applied != NULL && unknown_version(applied, &numbered) == NULL &&
		    (functions.count == 0 || (old != NULL && strcmp(old, hash) == 0));
		for (int i = 0; i < numbered.count && *current; i++) {
			const struct source *source = &numbered.list[i];

			old = applied_hash(applied, source->version);
			*current = old != NULL && strcmp(old, source->hash) == 0;
		}
	}
	rows_free(applied);
	sources_free(&functions);
	sources_free(&numbered);
	return rc;
}
