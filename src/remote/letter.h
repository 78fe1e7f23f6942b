/*
 * letter.h: a mail made whole (RFC 5322, MIME), once, to be kept and handed over byte by byte the same at
 * each try. What stands in it is foreign: nothing can open a header, a part or a line of its own.
 */
#ifndef REMOTE_LETTER_H
#define REMOTE_LETTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

#define LETTER_SUBJECT_MAX 150     /* characters; more are cut off */
#define LETTER_PART_MAX (1u << 20) /* bytes of text or html */

/* Texts are made plain (base/plain.h). */
struct letter {
	const char *from, *to; /* bare addresses (str_mail_address()) */
	const char *subject;
	int64_t date_s;         /* seconds since 1970 */
	const char *message_id; /* as letter_message_id() makes it */
	const char *text, *html;
};

/* The mail, in the arena: ASCII, in lines of at most 998 bytes that end in CRLF, *len bytes and a closing
 * zero. The same letter gives the same bytes. NULL when an address or the id is none, or a part is longer
 * than LETTER_PART_MAX. */
const char *letter_render(struct arena *a, const struct letter *letter, size_t *len);

/* <job.12345.HEX@host>: the same for the same job and recipient, and for no others. host is a host name
 * or an address in brackets (mail_hello()). In the arena. */
const char *letter_message_id(
    struct arena *a, int64_t job_id, const char *recipient, const char *host);

#endif
