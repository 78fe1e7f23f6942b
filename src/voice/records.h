/* records.h: what a session tells of itself, as the database keeps it. */
#ifndef VOICE_RECORDS_H
#define VOICE_RECORDS_H

#include <stdint.h>

#include "voice/desk.h"
#include "voice/session.h"

/* Of one call; everything is borrowed. */
struct records {
	struct desk *desk;
	const char *public_url;
	const char *call_id;
	uint64_t number;          /* under which the desk answers */
	void (*ready)(void *arg); /* there is something for the carrier */
	void (*over)(void *arg);  /* the end of the talk has been handed in */
	void *arg;
	int64_t last; /* the number of what was handed in last */
};

/* For a session whose arg is the struct records. */
extern const struct session_ops records_ops;

#endif
