/* voice_frames.h: the sound of voice_ends.c, and how it counts times. */
#ifndef BENCH_VOICE_FRAMES_H
#define BENCH_VOICE_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

/* What a frame holds; the first three are loud, and told from all others by their samples. */
enum sound { MARK, BREAK_IN, SPEECH, QUIET, SOUNDS };

/* 20 ms of each in base64: mu-law at 8 kHz, and 16 bits at 24 kHz. */
extern char *frame_pcmu[SOUNDS], *frame_linear[SOUNDS];
void frames_make(void);
/* MARK or BREAK_IN by a sample in the middle of the sound in a message, QUIET for all else; *ms of it. The carrier
 * is sent what the model says, at its 24 kHz, when nobody resamples. */
enum sound frame_hear(const char *message, bool is_carrier, int *ms);

int64_t clock_ns(void);

/* Times in steps of 20 us, up to two seconds; what is later counts as the last. */
struct times {
	long steps[100000], count;
};

void times_add(struct times *t, int64_t ns);
/* A member of a JSON object, and a comma. */
void times_print(const char *name, const struct times *t);

#endif
