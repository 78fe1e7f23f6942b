/*
 * dial.h: what a POST to Calls.json asks for, and what an update of a call asks for.
 */
#ifndef SIM_DIAL_H
#define SIM_DIAL_H

#include <stdbool.h>

#include "sim/param.h"

enum { /* status callback events, as bits, in this order */
	EVENT_INITIATED = 1,
	EVENT_RINGING = 2,
	EVENT_ANSWERED = 4,
	EVENT_COMPLETED = 8
};

enum { AMD_OFF, AMD_ENABLE, AMD_MESSAGE_END };
enum { CHANNELS_DEFAULT, CHANNELS_MONO, CHANNELS_DUAL };
enum { DIAL_TRACK_DEFAULT, DIAL_TRACK_INBOUND, DIAL_TRACK_OUTBOUND, DIAL_TRACK_BOTH };

struct dial {
	const char *to, *from;
	const char *url, *twiml, *application; /* NULL: not given, as in all texts here */
	bool url_get;
	const char *fallback_url;
	bool fallback_get;
	const char *status_callback;
	bool status_get;
	unsigned status_events;
	const char *send_digits, *caller_id;
	int timeout_s, limit_s;
	bool record;
	int channels, track, trim;
	const char *recording_callback;
	bool recording_get;
	unsigned recording_events;
	int amd;
	int amd_timeout_s, amd_speech_ms, amd_speech_end_ms, amd_silence_ms;
	bool amd_async;
	const char *amd_callback;
	bool amd_get;
	const char *ignored; /* parameters that are checked and change nothing here */
};

/* Reads the parameters of a create. */
bool dial_read(const struct str_pair *pairs, int count, struct arena *arena, struct dial *out,
    struct refusal *why);

enum { UPDATE_STATUS_NONE, UPDATE_CANCELED, UPDATE_COMPLETED };

struct update {
	int status;
	const char *url, *twiml;
	bool url_get;
	const char *fallback_url;
	bool fallback_get;
	const char *status_callback;
	bool status_get;
	int limit_s; /* 0: not given */
};

bool update_read(const struct str_pair *pairs, int count, struct arena *arena, struct update *out,
    struct refusal *why);

#endif
