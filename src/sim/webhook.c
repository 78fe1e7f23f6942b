/*
 * webhook.c: one libcurl multi handle, at most IN_FLIGHT_MAX requests at once, the others wait in
 * order. The bound keeps a burst of ten thousand answered calls from opening ten thousand
 * connections to a customer with sixteen workers; a request's own clock starts when it is sent.
 *
 * libcurl has no limit on silence finer than a second, so the read timeout (rt) is watched here:
 * from the moment that the request goes out, and anew with every byte that arrives.
 */
#include "sim/webhook.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/digest.h"
#include "base/log.h"
#include "base/mem.h"
#include "sim/settings.h"
#include "sim/timer.h"
#include "sim/weburl.h"

#define IN_FLIGHT_MAX 256
#define REDIRECTS_MAX 10
#define RETRY_PAUSE_MS 50
#define URL_AND_QUERY_MAX (64 * 1024)

struct transfer {
	TAILQ_ENTRY(transfer) link;
	struct webhook w; /* url and form are owned */
	struct weburl_override limits;
	char token[37]; /* the same for every try */
	struct timer pause;
	int tries, redirects;
	int64_t began_us; /* the first try, 0 before it */
	/* of the try under way */
	CURL *easy;
	struct curl_slist *headers;
	char *asked; /* the URL as asked */
	struct buf body;
	int64_t heard_us; /* last sign of life once connected, 0 before */
	bool too_long;
};
TAILQ_HEAD(transfers, transfer);

static struct transfers waiting = TAILQ_HEAD_INITIALIZER(waiting); /* the world lock's */
static struct transfers paused = TAILQ_HEAD_INITIALIZER(paused);   /* the world lock's */
static size_t in_flight;                                           /* the world lock's */
static struct transfers flying = TAILQ_HEAD_INITIALIZER(flying);   /* the engine's */
static CURL *idle[IN_FLIGHT_MAX];                                  /* the engine's */
static size_t idle_count;
static CURLM *multi;

static void
make_token(char out[37])
{
	uint8_t r[16];
	char hex[33];

	digest_random(r, sizeof(r));
	r[6] = (uint8_t)((r[6] & 0x0f) | 0x40);
	r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
	digest_hex(r, sizeof(r), hex);
	snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static void
unpause(void *owner)
{
	struct transfer *t = owner;

	TAILQ_REMOVE(&paused, t, link);
	TAILQ_INSERT_TAIL(&waiting, t, link);
}

static void
put_aside(struct transfer *t, int ms)
{
	TAILQ_INSERT_TAIL(&paused, t, link);
	timer_arm_in(&t->pause, ms, unpause, t);
}

void
webhook_send(const struct webhook *w)
{
	struct transfer *t = mem_zalloc(1, sizeof(*t));

	t->w = *w;
	t->w.url = mem_strdup(w->url);
	weburl_override(w->url, &t->limits);
	make_token(t->token);
	/* Even without a delay: the engine takes it from the heap, and is woken by that. */
	put_aside(t, w->delay_ms);
}

static void
transfer_free(struct transfer *t)
{
	timer_disarm(&t->pause);
	form_free(t->w.form);
	free((char *)(uintptr_t)t->w.url);
	free(t);
}

/* --- libcurl's callbacks: they touch nothing but their own transfer --- */

static size_t
on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;

	t->heard_us = timer_now_us();
	buf_add(&t->body, bytes, size * count);
	if (!buf_failed(&t->body))
		return size * count;
	t->too_long = true;
	return 0;
}

static size_t
on_header(char *bytes, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;

	(void)bytes;
	t->heard_us = timer_now_us();
	return size * count;
}

static int
on_connected(void *arg, char *to_ip, char *from_ip, int to_port, int from_port)
{
	struct transfer *t = arg;

	(void)to_ip, (void)from_ip, (void)to_port, (void)from_port;
	t->heard_us = timer_now_us();
	return CURL_PREREQFUNC_OK;
}

/* --- one try --- */

static void
add_header(struct transfer *t, const char *name, const char *value)
{
	char line[256];

	snprintf(line, sizeof(line), "%s: %s", name, value);
	t->headers = curl_slist_append(t->headers, line);
	if (t->headers == NULL)
		abort();
}

/* The URL that is asked: without fragment, with the form in its query for a GET. */
static char *
asked_url(const struct transfer *t)
{
	struct buf url;

	buf_init(&url, URL_AND_QUERY_MAX);
	buf_add(&url, t->w.url, weburl_length(t->w.url));
	if (t->w.get && t->w.form != NULL && t->w.form->count > 0) {
		buf_puts(&url, strchr(url.data, '?') == NULL ? "?" : "&");
		form_encode(t->w.form, &url);
	}
	return url.data;
}

static void
prepare_headers(struct transfer *t)
{
	char signature[FORM_SIGNATURE_SIZE];

	form_sign(settings()->auth_token, t->asked, t->w.get ? NULL : t->w.form, signature);
	add_header(t, "X-Twilio-Signature", signature);
	add_header(t, "I-Twilio-Idempotency-Token", t->token);
	add_header(t, "Accept", "*/*");
	t->headers = curl_slist_append(t->headers, "Expect:");
	if (!t->w.get)
		add_header(t, "Content-Type", "application/x-www-form-urlencoded; charset=UTF-8");
}

static void
prepare_easy(struct transfer *t, int64_t left_ms)
{
	CURL *easy = t->easy;

	curl_easy_setopt(easy, CURLOPT_URL, t->asked);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "TwilioProxy/1.1");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)t->limits.connect_ms);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)left_ms);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, t);
	if (settings()->ca_file != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, settings()->ca_file);
}

static void
prepare_post(struct transfer *t)
{
	struct buf body;

	if (t->w.get)
		return;
	buf_init(&body, FORM_BYTES_MAX);
	if (t->w.form != NULL)
		form_encode(t->w.form, &body);
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE, (long)body.len);
	curl_easy_setopt(t->easy, CURLOPT_COPYPOSTFIELDS, body.data);
	buf_free(&body);
}

static void
begin_try(struct transfer *t)
{
	int64_t now = timer_now_us();

	if (t->began_us == 0)
		t->began_us = now;
	t->tries++;
	t->heard_us = 0;
	t->too_long = false;
	t->asked = asked_url(t);
	buf_init(&t->body, WEBHOOK_BODY_MAX);
	t->easy = idle_count > 0 ? idle[--idle_count] : curl_easy_init();
	if (t->easy == NULL)
		abort();
	prepare_headers(t);
	prepare_easy(t, t->limits.total_ms - (now - t->began_us) / 1000 + 1);
	prepare_post(t);
	if (curl_multi_add_handle(multi, t->easy) != CURLM_OK)
		abort();
	TAILQ_INSERT_TAIL(&flying, t, link);
}

/* What a try leaves behind, but for the transfer itself. */
static void
end_try(struct transfer *t)
{
	curl_multi_remove_handle(multi, t->easy);
	curl_easy_reset(t->easy);
	if (idle_count < IN_FLIGHT_MAX)
		idle[idle_count++] = t->easy;
	else
		curl_easy_cleanup(t->easy);
	t->easy = NULL;
	curl_slist_free_all(t->headers);
	t->headers = NULL;
	buf_free(&t->body);
	free(t->asked);
	t->asked = NULL;
	TAILQ_REMOVE(&flying, t, link);
}

/* --- what came of it --- */

static int
code_of(CURLcode result)
{
	switch (result) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return 11210;
	case CURLE_SSL_CONNECT_ERROR:
		return 11220;
	case CURLE_PEER_FAILED_VERIFICATION:
		return 11237;
	case CURLE_COULDNT_CONNECT:
		return 11205;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return 11100;
	default:
		return 11200;
	}
}

/* The kind of failure for "rp", 0 for a success and for what is never repeated. */
static unsigned
failure_of(const struct transfer *t, CURLcode result, long status)
{
	if (result == CURLE_OK)
		return status >= 500 ? RETRY_5XX : status >= 400 ? RETRY_4XX : 0;
	if (t->too_long || t->body.len > 0)
		return 0; /* a part of an answer: never asked again */
	return t->heard_us == 0 ? RETRY_CONNECT : RETRY_READ;
}

/* True when the answer sends us elsewhere; w then holds the next request. */
static bool
redirected(struct transfer *t, long status)
{
	char *target = NULL;

	if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308)
		return false;
	curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &target);
	if (target == NULL || !weburl_absolute(target) || ++t->redirects > REDIRECTS_MAX)
		return false;
	free((char *)(uintptr_t)t->w.url);
	t->w.url = mem_strdup(target);
	if (status != 307 && status != 308) { /* a POST becomes a GET and loses its form */
		t->w.get = true;
		form_free(t->w.form);
		t->w.form = NULL;
	}
	return true;
}

static void
answer(struct transfer *t, CURLcode result, long status)
{
	char *type = NULL;
	struct webhook_answer a = {
		.status = status, .url = t->w.url, .body = t->body.data, .len = t->body.len
	};

	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
	a.content_type = type;
	if (t->too_long)
		a.code = 11750;
	else if (t->redirects > REDIRECTS_MAX)
		a.code = 11215;
	else if (result == CURLE_OPERATION_TIMEDOUT && t->heard_us == 0)
		a.code = 11205;
	else if (result != CURLE_OK)
		a.code = code_of(result);
	else if (status < 200 || status > 299)
		a.code = 11200;
	if (a.code != 0)
		log_debug("webhook about %s failed: code %d, HTTP %ld, %s", t->w.sid, a.code,
		    status, curl_easy_strerror(result));
	if (t->w.done != NULL)
		t->w.done(t->w.sid, t->w.tag, &a);
}

static void
finish_try(struct transfer *t, CURLcode result)
{
	int64_t spent_ms = (timer_now_us() - t->began_us) / 1000;
	long status = 0;
	unsigned failure;

	if (result == CURLE_OK)
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	failure = failure_of(t, result, status);

	world_lock();
	in_flight--;
	if ((failure & t->limits.retry) != 0 && t->tries <= t->limits.retries &&
	    spent_ms + RETRY_PAUSE_MS < t->limits.total_ms) {
		end_try(t);
		put_aside(t, RETRY_PAUSE_MS);
	} else if (redirected(t, status)) {
		end_try(t);
		t->tries = 0;
		put_aside(t, 0);
	} else {
		answer(t, result, status);
		end_try(t);
		transfer_free(t);
	}
	world_unlock();
}

/* --- the engine's side --- */

void
webhook_open(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (multi = curl_multi_init()) == NULL)
		log_fatal("libcurl does not start");
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)IN_FLIGHT_MAX);
}

bool
webhook_has_work(void)
{
	return in_flight < IN_FLIGHT_MAX && !TAILQ_EMPTY(&waiting);
}

void
webhook_start_waiting(void)
{
	struct transfers batch = TAILQ_HEAD_INITIALIZER(batch);
	struct transfer *t;

	world_lock();
	while (webhook_has_work()) {
		t = TAILQ_FIRST(&waiting);
		TAILQ_REMOVE(&waiting, t, link);
		TAILQ_INSERT_TAIL(&batch, t, link);
		in_flight++;
	}
	world_unlock();
	while ((t = TAILQ_FIRST(&batch)) != NULL) {
		TAILQ_REMOVE(&batch, t, link);
		begin_try(t);
	}
}

static void
end_silent_ones(void)
{
	struct transfer *t, *next;
	int64_t now = timer_now_us();

	for (t = TAILQ_FIRST(&flying); t != NULL; t = next) {
		next = TAILQ_NEXT(t, link);
		if (t->heard_us != 0 && now - t->heard_us > (int64_t)t->limits.read_ms * 1000)
			finish_try(t, CURLE_OPERATION_TIMEDOUT);
	}
}

void
webhook_perform(void)
{
	struct transfer *t;
	CURLMsg *msg;
	int running, left;

	curl_multi_perform(multi, &running);
	while ((msg = curl_multi_info_read(multi, &left)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &t);
		finish_try(t, msg->data.result);
	}
	end_silent_ones();
}

void
webhook_wait(int timeout_ms)
{
	/* While requests are out the silence of their servers is looked at every 50 ms. */
	if (!TAILQ_EMPTY(&flying) && (timeout_ms < 0 || timeout_ms > 50))
		timeout_ms = 50;
	curl_multi_poll(multi, NULL, 0, timeout_ms, NULL);
}

void
webhook_wake(void)
{
	curl_multi_wakeup(multi);
}

void
webhook_close(void)
{
	struct transfer *t;

	world_lock();
	while ((t = TAILQ_FIRST(&flying)) != NULL) {
		end_try(t);
		transfer_free(t);
	}
	TAILQ_CONCAT(&waiting, &paused, link);
	while ((t = TAILQ_FIRST(&waiting)) != NULL) {
		TAILQ_REMOVE(&waiting, t, link);
		transfer_free(t);
	}
	world_unlock();
	while (idle_count > 0)
		curl_easy_cleanup(idle[--idle_count]);
	curl_multi_cleanup(multi);
	curl_global_cleanup();
}
