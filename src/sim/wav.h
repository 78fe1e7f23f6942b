/*
 * wav.h: files of 16 bit PCM at 8000 Hz.
 */
#ifndef SIM_WAV_H
#define SIM_WAV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WAV_HEAD 44 /* bytes before the first sample */

/* Writes all bytes where the file stands. False when that failed, which has been logged. */
bool wav_put(int fd, const void *bytes, size_t len);
/* Writes the head of a file with so many samples for each channel at its beginning; the first
 * time, the file then stands behind it. */
bool wav_put_head(int fd, size_t samples, int channels);

static inline void
wav_put_sample(unsigned char *at, int16_t sample)
{
	at[0] = (unsigned char)((uint16_t)sample & 0xff);
	at[1] = (unsigned char)((uint16_t)sample >> 8);
}

#endif
