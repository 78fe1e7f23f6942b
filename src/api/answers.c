/* answers.c: a human answers what a call's agent has asked. The rules are in domain/question.h. */
#include "api/routes.h"
#include "domain/question.h"

static enum rc answer(struct ask *);

static const struct field answer_fields[] = {
	{ "answer", FIELD_TEXT, .required = true, .min = 1, .max = QUESTION_ANSWER_MAX,
	    .title = "Answer", .help = "Free text that the agent says to the callee." },
	{ "request_id", FIELD_TEXT, .nullable = true, .max = 64, .title = "Request Id",
	    .help =
		"Which question, from its ask_user event; when absent, the oldest that waits." },
	{ "mode", FIELD_CHOICE, .absent = "\"voice\"", .choices = "voice|context", .title = "Mode",
	    .help = "voice: the agent says the answer to the callee. context: it goes by it in"
		    " silence." },
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
		"True when a question was waiting and this is its answer. False when it had been"
		" answered, its time or the call was over, or nothing had been asked." },
	{ .name = NULL },
};

const struct named_schema answer_schemas[] = {
	{ "AnswerBody", NULL, answer_fields, "The answer to an ask_user." },
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
