/*
 * mem.c: an arena is a list of chunks of which the first is filled from the front. A large piece
 * gets a chunk of its own behind the first, so that the rest of the first is not wasted. Hooks
 * live in the arena too and are run before any of its memory goes.
 */
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE 8192
#define LARGE_SIZE (CHUNK_SIZE / 4) /* from here on a piece has its own chunk */
#define ALIGNMENT _Alignof(max_align_t)

struct chunk {
	struct chunk *next;
	size_t size; /* of data */
	size_t used;
	_Alignas(max_align_t) unsigned char data[];
};

struct hook {
	struct hook *next;
	void (*release)(void *);
	void *object;
};

struct arena {
	struct chunk *chunks; /* the first one is being filled */
	struct hook *hooks;   /* newest first */
};

static void __attribute__((noreturn)) mem_gone(void)
{
	fputs("out of memory\n", stderr);
	abort();
}

void *
mem_alloc(size_t size)
{
	void *p = malloc(size > 0 ? size : 1);

	if (p == NULL)
		mem_gone();
	return p;
}

void *
mem_zalloc(size_t count, size_t size)
{
	void *p = count > 0 && size > 0 ? calloc(count, size) : calloc(1, 1);

	if (p == NULL)
		mem_gone();
	return p;
}

void *
mem_realloc(void *old, size_t size)
{
	void *p = realloc(old, size > 0 ? size : 1);

	if (p == NULL)
		mem_gone();
	return p;
}

char *
mem_strdup(const char *s)
{
	size_t size = strlen(s) + 1;

	return memcpy(mem_alloc(size), s, size);
}

struct arena *
arena_new(void)
{
	return mem_zalloc(1, sizeof(struct arena));
}

static void
run_hooks(struct arena *a)
{
	struct hook *h;

	while ((h = a->hooks) != NULL) {
		a->hooks = h->next;
		h->release(h->object);
	}
}

void
arena_free(struct arena *a)
{
	struct chunk *c;

	if (a == NULL)
		return;
	run_hooks(a);
	while ((c = a->chunks) != NULL) {
		a->chunks = c->next;
		free(c);
	}
	free(a);
}

void
arena_reset(struct arena *a)
{
	struct chunk *c, *kept = NULL;

	run_hooks(a);
	while ((c = a->chunks) != NULL) {
		a->chunks = c->next;
		if (kept == NULL && c->size == CHUNK_SIZE)
			kept = c;
		else
			free(c);
	}
	if (kept != NULL) {
		kept->next = NULL;
		kept->used = 0;
	}
	a->chunks = kept;
}

static struct chunk *
chunk_new(size_t size)
{
	struct chunk *c;

	if (size > SIZE_MAX - sizeof(*c))
		mem_gone();
	c = mem_alloc(sizeof(*c) + size);
	c->next = NULL;
	c->size = size;
	c->used = 0;
	return c;
}

/* A chunk with room for size bytes, as part of the arena. */
static struct chunk *
chunk_for(struct arena *a, size_t size)
{
	struct chunk *c = a->chunks;

	if (c != NULL && c->size - c->used >= size)
		return c;
	if (size >= LARGE_SIZE && c != NULL) {
		c = chunk_new(size);
		c->next = a->chunks->next;
		a->chunks->next = c;
		return c;
	}
	c = chunk_new(size > CHUNK_SIZE ? size : CHUNK_SIZE);
	c->next = a->chunks;
	a->chunks = c;
	return c;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	struct chunk *c;
	void *p;

	if (size > SIZE_MAX - ALIGNMENT)
		mem_gone();
	size = (size > 0 ? size + ALIGNMENT - 1 : ALIGNMENT) / ALIGNMENT * ALIGNMENT;
	c = chunk_for(a, size);
	p = c->data + c->used;
	c->used += size;
	return memset(p, 0, size);
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *
arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *copy;

	if (n == SIZE_MAX)
		mem_gone();
	copy = arena_alloc(a, n + 1);
	if (n > 0)
		memcpy(copy, s, n);
	return copy;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *s;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		abort();
	s = arena_alloc(a, (size_t)len + 1);
	va_start(ap, fmt);
	vsnprintf(s, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return s;
}

void
arena_on_free(struct arena *a, void (*release)(void *), void *object)
{
	struct hook *h = arena_alloc(a, sizeof(*h));

	h->release = release;
	h->object = object;
	h->next = a->hooks;
	a->hooks = h;
}
