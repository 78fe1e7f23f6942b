/*
 * server.c: libmicrohttpd with one thread of its own. Reads requests, checks credentials, finds
 * the route, sends the answer with the carrier's headers, late when --latency-ms says so.
 *
 * A connection that waits (for its late answer, or for a recording being made) is suspended. All
 * of them must be resumed before the daemon may be stopped, and none suspended after that: hence
 * server_release(), which takes the delays back and lets no new ones begin.
 */
#include "sim/server.h"

#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/mem.h"
#include "sim/ask.h"
#include "sim/attempts.h"
#include "sim/rest_calls.h"
#include "sim/rest_recordings.h"
#include "sim/rest_sim.h"
#include "sim/settings.h"
#include "sim/timer.h"

#define CONNECTIONS_MAX 8192
#define IDLE_S 75
#define BACKLOG 4096
#define API "/2010-04-01"

static struct MHD_Daemon *daemon_;
static atomic_int under_way;
static TAILQ_HEAD(, ask) delayed = TAILQ_HEAD_INITIALIZER(delayed); /* the world lock's */
static bool released;                                               /* the world lock's */

static const struct route *const tables[] = { rest_calls_routes, rest_recordings_routes,
	rest_sim_routes };
#define TABLES (sizeof(tables) / sizeof(tables[0]))

/* --- routes --- */

/* Takes the letters and digits at *path into name. */
static bool
take_name(const char **path, char name[ASK_NAME_SIZE])
{
	size_t n = strspn(*path, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

	if (n == 0 || n >= ASK_NAME_SIZE)
		return false;
	memcpy(name, *path, n);
	name[n] = '\0';
	*path += n;
	return true;
}

static bool
path_fits(const char *pattern, const char *path, struct ask *a)
{
	int names = 0;

	while (*pattern != '\0') {
		if (str_starts(pattern, "{}")) {
			if (names == ASK_NAMES_MAX || !take_name(&path, a->names[names++]))
				return false;
			pattern += 2;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return *path == '\0';
}

static bool
method_fits(const char *wanted, const char *method)
{
	return strcmp(wanted, method) == 0 ||
	    (strcmp(wanted, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

/* The handler for this request, or NULL when it has been answered. */
static void (*find_handler(struct ask *a))(struct ask *)
{
	bool path_known = false;

	for (size_t t = 0; t < TABLES; t++)
		for (const struct route *r = tables[t]; r->path != NULL; r++) {
			if (!path_fits(r->path, a->path, a))
				continue;
			if (method_fits(r->method, a->method))
				return r->handle;
			path_known = true;
		}
	if (path_known)
		answer_error(a, 405, 20004, "Method not allowed");
	else
		answer_not_found(a);
	return NULL;
}

/* --- credentials --- */

static bool
authenticated(const struct ask *a)
{
	const char *header = MHD_lookup_connection_value(a->conn, MHD_HEADER_KIND, "Authorization");
	char plain[512], *colon;
	int len;

	if (header == NULL || strncasecmp(header, "Basic ", 6) != 0)
		return false;
	len = digest_unbase64(header + 6, (uint8_t *)plain, sizeof(plain) - 1);
	if (len < 0)
		return false;
	plain[len] = '\0';
	colon = strchr(plain, ':');
	if (strlen(plain) != (size_t)len || colon == NULL)
		return false;
	*colon = '\0';
	return settings_credentials_ok(plain, colon + 1);
}

static void
dispatch(struct ask *a)
{
	bool api = str_starts(a->path, API "/") || strcmp(a->path, API) == 0;
	void (*handle)(struct ask *);

	if (api && !authenticated(a)) {
		answer_error(a, 401, 20003, "Authenticate");
		return;
	}
	if (buf_failed(&a->body)) {
		answer_error(a, 413, 20422, "The body is too large");
		return;
	}
	handle = find_handler(a);
	if (handle == NULL)
		return;
	if (api && strcmp(a->names[0], settings()->account_sid) != 0)
		answer_not_found(a);
	else
		handle(a);
}

/* Every POST that looks like a dial is counted, whatever came of it. */
static void
note_attempt(const struct ask *a)
{
	if (strcmp(a->method, "POST") == 0 && str_starts(a->path, API) &&
	    str_ends(a->path, "/Calls.json"))
		attempts_add(a->arrival, a->to, a->dropped ? 0 : a->status);
}

/* --- answers --- */

static void
resume(void *owner)
{
	struct ask *a = owner;

	TAILQ_REMOVE(&delayed, a, delayed);
	MHD_resume_connection(a->conn);
}

/* Suspends the connection until the artificial latency is over. False: there is none. */
static bool
delay(struct ask *a)
{
	bool waits;

	if (settings()->latency_ms == 0)
		return false;
	world_lock();
	waits = !released;
	if (waits) {
		MHD_suspend_connection(a->conn);
		TAILQ_INSERT_TAIL(&delayed, a, delayed);
		timer_arm_in(&a->delay, settings()->latency_ms, resume, a);
	}
	world_unlock();
	return waits;
}

static enum MHD_Result
send_answer(struct ask *a)
{
	enum MHD_Result result;
	char text[48], hex[33];
	uint8_t id[16];

	if (a->response == NULL)
		return MHD_NO;
	digest_random(id, sizeof(id));
	digest_hex(id, sizeof(id), hex);
	snprintf(text, sizeof(text), "RQ%s", hex);
	MHD_add_response_header(a->response, "Twilio-Request-Id", text);
	snprintf(text, sizeof(text), "%.3f", (double)(timer_now_us() - a->began_us) / 1e6);
	MHD_add_response_header(a->response, "Twilio-Request-Duration", text);
	snprintf(text, sizeof(text), "%d", atomic_load(&under_way));
	MHD_add_response_header(a->response, "Twilio-Concurrent-Requests", text);
	MHD_add_response_header(a->response, "X-Home-Region", "us1");
	MHD_add_response_header(a->response, "X-Api-Domain", "api.twilio.com");
	result = MHD_queue_response(a->conn, (unsigned)a->status, a->response);
	MHD_destroy_response(a->response);
	a->response = NULL;
	return result;
}

/* --- libmicrohttpd's callbacks --- */

static struct ask *
new_ask(struct MHD_Connection *conn, const char *method)
{
	struct ask *a = mem_zalloc(1, sizeof(*a));

	a->conn = conn;
	a->method = method;
	a->began_us = timer_now_us();
	buf_init(&a->body, ASK_BODY_MAX);
	atomic_fetch_add(&under_way, 1);
	return a;
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *conn, const char *url, const char *method,
    const char *version, const char *bytes, size_t *len, void **state)
{
	struct ask *a = *state;

	(void)arg, (void)version;
	if (a == NULL) {
		*state = new_ask(conn, method);
		return MHD_YES;
	}
	if (*len > 0) {
		buf_add(&a->body, bytes, *len);
		*len = 0;
		return MHD_YES;
	}
	if (!a->handled) {
		a->handled = true;
		a->path = url;
		a->arrival = (struct arrival){ clock_wall_us(), timer_now_us() };
		dispatch(a);
		note_attempt(a);
		if (a->waiting || delay(a))
			return MHD_YES;
	}
	if (a->waiting) {
		a->waiting = false;
		rest_recordings_resumed(a);
	}
	return a->dropped ? MHD_NO : send_answer(a);
}

static void
on_completed(
    void *arg, struct MHD_Connection *conn, void **state, enum MHD_RequestTerminationCode why)
{
	struct ask *a = *state;

	(void)arg, (void)conn, (void)why;
	if (a == NULL)
		return;
	*state = NULL;
	if (a->response != NULL)
		MHD_destroy_response(a->response);
	buf_free(&a->body);
	sound_free(&a->media.sound);
	free(a);
	atomic_fetch_sub(&under_way, 1);
}

/* --- open and close --- */

static struct addrinfo *
resolve(void)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
	struct addrinfo *found;
	char port[8];
	int error;

	snprintf(port, sizeof(port), "%u", settings()->listen_port);
	error = getaddrinfo(settings()->listen_host, port, &hints, &found);
	if (error != 0)
		log_fatal("--listen: %s", gai_strerror(error));
	return found;
}

/* A listening socket. Its port is known before the first request can arrive. */
static int
listen_socket(void)
{
	struct addrinfo *address = resolve();
	struct sockaddr_storage bound;
	socklen_t len = sizeof(bound);
	char port[8];
	int fd, on = 1;

	fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0 ||
	    getsockname(fd, (struct sockaddr *)&bound, &len) != 0)
		log_fatal("cannot listen on %s port %u: %s", settings()->listen_host,
		    settings()->listen_port, strerror(errno));
	freeaddrinfo(address);
	if (getnameinfo(
		(struct sockaddr *)&bound, len, NULL, 0, port, sizeof(port), NI_NUMERICSERV) != 0)
		log_fatal("the port of the socket is unknown");
	settings_set_port((uint16_t)strtoul(port, NULL, 10));
	return fd;
}

void
server_open(void)
{
	int fd = listen_socket();

	daemon_ = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0,
	    NULL, NULL, on_request, NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED,
	    on_completed, NULL, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_END);
	if (daemon_ == NULL)
		log_fatal("the HTTP server does not start: %s", strerror(errno));
	log_info("listening on %s", settings()->base_url);
}

void
server_release(void)
{
	struct ask *a;

	world_lock();
	released = true;
	while ((a = TAILQ_FIRST(&delayed)) != NULL) {
		timer_disarm(&a->delay);
		resume(a);
	}
	world_unlock();
}

void
server_close(void)
{
	MHD_stop_daemon(daemon_);
}
