/*
 * req.h: one HTTP request as the FastCGI server handed it over, and the arena in which all of its
 * handling lives. Read-only after req_init().
 */
#ifndef HTTP_REQ_H
#define HTTP_REQ_H

#include <stddef.h>

#include "base/mem.h"

struct req {
	struct arena *arena;
	const char *method;     /* "GET" */
	const char *path;       /* decoded path, always begins with '/', no query */
	const char *uri;        /* path and query exactly as the client sent them (REQUEST_URI) */
	const char *query;      /* raw query string, "" when none */
	const char *body;       /* bytes, zero-terminated; "" when none */
	size_t body_len;
	const char *request_id; /* the client's X-Request-Id if sane, else made here */
	char **environment;     /* FastCGI parameters "NAME=value", NULL-terminated */
};

/* A header of the request, by its lower-case name with dashes ("x-api-key"), or NULL. */
const char *req_header(const struct req *r, const char *name);
/* A parameter of the query string, decoded, or NULL. With the name twice, the first. */
const char *req_query(const struct req *r, const char *name);
/* A FastCGI parameter by its name, or NULL. */
const char *req_param(const struct req *r, const char *name);
/* A sane request id: 1 to 64 characters of A-Z a-z 0-9 . _ - */
int req_id_sane(const char *s);

#endif
