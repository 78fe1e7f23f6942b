/*
 * signature.h: the carrier's signature on its webhooks (X-Twilio-Signature): HMAC-SHA1 over the
 * exact public URL and the sorted form. Source: the carrier's "Webhooks security" page and its
 * own libraries, which accept the URL with and without a port.
 */
#ifndef AUTH_SIGNATURE_H
#define AUTH_SIGNATURE_H

#include <stdbool.h>

#include "base/str.h"

/*
 * Whether signature is right for a POST of the pairs (a WebSocket's handshake has none) to public_url + uri (uri is path and query
 * as received). The pairs are sorted in place. public_url has no trailing slash.
 */
bool signature_right(const char *auth_token, const char *public_url, const char *uri,
    struct str_pair *pairs, int count, const char *signature);

#endif
