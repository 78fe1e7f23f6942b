/*
 * presign.h: AWS Signature Version 4 in a query string, which libcurl does not make: a URL that
 * nginx can fetch with no key of ours.
 */
#ifndef REMOTE_PRESIGN_H
#define REMOTE_PRESIGN_H

#include <stdint.h>

#include "base/mem.h"

struct presign {
	const char *url; /* scheme://HOST[:PORT]/PATH, percent-encoded, without a query */
	const char *region;
	const char *access_key, *secret_key;
	int64_t now_us;   /* wall clock */
	int seconds;      /* how long it holds */
	const char *type; /* what the store is to say that it is (Content-Type), or NULL */
};

/* The URL with its query, for GET, payload unsigned; in the arena. */
const char *presign_get(struct arena *a, const struct presign *p);

#endif
