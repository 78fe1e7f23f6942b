/*
 * feed.c: see feed.h. News are polled by number every POLL_MS; a number that was jumped over may
 * belong to a commit that is still coming, and is asked for by name (base/gaps.h).
 */
#include "stream/feed.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/gaps.h"
#include "base/log.h"
#include "base/mem.h"
#include "domain/event.h"

#define POLL_MS 10
#define TURN_US 10000       /* questions are answered for so long before news have their turn */
#define AWAY_MS 200         /* a pause while the database is away */
#define IDLE_MS 1000        /* no wait is without end */
#define MISSING_MAX 1024    /* numbers that are asked for by name */
#define BEHIND_MAX 1024     /* so many numbers behind the newest, a commit may still come */
#define MISSING_US 10000000 /* no statement runs so long */
#define ANSWERS_MAX 8       /* answers that nobody has taken; more are not looked for */

struct question {
	enum answer_kind kind;
	uint64_t listener;
	int64_t after;
	int limit;
	char *about; /* owned: a call, or an array literal of calls */
	struct question *next;
};

struct feed {
	pthread_t thread;
	int fd;
	char *url;
	int statement_timeout_ms;

	/* The mailbox; all of it under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t moved; /* a question came, answers were taken, or it is to end */
	struct question *first_question, **last_question;
	struct answer *first_answer, **last_answer;
	int answers;
	bool stand_asked, follow, stop;

	/* The thread's own. */
	struct db *db;
	struct gaps gaps;
	bool following;
	bool begun;          /* gaps says where to read on */
	uint64_t generation; /* of the connection that the news are read on */
	int64_t polled;
};

/* ---- the thread: the mailbox from within ---- */

static void
wait_ms(struct feed *f, int64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	(void)pthread_cond_timedwait(&f->moved, &f->lock, &until);
}

static void
post(struct feed *f, struct answer *answer)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&f->lock);
	*f->last_answer = answer;
	f->last_answer = &answer->next;
	f->answers++;
	if (answer->kind == ANSWER_STAND)
		f->stand_asked = false;
	pthread_mutex_unlock(&f->lock);
	if (write(f->fd, &one, sizeof one) < 0)
		log_fatal("the loop of the streams cannot be woken: %s", strerror(errno));
}

static struct answer *
answer_new(enum answer_kind kind, struct rows *rows)
{
	struct answer *answer = mem_zalloc(1, sizeof *answer);

	answer->kind = kind;
	answer->rows = rows;
	return answer;
}

static void
question_free(struct question *q)
{
	free(q->about);
	free(q);
}

/* ---- the thread: questions ---- */

static struct question *
next_question(struct feed *f)
{
	struct question *q;

	pthread_mutex_lock(&f->lock);
	q = f->stop || f->answers >= ANSWERS_MAX ? NULL : f->first_question;
	pthread_mutex_unlock(&f->lock);
	return q;
}

static void
question_done(struct feed *f, struct question *q)
{
	pthread_mutex_lock(&f->lock);
	f->first_question = q->next;
	if (f->first_question == NULL)
		f->last_question = &f->first_question;
	pthread_mutex_unlock(&f->lock);
	question_free(q);
}

static bool
answer_question(struct feed *f, const struct question *q)
{
	struct answer *answer;
	struct rows *rows;
	enum rc rc;

	if (q->kind == ANSWER_REPLAY)
		rc = call_event_replay(f->db, q->about, q->after, q->limit, &rows);
	else
		rc = call_event_stand(f->db, q->about, &rows);
	if (rc != RC_OK)
		return false;
	answer = answer_new(q->kind, rows);
	answer->listener = q->listener;
	if (q->kind == ANSWER_REPLAY)
		memcpy(answer->call_id, q->about, strlen(q->about) + 1);
	post(f, answer);
	return true;
}

/* Answers what was asked, for a while. False when the database is away. */
static bool
answer_questions(struct feed *f)
{
	int64_t until = clock_boot_us() + TURN_US;
	struct question *q;

	while (clock_boot_us() < until && (q = next_question(f)) != NULL) {
		if (!answer_question(f, q))
			return false;
		question_done(f, q);
	}
	return true;
}

/* ---- the thread: news ---- */

/* Where to begin: a little before the newest number, or where the reading was interrupted. Another
 * server may have taken over, with a sequence that is not as far. */
static bool
begin(struct feed *f)
{
	int64_t last;

	if (call_event_last_seq(f->db, &last) != RC_OK)
		return false;
	if (f->gaps.last > 0 && f->gaps.last < last)
		last = f->gaps.last;
	gaps_restart(&f->gaps, last > BEHIND_MAX ? last - BEHIND_MAX : 0);
	f->generation = db_generation(f->db);
	f->begun = true;
	return true;
}

/* Reads what was written since the last time. False when the database is away. */
static bool
poll_news(struct feed *f)
{
	int64_t now = clock_boot_us();
	struct rows *rows;
	struct buf list;
	enum rc rc;

	f->polled = now;
	if ((!f->begun || f->generation != db_generation(f->db)) && !begin(f))
		return false;
	buf_init(&list, GAPS_LIST_SIZE(MISSING_MAX));
	gaps_list(&f->gaps, now, &list);
	rc = call_event_news(f->db, f->gaps.last, list.data, &rows);
	buf_free(&list);
	if (rc != RC_OK)
		return false;
	for (int i = 0; i < rows_count(rows); i++)
		gaps_seen(&f->gaps, rows_int(rows, i, EVENT_NEWS_SEQ), now);
	if (rows_count(rows) >= EVENT_NEWS_MAX)
		f->polled = 0; /* there is more */
	if (rows_count(rows) > 0)
		post(f, answer_new(ANSWER_NEWS, rows));
	else
		rows_free(rows);
	return true;
}

/* Whether it is time to, and there is room for what it brings. */
static bool
news_due(struct feed *f)
{
	bool room;

	pthread_mutex_lock(&f->lock);
	room = f->answers < ANSWERS_MAX;
	if (f->follow && !f->following) { /* from now on */
		f->gaps.last = 0;
		f->begun = false;
	}
	f->following = f->follow;
	pthread_mutex_unlock(&f->lock);
	return f->following && room && clock_boot_us() - f->polled >= POLL_MS * 1000;
}

/* Sleeps until there is something to do; false when it is to end. */
static bool
rest(struct feed *f, bool away)
{
	int64_t next = (f->polled - clock_boot_us()) / 1000 + POLL_MS;
	bool stop;

	pthread_mutex_lock(&f->lock);
	if (f->stop || (f->first_question != NULL && !away && f->answers < ANSWERS_MAX))
		next = 0;
	else if (away)
		next = clock_jitter_ms(AWAY_MS);
	else if (!f->follow || f->answers >= ANSWERS_MAX)
		next = IDLE_MS;
	if (next > 0)
		wait_ms(f, next);
	stop = f->stop;
	pthread_mutex_unlock(&f->lock);
	return !stop;
}

static void *
run(void *arg)
{
	struct feed *f = arg;
	struct db_options options = { "offhook-events", f->statement_timeout_ms, 0 };
	bool away = false;

	f->db = db_new(f->url, &options);
	gaps_init(&f->gaps, MISSING_MAX, BEHIND_MAX, MISSING_US);
	while (rest(f, away)) {
		away = !answer_questions(f);
		if (!away && news_due(f))
			away = !poll_news(f);
	}
	gaps_clear(&f->gaps);
	db_free(f->db);
	return NULL;
}

/* ---- from outside ---- */

struct feed *
feed_new(const char *url, int statement_timeout_ms)
{
	struct feed *f = mem_zalloc(1, sizeof *f);
	pthread_condattr_t clock;

	f->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	f->url = mem_strdup(url);
	f->statement_timeout_ms = statement_timeout_ms;
	f->last_question = &f->first_question;
	f->last_answer = &f->first_answer;
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&f->moved, &clock);
	pthread_condattr_destroy(&clock);
	if (f->fd < 0 || pthread_create(&f->thread, NULL, run, f) != 0)
		log_fatal("the reader of the database cannot be started: %s", strerror(errno));
	return f;
}

void
feed_free(struct feed *f)
{
	struct question *q;
	struct answer *answers, *next;

	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_signal(&f->moved);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	while ((q = f->first_question) != NULL) {
		f->first_question = q->next;
		question_free(q);
	}
	for (answers = feed_take(f); answers != NULL; answers = next) {
		next = answers->next;
		answer_free(answers);
	}
	pthread_cond_destroy(&f->moved);
	pthread_mutex_destroy(&f->lock);
	close(f->fd);
	free(f->url);
	free(f);
}

int
feed_fd(const struct feed *f)
{
	return f->fd;
}

struct answer *
feed_take(struct feed *f)
{
	struct answer *answers;
	uint64_t count;

	(void)!read(f->fd, &count, sizeof count); /* it may have been read before */
	pthread_mutex_lock(&f->lock);
	answers = f->first_answer;
	f->first_answer = NULL;
	f->last_answer = &f->first_answer;
	if (f->answers >= ANSWERS_MAX)
		pthread_cond_signal(&f->moved);
	f->answers = 0;
	pthread_mutex_unlock(&f->lock);
	return answers;
}

void
answer_free(struct answer *answer)
{
	rows_free(answer->rows);
	free(answer);
}

void
feed_follow(struct feed *f, bool on)
{
	pthread_mutex_lock(&f->lock);
	if (f->follow != on) {
		f->follow = on;
		pthread_cond_signal(&f->moved);
	}
	pthread_mutex_unlock(&f->lock);
}

static void
put_question(struct feed *f, struct question *q)
{
	*f->last_question = q;
	f->last_question = &q->next;
	pthread_cond_signal(&f->moved);
}

void
feed_ask_replay(struct feed *f, uint64_t listener, const char *call_id, int64_t after, int limit)
{
	struct question *q = mem_zalloc(1, sizeof *q);

	q->kind = ANSWER_REPLAY;
	q->listener = listener;
	q->after = after;
	q->limit = limit;
	q->about = mem_strdup(call_id);
	pthread_mutex_lock(&f->lock);
	put_question(f, q);
	pthread_mutex_unlock(&f->lock);
}

bool
feed_ask_stand(struct feed *f, const char *calls)
{
	struct question *q;

	pthread_mutex_lock(&f->lock);
	if (f->stand_asked) {
		pthread_mutex_unlock(&f->lock);
		return false;
	}
	f->stand_asked = true;
	q = mem_zalloc(1, sizeof *q);
	q->kind = ANSWER_STAND;
	q->about = mem_strdup(calls);
	put_question(f, q);
	pthread_mutex_unlock(&f->lock);
	return true;
}
