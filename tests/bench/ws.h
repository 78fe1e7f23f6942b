/*
 * ws.h: WebSockets of a load generator, both ends: text messages alone, none in fragments. Whatever is wrong
 * ends the program.
 */
#ifndef BENCH_WS_H
#define BENCH_WS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WS_ROOM 16384

struct ws {
	int fd; /* -1: it is closed */
	SSL *ssl;
	bool client, open;
	size_t len;
	char in[WS_ROOM + 1]; /* what has come and was not taken yet */
	long jammed;          /* messages that the other side did not take in time */
};

/* Connects to "unix:PATH" or "tls:PORT:CA_FILE" and asks for an upgrade with these headers, each with its end
 * of line. */
struct ws *ws_connect(const char *where, const char *path, const char *headers);
/* A socket at this port of loopback. */
int ws_listen(int port);
/* Somebody has connected to us. */
struct ws *ws_accept(int fd);
/* Reads what there is; message(arg, …) is called for each text, which ends in a zero. False once it is closed. */
bool ws_read(struct ws *w, void (*message)(void *arg, char *text, size_t len), void *arg);
/* Sends a text; what does not fit into the kernel's buffer is not sent. */
void ws_say(struct ws *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
