/* dial.c: the tables of parameters, and the rules that concern more than one of them. */
#include "sim/dial.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "sim/settings.h"

#define TWIML_CHARS_MAX 4000
#define TEXT_MAX 4096

#define AT(member) offsetof(struct dial, member)

static const struct param create_params[] = {
	{ .name = "To", .kind = PARAM_TEXT, .offset = AT(to), .max = 255, .code = 21211 },
	{ .name = "From", .kind = PARAM_TEXT, .offset = AT(from), .max = 255, .code = 21212 },
	{ .name = "Url", .kind = PARAM_URL, .offset = AT(url), .code = 21205 },
	{ .name = "Method", .kind = PARAM_METHOD, .offset = AT(url_get), .code = 21209 },
	{ .name = "Twiml",
	    .kind = PARAM_TEXT,
	    .offset = AT(twiml),
	    .max = TWIML_CHARS_MAX,
	    .code = 32018 },
	{ .name = "ApplicationSid",
	    .kind = PARAM_TEXT,
	    .offset = AT(application),
	    .max = 34,
	    .code = 21218 },
	{ .name = "FallbackUrl", .kind = PARAM_URL, .offset = AT(fallback_url), .code = 21205 },
	{ .name = "FallbackMethod",
	    .kind = PARAM_METHOD,
	    .offset = AT(fallback_get),
	    .code = 21209 },
	{ .name = "StatusCallback", .kind = PARAM_URL, .offset = AT(status_callback) },
	{ .name = "StatusCallbackMethod",
	    .kind = PARAM_METHOD,
	    .offset = AT(status_get),
	    .code = 21209 },
	{ .name = "StatusCallbackEvent",
	    .kind = PARAM_EVENTS,
	    .offset = AT(status_events),
	    .words = "initiated ringing answered completed" },
	{ .name = "SendDigits",
	    .kind = PARAM_TEXT,
	    .offset = AT(send_digits),
	    .max = 32,
	    .code = 21206 },
	{ .name = "Timeout",
	    .kind = PARAM_INT,
	    .offset = AT(timeout_s),
	    .min = 1,
	    .max = 600,
	    .code = 21208 },
	{ .name = "TimeLimit", .kind = PARAM_INT, .offset = AT(limit_s), .min = 1, .max = 86400 },
	{ .name = "CallerId", .kind = PARAM_TEXT, .offset = AT(caller_id), .max = 255 },
	{ .name = "Record", .kind = PARAM_BOOL, .offset = AT(record) },
	{ .name = "RecordingChannels",
	    .kind = PARAM_WORD,
	    .offset = AT(channels),
	    .words = "mono dual" },
	{ .name = "RecordingTrack",
	    .kind = PARAM_WORD,
	    .offset = AT(track),
	    .words = "inbound outbound both" },
	{ .name = "RecordingStatusCallback", .kind = PARAM_URL, .offset = AT(recording_callback) },
	{ .name = "RecordingStatusCallbackMethod",
	    .kind = PARAM_METHOD,
	    .offset = AT(recording_get),
	    .code = 21209 },
	{ .name = "RecordingStatusCallbackEvent",
	    .kind = PARAM_SPACED,
	    .offset = AT(recording_events),
	    .words = "in-progress completed absent" },
	{ .name = "Trim",
	    .kind = PARAM_WORD,
	    .offset = AT(trim),
	    .words = "trim-silence do-not-trim" },
	{ .name = "MachineDetection",
	    .kind = PARAM_WORD,
	    .offset = AT(amd),
	    .words = "Enable DetectMessageEnd",
	    .code = 21234 },
	{ .name = "MachineDetectionTimeout",
	    .kind = PARAM_INT,
	    .offset = AT(amd_timeout_s),
	    .min = 3,
	    .max = 60,
	    .code = 21234 },
	{ .name = "MachineDetectionSpeechThreshold",
	    .kind = PARAM_INT,
	    .offset = AT(amd_speech_ms),
	    .min = 1000,
	    .max = 6000,
	    .code = 21234 },
	{ .name = "MachineDetectionSpeechEndThreshold",
	    .kind = PARAM_INT,
	    .offset = AT(amd_speech_end_ms),
	    .min = 500,
	    .max = 5000,
	    .code = 21234 },
	{ .name = "MachineDetectionSilenceTimeout",
	    .kind = PARAM_INT,
	    .offset = AT(amd_silence_ms),
	    .min = 2000,
	    .max = 10000,
	    .code = 21234 },
	{ .name = "AsyncAmd", .kind = PARAM_BOOL, .offset = AT(amd_async), .code = 21234 },
	{ .name = "AsyncAmdStatusCallback", .kind = PARAM_URL, .offset = AT(amd_callback) },
	{ .name = "AsyncAmdStatusCallbackMethod",
	    .kind = PARAM_METHOD,
	    .offset = AT(amd_get),
	    .code = 21209 },
	{ .name = "SipAuthUsername", .kind = PARAM_TEXT, .offset = AT(ignored), .max = 255 },
	{ .name = "SipAuthPassword", .kind = PARAM_TEXT, .offset = AT(ignored), .max = 255 },
	{ .name = "Byoc", .kind = PARAM_TEXT, .offset = AT(ignored), .max = 34 },
	{ .name = "CallReason", .kind = PARAM_TEXT, .offset = AT(ignored), .max = 50 },
	{ .name = "CallToken", .kind = PARAM_TEXT, .offset = AT(ignored), .max = TEXT_MAX },
	{ .name = "ClientNotificationUrl", .kind = PARAM_URL, .offset = AT(ignored) },
	{ 0 },
};

#undef AT
#define AT(member) offsetof(struct update, member)

static const struct param update_params[] = {
	{ .name = "Status",
	    .kind = PARAM_WORD,
	    .offset = AT(status),
	    .words = "canceled completed" },
	{ .name = "Url", .kind = PARAM_URL, .offset = AT(url), .code = 21205 },
	{ .name = "Method", .kind = PARAM_METHOD, .offset = AT(url_get), .code = 21209 },
	{ .name = "Twiml",
	    .kind = PARAM_TEXT,
	    .offset = AT(twiml),
	    .max = TWIML_CHARS_MAX,
	    .code = 32018 },
	{ .name = "FallbackUrl", .kind = PARAM_URL, .offset = AT(fallback_url), .code = 21205 },
	{ .name = "FallbackMethod",
	    .kind = PARAM_METHOD,
	    .offset = AT(fallback_get),
	    .code = 21209 },
	{ .name = "StatusCallback", .kind = PARAM_URL, .offset = AT(status_callback) },
	{ .name = "StatusCallbackMethod",
	    .kind = PARAM_METHOD,
	    .offset = AT(status_get),
	    .code = 21209 },
	{ .name = "TimeLimit", .kind = PARAM_INT, .offset = AT(limit_s), .min = 1, .max = 86400 },
	{ 0 },
};

#undef AT

/* sip:user@host or client:name */
static bool
other_party(const char *s)
{
	const char *rest;

	if (str_starts(s, "sip:"))
		return strchr(s + 4, '@') != NULL && s[4] != '@' && s[strlen(s) - 1] != '@';
	if (!str_starts(s, "client:"))
		return false;
	for (rest = s + 7; *rest != '\0'; rest++)
		if (!isalnum((unsigned char)*rest) && strchr("_.-", *rest) == NULL)
			return false;
	return s[7] != '\0';
}

static bool
check_parties(const struct dial *d, struct refusal *why)
{
	if (d->to == NULL || d->to[0] == '\0')
		return refuse_request(why, 400, 21201, "No 'To' number is specified");
	if (d->from == NULL || d->from[0] == '\0')
		return refuse_request(why, 400, 21213, "No 'From' number is specified");
	if (!str_e164(d->to) && !other_party(d->to))
		return refuse_request(why, 400, 21211,
		    "The phone number you are attempting to call, %.40s, is not valid.", d->to);
	if (!str_e164(d->from) && (str_e164(d->to) || !other_party(d->from)))
		return refuse_request(why, 400, 21212,
		    "The 'From' number %.40s is not a valid phone number.", d->from);
	if (!settings_from_ok(d->from))
		return refuse_request(why, 400, 21210,
		    "The source phone number provided, %.40s, is not yet verified for your account.",
		    d->from);
	if (strcmp(d->to, d->from) == 0)
		return refuse_request(why, 400, 21211, "'To' and 'From' are the same number");
	return true;
}

static bool
check_digits(const struct dial *d, struct refusal *why)
{
	const char *s = d->send_digits;

	if (s != NULL && s[strspn(s, "0123456789ABCD#*wW")] != '\0')
		return refuse_request(why, 400, 21206, "SendDigits is not valid: %.40s", s);
	return true;
}

bool
dial_read(const struct str_pair *pairs, int count, struct arena *arena, struct dial *d,
    struct refusal *why)
{
	*d = (struct dial){ .timeout_s = 60,
		.limit_s = 14400,
		.status_events = EVENT_COMPLETED,
		.recording_events = 2 /* completed */ };
	if (!param_read(create_params, pairs, count, d, arena, why) || !check_parties(d, why) ||
	    !check_digits(d, why))
		return false;
	if (d->application != NULL)
		return refuse_request(
		    why, 400, 21218, "ApplicationSid %.34s was not found", d->application);
	if (d->url == NULL && d->twiml == NULL)
		return refuse_request(why, 400, 21205, "Url parameter is required.");
	if (d->send_digits != NULL)
		d->amd = AMD_OFF; /* as the carrier has it: the digits win */
	return true;
}

bool
update_read(const struct str_pair *pairs, int count, struct arena *arena, struct update *u,
    struct refusal *why)
{
	*u = (struct update){ 0 };
	if (!param_read(update_params, pairs, count, u, arena, why))
		return false;
	if (u->url != NULL && u->twiml != NULL)
		return refuse_request(why, 400, 20422, "Url and Twiml exclude each other");
	return true;
}
