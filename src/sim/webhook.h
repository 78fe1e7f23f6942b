/*
 * webhook.h: requests from the simulator to its customer: TwiML fetches and callbacks, signed,
 * with the carrier's limits on time, size, redirects and retries.
 *
 * The engine's thread alone talks to libcurl. Others hand requests over under the world lock.
 */
#ifndef SIM_WEBHOOK_H
#define SIM_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/form.h"

#define WEBHOOK_BODY_MAX (64 * 1024)
#define WEBHOOK_SID_SIZE 35

/* What came of a request; everything is gone when the callback returns. */
struct webhook_answer {
	int code;        /* 0, or the carrier's code of what went wrong: 11200, 11205, … */
	long status;     /* HTTP, 0 when there was none */
	const char *url; /* that was asked last, after redirects */
	const char *content_type; /* NULL: there was no such header */
	const char *body;
	size_t len;
};

struct webhook {
	const char *url;            /* copied; its fragment holds overrides */
	bool get;                   /* the form travels in the query instead of the body */
	struct form *form;          /* taken over */
	int delay_ms;               /* before it is sent */
	char sid[WEBHOOK_SID_SIZE]; /* whom it is about, given back to done() */
	unsigned tag;
	/* Called once with the world lock held, or NULL. */
	void (*done)(const char *sid, unsigned tag, const struct webhook_answer *answer);
};

/* Sends, now or later; never waits. The world lock is held. */
void webhook_send(const struct webhook *w);

/* For the engine's thread; the lock is not held. */
void webhook_open(void);
void webhook_start_waiting(void);
void webhook_perform(void);
/* Sleeps until something arrives, webhook_wake() is called, or at most timeout_ms. */
void webhook_wait(int timeout_ms);
void webhook_close(void);

/* Ends webhook_wait(); any thread. */
void webhook_wake(void);
/* True while requests wait for their turn and there is room for them. The lock is held. */
bool webhook_has_work(void);

#endif
