/*
 * smtp.h: what a mail and its server say to each other once the server has let us in (RFC 5321): MAIL,
 * RCPT, DATA, the text, QUIT. No sockets: it is told what was heard, and tells what is to be said. One
 * recipient, one command at a time.
 */
#ifndef HTTP_SMTP_H
#define HTTP_SMTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

#define SMTP_HEARD_MAX 65536 /* bytes of replies; a server that says more is left */

enum smtp_step {
	SMTP_MAIL,
	SMTP_RCPT,
	SMTP_DATA,
	SMTP_TEXT,
	SMTP_TAKEN,
	SMTP_REFUSED,
	SMTP_BROKEN
};

struct smtp {
	enum smtp_step step;    /* from SMTP_TAKEN on it is over */
	enum smtp_step refused; /* at which step */
	bool whole;             /* the dot that ends the mail was said: the server may have it */
	long code;              /* of the last reply; 0: none yet */
	const char *out[4];     /* what is said at each step */
	size_t said;            /* how many bytes of that */
	char reply[5];          /* how the line begins that is being heard, and a zero */
	size_t line, heard;     /* bytes in reply; bytes of all lines */
};

/* Why this may not be sent at all: an address that is none, or a text that does not consist of lines of
 * at most 998 bytes that end in CRLF. NULL: it may. */
const char *smtp_unfit(const char *from, const char *to, const char *text, size_t len);

/* Begins; what was fit. All is copied into the arena. */
void smtp_init(struct smtp *s, struct arena *a, const char *from, const char *to, const char *text,
    size_t len);
/* What is to be said now, 0: nothing until the server has spoken, or it is over; and that n of these bytes
 * were said. Bytes that were not said stay where they are. */
size_t smtp_next(const struct smtp *s, const char **bytes);
void smtp_said(struct smtp *s, size_t n);
/* What the server says. */
void smtp_hear(struct smtp *s, const char *bytes, size_t n);

static inline bool
smtp_over(const struct smtp *s)
{
	return s->step >= SMTP_TAKEN;
}

#endif
