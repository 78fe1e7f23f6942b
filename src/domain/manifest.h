/*
 * manifest.h: whether a skill's manifest is one that strangers can use and that cannot go wrong later:
 * everything that a run relies on is checked here, once.
 */
#ifndef DOMAIN_MANIFEST_H
#define DOMAIN_MANIFEST_H

#include <jansson.h>
#include <stddef.h>

#include "base/schema.h"

/* The schema of its slots (to be freed), or NULL with a sentence in error that begins with the
 * field. id: what its skill_id must be. */
struct schema *manifest_check(json_t *manifest, const char *id, char *error, size_t error_size);

#endif
