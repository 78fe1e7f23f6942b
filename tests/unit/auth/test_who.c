/*
 * test_who.c: who is read from a request, and in which order. There is no database here: what can
 * be no key is refused before one is asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth/token.h"
#include "auth/who.h"
#include "base/clock.h"
#include "base/id.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BOOTSTRAP "sixteen letters!"
#define SECRET "the gateway's secret"

static struct arena *a;
static struct who_env plain, fronted;
static struct token_rule *gateway;
static char key[ID_KEY_SIZE], key2[ID_KEY_SIZE];

static const char *
encoded(const char *text)
{
	char *out = arena_alloc(a, 4 * ((strlen(text) + 2) / 3) + 1);

	digest_base64(text, strlen(text), out);
	for (char *p = out; *p != '\0'; p++)
		*p = (char)(*p == '+' ? '-' : *p == '/' ? '_' : *p == '=' ? '\0' : *p);
	return out;
}

/* A token of the gateway's that ends in some seconds. */
static const char *
context(int in_s)
{
	const char *payload = arena_printf(a,
	    "{\"sub\":\"gw\",\"customer_id\":\"acme\",\"scope\":\"partner\",\"is_admin\":true,"
	    "\"aud\":\"offhook\",\"exp\":%lld}",
	    (long long)(clock_wall_us() / 1000000 + in_s));
	const char *text = arena_printf(
	    a, "%s.%s", encoded("{\"alg\":\"HS256\"}"), encoded(payload));
	uint8_t mac[DIGEST_SHA256_SIZE];
	char signature[64];

	digest_hmac_sha256(SECRET, strlen(SECRET), text, strlen(text), mac);
	digest_base64(mac, sizeof(mac), signature);
	for (char *p = signature; *p != '\0'; p++)
		*p = (char)(*p == '+' ? '-' : *p == '/' ? '_' : *p == '=' ? '\0' : *p);
	return arena_printf(a, "%s.%s", text, signature);
}

static int
setup(void **state)
{
	char path[] = "/tmp/offhook-who-XXXXXX", error[128];
	int fd = mkstemp(path);

	(void)state;
	a = arena_new();
	assert_true(fd >= 0 && write(fd, SECRET, strlen(SECRET)) == (ssize_t)strlen(SECRET));
	close(fd);
	gateway = token_rule_new("HS256", path, error, sizeof(error));
	assert_non_null(gateway);
	(void)unlink(path);
	id_key_make(key);
	id_key_make(key2);
	plain.has_bootstrap = true;
	digest_sha256(BOOTSTRAP, strlen(BOOTSTRAP), plain.bootstrap_hash);
	fronted = plain;
	fronted.gateway = gateway;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	token_rule_free(gateway);
	arena_free(a);
	return 0;
}

/* What a request with this query and up to three headers says. */
struct sent {
	const char *query;
	const char *headers[4]; /* FastCGI parameters */
};

static enum rc
who(const struct who_env *env, const struct sent *sent, enum who_source source,
    struct credential *credential)
{
	char *environment[8] = { arena_strdup(a, "REQUEST_METHOD=GET"),
		arena_strdup(a, "DOCUMENT_URI=/calls"),
		arena_printf(a, "QUERY_STRING=%s", sent->query == NULL ? "" : sent->query) };
	struct req *req = arena_alloc(a, sizeof(*req));
	const char *why;

	for (size_t i = 0; i < COUNT(sent->headers) && sent->headers[i] != NULL; i++)
		environment[3 + i] = arena_strdup(a, sent->headers[i]);
	assert_true(req_init(req, a, environment, "", 0, &why));
	return who_read(env, req, source, credential);
}

static const char *
hash_of(const char *text)
{
	uint8_t hash[DIGEST_SHA256_SIZE];
	char hex[2 * DIGEST_SHA256_SIZE + 1];

	digest_sha256(text, strlen(text), hash);
	digest_hex(hash, sizeof(hash), hex);
	return arena_printf(a, "\\x%s", hex);
}

static const char *
header(const char *name, const char *value)
{
	return arena_printf(a, "HTTP_%s=%s", name, value);
}

static void
assert_key(const struct sent *sent, enum who_source source, const char *expected)
{
	struct credential c;

	assert_int_equal(who(&plain, sent, source, &c), RC_OK);
	assert_string_equal(c.key_hash, hash_of(expected));
	assert_null(c.scope);
	assert_false(c.is_admin);
}

static void
assert_nobody(
    const struct who_env *env, const struct sent *sent, enum who_source source, bool missing)
{
	struct credential c;

	assert_int_equal(who(env, sent, source, &c), RC_UNAUTHENTICATED);
	assert_int_equal(c.missing, missing);
	assert_null(c.key_hash);
	assert_null(c.scope);
}

static void
keys_are_found_in_their_places(void **state)
{
	const char *query = arena_printf(a, "api_key=%s", key2);

	(void)state;
	assert_key(&(struct sent){ NULL, { header("X_API_KEY", key) } }, WHO_HEADERS, key);
	assert_key(
	    &(struct sent){ NULL, { header("AUTHORIZATION", arena_printf(a, "Bearer %s", key)) } },
	    WHO_HEADERS, key);
	assert_key(&(struct sent){ NULL,
		       { header("AUTHORIZATION", arena_printf(a, "bearer   %s", key)) } },
	    WHO_HEADERS, key);
	assert_key(&(struct sent){ query, { NULL } }, WHO_HEADERS_OR_QUERY, key2);
	assert_nobody(&plain, &(struct sent){ query, { NULL } }, WHO_HEADERS, true);
}

static void
the_order_of_places(void **state)
{
	const char *query = arena_printf(a, "api_key=%s", key2);
	const char *bearer2 = header("AUTHORIZATION", arena_printf(a, "Bearer %s", key2));
	const char *x = header("X_API_KEY", key);

	(void)state;
	assert_key(&(struct sent){ query, { bearer2, x } }, WHO_HEADERS_OR_QUERY, key);
	assert_key(
	    &(struct sent){ query, { header("AUTHORIZATION", arena_printf(a, "Bearer %s", key)) } },
	    WHO_HEADERS_OR_QUERY, key);
	assert_key(
	    &(struct sent){ query, { bearer2, "HTTP_X_API_KEY=" } }, WHO_HEADERS_OR_QUERY, key2);
	/* A wrong one is not passed over for a right one further down. */
	assert_nobody(&plain, &(struct sent){ query, { bearer2, "HTTP_X_API_KEY=wrong" } },
	    WHO_HEADERS_OR_QUERY, false);
	assert_nobody(&plain, &(struct sent){ query, { "HTTP_AUTHORIZATION=Bearer wrong" } },
	    WHO_HEADERS_OR_QUERY, false);
}

static void
what_can_be_no_key_is_refused(void **state)
{
	char wrong[ID_KEY_SIZE + 8];

	(void)state;
	assert_nobody(&plain, &(struct sent){ NULL, { NULL } }, WHO_HEADERS, true);
	assert_nobody(&plain, &(struct sent){ NULL, { "HTTP_X_API_KEY=" } }, WHO_HEADERS, true);
	assert_nobody(
	    &plain, &(struct sent){ NULL, { "HTTP_AUTHORIZATION=Bearer " } }, WHO_HEADERS, true);
	assert_nobody(
	    &plain, &(struct sent){ NULL, { "HTTP_AUTHORIZATION=Basic eDp5" } }, WHO_HEADERS, true);
	assert_nobody(&plain, &(struct sent){ "api_key=", { NULL } }, WHO_HEADERS_OR_QUERY, true);
	/* Each character changed: the checksum tells. */
	for (size_t i = 0; i < strlen(key); i++) {
		memcpy(wrong, key, sizeof(key));
		wrong[i] = wrong[i] == 'x' ? 'y' : 'x';
		assert_nobody(&plain, &(struct sent){ NULL, { header("X_API_KEY", wrong) } },
		    WHO_HEADERS, false);
		wrong[i] = '\0';
		if (i > 0)
			assert_nobody(&plain,
			    &(struct sent){ NULL, { header("X_API_KEY", wrong) } }, WHO_HEADERS,
			    false);
	}
	(void)snprintf(wrong, sizeof(wrong), "%sx", key);
	assert_nobody(
	    &plain, &(struct sent){ NULL, { header("X_API_KEY", wrong) } }, WHO_HEADERS, false);
	(void)snprintf(wrong, sizeof(wrong), " %s", key);
	assert_nobody(
	    &plain, &(struct sent){ NULL, { header("X_API_KEY", wrong) } }, WHO_HEADERS, false);
}

static void
the_bootstrap_key_is_an_admin_of_the_platform(void **state)
{
	struct credential c;
	struct who_env none = { 0 };

	(void)state;
	assert_int_equal(who(&plain, &(struct sent){ NULL, { header("X_API_KEY", BOOTSTRAP) } },
			     WHO_HEADERS, &c),
	    RC_OK);
	assert_null(c.key_hash);
	assert_string_equal(c.scope, "platform");
	assert_string_equal(c.scope_id, "platform");
	assert_true(c.is_admin);
	assert_nobody(&plain, &(struct sent){ NULL, { header("X_API_KEY", BOOTSTRAP "!") } },
	    WHO_HEADERS, false);
	/* Where there is none, the hash of zeros is not one. */
	assert_nobody(
	    &none, &(struct sent){ NULL, { header("X_API_KEY", BOOTSTRAP) } }, WHO_HEADERS, false);
}

static void
the_bootstrap_key_comes_from_the_environment(void **state)
{
	static const char ours[] = "OFFHOOK_BOOTSTRAP_ADMIN_API_KEY",
			  old[] = "BOOTSTRAP_ADMIN_API_KEY";
	static const struct {
		const char *ours, *old, *key;
		bool sane;
	} cases[] = {
		{ NULL, NULL, NULL, true }, { BOOTSTRAP, NULL, BOOTSTRAP, true },
		{ NULL, BOOTSTRAP, BOOTSTRAP, true },
		{ BOOTSTRAP "1", BOOTSTRAP "2", BOOTSTRAP "1", true },
		{ "fifteen letters", NULL, NULL, false }, { NULL, "fifteen letters", NULL, false },
		{ "short", BOOTSTRAP, NULL, false },
		{ "", BOOTSTRAP, NULL, true }, /* set to the empty string: there is none */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct who_env env = { 0 };
		uint8_t hash[DIGEST_SHA256_SIZE];

		if (cases[i].ours != NULL)
			assert_int_equal(setenv(ours, cases[i].ours, 1), 0);
		if (cases[i].old != NULL)
			assert_int_equal(setenv(old, cases[i].old, 1), 0);
		assert_int_equal(who_env_bootstrap(&env), cases[i].sane);
		assert_int_equal(env.has_bootstrap, cases[i].key != NULL);
		if (cases[i].key != NULL) {
			digest_sha256(cases[i].key, strlen(cases[i].key), hash);
			assert_memory_equal(hash, env.bootstrap_hash, sizeof(hash));
		}
		assert_null(getenv(ours)); /* a child would inherit it, and a core dump show it */
		assert_null(getenv(old));
	}
}

static void
the_gateway_goes_before_all_keys(void **state)
{
	const char *token = header("X_GATEWAY_CONTEXT", context(60));
	const char *stale = header("X_GATEWAY_CONTEXT", context(-600));
	const char *x = header("X_API_KEY", key);
	struct credential c;

	(void)state;
	assert_int_equal(
	    who(&fronted, &(struct sent){ NULL, { x, token } }, WHO_HEADERS, &c), RC_OK);
	assert_null(c.key_hash);
	assert_string_equal(c.scope, "partner");
	assert_string_equal(c.scope_id, "acme");
	assert_true(c.is_admin);
	/* Wrong, it is refused though a right key came with it. */
	assert_nobody(&fronted, &(struct sent){ NULL, { x, stale } }, WHO_HEADERS, false);
	assert_nobody(&fronted, &(struct sent){ NULL, { x, "HTTP_X_GATEWAY_CONTEXT=x" } },
	    WHO_HEADERS, false);
	assert_nobody(
	    &fronted, &(struct sent){ NULL, { "HTTP_X_GATEWAY_CONTEXT=" } }, WHO_HEADERS, false);
	/* A key alone is still one. */
	assert_int_equal(who(&fronted, &(struct sent){ NULL, { x } }, WHO_HEADERS, &c), RC_OK);
	assert_string_equal(c.key_hash, hash_of(key));
	/* Not fronted: the header is ignored, right or wrong. */
	assert_int_equal(who(&plain, &(struct sent){ NULL, { x, token } }, WHO_HEADERS, &c), RC_OK);
	assert_string_equal(c.key_hash, hash_of(key));
	assert_nobody(&plain, &(struct sent){ NULL, { token } }, WHO_HEADERS, true);
}

static void
the_workspace_is_named_by_header_or_query(void **state)
{
	const char *x = header("X_API_KEY", key);
	const struct {
		struct sent sent;
		const char *workspace;
	} cases[] = {
		{ { NULL, { x } }, NULL },
		{ { "workspace_id=acme", { x } }, "acme" },
		{ { NULL, { x, "HTTP_X_WORKSPACE_ID=acme" } }, "acme" },
		{ { "workspace_id=other", { x, "HTTP_X_WORKSPACE_ID=acme" } }, "acme" },
		{ { "workspace_id=other", { x, "HTTP_X_WORKSPACE_ID=" } }, "other" },
		{ { "workspace_id=", { x } }, NULL },
		/* What can be no id finds no workspace, rather than being ignored. */
		{ { "workspace_id=a%27b%22c", { x } }, "?" },
		{ { NULL, { x, "HTTP_X_WORKSPACE_ID=ab" } }, "?" },
		{ { NULL, { x, "HTTP_X_WORKSPACE_ID=acme corp" } }, "?" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *values[WHO_PARAMS];
		struct credential c;

		assert_int_equal(who(&plain, &cases[i].sent, WHO_HEADERS, &c), RC_OK);
		who_params(&c, values);
		assert_string_equal(values[0], hash_of(key));
		assert_string_equal(values[3], "false");
		if (cases[i].workspace == NULL)
			assert_null(values[4]);
		else
			assert_string_equal(values[4], cases[i].workspace);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_found_in_their_places),
		cmocka_unit_test(the_order_of_places),
		cmocka_unit_test(what_can_be_no_key_is_refused),
		cmocka_unit_test(the_bootstrap_key_is_an_admin_of_the_platform),
		cmocka_unit_test(the_bootstrap_key_comes_from_the_environment),
		cmocka_unit_test(the_gateway_goes_before_all_keys),
		cmocka_unit_test(the_workspace_is_named_by_header_or_query),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
