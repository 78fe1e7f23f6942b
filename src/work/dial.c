/*
 * dial.c: the dialer. One leader over all hosts grants itself slots and sends one POST a slot; the
 * others stand by. The order of things for one call:
 *
 *   1. pick      the line says who is next, shortly before the next slot
 *   2. claim     one transaction: slot, out of the queue, attempt written   (crash: unknown)
 *   3. connect   a fresh connection; all but the body's last byte may go out
 *   4. send      inside the slot's window, or never
 *   5. report    one transaction: what became of it
 *
 * A crash between 2 and 5 leaves an attempt in 'intent': the next leader declares it unknown, and
 * the watcher finds out. A POST is never repeated.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/gaps.h"
#include "base/log.h"
#include "base/mem.h"
#include "domain/fraud.h"
#include "domain/pacer.h"
#include "domain/queue.h"
#include "sys/crash.h"
#include "sys/signals.h"
#include "work/env.h"
#include "work/holder.h"
#include "work/line.h"

#define POLL_US 10000      /* the queue is looked at so often */
#define CAP_POLL_US 50000  /* and at most so often who was at a cap or paused */
#define RETRY_US 500000    /* what could not be read is read again after */
#define SEEN_US 1000000    /* a sign of life */
#define RELOAD_US 60000000 /* the heads are read anew, whatever the news have brought */
#define STANDBY_MS 500
#define STALE_S 4           /* a leader that has not been seen for so long is replaced */
#define RECOUNT_US 10000000 /* stillness before positions are set right */
#define CLAIM_US 2000       /* what a claim takes, at most, when all is well */
#define CLAIM_MAX_US 500000 /* and what it may take when the database is slow or far away */
#define EARLY_US 2000       /* for this loop, which does other things as well */
#define LEAD_MAX_US (PACER_AHEAD_US - CLAIM_MAX_US - EARLY_US)
#define PROBE_US 1000000  /* a carrier that says nothing is dialed all the same */
#define IN_FLIGHT_MAX 256 /* POSTs that wait for their answer */
#define MISSING_MAX 4096
#define BEHIND_MAX 128 /* a new leader begins to read so many numbers behind the newest */
#define REACH_MAX \
	2048 /* so far behind, a commit may still be on its way: one has up to a thousand */
#define MISSING_US 10000000 /* no statement runs so long: the number will not come any more */
#define TELL_US 10000000    /* what lasts is said so often at most */
#define BLOCKED_MAX 256
#define NAME_SIZE 80 /* of a workspace or a task, with its comma */

struct dialer {
	const struct work_env *env;
	struct db *db;
	struct fetch_pool *pool;
	struct line *line;
	struct pacer_holder self;

	int64_t epoch;         /* 0: not the leader */
	uint64_t generation;   /* of the connection that the lead hangs on */
	int64_t quiet_until;   /* nothing is sent before */
	int64_t probe_until;   /* nor before the carrier has told how far away it is, up to then */
	int64_t careful_until; /* an older leader may still send one */
	int64_t next_slot;     /* none is used before, by CLOCK_BOOTTIME; another lead does not
				* change it, since what was granted may still be on its way */
	int64_t lead_us;       /* how long it takes to get a connection */
	int64_t claim_us;      /* and how long before that, to claim a dial */

	struct gaps gaps; /* how far the news have been read, and what was jumped over */
	int64_t polled, cap_polled, seen, reloaded, moved; /* when last */
	int64_t retry_at;  /* something could not be read: nothing is until then */
	int64_t cap_every; /* how often who is at a cap or paused is looked at */
	bool recounted;
	STAILQ_HEAD(, dial) done; /* whose end is to be recorded */
	int64_t told_slow;        /* when it was said last that the database is too slow to dial */
};

/* One dial on its way. */
struct dial {
	struct dialer *d;
	struct arena *arena;
	struct fetch fetch;
	char attempt_id[40];
	char call_id[40];
	int64_t no;
	struct line_lane lane; /* its texts are the arena's */
	struct carrier_dial_answer answer;
	STAILQ_ENTRY(dial) next;
};

static void
lose_lead(struct dialer *d, const char *why)
{
	log_warning("no longer the leader: %s", why);
	d->epoch = 0;
}

/* The lane of a row of the queue. */
static struct line_lane
row_lane(const struct rows *rows, int row)
{
	return (struct line_lane){ rows_text(rows, row, QUEUE_WORKSPACE),
		(int)rows_int(rows, row, QUEUE_RANK), rows_text(rows, row, QUEUE_LANE) };
}

/* Whether it was read. If not, each further try would be a line in the log. */
static bool
was_read(struct dialer *d, enum rc rc)
{
	if (rc != RC_OK)
		d->retry_at = clock_boot_us() + RETRY_US;
	return rc == RC_OK;
}

/* Reads the first of each lane anew. */
static bool
reload(struct dialer *d)
{
	struct rows *rows;
	int64_t last;

	if (!was_read(d, queue_heads(d->db, &last, &rows)))
		return false;
	line_begin_reading(d->line);
	for (int i = 0; i < rows_count(rows); i++) {
		struct line_lane lane = row_lane(rows, i);

		line_offer(d->line, &lane, rows_int(rows, i, QUEUE_NO));
	}
	line_end_reading(d->line);
	rows_free(rows);
	/* The news of a new leader begin a little before: not all before the last have come yet. */
	if (d->gaps.last == 0 && last > BEHIND_MAX)
		gaps_restart(&d->gaps, last - BEHIND_MAX);
	d->reloaded = clock_boot_us();
	return true;
}

/* Begins to lead: of what an earlier lead knew only our own slots count, and whom we must beware of. */
static void
begin_lead(struct dialer *d, int64_t epoch, const struct pacer_care *care)
{
	int64_t now = clock_boot_us();

	d->epoch = epoch;
	d->generation = db_generation(d->db);
	d->quiet_until = now + care->quiet_us;
	d->careful_until = clock_later(d->careful_until, now + care->careful_us);
	line_reset(d->line); /* what it knows of calls in flight is an earlier lead's */
	d->reloaded = 0;     /* again at once, should the reading that follows fail */
	gaps_restart(&d->gaps, 0);
	d->retry_at = 0;
	d->recounted = false;
	d->moved = now;
	log_info("leader with epoch %" PRId64 " at %g calls a second%s", d->epoch, d->env->cps,
	    d->careful_until > now ? ", carefully: the old leader may still be alive" : "");
}

/* Becomes the leader if there is none: it has laid the lead down, is known to be dead, or has given
 * no sign of life for too long. */
static bool
take_lead(struct dialer *d)
{
	struct pacer_heir me = { &d->self, d->env->cps, false };
	struct pacer_care care;
	struct pacer_lead old;
	int64_t epoch;

	if (pacer_look(d->db, &old) != RC_OK)
		return false;
	if (old.seen_s >= 0 && old.seen_s < STALE_S && !holder_dead(&d->self, &old.holder))
		return false;
	me.doubtful = old.seen_s >= 0 && !holder_dead(&d->self, &old.holder);
	if (pacer_take(d->db, &old, &me, &epoch) != RC_OK || epoch == 0)
		return false;
	crash_point("lead.taken");
	care = pacer_care(&old, &me);
	begin_lead(d, epoch, &care);
	if (fraud_home(d->db, d->env->carrier.from) != RC_OK)
		log_warning("which country twilio.phone_number is at home in was not written down");
	/* A database that crashed has moved its sequences on. */
	return reload(d) && queue_recount(d->db) == RC_OK;
}

/* Reads what has come into the queue. */
static void
read_news(struct dialer *d, int64_t now)
{
	struct rows *rows;
	struct buf list;
	enum rc rc;

	buf_init(&list, GAPS_LIST_SIZE(MISSING_MAX));
	gaps_list(&d->gaps, now, &list);
	rc = queue_news(d->db, d->gaps.last, list.data, &rows);
	buf_free(&list);
	d->polled = now;
	if (!was_read(d, rc))
		return;
	for (int i = 0; i < rows_count(rows); i++) {
		struct line_lane lane = row_lane(rows, i);
		int64_t no = rows_int(rows, i, QUEUE_NO);

		line_offer(d->line, &lane, no);
		gaps_seen(&d->gaps, no, now);
	}
	if (rows_count(rows) > 0) {
		d->moved = now;
		d->recounted = false;
	}
	rows_free(rows);
}

/* Lets the workspaces go on that are below their cap again. */
static void
read_caps(struct dialer *d)
{
	const char *names[BLOCKED_MAX];
	int count = line_blocked(d->line, names, BLOCKED_MAX);
	struct rows *rows;
	struct buf list;
	enum rc rc;

	if (count == 0)
		return;
	buf_init(&list, BLOCKED_MAX * NAME_SIZE);
	for (int i = 0; i < count; i++) /* ids hold no character that an array literal quotes */
		buf_printf(&list, "%s%s", i == 0 ? "{" : ",", names[i]);
	buf_puts(&list, "}");
	rc = queue_below_cap(d->db, list.data, d->env->default_cap, &rows);
	buf_free(&list);
	if (!was_read(d, rc))
		return;
	for (int i = 0; i < rows_count(rows); i++) {
		line_unblock(d->line, rows_text(rows, i, 0));
		line_set_in_flight(d->line, rows_text(rows, i, 0), rows_int(rows, i, 1));
	}
	rows_free(rows);
}

/* Lets the campaigns go on that are paused no more, or below their cap. */
static void
read_holds(struct dialer *d)
{
	struct line_lane lanes[BLOCKED_MAX];
	int count = line_held(d->line, lanes, BLOCKED_MAX);
	struct buf workspaces, names;
	struct rows *rows;
	enum rc rc;

	if (count == 0)
		return;
	buf_init(&workspaces, BLOCKED_MAX * NAME_SIZE);
	buf_init(&names, BLOCKED_MAX * NAME_SIZE);
	for (int i = 0; i < count; i++) {
		buf_printf(&workspaces, "%s%s", i == 0 ? "{" : ",", lanes[i].workspace);
		buf_printf(&names, "%s%s", i == 0 ? "{" : ",", lanes[i].name);
	}
	buf_puts(&workspaces, "}");
	buf_puts(&names, "}");
	rc = queue_lanes_free(d->db, workspaces.data, names.data, &rows);
	buf_free(&names);
	buf_free(&workspaces);
	if (!was_read(d, rc))
		return;
	for (int i = 0; i < rows_count(rows); i++) {
		const char *workspace = rows_text(rows, i, 0), *name = rows_text(rows, i, 1);

		line_release(d->line, workspace, name);
		line_set_lane_in_flight(d->line, workspace, name,
		    rows_text(rows, i, 2) == NULL ? -1 : rows_int(rows, i, 2));
	}
	rows_free(rows);
}

/* Looks after those who wait until somebody else has done something. */
static void
read_waiting(struct dialer *d, int64_t now)
{
	d->cap_polled = now;
	read_caps(d);
	read_holds(d);
	/* Under an old snapshot the counts walk dead rows; they must not take the dialer's time. */
	d->cap_every = CAP_POLL_US + 20 * (clock_boot_us() - now);
}

/* Says that we are alive, and learns whether we still lead. */
static void
say_seen(struct dialer *d, int64_t now)
{
	bool leads;

	d->seen = now;
	if (pacer_seen(d->db, d->epoch, d->env->cps, &leads) == RC_OK && !leads)
		lose_lead(d, "another has taken over");
}

/* How long a connection takes, learnt from each dial: a little more than the last, sinking slowly,
 * and much more after one that came too late. */
static void
learn_lead(struct dialer *d, const struct fetch_result *result, bool missed)
{
	int64_t wanted = result->connect_us + result->connect_us / 4 + 1000;

	/* A connection that stood when its slot began missed it because of us: more notice would only
	 * have more dials wait for us at once. */
	if (missed && result->connect_us > 0 &&
	    result->took_us - result->connect_us > PACER_WINDOW_US)
		missed = false;
	if (missed)
		wanted = clock_later(wanted, 2 * d->lead_us + 20000);
	d->lead_us = clock_earlier(
	    clock_later(wanted, d->lead_us - (d->lead_us - wanted) / 10), LEAD_MAX_US);
}

/* How long a claim takes, learnt in the same way: a slot that begins before its claim is done is lost for good, the
 * pacer does not catch up, and one that has ended by then cannot be used. */
static void
learn_claim(struct dialer *d, int64_t took_us)
{
	int64_t wanted = took_us + took_us / 4;

	d->claim_us = clock_later(wanted, d->claim_us - (d->claim_us - wanted) / 8);
	d->claim_us = clock_earlier(clock_later(d->claim_us, CLAIM_US), CLAIM_MAX_US);
}

static void
probed(struct fetch_result *result, void *arg)
{
	struct dialer *d = arg;

	d->probe_until = 0;
	if (result->connect_us > 0)
		learn_lead(d, result, false);
}

/* Asks the carrier something harmless before the first dial, which then knows how far away it is: every slot
 * until then would be missed, if it is far. */
static void
probe(struct dialer *d)
{
	const struct carrier *carrier = &d->env->carrier;
	struct arena *a = arena_new();
	struct fetch f;

	if (carrier->account_sid[0] != '\0') {
		d->probe_until = clock_boot_us() + PROBE_US;
		carrier_list_request(carrier, a, carrier->from, "", &f);
		fetch_pool_start(d->pool, &f, probed, d);
	}
	arena_free(a);
}

static int64_t
silent_until(const struct dialer *d)
{
	return clock_later(d->quiet_until, d->probe_until);
}

/* Records how a dial has ended, and frees it. */
static void
record(struct dialer *d, struct dial *dial)
{
	const struct carrier_dial_answer *answer = &dial->answer;
	struct pacer_report report = { dial->attempt_id, answer->answer, answer->call_sid,
		answer->reason, answer->retry_s };
	int64_t again_us;

	if (report.call_sid[0] == '\0')
		report.call_sid = NULL;
	log_about(dial->call_id);
	if (strcmp(answer->answer, "accepted") != 0)
		log_info("dial %s: %s", answer->answer, answer->reason);
	if (pacer_report(d->db, &report, &again_us) != RC_OK) {
		/* The attempt stays in 'intent' until the watcher asks the carrier. */
		log_warning("the end of a dial could not be recorded");
		again_us = -1;
	}
	crash_point("dial.recorded");
	if (again_us >= 0 && d->epoch != 0)
		line_put_back(d->line, &dial->lane, dial->no, clock_boot_us() + again_us);
	log_about(NULL);
	arena_free(dial->arena);
}

static void
record_done(struct dialer *d)
{
	struct dial *dial;

	while ((dial = STAILQ_FIRST(&d->done)) != NULL) {
		STAILQ_REMOVE_HEAD(&d->done, next);
		record(d, dial);
	}
}

/* It may come while the database is waited for, which cannot be told then. */
static void
dial_done(struct fetch_result *result, void *arg)
{
	struct dial *dial = arg;

	crash_point("dial.answered");
	carrier_dial_read(result, &dial->answer);
	learn_lead(dial->d, result, strcmp(dial->answer.answer, "missed") == 0);
	STAILQ_INSERT_TAIL(&dial->d->done, dial, next);
}

/* A dial that was granted and may not be sent. */
static void
void_dial(struct dialer *d, struct dial *dial)
{
	dial->answer = (struct carrier_dial_answer){ .answer = "missed",
		.reason = "The slot passed before the dial could be sent." };
	record(d, dial);
}

/* The dial of a grant, which can be sent. */
static struct dial *
make_dial(struct dialer *d, const struct pacer_grant *grant, const struct line_pick *pick)
{
	struct arena *arena = arena_new();
	struct dial *dial = arena_alloc(arena, sizeof *dial);
	struct carrier_dial wish;

	dial->d = d;
	dial->arena = arena;
	dial->no = pick->no;
	dial->lane = line_lane_of(d->line, pick->lane);
	dial->lane.workspace = arena_strdup(arena, dial->lane.workspace);
	dial->lane.name = arena_strdup(arena, dial->lane.name);
	memcpy(dial->attempt_id, grant->attempt_id, sizeof dial->attempt_id);
	memcpy(dial->call_id, grant->call_id, sizeof dial->call_id);
	wish = (struct carrier_dial){ dial->call_id, dial->attempt_id,
		arena_strdup(arena, grant->to_number),
		arena_strdup(arena, grant->machine_detection), arena_strdup(arena, grant->from),
		arena_strdup(arena, grant->url) };
	carrier_dial_request(&d->env->carrier, arena, &wish, &dial->fetch);
	return dial;
}

/* A claim took longer than it may, so the next would as well. */
static void
tell_slow(struct dialer *d, int64_t now, int64_t took_us)
{
	const int64_t most_us = CLAIM_MAX_US + PACER_WINDOW_US;

	if (took_us < most_us || now - d->told_slow < TELL_US)
		return;
	d->told_slow = now;
	log_warning("the database took %" PRId64
		    " ms for a claim and its commit: the dial came too late to be"
		    " sent, as every one does while that is more than %" PRId64 " ms",
	    took_us / 1000, most_us / 1000);
}

/* Sends a granted dial, not before its slot and not after its window, by our own clock alone. */
static void
start_dial(struct dialer *d, const struct pacer_grant *grant, const struct line_pick *pick,
    const struct pacer_wish *wish)
{
	struct dial *dial = make_dial(d, grant, pick);
	int64_t now = clock_boot_us();
	int64_t interval = pacer_interval_us(d->env->cps, now < d->careful_until);
	struct pacer_window window;

	if (!pacer_window(wish, now, &window)) {
		tell_slow(d, now, now - wish->asked_us);
		void_dial(d, dial);
		return;
	}
	dial->fetch.window.not_before_us = window.not_before_us;
	dial->fetch.window.not_after_us = window.not_after_us;
	dial->fetch.window.gap_us = interval;
	d->next_slot = window.slot_us + interval;
	fetch_pool_start(d->pool, &dial->fetch, dial_done, dial);
}

/* The next of the lane of a call that had left the queue before its claim, which then could not
 * tell. Calls behind it were never offered while it was the head. */
static int64_t
next_of_gone(struct dialer *d, const struct line_pick *pick, const struct pacer_grant *grant)
{
	struct line_lane lane = line_lane_of(d->line, pick->lane);
	int64_t next_no = grant->next_no;

	if (next_no == 0 && !pick->aside &&
	    queue_next(d->db, lane.workspace, lane.rank, lane.name, pick->no, &next_no) != RC_OK)
		lose_lead(d, "the queue could not be read");
	return next_no;
}

/* The call may not be dialed yet, and others wait with it. */
static void
hold(struct dialer *d, const struct pacer_grant *grant, const struct line_pick *pick, int64_t now)
{
	int64_t wait_us = grant->wait_us > POLL_US ? grant->wait_us : POLL_US;

	switch (grant->scope) { /* each has its case: GCOVR_EXCL_BR_LINE */
	case PACER_CUSTOMER:
		line_block(d->line, pick->lane);
		break;
	case PACER_LANE:
		line_hold(d->line, pick->lane, grant->wait_us < 0 ? LINE_UNKNOWN : now + wait_us);
		break;
	case PACER_CALL:
		line_set_aside(d->line, pick, grant->next_no,
		    now + (grant->wait_us < 0 ? CAP_POLL_US : wait_us));
		break;
	}
}

/* What to do with a claim's answer. */
static void
act_on(struct dialer *d, const struct pacer_grant *grant, const struct line_pick *pick,
    const struct pacer_wish *wish)
{
	int64_t now = clock_boot_us();

	switch (grant->answer) { /* each has its case: GCOVR_EXCL_BR_LINE */
	case PACER_GRANTED:
		crash_point("dial.granted");
		line_dialed(d->line, pick, grant->next_no, grant->weight);
		start_dial(d, grant, pick, wish);
		crash_point("dial.started");
		break;
	case PACER_GONE:
		line_advance(d->line, pick, next_of_gone(d, pick, grant));
		break;
	case PACER_OFF:
		line_advance(d->line, pick, grant->next_no);
		break;
	case PACER_HELD:
		hold(d, grant, pick, now);
		break;
	case PACER_DEPOSED:
		lose_lead(d, "another has a newer epoch");
		break;
	}
}

/* Keeps for the next claims what this one has told. */
static void
remember(struct dialer *d, const struct pacer_grant *grant, const struct line_pick *pick)
{
	struct line_lane lane = line_lane_of(d->line, pick->lane);

	line_set_in_flight(d->line, lane.workspace, grant->in_flight);
	line_set_lane_in_flight(d->line, lane.workspace, lane.name, grant->lane_in_flight);
}

/* When the next slot is to be claimed. */
static int64_t
claim_at(const struct dialer *d)
{
	return d->next_slot - d->lead_us - d->claim_us - EARLY_US;
}

/* Claims the next call if it is time. Returns whether there was one. */
static bool
claim_next(struct dialer *d, int64_t now)
{
	struct pacer_wish wish = { d->epoch, 0, now,
		clock_later(d->next_slot - d->claim_us - now, d->lead_us), d->claim_us,
		d->env->default_cap, -1, -1 };
	struct pacer_grant grant;
	struct line_pick pick;
	enum rc rc;

	if (now < silent_until(d) || now < claim_at(d) ||
	    fetch_pool_active(d->pool) >= IN_FLIGHT_MAX || !line_pick(d->line, now, &pick))
		return false;
	wish.queue_no = pick.no;
	wish.in_flight = line_in_flight(d->line, pick.lane);
	wish.lane_in_flight = line_lane_in_flight(d->line, pick.lane);
	rc = pacer_claim(d->db, &wish, &grant);
	learn_claim(d, clock_boot_us() - now);
	if (rc != RC_OK) {
		/* Granted or not, nobody knows: if so, its attempt is found in 'intent'. */
		lose_lead(d, "a claim failed");
		return false;
	}
	d->moved = now;
	remember(d, &grant, &pick);
	act_on(d, &grant, &pick, &wish);
	return true;
}

/* What is to be read of the queue. */
static void
read_queue(struct dialer *d, int64_t now)
{
	if (now - d->polled >= POLL_US)
		read_news(d, now);
	if (now - d->cap_polled >= d->cap_every)
		read_waiting(d, now);
	if (now - d->reloaded >= RELOAD_US)
		reload(d);
	if (!d->recounted && now - d->moved >= RECOUNT_US)
		d->recounted = was_read(d, queue_recount(d->db));
}

/* What is due besides dialing. */
static void
look_around(struct dialer *d, int64_t now)
{
	if (now >= d->retry_at)
		read_queue(d, now);
	if (now - d->seen >= SEEN_US)
		say_seen(d, now);
	if (db_generation(d->db) != d->generation)
		lose_lead(d, "the connection to the database was lost");
}

/* When the loop has something to do again. */
static int64_t
wake_at(const struct dialer *d, int64_t now)
{
	int64_t wake = clock_later(d->polled + POLL_US, d->retry_at);
	int64_t waiting = line_next_us(d->line, now);

	return clock_earlier(clock_later(waiting, clock_later(claim_at(d), silent_until(d))), wake);
}

static void
stand_by(struct dialer *d)
{
	if (take_lead(d)) {
		probe(d);
		return;
	}
	/* What was sent before the lead was lost is still answered, and must be recorded. */
	if (fetch_pool_active(d->pool) > 0)
		fetch_pool_run(d->pool, clock_boot_us() + STANDBY_MS * 1000);
	else
		signals_sleep_ms(STANDBY_MS);
	record_done(d);
}

static void
lead(struct dialer *d)
{
	bool claimed;
	int64_t now;

	look_around(d, clock_boot_us());
	if (d->epoch == 0)
		return;
	claimed = claim_next(d, clock_boot_us());
	now = clock_boot_us();
	fetch_pool_run(d->pool, claimed ? now : wake_at(d, now));
	record_done(d);
}

/* While the database works, what has been granted is sent: it has its slot. */
static bool
meanwhile(void *arg, int fd, short events, int64_t until_us)
{
	return fetch_pool_run_beside(arg, fd, events, until_us);
}

int
work_dial(void *arg)
{
	const struct work_env *env = arg;
	struct db_options options = { "offhook-dialer", env->statement_timeout_ms, 0 };
	struct dialer d = { .env = env, .lead_us = 2000, .claim_us = CLAIM_US };

	signals_unblock(); /* this loop waits in libcurl, which knows no signal mask */
	fetch_init();
	d.db = db_new(env->database_url, &options);
	d.pool = fetch_pool_new();
	db_meanwhile(d.db, meanwhile, d.pool);
	STAILQ_INIT(&d.done);
	d.line = line_new();
	gaps_init(&d.gaps, MISSING_MAX, REACH_MAX, MISSING_US);
	holder_self(&d.self);
	while (!signal_stop && !signal_reload) {
		if (d.epoch == 0)
			stand_by(&d);
		else
			lead(&d);
	}
	/* Dials on their way are waited for; each has its own time limit. */
	for (record_done(&d); fetch_pool_active(d.pool) > 0; record_done(&d))
		fetch_pool_run(d.pool, clock_boot_us() + 100000);
	/* Only now: the next leader takes it that nothing of ours is still to be sent. */
	if (d.epoch != 0 && pacer_release(d.db, d.epoch) != RC_OK)
		log_warning("the lead was not laid down; a standby takes it a little later");
	gaps_clear(&d.gaps);
	line_free(d.line);
	fetch_pool_free(d.pool);
	db_free(d.db);
	return 0;
}
