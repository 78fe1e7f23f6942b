/*
 * buf.c: grows by doubling up to the ceiling. What does not fit whole is not added at all, nor is
 * anything after it, so that a failed buffer never holds a text with a hole in it.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define FIRST_SIZE 256

void
buf_init(struct buf *b, size_t max)
{
	/* Far below SIZE_MAX neither the closing zero nor a doubling can overflow. */
	b->max = max < SIZE_MAX / 4 ? max : SIZE_MAX / 4;
	b->cap = b->max + 1 < FIRST_SIZE ? b->max + 1 : FIRST_SIZE;
	b->data = mem_alloc(b->cap);
	buf_clear(b);
}

void
buf_free(struct buf *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	b->data[0] = '\0';
}

/* Makes room for len bytes more and the zero, or fails the buffer. */
static bool
make_room(struct buf *b, size_t len)
{
	size_t want;

	if (b->failed || len > b->max - b->len) {
		b->failed = true;
		return false;
	}
	want = b->len + len + 1;
	if (want > b->cap) {
		size_t cap = b->cap * 2;

		if (cap > b->max + 1)
			cap = b->max + 1;
		if (cap < want)
			cap = want;
		b->data = mem_realloc(b->data, cap);
		b->cap = cap;
	}
	return true;
}

void
buf_add(struct buf *b, const void *bytes, size_t len)
{
	if (!make_room(b, len) || len == 0)
		return;
	memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
}

char *
buf_room(struct buf *b, size_t len)
{
	char *room;

	if (!make_room(b, len))
		return NULL;
	room = b->data + b->len;
	b->len += len;
	b->data[b->len] = '\0';
	return room;
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	size_t room;
	int len;

	if (b->failed)
		return;
	room = b->cap - b->len;
	va_start(ap, fmt);
	len = vsnprintf(b->data + b->len, room, fmt, ap);
	va_end(ap);
	if (len >= 0 && (size_t)len < room && (size_t)len <= b->max - b->len) {
		b->len += (size_t)len;
		return;
	}
	b->data[b->len] = '\0';
	if (len < 0)
		b->failed = true;
	else if (make_room(b, (size_t)len)) {
		va_start(ap, fmt);
		vsnprintf(b->data + b->len, (size_t)len + 1, fmt, ap);
		va_end(ap);
		b->len += (size_t)len;
	}
}

static bool
is_unreserved(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	    c == '-' || c == '.' || c == '_' || c == '~';
}

void
buf_urlencode(struct buf *b, const char *s)
{
	static const char digits[] = "0123456789ABCDEF";
	char code[3] = { '%', 0, 0 };

	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (is_unreserved(c)) {
			buf_add(b, s, 1);
		} else {
			code[1] = digits[c >> 4];
			code[2] = digits[c & 15];
			buf_add(b, code, sizeof(code));
		}
	}
}

/* XML 1.0, production 2 (Char). */
static bool
is_xml_char(uint32_t c)
{
	return c == 0x9 || c == 0xa || c == 0xd || (c >= 0x20 && c <= 0xd7ff) ||
	    (c >= 0xe000 && c <= 0xfffd) || c >= 0x10000;
}

static const char *
xml_entity(uint32_t c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&apos;";
	default:
		return NULL;
	}
}

void
buf_xml(struct buf *b, const char *s)
{
	size_t len = strlen(s), size;
	const char *entity;
	uint32_t code;

	for (; len > 0; s += size, len -= size) {
		size = str_utf8_next(s, len, &code);
		if (size == 0) {
			size = 1; /* no character at all: dropped like a forbidden one */
			continue;
		}
		if ((entity = xml_entity(code)) != NULL)
			buf_puts(b, entity);
		else if (is_xml_char(code))
			buf_add(b, s, size);
	}
}
