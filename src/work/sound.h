/* sound.h: the sound of a recording, from wherever it can be had. */
#ifndef WORK_SOUND_H
#define WORK_SOUND_H

#include <stdint.h>

#include "base/err.h"
#include "remote/store.h"
#include "work/env.h"

/* Writes the MP3 to fd (empty before): the object store's when there is one and it has it, else the
 * carrier's. RC_OK with its length; RC_NOT_FOUND (nowhere, as yet); RC_LATER. */
enum rc sound_fetch(
    const struct work_env *env, const struct store_name *name, int fd, int64_t *bytes) MUST_CHECK;

#endif
