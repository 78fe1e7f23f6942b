/*
 * tape.h: the sound of a media stream in a WAV file (16 bit, 8000 Hz): the callee left, the agent
 * right. It is written while the call goes on, in the folder of this run.
 */
#ifndef SIM_TAPE_H
#define SIM_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/sid.h"
#include "sim/ulaw.h"

enum tape_side { TAPE_BOTH, TAPE_CALLEE, TAPE_AGENT };

struct tape;

/* A new file for this stream, or NULL when it cannot be made, which has been logged. max: samples
 * after which nothing more is kept. */
struct tape *tape_open(const char *stream_sid, int64_t max);
void tape_add(struct tape *t, const uint8_t callee[ULAW_FRAME], const uint8_t agent[ULAW_FRAME]);
/* Samples that were added, for each side. */
int64_t tape_samples(const struct tape *t);
/* Everything that was added is in the file afterwards. */
void tape_flush(struct tape *t);
void tape_close(struct tape *t);

/* The file of a stream, open for reading, or -1. Any thread. */
int tape_file(const char *stream_sid);
void tape_remove(const char *stream_sid);
/* Reads samples from the start of the file; what is not there is silence. Any thread. False when
 * there is no such file. */
bool tape_read(const char *stream_sid, enum tape_side side, int16_t *out, size_t samples);

#endif
