/*
 * test_gate.c: every route without its database: who is let in, what a wrong method, a wrong input
 * and a database that is away are answered; and what each result of a handler becomes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/routes.h"
#include "base/digest.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "sys/exchange.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BOOTSTRAP "sixteen letters!"
#define TOKEN "f3d1c0ffee5eed0123456789abcdef42"
#define URL "https://dialer.example.net"
#define CALL "call_01arz3ndektsv4rrffq69g5fav"

static struct arena *a;
static struct db *away;
static struct resp resp;
static struct exchange_door door; /* nobody answers behind it */
static struct asker *committer;
static struct api_env env = {
	.version = "1",
	.public_url = URL,
	.sql_dir = "/nonexistent",
	.default_cap = 1,
	.cap_ceiling = 100,
	.credits_per_call = 1,
	.max_talk_s = 60,
	.sync_wait_ms = 10,
	.accept_wait_ms = 10,
	.carrier_token = TOKEN,
	.carrier_set = true,
};

static int
setup(void **state)
{
	static const struct db_options options = { .program = "test_gate",
		.connect_timeout_ms = 100 };

	(void)state;
	a = arena_new();
	resp_init(&resp);
	away = db_new("host=/nonexistent user=nobody dbname=none", &options);
	if (!exchange_door_open(&door))
		return -1;
	committer = asker_new(door.outside, 4096);
	env.who.has_bootstrap = true;
	digest_sha256(BOOTSTRAP, strlen(BOOTSTRAP), env.who.bootstrap_hash);
	log_open("test_gate", LOG_LEVEL_ERROR);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	db_free(away);
	asker_free(committer);
	exchange_door_close(&door);
	resp_free(&resp);
	arena_free(a);
	return 0;
}

/* One request; header is a FastCGI parameter or NULL. Returns the status. */
static int
run(const struct route *const tables[], const char *method, const char *path, const char *query,
    const char *header, const char *body)
{
	char *environment[6] = { arena_printf(a, "REQUEST_METHOD=%s", method),
		arena_printf(a, "DOCUMENT_URI=%s", path), arena_printf(a, "QUERY_STRING=%s", query),
		arena_printf(a, "REQUEST_URI=%s%s%s", path, query[0] == '\0' ? "" : "?", query),
		header == NULL ? NULL : arena_strdup(a, header), NULL };
	struct req req;
	struct ask ask = {
		.req = &req, .resp = &resp, .db = away, .committer = committer, .env = &env
	};
	const char *why;

	assert_true(req_init(&req, a, environment, body, strlen(body), &why));
	resp_clear(&resp);
	gate_run(tables, &ask);
	return resp.status;
}

static const char *
detail(void)
{
	char why[64];
	json_t *body = json_parse_strict(resp.body.data, resp.body.len, why);
	const char *text = json_string_value(json_object_get(body, "detail"));
	const char *copy = text == NULL ? "(none)" : arena_strdup(a, text);

	json_decref(body);
	return copy;
}

static const char *
header_value(const char *name)
{
	const char *at = strstr(resp.headers.data, arena_printf(a, "%s: ", name));

	if (at == NULL)
		return "(none)";
	at += strlen(name) + 2;
	return arena_strndup(a, at, strcspn(at, "\r"));
}

/* The path of a route with something in the place of each name. */
static const char *
path_of(const struct route *route)
{
	const char *open = strchr(route->path, '{');

	if (open == NULL)
		return route->path;
	return arena_printf(a, "%.*s%s%s", (int)(open - route->path), route->path,
	    str_starts(open, "{call_id}") ? CALL : "x", strchr(open, '}') + 1);
}

#define EACH_ROUTE(r)                                                                     \
	for (const struct route *const *table_ = route_tables; *table_ != NULL; table_++) \
		for (const struct route *r = *table_; r->method != NULL; r++)

static const char *
key_header(void)
{
	return "HTTP_X_API_KEY=" BOOTSTRAP;
}

/* ---- all routes ---- */

static void
an_unknown_route_is_404(void **state)
{
	static const char *const paths[] = { "/", "/call", "/calls/", "/calls//cancel", "/Calls",
		"/calls/x/y/z/w", "/twilio", "/users", "/users/me/", "//calls", "/openapi.json/x" };

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		assert_int_equal(run(route_tables, "GET", paths[i], "", key_header(), ""), 404);
		assert_string_equal(detail(), "Not Found");
	}
}

/* A path may fit more patterns than its own. */
static bool
has_method(const char *path, const char *method)
{
	struct router_match match;

	EACH_ROUTE(r)
	{
		if (router_match(a, r->path, path, &match) && strcmp(r->method, method) == 0)
			return true;
	}
	return false;
}

static void
a_wrong_method_is_405_and_names_the_right_ones(void **state)
{
	static const char *const wrong[] = { "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND",
		"get", "" };

	(void)state;
	EACH_ROUTE(r)
	{
		for (size_t i = 0; i < COUNT(wrong); i++) {
			if (has_method(path_of(r), wrong[i]))
				continue;
			assert_int_equal(
			    run(route_tables, wrong[i], path_of(r), "", NULL, ""), 405);
			assert_non_null(strstr(header_value("Allow"), r->method));
			assert_non_null(strstr(header_value("Allow"), "OPTIONS"));
		}
	}
	assert_int_equal(run(route_tables, "HEAD", "/calls/" CALL "/cancel", "", NULL, ""), 405);
	assert_string_equal(header_value("Allow"), "POST, OPTIONS");
}

static void
options_says_what_is_allowed(void **state)
{
	(void)state;
	EACH_ROUTE(r)
	{
		assert_int_equal(run(route_tables, "OPTIONS", path_of(r), "", NULL, ""), 200);
		assert_non_null(strstr(header_value("Allow"), r->method));
		assert_int_equal(resp.body.len, 0);
	}
	assert_int_equal(run(route_tables, "OPTIONS", "/calls", "", NULL, ""), 200);
	assert_non_null(strstr(header_value("Allow"), "POST"));
	assert_non_null(strstr(header_value("Allow"), "GET, HEAD"));
	assert_int_equal(run(route_tables, "OPTIONS", "/nowhere", "", NULL, ""), 404);
}

static void
head_is_get(void **state)
{
	(void)state;
	assert_int_equal(run(route_tables, "HEAD", "/healthz", "", NULL, ""), 200);
	assert_int_equal(run(route_tables, "HEAD", "/calls", "", NULL, ""), 401);
}

/* Without a right key nobody learns anything else: not even that the input is wrong. */
static void
strangers_get_401_from_every_route(void **state)
{
	static const char *const bodies[] = { "", "{", "{}", "[]" };
	int closed = 0;

	(void)state;
	EACH_ROUTE(r)
	{
		if (r->flags & ROUTE_PUBLIC)
			continue;
		closed++;
		for (size_t i = 0; i < COUNT(bodies); i++) {
			assert_int_equal(
			    run(route_tables, r->method, path_of(r), "limit=x", NULL, bodies[i]),
			    401);
			assert_string_equal(detail(), "missing API key");
			assert_string_equal(
			    header_value("WWW-Authenticate"), "Bearer realm=\"offhook\"");
			assert_int_equal(run(route_tables, r->method, path_of(r), "limit=x",
					     "HTTP_X_API_KEY=wrong", bodies[i]),
			    401);
			assert_string_equal(detail(), "invalid API key");
		}
	}
	assert_in_range(closed, 8, 1000);
}

/* A key in the query opens recordings and nothing else. */
static void
a_key_in_the_query_is_for_recordings(void **state)
{
	(void)state;
	EACH_ROUTE(r)
	{
		int status;

		if (r->flags & ROUTE_PUBLIC)
			continue;
		status = run(route_tables, r->method, path_of(r), "api_key=wrong", NULL, "{}");
		assert_int_equal(status, 401);
		assert_string_equal(detail(),
		    strstr(r->path, "/recording") != NULL ? "invalid API key" : "missing API key");
	}
}

static void
without_its_database_every_route_says_503(void **state)
{
	static const char body[] = "{\"target_phone\":\"+15550001234\",\"brief\":\"b\","
				   "\"max_concurrent_calls\":1}";

	(void)state;
	EACH_ROUTE(r)
	{
		if (r->flags & (ROUTE_PUBLIC | ROUTE_AWAY))
			continue; /* the latter is kept for the database instead */
		assert_int_equal(
		    run(route_tables, r->method, path_of(r), "", key_header(), body), 503);
		assert_string_not_equal(header_value("Retry-After"), "(none)");
		/* Nor can an input error be told before it is known who asks. */
		assert_int_equal(
		    run(route_tables, r->method, path_of(r), "limit=x", key_header(), "{"), 503);
	}
	assert_int_equal(run(route_tables, "GET", "/readyz", "", NULL, ""), 503);
	assert_string_not_equal(header_value("Retry-After"), "(none)");
	assert_int_equal(run(route_tables, "GET", "/healthz", "", NULL, ""), 200);
	assert_int_equal(run(route_tables, "GET", "/metrics", "", NULL, ""), 503);
}

/* ---- the carrier's webhooks ---- */

static const char *
signature_of(const char *uri, const char *names_and_values)
{
	uint8_t mac[DIGEST_SHA1_SIZE];
	char text[32];
	const char *signed_text = arena_printf(a, "%s%s%s", URL, uri, names_and_values);

	digest_hmac_sha1(TOKEN, strlen(TOKEN), signed_text, strlen(signed_text), mac);
	digest_base64(mac, sizeof(mac), text);
	return arena_printf(a, "HTTP_X_TWILIO_SIGNATURE=%s", text);
}

static void
a_webhook_is_believed_by_its_signature_alone(void **state)
{
	(void)state;
	EACH_ROUTE(r)
	{
		const char *path = path_of(r), *header;

		if (strncmp(r->path, "/twilio/", 8) != 0)
			continue;
		assert_int_equal(run(route_tables, "POST", path, "", NULL, "CallSid=CA1"), 403);
		assert_int_equal(
		    run(route_tables, "POST", path, "", key_header(), "CallSid=CA1"), 403);
		header = signature_of(path, "CallSidCA1");
		assert_int_equal(
		    run(route_tables, "POST", path, "", header, "CallSid=CA1&X=1"), 403);
		assert_int_equal(
		    run(route_tables, "POST", path, "x=1", header, "CallSid=CA1"), 403);
		assert_int_equal(run(route_tables, "POST", path, "", header, "&&"), 403);
		assert_int_equal(run(route_tables, "POST", path, "", header, "CallSid=%00"), 403);
		/* Right: and only then is anything looked at. */
		header = signature_of(path, "");
		assert_int_equal(run(route_tables, "POST", path, "", header, ""), 404);
	}
}

static void
a_signed_webhook_finds_its_call(void **state)
{
	static const struct {
		const char *path, *query;
		int status;
	} cases[] = {
		{ "/twilio/status/" CALL, "", 503 },
		{ "/twilio/voice/" CALL, "", 503 },
		{ "/twilio/voice/" CALL, "turn=100", 503 },
		{ "/twilio/voice/" CALL, "turn=101", 404 },
		{ "/twilio/voice/" CALL, "turn=-1", 404 },
		{ "/twilio/voice/" CALL, "turn=1e1", 404 },
		{ "/twilio/amd/" CALL, "", 503 },
		{ "/twilio/status/" CALL "x", "", 404 },
		{ "/twilio/status/call_", "", 404 },
		{ "/twilio/status/..", "", 404 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *uri = arena_printf(a, "%s%s%s", cases[i].path,
		    cases[i].query[0] == '\0' ? "" : "?", cases[i].query);
		const char *header = signature_of(uri, "CallSidCA1CallStatusringing");
		int status = run(route_tables, "POST", cases[i].path, cases[i].query, header,
		    "CallStatus=ringing&CallSid=CA1");

		if (status != cases[i].status)
			fail_msg("%s: %d", uri, status);
	}
}

/* Without a token in the settings nobody can sign. */
static void
no_token_no_webhook(void **state)
{
	uint8_t mac[DIGEST_SHA1_SIZE];
	char text[32];
	const char *message = URL "/twilio/status/" CALL;

	(void)state;
	digest_hmac_sha1("", 0, message, strlen(message), mac);
	digest_base64(mac, sizeof(mac), text);
	env.carrier_token = "";
	assert_int_equal(run(route_tables, "POST", "/twilio/status/" CALL, "",
			     arena_printf(a, "HTTP_X_TWILIO_SIGNATURE=%s", text), ""),
	    403);
	env.carrier_token = TOKEN;
}

/* ---- a handler's result ---- */

static enum rc handler_rc;
static int handler_status;

static enum rc
handle(struct ask *ask)
{
	if (handler_status != 0)
		resp_text(ask->resp, handler_status, "text/plain", "mine");
	return handler_rc;
}

static const struct field test_fields[] = {
	{ "n", FIELD_INT, .min = 1, .max = 9 },
	{ .name = NULL },
};
static const struct route test_routes[] = {
	{ "GET", "/public", handle, .flags = ROUTE_PUBLIC },
	{ "POST", "/public", handle, .flags = ROUTE_PUBLIC, .body = test_fields },
	{ "GET", "/public/{name}", handle, .flags = ROUTE_PUBLIC, .query = test_fields },
	{ "POST", "/plain", handle, .flags = ROUTE_PUBLIC | ROUTE_PLAIN, .body = test_fields },
	{ .method = NULL },
};
static const struct route *const test_tables[] = { test_routes, NULL };

static void
each_result_has_its_status(void **state)
{
	static const struct {
		enum rc rc;
		int status;
	} cases[] = {
		{ RC_OK, 500 }, /* no answer given: ours to mend, and logged */
		{ RC_INVALID, 400 },
		{ RC_UNAUTHENTICATED, 401 },
		{ RC_NO_WORKSPACE, 400 },
		{ RC_FORBIDDEN, 403 },
		{ RC_NOT_FOUND, 404 },
		{ RC_CONFLICT, 409 },
		{ RC_NO_CREDIT, 402 },
		{ RC_LATER, 503 },
		{ RC_BROKEN, 500 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		handler_rc = cases[i].rc;
		handler_status = 0;
		assert_int_equal(run(test_tables, "GET", "/public", "", NULL, ""), cases[i].status);
		assert_string_not_equal(detail(), "(none)");
		handler_status = 418; /* a handler that says more is heard */
		assert_int_equal(run(test_tables, "GET", "/public", "", NULL, ""), 418);
		assert_string_equal(resp.body.data, "mine");
	}
}

static void
wrong_input_is_422_before_the_handler(void **state)
{
	char why[64];
	json_t *body;

	(void)state;
	handler_rc = RC_OK;
	handler_status = 200;
	assert_int_equal(run(test_tables, "POST", "/public", "", NULL, "{\"n\":5}"), 200);
	assert_int_equal(run(test_tables, "POST", "/public", "", NULL, "{\"n\":10}"), 422);
	body = json_parse_strict(resp.body.data, resp.body.len, why);
	assert_true(json_is_array(json_object_get(body, "detail")));
	json_decref(body);
	assert_int_equal(run(test_tables, "POST", "/public", "", NULL, "no json"), 422);
	assert_int_equal(run(test_tables, "POST", "/public", "", NULL, "{\"n\":5,}"), 422);
	assert_int_equal(run(test_tables, "GET", "/public/x", "n=5", NULL, ""), 200);
	assert_int_equal(run(test_tables, "GET", "/public/x", "n=0", NULL, ""), 422);
}

static void
wrong_input_is_a_sentence_where_that_is_plain(void **state)
{
	(void)state;
	handler_rc = RC_OK;
	handler_status = 200;
	assert_int_equal(run(test_tables, "POST", "/plain", "", NULL, "{\"n\":5}"), 200);
	assert_int_equal(run(test_tables, "POST", "/plain", "", NULL, "{\"n\":10}"), 400);
	assert_string_equal(detail(), "n: Input should be less than or equal to 9");
	assert_int_equal(run(test_tables, "POST", "/plain", "", NULL, "{\"n\":5,}"), 400);
	assert_string_equal(detail(), "body: JSON decode error");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unknown_route_is_404),
		cmocka_unit_test(a_wrong_method_is_405_and_names_the_right_ones),
		cmocka_unit_test(options_says_what_is_allowed),
		cmocka_unit_test(head_is_get),
		cmocka_unit_test(strangers_get_401_from_every_route),
		cmocka_unit_test(a_key_in_the_query_is_for_recordings),
		cmocka_unit_test(without_its_database_every_route_says_503),
		cmocka_unit_test(a_webhook_is_believed_by_its_signature_alone),
		cmocka_unit_test(a_signed_webhook_finds_its_call),
		cmocka_unit_test(no_token_no_webhook),
		cmocka_unit_test(each_result_has_its_status),
		cmocka_unit_test(wrong_input_is_422_before_the_handler),
		cmocka_unit_test(wrong_input_is_a_sentence_where_that_is_plain),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
