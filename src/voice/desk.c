/*
 * desk.c: see desk.h. What is written is kept until it is done; what somebody waits for (VOICE_BEGIN,
 * VOICE_NEWS) is given up when the database is away.
 */
#include "voice/desk.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define WAITING_MAX 20000
#define AWAY_MS 200         /* a pause while the database is away */
#define IDLE_MS 1000        /* no wait is without end */
#define LONGEST_US 60000000 /* what could not be written for so long never will be */

struct errand {
	STAILQ_ENTRY(errand) next;
	enum voice_act act;
	uint64_t who;
	int64_t since;
	char *values[VOICE_VALUES_MAX];
};

struct desk {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	int fd;
	char *url;
	int statement_timeout_ms;
	struct db *db; /* the thread's */
	/* Under the lock: */
	STAILQ_HEAD(, errand) waiting;
	int count; /* of them, and one at work */
	struct desk_answer *first_answer, **last_answer;
	bool stop;
};

static void
errand_free(struct errand *e)
{
	for (int i = 0; i < VOICE_VALUES_MAX; i++)
		free(e->values[i]);
	free(e);
}

/* Under the lock. */
static void
wait_ms(struct desk *d, int64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	(void)pthread_cond_timedwait(&d->moved, &d->lock, &until);
}

/* The first errand, which stays in its place; NULL when the thread is to end. */
static struct errand *
next_errand(struct desk *d)
{
	struct errand *e;

	pthread_mutex_lock(&d->lock);
	while (!d->stop && STAILQ_EMPTY(&d->waiting))
		wait_ms(d, IDLE_MS);
	e = d->stop ? NULL : STAILQ_FIRST(&d->waiting);
	pthread_mutex_unlock(&d->lock);
	return e;
}

static bool
is_answered(enum voice_act act)
{
	return act == VOICE_BEGIN || act == VOICE_END || act == VOICE_NEWS;
}

static void
done(struct desk *d, struct errand *e, struct rows *rows)
{
	struct desk_answer *answer = NULL;
	const uint64_t one = 1;

	if (is_answered(e->act)) {
		answer = mem_zalloc(1, sizeof *answer);
		answer->act = e->act;
		answer->who = e->who;
		answer->rows = rows;
	} else {
		rows_free(rows);
	}
	pthread_mutex_lock(&d->lock);
	STAILQ_REMOVE_HEAD(&d->waiting, next);
	d->count--;
	if (answer != NULL) {
		*d->last_answer = answer;
		d->last_answer = &answer->next;
	}
	pthread_mutex_unlock(&d->lock);
	if (answer != NULL && write(d->fd, &one, sizeof one) < 0 && errno != EAGAIN)
		abort();
	errand_free(e);
}

/* False when the database is away and the errand is to be tried again. */
static bool
run_errand(struct desk *d, struct errand *e)
{
	struct rows *rows = NULL;
	enum rc rc = voice_run(d->db, e->act, (const char *const *)e->values, &rows);
	bool waited_for = e->act == VOICE_BEGIN || e->act == VOICE_NEWS;

	if (rc == RC_OK) {
		done(d, e, rows);
		return true;
	}
	if (rc == RC_LATER && !waited_for && clock_boot_us() - e->since < LONGEST_US)
		return false;
	if (!waited_for)
		log_error("a conversation's record could not be written");
	done(d, e, NULL);
	return rc != RC_LATER;
}

static void
rest(struct desk *d)
{
	pthread_mutex_lock(&d->lock);
	if (!d->stop)
		wait_ms(d, clock_jitter_ms(AWAY_MS));
	pthread_mutex_unlock(&d->lock);
}

static void *
run(void *arg)
{
	struct desk *d = arg;
	struct db_options options = { "offhook-voice", d->statement_timeout_ms, 0 };
	struct errand *e;

	d->db = db_new(d->url, &options);
	while ((e = next_errand(d)) != NULL) {
		if (!run_errand(d, e))
			rest(d);
	}
	db_free(d->db);
	return NULL;
}

struct desk *
desk_new(const char *url, int statement_timeout_ms)
{
	struct desk *d = mem_zalloc(1, sizeof *d);
	pthread_condattr_t clock;

	d->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	d->url = mem_strdup(url);
	d->statement_timeout_ms = statement_timeout_ms;
	STAILQ_INIT(&d->waiting);
	d->last_answer = &d->first_answer;
	pthread_mutex_init(&d->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&d->moved, &clock);
	pthread_condattr_destroy(&clock);
	if (d->fd < 0 || pthread_create(&d->thread, NULL, run, d) != 0)
		log_fatal("the thread of the database cannot be started: %s", strerror(errno));
	return d;
}

void
desk_free(struct desk *d)
{
	struct desk_answer *answers, *next;
	struct errand *e;

	pthread_mutex_lock(&d->lock);
	d->stop = true;
	pthread_cond_signal(&d->moved);
	pthread_mutex_unlock(&d->lock);
	pthread_join(d->thread, NULL);
	while ((e = STAILQ_FIRST(&d->waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&d->waiting, next);
		errand_free(e);
	}
	for (answers = desk_take(d); answers != NULL; answers = next) {
		next = answers->next;
		desk_answer_free(answers);
	}
	pthread_cond_destroy(&d->moved);
	pthread_mutex_destroy(&d->lock);
	close(d->fd);
	free(d->url);
	free(d);
}

int
desk_fd(const struct desk *d)
{
	return d->fd;
}

struct desk_answer *
desk_take(struct desk *d)
{
	struct desk_answer *answers;
	uint64_t count;

	if (read(d->fd, &count, sizeof count) < 0 && errno != EAGAIN)
		abort();
	pthread_mutex_lock(&d->lock);
	answers = d->first_answer;
	d->first_answer = NULL;
	d->last_answer = &d->first_answer;
	pthread_mutex_unlock(&d->lock);
	return answers;
}

void
desk_answer_free(struct desk_answer *answer)
{
	rows_free(answer->rows);
	free(answer);
}

bool
desk_put(
    struct desk *d, enum voice_act act, uint64_t who, const char *const values[VOICE_VALUES_MAX])
{
	struct errand *e = mem_zalloc(1, sizeof *e);
	bool room;

	e->act = act;
	e->who = who;
	e->since = clock_boot_us();
	for (int i = 0; i < VOICE_VALUES_MAX; i++)
		e->values[i] = values[i] == NULL ? NULL : mem_strdup(values[i]);
	pthread_mutex_lock(&d->lock);
	room = d->count < WAITING_MAX;
	if (room) {
		STAILQ_INSERT_TAIL(&d->waiting, e, next);
		d->count++;
		pthread_cond_signal(&d->moved);
	}
	pthread_mutex_unlock(&d->lock);
	if (!room) {
		errand_free(e);
		log_error("too much waits for the database: a record is left out");
	}
	return room;
}

bool
desk_idle(struct desk *d)
{
	bool idle;

	pthread_mutex_lock(&d->lock);
	idle = d->count == 0;
	pthread_mutex_unlock(&d->lock);
	return idle;
}
