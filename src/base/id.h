/*
 * id.h: the public ids and the API keys. An id is a prefix and 26 characters of Crockford's
 * base32 (lower case): 48 bits of milliseconds, then 80 random bits, so that ids made later sort
 * later and index pages fill in order. An API key is ohk_, 32 random base62 characters, and their
 * CRC32 in six more (contract section 3).
 */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>

#define ID_SIZE 40     /* prefix (up to 12), 26 characters, zero */
#define ID_KEY_SIZE 43 /* ohk_ + 32 + 6 + zero */

/* prefix with its underscore: "call_". */
void id_make(char out[ID_SIZE], const char *prefix);
/* prefix + 26 base32 characters and nothing else: safe in a path or a file name. */
bool id_valid(const char *s, const char *prefix);

void id_key_make(char out[ID_KEY_SIZE]);
/* Right prefix, length, alphabet and checksum. Says nothing about whether the key exists. */
bool id_key_valid(const char *s);

#endif
