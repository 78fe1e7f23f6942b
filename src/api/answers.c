/* answers.c: a human answers what a call's agent has asked. The rules are in domain/question.h. */
#include "api/routes.h"
#include "domain/question.h"

static enum rc answer(struct ask *);

static const struct field answer_fields[] = {
	{ "answer", FIELD_TEXT, .required = true, .min = 1, .max = QUESTION_ANSWER_MAX,
	    .title = "Answer", .help = "Free text the bot will dictate to the operator.",
	    .example = "\"Yes, nine is fine as well.\"" },
	{ "request_id", FIELD_TEXT, .nullable = true, .max = 64, .title = "Request Id",
	    .help = "optional request_id (from the ask_user event payload) to disambiguate when"
		    " multiple ask_user are in flight on the same call. When omitted, the server"
		    " falls back to FIFO (oldest pending) — preserves backwards compatibility"
		    " with webhook agents that don't yet pass request_id." },
	{ "mode", FIELD_CHOICE, .absent = "\"voice\"", .choices = "voice|context", .title = "Mode",
	    .example = "\"voice\"",
	    .help = "How the bot should treat this answer. 'voice' (default): speak the answer out"
		    " loud to the operator. 'context': silent guidance — bot acts on the info"
		    " without voicing it. Use 'context' for concierge IVR navigation hints." },
	{ .name = NULL },
};

static const struct route_answer answer_answers[] = {
	{ 200, "Whether a question was waiting for the answer.", "AnswerResponse" },
	{ 404, "No such call, or another customer's.", "Error" },
	{ 422, "Validation Error", "HTTPValidationError" },
	{ 0 },
};

const struct route answer_routes[] = {
	{ "POST", "/calls/{call_id}/answer", answer, .body = answer_fields,
	    .body_schema = "AnswerBody", .tag = "calls",
	    .operation = "submit_answer_calls__call_id__answer_post",
	    .summary = "Async webhook callback for an ask_user pending on this call",
	    .answers = answer_answers },
	{ .method = NULL },
};

static const struct shape answer_shape[] = {
	{ "delivered", SHAPE_BOOL, .title = "Delivered",
	    .help =
		"True if a transport was actively waiting on this call_id when the answer arrived."
		" False means the ask_user already timed out, the call ended, or no ask_user was"
		" pending — answer is silently dropped." },
	{ .name = NULL },
};

const struct named_schema answer_schemas[] = {
	{ "AnswerBody", NULL, answer_fields,
	    "Async webhook callback — customer's reply to a prior ask_user." },
	{ "AnswerResponse", answer_shape, NULL, NULL },
	{ .name = NULL },
};

static enum rc
answer(struct ask *ask)
{
	struct question_answer given = {
		.call_id = ask_path(ask, "call_id"),
		.request_id = input_text(&ask->body, "request_id"),
		.answer = input_text(&ask->body, "answer"),
		.mode = input_text(&ask->body, "mode"),
	};
	bool delivered;
	enum rc rc = question_answer(ask->db, &ask->who, &given, &delivered);

	if (rc == RC_OK)
		resp_json(ask->resp, 200, json_pack("{s:b}", "delivered", delivered));
	return rc;
}
