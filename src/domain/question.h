/*
 * question.h: what an agent has asked its human, and the answer. The rules stand in
 * sql/functions/11_questions.sql; the turn-based agent asks through domain/agent.h.
 */
#ifndef DOMAIN_QUESTION_H
#define DOMAIN_QUESTION_H

#include <stdbool.h>

#include "auth/who.h"
#include "base/err.h"
#include "db/db.h"

#define QUESTION_ANSWER_MAX 4000 /* characters */
#define QUESTION_WAIT_S 60       /* how long the script's agent waits */

struct question_answer {
	const char *call_id;
	const char *request_id; /* or NULL: the oldest that waits */
	const char *answer;
	const char *mode; /* voice or context */
};

/* Answers for the caller. delivered: a question was waiting, and this is its answer now.
 * RC_NOT_FOUND alike for no call and another's. */
enum rc question_answer(struct db *db, const struct credential *who,
    const struct question_answer *answer, bool *delivered) MUST_CHECK;

#endif
