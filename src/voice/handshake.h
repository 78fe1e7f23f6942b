/* handshake.h: whether who connects is the carrier, for a call of ours. */
#ifndef VOICE_HANDSHAKE_H
#define VOICE_HANDSHAKE_H

#include <stdbool.h>

#include "base/id.h"

struct lws;

/* Whether a path without a query names a call, whose id is then in call_id, and the signature over its URL is
 * the carrier's (public_url is https://…, and signed as wss://…). */
bool handshake_right(const char *uri, const char *signature, const char *public_url,
    const char *carrier_token, char call_id[ID_SIZE]);

/* The same of a handshake that is under way. False when it is to be refused. */
bool handshake_read(
    struct lws *wsi, const char *public_url, const char *carrier_token, char call_id[ID_SIZE]);

#endif
