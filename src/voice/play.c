/*
 * play.c: see play.h. A mark goes out behind every MARK_EVERY bytes and at the end of what there is for
 * the moment. Between two marks the clock says how far the carrier is; the next mark is the limit.
 */
#include "voice/play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/mem.h"
#include "base/str.h"

#define BYTES_A_MS 8
#define ITEMS_MAX 32
#define MARKS_MAX 256
#define MARK_EVERY 3200      /* bytes */
#define MARK_PAUSE_US 100000 /* no sound for so long: a mark behind the last of it */
#define MARK_LOST_US 3000000 /* a carrier that does not echo: the clock alone counts */
#define HEARD_KEPT 8000      /* bytes that were heard are kept, for whoever listens */

struct piece {
	STAILQ_ENTRY(piece) next;
	int64_t item_no;
	int64_t due_us; /* when it is heard if nothing is late */
	bool keep;
	uint64_t at; /* once it is sent: the bytes of all that was sent before it */
	size_t len;
	uint8_t sound[];
};

struct item {
	char name[PLAY_ITEM_MAX];
	int64_t no;
	size_t queued, sent, heard, dropped; /* bytes; sent and dropped were queued before */
	int64_t started_us;
	bool closed, cut, keep;
};

struct mark {
	int64_t no;
	int64_t item_no;
	size_t at;      /* bytes of that item which were sent before it */
	uint64_t total; /* bytes of all of them */
};

struct play {
	STAILQ_HEAD(pieces, piece) queue;
	size_t queued;                /* bytes in it */
	struct pieces sent;           /* what the callee may still hear, or has just heard */
	int64_t due_end;              /* when the last of it is heard, if nothing is late */
	int64_t ends_at;              /* when the carrier has played all that was sent */
	int64_t sent_at;              /* the last sound */
	size_t since_mark;            /* bytes */
	uint64_t sent_total;          /* bytes */
	int64_t sent_no;              /* the item of the last of them */
	struct item items[ITEMS_MAX]; /* unfinished, oldest first */
	int item_count;
	int64_t item_no, mark_no;
	struct mark marks[MARKS_MAX]; /* that have not come back, oldest first */
	int mark_count;
	bool clear; /* the carrier is to be told */
	size_t dropped;
};

static int64_t
us_of(size_t bytes)
{
	return (int64_t)bytes * 1000 / BYTES_A_MS;
}

struct play *
play_new(void)
{
	struct play *p = mem_zalloc(1, sizeof *p);

	STAILQ_INIT(&p->queue);
	STAILQ_INIT(&p->sent);
	return p;
}

/* Takes the first piece out of the queue. */
static struct piece *
pull_first(struct play *p)
{
	struct piece *piece = STAILQ_FIRST(&p->queue);

	STAILQ_REMOVE_HEAD(&p->queue, next);
	p->queued -= piece->len;
	return piece;
}

static void
drop_first(struct play *p)
{
	free(pull_first(p));
}

static void
forget_first(struct play *p)
{
	struct piece *piece = STAILQ_FIRST(&p->sent);

	STAILQ_REMOVE_HEAD(&p->sent, next);
	free(piece);
}

void
play_free(struct play *p)
{
	while (!STAILQ_EMPTY(&p->queue))
		drop_first(p);
	while (!STAILQ_EMPTY(&p->sent))
		forget_first(p);
	free(p);
}

static struct item *
item_of(struct play *p, int64_t no)
{
	for (int i = 0; i < p->item_count; i++)
		if (p->items[i].no == no)
			return &p->items[i];
	return NULL;
}

/* A piece will never be sent. */
static void
lose_first(struct play *p)
{
	struct piece *piece = STAILQ_FIRST(&p->queue);
	struct item *item = item_of(p, piece->item_no);

	if (item != NULL)
		item->dropped += piece->len;
	p->dropped += piece->len;
	drop_first(p);
}

/* ---- in ---- */

void
play_close(struct play *p)
{
	for (int i = 0; i < p->item_count; i++)
		p->items[i].closed = true;
}

/* The newest item, when it has that name and is open; else a new one. NULL when there are too many. */
static struct item *
item_for(struct play *p, const char *name, bool keep)
{
	struct item *item = p->item_count > 0 ? &p->items[p->item_count - 1] : NULL;

	if (item != NULL && !item->closed && strcmp(item->name, name) == 0)
		return item;
	play_close(p);
	if (p->item_count == ITEMS_MAX)
		return NULL;
	item = &p->items[p->item_count++];
	*item = (struct item){ .no = ++p->item_no, .keep = keep };
	snprintf(item->name, sizeof item->name, "%s", name);
	return item;
}

static void
add_piece(struct play *p, struct item *item, const uint8_t *pcmu, size_t len, int64_t now)
{
	struct piece *piece = mem_alloc(sizeof *piece + len);

	memset(piece, 0, sizeof *piece);
	piece->item_no = item->no;
	piece->keep = item->keep;
	piece->len = len;
	memcpy(piece->sound, pcmu, len);
	if (p->due_end < now)
		p->due_end = now;
	piece->due_us = p->due_end;
	p->due_end += us_of(len);
	STAILQ_INSERT_TAIL(&p->queue, piece, next);
	p->queued += len;
	item->queued += len;
	while (p->queued > PLAY_QUEUE_MAX)
		lose_first(p);
}

void
play_add(struct play *p, const char *name, const uint8_t *pcmu, size_t len, bool keep, int64_t now)
{
	struct item *item = len > 0 ? item_for(p, name, keep) : NULL;

	if (item == NULL) {
		p->dropped += len;
		return;
	}
	for (size_t at = 0; at < len; at += PLAY_PIECE_MAX) {
		size_t part = len - at < PLAY_PIECE_MAX ? len - at : PLAY_PIECE_MAX;

		add_piece(p, item, pcmu + at, part, now);
	}
}

/* ---- out ---- */

static bool
mark_due(const struct play *p, int64_t now)
{
	if (p->since_mark == 0 || p->mark_count == MARKS_MAX)
		return false;
	if (p->since_mark >= MARK_EVERY)
		return true;
	return STAILQ_EMPTY(&p->queue) &&
	    (p->items[p->item_count - 1].closed || now - p->sent_at >= MARK_PAUSE_US);
}

/* Lets go of what was heard a while ago. */
static void
forget_heard(struct play *p, int64_t now)
{
	uint64_t heard = play_heard(p, now);
	const struct piece *first;

	while ((first = STAILQ_FIRST(&p->sent)) != NULL &&
	    first->at + first->len + HEARD_KEPT <= heard)
		forget_first(p);
}

bool
play_ready(struct play *p, int64_t now)
{
	struct piece *first;

	forget_heard(p, now);
	while ((first = STAILQ_FIRST(&p->queue)) != NULL && !first->keep &&
	    now - first->due_us > PLAY_LATE_US)
		lose_first(p);
	return p->clear || mark_due(p, now) || (first != NULL && p->ends_at - now < PLAY_LEAD_US);
}

static void
take_mark(struct play *p, struct play_out *out)
{
	const struct item *item = item_of(p, p->sent_no);

	p->since_mark = 0;
	p->marks[p->mark_count++] = (struct mark){ ++p->mark_no, p->sent_no,
		item == NULL ? 0 : item->sent, p->sent_total };
	snprintf(out->mark, sizeof out->mark, "m%lld", (long long)p->mark_no);
	out->kind = PLAY_MARK;
}

static void
take_sound(struct play *p, int64_t now, struct play_out *out)
{
	struct piece *piece = pull_first(p);
	struct item *item = item_of(p, piece->item_no);

	out->kind = PLAY_SOUND;
	out->len = piece->len;
	memcpy(out->sound, piece->sound, piece->len);
	if (p->ends_at < now)
		p->ends_at = now;
	if (item == NULL)
		abort(); /* an item outlives its pieces: see is_finished() */
	if (item->sent == 0)
		item->started_us = p->ends_at;
	item->sent += piece->len;
	p->ends_at += us_of(piece->len);
	p->sent_at = now;
	p->since_mark += piece->len;
	piece->at = p->sent_total;
	p->sent_total += piece->len;
	p->sent_no = piece->item_no;
	STAILQ_INSERT_TAIL(&p->sent, piece, next);
}

void
play_take(struct play *p, int64_t now, struct play_out *out)
{
	out->kind = PLAY_NOTHING;
	if (!play_ready(p, now))
		return;
	if (p->clear) {
		p->clear = false;
		out->kind = PLAY_CLEAR;
	} else if (mark_due(p, now)) {
		take_mark(p, out);
	} else {
		take_sound(p, now, out);
	}
}

/* ---- what was heard ---- */

/* The carrier has played all up to a mark. */
static void
reach(struct play *p, const struct mark *mark, int64_t now)
{
	for (int i = 0; i < p->item_count; i++) {
		struct item *item = &p->items[i];

		if (item->no < mark->item_no)
			item->heard = item->sent;
		if (item->no != mark->item_no)
			continue;
		item->heard = mark->at;
		item->started_us = now - us_of(mark->at);
	}
	p->ends_at = now + us_of((size_t)(p->sent_total - mark->total));
}

void
play_marked(struct play *p, const char *name, int64_t now)
{
	int64_t no;
	int done = 0;

	if (name[0] != 'm' || !str_int64(name + 1, 1, INT64_MAX, &no))
		return;
	while (done < p->mark_count && p->marks[done].no <= no)
		done++;
	if (done == 0 || p->marks[done - 1].no != no)
		return;
	reach(p, &p->marks[done - 1], now);
	p->mark_count -= done;
	memmove(p->marks, p->marks + done, (size_t)p->mark_count * sizeof p->marks[0]);
}

/* Bytes of an item that have been heard, by its marks and the clock. */
static size_t
heard_of(const struct play *p, const struct item *item, int64_t now)
{
	size_t most = item->sent;
	int64_t by_clock;

	if (item->sent == 0)
		return 0;
	for (int i = 0; i < p->mark_count; i++) {
		if (p->marks[i].item_no == item->no) {
			most = p->marks[i].at;
			break;
		}
	}
	by_clock = (now - item->started_us) * BYTES_A_MS / 1000;
	if (by_clock < (int64_t)item->heard)
		return item->heard;
	return by_clock > (int64_t)most ? most : (size_t)by_clock;
}

uint64_t
play_heard(const struct play *p, int64_t now)
{
	int64_t ahead = p->ends_at > now ? p->ends_at - now : 0, behind;
	uint64_t waits = (uint64_t)(ahead * BYTES_A_MS / 1000);
	uint64_t heard = waits < p->sent_total ? p->sent_total - waits : 0;

	if (p->mark_count == 0 || heard <= p->marks[0].total)
		return heard;
	/* Since the mark should have come back: on its way, or lost. */
	behind = us_of((size_t)(heard - p->marks[0].total));
	if (now > p->ends_at)
		behind += now - p->ends_at;
	return behind < MARK_LOST_US ? p->marks[0].total : heard;
}

size_t
play_heard_since(const struct play *p, uint64_t *from, int64_t now, uint8_t *out, size_t size)
{
	uint64_t until = play_heard(p, now);
	const struct piece *piece;
	size_t made = 0;

	STAILQ_FOREACH(piece, &p->sent, next)
	{
		uint64_t end = piece->at + piece->len < until ? piece->at + piece->len : until;
		uint64_t begin = piece->at > *from ? piece->at : *from;
		size_t part = begin < end ? (size_t)(end - begin) : 0;

		if (part > size - made)
			part = size - made;
		memcpy(out + made, piece->sound + (part > 0 ? begin - piece->at : 0), part);
		made += part;
	}
	if (until > *from)
		*from = until;
	return made;
}

/* The callee hears nothing more of what was sent. */
static void
cut_sent(struct play *p, int64_t now)
{
	uint64_t heard = play_heard(p, now);
	struct piece *piece;

	STAILQ_FOREACH(piece, &p->sent, next)
	{
		if (piece->at + piece->len > heard)
			piece->len = heard > piece->at ? (size_t)(heard - piece->at) : 0;
	}
}

static bool
keys_on_their_way(const struct play *p)
{
	for (int i = 0; i < p->item_count; i++)
		if (p->items[i].keep)
			return true;
	return false;
}

bool
play_clear(struct play *p, int64_t now, char name[PLAY_ITEM_MAX], int64_t *heard_ms)
{
	const struct item *cut = NULL;

	if (keys_on_their_way(p))
		return false;
	for (int i = 0; i < p->item_count; i++) {
		struct item *item = &p->items[i];

		item->heard = heard_of(p, item, now);
		if (item->heard + item->dropped < item->queued || !item->closed) {
			item->cut = true;
			if (cut == NULL)
				cut = item;
		}
		item->sent = item->heard;
		item->closed = true;
	}
	cut_sent(p, now);
	p->clear = p->clear || p->mark_count > 0 || p->since_mark > 0;
	while (!STAILQ_EMPTY(&p->queue))
		drop_first(p);
	p->mark_count = 0;
	p->since_mark = 0;
	p->ends_at = p->due_end = now;
	if (cut == NULL)
		return false;
	memcpy(name, cut->name, sizeof cut->name);
	*heard_ms = (int64_t)cut->heard / BYTES_A_MS;
	return true;
}

static bool
is_finished(const struct play *p, const struct item *item, int64_t now)
{
	const struct piece *first = STAILQ_FIRST(&p->queue);

	if (!item->closed)
		return false;
	if (item->cut)
		return true;
	if (first != NULL && first->item_no <= item->no)
		return false;
	return item->heard >= item->sent ||
	    now - item->started_us - us_of(item->sent) > MARK_LOST_US;
}

bool
play_finished(struct play *p, int64_t now, struct play_item *out)
{
	const struct item *item = &p->items[0];

	if (p->item_count == 0 || !is_finished(p, item, now))
		return false;
	*out = (struct play_item){ .started_us = item->heard > 0 || !item->cut ? item->started_us
									       : 0,
		.heard_ms = (int64_t)(item->cut ? item->heard : item->sent) / BYTES_A_MS,
		.whole_ms = (int64_t)item->queued / BYTES_A_MS,
		.cut = item->cut };
	memcpy(out->name, item->name, sizeof out->name);
	p->item_count--;
	memmove(p->items, p->items + 1, (size_t)p->item_count * sizeof p->items[0]);
	return true;
}

bool
play_busy(const struct play *p, int64_t now)
{
	return !STAILQ_EMPTY(&p->queue) || p->clear || p->ends_at > now ||
	    (p->mark_count > 0 && now - p->ends_at < MARK_LOST_US);
}

size_t
play_dropped(const struct play *p)
{
	return p->dropped;
}
