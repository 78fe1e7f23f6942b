/* record.c: calls in JSON. Numbers are texts wherever the carrier sends texts. */
#include "sim/record.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "sim/settings.h"

static const char *const status_names[CALL_STATUSES] = { "queued", "ringing", "in-progress",
	"completed", "busy", "failed", "no-answer", "canceled" };

const char *
call_status_name(enum call_status status)
{
	return status_names[status];
}

bool
call_status_named(const char *name, enum call_status *out)
{
	for (int i = 0; i < CALL_STATUSES; i++)
		if (strcmp(status_names[i], name) == 0) {
			*out = (enum call_status)i;
			return true;
		}
	return false;
}

int
call_seconds(const struct call *c)
{
	int64_t us = c->ended_us - c->answered_us;

	return us < 1500000 ? 1 : (int)((us + 500000) / 1000000);
}

static json_t *
text_or_null(const char *s)
{
	return s == NULL ? json_null() : json_string(s);
}

/* (415) 555-0123 for a number of North America, the number itself elsewhere. */
static json_t *
formatted(const char *number)
{
	if (str_starts(number, "+1") && strlen(number) == 12)
		return json_sprintf("(%.3s) %.3s-%.4s", number + 2, number + 5, number + 8);
	return json_string(number);
}

static json_t *
subresources(const struct call *c)
{
	static const struct {
		const char *name, *path;
	} parts[] = {
		{ "events", "Events" },
		{ "notifications", "Notifications" },
		{ "payments", "Payments" },
		{ "recordings", "Recordings" },
		{ "siprec", "Siprec" },
		{ "streams", "Streams" },
		{ "transcriptions", "Transcriptions" },
		{ "user_defined_messages", "UserDefinedMessages" },
		{ "user_defined_message_subscriptions", "UserDefinedMessageSubscriptions" },
	};
	json_t *o = json_object();

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		json_object_set_new(o, parts[i].name,
		    json_sprintf("/2010-04-01/Accounts/%s/Calls/%s/%s.json",
			settings()->account_sid, c->sid, parts[i].path));
	return o;
}

json_t *
call_json(const struct call *c)
{
	const char *account = settings()->account_sid;
	json_t *o = json_object();

	json_object_set_new(o, "sid", json_string(c->sid));
	json_object_set_new(o, "account_sid", json_string(account));
	json_object_set_new(o, "parent_call_sid", json_null());
	json_object_set_new(o, "group_sid", json_null());
	json_object_set_new(o, "phone_number_sid", json_null());
	json_object_set_new(o, "trunk_sid", json_string(""));
	json_object_set_new(o, "to", json_string(c->to));
	json_object_set_new(o, "to_formatted", formatted(c->to));
	json_object_set_new(o, "from", json_string(c->from));
	json_object_set_new(o, "from_formatted", formatted(c->from));
	json_object_set_new(o, "caller_name", json_null());
	json_object_set_new(o, "forwarded_from", json_null());
	json_object_set_new(o, "status", json_string(call_status_name(c->status)));
	json_object_set_new(o, "direction", json_string("outbound-api"));
	json_object_set_new(o, "date_created", when_rfc2822(c->arrived_us));
	json_object_set_new(o, "date_updated", when_rfc2822(c->updated_us));
	json_object_set_new(o, "start_time", when_rfc2822(c->started_us));
	json_object_set_new(o, "end_time", when_rfc2822(c->ended_us));
	json_object_set_new(o, "duration",
	    c->status == CALL_COMPLETED ? json_sprintf("%d", call_seconds(c)) : json_null());
	json_object_set_new(o, "queue_time", json_sprintf("%d", c->queue_ms));
	json_object_set_new(o, "price", json_null());
	json_object_set_new(o, "price_unit", json_string("USD"));
	json_object_set_new(o, "answered_by", text_or_null(c->answered_by));
	json_object_set_new(o, "annotation", json_null());
	json_object_set_new(o, "api_version", json_string("2010-04-01"));
	json_object_set_new(
	    o, "uri", json_sprintf("/2010-04-01/Accounts/%s/Calls/%s.json", account, c->sid));
	json_object_set_new(o, "subresource_uris", subresources(c));
	return o;
}

static json_t *
error_codes(const struct call *c)
{
	json_t *a = json_array();

	for (const struct call_error *e = c->errors; e != NULL; e = e->next)
		json_array_append_new(a, json_integer(e->code));
	return a;
}

json_t *
call_sim_json(const struct call *c)
{
	json_t *o = json_object();

	json_object_set_new(o, "sid", json_string(c->sid));
	json_object_set_new(o, "to", json_string(c->to));
	json_object_set_new(o, "from", json_string(c->from));
	json_object_set_new(o, "url", text_or_null(c->url[0] == '\0' ? NULL : c->url));
	json_object_set_new(o, "status_callback", text_or_null(c->status_callback));
	json_object_set_new(o, "arrived_at", when_iso(c->arrived_us));
	json_object_set_new(o, "arrived_mono_us", json_integer(c->arrived_mono_us));
	json_object_set_new(o, "status", json_string(call_status_name(c->status)));
	json_object_set_new(o, "answered_at", when_iso(c->answered_us));
	json_object_set_new(o, "ended_at", when_iso(c->ended_us));
	json_object_set_new(o, "answered_by", text_or_null(c->answered_by));
	json_object_set_new(o, "errors", error_codes(c));
	return o;
}

json_t *
call_error_json(const struct call *c, const struct call_error *e)
{
	const char *account = settings()->account_sid;
	json_t *o = json_object();

	json_object_set_new(o, "sid", json_string(e->sid));
	json_object_set_new(o, "account_sid", json_string(account));
	json_object_set_new(o, "call_sid", json_string(c->sid));
	json_object_set_new(o, "api_version", json_string("2010-04-01"));
	json_object_set_new(o, "log", json_string(e->warning ? "1" : "0"));
	json_object_set_new(o, "error_code", json_sprintf("%d", e->code));
	json_object_set_new(
	    o, "more_info", json_sprintf("https://www.twilio.com/docs/errors/%d", e->code));
	json_object_set_new(o, "message_text", text_or_null(e->message));
	json_object_set_new(o, "message_date", when_rfc2822(e->when_us));
	json_object_set_new(
	    o, "request_method", e->url == NULL ? json_null() : json_string("POST"));
	json_object_set_new(o, "request_url", text_or_null(e->url));
	json_object_set_new(o, "date_created", when_rfc2822(e->when_us));
	json_object_set_new(o, "date_updated", when_rfc2822(e->when_us));
	json_object_set_new(o, "uri",
	    json_sprintf(
		"/2010-04-01/Accounts/%s/Calls/%s/Notifications/%s.json", account, c->sid, e->sid));
	return o;
}
