/*
 * hub.h: who listens to what, what each has been sent, and when his stream ends. Knows neither
 * sockets nor the database: both are reached through the functions in hub_ops. Times are those of
 * clock_boot_us().
 *
 * A listener first asks for the history behind the last event that he has, batch by batch, each
 * when the one before has left his buffer; then he is live and takes events as they come. One who is
 * too slow for that goes on from the table at his own pace, so nobody holds more than a bounded
 * buffer. What
 * comes in between is read again from the table: whoever asks it answers in the order in which
 * it looked, so an event that a batch does not hold is only told of after that batch. Ids have
 * no gaps, so one that comes ahead of its predecessor sends the listener back to the table; so does
 * a look at the table every heartbeat, should an event ever be missed.
 */
#ifndef STREAM_HUB_H
#define STREAM_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/event.h"

struct hub;
struct listener;

struct hub_rules {
	int expected;         /* so many listeners are usual; more only take longer to find */
	int64_t heartbeat_us; /* between two comments, and between two looks at the table */
	int64_t longest_us;   /* no stream lasts longer */
};

struct hub_ops {
	/* Sends on a stream; false when it has as much as it may hold: then nothing more is sent
	 * but heartbeats until hub_drained(). */
	bool (*send)(void *stream, const char *bytes, size_t len);
	/* Nothing follows: the stream closes itself once all has been sent. The hub has forgotten
	 * the listener. */
	void (*end)(void *stream);
	/* Wants the events of a call behind after; hub_replayed() answers. */
	void (*ask_replay)(void *arg, uint64_t listener, const char *call_id, int64_t after);
	/* Wants to know how calls stand (an array literal); hub_stands() answers for each. False:
	 * not now, ask again later. */
	bool (*ask_stand)(void *arg, const char *calls);
	void *arg; /* of the last two */
};

#define HUB_BATCH 100 /* events in an answer to ask_replay, at most */

/* ops is kept, not copied. */
struct hub *hub_new(const struct hub_rules *rules, const struct hub_ops *ops);
/* Forgets the listeners that are left, without a word to their streams. */
void hub_free(struct hub *h);
int hub_count(const struct hub *h);

/* A new listener, who has all events of the call up to after. */
struct listener *hub_join(
    struct hub *h, const char *call_id, int64_t after, void *stream, int64_t now);
/* The stream is gone. */
void hub_leave(struct hub *h, struct listener *l);
/* All that was sent to the listener has left us. */
void hub_drained(struct hub *h, struct listener *l);

/* An event was written, of whatever call. */
void hub_news(struct hub *h, const struct call_event *event, int64_t now);

/* The answer to ask_replay. */
struct replay {
	uint64_t listener;
	const char *call_id;
	const struct call_event *events; /* in order; a full HUB_BATCH may not be all */
	int count;
	bool final; /* the call has ended, as of the same instant */
};
void hub_replayed(struct hub *h, const struct replay *replay, int64_t now);

/* How a call stands: its number of events, and whether no more will come. */
void hub_stands(struct hub *h, const char *call_id, int64_t event_count, bool settled);

/* To be called several times a second: heartbeats, ends, looks at the table. */
void hub_tick(struct hub *h, int64_t now);

/* Ends all streams; their clients are told to come back in a moment. */
void hub_goodbye(struct hub *h);

#endif
