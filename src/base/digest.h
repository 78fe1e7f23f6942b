/*
 * digest.h: hashes, MACs, encodings, randomness and comparison in constant time, over OpenSSL's
 * libcrypto and zlib. The only user of both.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_SHA256_SIZE 32
#define DIGEST_SHA1_SIZE 20

void digest_sha256(const void *data, size_t len, uint8_t out[DIGEST_SHA256_SIZE]);
void digest_hmac_sha1(
    const void *key, size_t key_len, const void *data, size_t len, uint8_t out[DIGEST_SHA1_SIZE]);
void digest_hmac_sha256(
    const void *key, size_t key_len, const void *data, size_t len, uint8_t out[DIGEST_SHA256_SIZE]);
uint32_t digest_crc32(const void *data, size_t len);

/* Lower-case hex and a zero: out has 2 * len + 1 bytes. */
void digest_hex(const void *data, size_t len, char *out);
/* Standard base64 with padding and a zero: out has 4 * ((len + 2) / 3) + 1 bytes. */
void digest_base64(const void *data, size_t len, char *out);
/* Strict base64. Returns the bytes written to out (at most out_size), or -1. */
int digest_unbase64(const char *text, uint8_t *out, size_t out_size);
/* Likewise of a text with that length, which need not end in a zero. */
int digest_unbase64_n(const char *text, size_t len, uint8_t *out, size_t out_size);
/* Whether that would succeed, given room. */
bool digest_is_base64(const char *text, size_t len);

/* Bytes from the kernel's generator; aborts when there are none. */
void digest_random(void *out, size_t len);
/* Equal, in a time that depends on the lengths alone. */
bool digest_equal(const void *a, size_t a_len, const void *b, size_t b_len);

#endif
