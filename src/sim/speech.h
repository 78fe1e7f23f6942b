/*
 * speech.h: words to samples, by espeak-ng, which has one state for the whole process: only one
 * thread may use this file, but for speech_seconds().
 */
#ifndef SIM_SPEECH_H
#define SIM_SPEECH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Samples at 8000 Hz; zeroed at first, freed by pcm_free(). */
struct pcm {
	int16_t *sample;
	size_t count, room;
};

/* Makes room for so many more samples, counts them and returns the first. */
int16_t *pcm_more(struct pcm *p, size_t count);
void pcm_free(struct pcm *p);

/* How many seconds a recording of this text is given. An estimate by its letters and digits,
 * made generously; speech_fit() then fills exactly that time. */
int speech_seconds(const char *text);

/* Adds the words to out, as long as seconds says: silence at the end, or faster speech where it
 * would not fit. language is a tag such as en-GB; an unknown one is spoken in English. False when
 * it failed, which has been logged. */
bool speech_fit(const char *text, const char *language, int seconds, struct pcm *out);
/* The same as a person says them: no longer and no shorter, from the first sound to the last. */
bool speech_say(const char *text, const char *language, struct pcm *out);
void speech_close(void);

#endif
