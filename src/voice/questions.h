/*
 * questions.h: what the agent has asked its human in one talk and waits for: several may be under way.
 * Pure: who asks and who looks for answers is handed in.
 */
#ifndef VOICE_QUESTIONS_H
#define VOICE_QUESTIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define QUESTIONS_AT_ONCE 4
#define QUESTIONS_IN_ALL 20
#define QUESTION_ID_SIZE 64 /* with its zero */
#define QUESTION_TOOL_SIZE 128

struct question {
	char request_id[QUESTION_ID_SIZE]; /* "": a free place */
	char tool_id[QUESTION_TOOL_SIZE];
};

/* All zero but for the call. */
struct questions {
	const char *call_id;
	struct question open[QUESTIONS_AT_ONCE];
	char to_say[QUESTIONS_AT_ONCE][QUESTION_ID_SIZE]; /* answered aloud, not yet said */
	int asked;
};

/* A new one; its request id, or NULL when there are too many. tool_id is the engine's. */
const char *questions_ask(struct questions *q, const char *tool_id);
/* How many wait for an answer. */
int questions_open(const struct questions *q);
/* The engine does not want the answer any more. */
void questions_forget(struct questions *q, const char *tool_id);

/* Takes in one of fn.voice_news()'s: {request_id, state, answer, mode}. True when an open one is over: then
 * tool_id (QUESTION_TOOL_SIZE) is the engine's, and the result, a new reference, is for it. silent: the
 * answer is taken up with that, nobody hears of it. */
bool questions_news(
    struct questions *q, json_t *news, char *tool_id, json_t **result, bool *silent);
/* The agent speaks: an answer that it was to tell is told. False when there is none (more); ask again. */
bool questions_said(struct questions *q, char request_id[QUESTION_ID_SIZE]);

#endif
