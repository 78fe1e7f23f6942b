/*
 * speech.h: words to sound, by espeak-ng, in a thread of its own, since a sentence takes tens of
 * milliseconds. What was said once is kept for a while. The only user of libespeak-ng here.
 */
#ifndef VOICE_SPEECH_H
#define VOICE_SPEECH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPEECH_TEXT_MAX 1000 /* bytes of what is said in one go */

struct speech;

/* Starts the thread. Ends the program when it cannot. */
struct speech *speech_new(void);
/* No order may be open any more. */
void speech_free(struct speech *s);

/* Readable when something was made; then speech_deliver() hands it out. */
int speech_fd(const struct speech *s);
void speech_deliver(struct speech *s);

/*
 * Orders words. made(arg, pcmu, len) is called once, by speech_deliver(); the sound (mu-law at 8 kHz) is gone
 * afterwards, and there is none (len 0) when it could not be made. Orders are made one after the other.
 * Returns the order's number, or 0 when too many are waiting: then made() is not called.
 */
uint64_t speech_order(struct speech *s, const char *text, const char *language,
    void (*made)(void *arg, const uint8_t *pcmu, size_t len), void *arg);
/* made() is not called any more. */
void speech_forget(struct speech *s, uint64_t order);

#endif
