/*
 * spool.h: a folder of small files, each something that was promised and waits until it can be done. An
 * entry is there whole or not at all, and survives a crash of the machine once spool_put() has said so.
 * Any number of processes may put and take at once.
 *
 * An entry is SPOOL_ENTRY_MAX bytes at most, so the bound on their number bounds their bytes, too (16 MB).
 * Each put reads the names in the folder for that: some 10 ms when it is full, and it is read only while
 * what the entries wait for is away. Puts at the same instant may go over the bound by one each.
 */
#ifndef SYS_SPOOL_H
#define SYS_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SPOOL_FOLDER "spool" /* below server.data_dir */
#define SPOOL_ENTRY_MAX 1600
#define SPOOL_ENTRIES_MAX 10000
#define SPOOL_OWNER_MAX 1000 /* entries of one owner */
#define SPOOL_ASIDE_MAX 100  /* files that could not be read and are kept */
#define SPOOL_NAME_SIZE 82   /* 16 digits of the owner, -, 64 of owner and subject, zero */

/* A descriptor of the folder, to be closed; -1 with errno. */
int spool_open(const char *path);

/* The name of the entry of that owner, which holds no newline, about that subject. */
void spool_name(char out[SPOOL_NAME_SIZE], const char *owner, const char *subject);

/*
 * Puts an entry, on the disk before this returns. RC_OK: it is there; *fresh says whether it was put just
 * now, which of any number of twins one alone is told. RC_LATER, logged: the spool is full, by all or by
 * this owner, or the disk fails (then it may be there all the same).
 */
enum rc spool_put(int dir, const char *name, const void *bytes, size_t len, bool *fresh) MUST_CHECK;

struct spool_item {
	char name[SPOOL_NAME_SIZE];
	int64_t at_us; /* when it was put, wall time */
};

struct spool_list {
	struct spool_item *items; /* oldest first; freed by spool_list_free() */
	int count;
};

/* All entries. False with errno when the folder cannot be read. */
bool spool_list(int dir, struct spool_list *list) MUST_CHECK;
void spool_list_free(struct spool_list *list);

/* Reads an entry: RC_OK; RC_NOT_FOUND: another has removed it; RC_INVALID: it is none of ours (a link, too
 * large, of another user); RC_LATER: it cannot be read now. */
enum rc spool_take(int dir, const char *name, char bytes[SPOOL_ENTRY_MAX], size_t *len) MUST_CHECK;

/* Removes an entry, which may be gone already. */
void spool_remove(int dir, const char *name);
/* Moves what is no entry into the folder "bad", where SPOOL_ASIDE_MAX are kept; more are removed. */
void spool_aside(int dir, const char *name);
/* How many lie there. */
int spool_aside_count(int dir);
/* Removes what processes that died while putting have left behind, once it is older than age_s. */
void spool_sweep(int dir, int64_t age_s);

#endif
