/*
 * why.c: what holds a call back, and until when: the answer of the very function that the dialer asks
 * before each dial (fn.dial_holds), in words.
 */
#include <string.h>

#include "api/routes.h"
#include "domain/call.h"

static enum rc why(struct ask *);

static const struct route_answer why_answers[] = {
	{ 200, "Successful Response", "CallHold" },
	{ 404, "No such call, or another customer's.", "Error" },
	{ 0 },
};

const struct route why_routes[] = {
	{ "GET", "/calls/{call_id}/why", why, .tag = "calls",
	    .operation = "why_calls__call_id__why_get",
	    .summary = "What holds a waiting call back, and until when", .answers = why_answers },
	{ .method = NULL },
};

static const struct shape hold_shape[] = {
	{ "call_id", SHAPE_TEXT, .title = "Call Id" },
	{ "status", SHAPE_TEXT, .title = "Status" },
	{ "held", SHAPE_BOOL, .title = "Held",
	    .help = "False for a call that waits for nothing but its turn, or does not wait." },
	{ "reason", SHAPE_TEXT, .nullable = true, .title = "Reason",
	    .help = "not_due, not_before, paused, cancelled, spacing, campaign_at_cap, single_rate,"
		    " customer_at_cap, stopped, number_busy, outside_window, do_not_call,"
		    " destination_denied, trial_limit, no_zone or no_window" },
	{ "until", SHAPE_TIME, .nullable = true, .title = "Until",
	    .help = "When it may be dialed at the earliest, as far as that is known." },
	{ "message", SHAPE_TEXT, .title = "Message" },
	{ .name = NULL },
};

const struct named_schema why_schemas[] = {
	{ "CallHold", hold_shape, NULL, "What the dialer would say about a call just now." },
	{ .name = NULL },
};

static const struct {
	const char *reason, *message;
} messages[] = {
	{ "not_due", "Its time has not come." },
	{ "stopped", "Dialing was stopped; the operator starts it again." },
	{ "not_before", "The carrier could not take it; it is tried again." },
	{ "paused", "Its campaign is paused." },
	{ "cancelled", "Its campaign is cancelled." },
	{ "spacing", "The campaign's distance between two calls." },
	{ "campaign_at_cap", "As many calls of the campaign are in progress as may be." },
	{ "single_rate", "As many single calls were dialed in the last minute as may be." },
	{ "customer_at_cap", "As many calls of the workspace are in progress as may be." },
	{ "number_busy", "Another dial to this number has not reached the carrier yet." },
	{ "outside_window", "It is outside the campaign's calling hours where the number lies." },
	{ "do_not_call", "The number is on a do-not-call list; the call ends at its turn." },
	{ "destination_denied", "Such numbers may not be called; the call ends at its turn." },
	{ "trial_limit",
	    "As many calls to countries that are new to the workspace were made within a day as may"
	    " be." },
	{ "no_zone", "The number's time zone is not known; the call ends at its turn." },
	{ "no_window",
	    "The calling hours never come in all its time zones; the call ends at its turn." },
};

static const char *
message_of(const char *reason, const char *status)
{
	if (reason == NULL)
		return strcmp(status, "queued") == 0 ? "Nothing but its turn."
						     : "It does not wait.";
	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
		if (strcmp(messages[i].reason, reason) == 0)
			return messages[i].message;
	return reason;
}

static enum rc
why(struct ask *ask)
{
	const char *reason, *status;
	struct rows *rows;
	enum rc rc = call_why(
	    ask->db, &ask->who, ask_path(ask, "call_id"), ask->env->default_cap, &rows);

	if (rc != RC_OK)
		return rc;
	status = rows_text(rows, 0, CALL_FIRST_COLUMN + 1);
	reason = rows_text(rows, 0, CALL_FIRST_COLUMN + 2);
	resp_json(ask->resp, 200,
	    json_pack("{s:s, s:s, s:b, s:s?, s:s?, s:s}", "call_id",
		rows_text(rows, 0, CALL_FIRST_COLUMN), "status", status, "held", reason != NULL,
		"reason", reason, "until", rows_text(rows, 0, CALL_FIRST_COLUMN + 3), "message",
		message_of(reason, status)));
	rows_free(rows);
	return RC_OK;
}
