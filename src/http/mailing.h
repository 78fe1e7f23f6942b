/*
 * mailing.h: a mail on its way, a part of http/fetch.c, whose use of libcurl it shares. libcurl makes the
 * connection, with TLS and login, and hands it over (CONNECT_ONLY); the rest is http/smtp.c. libcurl's own
 * way of sending a mail waits for the last reply, and for that to QUIT, inside curl_multi_perform(): a mail
 * server could hold up everything else in the pool for minutes.
 */
#ifndef HTTP_MAILING_H
#define HTTP_MAILING_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "http/fetch.h"
#include "http/smtp.h"

struct mailing {
	CURL *easy;            /* borrowed, as f is */
	const struct fetch *f; /* of which the mail is the one here */
	struct fetch_mail mail;
	size_t greeted_bytes; /* what the server said before the connection was ours */
	bool too_long;        /* that was too much */
	bool logged_in;
	bool ours;  /* the connection is */
	bool ended; /* there is nothing more to do; what came of it: */
	CURLcode code;
	const char *unfit; /* why libcurl is never to have it; NULL: it may */
	curl_socket_t socket;
	struct smtp smtp;
};

/* Of the request f, whose mail is copied into the arena and replaced; what is unfit has ended already. */
struct mailing *mailing_new(struct arena *a, struct fetch *f);
/* The options of a handle that has all those which HTTP shares. */
void mailing_set(struct mailing *m, CURL *easy);
/* libcurl has done its part. */
void mailing_begin(struct mailing *m, struct arena *a);
/* Says and hears what can be now. */
void mailing_go_on(struct mailing *m);
/* What is to be waited for while the connection is ours. */
struct curl_waitfd mailing_wait(const struct mailing *m);
/* How it ended (by libcurl, or by mailing_go_on(), with that code): sets end, status, stage, and fault and
 * error where they are of mails alone. */
void mailing_conclude(struct mailing *m, CURLcode code, struct fetch_result *result);

#endif
