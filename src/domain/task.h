/*
 * task.h: what was asked of the task routes: one call, one at a time of its own, or many. A task is its
 * calls; how it stands is read from them. The rules stand in sql/functions/15_tasks.sql.
 */
#ifndef DOMAIN_TASK_H
#define DOMAIN_TASK_H

#include <jansson.h>

#include "domain/call.h"

/* Which calls the task is made of; in what they are alike stands in a call_wish. */
struct task_wish {
	const char *kind;        /* single, scheduled, campaign */
	const char *calls;       /* their ids and their numbers as array literals: task_numbers() */
	const char *phones;      /* in the order in which they are to be dialed */
	const char *duplicates;  /* JSON: numbers that were given more than once, or NULL */
	int64_t count;           /* how many calls that makes */
	const char *from_number; /* NULL: the product's own */
	const char *webhook_url, *status_callback_url; /* or NULL */
	int64_t rank;                                  /* sql/009_lanes.sql, and lane likewise */
	const char *lane;
	const char *starts_at;  /* scheduled: ISO 8601 */
	int64_t delay_s;        /* single: how long to wait before it */
	int64_t spacing_s;      /* campaign: between two calls */
	int64_t max_concurrent; /* campaign; 0: the customer's cap alone */
	const char *message;    /* for the answer, and so are: */
	int64_t minutes;        /* estimated duration of a campaign; 0: none */
	const char *note;       /* or NULL */
	/* Campaigns; NULL: not, or the usual. */
	const char *name;
	int64_t retry_max, retry_after_s;    /* retry_max 0: a number is called once */
	const char *retry_on;                /* outcomes, as an array literal */
	const char *window_from, *window_to; /* HH:MM */
	const char *window_days;             /* 1 Monday to 7, as an array literal */
	const char *zone;                    /* in which all numbers lie, or task_zones() */
	const char *zone_sets, *zone_of;     /* zones of numbers, and which is each one's; from 1 */
	const char *each;                    /* JSON: metadata of each call, in their order */
	const char *more; /* JSON: an object whose fields are added to the answer */
};

/* Makes a call of each number in an array of texts, once. Texts are in the arena. */
void task_numbers(struct task_wish *task, struct arena *a, const json_t *numbers);

/* Finds the time zones of the numbers that have been read. */
void task_zones(struct task_wish *task, struct arena *a);

/* Accepts the task with all its calls, or says why not, in one round trip and one commit; the body of
 * the acceptance is the answer. As call_accept(). */
enum rc task_accept(struct db *db, struct arena *a, const struct credential *who,
    const struct call_wish *wish, const struct task_wish *task,
    struct call_acceptance *acceptance) MUST_CHECK;

/* One row whose columns from TASK_FIRST_COLUMN on are the fields of a task's status, in its order
 * (api/tasks.c). RC_NOT_FOUND alike for none and another's. */
#define TASK_FIRST_COLUMN 2
enum rc task_show(struct db *db, const struct credential *who, const char *task_id,
    struct rows **rows) MUST_CHECK;

/* The newest tasks that have not ended: columns from TASK_FIRST_COLUMN on, likewise; NULL there in
 * the only row when there are none. */
enum rc task_active(
    struct db *db, const struct credential *who, int64_t limit, struct rows **rows) MUST_CHECK;

/* Cancels what has not ended; false for unknown, foreign, ended and cancelled tasks alike. */
enum rc task_cancel(
    struct db *db, const struct credential *who, const char *task_id, bool *cancelled) MUST_CHECK;

/* Whether calls can be made now, as far as the database knows. */
struct task_health {
	bool alive;          /* a scheduler leads */
	const char *seen_at; /* when it was last seen, or NULL */
	const char *answer;  /* the carrier's last: accepted, refused, throttled; or NULL */
	const char *answered_at;
};
enum rc task_health(struct db *db, struct arena *a, struct task_health *health) MUST_CHECK;

#endif
