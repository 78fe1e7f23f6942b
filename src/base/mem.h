/*
 * mem.h: memory that is there or the program ends, and arenas: everything that one request or
 * one unit of work allocates goes away with its arena, foreign objects included.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

/* malloc, calloc, realloc and strdup that abort when memory is gone. Free with free(). */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_zalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *mem_realloc(void *old, size_t size) __attribute__((returns_nonnull));
char *mem_strdup(const char *s) __attribute__((malloc, returns_nonnull));

struct arena;

/* A new empty arena; arena_free() runs its hooks, newest first, then frees all of it. */
struct arena *arena_new(void) __attribute__((returns_nonnull));
void arena_free(struct arena *a);
/* Empties the arena for reuse: hooks run, memory is kept up to one chunk. */
void arena_reset(struct arena *a);

/* Zeroed memory, aligned for any type, owned by the arena. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *a, const char *s) __attribute__((returns_nonnull));
/* The first n bytes of s (which must have that many, zeros included) and a closing zero. */
char *arena_strndup(struct arena *a, const char *s, size_t n) __attribute__((returns_nonnull));
char *arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), returns_nonnull));
/* release(object) is called when the arena is reset or freed. */
void arena_on_free(struct arena *a, void (*release)(void *), void *object);

#endif
