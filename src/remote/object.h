/*
 * object.h: how a recording is named in the object store, and a URL for whoever may GET it. Pure: no
 * request is made here.
 */
#ifndef REMOTE_OBJECT_H
#define REMOTE_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "remote/store.h"

/* {prefix}, {recording_sid}, {call_sid} and {call_id} are known, and one of the latter three is
 * there, so that no two recordings have one name. */
bool object_template_valid(const char *text);

/* The object's URL (name NULL: the bucket's), percent-encoded as the signature wants it; in the
 * arena. */
const char *object_url(const struct store *s, struct arena *a, const struct store_name *name);
/* One that lets whoever has it GET the object from now_us (wall clock) on, for so many seconds. */
const char *object_presigned(const struct store *s, struct arena *a, const struct store_name *name,
    int64_t now_us, int seconds);

#endif
