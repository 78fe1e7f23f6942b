/*
 * call.h: a call from wish to end, as its customer sees it. The rules stand in sql/functions
 * (02_calls, 03_accept); here are the statements that reach them.
 */
#ifndef DOMAIN_CALL_H
#define DOMAIN_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/who.h"
#include "base/err.h"
#include "base/id.h"
#include "base/mem.h"
#include "db/db.h"

/* What a customer asks for. Texts are borrowed; NULL is absent where allowed. */
struct call_wish {
	char call_id[ID_SIZE]; /* made by call_wish_init() */
	char task_id[ID_SIZE];
	const char *target_phone;
	const char *brief;
	const char *language;
	const char *kind;
	const char *parsed_slots; /* JSON, or NULL */
	const char *ask_user_mode;
	const char *machine_detection; /* off, on, async */
	const char *metadata;          /* JSON, or NULL */
	const char *not_after;         /* ISO 8601, or NULL */
	const char *priority;          /* low, normal, high; NULL: normal */
	bool direct;                   /* goes first; its client waits for the dial */
	int64_t credits, price_cents;
	int64_t default_cap; /* calls.default_max_concurrent */
	/* The idempotency key, or NULL; fingerprint is bytea text ("\x…"). */
	const char *idem_key, *idem_route, *idem_fingerprint;
	const char *answer; /* JSON: the body of its 202, made beforehand; NULL: the queued body */
};

void call_wish_init(struct call_wish *wish);

enum call_refusal {
	CALL_ACCEPTED,
	CALL_REPLAY,       /* status and body of the first answer to this key */
	CALL_PAST,         /* not_after has passed */
	CALL_KEY_CONFLICT, /* same key, other request */
	CALL_KEY_RUNNING,  /* same key, still at work */
	CALL_KEY_UNKNOWN,  /* same key, its worker died at work */
	CALL_MAINTENANCE,  /* body says until when */
	CALL_BARRED,       /* status and body say why: toll fraud's rules and limits */
	CALL_NO_CREDIT,
	CALL_AT_CAP /* direct calls only */
};

struct call_acceptance {
	enum call_refusal refusal;
	const char *workspace_id;
	int status;       /* of the answer, for CALL_ACCEPTED (202), CALL_REPLAY and CALL_BARRED */
	const char *body; /* JSON text, for those and CALL_MAINTENANCE */
};

/* What a result of fn.calls_accept means: RC_OK with the refusal, or what is wrong with the caller. */
enum rc call_result(const char *result, enum call_refusal *refusal) MUST_CHECK;

/* Runs a statement that answers result, workspace_id, status and body, as a row of fn.calls_accept does.
 * Results other than RC_OK are who_result()'s and db_run()'s. */
enum rc call_acceptance_read(struct db *db, struct arena *a, const struct statement *statement,
    const char *values[], struct call_acceptance *acceptance) MUST_CHECK;

/* What call_accept() would say up to the credits (refusal CALL_ACCEPTED: nothing), for a request that
 * will be refused for a reason which comes after those. Nothing is changed. */
enum rc call_foretell(struct db *db, struct arena *a, const struct credential *who,
    const struct call_wish *wish, struct call_acceptance *acceptance) MUST_CHECK;

/* How the dial of a direct call stands. Texts are in the arena. */
struct call_dial {
	enum { CALL_DIAL_WAITS, CALL_DIALED, CALL_DIAL_LOST, CALL_DIAL_FAILED } state;
	const char *status;
	const char *call_sid; /* or NULL */
	const char *reason;   /* why it failed */
};
enum rc call_dial_state(
    struct db *db, struct arena *a, const char *call_id, struct call_dial *dial) MUST_CHECK;

/* Stores the answer under the key that the wish was accepted with. */
enum rc call_answer_store(struct db *db, const char *workspace_id, const struct call_wish *wish,
    int status, const char *body) MUST_CHECK;

/*
 * Rows whose columns from CALL_FIRST_COLUMN on are the fields of the public view of a call, in its
 * order (api/calls.c). RC_NOT_FOUND alike for none and another's.
 */
#define CALL_FIRST_COLUMN 2
enum rc call_show(struct db *db, const struct credential *who, const char *call_id,
    struct rows **rows) MUST_CHECK;

struct call_filter {
	int64_t limit;
	const char *status; /* or NULL */
	const char *since;  /* ISO 8601, or NULL */
	const char *before; /* call_id, or NULL */
};
/* Newest first, without the heavy fields. known is false when before is no call of the caller. A
 * row without calls has NULL in CALL_FIRST_COLUMN. */
enum rc call_list(struct db *db, const struct credential *who, const struct call_filter *filter,
    bool *known, struct rows **rows) MUST_CHECK;

/* RC_OK when there is such a call of the caller, RC_NOT_FOUND alike for none and another's. */
enum rc call_owned(struct db *db, const struct credential *who, const char *call_id) MUST_CHECK;

/* The events of a call after an id, at most 10,000: columns from CALL_FIRST_COLUMN on are as
 * call_event_read() wants them. */
enum rc call_events(struct db *db, const struct credential *who, const char *call_id, int64_t after,
    struct rows **rows) MUST_CHECK;

/* What holds a waiting call back, as the dialer sees it: columns from CALL_FIRST_COLUMN on are call_id,
 * status, reason (NULL: nothing; see fn.dial_holds) and until. */
enum rc call_why(struct db *db, const struct credential *who, const char *call_id,
    int64_t default_cap, struct rows **rows) MUST_CHECK;

/* Cancels; false for unknown, foreign and ended calls alike. */
enum rc call_cancel(
    struct db *db, const struct credential *who, const char *call_id, bool *cancelled) MUST_CHECK;

#endif
