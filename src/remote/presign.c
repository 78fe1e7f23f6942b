/* presign.c: see presign.h. The names follow "Authenticating Requests: Using Query Parameters". */
#include "remote/presign.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/digest.h"

#define TEXT_MAX 8192
#define HEX_SIZE (2 * DIGEST_SHA256_SIZE + 1)

/* The instant and the scope of a signature. */
struct scope {
	char date[9];       /* 20130524 */
	char date_time[17]; /* 20130524T000000Z */
	const char *text;   /* 20130524/us-east-1/s3/aws4_request */
};

static void
scope_init(struct scope *scope, struct arena *a, const struct presign *p)
{
	time_t seconds = (time_t)(p->now_us / 1000000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(scope->date, sizeof scope->date, "%Y%m%d", &tm);
	strftime(scope->date_time, sizeof scope->date_time, "%Y%m%dT%H%M%SZ", &tm);
	scope->text = arena_printf(a, "%s/%s/s3/aws4_request", scope->date, p->region);
}

/* The parameters in the order of their names, but for the signature. */
static const char *
query_text(struct arena *a, const struct presign *p, const struct scope *scope)
{
	struct buf query;
	const char *text;

	buf_init(&query, TEXT_MAX);
	buf_puts(&query, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=");
	buf_urlencode(&query, arena_printf(a, "%s/%s", p->access_key, scope->text));
	buf_printf(&query, "&X-Amz-Date=%s&X-Amz-Expires=%d&X-Amz-SignedHeaders=host",
	    scope->date_time, p->seconds);
	if (p->type != NULL) {
		buf_puts(&query, "&response-content-type=");
		buf_urlencode(&query, p->type);
	}
	text = arena_strndup(a, query.data, query.len);
	buf_free(&query);
	return text;
}

static void
hmac(uint8_t key[DIGEST_SHA256_SIZE], const char *text)
{
	uint8_t out[DIGEST_SHA256_SIZE];

	digest_hmac_sha256(key, DIGEST_SHA256_SIZE, text, strlen(text), out);
	memcpy(key, out, sizeof out);
}

static void
sign(struct arena *a, const struct presign *p, const struct scope *scope, const char *text,
    char hex[HEX_SIZE])
{
	const char *secret = arena_printf(a, "AWS4%s", p->secret_key);
	uint8_t key[DIGEST_SHA256_SIZE];

	digest_hmac_sha256(secret, strlen(secret), scope->date, strlen(scope->date), key);
	hmac(key, p->region);
	hmac(key, "s3");
	hmac(key, "aws4_request");
	hmac(key, text);
	digest_hex(key, sizeof key, hex);
}

const char *
presign_get(struct arena *a, const struct presign *p)
{
	const char *host = strstr(p->url, "://") + 3;
	const char *path = host + strcspn(host, "/");
	const char *query, *request;
	uint8_t hash[DIGEST_SHA256_SIZE];
	char hex[HEX_SIZE];
	struct scope scope;

	scope_init(&scope, a, p);
	query = query_text(a, p, &scope);
	request = arena_printf(a, "GET\n%s\n%s\nhost:%.*s\n\nhost\nUNSIGNED-PAYLOAD", path, query,
	    (int)(path - host), host);
	digest_sha256(request, strlen(request), hash);
	digest_hex(hash, sizeof hash, hex);
	sign(a, p, &scope,
	    arena_printf(a, "AWS4-HMAC-SHA256\n%s\n%s\n%s", scope.date_time, scope.text, hex), hex);
	return arena_printf(a, "%s?%s&X-Amz-Signature=%s", p->url, query, hex);
}
