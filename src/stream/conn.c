/*
 * conn.c: see conn.h. The answer has neither a length nor chunks: it ends with the connection. A
 * connection leaves by drop() alone, at once, or by conn_end() when its last bytes have gone.
 */
#include "stream/conn.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "stream/request.h"

#define HEAD_MAX 4096      /* bytes of a request */
#define HEAD_WAIT_S 5      /* for it to come */
#define ANSWER_MAX 1024    /* bytes of ours before the events */
#define PENDING_MAX 262144 /* bytes that a client has not taken: no more until it has */
#define SPARE 256          /* connections beside the streams: those that are being refused */
#define SHORTAGE_MS 100    /* a pause when no more connections can be taken */
#define RETRY_AFTER_S 5
#define NO_MEMORY "libevent: out of memory"

enum phase { READING, STREAMING, ENDING };

struct conn {
	LIST_ENTRY(conn) next;
	struct conns *all;
	struct bufferevent *io;
	struct listener *listener; /* while STREAMING */
	enum phase phase;
};

struct conns {
	struct event_base *loop;
	struct evconnlistener *door;
	struct event *again; /* opens the door after a shortage */
	struct hub *hub;
	int max_streams, stall_s, count;
	LIST_HEAD(, conn) list;
};

/* ---- leaving ---- */

static void
drop(struct conn *c)
{
	LIST_REMOVE(c, next);
	c->all->count--;
	bufferevent_free(c->io);
	free(c);
}

/* The other side has gone, or has stalled. */
static void
lost(struct conn *c)
{
	if (c->phase == STREAMING)
		hub_leave(c->all->hub, c->listener);
	drop(c);
}

bool
conn_send(void *stream, const char *bytes, size_t len)
{
	struct conn *c = stream;
	struct evbuffer *out = bufferevent_get_output(c->io);

	if (evbuffer_add(out, bytes, len) != 0)
		log_fatal(NO_MEMORY);
	return evbuffer_get_length(out) <= PENDING_MAX;
}

void
conn_end(void *stream)
{
	struct conn *c = stream;

	c->phase = ENDING;
	c->listener = NULL;
	if (evbuffer_get_length(bufferevent_get_output(c->io)) == 0)
		drop(c);
}

/* ---- the request ---- */

static void
refuse(struct conn *c, const char *status, const char *headers, const char *detail)
{
	struct buf answer;

	buf_init(&answer, ANSWER_MAX);
	buf_printf(&answer,
	    "HTTP/1.1 %s\r\nContent-Type: application/json\r\n%sConnection: close\r\n"
	    "Content-Length: %zu\r\n\r\n{\"detail\": \"%s\"}",
	    status, headers, strlen(detail) + strlen("{\"detail\": \"\"}"), detail);
	(void)conn_send(c, answer.data, answer.len);
	buf_free(&answer);
	conn_end(c);
}

static void
refuse_full(struct conn *c)
{
	char headers[64];

	snprintf(headers, sizeof headers, "Retry-After: %d\r\n", RETRY_AFTER_S);
	refuse(c, "503 Service Unavailable", headers,
	    "too many event streams are open on this host: try again, or poll with Accept:"
	    " application/json");
}

static void
begin_stream(struct conn *c, const struct request *r)
{
	const struct timeval stall = { .tv_sec = c->all->stall_s };
	struct buf head;

	bufferevent_set_timeouts(c->io, NULL, &stall);
	buf_init(&head, ANSWER_MAX);
	buf_puts(&head, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n");
	if (r->request_id[0] != '\0')
		buf_printf(&head, "X-Request-Id: %s\r\n", r->request_id);
	buf_puts(&head, "Connection: close\r\n\r\n");
	(void)conn_send(c, head.data, head.len);
	buf_free(&head);
	c->phase = STREAMING;
	c->listener = hub_join(c->all->hub, r->call_id, r->after, c, clock_boot_us());
}

static void
on_read(struct bufferevent *io, void *arg)
{
	struct conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(io);
	struct evbuffer_ptr end;
	struct request request;
	char head[HEAD_MAX];
	int len;

	if (c->phase != READING) { /* nothing more is wanted, but the end of it must be seen */
		evbuffer_drain(in, evbuffer_get_length(in));
		return;
	}
	end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	if (end.pos < 0 && evbuffer_get_length(in) < HEAD_MAX)
		return;
	/* All of it: more than that is not read from the socket. */
	len = evbuffer_remove(in, head, sizeof head);
	if (end.pos < 0 || !request_parse(head, (size_t)len, &request))
		refuse(c, "404 Not Found", "", "Not Found");
	else if (hub_count(c->all->hub) >= c->all->max_streams)
		refuse_full(c);
	else
		begin_stream(c, &request);
}

/* All that was to be sent has gone. */
static void
on_drained(struct bufferevent *io, void *arg)
{
	struct conn *c = arg;

	(void)io;
	if (c->phase == ENDING)
		drop(c);
	else if (c->phase == STREAMING)
		hub_drained(c->all->hub, c->listener);
}

static void
on_end(struct bufferevent *io, short what, void *arg)
{
	struct conn *c = arg;

	(void)io;
	if (what & BEV_EVENT_TIMEOUT && what & BEV_EVENT_WRITING)
		log_info(
		    "a stream was dropped: its client has taken nothing for %d s", c->all->stall_s);
	lost(c);
}

/* ---- the door ---- */

static void
on_connection(
    struct evconnlistener *door, evutil_socket_t fd, struct sockaddr *from, int from_len, void *arg)
{
	const struct timeval wait = { .tv_sec = HEAD_WAIT_S };
	struct conns *all = arg;
	struct conn *c;

	(void)door;
	(void)from;
	(void)from_len;
	if (all->count >= all->max_streams + SPARE) {
		evutil_closesocket(fd);
		return;
	}
	c = mem_zalloc(1, sizeof *c);
	c->all = all;
	c->io = bufferevent_socket_new(all->loop, fd, BEV_OPT_CLOSE_ON_FREE);
	if (c->io == NULL) {
		evutil_closesocket(fd);
		free(c);
		return;
	}
	LIST_INSERT_HEAD(&all->list, c, next);
	all->count++;
	bufferevent_setcb(c->io, on_read, on_drained, on_end, c);
	bufferevent_setwatermark(c->io, EV_READ, 0, HEAD_MAX);
	bufferevent_set_timeouts(c->io, &wait, &wait);
	bufferevent_enable(c->io, EV_READ | EV_WRITE);
}

static void
on_shortage(struct evconnlistener *door, void *arg)
{
	const struct timeval pause = { .tv_usec = SHORTAGE_MS * 1000 };
	struct conns *all = arg;

	log_warning("no more connections can be taken: %s", strerror(errno));
	evconnlistener_disable(door);
	evtimer_add(all->again, &pause);
}

static void
open_again(evutil_socket_t fd, short what, void *arg)
{
	struct conns *all = arg;

	(void)fd;
	(void)what;
	if (all->door != NULL)
		evconnlistener_enable(all->door);
}

struct conns *
conns_new(struct event_base *loop, int max_streams, int stall_s)
{
	struct conns *all = mem_zalloc(1, sizeof *all);

	all->loop = loop;
	all->max_streams = max_streams;
	all->stall_s = stall_s;
	all->again = evtimer_new(loop, open_again, all);
	if (all->again == NULL)
		log_fatal(NO_MEMORY);
	LIST_INIT(&all->list);
	return all;
}

void
conns_free(struct conns *all)
{
	struct conn *c, *next;

	conns_stop_listening(all);
	for (c = LIST_FIRST(&all->list); c != NULL; c = next) {
		next = LIST_NEXT(c, next);
		lost(c);
	}
	event_free(all->again);
	free(all);
}

void
conns_set_hub(struct conns *all, struct hub *hub)
{
	all->hub = hub;
}

bool
conns_listen(struct conns *all, int listen_fd)
{
	if (evutil_make_socket_nonblocking(listen_fd) != 0)
		return false;
	all->door = evconnlistener_new(
	    all->loop, on_connection, all, LEV_OPT_CLOSE_ON_EXEC, 0, listen_fd);
	if (all->door == NULL)
		return false;
	evconnlistener_set_error_cb(all->door, on_shortage);
	return true;
}

void
conns_stop_listening(struct conns *all)
{
	if (all->door != NULL)
		evconnlistener_free(all->door);
	all->door = NULL;
}

int
conns_count(const struct conns *all)
{
	return all->count;
}
