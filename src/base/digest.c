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

/* The value of each character of the alphabet; 64 of any other, the upper half included. */
/* clang-format off */
static const uint8_t base64_values[256] = {
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, 64, 64, 63,
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 64, 64, 64,
	64, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 64,
	64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
	41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64,
	[128 ... 255] = 64,
};
/* clang-format on */

/* How many characters of the last four are no padding, 0 when these four cannot end a text. One text
 * for one value: the bits that fill up the last character must be zero. */
static size_t
base64_tail(const char *last)
{
	const uint8_t *p = (const uint8_t *)last;

	if (p[3] != '=')
		return 4;
	if (p[2] != '=')
		return (base64_values[p[2]] & 3) == 0 ? 3 : 0;
	return (base64_values[p[1]] & 15) == 0 ? 2 : 0;
}

/* The characters without padding, or SIZE_MAX when it is no base64. */
static size_t
base64_chars(const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t chars, tail, i;
	uint8_t seen = 0;

	if (len == 0)
		return 0;
	if (len % 4 != 0 || len / 4 > INT_MAX / 3)
		return SIZE_MAX;
	tail = base64_tail(text + len - 4);
	chars = len - 4 + tail;
	for (i = 0; i < chars; i++)
		seen |= base64_values[p[i]];
	return tail != 0 && seen < 64 ? chars : SIZE_MAX;
}

bool
digest_is_base64(const char *text, size_t len)
{
	return base64_chars(text, len) != SIZE_MAX;
}

int
digest_unbase64_n(const char *text, size_t len, uint8_t *out, size_t out_size)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t chars = base64_chars(text, len), bytes, i;
	uint32_t group;

	if (chars == SIZE_MAX || chars / 4 * 3 + (chars % 4) * 3 / 4 > out_size)
		return -1;
	for (i = 0, bytes = 0; i + 4 <= chars; i += 4) {
		group = (uint32_t)base64_values[p[i]] << 18 |
		    (uint32_t)base64_values[p[i + 1]] << 12 |
		    (uint32_t)base64_values[p[i + 2]] << 6 | base64_values[p[i + 3]];
		out[bytes++] = (uint8_t)(group >> 16);
		out[bytes++] = (uint8_t)(group >> 8);
		out[bytes++] = (uint8_t)group;
	}
	if (chars - i >= 2)
		out[bytes++] = (uint8_t)(base64_values[p[i]] << 2 | base64_values[p[i + 1]] >> 4);
	if (chars - i == 3)
		out[bytes++] = (uint8_t)(base64_values[p[i + 1]] << 4 |
		    base64_values[p[i + 2]] >> 2);
	return (int)bytes;
}

int
digest_unbase64(const char *text, uint8_t *out, size_t out_size)
{
	return digest_unbase64_n(text, strlen(text), out, out_size);
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
