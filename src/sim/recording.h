/*
 * recording.h: what is recorded of calls: its life (in-progress, processing, completed or absent),
 * the callbacks about it, and what REST shows of it. The world lock is held in all of these.
 */
#ifndef SIM_RECORDING_H
#define SIM_RECORDING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim/media.h"
#include "sim/roll.h"
#include "sim/sid.h"
#include "sim/timer.h"

enum recording_status {
	RECORDING_IN_PROGRESS,
	RECORDING_PROCESSING,
	RECORDING_COMPLETED,
	RECORDING_ABSENT
};

enum track { TRACK_BOTH, TRACK_INBOUND, TRACK_OUTBOUND };

enum { /* events that a callback may be asked for, as bits */
	RECORDING_EVENT_IN_PROGRESS = 1,
	RECORDING_EVENT_COMPLETED = 2,
	RECORDING_EVENT_ABSENT = 4
};

/* How a recording is to be made and told about. */
struct recording_order {
	const char *call_sid;
	const char *source; /* a literal: OutboundAPI, RecordVerb */
	enum track track;
	int channels;
	const char *callback; /* NULL: nobody is told */
	bool callback_get;
	unsigned events;
	bool twice; /* every callback twice */
};

struct recording {
	char sid[SID_SIZE];
	char call_sid[SID_SIZE];
	size_t number;
	enum recording_status status;
	const char *source;
	enum track track;
	int channels;
	int error_code;                 /* 0: none */
	int64_t created_us, updated_us; /* wall */
	struct sound sound;             /* what is to be heard, once it is known; owned */
	int seconds;                    /* once processing */
	const char *callback;
	bool callback_get, twice;
	unsigned events;
	struct timer ready;
};

/* Begins one; it is in-progress. */
struct recording *recording_start(const struct recording_order *order);
/* Ends it: with what was recorded (nothing: absent), which is taken over. Its length is known from
 * then on; the file and the callback follow a moment later. */
void recording_finish(struct recording *r, struct sound *sound);

struct recording *recording_get(const char *sid);
const struct roll *recording_roll(void);
/* Removes a completed or absent one. False when it is still being made. */
bool recording_delete(struct recording *r);
/* Where its media lies, without suffix. */
#define RECORDING_URL_SIZE 256
const char *recording_url(const struct recording *r, char out[RECORDING_URL_SIZE]);
json_t *recording_json(const struct recording *r);
/* Which side of a media stream it holds. */
enum tape_side recording_side(const struct recording *r);
const char *track_name(enum track track);
void recording_close(void);

#endif
