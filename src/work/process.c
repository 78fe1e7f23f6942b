/*
 * process.c: the processor. What is to be done with a call after it has ended goes through stages; those
 * that the database cannot do by itself are done here, many jobs at once, each by the vendor that it
 * needs. A job is leased to this process and reported once; what a dead processor held is leased again,
 * and what it says after that is not heard. What a vendor has answered is not lost with the database: the
 * report waits until it is back.
 */
#include "work/process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "sys/crash.h"
#include "sys/signals.h"
#include "work/holder.h"

#define POLL_US 250000
#define BUSY_US 5000 /* after something has ended: let a few more end */
#define ALIVE_US 5000000
#define AGAIN_US 1000000
#define CHECK_BATCH 200
#define CHECK_EACH 50
#define LEASE_EACH 4
#define IDS_MAX (64u << 10)
/* At the end: what is nearly done is waited for; a mail that is on its way a little longer, since
 * whoever comes next might send it twice. */
#define STOP_US 3000000
#define STOP_MAIL_US 20000000

/* What is known of a stage. */
struct stage {
	int active;
	struct brake brake; /* of its vendor */
	char after[65];     /* the workspace that was served last */
};

struct processor {
	const struct work_env *env;
	struct db *db;
	struct fetch_pool *pool;
	struct pacer_holder me;
	char worker[JOB_WORKER_SIZE]; /* "": to be joined */
	LIST_HEAD(, task) tasks;
	struct stage stages[JOB_STAGES];
	int64_t next_us, alive_us, again_us;
};

/* What a stage is. */
static const struct {
	const char *vendor;
	const char *failure; /* in a word, when a result cannot be kept */
	int room;
	void (*start)(struct processor *p, const struct rows *rows, int i);
} kinds[JOB_STAGES] = {
	[JOB_TRANSCRIBE] = { "Deepgram", "transcription", 8, process_transcribe },
	[JOB_SUMMARISE] = { "the language model", "model", 16, process_summarise },
	/* Few: those on their way may be sent twice when a processor dies. */
	[JOB_PUBLISH] = { "the mail server", "mail", 8, process_publish },
};

/* ---- a task ---- */

/* What follows is about this job: the lines of the log, and a death, should it come to that. */
static void
take_up(const struct task *t)
{
	char subject[32];

	snprintf(subject, sizeof subject, "job %lld", (long long)t->held.job_id);
	log_about(subject);
	*t->p->env->in_hand = t->held.job_id;
	crash_point(subject); /* a test can name one job */
}

static void
put_down(const struct processor *p)
{
	*p->env->in_hand = 0;
	log_about(NULL);
}

const struct work_env *
task_env(const struct task *t)
{
	return t->p->env;
}

struct db *
task_db(const struct task *t)
{
	return t->p->db;
}

struct task *
task_new(struct processor *p, enum job_stage stage, const struct rows *rows, int i, size_t size)
{
	struct arena *a = arena_new();
	struct task *t = arena_alloc(a, size);

	t->p = p;
	t->arena = a;
	t->stage = stage;
	t->held = (struct job_held){ rows_int(rows, i, JOB_ID), rows_int(rows, i, JOB_LEASE),
		rows_copy(a, rows, i, JOB_WORKSPACE_ID) };
	LIST_INSERT_HEAD(&p->tasks, t, next);
	p->stages[stage].active++;
	take_up(t);
	return t;
}

static void
release_json(void *value)
{
	json_decref(value);
}

json_t *
task_json(struct task *t, const char *text)
{
	json_t *value = text == NULL ? NULL : json_loads(text, JSON_DECODE_ANY, NULL);

	if (value != NULL)
		arena_on_free(t->arena, release_json, value);
	return value;
}

const char *
task_text(struct task *t, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);
	const char *kept = text != NULL ? arena_strdup(t->arena, text) : "null";

	free(text);
	json_decref(value);
	return kept;
}

static void
task_free(struct task *t)
{
	LIST_REMOVE(t, next);
	t->p->stages[t->stage].active--;
	arena_free(t->arena);
}

/* ---- vendors ---- */

static void
answered(struct fetch_result *result, void *arg)
{
	struct task *t = arg;
	const struct processor *p = t->p;

	take_up(t);
	t->answered(result, t);
	put_down(p);
}

void
task_ask(
    struct task *t, const struct fetch *f, void (*done)(struct fetch_result *result, void *arg))
{
	t->asked_us = clock_boot_us();
	t->answered = done;
	fetch_pool_start(t->p->pool, f, answered, t);
}

void
task_vendor_well(struct task *t)
{
	struct brake *b = &t->p->stages[t->stage].brake;

	if (b->pause_us > 0)
		log_info("%s answers again", kinds[t->stage].vendor);
	brake_answered(b);
}

void
task_vendor_away(struct task *t, int64_t pause_s)
{
	if (brake_failed(&t->p->stages[t->stage].brake, clock_boot_us(), t->asked_us, pause_s))
		log_warning(
		    "%s is asked about one job at a time until it answers", kinds[t->stage].vendor);
}

/* ---- reports ---- */

static enum rc
report_wrong(struct task *t)
{
	return job_wrong(task_db(t), &t->held, &t->usage, &t->wrong);
}

/* Makes a task's report. What the database does not want is told as a failure, if it wants that. */
static void
report(struct task *t)
{
	const struct processor *p = t->p;
	void (*go_on)(struct task * t);
	enum rc rc;

	take_up(t);
	rc = t->report(t);
	if (rc == RC_LATER) {
		put_down(p);
		return; /* kept, and told later */
	}
	if (rc != RC_OK && t->report != report_wrong) {
		log_error("the result of a job could not be kept: %s", rc_name(rc));
		t->wrong = (struct job_wrong){ kinds[t->stage].failure,
			"The result could not be kept.", 60 };
		t->report = report_wrong;
		t->go_on = NULL;
		report(t);
		return;
	}
	if (rc != RC_OK)
		log_error("a job's failure could not be noted: %s", rc_name(rc));
	go_on = t->go_on;
	t->report = NULL;
	t->go_on = NULL;
	if (go_on != NULL)
		go_on(t);
	else
		task_free(t);
	put_down(p);
}

void
task_tell(struct task *t, enum rc (*how)(struct task *t), void (*go_on)(struct task *t))
{
	t->report = how;
	t->go_on = go_on;
	report(t);
}

void
task_drop(struct task *t)
{
	take_up(t);
	log_info("another has taken over");
	task_free(t);
}

void
task_end(struct task *t, enum rc (*how)(struct task *t))
{
	struct processor *p = t->p;
	int64_t now = clock_boot_us();

	task_tell(t, how, NULL);
	if (p->next_us > now + BUSY_US)
		p->next_us = now + BUSY_US;
}

void
task_wrong(struct task *t, const char *failure, const char *error, int64_t wait_s)
{
	take_up(t);
	log_warning("%s: %s", kinds[t->stage].failure, error);
	t->wrong = (struct job_wrong){ failure, arena_printf(t->arena, "%s.", error), wait_s };
	task_end(t, report_wrong);
}

/* Those that the database did not take. */
static void
report_again(struct processor *p)
{
	struct task *t, *next;

	p->again_us = clock_boot_us() + AGAIN_US;
	for (t = LIST_FIRST(&p->tasks); t != NULL; t = next) {
		next = LIST_NEXT(t, next);
		if (t->report != NULL)
			report(t);
	}
}

/* ---- signs of life ---- */

/* Forgets what is under way: another has it, or will. */
static void
abandon(struct processor *p)
{
	struct task *t;

	fetch_pool_free(p->pool);
	while ((t = LIST_FIRST(&p->tasks)) != NULL)
		task_free(t);
	p->pool = fetch_pool_new();
	p->worker[0] = '\0';
}

static void
under_way(const struct processor *p, struct buf *ids)
{
	const char *comma = "";
	const struct task *t;

	buf_puts(ids, "{");
	LIST_FOREACH(t, &p->tasks, next)
	{
		buf_printf(ids, "%s%lld", comma, (long long)t->held.job_id);
		comma = ",";
	}
	buf_puts(ids, "}");
}

/* The processors of this machine that are dead are given up at once. */
static void
bury_dead(struct processor *p)
{
	struct pacer_holder other = { 0 };
	struct rows *rows;

	if (job_workers(p->db, p->worker, &rows) != RC_OK)
		return;
	for (int i = 0; i < rows_count(rows); i++) {
		snprintf(other.host, sizeof other.host, "%s", rows_text(rows, i, JOB_WORKER_HOST));
		other.pid = rows_int(rows, i, JOB_WORKER_PID);
		other.pid_start = rows_int(rows, i, JOB_WORKER_PID_START);
		if (holder_dead(&p->me, &other) &&
		    job_worker_gone(p->db, rows_text(rows, i, JOB_WORKER_ID), true) == RC_OK)
			log_info("a processor has died; its jobs are begun again");
	}
	rows_free(rows);
}

/* Tells what the one before us died of, and joins. False: later. */
static bool
join(struct processor *p)
{
	volatile int64_t *in_hand = p->env->in_hand;

	if (*in_hand != 0) {
		if (job_died(p->db, *in_hand) != RC_OK)
			return false;
		log_warning("a processor has died of job %lld", (long long)*in_hand);
		*in_hand = 0;
	}
	if (job_worker_join(p->db, &p->me, p->worker) == RC_OK)
		return true;
	p->worker[0] = '\0';
	return false;
}

/* Joins, or shows that it is alive. */
static void
show_life(struct processor *p)
{
	bool known = true;
	struct buf ids;

	p->alive_us = clock_boot_us() + ALIVE_US;
	if (p->worker[0] == '\0') {
		if (!join(p)) {
			p->alive_us = clock_boot_us() + AGAIN_US;
			return;
		}
	} else {
		buf_init(&ids, IDS_MAX);
		under_way(p, &ids);
		if (job_worker_seen(p->db, p->worker, ids.data, &known) != RC_OK)
			known = true;
		buf_free(&ids);
	}
	if (!known) {
		log_warning("this processor was given up; it begins anew");
		abandon(p);
		p->alive_us = 0;
		return;
	}
	bury_dead(p);
}

/* ---- the loop ---- */

/* Whether something was done, and there may be more. */
static bool
check_due(struct processor *p)
{
	struct stage *s = &p->stages[JOB_CHECK];
	struct job_want want = { CHECK_BATCH, CHECK_EACH, s->after };
	bool further = s->after[0] != '\0';
	int checked;

	if (job_check(p->db, &want, &checked, s->after) != RC_OK)
		return false;
	if (checked < CHECK_BATCH)
		s->after[0] = '\0';
	crash_point("process.checked");
	return checked > 0 || further;
}

/* A handful at once, while a few are under way: a statement for each would be the most of the work. */
static bool
lease_due(struct processor *p, enum job_stage stage)
{
	struct stage *s = &p->stages[stage];
	int room = brake_room(&s->brake, clock_boot_us(), s->active, kinds[stage].room), count;
	struct job_want want = { room, LEASE_EACH, s->after };
	bool further = s->after[0] != '\0';
	struct rows *rows;

	if (room == 0 || (s->active > 0 && room < kinds[stage].room / 4) ||
	    job_lease(p->db, p->worker, stage, &want, &rows) != RC_OK)
		return false;
	crash_point("process.leased");
	count = rows_count(rows);
	snprintf(s->after, sizeof s->after, "%s",
	    count == room ? rows_text(rows, count - 1, JOB_WORKSPACE_ID) : "");
	for (int i = 0; i < count; i++) {
		kinds[stage].start(p, rows, i);
		put_down(p);
	}
	rows_free(rows);
	return count > 0 || further;
}

/* One look at what is due, and that. Whether there may be more. */
static bool
work_due(struct processor *p)
{
	bool due[JOB_STAGES], more = false;

	if (p->worker[0] == '\0' || job_look(p->db, due) != RC_OK)
		return false;
	if (due[JOB_CHECK])
		more |= check_due(p);
	for (int stage = JOB_CHECK + 1; stage < JOB_STAGES; stage++)
		if (due[stage])
			more |= lease_due(p, (enum job_stage)stage);
	return more;
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void
turn(struct processor *p)
{
	if (clock_boot_us() >= p->alive_us)
		show_life(p);
	if (clock_boot_us() >= p->again_us)
		report_again(p);
	if (clock_boot_us() >= p->next_us) {
		p->next_us = INT64_MAX; /* what ends meanwhile brings it nearer */
		if (work_due(p))
			p->next_us = 0;
		else
			p->next_us = earlier(p->next_us, clock_boot_us() + POLL_US);
	}
	fetch_pool_run(p->pool, earlier(p->next_us, earlier(p->alive_us, p->again_us)));
}

/* Waits shortly for what is nearly done; whoever comes next does the rest again. */
static void
wind_up(struct processor *p)
{
	int64_t start = clock_boot_us();
	const struct stage *mail = &p->stages[JOB_PUBLISH];

	while (!LIST_EMPTY(&p->tasks) &&
	    clock_boot_us() < start + (mail->active > 0 ? STOP_MAIL_US : STOP_US)) {
		if (clock_boot_us() >= p->again_us)
			report_again(p);
		fetch_pool_run(p->pool, clock_boot_us() + 100000);
	}
	abandon(p);
}

int
work_process(void *arg)
{
	struct processor p = { .env = arg };
	struct db_options options = { "offhook-processor", p.env->statement_timeout_ms, 0 };
	char worker[JOB_WORKER_SIZE];

	signals_unblock(); /* this loop waits in libcurl, which knows no signal mask */
	if (mkdir(p.env->recordings_dir, 0750) != 0 && errno != EEXIST)
		log_error("%s cannot be made: %s", p.env->recordings_dir, strerror(errno));
	fetch_init();
	holder_self(&p.me);
	p.db = db_new(p.env->database_url, &options);
	p.pool = fetch_pool_new();
	while (!signal_stop && !signal_reload)
		turn(&p);
	snprintf(worker, sizeof worker, "%s", p.worker);
	wind_up(&p);
	if (worker[0] != '\0' && job_worker_gone(p.db, worker, false) != RC_OK)
		log_warning("the jobs under way could not be given back; another finds them");
	fetch_pool_free(p.pool);
	db_free(p.db);
	return 0;
}
