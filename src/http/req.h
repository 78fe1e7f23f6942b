/*
 * req.h: one HTTP request as the FastCGI server handed it over, and the arena in which all of its
 * handling lives. Read-only after req_init().
 */
#ifndef HTTP_REQ_H
#define HTTP_REQ_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

struct req {
	struct arena *arena;
	const char *method; /* "GET" */
	const char *path;   /* decoded path, always begins with '/', no query */
	const char *uri;    /* path and query exactly as the client sent them (REQUEST_URI) */
	const char *query;  /* raw query string, "" when none */
	const char *body;   /* bytes, zero-terminated; "" when none */
	size_t body_len;
	const char *request_id; /* the client's X-Request-Id if sane, else made here */
	char **environment;     /* FastCGI parameters "NAME=value", NULL-terminated */
};

/*
 * Fills r from the FastCGI parameters (REQUEST_METHOD, DOCUMENT_URI, REQUEST_URI, QUERY_STRING,
 * HTTP_…) and a body of body_len bytes and a zero; all of them are borrowed, the rest is made in
 * the arena. The request id is set in any case. False, with a sentence for the client in *why,
 * when path or query hold a zero byte, a broken %XX, or bytes that are not UTF-8: answer 400.
 */
bool req_init(struct req *r, struct arena *a, char **environment, const char *body, size_t body_len,
    const char **why);
/* A header of the request, by its lower-case name with dashes ("x-api-key"), or NULL. */
const char *req_header(const struct req *r, const char *name);
/* A parameter of the query string, decoded, or NULL. With the name twice, the first. */
const char *req_query(const struct req *r, const char *name);
/* A FastCGI parameter by its name, or NULL. */
const char *req_param(const struct req *r, const char *name);
/* A sane request id: 1 to 64 characters of A-Z a-z 0-9 . _ - */
int req_id_sane(const char *s);

#endif
