/*
 * process_summarise.c: a transcript is read by a language model. A long one is read in parts, each a unit
 * of work of its own that leaves a note behind; the summary is made of the notes then. The transcript is
 * foreign text: see domain/summary.h.
 */
#include <string.h>

#include "base/log.h"
#include "domain/extract.h"
#include "domain/summary.h"
#include "remote/llm.h"
#include "sys/crash.h"
#include "work/process.h"

#define NOTE_MAX 4000 /* bytes of the note of one part */
#define NOTE_MIN 200  /* of one that is still worth something */
#define NOTE_TOKENS 2000
#define TOO_LONG "The transcript is too long for the language model: see openai.context_tokens"

/* One transcript that is read. */
struct reading {
	struct task task;
	const char *lines;
	json_t *schema, *notes; /* of the workspace; so far: both may be NULL */
	json_t *strict;         /* the schema as a model is asked, or NULL */
	bool small;             /* a larger part was too much */
	size_t from;            /* bytes of the lines that are noted */
	struct summary_room room;
	/* The question: */
	bool part;  /* is about a part */
	bool again; /* is asked with the schema in its words, since the first answer was no good */
	size_t note_max; /* bytes */
	struct llm_question question;
	/* The answer: */
	const char *note; /* JSON */
	const char *summary, *result;
};

static void ask(struct reading *r);

static void
release(void *value)
{
	json_decref(value);
}

/* ---- reports ---- */

static enum rc
report_note(struct task *t)
{
	struct reading *r = (struct reading *)t;

	return job_noted(task_db(t), &t->held, &t->usage, r->note);
}

static enum rc
report_summary(struct task *t)
{
	struct reading *r = (struct reading *)t;

	return job_summarised(task_db(t), &t->held, &t->usage, r->summary, r->result);
}

/* What all parts together have cost. */
static struct summary_usage
total(const struct reading *r)
{
	struct summary_usage sum = r->task.usage, one;
	json_t *note, *usage;
	size_t i;

	json_array_foreach(r->notes, i, note)
	{
		usage = json_object_get(note, "usage");
		one = (struct summary_usage){
			json_integer_value(json_object_get(usage, "requests")),
			json_integer_value(json_object_get(usage, "prompt_tokens")),
			json_integer_value(json_object_get(usage, "completion_tokens")),
			json_integer_value(json_object_get(usage, "cost_micros")),
		};
		summary_add(&sum, &one);
	}
	return sum;
}

/* A note is told: up to which byte the lines are read, and what this cost. */
static void
keep_note(struct reading *r, const char *text)
{
	const struct summary_usage *u = &r->task.usage;

	r->note = task_text(&r->task,
	    json_pack("{s:I, s:s, s:{s:I, s:I, s:I, s:I}}", "to", (json_int_t)r->from, "note", text,
		"usage", "requests", (json_int_t)u->requests, "prompt_tokens",
		(json_int_t)u->prompt_tokens, "completion_tokens", (json_int_t)u->completion_tokens,
		"cost_micros", (json_int_t)u->cost_micros));
	task_end(&r->task, report_note);
	crash_point("process.noted");
}

static void
keep_summary(struct reading *r, const struct summary *summary)
{
	struct summary_usage sum = total(r);

	json_object_set_new(
	    summary->result, "usage", summary_usage_json(&sum, task_env(&r->task)->llm.model));
	r->summary = summary->text;
	r->result = task_text(&r->task, summary->result);
	task_end(&r->task, report_summary);
	crash_point("process.summarised");
}

/* ---- the answer ---- */

/* The model takes less than it is said to: once more, in parts that are a quarter as long. */
static void
shrink(struct reading *r)
{
	if (r->small) {
		task_wrong(&r->task, "settings", TOO_LONG, -1);
		return;
	}
	log_info("the language model takes less than openai.context_tokens; smaller parts");
	r->note = "{\"small\": true}";
	task_end(&r->task, report_note);
}

/* Takes what is well made. Else the reason. */
static const char *
take(struct reading *r, json_t *value)
{
	struct summary summary;
	const char *why, *note;

	if (r->part) {
		note = summary_note_read(r->task.arena, value, r->note_max);
		if (note == NULL)
			return "The language model's answer holds no note";
		keep_note(r, note);
		return NULL;
	}
	if (!summary_read(r->task.arena, value, r->schema, &summary, &why))
		return why;
	keep_summary(r, &summary);
	return NULL;
}

/* An answer that is none of those that were asked for: once more at once, with the schema in words, since
 * there are servers that do not mind it otherwise. */
static void
repeat(struct reading *r, const char *why, int64_t retry_after_s)
{
	if (r->again) {
		task_wrong(&r->task, "model", why, retry_after_s);
		return;
	}
	r->again = true;
	r->question.instructions = summary_instructions_again(
	    r->task.arena, r->question.instructions, r->question.schema);
	ask(r);
}

static void
answered(struct fetch_result *result, void *arg)
{
	struct reading *r = arg;
	const struct work_env *env = task_env(&r->task);
	struct llm_answer answer;
	enum rc rc = llm_read(result, r->task.arena, &answer);
	const char *why = answer.error;

	crash_point("process.read");
	if (result->end == FETCH_ANSWERED && result->status == 200)
		summary_count(&r->task.usage, answer.prompt_tokens, answer.completion_tokens,
		    env->prompt_price, env->completion_price);
	if (answer.fault == LLM_AWAY)
		task_vendor_away(&r->task, answer.retry_after_s);
	else
		task_vendor_well(&r->task);
	if (rc == RC_OK && (why = take(r, answer.value)) == NULL)
		return;
	if (answer.fault == LLM_TOO_LONG)
		shrink(r);
	else if (answer.fault == LLM_AWAY || rc == RC_INVALID)
		task_wrong(&r->task, "model", why, rc == RC_INVALID ? -1 : answer.retry_after_s);
	else
		repeat(r, why, answer.retry_after_s);
}

/* ---- the question ---- */

static void
ask(struct reading *r)
{
	struct fetch f;

	llm_request(&task_env(&r->task)->llm, r->task.arena, &r->question, &f);
	task_ask(&r->task, &f, answered);
}

static void
ask_whole(struct reading *r, const char *material)
{
	json_t *schema = summary_schema(r->strict);

	arena_on_free(r->task.arena, release, schema);
	if (strlen(material) > r->room.bytes) {
		task_wrong(&r->task, "settings", TOO_LONG, -1);
		return;
	}
	r->question = (struct llm_question){ summary_instructions, material, "call_summary", schema,
		r->room.max_tokens };
	ask(r);
}

/* The notes of all parts must be read at once in the end: the more parts, the shorter they are. */
static void
ask_part(struct reading *r)
{
	size_t parts = (strlen(r->lines) - r->from) / r->room.bytes + 2 + json_array_size(r->notes);
	struct arena *a = r->task.arena;
	json_t *schema = summary_note_schema();
	const char *part;

	arena_on_free(a, release, schema);
	r->part = true;
	if (r->room.bytes / parts < NOTE_MIN) {
		task_wrong(&r->task, "settings", TOO_LONG, -1);
		return;
	}
	r->note_max = r->room.bytes / parts - strlen("Notes: \n");
	if (r->note_max > NOTE_MAX)
		r->note_max = NOTE_MAX;
	part = summary_part(a, r->lines, r->room.bytes, &r->from);
	r->question = (struct llm_question){
		arena_printf(
		    a, "%s At most %zu words.", summary_note_instructions, r->note_max / 8),
		part,
		"call_notes",
		schema,
		r->room.max_tokens < NOTE_TOKENS ? r->room.max_tokens : NOTE_TOKENS,
	};
	ask(r);
}

/* Where the notes have come to. */
static void
read_notes(struct reading *r)
{
	json_t *note, *to;
	size_t i;

	json_array_foreach(r->notes, i, note)
	{
		if ((to = json_object_get(note, "to")) != NULL)
			r->from = (size_t)json_integer_value(to);
		r->small = r->small || json_is_true(json_object_get(note, "small"));
	}
}

void
process_summarise(struct processor *p, const struct rows *rows, int i)
{
	struct reading *r = (struct reading *)task_new(p, JOB_SUMMARISE, rows, i, sizeof *r);
	struct task *t = &r->task;
	const char *schema = rows_text(rows, i, JOB_SCHEMA), *why;
	size_t len;

	if (!llm_configured(&task_env(t)->llm)) {
		task_wrong(t, "settings", "There is no language model: set openai.api_key", -1);
		return;
	}
	r->schema = task_json(t, schema);
	if (r->schema != NULL) {
		if ((r->strict = extract_strict(t->arena, r->schema, &why)) == NULL) {
			task_wrong(t, "settings", why, -1);
			return;
		}
		arena_on_free(t->arena, release, r->strict);
	}
	r->notes = task_json(t, rows_text(rows, i, JOB_NOTES));
	r->lines = summary_lines(t->arena, task_json(t, rows_text(rows, i, JOB_ITEMS)));
	read_notes(r);
	r->room = summary_room(
	    task_env(t)->context_tokens, schema != NULL ? strlen(schema) : 0, r->small);
	len = strlen(r->lines);
	if (r->from == 0 && len <= r->room.bytes)
		ask_whole(r, r->lines);
	else if (r->from < len)
		ask_part(r);
	else
		ask_whole(r, summary_notes(t->arena, r->notes));
}
