/* hub.c: see hub.h. A topic is a call that somebody listens to; topics are found by hash. */
#include "stream/hub.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "stream/frame.h"

#define SECOND INT64_C(1000000)
#define AFTER_OUTCOME (5 * SECOND)  /* how long a live stream lasts after the outcome */
#define LATE_LONGEST (300 * SECOND) /* and one that was opened after it, while more may come */
#define LATE_LOOK (1 * SECOND)      /* so often it is looked whether more may */
#define RETRY_MS 2000               /* an upper bound; half of it is the lower one */
#define RETRY_OVER_MS 3600000       /* nothing will ever come: no hurry */
#define STANDS_MAX 1000             /* calls in one question */
#define BATCH_BYTES_MAX (64u << 20)
#define BUCKETS_MIN 64
#define BUCKETS_MAX (1 << 20)

enum phase {
	ASKED, /* a batch of history is on its way */
	FULL,  /* there is more, to be read from the table once the buffer has drained */
	LIVE
};

struct listener {
	TAILQ_ENTRY(listener) of_hub, of_topic;
	struct topic *topic;
	void *stream;
	uint64_t no;
	int64_t sent; /* the last event that the client has */
	enum phase phase;
	bool attached; /* has been live */
	bool late;     /* the call had ended before that */
	int64_t beat_at, end_at;
};
TAILQ_HEAD(listeners, listener);

struct topic {
	TAILQ_ENTRY(topic) of_hub;
	struct topic *next; /* in its bucket */
	struct listeners listeners;
	int64_t look_at; /* when the table is asked how the call stands */
	char call_id[ID_SIZE];
};

struct hub {
	struct hub_rules rules;
	const struct hub_ops *ops;
	TAILQ_HEAD(, topic) topics;
	struct listeners listeners;
	struct topic **buckets;
	size_t mask;
	int count;
	uint64_t last_no;
	struct buf frame; /* what is being sent */
};

struct hub *
hub_new(const struct hub_rules *rules, const struct hub_ops *ops)
{
	struct hub *h = mem_zalloc(1, sizeof *h);
	size_t buckets = BUCKETS_MIN;

	while (buckets < (size_t)rules->expected && buckets < BUCKETS_MAX)
		buckets *= 2;
	h->rules = *rules;
	h->ops = ops;
	h->mask = buckets - 1;
	h->buckets = mem_zalloc(buckets, sizeof *h->buckets);
	TAILQ_INIT(&h->topics);
	TAILQ_INIT(&h->listeners);
	buf_init(&h->frame, BATCH_BYTES_MAX);
	return h;
}

int
hub_count(const struct hub *h)
{
	return h->count;
}

/* ---- topics ---- */

/* FNV-1a: ids are of our own making, nobody can choose them to collide. */
static struct topic **
bucket(struct hub *h, const char *call_id)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *call_id != '\0'; call_id++)
		hash = (hash ^ (unsigned char)*call_id) * UINT64_C(0x100000001b3);
	return &h->buckets[(hash ^ hash >> 32) & h->mask];
}

static struct topic *
topic_find(struct hub *h, const char *call_id)
{
	struct topic *t = *bucket(h, call_id);

	while (t != NULL && strcmp(t->call_id, call_id) != 0)
		t = t->next;
	return t;
}

static struct topic *
topic_make(struct hub *h, const char *call_id, int64_t now)
{
	struct topic **head = bucket(h, call_id), *t = mem_zalloc(1, sizeof *t);

	memcpy(t->call_id, call_id, strlen(call_id) + 1);
	TAILQ_INIT(&t->listeners);
	t->look_at = now + h->rules.heartbeat_us;
	t->next = *head;
	*head = t;
	TAILQ_INSERT_TAIL(&h->topics, t, of_hub);
	return t;
}

static void
topic_free(struct hub *h, struct topic *t)
{
	struct topic **at = bucket(h, t->call_id);

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	TAILQ_REMOVE(&h->topics, t, of_hub);
	free(t);
}

/* ---- listeners ---- */

void
hub_leave(struct hub *h, struct listener *l)
{
	struct topic *t = l->topic;

	TAILQ_REMOVE(&h->listeners, l, of_hub);
	TAILQ_REMOVE(&t->listeners, l, of_topic);
	h->count--;
	free(l);
	if (TAILQ_EMPTY(&t->listeners))
		topic_free(h, t);
}

void
hub_free(struct hub *h)
{
	while (!TAILQ_EMPTY(&h->listeners))
		hub_leave(h, TAILQ_FIRST(&h->listeners));
	buf_free(&h->frame);
	free(h->buckets);
	free(h);
}

/* Ends a stream; its client is told when to come back. */
static void
end(struct hub *h, struct listener *l, int64_t retry_ms)
{
	void *stream = l->stream;

	buf_clear(&h->frame);
	frame_retry(retry_ms, &h->frame);
	(void)h->ops->send(stream, h->frame.data, h->frame.len);
	hub_leave(h, l);
	h->ops->end(stream);
}

static void
ask(struct hub *h, struct listener *l)
{
	l->phase = ASKED;
	h->ops->ask_replay(h->ops->arg, l->no, l->topic->call_id, l->sent);
}

struct listener *
hub_join(struct hub *h, const char *call_id, int64_t after, void *stream, int64_t now)
{
	struct listener *l = mem_zalloc(1, sizeof *l);
	struct topic *t = topic_find(h, call_id);

	if (t == NULL)
		t = topic_make(h, call_id, now);
	l->topic = t;
	l->stream = stream;
	l->no = ++h->last_no;
	l->sent = after;
	l->beat_at = now + h->rules.heartbeat_us;
	l->end_at = now + h->rules.longest_us;
	TAILQ_INSERT_TAIL(&h->listeners, l, of_hub);
	TAILQ_INSERT_TAIL(&t->listeners, l, of_topic);
	h->count++;
	buf_clear(&h->frame);
	frame_retry(clock_jitter_ms(RETRY_MS), &h->frame);
	(void)h->ops->send(stream, h->frame.data, h->frame.len);
	ask(h, l);
	return l;
}

void
hub_drained(struct hub *h, struct listener *l)
{
	if (l->phase == FULL)
		ask(h, l);
}

/* ---- what comes ---- */

static void
end_soon(struct listener *l, int64_t at)
{
	if (at < l->end_at)
		l->end_at = at;
}

/* What an event means beyond its being sent: after the outcome a live stream is nearly over. */
static void
note(struct listener *l, const struct call_event *event, int64_t now)
{
	l->sent = event->event_id;
	if (l->attached && !l->late && strcmp(event->event_type, "outcome") == 0)
		end_soon(l, now + AFTER_OUTCOME);
}

void
hub_news(struct hub *h, const struct call_event *event, int64_t now)
{
	struct topic *t = topic_find(h, event->call_id);
	struct listener *l;

	if (t == NULL)
		return;
	buf_clear(&h->frame);
	frame_event(event, &h->frame);
	TAILQ_FOREACH(l, &t->listeners, of_topic)
	{
		if (l->phase != LIVE || event->event_id <= l->sent)
			continue;
		if (event->event_id > l->sent + 1) {
			ask(h, l);
			continue;
		}
		if (!h->ops->send(l->stream, h->frame.data, h->frame.len))
			l->phase = FULL;
		note(l, event, now);
	}
}

static struct listener *
find_listener(struct hub *h, const char *call_id, uint64_t no)
{
	struct topic *t = topic_find(h, call_id);
	struct listener *l = t == NULL ? NULL : TAILQ_FIRST(&t->listeners);

	while (l != NULL && l->no != no)
		l = TAILQ_NEXT(l, of_topic);
	return l;
}

/* The history has been sent to its end. */
static void
go_live(struct listener *l, bool final, int64_t now)
{
	l->phase = LIVE;
	if (l->attached)
		return;
	l->attached = true;
	l->late = final;
	if (final) {
		end_soon(l, now + LATE_LONGEST);
		l->topic->look_at = now;
	}
}

void
hub_replayed(struct hub *h, const struct replay *replay, int64_t now)
{
	struct listener *l = find_listener(h, replay->call_id, replay->listener);
	bool room = true;

	if (l == NULL)
		return;
	buf_clear(&h->frame);
	for (int i = 0; i < replay->count; i++)
		frame_event(&replay->events[i], &h->frame);
	if (h->frame.len > 0)
		room = h->ops->send(l->stream, h->frame.data, h->frame.len);
	for (int i = 0; i < replay->count; i++)
		note(l, &replay->events[i], now);
	if (replay->count == HUB_BATCH || !room)
		l->phase = FULL;
	else
		go_live(l, replay->final, now);
}

void
hub_stands(struct hub *h, const char *call_id, int64_t event_count, bool settled)
{
	struct topic *t = topic_find(h, call_id);
	struct listener *l, *next;

	for (l = t == NULL ? NULL : TAILQ_FIRST(&t->listeners); l != NULL; l = next) {
		next = TAILQ_NEXT(l, of_topic);
		if (l->phase != LIVE)
			continue;
		if (l->sent < event_count)
			ask(h, l);
		else if (l->late && settled)
			end(h, l, RETRY_OVER_MS);
	}
}

/* ---- time ---- */

/* Asks the table about the calls that are due, as many as go into one question. */
static void
look_at_table(struct hub *h, int64_t now)
{
	struct topic *t, *due[STANDS_MAX];
	struct buf list;
	int count = 0;

	buf_init(&list, STANDS_MAX * (ID_SIZE + 1) + 2);
	TAILQ_FOREACH(t, &h->topics, of_hub)
	{
		if (t->look_at > now || count == STANDS_MAX)
			continue;
		buf_printf(&list, "%s%s", count == 0 ? "{" : ",", t->call_id);
		due[count++] = t;
	}
	buf_puts(&list, "}");
	if (count > 0 && h->ops->ask_stand(h->ops->arg, list.data)) {
		for (int i = 0; i < count; i++) {
			struct listener *l = TAILQ_FIRST(&due[i]->listeners);
			bool late = false;

			for (; l != NULL && !late; l = TAILQ_NEXT(l, of_topic))
				late = l->late;
			due[i]->look_at = now + (late ? LATE_LOOK : h->rules.heartbeat_us);
		}
	}
	buf_free(&list);
}

void
hub_tick(struct hub *h, int64_t now)
{
	struct listener *l, *next;

	for (l = TAILQ_FIRST(&h->listeners); l != NULL; l = next) {
		next = TAILQ_NEXT(l, of_hub);
		if (now >= l->end_at) {
			end(h, l, clock_jitter_ms(RETRY_MS));
		} else if (now >= l->beat_at) {
			l->beat_at = now + h->rules.heartbeat_us;
			(void)h->ops->send(l->stream, FRAME_HEARTBEAT, sizeof FRAME_HEARTBEAT - 1);
		}
	}
	look_at_table(h, now);
}

void
hub_goodbye(struct hub *h)
{
	while (!TAILQ_EMPTY(&h->listeners))
		end(h, TAILQ_FIRST(&h->listeners), clock_jitter_ms(RETRY_MS));
}
