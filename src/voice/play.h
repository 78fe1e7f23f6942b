/*
 * play.h: what the callee is to hear: sound on its way to the carrier, in order, in items (what is said in
 * one go). The carrier is kept ahead of what it plays, and tells by marks how far it has come, so that it
 * is known at any time how much of an item was really heard. Pure: no clock, no socket.
 *
 * Sound is G.711 mu-law at 8 kHz: eight bytes are a millisecond. Times are those of clock_boot_us().
 */
#ifndef VOICE_PLAY_H
#define VOICE_PLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAY_ITEM_MAX 64      /* bytes of the name of an item, with its zero */
#define PLAY_PIECE_MAX 1600   /* bytes that go out in one message: 200 ms */
#define PLAY_QUEUE_MAX 131072 /* bytes that wait; what is over drops the oldest */
#define PLAY_LEAD_US 30000000 /* the carrier has at most so much that it has not played */
#define PLAY_LATE_US 2000000  /* sound that should have been heard so long ago is dropped */

struct play;

struct play *play_new(void);
void play_free(struct play *p);

/* Sound of an item goes behind all that there is. The item is the newest or a new one, which closes those
 * before it. keep: clearing leaves it alone (keys that are pressed). */
void play_add(
    struct play *p, const char *item, const uint8_t *pcmu, size_t len, bool keep, int64_t now);
/* No more sound of what there is: each item ends where it stands. */
void play_close(struct play *p);

enum play_kind { PLAY_NOTHING, PLAY_SOUND, PLAY_MARK, PLAY_CLEAR };

struct play_out {
	enum play_kind kind;
	uint8_t sound[PLAY_PIECE_MAX];
	size_t len;
	char mark[24];
};

/* Whether play_take() would give something. */
bool play_ready(struct play *p, int64_t now);
/* The next thing to send, which counts as sent. */
void play_take(struct play *p, int64_t now, struct play_out *out);
/* The carrier has come to a mark of ours; others are ignored. */
void play_marked(struct play *p, const char *mark, int64_t now);

/* Nothing more of what there is shall be heard. True when something was cut off: then item is what was
 * being heard, and heard_ms so much of it. False with keys on their way, or when nothing is. */
bool play_clear(struct play *p, int64_t now, char item[PLAY_ITEM_MAX], int64_t *heard_ms);

/* An item that has been heard as far as it ever will be. */
struct play_item {
	char name[PLAY_ITEM_MAX];
	int64_t started_us; /* when its first sound was heard; 0: none was */
	int64_t heard_ms;   /* so much of it was heard … */
	int64_t whole_ms;   /* … of so much */
	bool cut;           /* the callee interrupted it */
};
/* The oldest of them, each once; false when there is none. */
bool play_finished(struct play *p, int64_t now, struct play_item *item);

/* How many bytes of all that was sent have been heard, as far as is known; what was cut off counts as well. */
uint64_t play_heard(const struct play *p, int64_t now);
/* What was heard since *from (a result of the above, of a second ago at most), as it was sent and without what
 * was cut off; *from is moved to now. The bytes in out; what is over size is left out. */
size_t play_heard_since(
    const struct play *p, uint64_t *from, int64_t now, uint8_t *out, size_t size);

/* Whether anything is still to be heard, as far as is known. */
bool play_busy(const struct play *p, int64_t now);
/* Bytes that were dropped because they came too late, or were too many. */
size_t play_dropped(const struct play *p);

#endif
