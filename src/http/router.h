/*
 * router.h: method and path to a row of a route table. Patterns are literal segments and
 * {names}; a name matches one non-empty segment without '/'.
 */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include <stdbool.h>

#include "base/mem.h"

#define ROUTER_SEGMENTS_MAX 4

struct router_match {
	const char *names[ROUTER_SEGMENTS_MAX];  /* from the pattern, without braces */
	const char *values[ROUTER_SEGMENTS_MAX]; /* from the path, in the arena */
	int count;
};

/* Whether path fits the pattern; fills match. Literal text is compared exactly, case included. */
bool router_match(
    struct arena *a, const char *pattern, const char *path, struct router_match *match);
/* The value of a path name, or NULL. */
const char *router_value(const struct router_match *match, const char *name);

#endif
