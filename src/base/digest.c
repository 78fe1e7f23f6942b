/*
 * digest.c: thin and without results to check: with these fixed algorithms libcrypto fails only
 * when the machine is broken, and then the program ends rather than go on with a digest that is
 * none.
 */
#include "base/digest.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <zlib.h>

void
digest_sha256(const void *data, size_t len, uint8_t out[DIGEST_SHA256_SIZE])
{
	if (SHA256(data, len, out) == NULL)
		abort();
}

static void
hmac(const EVP_MD *md, const void *key, size_t key_len, const void *data, size_t len, uint8_t *out)
{
	if (key_len > INT_MAX)
		abort();
	/* A NULL key would mean "the key of last time". */
	if (HMAC(md, key_len > 0 ? key : "", (int)key_len, data, len, out, NULL) == NULL)
		abort();
}

void
digest_hmac_sha1(
    const void *key, size_t key_len, const void *data, size_t len, uint8_t out[DIGEST_SHA1_SIZE])
{
	hmac(EVP_sha1(), key, key_len, data, len, out);
}

void
digest_hmac_sha256(
    const void *key, size_t key_len, const void *data, size_t len, uint8_t out[DIGEST_SHA256_SIZE])
{
	hmac(EVP_sha256(), key, key_len, data, len, out);
}

uint32_t
digest_crc32(const void *data, size_t len)
{
	/* crc32_z() takes a NULL for "give me the initial value", which is the CRC of nothing. */
	return (uint32_t)crc32_z(0, data, len);
}

void
digest_hex(const void *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = data;
	size_t i;

	for (i = 0; i < len; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
digest_base64(const void *data, size_t len, char *out)
{
	const uint8_t *p = data;
	uint32_t group;

	for (; len >= 3; len -= 3, p += 3) {
		group = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
		*out++ = base64[group >> 18];
		*out++ = base64[group >> 12 & 63];
		*out++ = base64[group >> 6 & 63];
		*out++ = base64[group & 63];
	}
	if (len > 0) {
		group = (uint32_t)p[0] << 16 | (len == 2 ? (uint32_t)p[1] << 8 : 0);
		*out++ = base64[group >> 18];
		*out++ = base64[group >> 12 & 63];
		*out++ = len == 2 ? base64[group >> 6 & 63] : '=';
		*out++ = '=';
	}
	*out = '\0';
}

/* Four characters of text to 24 bits; false when one is not of the alphabet. */
static bool
base64_group(const char *text, size_t chars, uint32_t *group)
{
	const char *found;
	size_t i;

	*group = 0;
	for (i = 0; i < 4; i++) {
		*group <<= 6;
		if (i >= chars)
			continue;
		found = memchr(base64, text[i], 64);
		if (found == NULL)
			return false;
		*group |= (uint32_t)(found - base64);
	}
	return true;
}

int
digest_unbase64(const char *text, uint8_t *out, size_t out_size)
{
	size_t len = strlen(text), written = 0, chars, bytes, i;
	uint32_t group;

	if (len % 4 != 0 || len / 4 > INT_MAX / 3)
		return -1;
	for (; len > 0; len -= 4, text += 4) {
		chars = 4;
		if (len == 4 && text[3] == '=')
			chars = text[2] == '=' ? 2 : 3;
		bytes = chars - 1;
		if (!base64_group(text, chars, &group) || bytes > out_size - written)
			return -1;
		/* One text for one value: the bits that pad the last character must be zero. */
		if ((group & (0xffffffU >> (8 * bytes))) != 0)
			return -1;
		for (i = 0; i < bytes; i++)
			out[written++] = (uint8_t)(group >> (16 - 8 * i));
	}
	return (int)written;
}

void
digest_random(void *out, size_t len)
{
	uint8_t *p = out;
	ssize_t got;

	while (len > 0) {
		got = getrandom(p, len, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort();
		p += got;
		len -= (size_t)got;
	}
}

bool
digest_equal(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && CRYPTO_memcmp(a, b, a_len) == 0;
}
