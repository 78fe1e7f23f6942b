/* backend.c: see backend.h. */
#include "remote/backend.h"

#include <string.h>

#include "base/clock.h"
#include "http/reach.h"

#define CONNECT_MS 3000
#define TOTAL_MS 10000
#define REPLY_MAX (1u << 20)
#define TRIES 3
#define PAUSE_MS 200

/* Why it has not taken the job; NULL when it has. */
static const char *
reason(struct arena *a, const struct fetch_result *result)
{
	if (result->end == FETCH_ANSWERED && result->status >= 200 && result->status <= 299)
		return NULL;
	if (result->end == FETCH_ANSWERED)
		return arena_printf(a, "HTTP %ld", result->status);
	if (result->fault == FETCH_REFUSED)
		return "Connection refused";
	if (result->fault == FETCH_TIMEOUT)
		return "Timeout";
	return arena_strdup(a, result->error);
}

const char *
backend_start(struct arena *a, const struct backend *backend, const char *job_id, const char *body,
    const char *request)
{
	const char *headers[] = { arena_printf(a, "Idempotency-Key: %s", request),
		backend->key[0] != '\0' ? arena_printf(a, "X-API-Key: %s", backend->key) : NULL,
		NULL };
	struct fetch f = { .method = "POST",
		.url = arena_printf(a, "%s/start-job/%s", backend->url, job_id),
		.body = body,
		.body_len = strlen(body),
		.content_type = "application/json",
		.headers = headers,
		.connect_ms = CONNECT_MS,
		.total_ms = TOTAL_MS,
		.ca_file = backend->ca_file,
		.max_reply = REPLY_MAX,
		.any_length = true,
		.to_fd = -1 };
	struct fetch_result result;
	const char *why = NULL;

	for (int i = 0; i < TRIES; i++) {
		bool again;

		fetch_wait(&f, &result);
		why = reason(a, &result);
		again = result.end == FETCH_NOT_SENT && result.fault == FETCH_REFUSED;
		fetch_result_free(&result);
		if (!again)
			break;
		if (i + 1 < TRIES)
			clock_sleep_ms(PAUSE_MS);
	}
	return why;
}

const char *
backend_report(struct arena *a, const char *url, const char *key, const char *body,
    const char *ca_file, bool anywhere, struct fetch *f)
{
	const char **headers = arena_alloc(a, 2 * sizeof headers[0]);
	const char *wrong = reach_url(url, anywhere);

	if (wrong != NULL)
		return wrong;
	headers[0] = key != NULL ? arena_printf(a, "X-API-Key: %s", key) : NULL;
	*f = (struct fetch){ .method = "PATCH",
		.url = url,
		.body = body,
		.body_len = strlen(body),
		.content_type = "application/json",
		.headers = headers,
		.connect_ms = CONNECT_MS,
		.total_ms = TOTAL_MS,
		.ca_file = ca_file,
		.max_reply = REPLY_MAX,
		.any_length = true,
		.public_only = !anywhere,
		.to_fd = -1 };
	return NULL;
}
