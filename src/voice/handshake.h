/* handshake.h: whether who connects is the carrier, for a call of ours. */
#ifndef VOICE_HANDSHAKE_H
#define VOICE_HANDSHAKE_H

#include <stdbool.h>

#include "base/id.h"

struct lws;

/* Reads and checks a handshake: the path, which names the call, and the carrier's signature over the URL
 * (public_url is https://…, and signed as wss://…). False when it is to be refused. */
bool handshake_read(
    struct lws *wsi, const char *public_url, const char *carrier_token, char call_id[ID_SIZE]);

#endif
