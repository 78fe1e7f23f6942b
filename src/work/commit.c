/*
 * commit.c: see commit.h. Nobody is answered before the commit that holds his row. While a statement runs others
 * come; they are the next batch, so a batch is as large as the load makes it, and of one when there is none.
 */
#include "work/commit.h"

#include "base/clock.h"
#include "base/log.h"
#include "domain/accept.h"
#include "sys/crash.h"
#include "sys/signals.h"

#define WAIT_MS 1000 /* no wait is without end */
/* Until those are tried again that somebody else's transaction is in the way of. */
#define AGAIN_MS 3
/* Bytes in one statement: wishes are of a kilobyte, and those that are not come a few at once. */
#define BATCH_MAX ((size_t)16 << 20)

struct batch {
	struct question *questions[ACCEPT_AT_ONCE];
	struct accept_wish wishes[ACCEPT_AT_ONCE];
	int count;
};

static int commit_batch(struct exchange *x, struct db *db, const struct batch *b);

static void
answer(struct exchange *x, struct question *q, enum rc rc, const struct rows *rows, int row)
{
	struct buf message;

	buf_init(&message, ACCEPT_MESSAGE_MAX);
	accept_answer(&message, rc, rows, row);
	if (buf_failed(&message)) {
		log_error("an answer is too large for its worker");
		buf_clear(&message);
		accept_answer(&message, RC_BROKEN, NULL, 0);
	}
	exchange_answer(x, q, &message);
	buf_free(&message);
}

/* The oldest questions, as many as one statement takes. */
static void
take_batch(struct exchange *x, struct batch *b)
{
	struct question *waiting[ACCEPT_AT_ONCE];
	int count = exchange_take(x, waiting, ACCEPT_AT_ONCE);
	size_t bytes = 0;

	b->count = 0;
	for (int i = 0; i < count; i++) {
		bytes += waiting[i]->size;
		if (b->count > 0 && bytes > BATCH_MAX)
			break;
		if (!accept_read(waiting[i]->message, waiting[i]->size, &b->wishes[b->count])) {
			log_error("a worker asked for something that is no call");
			answer(x, waiting[i], RC_BROKEN, NULL, 0);
			continue;
		}
		b->questions[b->count++] = waiting[i];
	}
}

/* What one wish broke is done again for each by itself: nothing of it has been done. */
static void
commit_each(struct exchange *x, struct db *db, const struct batch *b)
{
	for (int i = 0; i < b->count; i++) {
		struct batch one = { { b->questions[i] }, { b->wishes[i] }, 1 };

		(void)commit_batch(x, db, &one);
	}
}

/* How many of the batch were answered. */
static int
commit_batch(struct exchange *x, struct db *db, const struct batch *b)
{
	struct rows *rows = NULL;
	int answered = 0;
	enum rc rc;

	crash_point("commit.taken");
	rc = accept_run(db, b->wishes, b->count, &rows);
	crash_point("commit.done");
	if (b->count > 1 && (rc == RC_INVALID || rc == RC_BROKEN)) {
		commit_each(x, db, b);
		return b->count;
	}
	for (int i = 0; i < b->count; i++) {
		if (rc == RC_OK && accept_again(rows, i)) {
			exchange_put_back(x, b->questions[i]);
			continue;
		}
		answer(x, b->questions[i], rc, rows, i);
		crash_point("commit.answered");
		answered++;
	}
	rows_free(rows);
	return answered;
}

void
commit_serve(struct exchange *x, struct db *db)
{
	struct batch b;

	while (!signal_reload && !(signal_stop && exchange_idle(x))) {
		if (exchange_wait(x, WAIT_MS) == 0)
			continue;
		take_batch(x, &b);
		if (b.count > 0 && commit_batch(x, db, &b) == 0)
			clock_sleep_ms(AGAIN_MS);
	}
}
