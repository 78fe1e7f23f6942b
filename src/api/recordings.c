/*
 * recordings.c: hands the recording of a call to an admin. The bytes flow through nginx
 * (X-Accel-Redirect), never through a worker. For everyone else there is nothing here.
 */
#include "api/routes.h"
#include "base/id.h"
#include "domain/recording.h"

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

/* nginx takes it from here: the path is a fixed prefix and an id that has been checked. */
static void
hand_over(struct ask *ask, const char *call_id)
{
	struct arena *a = ask->req->arena;
	bool download = input_bool(&ask->query, "download");

	resp_text(ask->resp, 200, "audio/mpeg", "");
	resp_header(ask->resp, "Content-Disposition",
	    arena_printf(
		a, "%s; filename=\"%s.mp3\"", download ? "attachment" : "inline", call_id));
	resp_header(ask->resp, "X-Accel-Redirect", arena_printf(a, "/_recordings/%s.mp3", call_id));
}

static enum rc
get(struct ask *ask)
{
	const char *call_id = ask_path(ask, "call_id");
	enum recording_stand stand;
	enum rc rc = recording_find(ask->db, &ask->who, call_id, &stand);

	if (rc != RC_OK)
		return rc;
	if (!id_valid(call_id, "call_"))
		return RC_NOT_FOUND;
	if (stand == RECORDING_HERE) {
		hand_over(ask, call_id);
	} else if (stand == RECORDING_NEVER) {
		return RC_NOT_FOUND;
	} else if (!ask->env->carrier_set) {
		resp_detail(ask->resp, 500, "Twilio credentials are not configured");
	} else {
		resp_json(ask->resp, 202, json_pack("{s:s}", "status", "recording_pending"));
		resp_header(ask->resp, "Retry-After", "3");
	}
	return RC_OK;
}
