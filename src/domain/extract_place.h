/* extract_place.h: what extract.c and extract_take.c share: where in a schema they are. */
#ifndef DOMAIN_EXTRACT_PLACE_H
#define DOMAIN_EXTRACT_PLACE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/mem.h"

struct place {
	struct arena *a;
	const char *path;
	int depth;
	const char **why; /* receives what is wrong */
};

/* The place of that name inside. */
struct place place_below(const struct place *at, const char *name);
/* Says what is wrong there: false, for convenience. */
bool place_wrong(const struct place *at, const char *says);

/* Whether a list holds that text. */
bool extract_lists(json_t *list, const char *text);
/* Whether a schema allows the type. */
bool extract_has_type(json_t *schema, const char *name);

#endif
