/*
 * webhook.h: a customer's endpoint: one message, signed by the Standard Webhooks scheme, and what its
 * answer means. No database.
 */
#ifndef REMOTE_WEBHOOK_H
#define REMOTE_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "http/fetch.h"

#define WEBHOOK_SIGNATURE_SIZE 48 /* v1, + 44 characters, zero */
#define WEBHOOK_ANSWER_MAX 4000   /* characters */

/* What is sent. Texts are borrowed. */
struct webhook_message {
	const char *id; /* the webhook-id: the same at every try */
	const char *url;
	const char *secret, *old_secret; /* or NULL: not signed; old_secret signs too, or NULL */
	const char *body;
	const char *content_type;
	const char *ca_file; /* or NULL */
	bool anywhere;       /* webhooks.allow_private_networks */
};

/* The signature "v1,…" of a message at that time (seconds since 1970). False when the secret is none. */
bool webhook_sign(const char *secret, const char *id, int64_t now_s, const char *body,
    char out[WEBHOOK_SIGNATURE_SIZE]);

/* Makes the request, in the arena. NULL, or a sentence why there is none to make. */
const char *webhook_request(
    struct arena *a, const struct webhook_message *m, int64_t now_s, struct fetch *f);

/* What came of it, in the arena where it is made. */
struct webhook_answer {
	const char *error;     /* NULL: delivered; else a sentence for the customer */
	long status;           /* 0 when there was no answer */
	int64_t retry_after_s; /* asked for by the receiver; 0: not */
	const char *answer;    /* to an ask_user, when the reply held a good one; else NULL */
	const char *mode;      /* voice or context */
};

/* question: the message was an ask_user, so that the reply to it may hold the answer. */
void webhook_read(
    struct arena *a, const struct fetch_result *result, bool question, struct webhook_answer *out);

#endif
