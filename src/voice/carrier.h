/*
 * carrier.h: the carrier's sockets of a loop, each a call's media stream: the check of the handshake, the
 * token, messages in and out. Behind each stands a session. Bounded both ways; a socket that breaks a rule is
 * closed and hurts no other.
 */
#ifndef VOICE_CARRIER_H
#define VOICE_CARRIER_H

#include <stdbool.h>
#include <stdint.h>

#include "voice/desk.h"
#include "voice/engine.h"

struct lws_vhost;
struct lws_protocols;
struct sockets;
struct ears_setup; /* voice/ears.h */
struct tap;        /* voice/tap.h */

struct sockets_env {
	const char *public_url;    /* https://… */
	const char *carrier_token; /* signs the handshake */
	const char *account_sid;
	int64_t max_talk_s, hold_s; /* see session.h */
	int most;                   /* sockets at once */
	const struct engine_kind *kind;
	const struct engine_env *engine;
	const struct ears_setup *ears; /* without a language; or NULL */
	struct desk *desk;
	const char *host, *door; /* where listeners come; both NULL: nowhere */
};

/* env outlives it. */
struct sockets *sockets_new(const struct sockets_env *env);
/* The loop is over: what its sockets have left behind is dropped, and nothing more is. To be called while the
 * library still runs. */
void sockets_end(struct sockets *all);
/* All sockets must be closed. */
void sockets_free(struct sockets *all);

/* The protocol of the sockets for libwebsockets: its user is the struct sockets. */
void sockets_protocol(struct sockets *all, struct lws_protocols *protocol);
/* Takes a connection that was accepted; false when there are too many (it is closed). */
bool sockets_adopt(struct sockets *all, struct lws_vhost *vhost, int fd);

/* To be called every 20 ms or so. */
void sockets_tick(struct sockets *all, int64_t now);
/* What the database has answered (borrowed). */
void sockets_answer(struct sockets *all, const struct desk_answer *answer, int64_t now);

/* The tap of a call that talks (see session_tap()), or NULL. */
struct tap *sockets_tap(struct sockets *all, const char *call_id, int64_t now);

int sockets_count(const struct sockets *all);

#endif
