/*
 * llm.c: see llm.h. Source: OpenAI's API reference, "Create chat completion"; what compatible servers do
 * otherwise stands beside the line that minds it.
 */
#include "remote/llm.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

#define CONNECT_MS 5000
#define TOTAL_MS 120000
#define REPLY_MAX (4u << 20)
#define RETRY_MAX_S 120
#define COUNT_MAX 1000000000 /* tokens; more is nonsense */

static void
release(void *value)
{
	json_decref(value);
}

static bool
is_openai(const struct llm *m)
{
	return str_starts(m->base_url, "https://api.openai.com/");
}

bool
llm_configured(const struct llm *m)
{
	return m->api_key[0] != '\0' || !is_openai(m);
}

/* "max_tokens" is refused by OpenAI's reasoning models, "max_completion_tokens" is silently ignored by
 * Ollama: each gets the name that it minds. */
static const char *
limit_name(const struct llm *m)
{
	return is_openai(m) ? "max_completion_tokens" : "max_tokens";
}

static json_t *
message(const char *role, const char *content)
{
	return json_pack("{s:s, s:s}", "role", role, "content", content);
}

void
llm_request(const struct llm *m, struct arena *a, const struct llm_question *q, struct fetch *fetch)
{
	const char **headers = arena_alloc(a, 2 * sizeof *headers);
	json_t *body = json_pack("{s:s, s:[o, o], s:i, s:{s:s, s:{s:s, s:b, s:O}}}", "model",
	    m->model, "messages", message("system", q->instructions), message("user", q->material),
	    limit_name(m), q->max_tokens, "response_format", "type", "json_schema", "json_schema",
	    "name", q->name, "strict", 1, "schema", q->schema);
	char *text = json_dumps(body, JSON_COMPACT);

	json_decref(body);
	if (m->api_key[0] != '\0')
		headers[0] = arena_printf(a, "Authorization: Bearer %s", m->api_key);
	*fetch = (struct fetch){ .method = "POST",
		.url = arena_printf(a, "%s/chat/completions", m->base_url),
		.headers = headers,
		.content_type = "application/json",
		.body = text == NULL ? "" : arena_strdup(a, text),
		.connect_ms = CONNECT_MS,
		.total_ms = TOTAL_MS,
		.ca_file = m->ca_file,
		.max_reply = REPLY_MAX,
		.to_fd = -1 };
	fetch->body_len = strlen(fetch->body);
	free(text);
}

/* ---- the answer ---- */

/* Codes alone may be repeated: a message could quote what we have sent. */
static const char *
code_of(json_t *body)
{
	json_t *error = json_object_get(body, "error"); /* an object, or a text (Ollama) */
	const char *code = json_string_value(json_object_get(error, "code"));

	if (code == NULL)
		code = json_string_value(json_object_get(error, "type"));
	return code != NULL && strlen(code) <= 64 &&
		strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(code)
	    ? code
	    : NULL;
}

/* Too fast, overloaded, on the way: later. A quota that is used up does not come back by waiting. */
static enum rc
sort_status(long status, const char *code)
{
	if (status == 429)
		return code != NULL && strcmp(code, "insufficient_quota") == 0 ? RC_INVALID
									       : RC_LATER;
	return status == 408 || status == 409 || status >= 500 ? RC_LATER : RC_INVALID;
}

/* The code is OpenAI's, llama.cpp has one of its own, vLLM says it in its message alone. */
static bool
is_too_long(json_t *body, const char *code)
{
	const char *says = json_string_value(
	    json_object_get(json_object_get(body, "error"), "message"));

	return (code != NULL &&
		   (strcmp(code, "context_length_exceeded") == 0 ||
		       strcmp(code, "exceed_context_size_error") == 0)) ||
	    (says != NULL && strstr(says, "maximum context length") != NULL);
}

static enum llm_fault
fault_of(long status, json_t *body, const char *code)
{
	if (status == 401 || status == 402 || status == 403 || status == 408 || status == 429 ||
	    status >= 500)
		return LLM_AWAY;
	return status >= 400 && is_too_long(body, code) ? LLM_TOO_LONG : LLM_OTHER;
}

static enum rc
refuse(const struct fetch_result *result, json_t *body, struct arena *a, struct llm_answer *answer)
{
	const char *code = code_of(body);
	enum rc rc = sort_status(result->status, code);

	answer->error = arena_printf(a, "The language model answered %ld%s%s", result->status,
	    code != NULL ? " " : "", code != NULL ? code : "");
	answer->fault = fault_of(result->status, body, code);
	if (rc == RC_LATER && result->retry_after_s > 0)
		answer->retry_after_s = result->retry_after_s < RETRY_MAX_S ? result->retry_after_s
									    : RETRY_MAX_S;
	return rc;
}

/* The value of choices[0]; the order of the questions is the API's. */
static enum rc
read_choice(json_t *choice, struct arena *a, struct llm_answer *answer)
{
	json_t *said = json_object_get(choice, "message");
	const char *finish = json_string_value(json_object_get(choice, "finish_reason"));
	const char *content = json_string_value(json_object_get(said, "content"));
	char why[64];

	if (json_is_string(json_object_get(said, "refusal"))) {
		answer->error = "The language model refused to answer";
		return RC_INVALID;
	}
	if (finish != NULL && strcmp(finish, "content_filter") == 0) {
		answer->error = "The language model's filter withheld the answer";
		return RC_INVALID;
	}
	if (finish != NULL && strcmp(finish, "length") == 0) {
		answer->error = "The language model's answer was cut off at its limit";
		return RC_LATER;
	}
	if (content != NULL)
		answer->value = json_parse_kept(content, strlen(content), why);
	if (answer->value != NULL)
		arena_on_free(a, release, answer->value);
	if (json_is_object(answer->value))
		return RC_OK;
	answer->value = NULL;
	answer->error = "The language model's answer is no JSON object";
	return RC_LATER;
}

static int64_t
count_of(json_t *usage, const char *name)
{
	json_int_t count = json_integer_value(json_object_get(usage, name));

	return count > 0 && count <= COUNT_MAX ? (int64_t)count : 0;
}

enum rc
llm_read(const struct fetch_result *result, struct arena *a, struct llm_answer *answer)
{
	json_t *body, *usage;
	char why[64];
	enum rc rc;

	memset(answer, 0, sizeof *answer);
	if (result->end != FETCH_ANSWERED) {
		answer->error = arena_printf(
		    a, "The language model could not be asked: %s", result->error);
		answer->fault = LLM_AWAY;
		return RC_LATER;
	}
	body = json_parse_strict(
	    result->body.data, result->body.len, why); /* a proxy may send HTML */
	if (result->status != 200) {
		rc = refuse(result, body, a, answer);
	} else {
		usage = json_object_get(body, "usage");
		answer->prompt_tokens = count_of(usage, "prompt_tokens");
		answer->completion_tokens = count_of(usage, "completion_tokens");
		rc = read_choice(json_array_get(json_object_get(body, "choices"), 0), a, answer);
	}
	json_decref(body);
	return rc;
}
