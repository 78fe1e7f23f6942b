/*
 * talk.h: the conversation of an answered call: fetch TwiML, obey it verb by verb, let the callee
 * speak when it is its turn, until the document or somebody ends the call.
 */
#ifndef SIM_TALK_H
#define SIM_TALK_H

#include <stdbool.h>

#include "sim/call.h"
#include "sim/line.h"

/* The callee is on the line: begin with the call's own Url or Twiml. */
void talk_start(struct call *c);
/* Leave the running document for another one: url, or twiml when url is NULL. The call is in
 * progress and talk_start() has been called. */
void talk_redirect(struct call *c, const char *url, bool get, const char *twiml);

/* What has happened on a media stream of a call. Either may be gone by now. */
void talk_stream_news(const struct line_news *news, const char *stream_sid);

#endif
