/*
 * fcgi.h: the FastCGI side of a worker: accept, read, call the handler, write. The only user of
 * libfcgi. One request at a time; a connection is never kept (see doc/architecture.md).
 */
#ifndef HTTP_FCGI_H
#define HTTP_FCGI_H

#include <stdbool.h>
#include <stddef.h>

#include "http/req.h"
#include "http/resp.h"

/* Answers requests from the listening socket until fcgi_stop() was called (a signal handler may)
 * or max_requests were answered (0: no limit). handle() fills the answer. Bodies over max_body
 * bytes are answered 413 without handle(). Returns 0, or -1 when the socket is unusable. */
struct fcgi_server {
	int listen_fd;
	size_t max_body;
	long max_requests;
	void (*handle)(const struct req *req, struct resp *resp, void *arg);
	/* After each answered request, and while there is none whenever a signal comes or a second
	 * has passed: the place to look at flags and call fcgi_stop(). May be NULL. */
	void (*idle)(void *arg);
	void *arg;
};
int fcgi_serve(struct fcgi_server *server);
/* Ends fcgi_serve() after the request at hand, at once when there is none (a second later in the
 * unlucky moment). Safe in a signal handler. Signals come in between requests only. */
void fcgi_stop(void);

#endif
