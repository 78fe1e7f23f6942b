/* "PATH\0SIGNATURE" of a handshake: nobody without the token comes in; with it everybody does who names a call,
 * and nobody else. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/str.h"
#include "voice/handshake.h"

#define URL "https://calls.example.com"
#define TOKEN "00112233445566778899aabbccddeeff"
#define PATH "/twilio/media/"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
sign(const char *uri, const char *slash, char out[32])
{
	size_t size = strlen(uri) + sizeof URL + 2;
	char *url = mem_alloc(size);
	uint8_t mac[DIGEST_SHA1_SIZE];

	snprintf(url, size, "ws%s%s%s", URL + strlen("http"), uri, slash);
	digest_hmac_sha1(TOKEN, strlen(TOKEN), url, strlen(url), mac);
	digest_base64(mac, sizeof mac, out);
	free(url);
}

static bool
comes_in(const char *uri, const char *signature)
{
	char call_id[ID_SIZE] = "";
	bool right = handshake_right(uri, signature, URL, TOKEN, call_id);

	if (right && (!id_valid(call_id, "call_") || strcmp(uri + strlen(PATH), call_id) != 0))
		abort();
	return right;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_alloc(size + 2), signature[32], with_slash[32];
	const char *given;
	bool ours;

	memcpy(text, data, size);
	text[size] = text[size + 1] = '\0';
	given = text + strlen(text) + 1;
	sign(text, "", signature);
	sign(text, "/", with_slash);
	ours = str_starts(text, PATH) && id_valid(text + strlen(PATH), "call_");
	if (comes_in(text, signature) != ours || comes_in(text, with_slash) != ours)
		abort();
	if (comes_in(text, given) && strcmp(given, signature) != 0 &&
	    strcmp(given, with_slash) != 0)
		abort();
	free(text);
	return 0;
}
