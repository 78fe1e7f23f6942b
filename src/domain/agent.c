/* agent.c: see agent.h. */
#include "domain/agent.h"

#include <string.h>

static const char *
copy(struct arena *a, const char *s)
{
	return s == NULL ? NULL : arena_strdup(a, s);
}

static const struct statement hear = {
	"agent_hear",
	"SELECT result, twiml, brief, language, answered_by, silent_turns, asked, answer, mode,"
	" kind, slots, learnt, thinking"
	" FROM fn.agent_hear($1, $2::uuid, $3, $4, $5, $6, $7)",
	7,
};

enum rc
agent_hear(struct db *db, struct arena *a, const struct agent_ask *ask, struct agent_turn *turn)
{
	char number[24], max_talk[24];
	const char *values[] = { ask->call_id, ask->attempt_id, ask->call_sid,
		db_int(ask->turn, number), ask->heard, ask->answered_by,
		db_int(ask->max_talk_s, max_talk) };
	struct rows *rows;
	enum rc rc = db_run(db, &hear, values, &rows);
	const char *result;

	if (rc != RC_OK)
		return rc;
	result = rows_text(rows, 0, 0);
	turn->next = strcmp(result, "speak") == 0 ? AGENT_SPEAK
	    : strcmp(result, "replay") == 0       ? AGENT_REPLAY
	    : strcmp(result, "hold") == 0         ? AGENT_HOLD
						  : AGENT_HANG_UP;
	turn->twiml = copy(a, rows_text(rows, 0, 1));
	turn->brief = copy(a, rows_text(rows, 0, 2));
	turn->language = copy(a, rows_text(rows, 0, 3));
	turn->answered_by = copy(a, rows_text(rows, 0, 4));
	turn->silent_turns = rows_int(rows, 0, 5);
	turn->asked = rows_text(rows, 0, 6) != NULL;
	turn->answer = copy(a, rows_text(rows, 0, 7));
	turn->mode = copy(a, rows_text(rows, 0, 8));
	turn->kind = copy(a, rows_text(rows, 0, 9));
	turn->slots = copy(a, rows_text(rows, 0, 10));
	turn->learnt = copy(a, rows_text(rows, 0, 11));
	turn->thinking = rows_bool(rows, 0, 12);
	rows_free(rows);
	return RC_OK;
}

static const struct statement held = {
	"agent_held",
	"SELECT fn.agent_held($1, $2, $3, $4, $5)",
	5,
};

enum rc
agent_held(struct db *db, const struct agent_ask *ask, int64_t look, const char *words)
{
	char turn[24], number[24];
	const char *values[] = { ask->call_id, db_int(ask->turn, turn), db_int(look, number),
		ask->heard, words };

	return db_run(db, &held, values, NULL);
}

static const struct statement said = {
	"agent_said",
	"SELECT fn.agent_said($1, $2, $3, $4, $5::call_outcome, $6, $7::json, $8, $9, $10)",
	10,
};

enum rc
agent_said(struct db *db, struct arena *a, const char *call_id, int64_t turn,
    const struct agent_reply *reply, const char **twiml)
{
	char number[24], wait[24];
	const char *values[] = { call_id, db_int(turn, number), reply->words, reply->twiml,
		reply->verdict, reply->summary, reply->learnt, reply->question,
		db_int(reply->wait_s, wait), reply->answer_url };
	struct rows *rows;
	enum rc rc = db_run(db, &said, values, &rows);

	if (rc != RC_OK)
		return rc;
	*twiml = copy(a, rows_text(rows, 0, 0));
	rows_free(rows);
	return RC_OK;
}
