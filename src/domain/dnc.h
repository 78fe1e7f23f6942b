/*
 * dnc.h: numbers that must not be called: the list of a workspace, and the platform's, which holds
 * for all. The dialer looks at both at the moment of dialing (sql/functions/14_gates.sql).
 */
#ifndef DOMAIN_DNC_H
#define DOMAIN_DNC_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/who.h"

/* Which list: the caller's workspace's, or the platform's, which only its admins keep: all of these
 * return RC_FORBIDDEN to others. Numbers are E.164. */
struct dnc_wish {
	const struct credential *who;
	bool platform;
};

/* Numbers are told of in columns from DNC_FIRST_COLUMN on: scope, number, reason, created_at. */
#define DNC_FIRST_COLUMN 1

/* Puts a number on the list; once more is no error. reason may be NULL: an earlier one stays. Its row. */
enum rc dnc_add(struct db *db, const struct dnc_wish *wish, const char *number, const char *reason,
    struct rows **rows) MUST_CHECK;
/* Takes it off; RC_NOT_FOUND when it is not on it. */
enum rc dnc_remove(struct db *db, const struct dnc_wish *wish, const char *number) MUST_CHECK;

/* What the lists that bind the caller's workspace hold of this number: a row each, or one with NULLs. */
enum rc dnc_find(
    struct db *db, const struct credential *who, const char *number, struct rows **rows) MUST_CHECK;
/* Up to limit numbers of the list behind after (NULL: from the start), in order; none: a row of NULLs. */
enum rc dnc_page(struct db *db, const struct dnc_wish *wish, const char *after, int64_t limit,
    struct rows **rows) MUST_CHECK;

#endif
