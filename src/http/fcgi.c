/*
 * fcgi.c: see fcgi.h. libfcgi is given connections that we accepted ourselves. Its own accept
 * cannot bound the reading of a request (a peer that stops in the middle of a header would hold
 * the worker for ever), loses a signal that comes just before it, and polls twice a request for
 * cases that do not occur here. accept() blocks rather than poll(), so that the kernel wakes one
 * worker for a connection and not all of them.
 *
 * FCGX_Detach() makes the library close a connection at once, without lingering for a peer that
 * has nothing more to say: the body has been read to its end by then.
 */
#include "http/fcgi.h"

#include <errno.h>
#include <fcgiapp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define IDLE_WAIT_S 1 /* accept() returns this often to look at the flag */
#define PEER_WAIT_S 5 /* nginx has the whole request before it connects */
#define SHORTAGE_WAIT_MS 20
#define DISCARD_MAX ((size_t)64 << 20)

static volatile sig_atomic_t stopping;

/* One worker's loop. */
struct loop {
	struct fcgi_server *server;
	FCGX_Request request;
	struct arena *arena;
	struct resp resp;
	sigset_t outside; /* the caller's signal mask: in force between requests */
	sigset_t inside;  /* while a request is at hand: an interrupted read would cost it */
};

void
fcgi_stop(void)
{
	stopping = 1;
}

static bool
set_timeout(int fd, int option, int seconds)
{
	const struct timeval wait = { .tv_sec = seconds };

	return setsockopt(fd, SOL_SOCKET, option, &wait, sizeof(wait)) == 0;
}

static bool
passing_error(int error)
{
	switch (error) {
	case EAGAIN:
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case EMFILE: /* another fd may be free in a moment */
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return true;
	default:
		return false;
	}
}

/* The next connection; -1 with errno when none waits. */
static int
accept_one(struct loop *loop)
{
	int fd = -1, error = EINTR;

	(void)pthread_sigmask(SIG_SETMASK, &loop->outside, NULL);
	if (!stopping) {
		fd = accept4(loop->server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		error = errno;
	}
	(void)pthread_sigmask(SIG_SETMASK, &loop->inside, NULL);
	if (fd >= 0 &&
	    (!set_timeout(fd, SO_RCVTIMEO, PEER_WAIT_S) ||
		!set_timeout(fd, SO_SNDTIMEO, PEER_WAIT_S))) {
		error = errno;
		(void)close(fd);
		fd = -1;
	}
	errno = error;
	return fd;
}

/* Lets libfcgi read the parameters of a request from the connection, which is its own from here
 * on. False when what came was no request: the connection is closed then. */
static bool
begin(struct loop *loop, int fd)
{
	FCGX_Request *request = &loop->request;

	/* No socket to listen on: FCGX_Accept_r() gives up after a bad connection. A connection that
	 * is "kept" is one that it reads from without accepting. */
	(void)FCGX_InitRequest(request, -1, 0);
	request->ipcFd = fd;
	request->keepConnection = 1;
	(void)FCGX_Detach(request);
	if (FCGX_Accept_r(request) != 0)
		return false;
	request->keepConnection = 0; /* whatever the peer asked for */
	return true;
}

/* ---- the request ---- */

/* Reads and drops what the peer still sends, so that it gets to read our answer. */
static void
discard(FCGX_Stream *in)
{
	char trash[8192];
	size_t total = 0;
	int n;

	while (total < DISCARD_MAX && (n = FCGX_GetStr(trash, sizeof(trash), in)) > 0)
		total += (size_t)n;
}

static void
refuse_large(struct resp *resp, size_t max)
{
	if (max % (1u << 20) == 0)
		resp_detail(resp, 413, "Request body is larger than %zu MiB", max >> 20);
	else
		resp_detail(resp, 413, "Request body is larger than %zu bytes", max);
}

/* Reads the body, CONTENT_LENGTH bytes and not one more; NULL when an error has been answered. */
static char *
read_body(struct loop *loop, size_t *len)
{
	const char *announced = FCGX_GetParam("CONTENT_LENGTH", loop->request.envp);
	size_t max = loop->server->max_body;
	int64_t want = 0;
	char *body;
	int got;

	if (announced != NULL && *announced != '\0' && !str_int64(announced, 0, INT64_MAX, &want)) {
		discard(loop->request.in);
		resp_detail(&loop->resp, 400, "Content-Length is malformed");
		return NULL;
	}
	if ((uint64_t)want > max || want >= INT32_MAX) {
		discard(loop->request.in);
		refuse_large(&loop->resp, max);
		return NULL;
	}
	/* One byte more than announced: to see the end of the stream, and that there is one. */
	body = arena_alloc(loop->arena, (size_t)want + 2);
	got = FCGX_GetStr(body, (int)want + 1, loop->request.in);
	if (got != want) {
		discard(loop->request.in);
		resp_detail(&loop->resp, 400, "The request body is not as long as announced");
		return NULL;
	}
	body[want] = '\0';
	*len = (size_t)want;
	return body;
}

/* ---- the answer ---- */

static const char *
reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} table[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 206, "Partial Content" },
		{ 302, "Found" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 402, "Payment Required" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" },
		{ 500, "Internal Server Error" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].status == status)
			return table[i].text;
	}
	return "Unknown";
}

/* Whether nginx is to answer with a file: then the length is the file's. */
static bool
redirects_inside(const struct resp *resp)
{
	return strcasestr(resp->headers.data, "X-Accel-Redirect: ") != NULL;
}

/* The header block in front of the body. */
static void
write_headers(const struct req *req, const struct resp *resp, struct buf *out)
{
	buf_printf(out,
	    "Status: %d %s\r\n"
	    "X-Request-Id: %s\r\n"
	    "Cache-Control: no-store\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "Strict-Transport-Security: max-age=63072000\r\n",
	    resp->status, reason(resp->status), req->request_id);
	buf_add(out, resp->headers.data, resp->headers.len);
	if (!redirects_inside(resp) && resp->status != 204 && resp->status != 304)
		buf_printf(out, "Content-Length: %zu\r\n", resp->body.len);
	buf_puts(out, "\r\n");
}

/* libfcgi's buffer holds 8 KiB, so that a usual answer leaves in the one write of its end. */
static void
answer(struct loop *loop, const struct req *req)
{
	struct resp *resp = &loop->resp;
	struct buf head;

	if (resp->status == 0 || buf_failed(&resp->headers) || buf_failed(&resp->body)) {
		log_error("%s %s: the answer was %s", req->method, req->path,
		    resp->status == 0 ? "never given" : "too long");
		resp_clear(resp);
		resp_detail(resp, 500, "Internal Server Error");
	}
	buf_init(&head, 32768);
	write_headers(req, resp, &head);
	(void)FCGX_PutStr(head.data, (int)head.len, loop->request.out);
	if (strcmp(req->method, "HEAD") != 0)
		(void)FCGX_PutStr(resp->body.data, (int)resp->body.len, loop->request.out);
	buf_free(&head);
}

static void
serve_one(struct loop *loop)
{
	struct req req;
	const char *why;
	size_t body_len = 0;
	bool sound;
	char *body;

	arena_reset(loop->arena);
	resp_clear(&loop->resp);
	body = read_body(loop, &body_len);
	sound = req_init(
	    &req, loop->arena, loop->request.envp, body != NULL ? body : "", body_len, &why);
	log_about(req.request_id);
	if (body != NULL && sound)
		loop->server->handle(&req, &loop->resp, loop->server->arg);
	else if (body != NULL)
		resp_detail(&loop->resp, 400, "%s", why);
	answer(loop, &req);
	FCGX_Finish_r(&loop->request);
	log_about(NULL);
}

/* ---- the loop ---- */

/* FCGX_Init() puts its own handlers where ours are the default or "ignore". */
static bool
init_library(void)
{
	static const int signals[] = { SIGPIPE, SIGUSR1, SIGTERM };
	struct sigaction ours[3];
	bool ok;

	for (int i = 0; i < 3; i++)
		(void)sigaction(signals[i], NULL, &ours[i]);
	ok = FCGX_Init() == 0;
	for (int i = 0; i < 3; i++)
		(void)sigaction(signals[i], &ours[i], NULL);
	return ok;
}

static void
block_signals(struct loop *loop)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD,
		SIGALRM };

	(void)pthread_sigmask(SIG_SETMASK, NULL, &loop->outside);
	loop->inside = loop->outside;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaddset(&loop->inside, signals[i]);
	(void)pthread_sigmask(SIG_SETMASK, &loop->inside, NULL);
}

static void
idle(const struct loop *loop)
{
	if (loop->server->idle != NULL)
		loop->server->idle(loop->server->arg);
}

static int
serve_all(struct loop *loop)
{
	long answered = 0;

	while (!stopping) {
		int fd = accept_one(loop);

		if (fd < 0 && !passing_error(errno)) {
			log_error("accept: %s", strerror(errno));
			return -1;
		}
		if (fd < 0 && errno != EAGAIN && errno != EINTR)
			clock_sleep_ms(SHORTAGE_WAIT_MS);
		if (fd >= 0 && begin(loop, fd)) {
			serve_one(loop);
			answered++;
		}
		idle(loop);
		if (loop->server->max_requests > 0 && answered >= loop->server->max_requests)
			return 0;
	}
	return 0;
}

int
fcgi_serve(struct fcgi_server *server)
{
	struct loop loop = { .server = server };
	int rc;

	if (!init_library() || !set_timeout(server->listen_fd, SO_RCVTIMEO, IDLE_WAIT_S)) {
		log_error("the FastCGI socket cannot be used: %s", strerror(errno));
		return -1;
	}
	loop.arena = arena_new();
	resp_init(&loop.resp);
	block_signals(&loop);
	rc = serve_all(&loop);
	(void)pthread_sigmask(SIG_SETMASK, &loop.outside, NULL);
	resp_free(&loop.resp);
	arena_free(loop.arena);
	return rc;
}
