/*
 * voice.h: the calls that talk over a media stream of the carrier. The rules stand in
 * sql/functions/18_voice.sql.
 */
#ifndef DOMAIN_VOICE_H
#define DOMAIN_VOICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "db/db.h"

/* ---- for the carrier's webhooks ---- */

/* The callee has answered: may his call have a stream? hash is bytea text ("\x…"), of the stream's token. */
struct voice_offer {
	const char *call_id;
	const char *attempt_id; /* or NULL */
	const char *call_sid;
	const char *answered_by; /* or NULL */
	int64_t max_talk_s;
	const char *hash;
};
enum rc voice_offer(struct db *db, const struct voice_offer *offer, bool *stream) MUST_CHECK;

enum voice_next {
	VOICE_HANG_UP,
	VOICE_DIAL, /* connect the callee with number */
	VOICE_SORRY /* the stream broke off, or never began */
};
struct voice_after {
	enum voice_next next;
	const char *language; /* of the call, or NULL */
	const char *number;
	const char *shown; /* the call's own number, or NULL: the account's */
	int64_t seconds;   /* how long they may talk */
};
/* The stream is over: what comes now? Texts are in the arena. */
enum rc voice_after(struct db *db, struct arena *a, const char *call_id, const char *call_sid,
    int64_t max_talk_s, struct voice_after *after) MUST_CHECK;

/* ---- for the conversation ---- */

#define VOICE_VALUES_MAX 6

/* What is done in the database for a conversation, and the values that it takes (NULL where allowed). The
 * first is always the call. record: the number of what is written, from 1, so that it can come twice. */
enum voice_act {
	VOICE_BEGIN, /* call_sid, hash, host, door (NULL: listeners come nowhere): a row, or none; its columns are those below */
	VOICE_TOLD,  /* record, role, text, at_ms */
	VOICE_SPOKE,
	VOICE_NOTED, /* record, decision, text */
	VOICE_KEYS,  /* record, digits, direction */
	VOICE_ASK,   /* record, request_id, message, wait_s, answer_url */
	VOICE_USED,  /* record, request_id */
	VOICE_END,   /* verdict, summary, learnt, transfer_to */
	VOICE_NEWS   /* instead of the call, all of them, as an array literal: a row each */
};

/* Columns of VOICE_BEGIN. */
enum {
	VOICE_BEGIN_BRIEF,
	VOICE_BEGIN_LANGUAGE,
	VOICE_BEGIN_KIND,
	VOICE_BEGIN_SLOTS,
	VOICE_BEGIN_LEARNT,
	VOICE_BEGIN_ANSWERED_BY,
	VOICE_BEGIN_SINCE_MS,
	VOICE_BEGIN_VOICEMAIL,
	VOICE_BEGIN_TRANSFER_NUMBERS
};
/* Columns of VOICE_NEWS; questions is JSON or NULL. */
enum { VOICE_NEWS_CALL, VOICE_NEWS_OVER, VOICE_NEWS_ANSWERED_BY, VOICE_NEWS_QUESTIONS };

/* Runs one; rows may be NULL where nobody wants them. */
enum rc voice_run(struct db *db, enum voice_act act, const char *const values[VOICE_VALUES_MAX],
    struct rows **rows) MUST_CHECK;

#endif
