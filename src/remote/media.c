/* media.c: see media.h. */
#include "remote/media.h"

#include <string.h>

#include "base/digest.h"

const char *
media_url(const struct carrier *c, struct arena *a, const char *recording_sid)
{
	return arena_printf(a, "%s/2010-04-01/Accounts/%s/Recordings/%s.mp3", c->api_url,
	    c->account_sid, recording_sid);
}

const char *
media_authorization(const struct carrier *c, struct arena *a)
{
	const char *pair = arena_printf(a, "%s:%s", c->account_sid, c->auth_token);
	size_t len = strlen(pair);
	char *text = arena_alloc(a, 4 * ((len + 2) / 3) + 1);

	digest_base64(pair, len, text);
	return arena_printf(a, "Basic %s", text);
}
