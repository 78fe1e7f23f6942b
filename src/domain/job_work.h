/*
 * job_work.h: jobs of the post-call pipeline, for who works on them: leased, reported, given back. The
 * rules stand in sql/functions/09_jobs.sql. A report of a lease that is not the newest changes nothing.
 */
#ifndef DOMAIN_JOB_WORK_H
#define DOMAIN_JOB_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "db/db.h"
#include "domain/pacer.h"
#include "domain/summary.h"

/* What a worker does; what the database does by itself (check) comes first. */
enum job_stage { JOB_CHECK, JOB_TRANSCRIBE, JOB_SUMMARISE, JOB_PUBLISH, JOB_STAGES };

/* ---- workers ---- */

#define JOB_WORKER_SIZE 40

/* Joins: worker is this process's name from now on. */
enum rc job_worker_join(
    struct db *db, const struct pacer_holder *me, char worker[JOB_WORKER_SIZE]) MUST_CHECK;
/* A sign of life, with the ids of the jobs under way (an array's text): what else it holds is due again.
 * Gives up those of whom nothing was heard for 45 s. known false: the worker itself was given up. */
enum rc job_worker_seen(
    struct db *db, const char *worker, const char *jobs, bool *known) MUST_CHECK;
/* The others. Columns: */
enum { JOB_WORKER_ID, JOB_WORKER_HOST, JOB_WORKER_PID, JOB_WORKER_PID_START };
enum rc job_workers(struct db *db, const char *worker, struct rows **rows) MUST_CHECK;
/* One is dead (lost), or leaves. */
enum rc job_worker_gone(struct db *db, const char *worker, bool lost) MUST_CHECK;
/* One died with that job in hand: the third time is its end. */
enum rc job_died(struct db *db, int64_t job_id) MUST_CHECK;

/* ---- what is due ---- */

/* The stages in which something is due. */
enum rc job_look(struct db *db, bool due[JOB_STAGES]) MUST_CHECK;

/* Where to look, and how much to take. */
struct job_want {
	int limit;
	int each;          /* of one workspace */
	const char *after; /* workspaces behind this one; "": from the start */
};
/* Checks what is due; how many jobs, and the workspace of the last (last holds 65 bytes; "" for none). */
enum rc job_check(
    struct db *db, const struct job_want *want, int *checked, char last[65]) MUST_CHECK;

/* Leases what is due in a stage to the worker. The first columns: */
enum { JOB_ID, JOB_WORKSPACE_ID, JOB_LEASE, JOB_FIRST };
/* JOB_TRANSCRIBE: */
enum {
	JOB_SOURCE = JOB_FIRST, /* api or callrail */
	JOB_EXTERNAL_ID,
	JOB_RECORDING_URL,
	JOB_CALLRAIL_ACCOUNT, /* of the workspace, or NULL */
	JOB_CALLRAIL_KEY
};
/* JOB_SUMMARISE: */
enum {
	JOB_ITEMS = JOB_FIRST, /* JSON: [{seq, role, text, start_ms, end_ms}] */
	JOB_NOTES,             /* JSON: what is noted of the first parts, or NULL */
	JOB_SCHEMA             /* JSON: what the workspace wants read out, or NULL */
};
/* JOB_PUBLISH: */
enum {
	JOB_SUMMARY = JOB_FIRST,
	JOB_RESULT, /* JSON */
	JOB_CALL_ID,
	JOB_CALLER_ID,        /* its external id */
	JOB_DURATION_SECONDS, /* or NULL */
	JOB_CREATED_S,        /* since 1970 */
	JOB_RECIPIENTS        /* JSON: those who have no mail about it yet */
};
enum rc job_lease(struct db *db, const char *worker, enum job_stage stage,
    const struct job_want *want, struct rows **rows) MUST_CHECK;

/* ---- reports ---- */

/* By what a worker holds a job. */
struct job_held {
	int64_t job_id, lease;
	const char *workspace_id;
};

/* Each: RC_OK also when another has taken over. usage, which may be NULL, is counted in any case. */
enum rc job_transcribed(struct db *db, const struct job_held *held, const char *items) MUST_CHECK;
/* Nothing was tried: it is due again after so long, and no try is counted. */
enum rc job_rest(struct db *db, const struct job_held *held, int64_t wait_s) MUST_CHECK;
enum rc job_noted(struct db *db, const struct job_held *held, const struct summary_usage *usage,
    const char *note) MUST_CHECK;
enum rc job_summarised(struct db *db, const struct job_held *held,
    const struct summary_usage *usage, const char *summary, const char *result) MUST_CHECK;

/* Keeps the mails of a job ([{recipient, message}], the message in base64) before any is sent; who has one
 * already keeps that. holds false: another has taken over, and nothing is to be sent. */
enum rc job_mails_plan(
    struct db *db, const struct job_held *held, const char *mails, bool *holds) MUST_CHECK;
/* Those that are not sent. Columns: */
enum { JOB_MAIL_RECIPIENT, JOB_MAIL_REFUSED, JOB_MAIL_MESSAGE };
enum rc job_mails(struct db *db, const struct job_held *held, struct rows **rows) MUST_CHECK;
/* One was sent, or refused for good. */
enum rc job_mailed(
    struct db *db, const struct job_held *held, const char *recipient, bool sent) MUST_CHECK;
/* All were sent. */
enum rc job_published(struct db *db, const struct job_held *held) MUST_CHECK;

/* A try that went wrong. */
struct job_wrong {
	const char *failure; /* in a word: fetch, transcription, model, mail, settings */
	const char *error;   /* in a sentence */
	int64_t wait_s;      /* at least, before the next try; -1: there is to be none */
};
enum rc job_wrong(struct db *db, const struct job_held *held, const struct summary_usage *usage,
    const struct job_wrong *wrong) MUST_CHECK;

#endif
