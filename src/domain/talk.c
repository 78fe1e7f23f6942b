/* talk.c: see talk.h. */
#include "domain/talk.h"

#include <string.h>

static const struct statement ask = {
	"talk_ask",
	"SELECT state, say, digits, question, verdict, summary, learnt, talked"
	" FROM fn.talk_ask($1, $2, $3)",
	3,
};

enum rc
talk_ask(struct db *db, struct arena *a, const char *call_id, int64_t number, const char *moment,
    struct talk_turn *turn)
{
	char text[24];
	const char *values[] = { call_id, db_int(number, text), moment };
	struct rows *rows;
	enum rc rc = db_run(db, &ask, values, &rows);
	const char *state;

	if (rc != RC_OK)
		return rc;
	state = rows_text(rows, 0, 0);
	turn->state = strcmp(state, "reply") == 0 ? TALK_REPLY
	    : strcmp(state, "moment") == 0        ? TALK_MOMENT
	    : strcmp(state, "wait") == 0          ? TALK_WAIT
						  : TALK_AWAY;
	turn->reply = (struct talk_reply){ .say = rows_copy(a, rows, 0, 1),
		.digits = rows_copy(a, rows, 0, 2),
		.question = rows_copy(a, rows, 0, 3),
		.verdict = rows_copy(a, rows, 0, 4),
		.summary = rows_copy(a, rows, 0, 5),
		.learnt = rows_copy(a, rows, 0, 6) };
	turn->talked = rows_bool(rows, 0, 7);
	rows_free(rows);
	return RC_OK;
}

static const struct statement due = {
	"talks_due",
	"SELECT * FROM fn.talks_due($1, $2)",
	2,
};

enum rc
talks_due(struct db *db, const char *holder, int limit, struct rows **rows)
{
	char number[24];
	const char *values[] = { holder, db_int(limit, number) };

	return db_run(db, &due, values, rows);
}

static const struct statement hold = {
	"talks_hold",
	"SELECT fn.talks_hold($1)",
	1,
};

enum rc
talks_hold(struct db *db, const char *holder)
{
	const char *values[] = { holder };

	return db_run(db, &hold, values, NULL);
}

static const struct statement done_with = {
	"talk_done",
	"SELECT fn.talk_done($1, $2, $3, $4::json, nullif($5::integer, -1))",
	5,
};

enum rc
talk_done(struct db *db, const struct talk_done *done)
{
	char again[24];
	const char *values[] = { done->call_id, done->number, done->workspace_id, done->reply,
		db_int(done->again_s, again) };

	return db_run(db, &done_with, values, NULL);
}
