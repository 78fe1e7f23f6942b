/*
 * merge.c: the merger. When a call's recording is stored, or known to be absent, it has the bot's side
 * of it heard by speech to text, fuses that with the live turns, and keeps the result. Several calls
 * at once: speech to text takes seconds. A call whose merger dies is taken up again when its lease has
 * run out; the one that holds the newest lease alone can write.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "domain/merge.h"
#include "domain/transcript.h"
#include "sys/crash.h"
#include "sys/signals.h"
#include "work/env.h"
#include "work/sound.h"

#define AT_ONCE_MAX 8
#define POLL_US 500000
#define HOLD_US 20000000
/* After so many tries, about a quarter of an hour, the live turns have to do. */
#define TRIES 9
#define NO_RECORDING "The recording could not be read."

struct merger {
	const struct work_env *env;
	struct db *db;
	struct fetch_pool *pool;
	int dir;          /* of the spool */
	struct job *jobs; /* those that wait for speech to text */
};

/* One call's transcript. */
struct job {
	struct job *next;
	struct merger *m;
	struct arena *arena;
	const char *call_id;
	int64_t lease, attempts;
	const char *language;
	struct transcript_input input;
	struct store_name recording; /* recording_sid NULL: there is none */
	int fd;                      /* of its sound, or -1 */
};

static void
job_free(struct job *job)
{
	if (job->fd >= 0)
		close(job->fd);
	log_about(NULL);
	arena_free(job->arena);
}

/* ---- what comes of it ---- */

/* Merges what there is; reason says why the times had to be estimated, or is NULL. */
static void
conclude(struct job *job, const char *reason)
{
	struct transcript merged;
	json_t *json;
	char *text;

	transcript_merge(job->arena, &job->input, &merged);
	json = transcript_json(&merged, reason);
	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	crash_point("merge.merged");
	if (text == NULL || merge_done(job->m->db, job->call_id, job->lease, text, reason) != RC_OK)
		log_warning("a transcript could not be kept; its lease runs out by itself");
	crash_point("merge.done");
	free(text);
	job_free(job);
}

static void
put_off(const struct job *job, const char *reason)
{
	if (merge_later(job->m->db, job->call_id, job->lease, reason) != RC_OK)
		log_warning("a transcript could not be put off; its lease runs out by itself");
}

/* Something is away: another time, or without it when that was often enough. */
static void
postpone(struct job *job, const char *reason)
{
	log_warning("no word times yet: %s", reason);
	if (job->attempts >= TRIES) {
		conclude(job, reason);
		return;
	}
	put_off(job, reason);
	job_free(job);
}

static void
take_words(struct job *job, const struct stt_words *heard)
{
	struct transcript_word *words = arena_alloc(
	    job->arena, ((size_t)heard->count + 1) * sizeof *words);

	for (int i = 0; i < heard->count; i++)
		words[i] = (struct transcript_word){ heard->words[i].text, heard->words[i].start_ms,
			heard->words[i].end_ms, heard->words[i].confidence };
	job->input.words = words;
	job->input.word_count = heard->count;
}

static void
heard(struct fetch_result *result, void *arg)
{
	struct job *job = arg;
	struct job **link = &job->m->jobs;
	struct stt_words words;
	enum rc rc = stt_read(result, job->arena, &words);

	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
	log_about(job->call_id);
	crash_point("merge.heard");
	if (rc == RC_LATER) {
		postpone(job, words.error);
		return;
	}
	if (rc == RC_OK)
		take_words(job, &words);
	else
		log_error("%s: the times are estimated; see deepgram.api_key, then build the"
			  " transcript again",
		    words.error);
	conclude(job, rc == RC_OK ? NULL : words.error);
}

/* ---- what it is made of ---- */

/* The sound in the spool, or (another host's recorder has fetched it) a copy without a name. */
static bool
open_sound(struct job *job, struct stat *st)
{
	const char *name = arena_printf(job->arena, "%s.mp3", job->call_id);
	int64_t bytes;

	job->fd = openat(job->m->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (job->fd < 0 && errno == ENOENT) {
		job->fd = openat(job->m->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		if (job->fd >= 0 &&
		    sound_fetch(job->m->env, &job->recording, job->fd, &bytes) != RC_OK)
			return false;
	}
	return job->fd >= 0 && fstat(job->fd, st) == 0 && st->st_size > 0;
}

static void
listen_to(struct job *job)
{
	struct merger *m = job->m;
	struct stat st;
	struct fetch f;

	if (!open_sound(job, &st)) {
		postpone(job, NO_RECORDING);
		return;
	}
	stt_request(&m->env->stt, job->arena, job->fd, (int64_t)st.st_size, job->language, &f);
	job->next = m->jobs;
	m->jobs = job;
	fetch_pool_start(m->pool, &f, heard, job);
}

static const char *
text_of(struct arena *a, json_t *turn, const char *name)
{
	const char *text = json_string_value(json_object_get(turn, name));

	return text != NULL ? arena_strdup(a, text) : "";
}

static void
read_turns(struct job *job, const char *text)
{
	json_t *list = json_loads(text, 0, NULL), *turn; /* our own, from the database */
	struct transcript_turn *turns = arena_alloc(
	    job->arena, (json_array_size(list) + 1) * sizeof *turns);
	size_t i;

	json_array_foreach(list, i, turn)
	{
		turns[i] = (struct transcript_turn){ text_of(job->arena, turn, "role"),
			text_of(job->arena, turn, "text"),
			json_integer_value(json_object_get(turn, "at_ms")) };
	}
	job->input.turns = turns;
	job->input.turn_count = (int)json_array_size(list);
	json_decref(list);
}

static void
start_job(struct merger *m, const struct rows *rows, int i)
{
	struct arena *a = arena_new();
	struct job *job = arena_alloc(a, sizeof *job);

	*job = (struct job){
		.m = m,
		.arena = a,
		.call_id = rows_copy(a, rows, i, MERGE_CALL_ID),
		.lease = rows_int(rows, i, MERGE_LEASE),
		.attempts = rows_int(rows, i, MERGE_ATTEMPTS),
		.language = rows_copy(a, rows, i, MERGE_LANGUAGE),
		.input = { .call_ms = rows_int(rows, i, MERGE_CALL_MS) },
		.fd = -1,
	};
	job->recording = (struct store_name){ job->call_id, rows_copy(a, rows, i, MERGE_CALL_SID),
		rows_copy(a, rows, i, MERGE_RECORDING_SID) };
	log_about(job->call_id);
	read_turns(job, rows_text(rows, i, MERGE_TURNS));
	crash_point("merge.leased");
	if (job->recording.recording_sid != NULL && m->env->stt.api_key[0] != '\0')
		listen_to(job);
	else
		conclude(job, NULL);
	log_about(NULL);
}

/* ---- the loop ---- */

/* Starts what is due, as far as there is room; whether there may be more. */
static bool
start_due(struct merger *m)
{
	int room = AT_ONCE_MAX - fetch_pool_active(m->pool);
	struct rows *rows;
	int count;

	if (room <= 0 || merge_due(m->db, room, &rows) != RC_OK)
		return false;
	count = rows_count(rows);
	for (int i = 0; i < count && !signal_stop; i++)
		start_job(m, rows, i);
	rows_free(rows);
	return count == room;
}

/* Keeps the leases of what is still being heard. */
static void
hold_leases(struct merger *m)
{
	for (struct job *job = m->jobs; job != NULL; job = job->next)
		if (merge_hold(m->db, job->call_id, job->lease) != RC_OK)
			log_warning("a lease could not be kept");
}

static void
run(struct merger *m)
{
	int64_t next = 0, hold = clock_boot_us() + HOLD_US;

	while (!signal_stop && !signal_reload) {
		if (clock_boot_us() >= next)
			next = start_due(m) ? 0 : clock_boot_us() + POLL_US;
		if (clock_boot_us() >= hold) {
			hold_leases(m);
			hold = clock_boot_us() + HOLD_US;
		}
		fetch_pool_run(m->pool, next);
	}
}

/* What is under way may take minutes more: whoever comes next asks again. */
static void
abandon_jobs(struct merger *m)
{
	struct job *job;

	while ((job = m->jobs) != NULL) {
		m->jobs = job->next;
		put_off(job, "The scheduler was restarted.");
		job_free(job);
	}
}

int
work_merge(void *arg)
{
	struct merger m = { .env = arg };
	struct db_options options = { "offhook-merger", m.env->statement_timeout_ms, 0 };

	signals_unblock(); /* this loop waits in libcurl, which knows no signal mask */
	if (mkdir(m.env->recordings_dir, 0750) != 0 && errno != EEXIST)
		log_error("%s cannot be made: %s", m.env->recordings_dir, strerror(errno));
	m.dir = open(m.env->recordings_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m.dir < 0) {
		log_error("%s cannot be opened: %s", m.env->recordings_dir, strerror(errno));
		return 1;
	}
	fetch_init();
	m.db = db_new(m.env->database_url, &options);
	m.pool = fetch_pool_new();
	run(&m);
	fetch_pool_free(m.pool);
	abandon_jobs(&m);
	db_free(m.db);
	close(m.dir);
	return 0;
}
