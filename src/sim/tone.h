/*
 * tone.h: sounds that nobody speaks: the beep of a machine, music on hold, the tones of keys.
 */
#ifndef SIM_TONE_H
#define SIM_TONE_H

#include <stddef.h>
#include <stdint.h>

#include "sim/ulaw.h"

/* len samples of mu-law from the sample number at (from 0) of an endless sound. */
void tone_beep(uint64_t at, uint8_t *out, size_t len);
void tone_music(uint64_t at, uint8_t *out, size_t len);

/* The key (0-9 A-D # *) whose two tones these 20 ms are, or 0. */
char tone_key(const uint8_t pcmu[ULAW_FRAME]);

#endif
