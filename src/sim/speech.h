/*
 * speech.h: words to sound, by espeak-ng and LAME. espeak-ng has one state for the whole
 * process: only one thread may use this file.
 */
#ifndef SIM_SPEECH_H
#define SIM_SPEECH_H

#include <stdbool.h>

enum speech_format { SPEECH_MP3, SPEECH_WAV };

/* How many seconds a recording of this text is given. An estimate by its letters and digits,
 * made generously; speech_write() then fills exactly that time. */
int speech_seconds(const char *text);

/* Writes the words to fd as one file: MP3 of 32 kbit/s (16 kHz mono) or WAV (8 kHz, 16 bit, mono),
 * as long as seconds says: silence at the end, or faster speech where it would not fit.
 * language is a tag such as en-GB; an unknown one is spoken in English. False when it failed,
 * which has been logged. */
bool speech_write(
    int fd, enum speech_format format, const char *text, const char *language, int seconds);
void speech_close(void);

#endif
