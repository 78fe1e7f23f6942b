/* store.c: see store.h. Requests of our own are signed by libcurl; its version here signs the path
 * exactly as it stands in the URL, so that is encoded before. */
#include "remote/store.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/fetch.h"
#include "remote/object.h"

#define CONNECT_MS 3000
#define PROBE_MS 10000
#define FETCH_MS 120000

static const char *const headers[] = { "x-amz-content-sha256: UNSIGNED-PAYLOAD", NULL };

static void
ask(const struct store *s, struct arena *a, struct fetch *f, struct fetch_result *result)
{
	f->user = s->access_key;
	f->password = s->secret_key;
	f->sigv4 = arena_printf(a, "aws:amz:%s:s3", s->region);
	f->headers = headers;
	f->connect_ms = CONNECT_MS;
	f->ca_file = s->ca_file;
	fetch_wait(f, result);
}

enum rc
store_fetch(
    const struct store *s, const struct store_name *name, int fd, int64_t max, int64_t *bytes)
{
	struct arena *a = arena_new();
	struct fetch f = { .method = "GET",
		.url = object_url(s, a, name),
		.total_ms = FETCH_MS,
		.max_reply = (size_t)max,
		.to_fd = fd };
	struct fetch_result result;
	enum rc rc = RC_LATER;

	ask(s, a, &f, &result);
	if (result.end == FETCH_ANSWERED && (result.status == 404 || result.status == 403))
		rc = RC_NOT_FOUND;
	else if (result.end == FETCH_ANSWERED && result.status == 200 && result.body_bytes > 0 &&
	    (result.content_length < 0 || result.content_length == result.body_bytes))
		rc = RC_OK;
	else
		log_warning("a recording could not be fetched from the object store: HTTP %ld, %s",
		    result.status, result.error);
	*bytes = result.body_bytes;
	fetch_result_free(&result);
	arena_free(a);
	return rc;
}

enum rc
store_probe(const struct store *s, long *status, char why[160])
{
	struct arena *a = arena_new();
	struct fetch f = { .method = "HEAD",
		.url = object_url(s, a, NULL),
		.total_ms = PROBE_MS,
		.max_reply = 1,
		.to_fd = -1 };
	struct fetch_result result;
	enum rc rc;

	ask(s, a, &f, &result);
	rc = result.end == FETCH_ANSWERED ? RC_OK : RC_LATER;
	*status = result.status;
	snprintf(why, 160, "%s", result.error);
	fetch_result_free(&result);
	arena_free(a);
	return rc;
}
