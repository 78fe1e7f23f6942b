/*
 * callrail.c: see callrail.h. Of the two ways to turn pages this takes numbers, not "relative" ones: a
 * number can be kept and gone on from, and no URL of an answer is ever asked with the key. Sorted by the
 * time they began, calls that come while the pages are turned stand behind those that were there.
 */
#include "remote/callrail.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "http/reach.h"

#define CONNECT_MS 5000
#define TOTAL_MS 30000
#define LIST_MAX (32u << 20) /* 250 calls, an hour of words each */
#define URL_REPLY_MAX (64u << 10)
#define QUERY_MAX 1024
#define ID_MAX 64
#define PAGES_MAX 100000
#define DURATION_MAX_S (30 * 86400)
#define RETRY_MAX_S 3600
#define REASON_MAX 160
#define RECORDING "calls/%s/recording.json"
#define MINUTE_US INT64_C(60000000)

/* ---- the questions ---- */

bool
callrail_id(const char *s)
{
	size_t len = strlen(s);

	return len >= 1 && len <= ID_MAX &&
	    strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

/* The key stands between quotes in a header. */
static bool
is_key(const char *s)
{
	size_t len = strlen(s);

	for (size_t i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\')
			return false;
	return len > 0;
}

static const char *
request(const struct callrail *c, struct arena *a, const struct callrail_account *account,
    const char *place, struct fetch *fetch)
{
	const char **headers = arena_alloc(a, 3 * sizeof *headers);

	if (!callrail_id(account->id))
		return "the account_id can be none of CallRail's";
	if (!is_key(account->key))
		return "the api_key can be none of CallRail's";
	headers[0] = arena_printf(a, "Authorization: Token token=\"%s\"", account->key);
	headers[1] = "Accept: application/json";
	*fetch = (struct fetch){ .method = "GET",
		.url = arena_printf(a, "%s/v3/a/%s/%s", c->base_url, account->id, place),
		.headers = headers,
		.connect_ms = CONNECT_MS,
		.total_ms = TOTAL_MS,
		.ca_file = c->ca_file,
		.max_reply = LIST_MAX,
		.to_fd = -1 };
	return NULL;
}

/* Adds a whole minute as the API writes it: 2026-11-20T09:12. */
static void
add_minute(struct buf *query, const char *name, int64_t us)
{
	char iso[CLOCK_ISO_SIZE];

	clock_format_iso(us, iso);
	buf_printf(query, "&%s=%.16s", name, iso);
}

const char *
callrail_list_request(
    const struct callrail *c, struct arena *a, const struct callrail_ask *ask, struct fetch *fetch)
{
	struct buf query;
	const char *place;

	if (ask->company_id != NULL && !callrail_id(ask->company_id))
		return "the company_id can be none of CallRail's";
	if (ask->page < 1 || ask->page > PAGES_MAX || ask->from_us > ask->until_us)
		return "there is no such page";
	buf_init(&query, QUERY_MAX);
	buf_printf(&query, "calls.json?sort=start_time&order=asc&per_page=%d&page=%d",
	    CALLRAIL_PAGE_CALLS, ask->page);
	buf_puts(&query, "&fields=company_id,transcription");
	add_minute(&query, "start_date", ask->from_us);
	add_minute(&query, "end_date", ask->until_us + MINUTE_US - 1);
	if (ask->company_id != NULL)
		buf_printf(&query, "&company_id=%s", ask->company_id);
	place = arena_strdup(a, query.data);
	buf_free(&query);
	return request(c, a, &ask->account, place, fetch);
}

const char *
callrail_recording_place(
    const struct callrail *c, struct arena *a, const char *account_id, const char *call_id)
{
	return arena_printf(a, "%s/v3/a/%s/" RECORDING, c->base_url, account_id, call_id);
}

const char *
callrail_recording_request(const struct callrail *c, struct arena *a,
    const struct callrail_account *account, const char *call_id, struct fetch *fetch)
{
	const char *wrong;

	if (!callrail_id(call_id))
		return "the id of the call can be none of CallRail's";
	wrong = request(c, a, account, arena_printf(a, RECORDING, call_id), fetch);
	if (wrong == NULL)
		fetch->max_reply = URL_REPLY_MAX;
	return wrong;
}

/* ---- what went wrong ---- */

/* The error of a body: "error" or "errors", a text or an object or array whose first value is one. */
static const char *
foreign_reason(json_t *body)
{
	json_t *said = json_object_get(body, "error");
	void *first;

	if (said == NULL)
		said = json_object_get(body, "errors");
	if (json_is_object(said) && (first = json_object_iter(said)) != NULL)
		said = json_object_iter_value(first);
	if (json_is_array(said))
		said = json_array_get(said, 0);
	return json_string_value(said);
}

/* Whether their words may be repeated: plain ones, short, without a digit (a number, an id, a URL's
 * secret) and without the key. */
static bool
is_harmless(const char *s, const char *key)
{
	size_t len = strlen(s);

	return len >= 1 && len <= REASON_MAX &&
	    strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz .,:;'_()-") == len &&
	    strstr(s, key) == NULL;
}

static const char *
advice(long status)
{
	switch (status) {
	case 401:
		return " (the api_key is not known there)";
	case 403:
		return " (the user of the api_key may not see this account)";
	case 404:
		return " (no such account or company, or the user of the api_key may not see it)";
	case 429:
		return " (too many requests)";
	default:
		return "";
	}
}

/* Whether the same question may be answered later: what the facts of the API name, and a proxy's words
 * on the way. */
static bool
passes(long status)
{
	return status == 408 || status == 429 || status >= 500;
}

/* Whatever is not 200. */
static enum rc
refuse(const struct fetch_result *result, struct arena *a, const char *key, int64_t *retry_after_s,
    const char **error)
{
	char why[64];
	json_t *body;
	const char *said;

	if (result->end != FETCH_ANSWERED) {
		*error = arena_printf(a, "CallRail could not be asked: %s", result->error);
		return RC_LATER;
	}
	body = json_parse_strict(result->body.data, result->body.len, why);
	said = foreign_reason(body);
	*error = said != NULL && is_harmless(said, key)
	    ? arena_printf(
		  a, "CallRail answered %ld%s: %s", result->status, advice(result->status), said)
	    : arena_printf(a, "CallRail answered %ld%s", result->status, advice(result->status));
	json_decref(body);
	if (!passes(result->status))
		return RC_INVALID;
	if (result->retry_after_s > 0)
		*retry_after_s = result->retry_after_s < RETRY_MAX_S ? result->retry_after_s
								     : RETRY_MAX_S;
	return RC_LATER;
}

static json_t *
body_of(const struct fetch_result *result)
{
	char why[64];

	return json_parse_strict(
	    result->body.data, result->body.len, why); /* a proxy may send HTML */
}

/* ---- a page ---- */

/* An id: a text, or a plain number as older ones are. NULL when it is neither. */
static const char *
id_of(json_t *value, struct arena *a)
{
	const char *text = json_string_value(value);

	if (json_is_integer(value) && json_integer_value(value) > 0)
		return arena_printf(a, "%" PRId64, (int64_t)json_integer_value(value));
	return text != NULL && callrail_id(text) ? arena_strdup(a, text) : NULL;
}

/* null or absent: not over yet. */
static bool
read_duration(json_t *value, int64_t *seconds)
{
	*seconds = -1;
	if (value == NULL || json_is_null(value))
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > DURATION_MAX_S)
		return false;
	*seconds = (int64_t)json_integer_value(value);
	return true;
}

/* Its address there is not looked at: it is built of ids when it is wanted. */
static bool
read_recording(json_t *value, bool *there)
{
	*there = json_string_length(value) > 0;
	return value == NULL || json_is_null(value) || json_is_string(value);
}

static const char *
direction_of(const char *said)
{
	if (said != NULL && strcmp(said, "inbound") == 0)
		return "inbound";
	return said != NULL && strcmp(said, "outbound") == 0 ? "outbound" : NULL;
}

/* What need not be there, and is as good as absent when it is not as it should be. */
static void
read_details(json_t *value, struct arena *a, struct callrail_call *call)
{
	const char *number = json_string_value(json_object_get(value, "customer_phone_number"));
	const char *words = json_string_value(json_object_get(value, "transcription"));

	call->company_id = id_of(json_object_get(value, "company_id"), a);
	call->direction = direction_of(json_string_value(json_object_get(value, "direction")));
	call->answered = json_is_true(json_object_get(value, "answered"));
	call->voicemail = json_is_true(json_object_get(value, "voicemail"));
	if (number != NULL && str_e164(number))
		str_mask_phone(number, call->customer);
	if (words != NULL && !str_blank(words))
		call->transcription = arena_strdup(a, words);
}

static bool
read_call(json_t *value, struct arena *a, struct callrail_call *call)
{
	const char *start = json_string_value(json_object_get(value, "start_time"));

	*call = (struct callrail_call){ .id = id_of(json_object_get(value, "id"), a) };
	if (call->id == NULL || start == NULL || !clock_parse_iso(start, &call->start_us) ||
	    !read_duration(json_object_get(value, "duration"), &call->duration_s) ||
	    !read_recording(json_object_get(value, "recording"), &call->recording))
		return false;
	read_details(value, a, call);
	return true;
}

/* A count of the page; -1 when there is none. */
static int64_t
number_of(json_t *body, const char *name)
{
	json_t *value = json_object_get(body, name);

	return json_is_integer(value) && json_integer_value(value) >= 0 &&
		json_integer_value(value) <= PAGES_MAX
	    ? (int64_t)json_integer_value(value)
	    : -1;
}

/* What is wrong with the page as a whole; NULL when nothing is. */
static const char *
page_fault(json_t *body, int asked)
{
	json_t *calls = json_object_get(body, "calls");

	if (!json_is_array(calls) || number_of(body, "total_pages") < 0)
		return "CallRail's answer is no list of calls";
	if (number_of(body, "page") != asked)
		return "CallRail's answer is another page than was asked for";
	if (json_array_size(calls) > CALLRAIL_PAGE_CALLS)
		return "CallRail's answer holds more calls than a page has";
	return NULL;
}

/* Nobody gets a call of another company than he asked for, whatever the answer holds. */
static bool
is_wanted(const struct callrail_call *call, const struct callrail_ask *ask)
{
	return ask->company_id == NULL || call->company_id == NULL ||
	    strcmp(ask->company_id, call->company_id) == 0;
}

static void
read_calls(
    json_t *list, struct arena *a, const struct callrail_ask *ask, struct callrail_page *page)
{
	json_t *value;
	size_t i;

	page->calls = arena_alloc(a, (json_array_size(list) + 1) * sizeof *page->calls);
	json_array_foreach(list, i, value)
	{
		struct callrail_call *call = &page->calls[page->count];

		if (read_call(value, a, call) && is_wanted(call, ask))
			page->count++;
		else
			page->odd++;
	}
}

enum rc
callrail_list_read(const struct fetch_result *result, struct arena *a,
    const struct callrail_ask *ask, struct callrail_page *page)
{
	json_t *body;

	*page = (struct callrail_page){ .status = result->status };
	if (result->end != FETCH_ANSWERED || result->status != 200)
		return refuse(result, a, ask->account.key, &page->retry_after_s, &page->error);
	body = body_of(result);
	page->error = page_fault(body, ask->page);
	if (page->error == NULL) {
		read_calls(json_object_get(body, "calls"), a, ask, page);
		page->last = number_of(body, "total_pages") <= ask->page;
	}
	json_decref(body);
	return page->error == NULL ? RC_OK : RC_LATER;
}

/* ---- where a recording is ---- */

enum rc
callrail_recording_read(const struct callrail *c, const struct fetch_result *result,
    struct arena *a, const struct callrail_account *account, struct callrail_recording *recording)
{
	const char *url;
	json_t *body;

	*recording = (struct callrail_recording){ .status = result->status };
	if (result->end == FETCH_ANSWERED && result->status == 404) {
		recording->error = "CallRail has no recording of the call";
		return RC_NOT_FOUND;
	}
	if (result->end != FETCH_ANSWERED || result->status != 200)
		return refuse(
		    result, a, account->key, &recording->retry_after_s, &recording->error);
	body = body_of(result);
	url = json_string_value(json_object_get(body, "url"));
	if (url == NULL)
		recording->error = "CallRail's answer names no recording";
	else if (reach_url(url, c->anywhere) != NULL)
		recording->error = "CallRail's answer names a place that must not be asked";
	else
		recording->url = arena_strdup(a, url);
	json_decref(body);
	return recording->error == NULL ? RC_OK : RC_LATER;
}
