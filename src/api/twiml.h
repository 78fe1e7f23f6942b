/*
 * twiml.h: the TwiML that we answer the carrier with (its "TwiML for Programmable Voice" pages).
 * Whatever is spoken is escaped: a model's or a customer's words cannot become markup.
 */
#ifndef API_TWIML_H
#define API_TWIML_H

#include "base/mem.h"

/* Says the words (none when "") and listens; what is heard, or nothing, is sent to next_url. */
const char *twiml_listen(
    struct arena *a, const char *words, const char *language, const char *next_url);
/* Says the words (none when ""), lets the callee wait a second, and asks next_url. */
const char *twiml_hold(
    struct arena *a, const char *words, const char *language, const char *next_url);
/* Says the words (none when "") and hangs up. */
const char *twiml_end(struct arena *a, const char *words, const char *language);

#endif
