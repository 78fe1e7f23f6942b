/* queue.h: reading the queue of waiting calls, for the one who dials them. */
#ifndef DOMAIN_QUEUE_H
#define DOMAIN_QUEUE_H

#include <stdint.h>

#include "base/err.h"
#include "db/db.h"

/* Columns of the two readings below. */
enum { QUEUE_NO, QUEUE_WORKSPACE, QUEUE_RANK, QUEUE_LANE };

/* The first waiting call of each lane; one index probe for each, however long the
 * queue is. last: the highest number in the queue. */
enum rc queue_heads(struct db *db, int64_t *last, struct rows **rows) MUST_CHECK;

/* What came since: rows behind after, those of the missing numbers (an array literal such as
 * "{3,7}") that have appeared, and those that have just come back (a deposed dialer may have put them
 * there). At most 1,000 of each. */
enum rc queue_news(
    struct db *db, int64_t after, const char *missing, struct rows **rows) MUST_CHECK;

/* The first waiting call of this lane behind after; 0 when there is none. */
enum rc queue_next(struct db *db, const char *workspace, int rank, const char *lane, int64_t after,
    int64_t *no) MUST_CHECK;

/* Which of these workspaces (an array literal) are below their cap and not stopped. Two columns: the id, and how
 * many calls it has in flight. */
enum rc queue_below_cap(
    struct db *db, const char *workspaces, int64_t default_cap, struct rows **rows) MUST_CHECK;

/* Which of these lanes (two array literals: workspaces and names) need not wait any more for the end of a
 * pause or below a campaign's cap. Three columns: workspace, name, and how many calls the campaign has in
 * flight, NULL when they were not counted. */
enum rc queue_lanes_free(
    struct db *db, const char *workspaces, const char *lanes, struct rows **rows) MUST_CHECK;

/* Brings calls whose time has come into the queue, limit of each kind at most. behind_us: only times that
 * are no older are looked at, -1: all. next_us: in which time the next is due, -1: none is known. */
enum rc queue_wake(
    struct db *db, int64_t behind_us, int limit, int *woken, int64_t *next_us) MUST_CHECK;

/* Sets the count that positions are computed from right; for when the queue stands still. */
enum rc queue_recount(struct db *db) MUST_CHECK;

#endif
