/*
 * media.h: where the carrier keeps the sound of a recording, and how somebody else (nginx) may fetch
 * it for us. Pure: no request is made here.
 */
#ifndef REMOTE_MEDIA_H
#define REMOTE_MEDIA_H

#include "base/mem.h"
#include "remote/carrier.h"

/* The MP3's URL, in the arena. recording_sid is one that has been checked. */
const char *media_url(const struct carrier *c, struct arena *a, const char *recording_sid);
/* The value of an Authorization header (HTTP Basic), in the arena: a secret. */
const char *media_authorization(const struct carrier *c, struct arena *a);

#endif
