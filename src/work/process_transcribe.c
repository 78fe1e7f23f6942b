/*
 * process_transcribe.c: a recording that somebody else has is fetched and heard. Its URL is a stranger's,
 * and so is each redirect: all are looked at before they are asked (http/reach.h), and the sound lies in a
 * file without a name meanwhile. CallRail is asked first where the recording of a call of its lies.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "domain/feed.h"
#include "http/reach.h"
#include "remote/callrail.h"
#include "remote/stt.h"
#include "sys/crash.h"
#include "work/process.h"

#define RECORDING_MAX (200u << 20)
#define CONNECT_MS 10000
#define TOTAL_MS 600000
#define REDIRECTS_MAX 3
#define RETRY_MAX_S 3600
#define DATABASE_WAIT_S 5
#define TYPE_MAX 64

/* One recording that is heard. */
struct hearing {
	struct task task;
	int fd; /* of the sound */
	int redirects;
	struct callrail_account
	    account;       /* of the workspace, where the recording lies at CallRail */
	int64_t wait_s;    /* that account is to be left alone for so long */
	const char *items; /* JSON: the transcript */
};

static enum rc
report_items(struct task *t)
{
	return job_transcribed(task_db(t), &t->held, ((struct hearing *)t)->items);
}

static enum rc
report_rest(struct task *t)
{
	return job_rest(task_db(t), &t->held, ((struct hearing *)t)->wait_s);
}

/* ---- what was heard ---- */

static const char *
items_of(struct hearing *h, const struct stt_talk *talk)
{
	json_t *list = json_array();

	for (int i = 0; i < talk->count; i++) {
		const struct stt_turn *turn = &talk->turns[i];

		json_array_append_new(list,
		    json_pack("{s:i, s:s, s:s, s:I, s:I}", "seq", i + 1, "role",
			arena_printf(h->task.arena, "Speaker %d", turn->speaker), "text",
			turn->text, "start_ms", (json_int_t)turn->start_ms, "end_ms",
			(json_int_t)turn->end_ms));
	}
	return task_text(&h->task, list);
}

static void
heard(struct fetch_result *result, void *arg)
{
	struct hearing *h = arg;
	struct task *t = &h->task;
	struct stt_talk talk;
	enum rc rc = stt_talk_read(result, t->arena, &talk);

	crash_point("process.heard");
	if (talk.away)
		task_vendor_away(t, 0);
	else
		task_vendor_well(t);
	if (rc != RC_OK) {
		task_wrong(t, "transcription", talk.error, rc == RC_LATER ? 0 : -1);
		return;
	}
	h->items = items_of(h, &talk);
	task_end(t, report_items);
	crash_point("process.transcribed");
}

/* ---- the sound ---- */

/* The media type without its parameters; NULL when it is none of sound. What is sent as mere bytes, or as
 * nothing, may be sound too. */
static const char *
type_of_sound(struct arena *a, const char *given)
{
	size_t len = strcspn(given, "; \t");
	char *type = arena_strndup(a, given, len);

	for (char *c = type; *c != '\0'; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
	if (len == 0 || strcmp(type, "application/octet-stream") == 0 ||
	    strcmp(type, "binary/octet-stream") == 0)
		return "application/octet-stream";
	return len <= TYPE_MAX && str_starts(type, "audio/") &&
		strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789/+.-") == len
	    ? type
	    : NULL;
}

/* A page instead of a file, whatever its type says. */
static bool
looks_like_page(int fd)
{
	char head[64];
	ssize_t len = pread(fd, head, sizeof head, 0);
	ssize_t at = 0;

	while (at < len && strchr(" \t\r\n", head[at]) != NULL && head[at] != '\0')
		at++;
	return at < len && (head[at] == '<' || head[at] == '{');
}

static void
listen_to(struct hearing *h, const struct fetch_result *result)
{
	struct task *t = &h->task;
	const char *type = type_of_sound(t->arena, result->content_type);
	struct fetch f;

	if (result->body_bytes == 0) {
		task_wrong(t, "fetch", "The recording is empty", 0);
		return;
	}
	if (type == NULL || looks_like_page(h->fd)) {
		task_wrong(
		    t, "fetch", "The recording's URL leads to something that is no sound", -1);
		return;
	}
	stt_talk_request(&task_env(t)->stt, t->arena, h->fd, result->body_bytes, type, &f);
	task_ask(t, &f, heard);
}

/* ---- the way to it ---- */

static void fetch_from(struct hearing *h, const char *url);

static bool
is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static void
follow(struct hearing *h, const struct fetch_result *result)
{
	if (result->redirect == NULL || ++h->redirects > REDIRECTS_MAX) {
		task_wrong(&h->task, "fetch", "The recording's URL leads from one to the next", -1);
		return;
	}
	if (ftruncate(h->fd, 0) != 0 || lseek(h->fd, 0, SEEK_SET) != 0) {
		task_wrong(&h->task, "fetch", "The recording could not be kept", 0);
		return;
	}
	fetch_from(h, result->redirect);
}

/* What is no recording: later, or never. */
static void
turn_away(struct hearing *h, const struct fetch_result *result)
{
	struct task *t = &h->task;
	long status = result->status;
	int64_t wait_s = result->retry_after_s > 0 ? result->retry_after_s : 0;
	bool later = status < 400 || status == 408 || status == 425 || status == 429 ||
	    status >= 500;

	if (wait_s > RETRY_MAX_S)
		wait_s = RETRY_MAX_S;
	if (result->end != FETCH_ANSWERED && result->fault == FETCH_TOO_LONG)
		task_wrong(t, "fetch", "The recording is longer than 200 MiB", -1);
	else if (result->end != FETCH_ANSWERED)
		task_wrong(t, "fetch",
		    arena_printf(t->arena, "The recording could not be fetched: %s", result->error),
		    0);
	else
		task_wrong(t, "fetch",
		    arena_printf(t->arena, "The recording's server answered %ld", status),
		    later ? wait_s : -1);
}

static void
fetched(struct fetch_result *result, void *arg)
{
	struct hearing *h = arg;

	crash_point("process.fetched");
	if (result->end == FETCH_ANSWERED && is_redirect(result->status))
		follow(h, result);
	else if (result->end == FETCH_ANSWERED && result->status == 200)
		listen_to(h, result);
	else
		turn_away(h, result);
}

static void
fetch_from(struct hearing *h, const char *url)
{
	const struct work_env *env = task_env(&h->task);
	const char *no = reach_url(url, env->anywhere);
	struct fetch f = {
		.method = "GET",
		.url = url,
		.connect_ms = CONNECT_MS,
		.total_ms = TOTAL_MS,
		.ca_file = env->ca_file,
		.max_reply = RECORDING_MAX,
		.public_only = !env->anywhere,
		.to_fd = h->fd,
	};

	if (no != NULL)
		task_wrong(&h->task, "fetch",
		    arena_printf(h->task.arena, "The recording cannot be fetched: %s", no), -1);
	else
		task_ask(&h->task, &f, fetched);
}

/* ---- CallRail ---- */

/* The account has had enough, or is away: the poller is to know it, too. */
static void
spare_account(struct hearing *h, const struct callrail_recording *recording)
{
	struct feed_failure failure = { false, recording->status, recording->retry_after_s,
		recording->error };

	if (feed_pause(task_db(&h->task), h->account.id, &failure) != RC_OK)
		log_warning("CallRail: that could not be noted");
}

static void
found_at_callrail(struct fetch_result *result, void *arg)
{
	struct hearing *h = arg;
	struct task *t = &h->task;
	struct callrail_recording recording;
	enum rc rc = callrail_recording_read(
	    &task_env(t)->callrail, result, t->arena, &h->account, &recording);

	if (rc == RC_OK) {
		fetch_from(h, recording.url);
		return;
	}
	if (rc == RC_LATER)
		spare_account(h, &recording);
	task_wrong(t, "fetch", recording.error, rc == RC_LATER ? recording.retry_after_s : -1);
}

static void
ask_callrail(struct hearing *h, const char *call_id)
{
	struct task *t = &h->task;
	struct fetch f;
	const char *no;

	if (h->account.id == NULL || h->account.key == NULL) {
		task_wrong(t, "settings",
		    "CallRail cannot be asked: set integrations.callrail.account_id and api_key",
		    -1);
		return;
	}
	no = callrail_recording_request(&task_env(t)->callrail, t->arena, &h->account, call_id, &f);
	if (no == NULL && feed_spend(task_db(t), h->account.id, &h->wait_s) != RC_OK)
		h->wait_s = DATABASE_WAIT_S;
	if (no == NULL && h->wait_s > 0)
		task_end(t, report_rest);
	else if (no != NULL)
		task_wrong(t, "fetch", no, -1);
	else
		task_ask(t, &f, found_at_callrail);
}

static void
close_file(void *arg)
{
	close(((struct hearing *)arg)->fd);
}

void
process_transcribe(struct processor *p, const struct rows *rows, int i)
{
	struct hearing *h = (struct hearing *)task_new(p, JOB_TRANSCRIBE, rows, i, sizeof *h);
	struct task *t = &h->task;
	const char *url = rows_text(rows, i, JOB_RECORDING_URL);

	if (task_env(t)->stt.api_key[0] == '\0') {
		task_wrong(t, "settings", "There is no speech to text: set deepgram.api_key", -1);
		return;
	}
	if (url == NULL) {
		task_wrong(t, "fetch", "There is no recording", -1);
		return;
	}
	h->fd = open(task_env(t)->recordings_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (h->fd < 0) {
		log_error(
		    "no file can be made in %s: %s", task_env(t)->recordings_dir, strerror(errno));
		task_wrong(t, "fetch", "The recording could not be kept", 0);
		return;
	}
	arena_on_free(t->arena, close_file, h);
	h->account = (struct callrail_account){ rows_copy(t->arena, rows, i, JOB_CALLRAIL_ACCOUNT),
		rows_copy(t->arena, rows, i, JOB_CALLRAIL_KEY) };
	if (strcmp(rows_text(rows, i, JOB_SOURCE), "callrail") == 0)
		ask_callrail(h, rows_text(rows, i, JOB_EXTERNAL_ID));
	else
		fetch_from(h, url);
}
