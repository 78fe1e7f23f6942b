/*
 * test_digest.c: vectors of FIPS 180-2, RFC 2202, RFC 4231 and RFC 4648.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "base/digest.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
sha256(void **state)
{
	static const struct {
		const char *text, *hex;
	} cases[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	uint8_t out[DIGEST_SHA256_SIZE];
	char hex[2 * DIGEST_SHA256_SIZE + 1];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		digest_sha256(cases[i].text, strlen(cases[i].text), out);
		digest_hex(out, sizeof(out), hex);
		assert_string_equal(hex, cases[i].hex);
	}
}

/* Keys and data of RFC 2202 and RFC 4231: either a text, or one byte many times over. */
struct mac_case {
	const char *key;
	uint8_t key_byte;
	size_t key_len;
	const char *data;
	uint8_t data_byte;
	size_t data_len;
	const char *hex;
};

static void
check_mac(const struct mac_case *c, bool sha1)
{
	uint8_t key[200], data[200], out[DIGEST_SHA256_SIZE];
	char hex[2 * DIGEST_SHA256_SIZE + 1];
	size_t key_len = c->key != NULL ? strlen(c->key) : c->key_len, i;
	size_t data_len = c->data != NULL ? strlen(c->data) : c->data_len;

	for (i = 0; i < key_len; i++)
		key[i] = c->key != NULL ? (uint8_t)c->key[i] : c->key_byte;
	for (i = 0; i < data_len; i++)
		data[i] = c->data != NULL ? (uint8_t)c->data[i] : c->data_byte;
	if (sha1)
		digest_hmac_sha1(key, key_len, data, data_len, out);
	else
		digest_hmac_sha256(key, key_len, data, data_len, out);
	digest_hex(out, sha1 ? DIGEST_SHA1_SIZE : DIGEST_SHA256_SIZE, hex);
	assert_string_equal(hex, c->hex);
}

#define COUNTING                                                                                   \
	"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16" \
	"\x17\x18\x19"

static void
hmac_sha1(void **state)
{
	static const struct mac_case cases[] = {
		{ NULL, 0x0b, 20, "Hi There", 0, 0, "b617318655057264e28bc0b6fb378c8ef146be00" },
		{ "Jefe", 0, 0, "what do ya want for nothing?", 0, 0,
		    "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
		{ NULL, 0xaa, 20, NULL, 0xdd, 50, "125d7342b9ac11cd91a39af48aa17b4f63f175d3" },
		{ COUNTING, 0, 0, NULL, 0xcd, 50, "4c9007f4026250c6bc8414f9bf50c86c2d7235da" },
		{ NULL, 0x0c, 20, "Test With Truncation", 0, 0,
		    "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04" },
		{ NULL, 0xaa, 80, "Test Using Larger Than Block-Size Key - Hash Key First", 0, 0,
		    "aa4ae5e15272d00e95705637ce8a3b55ed402112" },
		{ NULL, 0xaa, 80,
		    "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data", 0,
		    0, "e8e99d0f45237d786d6bbaa7965c7808bbff1a91" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		check_mac(&cases[i], true);
}

static void
hmac_sha256(void **state)
{
	static const struct mac_case cases[] = {
		{ NULL, 0x0b, 20, "Hi There", 0, 0,
		    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
		{ "Jefe", 0, 0, "what do ya want for nothing?", 0, 0,
		    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
		{ NULL, 0xaa, 20, NULL, 0xdd, 50,
		    "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
		{ COUNTING, 0, 0, NULL, 0xcd, 50,
		    "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
		{ NULL, 0xaa, 131, "Test Using Larger Than Block-Size Key - Hash Key First", 0, 0,
		    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
		{ NULL, 0xaa, 131,
		    "This is a test using a larger than block-size key and a larger than "
		    "block-size data. The key needs to be hashed before being used by the HMAC "
		    "algorithm.",
		    0, 0, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
		/* Not of the RFC: an empty key and no data. */
		{ "", 0, 0, "", 0, 0,
		    "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad" },
	};
	uint8_t out[DIGEST_SHA256_SIZE], again[DIGEST_SHA256_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		check_mac(&cases[i], false);
	/* No key is an empty key, never that of the call before. */
	digest_hmac_sha256("", 0, "", 0, out);
	digest_hmac_sha256("secret", 6, "", 0, again);
	digest_hmac_sha256(NULL, 0, NULL, 0, again);
	assert_memory_equal(out, again, sizeof(out));
}

static void
crc32_values(void **state)
{
	(void)state;
	assert_int_equal(digest_crc32("", 0), 0);
	assert_int_equal(digest_crc32(NULL, 0), 0);
	assert_int_equal(digest_crc32("123456789", 9), 0xcbf43926);
	assert_int_equal(
	    digest_crc32("The quick brown fox jumps over the lazy dog", 43), 0x414fa339);
}

static void
hex(void **state)
{
	char out[11];

	(void)state;
	digest_hex("\x00\x0f\xf0\xab\xff", 5, out);
	assert_string_equal(out, "000ff0abff");
	digest_hex("", 0, out);
	assert_string_equal(out, "");
}

static void
base64_both_ways(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xbf", "+/+/" },
	};
	char text[16];
	uint8_t bytes[16];
	size_t i, len;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		len = strlen(cases[i][0]);
		digest_base64(cases[i][0], len, text);
		assert_string_equal(text, cases[i][1]);
		assert_int_equal(digest_unbase64(text, bytes, len), len);
		assert_memory_equal(bytes, cases[i][0], len);
		if (len > 0)
			assert_int_equal(digest_unbase64(text, bytes, len - 1), -1);
	}
}

static void
base64_is_strict(void **state)
{
	static const char *const cases[] = { "Z", "Zg", "Zg=", "Zg===", "=",
		"==", "===", "====", "Z===", "Zh==", "Zm9=", "Zg==Zg==", "Zm8=Zm8=", "Z=g=", "Zm 9",
		"Zm9v\n", " Zm9v", "Zm9-", "Zm9_", "Zm9v====", "Zm9\xff", "=Zm9" };
	uint8_t bytes[16];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_int_equal(digest_unbase64(cases[i], bytes, sizeof(bytes)), -1);
}

static void
base64_of_a_part_of_a_text(void **state)
{
	static const char text[] = "xxZm9vYg==\"}";
	uint8_t bytes[4];

	(void)state;
	assert_int_equal(digest_unbase64_n(text + 2, 8, bytes, sizeof(bytes)), 4);
	assert_memory_equal(bytes, "foob", 4);
	assert_int_equal(digest_unbase64_n(text + 2, 4, bytes, 3), 3);
	assert_int_equal(digest_unbase64_n(text + 2, 0, bytes, 0), 0);
	assert_int_equal(digest_unbase64_n(text + 2, 9, bytes, sizeof(bytes)), -1);
	assert_int_equal(digest_unbase64_n("Zm\0v", 4, bytes, sizeof(bytes)), -1);
	assert_true(digest_is_base64(text + 2, 8));
	assert_true(digest_is_base64(text, 0));
	assert_false(digest_is_base64(text + 2, 7));
	assert_false(digest_is_base64(text + 4, 8));
	assert_false(digest_is_base64("Zh==", 4));
}

static void
base64_of_every_byte(void **state)
{
	uint8_t all[256], back[256];
	char text[4 * ((256 + 2) / 3) + 1];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)i;
	digest_base64(all, sizeof(all), text);
	assert_int_equal(strlen(text), sizeof(text) - 1);
	assert_int_equal(digest_unbase64(text, back, sizeof(back)), sizeof(back));
	assert_memory_equal(all, back, sizeof(all));
}

static void
random_bytes_differ(void **state)
{
	uint8_t a[600] = { 0 }, b[600] = { 0 };
	bool high = false;
	size_t i;

	(void)state;
	digest_random(a, 0);
	digest_random(a, sizeof(a));
	digest_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, a + 300, 300);
	for (i = 560; i < sizeof(a); i++)
		high = high || a[i] != 0;
	assert_true(high);
}

static void
equality(void **state)
{
	(void)state;
	assert_true(digest_equal("abc", 3, "abc", 3));
	assert_true(digest_equal("", 0, "", 0));
	assert_false(digest_equal("abc", 3, "abd", 3));
	assert_false(digest_equal("abc", 3, "abc", 2));
	assert_false(digest_equal("abc", 3, "", 0));
	assert_false(digest_equal("a\0b", 3, "a\0c", 3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256),
		cmocka_unit_test(hmac_sha1),
		cmocka_unit_test(hmac_sha256),
		cmocka_unit_test(crc32_values),
		cmocka_unit_test(hex),
		cmocka_unit_test(base64_both_ways),
		cmocka_unit_test(base64_is_strict),
		cmocka_unit_test(base64_of_a_part_of_a_text),
		cmocka_unit_test(base64_of_every_byte),
		cmocka_unit_test(random_bytes_differ),
		cmocka_unit_test(equality),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
