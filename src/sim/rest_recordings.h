/* rest_recordings.h: recordings and their media over REST. */
#ifndef SIM_REST_RECORDINGS_H
#define SIM_REST_RECORDINGS_H

#include "sim/ask.h"

extern const struct route rest_recordings_routes[];

/* The media that a suspended request waited for is there, or is known not to come: answers. */
void rest_recordings_resumed(struct ask *a);

#endif
