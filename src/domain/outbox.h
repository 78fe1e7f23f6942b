/*
 * outbox.h: a workspace's webhook and the outbox of what it is to be told. The rules stand in
 * sql/functions/10_webhooks.sql.
 */
#ifndef DOMAIN_OUTBOX_H
#define DOMAIN_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/who.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/db.h"

/* ---- for the customer ---- */

/* A new secret to sign with: whsec_ and 24 random bytes in base64. */
#define OUTBOX_SECRET_SIZE 40
void outbox_secret_make(char out[OUTBOX_SECRET_SIZE]);

/* Sets the caller's webhook. secret is a fresh one; *shown is it when it is in force now (regenerate,
 * or there was none), else NULL. */
enum rc outbox_webhook_set(struct db *db, const struct credential *who, const char *url,
    const char *secret, bool regenerate, const char **shown) MUST_CHECK;
enum rc outbox_webhook_clear(struct db *db, const struct credential *who) MUST_CHECK;

struct outbox_filter {
	int64_t limit;
	const char *state; /* or NULL */
	const char *after; /* a delivery's id, or NULL */
};
/* Deliveries, newest first: columns from OUTBOX_FIRST_COLUMN on are the fields of the public view of
 * one, in its order (api/webhooks.c). A row without deliveries has NULL there. */
#define OUTBOX_FIRST_COLUMN 2
enum rc outbox_list(struct db *db, const struct credential *who, const struct outbox_filter *filter,
    struct rows **rows) MUST_CHECK;

/* Has a delivery sent again: its row as in outbox_list(). RC_NOT_FOUND; RC_CONFLICT: there is no
 * webhook to send it to. */
enum rc outbox_redeliver(struct db *db, const struct credential *who, const char *delivery_id,
    struct rows **rows) MUST_CHECK;

/* ---- for the sender ---- */

/* Where to look, and how much to take. */
struct outbox_want {
	int limit;
	int each;               /* of one workspace … */
	const char *workspaces; /* … but of these (an array's text) … */
	const char *rooms;      /* … so many, in the same order */
	const char *after;      /* workspaces behind this one; "": from the start */
};

/* What is to be sent now, leased to the sender for 20 s. Columns: */
enum {
	OUTBOX_DELIVERY_ID,
	OUTBOX_WORKSPACE_ID,
	OUTBOX_ATTEMPT,
	OUTBOX_URL,
	OUTBOX_SECRET,     /* or NULL: a form that is not signed */
	OUTBOX_OLD_SECRET, /* or NULL */
	OUTBOX_REQUEST_ID, /* of an ask_user, else NULL */
	OUTBOX_LAST,       /* where to look on */
	OUTBOX_FORM,       /* the body, form-encoded; NULL: the event is, or the job */
	OUTBOX_EVENT,      /* from here on as call_event_read() wants … */
	OUTBOX_CALL_ID,    /* … this among them; NULL when it is about a job of no call of ours */
	OUTBOX_JOB = OUTBOX_EVENT + 5 /* the body of job.completed, or NULL */
};
enum rc outbox_due(struct db *db, const struct outbox_want *want, struct rows **rows) MUST_CHECK;

/* How a try ended. NULL: none, or not known. */
struct outbox_outcome {
	const char *delivery_id, *workspace_id, *url;
	int64_t attempt;
	long status;       /* 0: no answer */
	const char *error; /* NULL: delivered */
	int64_t retry_after_s;
	const char *request_id, *answer, *mode; /* the answer to a question that came along */
};
enum rc outbox_result(struct db *db, const struct outbox_outcome *outcome) MUST_CHECK;

/* Buries what waits for a webhook that is gone; how many. */
enum rc outbox_bury(struct db *db, int limit, int *done) MUST_CHECK;

#endif
