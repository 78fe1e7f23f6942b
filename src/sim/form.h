/*
 * form.h: the names and values of one outgoing request, how they look on the wire, and the
 * signature over them (X-Twilio-Signature, carrier facts "webhooks" section 7).
 */
#ifndef SIM_FORM_H
#define SIM_FORM_H

#include <stddef.h>

#include "base/buf.h"

#define FORM_PAIRS_MAX 64
#define FORM_BYTES_MAX (256 * 1024)
#define FORM_SIGNATURE_SIZE 29 /* base64 of 20 bytes, and a zero */

struct form {
	size_t count;
	struct form_pair {
		const char *name; /* lives as long as the program (a literal) */
		char *value;      /* owned */
	} pair[FORM_PAIRS_MAX];
};

struct form *form_new(void) __attribute__((returns_nonnull));
void form_free(struct form *f);

/* Adds a pair; the value is copied. Past FORM_PAIRS_MAX pairs the program aborts: the sets of
 * parameters are ours. */
void form_add(struct form *f, const char *name, const char *value);
void form_addf(struct form *f, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* "name=value&name=value", percent-encoded, in the order of addition. */
void form_encode(const struct form *f, struct buf *out);

/* The signature of a request to url (no fragment) with the form f in its body; f may be NULL: a
 * request without a form, such as a GET. */
void form_sign(
    const char *token, const char *url, const struct form *f, char out[FORM_SIGNATURE_SIZE]);

#endif
