/* verdict.h: what an agent says came of a call (its tool end_call), checked. Pure. */
#ifndef VOICE_VERDICT_H
#define VOICE_VERDICT_H

#include <jansson.h>

struct verdict {
	const char *outcome; /* NULL: none: the callee hung up, or the line broke off */
	char *summary;
	char *learnt;      /* JSON (sql/008_bookings.sql), or NULL */
	char *transfer_to; /* the number that the callee is to be connected with, or NULL */
};

/* From the tool's arguments (borrowed); what is not as it must be is left out. */
void verdict_read(json_t *arguments, struct verdict *v);
/* outcome is a constant. */
void verdict_set(struct verdict *v, const char *outcome, const char *summary);
void verdict_clear(struct verdict *v);

#endif
