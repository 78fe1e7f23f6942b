/*
 * record.h: what stays of a call, and how it looks in JSON: as a resource of the carrier, in the
 * ledger, in notifications.
 */
#ifndef SIM_RECORD_H
#define SIM_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/sid.h"

enum call_status { /* as REST names them; "initiated" is a callback's word only */
	CALL_QUEUED,
	CALL_RINGING,
	CALL_IN_PROGRESS,
	CALL_COMPLETED,
	CALL_BUSY,
	CALL_FAILED,
	CALL_NO_ANSWER,
	CALL_CANCELED
};
#define CALL_STATUSES 8

struct live;

struct call_error {
	char sid[SID_SIZE];
	int code;
	bool warning;
	int64_t when_us;
	const char *message;
	const char *url; /* NULL: no request of ours was involved */
	struct call_error *next;
};

struct call {
	char sid[SID_SIZE];
	size_t number;
	enum call_status status;
	const char *to, *from, *url, *status_callback; /* url "" for inline TwiML, callback NULL */
	int64_t arrived_us, arrived_mono_us;           /* wall and CLOCK_MONOTONIC */
	int64_t updated_us, started_us, answered_us, ended_us; /* wall; 0: not yet */
	int queue_ms;
	const char *answered_by; /* a literal, or NULL */
	struct call_error *errors, **errors_end;
	int error_count;
	bool deleted;      /* by REST */
	struct live *live; /* NULL once ended */
};

const char *call_status_name(enum call_status status);
/* Which status a name means; false for none. */
bool call_status_named(const char *name, enum call_status *out);

/* Seconds from answer to end, at least 1; of a call that has both. */
int call_seconds(const struct call *c);

/* The Call resource of the REST API. */
json_t *call_json(const struct call *c);
/* The line of the ledger and of GET /sim/calls. */
json_t *call_sim_json(const struct call *c);
/* The Notification resource of one fault. */
json_t *call_error_json(const struct call *c, const struct call_error *e);

#endif
