/*
 * doctor.c: "offhook doctor": looks at every part that the settings name, says what is well and
 * what to do about the rest. A line a finding: ok, warn (works, but look at it) or FAIL.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/dialing.h"
#include "admin/nouns.h"
#include "admin/print.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "db/migrate.h"
#include "domain/skill.h"
#include "http/fetch.h"
#include "sys/spool.h"

#define SPACE_MIN_BYTES (INT64_C(1) << 30)
#define SKEW_MAX_US 2000000
#define REPLY_MAX 65536
#define ERROR_SIZE 400
#define PUBLIC_TIMEOUT_MS 10000
#define KEPT_MAX_US 60000000 /* an entry of the spool, while the database is there */

static int doctor(struct admin *);

const struct command doctor_commands[] = {
	{ "doctor", NULL, "", "Look at every part of this installation and say what to do", doctor,
	    no_options, COMMAND_BARE },
	{ .noun = NULL },
};

enum finding { FINDING_OK, FINDING_WARN, FINDING_FAIL };

struct visit {
	struct admin *admin;
	const struct admin_settings *settings;
	json_t *findings; /* NULL: printed at once */
	bool failed;
};

static void found(struct visit *v, enum finding finding, const char *part, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void
found(struct visit *v, enum finding finding, const char *part, const char *fmt, ...)
{
	static const char *const marks[] = { "ok", "warn", "FAIL" };
	static const char *const words[] = { "ok", "warn", "fail" };
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	v->failed = v->failed || finding == FINDING_FAIL;
	if (v->findings != NULL) {
		json_array_append_new(v->findings,
		    json_pack(
			"{s:s, s:s, s:s}", "part", part, "result", words[finding], "text", text));
		return;
	}
	printf("%-4s  %-10s  %s\n", marks[finding], part, text);
	fflush(stdout);
}

/* ---- files ---- */

static void
look_at_settings(struct visit *v)
{
	const char *file = v->settings->file;
	struct stat st;

	if (v->settings->error != NULL) {
		found(v, FINDING_FAIL, "settings", "%s", v->settings->error);
		return;
	}
	if (file == NULL) {
		found(v, FINDING_OK, "settings", "no file: the defaults and the environment");
		return;
	}
	if (stat(file, &st) == 0 && (st.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0)
		found(v, FINDING_WARN, "settings",
		    "%s can be read by everybody or written by others, and may hold secrets: "
		    "chmod 640 it",
		    file);
	else
		found(v, FINDING_OK, "settings", "%s", file);
}

/* What offhook-api refuses to start with. */
static void
look_at_voice(struct visit *v)
{
	if (strcmp(v->settings->voice_transport, "twiml") == 0 &&
	    strcmp(v->settings->voice_engine, "gemini") == 0)
		found(v, FINDING_FAIL, "voice",
		    "voice.engine = gemini does not talk turn by turn: set voice.transport to stream, or"
		    " voice.engine to script or openai");
}

/* Likewise. */
static void
look_at_model(struct visit *v)
{
	if (v->settings->talks && !llm_configured(&v->settings->llm))
		found(v, FINDING_FAIL, "voice",
		    "voice.engine = openai has no model: set openai.api_key, or openai.base_url to a"
		    " server of your own");
}

static void
look_at_skills(struct visit *v)
{
	struct skill_set *skills;
	char error[ERROR_SIZE];

	skills = skill_set_load(v->settings->skills_dir, error, sizeof(error));
	if (skills != NULL)
		found(v, FINDING_OK, "skills", "%zu in %s", skill_count(skills),
		    v->settings->skills_dir);
	else
		found(v, FINDING_FAIL, "skills", "%s: mend the file, or see skills.dir", error);
	skill_set_free(skills);
}

static void
look_at_data(struct visit *v)
{
	const char *folder = v->settings->data_dir;
	struct statvfs fs;
	struct stat st;

	if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode)) {
		found(v, FINDING_FAIL, "data",
		    "%s is not a folder: make it, owned by the user of the daemons "
		    "(server.data_dir)",
		    folder);
		return;
	}
	if ((st.st_mode & (S_IROTH | S_IWOTH)) != 0)
		found(v, FINDING_WARN, "data",
		    "%s is open to everybody, and holds recordings: chmod o-rwx it", folder);
	if (access(folder, W_OK) != 0)
		found(v, FINDING_WARN, "data",
		    "%s cannot be written by this user: the scheduler's user must", folder);
	else if (statvfs(folder, &fs) == 0 &&
	    (int64_t)fs.f_bavail * (int64_t)fs.f_frsize < SPACE_MIN_BYTES)
		found(v, FINDING_WARN, "data",
		    "less than 1 GiB is left in %s: recordings will fail when it is full", folder);
	else
		found(v, FINDING_OK, "data", "%s", folder);
}

/* Where requests are kept while the database is away. */
static void
look_at_spool(struct visit *v, bool database)
{
	struct spool_list list;
	int64_t oldest_us;
	char path[512];
	int dir;

	snprintf(path, sizeof(path), "%s/" SPOOL_FOLDER, v->settings->data_dir);
	dir = spool_open(path);
	if (dir < 0 || !spool_list(dir, &list)) {
		found(v, FINDING_WARN, "spool",
		    "%s cannot be read (%s): make it, owned by the user of the daemons, or POST "
		    "/api/v1/process is refused while the database is away",
		    path, strerror(errno));
		if (dir >= 0)
			close(dir);
		return;
	}
	oldest_us = list.count == 0 ? 0 : clock_wall_us() - list.items[0].at_us;
	if (spool_aside_count(dir) > 0)
		found(v, FINDING_WARN, "spool",
		    "there are files that are no requests in %s/bad: look at them, then remove "
		    "them",
		    path);
	if (access(path, W_OK) != 0)
		found(v, FINDING_WARN, "spool",
		    "%s cannot be written by this user: the daemons' user must", path);
	else if (database && oldest_us > KEPT_MAX_US)
		found(v, FINDING_FAIL, "spool",
		    "%d requests wait in %s, one for %" PRId64
		    " s, though the database is there: see that offhook-scheduler runs, and its log",
		    list.count, path, oldest_us / 1000000);
	else
		found(v, FINDING_OK, "spool", "%d requests wait in %s", list.count, path);
	spool_list_free(&list);
	close(dir);
}

/* A file that a setting names. */
static void
look_at_file(struct visit *v, const char *part, const char *path, const char *setting)
{
	if (path[0] == '\0')
		return;
	if (access(path, R_OK) != 0)
		found(v, FINDING_FAIL, part, "%s cannot be read (%s): see %s", path,
		    strerror(errno), setting);
	else
		found(v, FINDING_OK, part, "%s", path);
}

static bool
connects(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	bool ok;
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path, path, strlen(path) + 1);
	/* Not blocking: a full backlog answers EAGAIN, and then somebody listens. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	ok = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 || errno == EAGAIN;
	close(fd);
	return ok;
}

static void
look_at_socket(struct visit *v, const char *part, const char *path, const char *program)
{
	if (connects(path))
		found(v, FINDING_OK, part, "%s listens on %s", program, path);
	else
		found(v, FINDING_FAIL, part,
		    "nobody listens on %s, or this user may not connect (%s): start %s", path,
		    strerror(errno), program);
}

static void
look_at_conversations(struct visit *v)
{
	const char *doors = v->settings->voice_listen_dir;

	look_at_socket(v, "voice", v->settings->voice_socket, "offhook-voice");
	if (doors[0] != '\0' && access(doors, R_OK | W_OK | X_OK) != 0)
		found(v, FINDING_WARN, "voice",
		    "nobody can listen to calls: offhook-voice needs the folder %s (%s)", doors,
		    strerror(errno));
}

static void
look_at_workers(struct visit *v)
{
	const char *slash = strrchr(v->settings->api_socket, '/');
	struct buf carrier;

	look_at_socket(v, "workers", v->settings->api_socket, "offhook-api");
	buf_init(&carrier, 4096);
	buf_add(&carrier, v->settings->api_socket, (size_t)(slash + 1 - v->settings->api_socket));
	buf_puts(&carrier, "carrier.sock");
	look_at_socket(v, "workers", carrier.data, "offhook-api");
	buf_free(&carrier);
}

/* ---- the database, and who works on it ---- */

static const struct statement sql_doctor_clock = { "op_doctor_clock",
	"SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,"
	" current_setting('server_version_num')::integer / 10000",
	0 };

static void
look_at_clock(struct visit *v)
{
	int64_t before = clock_wall_us(), skew;
	struct rows *rows;

	if (db_run(v->admin->db, &sql_doctor_clock, NULL, &rows) != RC_OK)
		return;
	skew = (before + clock_wall_us()) / 2 - rows_int(rows, 0, 0);
	if (skew > SKEW_MAX_US || skew < -SKEW_MAX_US)
		found(v, FINDING_WARN, "clock",
		    "this host and the database are %" PRId64 " s apart: synchronize their clocks",
		    skew / 1000000);
	if (rows_int(rows, 0, 1) < 15)
		found(v, FINDING_WARN, "database",
		    "PostgreSQL %" PRId64 " is older than what was tested: use 15 or newer",
		    rows_int(rows, 0, 1));
	rows_free(rows);
}

/* Returns whether statements of this release can be run. */
static bool
look_at_database(struct visit *v)
{
	bool current = false;

	switch (migrate_current(v->admin->db, v->settings->schema_dir, &current)) {
	case RC_OK:
		break;
	case RC_LATER:
		found(v, FINDING_FAIL, "database",
		    "PostgreSQL cannot be reached: see that it runs and that database.url names it");
		return false;
	default:
		found(v, FINDING_FAIL, "database",
		    "the schema cannot be compared with %s: see that the files are there "
		    "(database.schema_dir)",
		    v->settings->schema_dir);
		return false;
	}
	if (!current) {
		found(v, FINDING_FAIL, "database",
		    "the schema is not that of this release: run 'offhook migrate'");
		return false;
	}
	found(v, FINDING_OK, "database", "reachable, and its schema is current");
	look_at_clock(v);
	return true;
}

static const struct statement sql_doctor_scheduler = { "op_doctor_scheduler",
	"SELECT leader, cps, coalesce(oldest_queued_seconds, 0), queued,"
	" (SELECT active FROM maintenance) FROM fn.queue_status()",
	0 };

static void
look_at_scheduler(struct visit *v)
{
	struct rows *rows;

	if (db_run(v->admin->db, &sql_doctor_scheduler, NULL, &rows) != RC_OK) {
		found(v, FINDING_FAIL, "scheduler", "the database did not say who dials");
		return;
	}
	if (rows_text(rows, 0, 0) == NULL)
		found(v, FINDING_FAIL, "scheduler",
		    "nobody has dialed or waited for calls in the last 10 s: start "
		    "offhook-scheduler");
	else
		found(v, FINDING_OK, "scheduler", "%s dials, at most %g a second",
		    rows_text(rows, 0, 0), rows_real(rows, 0, 1));
	if (rows_text(rows, 0, 0) != NULL && rows_real(rows, 0, 1) != v->settings->cps)
		found(v, FINDING_WARN, "scheduler",
		    "queue.cps is %g here, but the leader dials with %g: make them the same",
		    v->settings->cps, rows_real(rows, 0, 1));
	if (rows_bool(rows, 0, 4))
		found(v, FINDING_WARN, "scheduler",
		    "maintenance is on, new calls are refused: 'offhook maintenance off' ends it");
	rows_free(rows);
}

/* ---- jobs ---- */

static const struct statement sql_doctor_jobs = { "op_doctor_jobs",
	"SELECT sum(o.jobs)::bigint, coalesce(max(o.oldest_seconds), 0)::bigint,"
	" fn.job_workers_alive(), t.jobs, t.error FROM fn.jobs_open() o"
	" CROSS JOIN fn.jobs_trying() t GROUP BY t.jobs, t.error",
	0 };

/* Whether somebody works on them, and whether it goes well. */
static void
look_at_open_jobs(struct visit *v)
{
	struct rows *rows;
	int64_t open, oldest_s, workers;

	if (db_run(v->admin->db, &sql_doctor_jobs, NULL, &rows) != RC_OK)
		return;
	open = rows_int(rows, 0, 0);
	oldest_s = rows_int(rows, 0, 1);
	workers = rows_int(rows, 0, 2);
	if (workers > 0)
		found(v, FINDING_OK, "jobs", "%" PRId64 " at work, %" PRId64 " jobs not done",
		    workers, open);
	else if (open > 0)
		found(v, FINDING_WARN, "jobs",
		    "%" PRId64 " jobs wait, the oldest for %" PRId64
		    " s, and nobody works on them: start offhook-scheduler",
		    open, oldest_s);
	if (rows_int(rows, 0, 3) > 0)
		found(v, FINDING_WARN, "jobs",
		    "%" PRId64
		    " jobs are being tried again (%s): 'offhook jobs show' has the tries",
		    rows_int(rows, 0, 3), rows_text(rows, 0, 4));
	rows_free(rows);
}

/* What helps against a failure; words that are not here are the customers' own affair. */
static const char *
remedy_of(const char *failure)
{
	static const struct {
		const char *failure, *remedy;
	} remedies[] = {
		{ "settings", "set what it names" },
		{ "model", "see openai.base_url, openai.api_key and openai.model" },
		{ "transcription", "see deepgram.base_url and deepgram.api_key" },
		{ "mail", "see smtp.url, smtp.username, smtp.password and smtp.from" },
		{ "lost", "see offhook-scheduler's log for what kills its processor" },
	};

	for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++)
		if (strcmp(failure, remedies[i].failure) == 0)
			return remedies[i].remedy;
	return NULL;
}

static const struct statement sql_doctor_troubles = { "op_doctor_troubles",
	"SELECT failure, jobs, coalesce(error, '') FROM fn.job_troubles()", 0 };

static void
look_at_jobs(struct visit *v)
{
	struct rows *rows;

	look_at_open_jobs(v);
	if (db_run(v->admin->db, &sql_doctor_troubles, NULL, &rows) != RC_OK)
		return;
	for (int i = 0; i < rows_count(rows); i++) {
		const char *failure = rows_text(rows, i, 0), *remedy = remedy_of(failure);

		if (remedy != NULL)
			found(v, FINDING_WARN, "jobs",
			    "of the newest thousand, %" PRId64
			    " failed within a day for %s (%.200s): %s, then 'offhook jobs requeue"
			    " --status failed --reason %s'",
			    rows_int(rows, i, 1), failure, rows_text(rows, i, 2), remedy, failure);
	}
	rows_free(rows);
}

/* ---- the carrier and the public URL ---- */

/* Fetches url into result, which the caller frees. */
static void
get_url(struct visit *v, const struct fetch *like, const char *url, struct fetch_result *result)
{
	struct fetch fetch = *like;

	fetch.method = "GET";
	fetch.url = url;
	fetch.connect_ms = fetch.total_ms;
	fetch.ca_file = v->settings->ca_file[0] != '\0' ? v->settings->ca_file : NULL;
	fetch.max_reply = REPLY_MAX;
	fetch.to_fd = -1;
	fetch_wait(&fetch, result);
}

static void
judge_carrier(struct visit *v, const struct fetch_result *result)
{
	const char *base = v->settings->carrier_url;

	if (result->end != FETCH_ANSWERED)
		found(v, FINDING_FAIL, "carrier", "%s did not answer: %s", base, result->error);
	else if (result->status == 200)
		found(v, FINDING_OK, "carrier", "%s takes these credentials", base);
	else if (result->status == 401 || result->status == 403)
		found(v, FINDING_FAIL, "carrier",
		    "%s refuses these credentials (%ld): see twilio.account_sid and "
		    "twilio.auth_token",
		    base, result->status);
	else
		found(v, FINDING_FAIL, "carrier",
		    "%s answered %ld to a list of calls: see twilio.api_url", base, result->status);
}

static void
look_at_carrier(struct visit *v)
{
	const struct admin_settings *s = v->settings;
	const struct fetch like = { .user = s->carrier_sid,
		.password = s->carrier_token,
		.total_ms = (int)s->carrier_timeout_ms };
	struct fetch_result result;
	struct buf url;

	if (s->carrier_sid[0] == '\0' || s->carrier_token[0] == '\0') {
		found(v, FINDING_FAIL, "carrier",
		    "nothing can be dialed: set twilio.account_sid and twilio.auth_token");
		return;
	}
	if (s->carrier_number[0] == '\0')
		found(v, FINDING_FAIL, "carrier",
		    "nothing can be dialed: set twilio.phone_number, the number calls come from");
	buf_init(&url, 4096);
	buf_printf(&url, "%s/2010-04-01/Accounts/%s/Calls.json?PageSize=1", s->carrier_url,
	    s->carrier_sid);
	get_url(v, &like, url.data, &result);
	judge_carrier(v, &result);
	fetch_result_free(&result);
	buf_free(&url);
}

static bool
is_local(const char *url)
{
	return strstr(url, "://localhost") != NULL || strstr(url, "://127.") != NULL ||
	    strstr(url, "://[::1]") != NULL;
}

static void
look_at_public_url(struct visit *v)
{
	const struct fetch like = { .total_ms = PUBLIC_TIMEOUT_MS };
	const char *base = v->settings->public_url;
	struct fetch_result result;
	struct buf url;

	buf_init(&url, 8192);
	buf_printf(&url, "%s/readyz", base);
	get_url(v, &like, url.data, &result);
	if (result.end != FETCH_ANSWERED)
		found(v, FINDING_FAIL, "public", "%s does not answer from here: %s", base,
		    result.error);
	else if (result.status == 200)
		found(v, FINDING_OK, "public", "%s answers, with a certificate that holds", base);
	else
		found(v, FINDING_FAIL, "public",
		    "%s/readyz answered %ld: see nginx's and offhook-api's logs", base,
		    result.status);
	fetch_result_free(&result);
	buf_free(&url);
	if (is_local(base) && !is_local(v->settings->carrier_url))
		found(v, FINDING_FAIL, "public",
		    "the carrier cannot reach %s: set server.public_url to this host's public name",
		    base);
}

/* ---- recordings and transcripts ---- */

static void
look_at_store(struct visit *v)
{
	const struct store *s = &v->settings->store;
	char why[160];
	long status;

	if (!store_set(s))
		return;
	if (store_probe(s, &status, why) != RC_OK)
		found(v, FINDING_FAIL, "store", "%s did not answer: %s", s->endpoint, why);
	else if (status == 200)
		found(v, FINDING_OK, "store", "%s has the bucket %s and takes this key",
		    s->endpoint, s->bucket);
	else if (status == 404)
		found(v, FINDING_FAIL, "store", "%s has no bucket %s: see s3.bucket", s->endpoint,
		    s->bucket);
	else if (status == 403)
		found(v, FINDING_FAIL, "store",
		    "%s refuses this key, or does not let it list %s: see s3.access_key and "
		    "s3.secret_key, and give the key s3:ListBucket and s3:GetObject",
		    s->endpoint, s->bucket);
	else
		found(v, FINDING_FAIL, "store", "%s answered %ld: see s3.endpoint and s3.region",
		    s->endpoint, status);
}

static void
look_at_stt(struct visit *v)
{
	const struct stt *s = &v->settings->stt;
	char why[160];
	long status;

	if (s->api_key[0] == '\0')
		found(v, FINDING_WARN, "speech",
		    "without deepgram.api_key the times of merged transcripts are estimated");
	else if (stt_probe(s, &status, why) != RC_OK)
		found(v, FINDING_FAIL, "speech", "%s did not answer: %s", s->base_url, why);
	else if (status == 401)
		found(v, FINDING_FAIL, "speech", "%s refuses this key: see deepgram.api_key",
		    s->base_url);
	else if (status == 200 || status == 403) /* good, but not for the list of projects */
		found(v, FINDING_OK, "speech", "%s takes this key", s->base_url);
	else
		found(v, FINDING_FAIL, "speech", "%s answered %ld: see deepgram.base_url",
		    s->base_url, status);
}

static const struct statement sql_doctor_transcripts = { "op_doctor_transcripts",
	"SELECT count(*) FILTER (WHERE state = 'failed'), count(*) FILTER (WHERE state = 'done'),"
	" max(reason) FROM transcripts WHERE reason IS NOT NULL"
	" AND updated_at > clock_timestamp() - interval '1 day'",
	0 };

static void
look_at_transcripts(struct visit *v)
{
	struct rows *rows;

	if (db_run(v->admin->db, &sql_doctor_transcripts, NULL, &rows) != RC_OK)
		return;
	if (rows_int(rows, 0, 0) + rows_int(rows, 0, 1) > 0)
		found(v, FINDING_WARN, "speech",
		    "of the last day's transcripts %" PRId64 " failed and %" PRId64
		    " have estimated times (%s): POST "
		    "/calls/{call_id}/transcript-merged/rebuild builds one again",
		    rows_int(rows, 0, 0), rows_int(rows, 0, 1), rows_text(rows, 0, 2));
	rows_free(rows);
}

/* ---- mail ---- */

static const struct statement sql_doctor_recipients = { "op_doctor_recipients",
	"SELECT EXISTS (SELECT FROM settings WHERE path = 'email.recipients' AND value <> '[]')",
	0 };

static const char *
default_of(const struct conf_key *key, const char *name)
{
	while (strcmp(key->name, name) != 0)
		key++;
	return key->absent;
}

/* Whether mails are to be sent: somebody has named a server, or somebody to send them to. */
static bool
wants_mail(struct visit *v, bool database)
{
	const struct mailer *m = &v->settings->mailer;
	struct rows *rows;
	bool any;

	if (strcmp(m->url, default_of(v->settings->keys, "smtp.url")) != 0 ||
	    m->username[0] != '\0')
		return true;
	if (!database || db_run(v->admin->db, &sql_doctor_recipients, NULL, &rows) != RC_OK)
		return false;
	any = rows_bool(rows, 0, 0);
	rows_free(rows);
	return any;
}

static void
look_at_mail(struct visit *v, bool database)
{
	struct mailer m = v->settings->mailer;
	struct arena *a;
	struct mail_answer answer;

	if (!wants_mail(v, database))
		return;
	a = arena_new();
	m.hello = mail_hello(a, v->settings->public_url);
	if (mail_probe(&m, a, &answer) != RC_OK)
		found(v, FINDING_FAIL, "smtp", "%s: %s", m.url, answer.error);
	else
		found(v, FINDING_OK, "smtp", "%s answers%s", m.url,
		    m.username[0] != '\0' ? ", and takes this login" : "");
	if (mail_exposes_password(&m))
		found(v, FINDING_WARN, "smtp",
		    "the password goes to %s in clear text: set smtp.tls to required", m.url);
	if (strcmp(m.from, default_of(v->settings->keys, "smtp.from")) == 0)
		found(v, FINDING_WARN, "smtp",
		    "%s can hardly be answered: set smtp.from to an address that %s may send for",
		    m.from, m.url);
	arena_free(a);
}

/* ---- dialing ---- */

static void
look_at_dialing(struct visit *v)
{
	struct rows *rows;

	if (db_run(v->admin->db, &dialing_stops, NULL, &rows) != RC_OK)
		return;
	for (int i = 0; i < rows_count(rows); i++) {
		const char *workspace = rows_text(rows, i, 0), *reason = rows_text(rows, i, 2);
		char remedy[DIALING_REMEDY_SIZE];

		dialing_remedy(rows, i, remedy);
		found(v, FINDING_WARN, "dialing",
		    "stopped for %s by the %s since %s%s%s: '%s' when it is well again",
		    workspace != NULL ? workspace : "all", rows_text(rows, i, 1),
		    rows_text(rows, i, 3), reason != NULL ? ": " : "", reason != NULL ? reason : "",
		    remedy);
	}
	rows_free(rows);
}

/* ---- calls from elsewhere ---- */

static const struct statement sql_doctor_callrail = { "op_doctor_callrail",
	"SELECT account_id, workspace_id, status, error FROM fn.callrail_troubles()", 0 };

static const struct statement sql_doctor_polls = { "op_doctor_polls",
	"SELECT count(DISTINCT account_id), coalesce(max(extract(epoch FROM clock_timestamp()"
	" - coalesce(done_at, made_at))), 0)::bigint FROM callrail_walks",
	0 };

static const char *
callrail_cure(int64_t status)
{
	switch (status) {
	case 0:
		return "it is asked again by itself";
	case 401:
		return "set integrations.callrail.api_key";
	case 403:
	case 404:
		return "see integrations.callrail.account_id and company_id, and what the key's "
		       "user may see there";
	default:
		return "see integrations.callrail and callrail.base_url";
	}
}

/* A customer's key that is refused is no fault of the installation. */
static void
look_at_callrail(struct visit *v)
{
	struct rows *rows;

	if (db_run(v->admin->db, &sql_doctor_callrail, NULL, &rows) != RC_OK)
		return;
	for (int i = 0; i < rows_count(rows); i++)
		found(v, FINDING_WARN, "callrail", "account %s (workspace %s): %s: %s",
		    rows_text(rows, i, 0), rows_text(rows, i, 1), rows_text(rows, i, 3),
		    callrail_cure(rows_int(rows, i, 2)));
	rows_free(rows);
	if (db_run(v->admin->db, &sql_doctor_polls, NULL, &rows) != RC_OK)
		return;
	if (rows_int(rows, 0, 0) > 0)
		found(v, FINDING_OK, "callrail",
		    "%" PRId64 " accounts, all calls are there up to %" PRId64 " s ago",
		    rows_int(rows, 0, 0), rows_int(rows, 0, 1));
	rows_free(rows);
}

static int
doctor(struct admin *a)
{
	struct visit v = { .admin = a, .settings = a->settings };
	bool failed, database;

	v.findings = a->json ? json_array() : NULL;
	look_at_settings(&v);
	if (v.settings->error == NULL) {
		look_at_voice(&v);
		look_at_model(&v);
		look_at_skills(&v);
		look_at_data(&v);
		look_at_file(
		    &v, "gateway", v.settings->gateway_key_file, "server.gateway_jwt_key_file");
		look_at_file(&v, "authority", v.settings->ca_file, "webhooks.ca_file");
		database = look_at_database(&v);
		look_at_spool(&v, database);
		if (database) {
			look_at_scheduler(&v);
			look_at_dialing(&v);
			look_at_transcripts(&v);
			look_at_jobs(&v);
			look_at_callrail(&v);
		}
		look_at_workers(&v);
		look_at_socket(&v, "streams", v.settings->events_socket, "offhook-events");
		if (strcmp(v.settings->voice_transport, "stream") == 0)
			look_at_conversations(&v);
		fetch_init();
		look_at_carrier(&v);
		look_at_store(&v);
		look_at_stt(&v);
		look_at_mail(&v, database);
		look_at_public_url(&v);
	}
	failed = v.failed;
	if (a->json)
		print_json(json_pack("{s:b, s:o}", "ok", !failed, "findings", v.findings));
	return failed ? ADMIN_FAILED : ADMIN_DONE;
}
