/*
 * weburl.h: web addresses as the carrier sees them: which are acceptable, what a relative one
 * means, and the connection overrides that a fragment can carry ("#rc=3&rp=5xx,ct&rt=4000").
 */
#ifndef SIM_WEBURL_H
#define SIM_WEBURL_H

#include <stdbool.h>
#include <stddef.h>

#define WEBURL_MAX 4096

/* An absolute http or https URL whose host name is possible (no underscore, no space). */
bool weburl_absolute(const char *url);
/* What ref means in a document at base; an absolute ref stays as it is, byte for byte. NULL when
 * it means nothing usable. base may be NULL: then only absolute ones do. The caller frees. */
char *weburl_join(const char *base, const char *ref);
/* The length of url without its fragment. */
size_t weburl_length(const char *url);

enum { /* what is retried, as bits */
	RETRY_4XX = 1,
	RETRY_5XX = 2,
	RETRY_CONNECT = 4,
	RETRY_READ = 8,
	RETRY_ALL = 15
};

struct weburl_override {
	int connect_ms; /* ct */
	int read_ms;    /* rt */
	int total_ms;   /* tt, retries included */
	int retries;    /* rc */
	unsigned retry; /* rp */
};

/* The overrides in the fragment of url, the carrier's own values where there are none. A key that
 * is unknown or out of range counts as not given. */
void weburl_override(const char *url, struct weburl_override *out);

#endif
