/* texts.c: see texts.h. Numbers are 32 bits in the order of this machine: nobody else reads them. */
#include "base/texts.h"

#include <stdint.h>
#include <string.h>

#define NO_TEXT UINT32_MAX

static void
put_number(struct buf *out, size_t number)
{
	uint32_t n = (uint32_t)number;

	buf_add(out, &n, sizeof n);
}

/* What a text takes: its length, itself, its zero. */
static size_t
room_of(const char *text)
{
	return sizeof(uint32_t) + (text == NULL ? 0 : strlen(text) + 1);
}

void
texts_write(struct buf *out, const char *const texts[], int count)
{
	size_t size = TEXTS_HEAD + sizeof(uint32_t);

	for (int i = 0; i < count; i++)
		size += room_of(texts[i]);
	if (size > out->max) {
		out->failed = true;
		return;
	}
	put_number(out, size);
	put_number(out, (size_t)count);
	for (int i = 0; i < count; i++) {
		size_t len = texts[i] == NULL ? 0 : strlen(texts[i]);

		put_number(out, texts[i] == NULL ? NO_TEXT : len);
		if (texts[i] != NULL)
			buf_add(out, texts[i], len + 1);
	}
}

size_t
texts_size(const char *head, size_t max)
{
	uint32_t size;

	memcpy(&size, head, sizeof size);
	return size >= TEXTS_HEAD + sizeof(uint32_t) && size <= max ? size : 0;
}

/* The next number, false past the end. */
static bool
take_number(const char **at, const char *end, uint32_t *number)
{
	if ((size_t)(end - *at) < sizeof *number)
		return false;
	memcpy(number, *at, sizeof *number);
	*at += sizeof *number;
	return true;
}

static bool
take_text(const char **at, const char *end, const char **text)
{
	uint32_t len;

	if (!take_number(at, end, &len))
		return false;
	*text = NULL;
	if (len == NO_TEXT)
		return true;
	/* The first zero must be the one behind it. */
	if ((size_t)(end - *at) <= len || memchr(*at, '\0', (size_t)len + 1) != *at + len)
		return false;
	*text = *at;
	*at += (size_t)len + 1;
	return true;
}

bool
texts_read(const char *message, size_t size, const char *texts[], int count)
{
	const char *at = message, *end = message + size;
	uint32_t said, there;

	if (!take_number(&at, end, &said) || said != size || !take_number(&at, end, &there) ||
	    there != (uint32_t)count)
		return false;
	for (int i = 0; i < count; i++) {
		if (!take_text(&at, end, &texts[i]))
			return false;
	}
	return at == end;
}
