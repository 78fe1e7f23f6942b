/* test_job_door.c: what is written down of a wish is read back, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "domain/job_door.h"
#include "sys/spool.h"

#define HASH "\\x0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define JSON_HASH "\"\\\\x0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""
#define AT "\"2026-11-20T22:51:05.123Z\""

static struct arena *a;

static void
assert_comes_back(const struct job_wish *wish)
{
	struct job_wish read;
	struct buf text;

	buf_init(&text, SPOOL_ENTRY_MAX);
	assert_true(job_wish_write(wish, &text));
	assert_true(job_wish_read(a, text.data, text.len, &read));
	assert_string_equal(read.call_id, wish->call_id);
	assert_string_equal(read.tenant_id, wish->tenant_id);
	assert_int_equal(read.asked_us, wish->asked_us);
	assert_string_equal(job_wish_owner(a, &read), job_wish_owner(a, wish));
	assert_int_equal(read.who.is_admin, wish->who.is_admin);
	assert_int_equal(read.who.key_hash == NULL, wish->who.key_hash == NULL);
	buf_free(&text);
}

static void
a_wish_comes_back_as_it_was(void **state)
{
	struct job_wish wish = { { .key_hash = HASH }, "tenant-1", "call_abc123xyz",
		INT64_C(1790000000123000) };

	(void)state;
	assert_comes_back(&wish);
	wish.call_id = "\"\\\n\x01 \xc3\xa9 ../../x";
	assert_comes_back(&wish);
	wish.who = (struct credential){
		.scope = "organization", .scope_id = "org-1", .api_key_id = "key_1"
	};
	assert_comes_back(&wish);
	wish.who = (struct credential){
		.scope = "platform", .scope_id = "platform", .is_admin = true
	};
	assert_comes_back(&wish);
}

/* The largest there can be: characters that JSON writes as six. */
static void
the_largest_wish_fits_into_an_entry(void **state)
{
	char call[JOB_CALL_MAX + 1] = "", tenant[65] = "";
	struct job_wish wish = { { .key_hash = HASH }, tenant, call, 0 };

	(void)state;
	memset(call, 1, JOB_CALL_MAX);
	memset(tenant, 't', 64);
	assert_comes_back(&wish);
	wish.who = (struct credential){
		.scope = "organization", .scope_id = tenant, .is_admin = true
	};
	assert_comes_back(&wish);
}

static void
who_asks_is_part_of_the_owner(void **state)
{
	const struct job_wish key = { { .key_hash = HASH }, "t-1", "c", 0 };
	const struct job_wish one = { { .scope = "partner", .scope_id = "x-1" }, "t-1", "c", 0 };
	const struct job_wish two = { { .scope = "workspace", .scope_id = "x-1" }, "t-1", "c", 0 };

	(void)state;
	assert_string_equal(job_wish_owner(a, &key), HASH);
	assert_string_equal(job_wish_owner(a, &one), "partner/x-1");
	assert_string_equal(job_wish_owner(a, &two), "workspace/x-1");
}

#define BODY(call, tenant, at, who) \
	"{\"call_id\":" call ",\"tenant_id\":" tenant ",\"received_at\":" at "," who "}"
#define CALL "\"call_abc123xyz\""
#define TENANT "\"tenant-1\""
#define BY_KEY "\"key_hash\":" JSON_HASH

static void
nothing_else_is_read(void **state)
{
	static const char *const wrong[] = {
		"",
		"{",
		"[]",
		"null",
		"{}",
		BODY("\"short\"", TENANT, AT, BY_KEY),
		BODY("7", TENANT, AT, BY_KEY),
		BODY("\"call_\\u0000abc123\"", TENANT, AT, BY_KEY),
		BODY(CALL, "\"no tenant\"", AT, BY_KEY),
		BODY(CALL, "\"ab\"", AT, BY_KEY),
		BODY(CALL, "null", AT, BY_KEY),
		BODY(CALL, TENANT, "\"yesterday\"", BY_KEY),
		BODY(CALL, TENANT, "17", BY_KEY),
		BODY(CALL, TENANT, AT, "\"key_hash\":null"),
		BODY(CALL, TENANT, AT, "\"key_hash\":\"\\\\x0123\""),
		BODY(CALL, TENANT, AT,
		    "\"key_hash\":\"\\\\xABCDEF6789abcdef0123456789abcdef0123456789abcdef0123456789"
		    "abcdef\""),
		BODY(CALL, TENANT, AT, BY_KEY ",\"scope\":\"platform\""),
		BODY(CALL, TENANT, AT, "\"scope\":\"platform\""),
		BODY(CALL, TENANT, AT, "\"scope\":\"platform\",\"scope_id\":\"platform\""),
		BODY(CALL, TENANT, AT,
		    "\"scope\":\"root\",\"scope_id\":\"platform\",\"is_admin\":true"),
		BODY(CALL, TENANT, AT,
		    "\"scope\":\"platform\",\"scope_id\":\"a b\",\"is_admin\":true"),
		BODY(CALL, TENANT, AT,
		    "\"scope\":\"platform\",\"scope_id\":\"platform\",\"is_admin\":1"),
		BODY(CALL, TENANT, AT, BY_KEY) "x",
		BODY(CALL, TENANT, AT, BY_KEY "," BY_KEY),
	};
	static const char right[] = BODY(CALL, TENANT, AT, BY_KEY);
	struct job_wish wish;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		if (job_wish_read(a, wrong[i], strlen(wrong[i]), &wish))
			fail_msg("%s was read", wrong[i]);
	assert_true(job_wish_read(a, right, strlen(right), &wish));
	for (size_t len = 0; len < sizeof right - 1; len++)
		assert_false(job_wish_read(a, right, len, &wish));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wish_comes_back_as_it_was),
		cmocka_unit_test(the_largest_wish_fits_into_an_entry),
		cmocka_unit_test(who_asks_is_part_of_the_owner),
		cmocka_unit_test(nothing_else_is_read),
	};
	int failed;

	a = arena_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(a);
	return failed;
}
