/* handshake.c: see handshake.h. */
#include "voice/handshake.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <string.h>

#include "auth/signature.h"
#include "base/str.h"

#define PATH "/twilio/media/"
#define PATH_SIZE 128
#define SIGNATURE_SIZE 64
#define URL_SIZE 1024

/* The carrier is known to sign with and without a slash at the end. */
static bool
signs(const char *token, const char *url, const char *uri, const char *signature)
{
	char with_slash[PATH_SIZE + 1];
	struct str_pair none[1];

	snprintf(with_slash, sizeof with_slash, "%s/", uri);
	return signature_right(token, url, uri, none, 0, signature) ||
	    signature_right(token, url, with_slash, none, 0, signature);
}

bool
handshake_right(const char *uri, const char *signature, const char *public_url,
    const char *carrier_token, char call_id[ID_SIZE])
{
	char url[URL_SIZE];

	if (strlen(uri) >= PATH_SIZE || !str_starts(uri, PATH) ||
	    !id_valid(uri + strlen(PATH), "call_"))
		return false;
	/* https://… is signed as wss://… */
	if (!str_starts(public_url, "http"))
		return false;
	snprintf(url, sizeof url, "ws%s", public_url + strlen("http"));
	if (!signs(carrier_token, url, uri, signature))
		return false;
	snprintf(call_id, ID_SIZE, "%.*s", ID_SIZE - 1, uri + strlen(PATH));
	return true;
}

bool
handshake_read(
    struct lws *wsi, const char *public_url, const char *carrier_token, char call_id[ID_SIZE])
{
	static const char header[] = "x-twilio-signature:";
	char uri[PATH_SIZE], signature[SIGNATURE_SIZE];

	if (lws_hdr_copy(wsi, uri, sizeof uri, WSI_TOKEN_GET_URI) <= 0 ||
	    lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS) > 0)
		return false;
	if (lws_hdr_custom_copy(wsi, signature, sizeof signature, header, (int)strlen(header)) <= 0)
		return false;
	return handshake_right(uri, signature, public_url, carrier_token, call_id);
}
