/*
 * carrier.h: the carrier's REST API, as far as we use it (Twilio's "Call resource" and "Recordings
 * resource", version 2010-04-01). No database, no policy: it says what the carrier said.
 */
#ifndef REMOTE_CARRIER_H
#define REMOTE_CARRIER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "http/fetch.h"

/* The account. Texts are borrowed from the settings. */
struct carrier {
	const char *api_url; /* no trailing slash */
	const char *account_sid;
	const char *auth_token;
	const char *from;       /* the number that calls */
	const char *public_url; /* ours, the base of the callback URLs */
	const char *ca_file;    /* or NULL */
	int timeout_ms;         /* of a whole exchange */
	int64_t max_talk_s;
	int ring_s;
};

/* The carrier's own limit on a call's id: "CA" and 32 hex digits. */
#define CARRIER_SID_SIZE 40
bool carrier_sid_valid(const char *s);

/* One dial. */
struct carrier_dial {
	const char *call_id;
	const char *attempt_id;
	const char *to;
	const char *machine_detection; /* off, on, async */
	const char *from;              /* the number that calls; "": the account's */
	const char *url;               /* of the agent; "": ours */
};

/* The request of a dial, its texts in the arena; the caller sets the send window. */
void carrier_dial_request(
    const struct carrier *c, struct arena *a, const struct carrier_dial *dial, struct fetch *fetch);

/* What became of a dial, in the words of domain/pacer.h. */
struct carrier_dial_answer {
	const char *answer; /* accepted, refused, throttled, not_sent, missed, unknown */
	char call_sid[CARRIER_SID_SIZE];
	char reason[240]; /* a sentence without numbers or secrets */
	int64_t retry_s;
};
void carrier_dial_read(const struct fetch_result *result, struct carrier_dial_answer *answer);

/* A call as the carrier sees it. */
struct carrier_call {
	char sid[CARRIER_SID_SIZE];
	char status[16];
	char duration[16];    /* seconds, or "" */
	char answered_by[24]; /* or "" */
	int64_t created;      /* seconds since 1970 */
};

/*
 * Questions about calls, each a request (its texts in the arena) and a reader of what came back,
 * so that many can be under way at once in a fetch_pool. RC_LATER: the carrier could not be asked.
 */

/* How one call stands. RC_OK, RC_NOT_FOUND (the carrier has no such call), RC_LATER. */
void carrier_get_request(
    const struct carrier *c, struct arena *a, const char *sid, struct fetch *fetch);
enum rc carrier_get_read(
    const struct fetch_result *result, const char *sid, struct carrier_call *call) MUST_CHECK;

/* Calls to this number from that one ("": ours) created in [from, until] (seconds since 1970), newest first, at most max;
 * count says how many. RC_OK or RC_LATER. */
void carrier_list_request(const struct carrier *c, struct arena *a, const char *to,
    const char *from, struct fetch *fetch);
enum rc carrier_list_read(const struct fetch_result *result, int64_t from, int64_t until,
    struct carrier_call *calls, int max, int *count) MUST_CHECK;

/* Ends a call whatever its state. RC_OK (asked, or over already), RC_NOT_FOUND, RC_LATER. */
void carrier_end_request(
    const struct carrier *c, struct arena *a, const char *sid, struct fetch *fetch);
enum rc carrier_end_read(const struct fetch_result *result) MUST_CHECK;

/* The newest recording of a call: RC_OK with its sid, status and duration; RC_NOT_FOUND when there
 * is none (yet); RC_LATER. */
struct carrier_recording {
	char sid[CARRIER_SID_SIZE];
	char status[16];
	char duration[16];
};
enum rc carrier_recording_find(
    const struct carrier *c, const char *call_sid, struct carrier_recording *recording) MUST_CHECK;
/* Writes the MP3 to fd, at most max bytes. RC_OK with its length, which is what the carrier
 * announced; RC_NOT_FOUND (not there yet, or gone); RC_LATER. */
enum rc carrier_recording_fetch(const struct carrier *c, const char *recording_sid, int fd,
    int64_t max, int64_t *bytes) MUST_CHECK;

#endif
