/* questions.c: see questions.h. */
#include "voice/questions.h"

#include <stdio.h>
#include <string.h>

const char *
questions_ask(struct questions *q, const char *tool_id)
{
	for (int i = 0; i < QUESTIONS_AT_ONCE && q->asked < QUESTIONS_IN_ALL; i++) {
		struct question *one = &q->open[i];

		if (one->request_id[0] != '\0' || strlen(tool_id) >= sizeof one->tool_id)
			continue;
		snprintf(one->request_id, sizeof one->request_id, "ask_%s_v%d",
		    q->call_id + strlen("call_"), ++q->asked);
		snprintf(one->tool_id, sizeof one->tool_id, "%s", tool_id);
		return one->request_id;
	}
	return NULL;
}

int
questions_open(const struct questions *q)
{
	int count = 0;

	for (int i = 0; i < QUESTIONS_AT_ONCE; i++)
		count += q->open[i].request_id[0] != '\0';
	return count;
}

void
questions_forget(struct questions *q, const char *tool_id)
{
	for (int i = 0; i < QUESTIONS_AT_ONCE; i++)
		if (strcmp(q->open[i].tool_id, tool_id) == 0)
			q->open[i].request_id[0] = q->open[i].tool_id[0] = '\0';
}

static void
to_say(struct questions *q, const char *request_id)
{
	for (int i = 0; i < QUESTIONS_AT_ONCE; i++) {
		if (q->to_say[i][0] == '\0') {
			snprintf(q->to_say[i], sizeof q->to_say[i], "%s", request_id);
			return;
		}
	}
}

bool
questions_news(struct questions *q, json_t *news, char *tool_id, json_t **result, bool *silent)
{
	const char *id = json_string_value(json_object_get(news, "request_id"));
	const char *answer = json_string_value(json_object_get(news, "answer"));
	const char *mode = json_string_value(json_object_get(news, "mode"));
	struct question *one = NULL;

	for (int i = 0; id != NULL && i < QUESTIONS_AT_ONCE; i++)
		if (strcmp(q->open[i].request_id, id) == 0)
			one = &q->open[i];
	if (one == NULL || one->request_id[0] == '\0')
		return false;
	snprintf(tool_id, QUESTION_TOOL_SIZE, "%s", one->tool_id);
	*silent = answer != NULL && mode != NULL && strcmp(mode, "context") == 0;
	if (answer == NULL) {
		*result = json_pack("{s:s}", "error", "Nobody has answered in time.");
	} else {
		*result = json_pack("{s:s, s:s, s:s}", "answer", answer, "mode",
		    *silent ? "context" : "voice", "how",
		    *silent ? "Go by it without quoting it." : "Tell it to the callee.");
		if (!*silent)
			to_say(q, id);
	}
	one->request_id[0] = one->tool_id[0] = '\0';
	return true;
}

bool
questions_said(struct questions *q, char request_id[QUESTION_ID_SIZE])
{
	for (int i = 0; i < QUESTIONS_AT_ONCE; i++) {
		if (q->to_say[i][0] == '\0')
			continue;
		memcpy(request_id, q->to_say[i], QUESTION_ID_SIZE);
		q->to_say[i][0] = '\0';
		return true;
	}
	return false;
}
