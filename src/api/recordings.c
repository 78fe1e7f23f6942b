/*
 * recordings.c: hands the recording of a call to an admin. For everyone else there is nothing here.
 *
 * The bytes flow through nginx, never through a worker: a worker says where nginx may find them
 * (object store, spool, carrier, tried in this order; nginx/offhook.conf.in) and gives it what it
 * needs there in headers that no client sees. A worker itself asks nobody but the database: where the
 * carrier has to be asked whether it has a recording at all, the recorder does it.
 */
#include <string.h>

#include "api/routes.h"
#include "base/clock.h"
#include "base/id.h"
#include "domain/recording.h"
#include "remote/media.h"
#include "remote/object.h"

/* How long nginx may take to begin with the object: the URL is of no use afterwards. */
#define PRESIGNED_S 60
/* How long a client waits for the recorder's question to the carrier. */
#define ASK_WAIT_MS 1500
#define ASK_POLL_MS 100

static enum rc get(struct ask *);

static const struct field get_fields[] = {
	{ "download", FIELD_BOOL, .absent = "false", .title = "Download", .example = "true",
	    .help = "When true, emit Content-Disposition: attachment so browsers/curl save the file"
		    " as call_{id}.mp3." },
	{ .name = NULL },
};

static const struct route_answer get_answers[] = {
	{ 200, "The recording; Range is honoured.", "audio/mpeg" },
	{ 202, "Recording is still being processed by Twilio. Retry in a few seconds.",
	    "PendingResponse" },
	{ 206, "The part that Range asked for.", "audio/mpeg" },
	{ 404, "No admin key, no such call, or there will be no recording.", "Error" },
	{ 416, "Range asks for what is not there.", "Error" },
	{ 500, "Carrier credentials are not configured.", "Error" },
	{ 0 },
};

const struct route recording_routes[] = {
	{ "GET", "/calls/{call_id}/recording", get, ROUTE_QUERY_KEY, .query = get_fields,
	    .tag = "calls", .operation = "get_recording_calls__call_id__recording_get",
	    .summary = "Stream the call's mp3 recording", .answers = get_answers },
	{ .method = NULL },
};

static const struct shape pending_shape[] = {
	{ "status", SHAPE_TEXT, .title = "Status", .example = "\"recording_pending\"" },
	{ .name = NULL },
};

const struct named_schema recording_schemas[] = {
	{ "PendingResponse", pending_shape, NULL, "What was asked for is being made; ask again." },
	{ .name = NULL },
};

/* A base URL as nginx needs it: it asks a name server, and that knows no localhost. */
static const char *
for_nginx(struct arena *a, const char *url)
{
	static const char local[] = "http://localhost";
	size_t len = sizeof local - 1;

	if (strncmp(url, local, len) != 0 || (url[len] != '\0' && strchr(":/", url[len]) == NULL))
		return url;
	return arena_printf(a, "http://127.0.0.1%s", url + len);
}

static void
name_store(struct ask *ask, const struct store_name *name)
{
	struct arena *a = ask->req->arena;
	struct store store = ask->env->store;

	store.endpoint = for_nginx(a, store.endpoint);
	resp_header(ask->resp, "X-Offhook-Store",
	    object_presigned(&store, a, name, clock_wall_us(), PRESIGNED_S));
}

static void
name_carrier(struct ask *ask, const char *recording_sid)
{
	struct arena *a = ask->req->arena;
	struct carrier carrier = ask->env->carrier;

	carrier.api_url = for_nginx(a, carrier.api_url);
	resp_header(ask->resp, "X-Offhook-Carrier", media_url(&carrier, a, recording_sid));
	resp_header(ask->resp, "X-Offhook-Authorization", media_authorization(&carrier, a));
}

/* nginx takes it from here. All that is named is made of settings and of ids that were checked. */
static void
hand_over(struct ask *ask, const char *call_id, const struct recording_place *place)
{
	struct arena *a = ask->req->arena;
	const struct store_name name = { call_id, place->call_sid, place->recording_sid };
	bool download = input_bool(&ask->query, "download");

	resp_hand_over(ask->resp, arena_printf(a, "/_recording/%s.mp3", call_id));
	resp_header(ask->resp, "X-Offhook-Disposition",
	    arena_printf(
		a, "%s; filename=\"%s.mp3\"", download ? "attachment" : "inline", call_id));
	if (store_set(&ask->env->store))
		name_store(ask, &name);
	if (ask->env->carrier_set)
		name_carrier(ask, place->recording_sid);
}

/* Has the carrier asked for a recording that is not known yet, and waits a moment for its word. */
static enum rc
ask_carrier(struct ask *ask, const char *call_id, struct recording_place *place)
{
	bool going;
	enum rc rc = recording_ask(ask->db, call_id, &going);

	for (int waited = 0; rc == RC_OK && going && waited < ASK_WAIT_MS; waited += ASK_POLL_MS) {
		clock_sleep_ms(ASK_POLL_MS);
		rc = recording_find(ask->db, ask->req->arena, &ask->who, call_id, place);
		going = place->stand == RECORDING_EXPECTED;
	}
	return rc;
}

static enum rc
answer(struct ask *ask, const char *call_id, const struct recording_place *place)
{
	if (place->stand == RECORDING_NEVER)
		return RC_NOT_FOUND;
	if (place->stand != RECORDING_STORED && !ask->env->carrier_set &&
	    !(place->stand == RECORDING_READY && store_set(&ask->env->store))) {
		resp_detail(ask->resp, 500, "Twilio credentials are not configured");
	} else if (place->stand >= RECORDING_READY) {
		hand_over(ask, call_id, place);
	} else {
		resp_json(ask->resp, 202, json_pack("{s:s}", "status", "recording_pending"));
		resp_header(ask->resp, "Retry-After", "3");
	}
	return RC_OK;
}

static enum rc
get(struct ask *ask)
{
	const char *call_id = ask_path(ask, "call_id");
	struct recording_place place;
	enum rc rc = recording_find(ask->db, ask->req->arena, &ask->who, call_id, &place);

	if (rc != RC_OK)
		return rc;
	if (!id_valid(call_id, "call_"))
		return RC_NOT_FOUND;
	if (place.stand == RECORDING_EXPECTED && ask->env->carrier_set)
		rc = ask_carrier(ask, call_id, &place);
	return rc == RC_OK ? answer(ask, call_id, &place) : rc;
}
