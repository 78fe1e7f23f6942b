/*
 * event.h: what happened to calls, for those who follow it as it comes. Events are written by the
 * functions in sql/functions alone. One form of an event for all: what a customer polls, what he
 * is streamed and what he is sent is call_event_body() each time.
 */
#ifndef DOMAIN_EVENT_H
#define DOMAIN_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "db/db.h"

/* One event; texts are borrowed from the rows that it was read from. */
struct call_event {
	int64_t event_id; /* within its call, from 1 without gaps */
	const char *call_id;
	const char *event_type;
	const char *created_at; /* ISO 8601 */
	const char *data;       /* a JSON object */
};

/* The event in a row whose columns from first_column on are event_id, call_id, event_type,
 * created_at and data; false when event_id is NULL: there is none. */
bool call_event_read(const struct rows *rows, int row, int first_column, struct call_event *event);
/* Appends it as one JSON object on one line. */
void call_event_body(const struct call_event *event, struct buf *out);

/* The number that was drawn last in the order of all events (call_events.seq). */
enum rc call_event_last_seq(struct db *db, int64_t *seq) MUST_CHECK;

/* What was written since, of all calls, in the order of seq: at most EVENT_NEWS_MAX events behind
 * after, and those of the missing numbers (an array literal) that have appeared. */
#define EVENT_NEWS_MAX 250
enum {
	EVENT_NEWS_SEQ,
	EVENT_NEWS_FIRST
}; /* columns; from the second on as call_event_read() wants */
enum rc call_event_news(
    struct db *db, int64_t after, const char *missing, struct rows **rows) MUST_CHECK;

/* The first limit events of a call behind after, and whether it has ended, of one instant. No row:
 * no such call. One without an event: none behind after. */
enum { EVENT_REPLAY_FINAL, EVENT_REPLAY_FIRST };
enum rc call_event_replay(
    struct db *db, const char *call_id, int64_t after, int limit, struct rows **rows) MUST_CHECK;

/* How far each of these calls (an array literal) has come: its id, how many events it has, and
 * whether no more will come. */
enum { EVENT_STAND_CALL, EVENT_STAND_COUNT, EVENT_STAND_SETTLED };
enum rc call_event_stand(struct db *db, const char *calls, struct rows **rows) MUST_CHECK;

#endif
