/*
 * listening.c: live listening over HTTP. A worker says who may hear which call, and hands the request over to
 * nginx, which fetches the sound from the loop of offhook-voice that has the call (nginx/offhook.conf.in). A
 * browser's audio element sends no key, so it comes with a ticket, which somebody with a key has asked for.
 */
#include <string.h>

#include "api/routes.h"
#include "base/id.h"
#include "domain/listening.h"
#include "http/accept.h"

#define TICKET_BYTES 32
#define HASH_SIZE (2 * DIGEST_SHA256_SIZE + 3)

static enum rc listen_to(struct ask *);
static enum rc ticket(struct ask *);

static const struct field listen_fields[] = {
	{ "ticket", FIELD_TEXT, .min = 1, .max = 128, .title = "Ticket",
	    .help = "In place of a key: from POST to the same path, good once and for a minute." },
	{ "rate", FIELD_CHOICE, .choices = "8000|48000", .absent = "\"8000\"", .title = "Rate",
	    .help =
		"Samples a second: 8000, the telephone's own, or 48000, which browsers begin to play"
		" after a second in place of seven." },
	{ .name = NULL },
};

static const char says_403[] =
    "admins_only: the key is no admin's; listening_forbidden: the setting voice.live_listening of the"
    " workspace does not allow it.";
static const char says_404[] = "No such call, or another customer's.";
static const char says_409[] =
    "not_answered, not_in_real_time, call_over or no_door: there is nothing to listen to.";
static const char says_503[] =
    "call_on_another_host: ask the Offhook there; too_many_listeners; or the database is away.";

static const struct route_answer listen_answers[] = {
	{ 200, "The sound from now on until the conversation is over.", "audio/wav" },
	{ 403, says_403, "Error" },
	{ 404, says_404, "Error" },
	{ 406, "The client accepts no audio/wav.", "Error" },
	{ 409, says_409, "Error" },
	{ 422, "Validation Error", "HTTPValidationError" },
	{ 503, says_503, "Error" },
	{ 0 },
};
static const struct route_answer ticket_answers[] = {
	{ 201, "A URL for an audio element.", "ListeningTicket" },
	{ 403, says_403, "Error" },
	{ 404, says_404, "Error" },
	{ 409, says_409, "Error" },
	{ 503, says_503, "Error" },
	{ 0 },
};

const struct route listening_routes[] = {
	{ "GET", "/calls/{call_id}/listen", listen_to, ROUTE_TICKET, .query = listen_fields,
	    .tag = "calls", .operation = "listen_calls__call_id__listen_get",
	    .summary = "Listen to a call while it goes on", .answers = listen_answers },
	{ "POST", "/calls/{call_id}/listen", ticket, .tag = "calls",
	    .operation = "listen_ticket_calls__call_id__listen_post",
	    .summary = "A URL by which a browser can listen to a call", .answers = ticket_answers },
	{ "GET", "/api/v1/calls/{call_id}/listen", listen_to, ROUTE_TICKET | ROUTE_HIDDEN,
	    .query = listen_fields },
	{ "POST", "/api/v1/calls/{call_id}/listen", ticket, .flags = ROUTE_HIDDEN },
	{ .method = NULL },
};

static const struct shape ticket_shape[] = {
	{ "url", SHAPE_TEXT, .title = "Url",
	    .help = "To be fetched once; whoever has it can listen." },
	{ "expires_at", SHAPE_TIME, .title = "Expires At",
	    .help = "Until then the URL must be fetched; what is heard goes on." },
	{ .name = NULL },
};

const struct named_schema listening_schemas[] = {
	{ "ListeningTicket", ticket_shape, NULL, NULL },
	{ .name = NULL },
};

/* By listening_stand; status 0: it is open. */
static const struct {
	int status;
	const char *code, *message;
} refusals[] = {
	[LISTENING_OPEN] = { 0, NULL, NULL },
	[LISTENING_ADMINS] = { 403, "admins_only", "Only an admin's key may listen to calls." },
	[LISTENING_FORBIDDEN] = { 403, "listening_forbidden",
	    "The setting voice.live_listening of the workspace is not true." },
	[LISTENING_WAITS] = { 409, "not_answered", "Nobody has answered the call yet." },
	[LISTENING_TURNS] = { 409, "not_in_real_time",
	    "The call's agent does not talk over a media stream, or not yet." },
	[LISTENING_OVER] = { 409, "call_over", "The conversation is over." },
	[LISTENING_CLOSED] = { 409, "no_door",
	    "The call was begun where voice.listen_dir is not set, or cannot be written to." },
	[LISTENING_ELSEWHERE] = { 503, "call_on_another_host",
	    "The call is talked on another host: listen by the Offhook there." },
};

/* True when the call is open to listening; else that is answered. */
static bool
is_open(struct ask *ask, const struct listening *l)
{
	if (l->stand != LISTENING_OPEN)
		resp_error_code(ask->resp, refusals[l->stand].status, refusals[l->stand].code,
		    refusals[l->stand].message);
	return l->stand == LISTENING_OPEN;
}

/* Of a ticket, as bytea text. */
static void
hash_ticket(const char *ticket, char text[HASH_SIZE])
{
	uint8_t hash[DIGEST_SHA256_SIZE];

	digest_sha256(ticket, strlen(ticket), hash);
	memcpy(text, "\\x", 2);
	digest_hex(hash, sizeof hash, text + 2);
}

static bool
takes_wav(const char *accept)
{
	return accept == NULL || accept_wants(accept, "audio/wav") > 0 ||
	    accept_wants(accept, "audio/*") > 0 || accept_wants(accept, "*/*") > 0;
}

/* HEAD looks; GET begins. */
static enum rc
authorise(struct ask *ask, const char *call_id, struct listening *l)
{
	bool begin = strcmp(ask->req->method, "HEAD") != 0;
	const char *shown = input_text(&ask->query, "ticket");
	char hash[HASH_SIZE];
	enum rc rc;

	if (shown == NULL)
		return listening_ask(ask->db, ask->req->arena, &ask->who, call_id,
		    ask->env->machine, begin ? LISTENING_BEGIN : LISTENING_LOOK, NULL, l);
	hash_ticket(shown, hash);
	rc = listening_take(ask->db, ask->req->arena, hash, call_id, ask->env->machine, begin, l);
	if (rc == RC_UNAUTHENTICATED) {
		resp_detail(ask->resp, 401, "invalid ticket");
		resp_header(ask->resp, "WWW-Authenticate", "Bearer realm=\"offhook\"");
	}
	return rc;
}

static enum rc
listen_to(struct ask *ask)
{
	const char *call_id = ask_path(ask, "call_id");
	struct listening l;
	enum rc rc;

	if (!takes_wav(req_header(ask->req, "accept"))) {
		resp_detail(ask->resp, 406, "What can be listened to is audio/wav");
		return RC_INVALID; /* once the caller is known */
	}
	rc = authorise(ask, call_id, &l);
	if (rc != RC_OK || !is_open(ask, &l))
		return rc;
	if (strcmp(ask->req->method, "HEAD") == 0)
		resp_text(ask->resp, 200, "audio/wav", "");
	else
		resp_hand_over(ask->resp,
		    arena_printf(ask->req->arena, "/_listen/%s/%s?rate=%s&request=%s", l.door,
			call_id, input_text(&ask->query, "rate"), ask->req->request_id));
	return RC_OK;
}

static enum rc
ticket(struct ask *ask)
{
	const char *call_id = ask_path(ask, "call_id");
	char text[2 * TICKET_BYTES + 1], hash[HASH_SIZE];
	uint8_t random[TICKET_BYTES];
	struct listening l;
	enum rc rc;

	digest_random(random, sizeof random);
	digest_hex(random, sizeof random, text);
	hash_ticket(text, hash);
	rc = listening_ask(ask->db, ask->req->arena, &ask->who, call_id, ask->env->machine,
	    LISTENING_TICKET, hash, &l);
	if (rc != RC_OK || !is_open(ask, &l))
		return rc;
	resp_json(ask->resp, 201,
	    json_pack("{s:o, s:s}", "url",
		json_sprintf(
		    "%s/calls/%s/listen?rate=48000&ticket=%s", ask->env->public_url, call_id, text),
		"expires_at", l.expires_at));
	return RC_OK;
}
