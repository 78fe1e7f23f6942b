/* signature.c: see signature.h. */
#include "auth/signature.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"

#define SIGNED_MAX (256u << 10)

static int
by_name_and_value(const void *left, const void *right)
{
	const struct str_pair *l = left, *r = right;
	int order = strcmp(l->name, r->name);

	return order != 0 ? order : strcmp(l->value, r->value);
}

/* What was signed, but for the port, which the carrier writes or leaves out. */
struct message {
	const char *auth_token;
	const char *base; /* scheme and host, base_len bytes */
	size_t base_len;
	const char *uri;
	const struct str_pair *pairs; /* sorted */
	int count;
};

static bool
signs(const struct message *m, const char *port, const char *signature)
{
	uint8_t mac[DIGEST_SHA1_SIZE];
	bool right;
	char text[4 * ((DIGEST_SHA1_SIZE + 2) / 3) + 1];
	struct buf signed_text;

	buf_init(&signed_text, SIGNED_MAX);
	buf_add(&signed_text, m->base, m->base_len);
	buf_puts(&signed_text, port);
	buf_puts(&signed_text, m->uri);
	for (int i = 0; i < m->count; i++) {
		if (i > 0 && by_name_and_value(&m->pairs[i - 1], &m->pairs[i]) == 0)
			continue; /* a pair that comes twice is signed once */
		buf_puts(&signed_text, m->pairs[i].name);
		buf_puts(&signed_text, m->pairs[i].value);
	}
	digest_hmac_sha1(
	    m->auth_token, strlen(m->auth_token), signed_text.data, signed_text.len, mac);
	digest_base64(mac, sizeof mac, text);
	right = !buf_failed(&signed_text) &&
	    digest_equal(text, strlen(text), signature, strlen(signature));
	buf_free(&signed_text);
	return right;
}

bool
signature_right(const char *auth_token, const char *public_url, const char *uri,
    struct str_pair *pairs, int count, const char *signature)
{
	const char *host = strstr(public_url, "://");
	const char *colon = host == NULL ? NULL : strchr(host + 3, ':');
	size_t bare = colon == NULL ? strlen(public_url) : (size_t)(colon - public_url);
	const char *given = colon == NULL ? "" : colon;
	bool safe = str_starts(public_url, "https") || str_starts(public_url, "wss");
	const char *standard = safe ? ":443" : ":80";
	struct message m = { auth_token, public_url, bare, uri, pairs, count };

	if (auth_token[0] == '\0')
		return false;
	qsort(pairs, (size_t)count, sizeof *pairs, by_name_and_value);
	return signs(&m, given, signature) || signs(&m, colon == NULL ? standard : "", signature);
}
