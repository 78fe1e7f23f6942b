/*
 * router.c: see router.h. Pattern and path are walked segment by segment, side by side.
 */
#include "http/router.h"

#include <stdlib.h>
#include <string.h>

/* A {name} of a pattern takes the path's segment. */
static void
take(struct arena *a, struct router_match *match, const char *name, size_t name_len,
    const char *value, size_t value_len)
{
	/* Patterns are constants: one with more names is a broken build. */
	if (match->count >= ROUTER_SEGMENTS_MAX)
		abort();
	match->names[match->count] = arena_strndup(a, name, name_len);
	match->values[match->count] = arena_strndup(a, value, value_len);
	match->count++;
}

bool
router_match(struct arena *a, const char *pattern, const char *path, struct router_match *match)
{
	match->count = 0;
	while (*pattern == '/' && *path == '/') {
		size_t want = strcspn(++pattern, "/");
		size_t have = strcspn(++path, "/");

		if (want >= 2 && pattern[0] == '{' && pattern[want - 1] == '}') {
			if (have == 0)
				return false;
			take(a, match, pattern + 1, want - 2, path, have);
		} else if (want != have || memcmp(pattern, path, have) != 0) {
			return false;
		}
		pattern += want;
		path += have;
	}
	return *pattern == '\0' && *path == '\0';
}

const char *
router_value(const struct router_match *match, const char *name)
{
	for (int i = 0; i < match->count; i++) {
		if (strcmp(match->names[i], name) == 0)
			return match->values[i];
	}
	return NULL;
}
