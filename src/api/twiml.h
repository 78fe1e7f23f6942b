/*
 * twiml.h: the TwiML that we answer the carrier with (its "TwiML for Programmable Voice" pages).
 * Whatever is spoken is escaped: a model's or a customer's words cannot become markup.
 */
#ifndef API_TWIML_H
#define API_TWIML_H

#include <stdint.h>

#include "base/mem.h"

/* Says the words (none when "") and listens; what is heard, or nothing, is sent to next_url. */
const char *twiml_listen(
    struct arena *a, const char *words, const char *language, const char *next_url);
/* The same, for a callee who holds the line: a second of silence is enough. */
const char *twiml_wait(
    struct arena *a, const char *words, const char *language, const char *next_url);
/* Says the words (none when ""), lets the callee wait a second unheard, and asks next_url. */
const char *twiml_hold(
    struct arena *a, const char *words, const char *language, const char *next_url);
/* Connects the call with a media stream, whose start bears the token; when it is over, next_url is asked. */
const char *twiml_stream(
    struct arena *a, const char *stream_url, const char *token, const char *next_url);
/* Connects the callee with a number for so many seconds, then hangs up. from: what it is shown. */
const char *twiml_dial(struct arena *a, const char *number, const char *from, int64_t seconds);
/* Says the words and asks next_url. */
const char *twiml_go_on(
    struct arena *a, const char *words, const char *language, const char *next_url);
/* Says the words (none when ""), presses the keys, and listens as twiml_listen(). */
const char *twiml_press(struct arena *a, const char *words, const char *language,
    const char *digits, const char *next_url);
/* Says the words (none when "") and hangs up. */
const char *twiml_end(struct arena *a, const char *words, const char *language);

#endif
