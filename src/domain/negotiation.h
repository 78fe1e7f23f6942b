/*
 * negotiation.h: jobs, the providers who are called about their price, and how these calls stand. The
 * rules stand in sql/functions/16_negotiations.sql. Answers come as JSON text from the database, where
 * prices are decimals: no price ever passes through a floating-point number.
 */
#ifndef DOMAIN_NEGOTIATION_H
#define DOMAIN_NEGOTIATION_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/who.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/db.h"
#include "domain/call.h"

#define NEGOTIATION_PROVIDERS_MAX 1000
#define NEGOTIATION_DESCRIPTION_MAX 2000
#define NEGOTIATION_LOCATION_MAX 200

/* Texts that come out are in the arena. */

/* The region in which the caller's national numbers are at home (calling.default_region), as it is set;
 * NULL when it is not. */
enum rc negotiation_region(
    struct db *db, struct arena *a, const struct credential *who, const char **region) MUST_CHECK;

/* Makes a job from the body of its request, which has been checked but for its prices; phones are the
 * numbers of its providers in E.164, as the text of an array ("{…}"). *fault is NULL, or a sentence
 * that says which price is wrong, and no job is made. */
enum rc negotiation_create(struct db *db, struct arena *a, const struct credential *who,
    const char *body, const char *phones, const char **job_id, const char **fault) MUST_CHECK;

/* The same for somebody else's job, whose id there is remote_id and who is told at update_url what comes
 * of its calls; keyed: with providers.call_backend_key, because he knows it. A job that was taken over before gets the providers that it has not yet. */
enum rc negotiation_take_over(struct db *db, struct arena *a, const struct credential *who,
    const char *remote_id, const char *update_url, bool keyed, const char *body, const char *phones,
    const char **job_id, const char **fault) MUST_CHECK;

/* RC_NOT_FOUND alike for none and another's. */
enum rc negotiation_show(struct db *db, struct arena *a, const struct credential *who,
    const char *job_id, const char **body) MUST_CHECK;
enum rc negotiation_providers(struct db *db, struct arena *a, const struct credential *who,
    const char *job_id, bool transcripts, const char **body) MUST_CHECK;
/* Of all jobs, by their ids, those behind one. */
enum rc negotiation_all(struct db *db, struct arena *a, const struct credential *who, int64_t after,
    int64_t limit, const char **body) MUST_CHECK;

/* Whom a start would call now. */
struct negotiation_plan {
	enum { NEGOTIATION_UNKNOWN, NEGOTIATION_EMPTY, NEGOTIATION_FOUND } job;
	const char *description, *location, *max_price; /* location and max_price may be NULL */
	int count;
	struct negotiation_callee {
		const char *id, *phone, *estimated_price; /* the last may be NULL */
	} * callees;
};
enum rc negotiation_plan(struct db *db, struct arena *a, const struct credential *who,
    const char *job_id, struct negotiation_plan *plan) MUST_CHECK;

/* Accepts the calls of a start, all or none: wishes is a JSON array of {id, call_id, brief, slots}. What
 * all of them have in common, the idempotency key included, is in wish. */
enum rc negotiation_start(struct db *db, struct arena *a, const struct credential *who,
    const char *job_id, const char *wishes, const struct call_wish *wish,
    struct call_acceptance *acceptance) MUST_CHECK;

/* A start at an external backend. */
struct negotiation_errand {
	enum {
		NEGOTIATION_NO_JOB,
		NEGOTIATION_NO_PROVIDERS,
		NEGOTIATION_NOBODY, /* all are called already, or another start is asking now */
		NEGOTIATION_ASK     /* send it, then negotiation_settle() */
	} next;
	const char *workspace_id;
	const char *body;    /* what the backend is to be sent */
	const char *ids;     /* those whom it is to call, as the text of an array */
	const char *request; /* names this start: the same when it is repeated for the same calls */
};
enum rc negotiation_ask(struct db *db, struct arena *a, const struct credential *who,
    const char *job_id, const char *update_url, struct negotiation_errand *errand) MUST_CHECK;
/* How it ended; body is the answer to the start when the backend has taken it. */
enum rc negotiation_settle(struct db *db, struct arena *a, const char *job_id,
    const struct negotiation_errand *errand, bool taken, const char **body) MUST_CHECK;

/* A report on a provider's call. who is NULL for the backend itself. RC_NOT_FOUND; RC_CONFLICT: the call
 * is our own; RC_INVALID with the reason in *body; RC_OK with the provider in *body. */
enum rc negotiation_report(struct db *db, struct arena *a, const struct credential *who,
    const char *job_id, int64_t provider_id, const char *report, const char **body) MUST_CHECK;

/* The reports that are due on calls which are placed for somebody else. Columns: */
enum {
	REPORT_ID,
	REPORT_WORKSPACE_ID,
	REPORT_CALL_ID,
	REPORT_URL,
	REPORT_KEYED,
	REPORT_BODY,
	REPORT_FINAL /* nothing comes after it */
};
/* Transcripts of calls whose agent named no price, for a language model, leased for five minutes. */
enum { PRICE_ID, PRICE_WORKSPACE_ID, PRICE_CALL_ID, PRICE_TRANSCRIPT };
enum rc negotiation_prices_due(struct db *db, int limit, struct rows **rows) MUST_CHECK;

struct negotiation_price {
	const char *id, *workspace_id, *call_id;
	const char *price, *sentence; /* NULL: none was named */
	int64_t again_s; /* it could not be read: try again in so many seconds; -1: done */
};
/* *taken: it stands now, since the sentence is one that the provider said. */
enum rc negotiation_price_read(
    struct db *db, const struct negotiation_price *read, bool *taken) MUST_CHECK;

enum rc negotiation_reports_due(struct db *db, int limit, struct rows **rows) MUST_CHECK;

struct negotiation_reported {
	const char *id, *workspace_id, *call_id, *body;
	bool final;
	long status; /* of the answer, 0 when there was none */
	int64_t retry_after_s;
};
enum rc negotiation_reported(struct db *db, const struct negotiation_reported *r) MUST_CHECK;

#endif
