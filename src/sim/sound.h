/*
 * sound.h: what a sound file holds, and the making of it: words that were said by TwiML and the
 * sound of media streams, in the order in which they were heard.
 */
#ifndef SIM_SOUND_H
#define SIM_SOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "sim/sid.h"
#include "sim/tape.h"

#define SOUND_PARTS_MAX 8
#define SOUND_TEXT_MAX (32 * 1024) /* of all parts together */
#define SOUND_LANGUAGE_SIZE 16

enum sound_format {
	SOUND_MP3,  /* 32 kbit/s, 16 kHz, mono */
	SOUND_WAV,  /* 8 kHz, 16 bit, mono */
	SOUND_VOICE /* bare mu-law, as a callee says it on a media stream */
};

struct sound {
	struct sound_part {
		char *text;                /* owned; NULL: of a stream */
		char stream_sid[SID_SIZE]; /* whose sound it is otherwise */
		int64_t samples;           /* so much of it */
	} part[SOUND_PARTS_MAX];
	int count;
	enum tape_side side;                /* of the streams */
	char language[SOUND_LANGUAGE_SIZE]; /* of the first words */
};

/* Adds words, to the last part where that has words too. What is too much is left out. */
void sound_add_words(struct sound *s, const char *words, const char *language);
void sound_add_stream(struct sound *s, const char *stream_sid, int64_t samples);
/* True when there is nothing in it. */
bool sound_empty(const struct sound *s);
/* How long a recording of it is: words by an estimate which sound_write() keeps. */
int sound_seconds(const struct sound *s);
/* What it is, as a text: two sounds with the same one sound alike. */
void sound_key(const struct sound *s, struct buf *out);
void sound_copy(const struct sound *from, struct sound *to);
void sound_free(struct sound *s);

/* Writes the file, in the one thread that may speak (speech.h). A voice is the first part alone.
 * False when it failed, which has been logged. */
bool sound_write(int fd, enum sound_format format, const struct sound *s);

#endif
