/*
 * backend.h: the external call backend of negotiations. Its URL is the operator's own, so it may lie
 * anywhere; its answers are bounded in time and size as everybody's.
 */
#ifndef REMOTE_BACKEND_H
#define REMOTE_BACKEND_H

#include <stdbool.h>

#include "base/mem.h"
#include "http/fetch.h"

struct backend {
	const char *url; /* "": there is none */
	const char *key; /* sent as X-API-Key; "": none */
	const char *ca_file;
};

/* Asks it to start a job. NULL when it has taken it (any 2xx); else the reason in a few words:
 * "Connection refused", "Timeout", "HTTP 500", … What cannot have reached it is tried again first, and
 * bears the same Idempotency-Key at every try. */
const char *backend_start(struct arena *a, const struct backend *backend, const char *job_id,
    const char *body, const char *request);

/* The report on a call to whoever has given it to us, who may be any customer: his URL is held to the
 * rules of http/reach.h, unless anywhere. key may be NULL. NULL, or why it cannot be sent. */
const char *backend_report(struct arena *a, const char *url, const char *key, const char *body,
    const char *ca_file, bool anywhere, struct fetch *f);

#endif
