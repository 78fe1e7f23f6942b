/*
 * stage.h: where a part of the scheduler is tried whole: a real PostgreSQL with our schema, and a carrier of the
 * test's own, which answers each question as it is told to. The carrier is a process; it ends the part when all has
 * come as it was to come. The database is a test's own, beside the one that OFFHOOK_TEST_DATABASE_URL names.
 */
#ifndef UNIT_WORK_STAGE_H
#define UNIT_WORK_STAGE_H

#include <stdbool.h>

#include "base/mem.h"
#include "db/db.h"
#include "work/env.h"

#define STAGE_ACCOUNT "AC0f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define STAGE_FROM "+15005550006"
#define STAGE_AT_ONCE_MAX 400 /* questions that the carrier holds open */

extern struct stage {
	struct db *db;
	struct arena *texts; /* until the last test is over */
	struct work_env env; /* a test may change it before it plays */
} stage;

/* What is answered to a question that has that text in it. Of several that fit each is taken once, in their order,
 * and the last again and again. */
struct reply {
	const char *asked;
	int status;       /* 0: hangs up */
	const char *body; /* NULL: a call, by an id that no other has */
};

/* As soon as this condition (SQL) holds, and so many questions have come in all, that is done (SQL; NULL: nothing). */
struct step {
	const char *when;
	int asked;
	const char *then;
};

#define STAGE_REPLIES_MAX 8
#define STAGE_STEPS_MAX 5

/* Ends with the last step. */
struct play {
	struct reply replies[STAGE_REPLIES_MAX];
	struct step steps[STAGE_STEPS_MAX];
	int held; /* so many questions must have come before the first is answered, and no more may come then */
	int silent_until; /* nothing is answered before that step, from 0 */
	int at_most;      /* questions in all; 0: any number */
	int number;       /* the signal that ends the part; 0: SIGTERM */
	bool at_first;    /* it is sent at the first question already */
};

/* For cmocka: before and after all tests … */
int stage_build(void **state);
int stage_strike(void **state);
/* … and each. */
int stage_open(void **state);
int stage_close(void **state);

/* Statements by which a function of ours fails from now on, and no more: also where it was prepared before. */
#define STAGE_BREAK(name) "ALTER FUNCTION fn." name " SET search_path = nowhere"
#define STAGE_MEND(name) "ALTER FUNCTION fn." name " RESET search_path"

/* A text of printf, which lives as long as the stage. */
const char *stage_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Whether the condition holds; NULL is false. */
void stage_assert(const char *condition);

/* Runs the part (work/env.h) until the carrier ends it. Fails the test when a step never comes, a question is not
 * expected, or the part does not end with 0. */
void stage_play(int (*part)(void *), const struct play *play);

#endif
