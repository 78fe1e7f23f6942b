/*
 * process.h: what the parts of the processor share: the job under way, how it is reported, and what is
 * known of the vendors. process.c has the loop; each stage is a file of its own.
 */
#ifndef WORK_PROCESS_H
#define WORK_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/mem.h"
#include "domain/job_work.h"
#include "http/fetch.h"
#include "work/brake.h"
#include "work/env.h"

struct processor;

/* One job under way; a stage's own struct begins with it. It and all of its texts are in its arena. */
struct task {
	LIST_ENTRY(task) next;
	struct processor *p;
	struct arena *arena;
	enum job_stage stage;
	struct job_held held;
	int64_t asked_us;                                         /* when the vendor was … */
	void (*answered)(struct fetch_result *result, void *arg); /* … and who reads the answer */
	struct summary_usage usage;                               /* of models, not yet reported */
	struct job_wrong wrong;                                   /* for a report that says so */
	/* What is to be told to the database (NULL: still at work), and what follows (NULL: nothing). */
	enum rc (*report)(struct task *t);
	void (*go_on)(struct task *t);
};

/* For the stages. */
const struct work_env *task_env(const struct task *t);
struct db *task_db(const struct task *t);
/* The job of a row that was leased, in a struct of that size. */
struct task *task_new(
    struct processor *p, enum job_stage stage, const struct rows *rows, int i, size_t size);
/* The text of a JSON value, whose reference is taken; in the task's arena. */
const char *task_text(struct task *t, json_t *value);
/* JSON of the database, which lives as long as the task; NULL for NULL. */
json_t *task_json(struct task *t, const char *text);
/* Asks somebody; done's arg is the task. */
void task_ask(
    struct task *t, const struct fetch *f, void (*done)(struct fetch_result *result, void *arg));
/* Whether the stage's vendor answered, or is away (and wants a pause of so many seconds, or 0). */
void task_vendor_well(struct task *t);
void task_vendor_away(struct task *t, int64_t pause_s);

/* Reports something on the way, now or when the database is there again, and goes on then. */
void task_tell(struct task *t, enum rc (*report)(struct task *t), void (*go_on)(struct task *t));
/* The end of a task: the same, and the task is freed. */
void task_end(struct task *t, enum rc (*report)(struct task *t));
/* The same: it went wrong. error needs no full stop; wait_s as in struct job_wrong. */
void task_wrong(struct task *t, const char *failure, const char *error, int64_t wait_s);

/* Another has taken over. */
void task_drop(struct task *t);

/* The beginning of each stage: a task_new() of a row that was leased, on its way. */
void process_transcribe(struct processor *p, const struct rows *rows, int i);
void process_summarise(struct processor *p, const struct rows *rows, int i);
void process_publish(struct processor *p, const struct rows *rows, int i);

#endif
