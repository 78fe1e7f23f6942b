/*
 * settings.c: the table of all settings, what a value must look like beyond its type, and the few
 * rules that hold between two of them.
 */
#include "prog/settings.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "remote/object.h"
#include "voice/door.h"

#define SOCKET_PATH_MAX 90 /* sockaddr_un holds 107; carrier.sock lies in the same folder */
/* Workers wait more than they work: for the committer, which takes up to 64 calls at once, and for dials. But each
 * may hold a connection to the database. */
#define WORKERS_EACH 16
#define WORKERS_USUAL_MAX 48
#define WORKERS_MAX 1024

/* ---- what a value must look like ---- */

/* Bytes of the host at s: a name, an IPv4 address, or an IPv6 address in brackets; 0: none. */
static size_t
host_length(const char *s)
{
	size_t len;

	if (*s != '[')
		return strspn(
		    s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-");
	len = strspn(s + 1, "0123456789abcdefABCDEF:.");
	return len > 0 && s[len + 1] == ']' ? len + 2 : 0;
}

/* scheme://host, then perhaps a port and a path: no user, query, fragment, blank or final slash.
 * Where local_only is set, the host must be this one. */
static bool
is_url(const char *s, const char *scheme, bool local_only)
{
	size_t len, digits;

	if (!str_starts(s, scheme))
		return false;
	s += strlen(scheme);
	if ((len = host_length(s)) == 0 || (local_only && !str_loopback(s, len)))
		return false;
	s += len;
	if (*s == ':') {
		digits = strspn(s + 1, "0123456789");
		if (digits == 0 || digits > 5)
			return false;
		s += 1 + digits;
	}
	if (*s == '\0')
		return true;
	if (*s != '/' || str_ends(s, "/"))
		return false;
	for (; *s != '\0'; s++) {
		if (!isgraph((unsigned char)*s) || strchr("\"'<>\\?#@", *s) != NULL)
			return false;
	}
	return true;
}

static bool
url_safe(const char *s)
{
	return is_url(s, "https://", false) || is_url(s, "http://", true);
}
#define URL_SAFE "https://HOST[:PORT][/PATH] without a final slash (http:// on loopback alone)"

static bool
url_web(const char *s)
{
	return is_url(s, "https://", false) || is_url(s, "http://", false);
}
#define URL_WEB "http(s)://HOST[:PORT][/PATH] without a final slash"

static bool
url_web_or_empty(const char *s)
{
	return *s == '\0' || url_web(s);
}
#define URL_WEB_OR_EMPTY "http(s)://HOST[:PORT][/PATH] without a final slash, or empty"

static bool
url_socket(const char *s)
{
	return is_url(s, "wss://", false) || is_url(s, "ws://", true);
}
#define URL_SOCKET "wss://HOST[:PORT][/PATH] without a final slash (ws:// on loopback alone)"

static bool
url_smtp(const char *s)
{
	/* A path would be taken for the name that we greet with. */
	return (is_url(s, "smtp://", false) || is_url(s, "smtps://", false)) &&
	    strchr(strstr(s, "://") + 3, '/') == NULL;
}
#define URL_SMTP "smtp://HOST[:PORT] or smtps://HOST[:PORT]"

static bool
path_whole(const char *s)
{
	return s[0] == '/' && s[1] != '\0' && !str_ends(s, "/");
}
#define PATH_WHOLE "a path that begins with / and does not end with one"

static bool
path_or_empty(const char *s)
{
	return *s == '\0' || path_whole(s);
}
#define PATH_OR_EMPTY "a path that begins with / and does not end with one, or empty"

static bool
path_socket(const char *s)
{
	return path_whole(s) && strlen(s) <= SOCKET_PATH_MAX;
}
#define PATH_SOCKET "a path that begins with /, of at most 90 bytes"

/* Of at most DOOR_DIR_MAX bytes (voice/door.h). */
static bool
path_doors(const char *s)
{
	return path_or_empty(s) && strlen(s) <= DOOR_DIR_MAX;
}
#define PATH_DOORS \
	"a path that begins with / and does not end with one, of at most 80 bytes, or empty"

static bool
not_empty(const char *s)
{
	return !str_blank(s);
}
#define NOT_EMPTY "a text that is not empty"

static bool
account_sid(const char *s)
{
	return *s == '\0' ||
	    (strlen(s) == 34 && str_starts(s, "AC") &&
		strspn(s + 2, "0123456789abcdefABCDEF") == 32);
}
#define ACCOUNT_SID "AC and 32 hexadecimal digits, or empty"

static bool
phone_or_empty(const char *s)
{
	return *s == '\0' || str_e164(s);
}
#define PHONE_OR_EMPTY "a number in E.164 form such as +12025550100, or empty"

#define MAIL_ADDRESS "a mail address such as offhook@example.org"

static bool
retention(const char *s)
{
	int64_t days;

	return str_int64(s, 0, 36500, &days) && (days == 0 || days >= 93);
}
#define RETENTION "0, or a whole number from 93 to 36500"

static bool
region(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(s);
}
#define REGION "the name of a region such as eu-central-1, or empty"

static bool
bucket(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789.-") == strlen(s) && *s != '.';
}
#define BUCKET "lower-case letters, digits, dots and dashes, or empty"

/* The beginning of an object's name: a path, in which nothing goes up or is empty. */
static bool
object_prefix(const char *s)
{
	return *s != '/' && strstr(s, "//") == NULL && strstr(s, "..") == NULL &&
	    str_utf8(s, strlen(s)) && strlen(s) <= 512;
}
#define OBJECT_PREFIX "a text without a / in front, // or .., of at most 512 bytes"

static bool
key_template(const char *s)
{
	return object_template_valid(s) && strlen(s) <= 512 && *s != '/' &&
	    strstr(s, "//") == NULL && strstr(s, "..") == NULL;
}
#define KEY_TEMPLATE                                                               \
	"a name with {recording_sid}, {call_sid} or {call_id} in it, and perhaps " \
	"{prefix}, without a / in front, // or .."

/* ---- the table ---- */

#define AT(field) offsetof(struct settings, field)

const struct conf_key settings_keys[] = {
	{ "server.public_url", CONF_TEXT, AT(server.public_url), "https://localhost:8443",
	    .check = url_safe, .must = URL_SAFE,
	    .help =
		"The base of every URL handed out; the carrier's signatures are made over it." },
	{ "server.gateway_fronted", CONF_BOOL, AT(server.gateway_fronted), "false",
	    .also = "GATEWAY_FRONTED",
	    .help = "Whether the X-Gateway-Context header of a gateway in front is believed." },
	{ "server.gateway_jwt_algorithm", CONF_CHOICE, AT(server.gateway_jwt_algorithm), "HS256",
	    .choices = "HS256|RS256|ES256|EdDSA",
	    .help = "The one algorithm that the gateway signs with." },
	{ "server.gateway_jwt_key_file", CONF_TEXT, AT(server.gateway_jwt_key_file), "",
	    .check = path_or_empty, .must = PATH_OR_EMPTY,
	    .help = "The gateway's key: the shared secret for HS256, else its public key in PEM." },
	{ "server.log_level", CONF_CHOICE, AT(server.log_level), "info",
	    .choices = "error|warning|info|debug", .also = "LOG_LEVEL",
	    .help = "What is logged: lines of this level and those before it." },
	{ "server.data_dir", CONF_TEXT, AT(server.data_dir), "/var/lib/offhook",
	    .check = path_whole, .must = PATH_WHOLE,
	    .help =
		"Where files are kept: recordings in its folder recordings, requests that wait for the"
		" database in spool." },

	{ "database.url", CONF_SECRET, AT(database.url), "postgresql:///offhook",
	    .check = not_empty, .must = "a PostgreSQL URL or connection string",
	    .also = "DATABASE_URL", .help = "The PostgreSQL database that all hosts share." },
	{ "database.schema_dir", CONF_TEXT, AT(database.schema_dir), "", .check = path_or_empty,
	    .must = PATH_OR_EMPTY,
	    .help = "The folder of the schema's files; empty: where they were installed." },
	{ "database.statement_timeout_ms", CONF_INT, AT(database.statement_timeout_ms), "5000",
	    .min = 100, .max = 600000, .help = "How long the daemons let a statement run." },

	{ "api.workers", CONF_INT, AT(api.workers), "0", .min = 0, .max = WORKERS_MAX,
	    .restart = true,
	    .help = "Worker processes for requests; 0: sixteen for each processor, at most 48." },
	{ "api.requests_per_second", CONF_INT, AT(api.requests_per_second), "200", .min = 0,
	    .max = 1000000,
	    .help = "What one key may ask for on one host (nginx enforces it); 0: no limit." },
	{ "api.socket", CONF_TEXT, AT(api.socket), "/run/offhook/api.sock", .check = path_socket,
	    .must = PATH_SOCKET, .restart = true,
	    .help = "Where nginx reaches the workers; carrier.sock is made beside it." },

	{ "queue.enabled", CONF_BOOL, AT(queue.enabled), "false", .also = "CALL_QUEUE_ENABLED",
	    .help = "Whether POST /calls queues its call; otherwise it waits for the dial." },
	{ "queue.cps", CONF_REAL, AT(queue.cps), "1.0", .min = 0.01, .max = 10000,
	    .help = "Dials a second over all hosts; the same on each of them." },

	{ "calls.default_max_concurrent", CONF_INT, AT(calls.default_max_concurrent), "1", .min = 1,
	    .max = 100000,
	    .help = "Calls at once of a workspace that has set no number of its own." },
	{ "calls.max_concurrent_ceiling", CONF_INT, AT(calls.max_concurrent_ceiling), "100",
	    .min = 1, .max = 100000,
	    .help = "The most calls at once that a workspace may set for itself." },
	{ "calls.credits_per_call", CONF_INT, AT(calls.credits_per_call), "1", .min = 0,
	    .max = 1000000, .help = "Credits that a call reserves, and costs when it is charged." },
	{ "calls.charge_cents", CONF_INT, AT(calls.charge_cents), "0", .min = 0, .max = 1000000,
	    .help = "The charge_cents of a call with a charged outcome." },
	{ "calls.sync_wait_ms", CONF_INT, AT(calls.sync_wait_ms), "5000", .min = 0, .max = 30000,
	    .help = "How long POST /calls with the queue off waits for its dial." },
	{ "calls.max_duration_seconds", CONF_INT, AT(calls.max_duration_seconds), "1800", .min = 10,
	    .max = 86400, .help = "When the carrier ends a call." },
	{ "calls.retention_days", CONF_INT, AT(calls.retention_days), "0", .min = 0, .max = 36500,
	    .check = retention, .must = RETENTION,
	    .help = "How long ended calls are kept; 0: for ever, otherwise at least 93." },

	{ "skills.dir", CONF_TEXT, AT(skills.dir), "", .check = path_or_empty,
	    .must = PATH_OR_EMPTY,
	    .help = "The folder of the skills' manifests; empty: where they were installed." },

	{ "twilio.account_sid", CONF_TEXT, AT(twilio.account_sid), "", .check = account_sid,
	    .must = ACCOUNT_SID, .also = "TWILIO_ACCOUNT_SID",
	    .help = "The carrier's account; without it nothing is dialed." },
	{ "twilio.auth_token", CONF_SECRET, AT(twilio.auth_token), "", .also = "TWILIO_AUTH_TOKEN",
	    .help = "The account's token: for requests, and for the signatures of callbacks." },
	{ "twilio.phone_number", CONF_TEXT, AT(twilio.phone_number), "", .check = phone_or_empty,
	    .must = PHONE_OR_EMPTY, .also = "TWILIO_PHONE_NUMBER",
	    .help = "The number that calls come from." },
	{ "twilio.api_url", CONF_TEXT, AT(twilio.api_url), "https://api.twilio.com",
	    .check = url_safe, .must = URL_SAFE,
	    .help = "The base of the carrier's REST API, or of the simulator." },
	{ "twilio.timeout_ms", CONF_INT, AT(twilio.timeout_ms), "10000", .min = 100, .max = 60000,
	    .help = "How long one request to the carrier may take." },

	{ "voice.transport", CONF_CHOICE, AT(voice.transport), "twiml", .choices = "twiml|stream",
	    .help = "How the agent talks: turn by turn, or in real time (offhook-voice)." },
	{ "voice.engine", CONF_CHOICE, AT(voice.engine), "script",
	    .choices = "gemini|openai|script",
	    .help = "Who thinks for the agent: script is built in, the others are voice models." },
	{ "voice.script", CONF_TEXT, AT(voice.script), "", .check = path_or_empty,
	    .must = PATH_OR_EMPTY,
	    .help = "A dialogue file for the script engine; empty: its built-in dialogue." },
	{ "voice.loops", CONF_INT, AT(voice.loops), "0", .min = 0, .max = WORKERS_MAX,
	    .restart = true,
	    .help = "Processes that hold conversations; 0: one for each processor." },
	{ "voice.max_calls", CONF_INT, AT(voice.max_calls), "1000", .min = 1, .max = 100000,
	    .help = "Conversations that one of them holds at once; more are refused." },
	{ "voice.hold_seconds", CONF_INT, AT(voice.hold_seconds), "180", .min = 1, .max = 3600,
	    .help = "Seconds of music on hold that are waited out in real time." },
	{ "voice.socket", CONF_TEXT, AT(voice.socket), "/run/offhook/voice.sock",
	    .check = path_socket, .must = PATH_SOCKET, .restart = true,
	    .help = "Where nginx reaches the conversations." },
	{ "voice.listen_dir", CONF_TEXT, AT(voice.listen_dir), "/run/offhook-voice",
	    .check = path_doors, .must = PATH_DOORS,
	    .help =
		"Where nginx reaches those that are listened to, a socket a process; empty: nobody"
		" listens." },

	{ "gemini.api_key", CONF_SECRET, AT(gemini.api_key), "", .also = "GEMINI_API_KEY",
	    .help = "Gemini: the key." },
	{ "gemini.url", CONF_TEXT, AT(gemini.url),
	    "wss://generativelanguage.googleapis.com/ws/"
	    "google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
	    .check = url_socket, .must = URL_SOCKET, .help = "Gemini: where its live API is." },
	{ "gemini.model", CONF_TEXT, AT(gemini.model), "gemini-3.8-live", .check = not_empty,
	    .must = NOT_EMPTY, .help = "Gemini: the model that talks." },

	{ "openai.api_key", CONF_SECRET, AT(openai.api_key), "", .also = "OPENAI_API_KEY",
	    .help = "OpenAI: the key for summaries and prices; a server of one's own needs none." },
	{ "openai.base_url", CONF_TEXT, AT(openai.base_url), "https://api.openai.com/v1",
	    .check = url_web, .must = URL_WEB,
	    .help = "OpenAI: the base of its REST API, with /v1, or of a compatible server's." },
	{ "openai.model", CONF_TEXT, AT(openai.model), "gpt-4o-mini", .check = not_empty,
	    .must = NOT_EMPTY, .help = "OpenAI: the model that summarises and reads prices." },
	{ "openai.prompt_price", CONF_REAL, AT(openai.prompt_price), "0", .min = 0, .max = 1000000,
	    .help = "OpenAI: what a million tokens cost that the model reads." },
	{ "openai.completion_price", CONF_REAL, AT(openai.completion_price), "0", .min = 0,
	    .max = 1000000, .help = "OpenAI: what a million tokens cost that the model writes." },
	{ "openai.context_tokens", CONF_INT, AT(openai.context_tokens), "128000", .min = 4096,
	    .max = 10000000,
	    .help = "OpenAI: how many tokens the model takes at once; longer calls in parts." },
	{ "openai.realtime_url", CONF_TEXT, AT(openai.realtime_url),
	    "wss://api.openai.com/v1/realtime", .check = url_socket, .must = URL_SOCKET,
	    .help = "OpenAI: where its realtime API is." },
	{ "openai.realtime_model", CONF_TEXT, AT(openai.realtime_model), "gpt-realtime-2.1",
	    .check = not_empty, .must = NOT_EMPTY, .help = "OpenAI: the model that talks." },

	{ "deepgram.api_key", CONF_SECRET, AT(deepgram.api_key), "", .also = "DEEPGRAM_API_KEY",
	    .help = "Deepgram: the key; empty: merged transcripts have estimated times." },
	{ "deepgram.base_url", CONF_TEXT, AT(deepgram.base_url), "https://api.deepgram.com",
	    .check = url_safe, .must = URL_SAFE,
	    .help = "Deepgram: the base of its REST API, without /v1." },
	{ "deepgram.live_url", CONF_TEXT, AT(deepgram.live_url), "wss://api.deepgram.com/v1/listen",
	    .check = url_socket, .must = URL_SOCKET, .help = "Deepgram: where its live API is." },

	{ "callrail.base_url", CONF_TEXT, AT(callrail.base_url), "https://api.callrail.com",
	    .check = url_safe, .must = URL_SAFE,
	    .help = "CallRail: the base of its API, without /v3." },

	{ "s3.endpoint", CONF_TEXT, AT(s3.endpoint), "", .check = url_web_or_empty,
	    .must = URL_WEB_OR_EMPTY,
	    .help = "S3: the store into which the carrier puts recordings; empty: none." },
	{ "s3.region", CONF_TEXT, AT(s3.region), "", .check = region, .must = REGION,
	    .also = "AWS_REGION", .help = "S3: the region; empty: us-east-1." },
	{ "s3.bucket", CONF_TEXT, AT(s3.bucket), "", .check = bucket, .must = BUCKET,
	    .help = "S3: the bucket, in path style." },
	{ "s3.prefix", CONF_TEXT, AT(s3.prefix), "", .check = object_prefix, .must = OBJECT_PREFIX,
	    .help = "S3: what stands for {prefix} in the names of recordings." },
	{ "s3.access_key", CONF_SECRET, AT(s3.access_key), "", .also = "AWS_ACCESS_KEY_ID",
	    .help = "S3: the id of the key." },
	{ "s3.secret_key", CONF_SECRET, AT(s3.secret_key), "", .also = "AWS_SECRET_ACCESS_KEY",
	    .help = "S3: the key." },
	{ "s3.key_template", CONF_TEXT, AT(s3.key_template), "{prefix}{recording_sid}.mp3",
	    .check = key_template, .must = KEY_TEMPLATE, .help = "S3: how a recording is named." },

	{ "smtp.url", CONF_TEXT, AT(smtp.url), "smtp://localhost:25", .check = url_smtp,
	    .must = URL_SMTP, .help = "Mail: the server that takes it." },
	{ "smtp.username", CONF_TEXT, AT(smtp.username), "",
	    .help = "Mail: the user; empty: no login." },
	{ "smtp.password", CONF_SECRET, AT(smtp.password), "",
	    .help = "Mail: the password of that user." },
	{ "smtp.from", CONF_TEXT, AT(smtp.from), "offhook@localhost", .check = str_mail_address,
	    .must = MAIL_ADDRESS,
	    .help = "Mail: the sender, who is told of what cannot be delivered." },
	{ "smtp.tls", CONF_CHOICE, AT(smtp.tls), "opportunistic",
	    .choices = "opportunistic|required|none",
	    .help = "Mail: whether the connection must be encrypted before it is used." },

	{ "webhooks.ca_file", CONF_TEXT, AT(webhooks.ca_file), "", .check = path_or_empty,
	    .must = PATH_OR_EMPTY,
	    .help = "A file of CA certificates in PEM, trusted besides the system's." },
	{ "webhooks.allow_private_networks", CONF_BOOL, AT(webhooks.allow_private_networks),
	    "false",
	    .help = "For tests alone: lets customers' URLs reach loopback and private ranges." },

	{ "providers.call_backend_url", CONF_TEXT, AT(providers.call_backend_url), "",
	    .check = url_web_or_empty, .must = URL_WEB_OR_EMPTY, .also = "CALL_BACKEND_URL",
	    .help = "Who places negotiation calls; empty: Offhook." },
	{ "providers.call_backend_key", CONF_SECRET, AT(providers.call_backend_key), "",
	    .help = "The X-API-Key for that back end, and for its reports; shared by both." },

	{ "events.max_streams", CONF_INT, AT(events.max_streams), "10000", .min = 1, .max = 1000000,
	    .help = "Open event streams on one host; more are answered 503." },
	{ "events.max_seconds", CONF_INT, AT(events.max_seconds), "1800", .min = 1, .max = 86400,
	    .help = "How long one event stream lasts; its client comes back for more." },
	{ "events.heartbeat_seconds", CONF_INT, AT(events.heartbeat_seconds), "15", .min = 1,
	    .max = 50, .help = "Between two comments that keep a silent stream alive." },
	{ "events.socket", CONF_TEXT, AT(events.socket), "/run/offhook/events.sock",
	    .check = path_socket, .must = PATH_SOCKET, .restart = true,
	    .help = "Where nginx reaches the event streams." },
	{ .name = NULL },
};

/* ---- reading ---- */

/* What holds between two settings. */
static bool
fits_together(const struct settings *s, char *error, size_t error_size)
{
	if (s->server.gateway_fronted && s->server.gateway_jwt_key_file[0] == '\0') {
		snprintf(error, error_size,
		    "server.gateway_fronted is true: server.gateway_jwt_key_file must name the "
		    "gateway's key");
		return false;
	}
	if (s->calls.default_max_concurrent > s->calls.max_concurrent_ceiling) {
		snprintf(error, error_size,
		    "calls.default_max_concurrent (%" PRId64 ") must not be more than "
		    "calls.max_concurrent_ceiling (%" PRId64 ")",
		    s->calls.default_max_concurrent, s->calls.max_concurrent_ceiling);
		return false;
	}
	if (s->s3.endpoint[0] != '\0' &&
	    (s->s3.bucket[0] == '\0' || s->s3.access_key[0] == '\0' ||
		s->s3.secret_key[0] == '\0')) {
		snprintf(error, error_size,
		    "s3.endpoint is set: set s3.bucket, s3.access_key and s3.secret_key too, or "
		    "none of them");
		return false;
	}
	return true;
}

/* Replaces a text that is empty. */
static void
fill_in(char **text, const char *value)
{
	if ((*text)[0] != '\0')
		return;
	free(*text);
	*text = mem_strdup(value);
}

/* Replaces the values that stand for "what suits this host". */
static void
suit_host(struct settings *s)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (s->api.workers == 0) {
		s->api.workers = processors > 0 ? WORKERS_EACH * processors : WORKERS_EACH;
		if (s->api.workers > WORKERS_USUAL_MAX)
			s->api.workers = WORKERS_USUAL_MAX;
	}
	if (s->voice.loops == 0)
		s->voice.loops = processors > 0 ? processors : 1;
	if (s->voice.loops > WORKERS_MAX)
		s->voice.loops = WORKERS_MAX;
	fill_in(&s->database.schema_dir, OFFHOOK_DATADIR "/sql");
	fill_in(&s->skills.dir, OFFHOOK_DATADIR "/skills");
	fill_in(&s->s3.region, "us-east-1");
}

bool
settings_read(const char *path, struct settings *settings, char *error, size_t error_size)
{
	if (path == NULL && access(SETTINGS_DEFAULT_PATH, F_OK) == 0)
		path = SETTINGS_DEFAULT_PATH;
	if (!conf_read(settings_keys, settings, path, error, error_size))
		return false;
	if (!fits_together(settings, error, error_size)) {
		settings_clear(settings);
		return false;
	}
	suit_host(settings);
	return true;
}

void
settings_clear(struct settings *settings)
{
	conf_clear(settings_keys, settings);
}

bool
settings_talks(const struct settings *s)
{
	return strcmp(s->voice.transport, "twiml") == 0 && strcmp(s->voice.engine, "openai") == 0;
}
