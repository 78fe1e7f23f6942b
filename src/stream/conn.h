/*
 * conn.h: the connections from nginx, one a stream: each reads one request, is bounded in what it
 * holds and in how long it may stall, and hurts no other. Runs on a libevent loop.
 */
#ifndef STREAM_CONN_H
#define STREAM_CONN_H

#include <stdbool.h>
#include <stddef.h>

#include "stream/hub.h"

struct event_base;
struct conns;

/* max_streams: more are answered 503. stall_s: a client that takes nothing for so long is dropped.
 * The loop is borrowed. */
struct conns *conns_new(struct event_base *loop, int max_streams, int stall_s);
/* Closes what is left. */
void conns_free(struct conns *c);
/* The hub that streams join; must be set before the loop runs. */
void conns_set_hub(struct conns *c, struct hub *hub);
/* Takes connections from a listening socket (borrowed). False when it cannot. */
bool conns_listen(struct conns *c, int listen_fd);
/* No new ones from now on. */
void conns_stop_listening(struct conns *c);
int conns_count(const struct conns *c);

/* For hub_ops: stream is a connection. */
bool conn_send(void *stream, const char *bytes, size_t len);
void conn_end(void *stream);

#endif
