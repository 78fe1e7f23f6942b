/*
 * socket.h: the inside of the carrier's sockets, for the files that they are made of alone: carrier.c (the
 * socket and its states), carrier_desk.c (what the database says of its call).
 */
#ifndef VOICE_SOCKET_H
#define VOICE_SOCKET_H

#include <sys/queue.h>

#include "base/buf.h"
#include "base/id.h"
#include "voice/carrier.h"
#include "voice/records.h"
#include "voice/session.h"

struct lws;

enum socket_state {
	CONNECTING, /* until "start" */
	ASKING,     /* the database is asked about the token */
	LIVE,       /* there is a session */
	REPORTING,  /* the session is over; the database takes it in */
	CLOSING,
	GONE /* the socket is; the session's ears still tell the last words */
};

struct socket {
	LIST_ENTRY(socket) next;
	struct sockets *all;
	struct lws *wsi;
	uint64_t number;
	enum socket_state state;
	int64_t since; /* that state */
	char call_id[ID_SIZE];
	char stream_sid[40], call_sid[40];
	struct buf in, out;
	int unused;
	int close_code;
	bool close_sent;
	struct session *session;
	struct records records;
};

struct sockets {
	const struct sockets_env *env;
	LIST_HEAD(, socket) list;
	int count;
	uint64_t last_number;
	int64_t news_at;
	bool news_asked;
	bool ending; /* the loop is over: nobody lingers */
};

void socket_turn_to(struct socket *s, enum socket_state state);
/* Closes it with this code of RFC 6455. */
void socket_close_soon(struct socket *s, int code);
/* It breaks a rule, which is logged. */
void socket_refuse(struct socket *s, const char *why);

/* Asks what is new of all calls that talk, now and then. */
void sockets_ask(struct sockets *all, int64_t now);

#endif
