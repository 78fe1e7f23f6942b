/*
 * sid.h: the carrier's ids (two capitals and 32 hex digits) and its ways to write a moment.
 */
#ifndef SIM_SID_H
#define SIM_SID_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#define SID_SIZE 35

void sid_make(char out[SID_SIZE], const char *prefix);
/* True when s is prefix and 32 hex digits. */
bool sid_ok(const char *s, const char *prefix);

/* RFC 2822, or JSON null for 0. */
json_t *when_rfc2822(int64_t wall_us);
/* ISO 8601 with microseconds, or JSON null for 0. */
json_t *when_iso(int64_t wall_us);
#define WHEN_SIZE 40
const char *when_iso_text(int64_t wall_us, char out[WHEN_SIZE]);

#endif
