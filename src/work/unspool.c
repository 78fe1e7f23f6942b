/*
 * unspool.c: the importer. Brings in what the workers of this host have promised while the database was
 * away (api/process.c): oldest first, each removed only once the database has it. It may be brought in
 * twice, by another importer or after a crash in between: the second time it is under way already.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "domain/job_door.h"
#include "sys/crash.h"
#include "sys/signals.h"
#include "sys/spool.h"
#include "work/env.h"

#define IDLE_MS 500
#define TROUBLE_MS 2000 /* the database is away or broken; its connection has a brake of its own */
#define SWEEP_EVERY 120 /* turns: a minute */
#define LEFTOVER_S 300  /* no put takes that long */
#define BROKEN_MAX 10   /* faults of ours in one turn: each is logged */

struct importer {
	struct db *db;
	int dir; /* of the spool */
	int done, dropped;
};

/* What became of an entry. Refused ones are told of without whose they are: nobody has verified that. */
static enum rc
settle(struct importer *im, const char *name, const struct job_wish *wish, enum rc rc)
{
	int64_t waited_s = (clock_wall_us() - wish->asked_us) / 1000000;

	switch (rc) {
	case RC_OK:
		crash_point("unspool.committed");
		spool_remove(im->dir, name);
		im->done++;
		return RC_OK;
	case RC_UNAUTHENTICATED:
	case RC_FORBIDDEN:
		log_warning("a request that was kept for %" PRId64 " s is dropped: %s", waited_s,
		    rc == RC_FORBIDDEN ? "its tenant is not the key's" : "its key is nobody's");
		spool_remove(im->dir, name);
		im->dropped++;
		return RC_OK;
	case RC_INVALID:
		log_error("the database refuses what a kept request says: it is put aside");
		spool_aside(im->dir, name);
		return RC_OK;
	default:
		return rc;
	}
}

/* One entry. RC_OK: it is gone; otherwise it stays. */
static enum rc
bring_in(struct importer *im, const char *name)
{
	struct arena *a = arena_new();
	char bytes[SPOOL_ENTRY_MAX];
	struct job_wish wish;
	const char *status;
	size_t len;
	enum rc rc = spool_take(im->dir, name, bytes, &len);

	if (rc == RC_OK && !job_wish_read(a, bytes, len, &wish))
		rc = RC_INVALID;
	if (rc == RC_OK) {
		rc = settle(im, name, &wish, job_door_ask(im->db, a, &wish, &status));
	} else if (rc == RC_INVALID) {
		log_error("a file in the spool is no request of ours: it is put aside");
		spool_aside(im->dir, name);
		rc = RC_OK;
	} else if (rc == RC_NOT_FOUND) {
		rc = RC_OK; /* another importer was faster */
	} else {
		rc = RC_BROKEN; /* the others may be read all the same */
	}
	arena_free(a);
	return rc;
}

/* All entries that there are. False when something must be waited for. */
static bool
import_all(struct importer *im)
{
	struct spool_list list;
	int broken = 0;
	enum rc rc = RC_OK;

	if (!spool_list(im->dir, &list)) {
		log_error("the spool cannot be read: %s", strerror(errno));
		return false;
	}
	im->done = im->dropped = 0;
	for (int i = 0; i < list.count && rc != RC_LATER && broken < BROKEN_MAX; i++) {
		if (signal_stop || signal_reload)
			break;
		rc = bring_in(im, list.items[i].name);
		broken += rc == RC_BROKEN;
	}
	spool_list_free(&list);
	if (im->done > 0 || im->dropped > 0)
		log_info("%d kept requests are in the queue now, %d were dropped", im->done,
		    im->dropped);
	return rc != RC_LATER && broken == 0;
}

/* The folder anew each turn: an operator may have made another. -1, logged once, when there is none. */
static int
open_folder(const char *path)
{
	static bool told;
	int dir;

	if (mkdir(path, 0750) == 0)
		log_info("%s was missing and is there now", path);
	dir = spool_open(path);
	if (dir < 0 && !told)
		log_error("%s cannot be opened: %s; set server.data_dir to a folder that the"
			  " scheduler may write",
		    path, strerror(errno));
	told = dir < 0;
	return dir;
}

/* False when something must be waited for. */
static bool
take_turn(struct importer *im, const char *path, bool sweep)
{
	bool well;

	im->dir = open_folder(path);
	if (im->dir < 0)
		return false;
	if (sweep)
		spool_sweep(im->dir, LEFTOVER_S);
	well = import_all(im);
	close(im->dir);
	return well;
}

int
work_unspool(void *arg)
{
	const struct work_env *env = arg;
	struct db_options options = { "offhook-importer", env->statement_timeout_ms, 0 };
	struct importer im = { .db = db_new(env->database_url, &options) };

	for (long turn = 0; !signal_stop && !signal_reload; turn++) {
		bool well = take_turn(&im, env->spool_dir, turn % SWEEP_EVERY == 0);

		signals_sleep_ms(well ? IDLE_MS : TROUBLE_MS);
	}
	db_free(im.db);
	return 0;
}
