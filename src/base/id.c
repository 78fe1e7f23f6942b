/*
 * id.c: ids and keys are made of bytes from the kernel alone, so that neither can be guessed from
 * another one.
 */
#include "base/id.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/str.h"

#define BODY_CHARS 26
#define PREFIX_MAX 12
#define KEY_RANDOM 32
#define KEY_CHECKSUM 6

static const char base32[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* Crockford's: no i, l, o, u */
static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
static const char key_prefix[] = "ohk_";

void
id_make(char out[ID_SIZE], const char *prefix)
{
	uint64_t ms = (uint64_t)clock_wall_us() / 1000;
	size_t len = strlen(prefix), i;
	uint8_t bytes[16];
	uint32_t rest = 0;
	int bits = 2; /* 26 characters hold 130 bits: two zeros go in front of the 128 */

	if (len > PREFIX_MAX)
		abort();
	for (i = 0; i < 6; i++)
		bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
	digest_random(bytes + 6, sizeof(bytes) - 6);
	memcpy(out, prefix, len);
	out += len;
	for (i = 0; i < sizeof(bytes); i++) {
		rest = rest << 8 | bytes[i];
		for (bits += 8; bits >= 5; bits -= 5)
			*out++ = base32[rest >> (bits - 5) & 31];
	}
	*out = '\0';
}

bool
id_valid(const char *s, const char *prefix)
{
	if (!str_starts(s, prefix))
		return false;
	s += strlen(prefix);
	return strspn(s, base32) == BODY_CHARS && s[BODY_CHARS] == '\0';
}

/* The CRC32 of the random characters in base62, padded with zeros on the left. */
static void
key_checksum(const char *random, char out[KEY_CHECKSUM])
{
	uint32_t crc = digest_crc32(random, KEY_RANDOM);
	int i;

	for (i = KEY_CHECKSUM - 1; i >= 0; i--, crc /= 62)
		out[i] = base62[crc % 62];
}

static char
random_base62(void)
{
	uint8_t byte;

	/* 248 = 4 * 62: the bytes above would prefer the first eight characters. */
	do
		digest_random(&byte, 1);
	while (byte >= 248);
	return base62[byte % 62];
}

void
id_key_make(char out[ID_KEY_SIZE])
{
	char *random = out + strlen(key_prefix);
	int i;

	memcpy(out, key_prefix, strlen(key_prefix));
	for (i = 0; i < KEY_RANDOM; i++)
		random[i] = random_base62();
	key_checksum(random, random + KEY_RANDOM);
	random[KEY_RANDOM + KEY_CHECKSUM] = '\0';
}

bool
id_key_valid(const char *s)
{
	char checksum[KEY_CHECKSUM];

	if (!str_starts(s, key_prefix))
		return false;
	s += strlen(key_prefix);
	if (strspn(s, base62) != KEY_RANDOM + KEY_CHECKSUM || s[KEY_RANDOM + KEY_CHECKSUM] != '\0')
		return false;
	key_checksum(s, checksum);
	return memcmp(checksum, s + KEY_RANDOM, KEY_CHECKSUM) == 0;
}
