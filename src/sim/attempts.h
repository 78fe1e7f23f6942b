/*
 * attempts.h: every POST that tried to dial, refused ones included, in order of arrival: what the
 * pace of a dialer is measured by.
 */
#ifndef SIM_ATTEMPTS_H
#define SIM_ATTEMPTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "sim/call.h"

/* status is the HTTP status answered, 0 for none. Takes the world lock. */
void attempts_add(struct arrival arrival, const char *to, int status);
/* The attempt with this number; false past the last. The lock is held. */
bool attempts_item(size_t number, json_t **out);
void attempts_close(void);

#endif
