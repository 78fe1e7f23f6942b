/*
 * listeners.h: those who listen to the calls of a loop: nginx's connections to its door (door.h), each a request
 * for the sound of one call, answered by a WAV file that grows until the talk is over. A worker of offhook-api has
 * checked who may; nothing that a client sent comes here.
 */
#ifndef VOICE_LISTENERS_H
#define VOICE_LISTENERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "voice/carrier.h"

#define LISTENERS_MAX 100 /* of a loop */
#define LISTENERS_REQUEST_ID_MAX 64

struct lws_vhost;
struct lws_protocols;
struct listeners;

/* sockets outlives it. */
struct listeners *listeners_new(struct sockets *sockets);
/* All connections must be closed. */
void listeners_free(struct listeners *all);

/* Their protocol for libwebsockets, of this name: its user is the struct listeners. */
#define LISTENERS_PROTOCOL "listen"
void listeners_protocol(struct listeners *all, struct lws_protocols *protocol);
/* Takes a connection that was accepted, or closes it. */
void listeners_adopt(struct listeners *all, struct lws_vhost *vhost, int fd);

/* To be called every 20 ms or so. */
void listeners_tick(struct listeners *all, int64_t now);

/* What nginx asks for. */
struct listener_request {
	char call_id[ID_SIZE];
	unsigned rate;                                 /* WAV_RATE or WAV_RATE_BROWSER (wav.h) */
	char request_id[LISTENERS_REQUEST_ID_MAX + 1]; /* for X-Request-Id; "" when there is none */
};
/* Reads the head of a request, which ends with a zero:
 *     GET /_listen/{call_id}?rate=N&request=ID HTTP/1.1
 * False when it is anything else. */
bool listener_request_read(const char *head, struct listener_request *r);

#endif
