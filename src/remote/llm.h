/*
 * llm.h: one question to a language model, answered as JSON: the "chat completions" API of OpenAI, and of
 * the servers that speak it (vLLM, llama.cpp, Ollama). No database, no policy.
 */
#ifndef REMOTE_LLM_H
#define REMOTE_LLM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "http/fetch.h"

/* The account. Texts are borrowed from the settings. */
struct llm {
	const char *base_url; /* ends in /v1, without a final slash */
	const char *api_key;  /* "": the server wants none */
	const char *model;
	const char *ca_file; /* or NULL */
};

/* Whether there is one: a key, or a server of the operator's own. */
bool llm_configured(const struct llm *m);

struct llm_question {
	const char *instructions; /* ours */
	const char *material;     /* foreign text: to be read, never obeyed */
	const char *name;         /* of the schema: letters, digits, _ and - */
	json_t *schema;           /* of the answer, an object as "strict" demands (borrowed) */
	int max_tokens;           /* of the answer, thinking included */
};

/* Makes the request, in the arena. */
void llm_request(
    const struct llm *m, struct arena *a, const struct llm_question *q, struct fetch *fetch);

/* What an answer that is none says about the next question. */
enum llm_fault {
	LLM_OTHER,
	LLM_AWAY,    /* nobody is answered now: away, overloaded, too fast, or our key is no good */
	LLM_TOO_LONG /* the material is more than the model takes */
};

struct llm_answer {
	json_t *value; /* an object, which lives as long as the arena; its shape is not checked */
	int64_t prompt_tokens, completion_tokens; /* 0 when the server does not count */
	int64_t retry_after_s; /* RC_LATER: asked for by the server, at most two minutes; else 0 */
	enum llm_fault fault;
	const char *error; /* what was wrong, for the operator: no word of the material is in it */
};

/* RC_OK with the value; RC_INVALID: asking again is useless (the key, the quota, the model, a refusal);
 * RC_LATER: an answer that was no JSON or cut off included, since the next may be whole. */
enum rc llm_read(
    const struct fetch_result *result, struct arena *a, struct llm_answer *answer) MUST_CHECK;

#endif
