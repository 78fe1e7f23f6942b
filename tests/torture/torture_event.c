/* torture_event.c: libevent, which runs out of memory. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stddef.h>

#include "torture/wrap.h"

FAILS(struct event_base *, event_base_new, (void), (), NULL, ENOMEM)
FAILS(int, event_base_dispatch, (struct event_base * base), (base), -1, ENOMEM)
FAILS(struct event *, event_new,
    (struct event_base * base, evutil_socket_t fd, short what, event_callback_fn done, void *arg),
    (base, fd, what, done, arg), NULL, ENOMEM)
FAILS(
    int, event_add, (struct event * event, const struct timeval *limit), (event, limit), -1, ENOMEM)
FAILS(int, evbuffer_add, (struct evbuffer * to, const void *from, size_t size), (to, from, size),
    -1, ENOMEM)
FAILS(struct bufferevent *, bufferevent_socket_new,
    (struct event_base * base, evutil_socket_t fd, int options), (base, fd, options), NULL, ENOMEM)
FAILS(struct evconnlistener *, evconnlistener_new,
    (struct event_base * base, evconnlistener_cb taken, void *arg, unsigned flags, int backlog,
	evutil_socket_t fd),
    (base, taken, arg, flags, backlog, fd), NULL, ENOMEM)
