/* carrier.c: see carrier.h. */
#include "remote/carrier.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "remote/media.h"

#define CONNECT_MS 3000
/* A carrier that cannot be connected to within this is away, not far. */
#define CONNECT_ENOUGH_US 1000000
/* The carrier answers a create within its own API limit of 26 s; a dial waits at least so long,
 * because an answer that is given up for lost costs a reconciliation. */
#define DIAL_MS 30000
#define REPLY_MAX (1u << 20)
#define NOT_IN_PROGRESS 21220 /* its code for a call that is over already */
#define RECORDING_MS 120000
/* Four callback URLs of a public URL of at most 4 KiB, each byte of which may become three. */
#define FORM_MAX (64u << 10)
/* Connection overrides of our callback URLs: repeat on 5xx, on connect and on read failures. The
 * fragment is the carrier's to read; it is neither sent nor signed. */
#define OVERRIDES "#rc=4&rp=5xx,ct,rt&ct=3000&rt=5000"

bool
carrier_sid_valid(const char *s)
{
	return strncmp(s, "CA", 2) == 0 && strlen(s) == 34 &&
	    strspn(s + 2, "0123456789abcdef") == 32;
}

static const char *
account_url(const struct carrier *c, struct arena *a, const char *rest)
{
	return arena_printf(a, "%s/2010-04-01/Accounts/%s/%s", c->api_url, c->account_sid, rest);
}

static void
form_add(struct buf *form, const char *name, const char *value)
{
	if (form->len > 0)
		buf_puts(form, "&");
	buf_puts(form, name);
	buf_puts(form, "=");
	buf_urlencode(form, value);
}

static void
form_add_callback(struct buf *form, struct arena *a, const char *name, const struct carrier *c,
    const char *kind, const struct carrier_dial *dial)
{
	form_add(form, name,
	    arena_printf(a, "%s/twilio/%s/%s?attempt=%s" OVERRIDES, c->public_url, kind,
		dial->call_id, dial->attempt_id));
}

static void
form_add_number(struct buf *form, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)value);
	form_add(form, name, text);
}

static void
form_add_detection(
    struct buf *form, struct arena *a, const struct carrier *c, const struct carrier_dial *dial)
{
	if (strcmp(dial->machine_detection, "off") == 0)
		return;
	form_add(form, "MachineDetection", "DetectMessageEnd");
	if (strcmp(dial->machine_detection, "async") == 0) {
		form_add(form, "AsyncAmd", "true");
		form_add_callback(form, a, "AsyncAmdStatusCallback", c, "amd", dial);
	}
}

static void
fill(const struct carrier *c, struct fetch *f, const char *method, const char *url, int total_ms)
{
	memset(f, 0, sizeof *f);
	f->method = method;
	f->url = url;
	f->user = c->account_sid;
	f->password = c->auth_token;
	f->connect_ms = CONNECT_MS;
	f->total_ms = total_ms;
	f->ca_file = c->ca_file;
	f->max_reply = REPLY_MAX;
	f->to_fd = -1;
}

void
carrier_dial_request(
    const struct carrier *c, struct arena *a, const struct carrier_dial *dial, struct fetch *fetch)
{
	static const char *const events[] = { "initiated", "ringing", "answered", "completed" };
	struct buf form;

	buf_init(&form, FORM_MAX);
	form_add(&form, "To", dial->to);
	form_add(&form, "From", dial->from[0] != '\0' ? dial->from : c->from);
	if (dial->url[0] != '\0')
		form_add(&form, "Url", dial->url);
	else
		form_add_callback(&form, a, "Url", c, "voice", dial);
	form_add_callback(&form, a, "StatusCallback", c, "status", dial);
	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
		form_add(&form, "StatusCallbackEvent", events[i]);
	form_add(&form, "Record", "true");
	form_add(&form, "RecordingTrack", "outbound");
	form_add_callback(&form, a, "RecordingStatusCallback", c, "recording", dial);
	form_add(&form, "RecordingStatusCallbackEvent", "completed absent");
	form_add_number(&form, "Timeout", c->ring_s);
	form_add_number(&form, "TimeLimit", c->max_talk_s);
	form_add_detection(&form, a, c, dial);

	fill(c, fetch, "POST", account_url(c, a, "Calls.json"), DIAL_MS);
	fetch->body = arena_strndup(a, form.data, form.len);
	fetch->body_len = form.len;
	buf_free(&form);
}

static json_t *
reply_json(const struct fetch_result *result)
{
	char why[64];
	json_t *reply = json_parse_strict(result->body.data, result->body.len, why);

	return json_is_object(reply) ? reply : (json_decref(reply), NULL);
}

static const char *
text_of(json_t *object, const char *name)
{
	const char *s = json_string_value(json_object_get(object, name));

	return s == NULL ? "" : s;
}

/* 201: the sid, or the answer is as good as lost. */
static void
read_accepted(const struct fetch_result *result, struct carrier_dial_answer *answer)
{
	json_t *reply = reply_json(result);
	const char *sid = text_of(reply, "sid");

	answer->answer = "unknown";
	if (carrier_sid_valid(sid)) {
		answer->answer = "accepted";
		snprintf(answer->call_sid, sizeof answer->call_sid, "%s", sid);
	}
	json_decref(reply);
}

/* The carrier's own code in the body of an error, or 0. */
static json_int_t
error_code(const struct fetch_result *result)
{
	json_t *reply = reply_json(result);
	json_int_t code = json_integer_value(json_object_get(reply, "code"));

	json_decref(reply);
	return code;
}

static void
read_refused(const struct fetch_result *result, struct carrier_dial_answer *answer)
{
	answer->answer = "refused";
	snprintf(answer->reason, sizeof answer->reason,
	    "The carrier refused the call: HTTP %ld, code %lld.", result->status,
	    (long long)error_code(result));
}

void
carrier_dial_read(const struct fetch_result *result, struct carrier_dial_answer *answer)
{
	memset(answer, 0, sizeof *answer);
	if (result->end == FETCH_ANSWERED && result->status == 429) {
		answer->answer = "throttled";
		answer->retry_s = result->retry_after_s > 0 ? result->retry_after_s : 0;
		if (answer->retry_s > 300)
			answer->retry_s = 300;
		snprintf(answer->reason, sizeof answer->reason,
		    "The carrier was too busy to take the call.");
	} else if (result->end == FETCH_ANSWERED && result->status == 201) {
		read_accepted(result, answer);
	} else if (result->end == FETCH_ANSWERED && result->status >= 400 && result->status < 500 &&
	    result->status != 408) { /* 408 says nothing of what it has done so far */
		read_refused(result, answer);
	} else if (result->end == FETCH_NOT_SENT) {
		/* Without a connection it is our lateness only if there was little time for one. */
		bool late = result->missed &&
		    (result->connect_us > 0 || result->took_us < CONNECT_ENOUGH_US);

		answer->answer = late ? "missed" : "not_sent";
		snprintf(answer->reason, sizeof answer->reason,
		    "The carrier could not be reached: %s", result->error);
	} else {
		answer->answer = "unknown";
		snprintf(answer->reason, sizeof answer->reason,
		    "The carrier's answer to the dial was lost.");
	}
}

static void
read_call(json_t *object, struct carrier_call *call)
{
	memset(call, 0, sizeof *call);
	snprintf(call->sid, sizeof call->sid, "%s", text_of(object, "sid"));
	snprintf(call->status, sizeof call->status, "%s", text_of(object, "status"));
	snprintf(call->duration, sizeof call->duration, "%s", text_of(object, "duration"));
	snprintf(call->answered_by, sizeof call->answered_by, "%s", text_of(object, "answered_by"));
	if (!clock_parse_rfc2822(text_of(object, "date_created"), &call->created))
		call->created = 0;
}

/* The JSON of a 200, to be released. 404 is RC_NOT_FOUND, anything else RC_LATER. */
static enum rc
read_reply(const struct fetch_result *result, json_t **reply)
{
	if (result->end == FETCH_ANSWERED && result->status == 404)
		return RC_NOT_FOUND;
	if (result->end == FETCH_ANSWERED && result->status == 200)
		return (*reply = reply_json(result)) != NULL ? RC_OK : RC_LATER;
	if (result->end == FETCH_ANSWERED)
		log_warning("the carrier answered %ld", result->status);
	else
		log_warning("the carrier could not be asked: %s", result->error);
	return RC_LATER;
}

static const char *
call_url(const struct carrier *c, struct arena *a, const char *sid)
{
	return account_url(c, a, arena_printf(a, "Calls/%s.json", sid));
}

void
carrier_get_request(const struct carrier *c, struct arena *a, const char *sid, struct fetch *fetch)
{
	fill(c, fetch, "GET", call_url(c, a, sid), c->timeout_ms);
}

enum rc
carrier_get_read(const struct fetch_result *result, const char *sid, struct carrier_call *call)
{
	json_t *reply;
	enum rc rc = read_reply(result, &reply);

	if (rc != RC_OK)
		return rc;
	read_call(reply, call);
	json_decref(reply);
	/* Another call's state says nothing about this one. */
	return strcmp(call->sid, sid) == 0 ? RC_OK : RC_LATER;
}

void
carrier_list_request(
    const struct carrier *c, struct arena *a, const char *to, const char *from, struct fetch *fetch)
{
	struct buf query;

	buf_init(&query, FORM_MAX);
	form_add(&query, "To", to);
	form_add(&query, "From", from[0] != '\0' ? from : c->from);
	form_add(&query, "PageSize", "100");
	/* No filter on the time: the carrier's goes by the start, which a waiting call has not. */
	fill(c, fetch, "GET", account_url(c, a, arena_printf(a, "Calls.json?%s", query.data)),
	    c->timeout_ms);
	buf_free(&query);
}

enum rc
carrier_list_read(const struct fetch_result *result, int64_t from, int64_t until,
    struct carrier_call *calls, int max, int *count)
{
	json_t *reply, *list, *one;
	enum rc rc = read_reply(result, &reply);
	size_t i;

	*count = 0;
	if (rc != RC_OK)
		return RC_LATER;
	list = json_object_get(reply, "calls");
	/* No list is not an empty one, after which a number may be dialled again. */
	if (!json_is_array(list))
		rc = RC_LATER;
	json_array_foreach(list, i, one)
	{
		struct carrier_call call;

		read_call(one, &call);
		if (*count < max && carrier_sid_valid(call.sid) && call.created >= from &&
		    call.created <= until)
			calls[(*count)++] = call;
	}
	json_decref(reply);
	return rc;
}

void
carrier_end_request(const struct carrier *c, struct arena *a, const char *sid, struct fetch *fetch)
{
	static const char form[] = "Status=completed";

	fill(c, fetch, "POST", call_url(c, a, sid), c->timeout_ms);
	fetch->body = form;
	fetch->body_len = sizeof form - 1;
}

enum rc
carrier_end_read(const struct fetch_result *result)
{
	if (result->end == FETCH_ANSWERED &&
	    (result->status == 200 ||
		(result->status == 400 && error_code(result) == NOT_IN_PROGRESS)))
		return RC_OK;
	return result->end == FETCH_ANSWERED && result->status == 404 ? RC_NOT_FOUND : RC_LATER;
}

enum rc
carrier_recording_find(
    const struct carrier *c, const char *call_sid, struct carrier_recording *recording)
{
	struct arena *a = arena_new();
	struct fetch_result result;
	struct fetch f;
	json_t *reply, *first;
	enum rc rc;

	fill(c, &f, "GET",
	    account_url(c, a, arena_printf(a, "Recordings.json?CallSid=%s", call_sid)),
	    c->timeout_ms);
	fetch_wait(&f, &result);
	rc = read_reply(&result, &reply);
	fetch_result_free(&result);
	if (rc == RC_OK) {
		first = json_array_get(json_object_get(reply, "recordings"), 0);
		rc = first == NULL ? RC_NOT_FOUND : RC_OK;
		snprintf(recording->sid, sizeof recording->sid, "%s", text_of(first, "sid"));
		snprintf(
		    recording->status, sizeof recording->status, "%s", text_of(first, "status"));
		snprintf(recording->duration, sizeof recording->duration, "%s",
		    text_of(first, "duration"));
		json_decref(reply);
	}
	arena_free(a);
	return rc;
}

enum rc
carrier_recording_fetch(
    const struct carrier *c, const char *recording_sid, int fd, int64_t max, int64_t *bytes)
{
	struct arena *a = arena_new();
	struct fetch_result result;
	struct fetch f;
	enum rc rc = RC_LATER;

	fill(c, &f, "GET", media_url(c, a, recording_sid), RECORDING_MS);
	f.to_fd = fd;
	f.max_reply = (size_t)max;
	fetch_wait(&f, &result);
	if (result.end == FETCH_ANSWERED && result.status == 404)
		rc = RC_NOT_FOUND;
	else if (result.end == FETCH_ANSWERED && result.status == 200 && result.body_bytes > 0 &&
	    (result.content_length < 0 || result.content_length == result.body_bytes))
		rc = RC_OK;
	else
		log_warning("a recording could not be fetched: HTTP %ld, %lld bytes, %s",
		    result.status, (long long)result.body_bytes, result.error);
	*bytes = result.body_bytes;
	fetch_result_free(&result);
	arena_free(a);
	return rc;
}
