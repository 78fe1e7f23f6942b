/*
 * link.h: one connection to a model: a WebSocket client over libwebsockets, inside the loop. Whole
 * messages come in, up to a bound; what goes out waits in a backlog, where sound that has become too
 * old is dropped and everything else is not.
 */
#ifndef VOICE_LINK_H
#define VOICE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "voice/backlog.h"

struct lws_context;

/* ---- all connections of a loop ---- */

struct links;

/* Adds what clients need to the context, which must have been made with
 * LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT. ca_file: authorities beside the system's, or NULL. NULL when it
 * cannot be done (logged). All links and alarms must be gone before the context is. */
struct links *links_new(struct lws_context *context, const char *ca_file);
void links_free(struct links *l);

/* ---- one ---- */

struct link;

struct link_setup {
	struct links *links;
	const char *url;             /* ws:// or wss://, with path and query */
	const char *header;          /* of the upgrade: lower case, with its colon; or NULL */
	const char *scheme, *secret; /* its value is the two together; all are copied */
	size_t message_max;          /* bytes of a message that comes in */
};

/* How a connection ended. */
struct link_end {
	int status;      /* of HTTP, when the upgrade was refused; else 0 */
	int code;        /* of the other side's close frame (RFC 6455), 1006 when there was none */
	char error[256]; /* for the operator, never empty: what happened, with the above */
};

/* All may call link_close(). Nothing is told from within link_open(), nothing after link_close(). */
struct link_told {
	void (*opened)(void *arg);
	/* A message, of text or bytes. It may be written to. */
	void (*message)(void *arg, char *bytes, size_t len);
	/* Once, at last: only link_close() is left to be called. */
	void (*ended)(void *arg, const struct link_end *end);
};

/* Never NULL. told outlives it. */
struct link *link_open(const struct link_setup *setup, const struct link_told *told, void *arg);
/* Sends a message, or queues it: before it is open as well. Words that do not fit end the connection. */
void link_send(struct link *l, enum backlog_kind kind, const char *bytes, size_t len);
/* Bytes of messages that were dropped so far. */
int64_t link_dropped(const struct link *l);
/* Frees it; a connection that stands is closed with 1000 behind it. NULL is none. */
void link_close(struct link *l);

/* ---- a timer of the loop ---- */

struct alarm;

/* ring(arg) is called from the loop once the time that was set has come. */
struct alarm *alarm_new(struct links *l, void (*ring)(void *arg), void *arg);
/* Sets it anew; 0 calls it off. */
void alarm_set(struct alarm *a, int64_t ms);
/* NULL is none; may be called from ring(). */
void alarm_free(struct alarm *a);

#endif
