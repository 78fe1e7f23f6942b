/*
 * store.h: the object store in which the carrier may put recordings (S3 and what is compatible with
 * it, in path style). No database. The store may be not set up at all: ask store_set() first.
 */
#ifndef REMOTE_STORE_H
#define REMOTE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Where it is. Texts are borrowed from the settings. */
struct store {
	const char *endpoint; /* no trailing slash; "": there is none */
	const char *region;
	const char *bucket, *prefix;
	const char *access_key, *secret_key;
	const char *key_template; /* one that object_template_valid() takes (remote/object.h) */
	const char *ca_file;      /* or NULL */
};

/* What an object is named after. */
struct store_name {
	const char *call_id, *call_sid, *recording_sid;
};

static inline bool
store_set(const struct store *s)
{
	return s->endpoint[0] != '\0';
}

/* Writes the object to fd, at most max bytes. RC_OK with its length, which is what was announced;
 * RC_NOT_FOUND (not there, or not for us: the two look alike); RC_LATER. */
enum rc store_fetch(const struct store *s, const struct store_name *name, int fd, int64_t max,
    int64_t *bytes) MUST_CHECK;
/* Asks for the bucket, for the operator: RC_OK with the HTTP status, or RC_LATER with a sentence. */
enum rc store_probe(const struct store *s, long *status, char why[160]) MUST_CHECK;

#endif
