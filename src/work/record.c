/*
 * record.c: the recorder. Fetches recordings from the object store or the carrier into the local
 * spool: into a temporary file, checked against the announced length, synced, renamed, and only then
 * told of.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "domain/recording.h"
#include "sys/crash.h"
#include "sys/signals.h"
#include "work/env.h"
#include "work/sound.h"

#define BATCH 16
#define IDLE_MS 500

struct recorder {
	const struct work_env *env;
	struct db *db;
	int dir; /* of the spool */
};

/* Makes the file durable under its name. */
static bool
publish(const struct recorder *r, int fd, const char *part, const char *name)
{
	bool done = fsync(fd) == 0 && fchmod(fd, 0640) == 0 &&
	    renameat(r->dir, part, r->dir, name) == 0 && fsync(r->dir) == 0;

	if (!done)
		log_error("a recording could not be stored: %s", strerror(errno));
	return done;
}

/* Fetches one recording. RC_OK: it is in the spool. */
static enum rc
fetch_one(const struct recorder *r, const struct store_name *recording, int64_t *bytes)
{
	struct arena *a = arena_new();
	const char *name = arena_printf(a, "%s.mp3", recording->call_id);
	const char *part = arena_printf(a, "%s.mp3.part.%d", recording->call_id, getpid());
	int fd = openat(r->dir, part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	enum rc rc = RC_LATER;

	if (fd < 0) {
		log_error("the spool cannot be written: %s", strerror(errno));
	} else {
		rc = sound_fetch(r->env, recording, fd, bytes);
		crash_point("record.fetched");
		if (rc == RC_OK && !publish(r, fd, part, name))
			rc = RC_LATER;
		if (rc != RC_OK)
			unlinkat(r->dir, part, 0);
		close(fd);
	}
	arena_free(a);
	return rc;
}

/* A recording that the carrier has told of: fetch it, tell. */
static enum rc
see_to_ready(const struct recorder *r, const struct store_name *recording)
{
	int64_t bytes = 0;
	enum rc rc = fetch_one(r, recording, &bytes);

	crash_point("record.published");
	if (rc == RC_OK)
		return recording_stored(r->db, recording->call_id, bytes);
	return recording_missed(r->db, recording->call_id, false);
}

/* A recording that should be there by now: the carrier is asked whether it is. */
static enum rc
see_to_expected(const struct recorder *r, const char *call_id, const char *call_sid)
{
	struct carrier_recording found;
	struct recording_news news;

	if (carrier_recording_find(&r->env->carrier, call_sid, &found) != RC_OK)
		return recording_missed(r->db, call_id, false);
	if (strcmp(found.status, "absent") == 0 || strcmp(found.status, "failed") == 0 ||
	    strcmp(found.status, "deleted") == 0)
		return recording_missed(r->db, call_id, true);
	if (strcmp(found.status, "completed") != 0 || !recording_sid_valid(found.sid))
		return recording_missed(r->db, call_id, false);
	news = (struct recording_news){ call_id, call_sid, found.sid, found.status,
		found.duration[0] != '\0' ? found.duration : NULL };
	return recording_tell(r->db, &news);
}

static int
record_once(const struct recorder *r)
{
	struct rows *rows;
	int count;

	if (recording_due(r->db, BATCH, &rows) != RC_OK)
		return 0;
	count = rows_count(rows);
	for (int i = 0; i < count && !signal_stop; i++) {
		const struct store_name recording = { rows_text(rows, i, RECORDING_CALL_ID),
			rows_text(rows, i, RECORDING_CALL_SID), rows_text(rows, i, RECORDING_SID) };
		enum rc rc;

		log_about(recording.call_id);
		if (strcmp(rows_text(rows, i, RECORDING_STATE), "ready") == 0)
			rc = see_to_ready(r, &recording);
		else
			rc = see_to_expected(r, recording.call_id, recording.call_sid);
		if (rc != RC_OK)
			log_warning(
			    "a recording could not be seen to; its lease runs out by itself");
		log_about(NULL);
	}
	rows_free(rows);
	return count;
}

int
work_record(void *arg)
{
	struct recorder r = { .env = arg };
	struct db_options options = { "offhook-recorder", r.env->statement_timeout_ms, 0 };

	if (mkdir(r.env->recordings_dir, 0750) != 0 && errno != EEXIST)
		log_error("%s cannot be made: %s", r.env->recordings_dir, strerror(errno));
	r.dir = open(r.env->recordings_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r.dir < 0) {
		log_error(
		    "%s cannot be opened: %s; set server.data_dir to a folder that the scheduler"
		    " may write",
		    r.env->recordings_dir, strerror(errno));
		return 1;
	}
	fetch_init();
	r.db = db_new(r.env->database_url, &options);
	while (!signal_stop && !signal_reload)
		if (record_once(&r) < BATCH)
			signals_sleep_ms(IDLE_MS);
	db_free(r.db);
	close(r.dir);
	return 0;
}
