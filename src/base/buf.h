/*
 * buf.h: growing bytes with a ceiling set at birth. Failure sticks: append as often as you like,
 * check buf_failed() once. data is always zero-terminated (the zero is not counted in len).
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;  /* owned; never NULL after buf_init() */
	size_t len;  /* bytes in use, at most max */
	size_t cap;  /* bytes allocated */
	size_t max;  /* the ceiling */
	bool failed; /* something did not fit; stays true until buf_clear() */
};

void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);
/* Empty again, not failed; memory is kept. */
void buf_clear(struct buf *b);

void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_puts(struct buf *b, const char *s);
/* Appends len bytes, which the caller writes there at once (len characters and a zero, if he likes);
 * NULL when they do not fit. */
char *buf_room(struct buf *b, size_t len);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* s with everything outside RFC 3986 unreserved as %XX: safe in a query string or a form body. */
void buf_urlencode(struct buf *b, const char *s);
/* s with the five XML characters escaped and characters XML 1.0 forbids dropped. */
void buf_xml(struct buf *b, const char *s);

static inline bool
buf_failed(const struct buf *b)
{
	return b->failed;
}

#endif
