/*
 * link.h: one connection to a model: a WebSocket client over libwebsockets, inside the loop. Whole
 * messages come in, up to a bound; what goes out waits in a queue with a bound, where sound that has
 * become too old is dropped and everything else is not.
 */
#ifndef VOICE_LINK_H
#define VOICE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lws_context;

/* ---- all connections of a loop ---- */

struct links;

/* Adds what clients need to the context, which must have been made with
 * LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT. ca_file: the only authorities, or NULL for the system's. NULL
 * when that file cannot be used (logged). Goes with the context: all links must be closed before. */
struct links *links_new(struct lws_context *context, const char *ca_file);
void links_free(struct links *l);

/* ---- one ---- */

struct link;

struct link_setup {
	struct links *links;
	const char *url;          /* ws:// or wss://, with path and query */
	const char *header;       /* e.g. "authorization:", as libwebsockets has names; or NULL */
	const char *header_value; /* a secret; copied */
	size_t message_max;       /* bytes of a message that comes in */
	int64_t sound_age_ms;     /* sound older than that is not sent any more */
};

/* How a connection ended. */
struct link_end {
	int status;       /* of HTTP, when the upgrade was refused; else 0 */
	int code;         /* of the close frame (RFC 6455), 1006 when there was none */
	char reason[124]; /* from the other side: printable ASCII, may be empty */
	char error
	    [160]; /* a sentence for the operator, never empty: what happened, with the above */
};

/* All may call link_close(). Nothing is told from within link_open(), nothing after link_close(). */
struct link_told {
	void (*opened)(void *arg);
	/* The message is followed by a zero byte, and may be written to. */
	void (*message)(void *arg, char *text, size_t len);
	/* Once, at last: only link_close() is left to be called. */
	void (*ended)(void *arg, const struct link_end *end);
};

enum link_kind {
	LINK_WORDS, /* a text message that must arrive */
	LINK_SOUND, /* a text message that may be dropped by age */
	LINK_BYTES  /* a binary message that may be dropped by age */
};

/* Never NULL. */
struct link *link_open(const struct link_setup *setup, const struct link_told *told, void *arg);
/* Queues a message, before it is open as well. Words that do not fit end the connection. */
void link_send(struct link *l, enum link_kind kind, const char *bytes, size_t len);
/* Milliseconds of the oldest thing that waits to be sent, 0 when nothing does. */
int64_t link_late_ms(const struct link *l);
/* Frees it; a connection that stands is closed with 1000 behind it. */
void link_close(struct link *l);

/* ---- a timer of the loop ---- */

struct alarm;
/* ring(arg) is called from the loop once a set time has come; alarm_set(a, 0) calls it off. */
struct alarm *alarm_new(struct links *l, void (*ring)(void *arg), void *arg);
void alarm_set(struct alarm *a, int64_t ms);
void alarm_free(struct alarm *a);

#endif
