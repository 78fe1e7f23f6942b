/* backlog.c: see backlog.h. Each item is a header, the room that libwebsockets asks for, the bytes. */
#include "voice/backlog.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FIRST_SIZE 4096
#define KEEP_SIZE 16384 /* what is kept while nothing waits */

struct item {
	size_t len;
	int64_t at;
	enum backlog_kind kind;
};

/* Bytes before those of the message; both keep the next header aligned. */
#define BEFORE ((sizeof(struct item) + LWS_PRE + 15) / 16 * 16)

static size_t
size_of(size_t len)
{
	return (BEFORE + len + 15) / 16 * 16;
}

void
backlog_init(struct backlog *b, size_t max, int64_t sound_age_ms)
{
	*b = (struct backlog){ .max = max, .sound_age_us = sound_age_ms * 1000 };
}

void
backlog_free(struct backlog *b)
{
	free(b->data);
	memset(b, 0, sizeof *b);
}

bool
backlog_empty(const struct backlog *b)
{
	return b->head == b->tail;
}

static struct item *
item_at(const struct backlog *b, size_t at)
{
	return (struct item *)(void *)(b->data + at);
}

/* Moves what waits to the front; as much sound as is needed for so many bytes is left out. */
static void
close_ranks(struct backlog *b, size_t needed)
{
	size_t waiting = b->tail - b->head, from, to = 0, size;

	for (from = b->head; from < b->tail; from += size) {
		size = size_of(item_at(b, from)->len);
		if (waiting + needed > b->max && item_at(b, from)->kind != BACKLOG_WORDS) {
			waiting -= size;
			b->dropped += (int64_t)item_at(b, from)->len;
			continue;
		}
		memmove(b->data + to, b->data + from, size);
		to += size;
	}
	b->head = 0;
	b->tail = to;
}

static void
grow(struct backlog *b, size_t wanted)
{
	size_t cap = b->cap < FIRST_SIZE ? FIRST_SIZE : b->cap;

	while (cap < wanted)
		cap *= 2;
	if (cap > b->max)
		cap = b->max;
	if (cap <= b->cap)
		return;
	b->data = mem_realloc(b->data, cap);
	b->cap = cap;
}

bool
backlog_add(struct backlog *b, enum backlog_kind kind, const char *bytes, size_t len, int64_t now)
{
	size_t size;
	struct item *item;

	if (len > b->max)
		return false;
	size = size_of(len);
	if (b->tail + size > b->cap) {
		close_ranks(b, size);
		if (b->tail + size > b->max && kind != BACKLOG_WORDS) {
			b->dropped += (int64_t)len; /* sound itself, behind nothing but words */
			return true;
		}
		if (b->tail + size > b->max)
			return false;
		grow(b, b->tail + size);
	}
	item = item_at(b, b->tail);
	*item = (struct item){ .len = len, .at = now, .kind = kind };
	memcpy(b->data + b->tail + BEFORE, bytes, len);
	b->tail += size;
	return true;
}

unsigned char *
backlog_next(struct backlog *b, int64_t now, enum backlog_kind *kind, size_t *len)
{
	const struct item *item;

	for (; b->head < b->tail; backlog_pop(b)) {
		item = item_at(b, b->head);
		if (item->kind == BACKLOG_WORDS || now - item->at <= b->sound_age_us) {
			*kind = item->kind;
			*len = item->len;
			return b->data + b->head + BEFORE;
		}
		b->dropped += (int64_t)item->len;
	}
	return NULL;
}

void
backlog_pop(struct backlog *b)
{
	b->head += size_of(item_at(b, b->head)->len);
	if (b->head < b->tail)
		return;
	b->head = b->tail = 0;
	if (b->cap > KEEP_SIZE) { /* there was a jam: its memory is not kept for the whole call */
		free(b->data);
		b->data = NULL;
		b->cap = 0;
	}
}
