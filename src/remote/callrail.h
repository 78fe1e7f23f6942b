/*
 * callrail.h: calls that CallRail has handled, page by page, and where the recording of one is (its API,
 * version 3). No database, no policy. What it answers is foreign: ids are checked before they are given
 * on, numbers are masked, and no sentence here holds a key, a URL of a recording or a word of a call.
 */
#ifndef REMOTE_CALLRAIL_H
#define REMOTE_CALLRAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/fetch.h"

#define CALLRAIL_PAGE_CALLS 250 /* most calls in a page */

/* Where it is. Texts are borrowed from the settings. */
struct callrail {
	const char *base_url; /* without /v3 and without a final slash */
	const char *ca_file;  /* or NULL */
	bool anywhere;        /* recordings may lie at http and at private addresses */
};

/* Who asks. Borrowed, from the settings of the tree. */
struct callrail_account {
	const char *id;
	const char *key; /* a secret */
};

/* A page of the calls that began in a time. The API does not say in which zone it reads a time: whoever
 * needs all of them asks for a day more on both sides. */
struct callrail_ask {
	struct callrail_account account;
	const char *company_id;    /* or NULL: of all companies */
	int64_t from_us, until_us; /* since 1970; asked for to the minute, rounded outwards */
	int page;                  /* from 1 */
};

struct callrail_call {
	const char *id;         /* as callrail_id() wants it */
	const char *company_id; /* the same, or NULL */
	const char *direction;  /* "inbound", "outbound", or NULL */
	int64_t start_us;       /* since 1970 */
	int64_t duration_s;     /* -1: not over yet */
	bool recording;         /* there is one (now) */
	bool answered, voicemail;
	char customer[STR_MASKED_SIZE]; /* masked; "" when there is no number */
	const char *transcription;      /* or NULL */
};

struct callrail_page {
	struct callrail_call *calls;
	int count;
	int odd;   /* entries that were left out: what must be in them was not as it must be */
	bool last; /* no page comes behind this one */
	/* How it failed: */
	long status;           /* HTTP, 0 when there was no answer */
	int64_t retry_after_s; /* RC_LATER: asked for by the server, at most an hour; else 0 */
	const char *error;     /* a sentence for the operator */
};

/* Whether it can be an id: 1 to 64 of A-Z a-z 0-9 _ - */
bool callrail_id(const char *s);

/* Makes the request, in the arena. Not NULL: a sentence, why it cannot be made. */
const char *callrail_list_request(const struct callrail *c, struct arena *a,
    const struct callrail_ask *ask, struct fetch *fetch) MUST_CHECK;
/* RC_OK with the calls, in the arena; RC_LATER: the same question may be answered later; RC_INVALID: it
 * will not be as it is (the key, the account, the company). error is set for the latter two. */
enum rc callrail_list_read(const struct fetch_result *result, struct arena *a,
    const struct callrail_ask *ask, struct callrail_page *page) MUST_CHECK;

struct callrail_recording {
	const char *
	    url; /* of the sound, without any key: itself a secret, and nobody knows for how long */
	long status;
	int64_t retry_after_s; /* as above */
	const char *error;
};

/* The API's address of a call's recording, in the arena: no secret, and nothing without the key. */
const char *callrail_recording_place(
    const struct callrail *c, struct arena *a, const char *account_id, const char *call_id);

/* The same for where the recording of a call is. The URL is to be asked without the account's key, and
 * answers with redirects that must be looked at like it. */
const char *callrail_recording_request(const struct callrail *c, struct arena *a,
    const struct callrail_account *account, const char *call_id, struct fetch *fetch) MUST_CHECK;
/* RC_OK with the URL, which http/reach.h allows; RC_NOT_FOUND: there is none (yet); else as above. */
enum rc callrail_recording_read(const struct callrail *c, const struct fetch_result *result,
    struct arena *a, const struct callrail_account *account,
    struct callrail_recording *recording) MUST_CHECK;

#endif
