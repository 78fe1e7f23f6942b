/*
 * pacer.h: who may dial, and when. One leader at a time holds the newest epoch; a dial is granted
 * together with its slot, its leaving the queue and its attempt, in one transaction
 * (sql/functions/04_dial.sql).
 *
 * The promise is at most N dials in any second. It is kept by even spacing (GCRA without burst):
 * slots are (1 s + PACER_SLACK) / N apart, a dial is sent at most PACER_WINDOW after its slot or
 * not at all, and the rest of the slack is the network's. N sends after the first, at least one
 * second has passed, however late the first was.
 */
#ifndef DOMAIN_PACER_H
#define DOMAIN_PACER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "db/db.h"

#define PACER_SLACK_US 60000
#define PACER_WINDOW_US 40000
/* A dial's slot is at most so long after its claim was asked for. */
#define PACER_AHEAD_US 2500000
/* A leader on another host is paused at most so long, between its last look at the clock and the send. */
#define PACER_PAUSE_US 60000000

/*
 * Microseconds between two slots at cps (0.01 to 10000). A rate over 1 counts as its whole part;
 * below 1 it is one dial in any 1/cps seconds. cautious: an older leader may still be alive and
 * send one more, so one less is granted (at 1: one in any two seconds).
 */
int64_t pacer_interval_us(double cps, bool cautious);

/* Who holds the epoch. */
struct pacer_holder {
	char host[160];
	int64_t pid;
	int64_t pid_start; /* in clock ticks since boot */
};

/* Who leads now, as far as the database knows. */
struct pacer_lead {
	int64_t epoch;
	struct pacer_holder holder; /* host "" when there never was one */
	double seen_s;  /* seconds since its last sign of life; -1: it has laid it down */
	double cps;     /* at which it dials */
	double doubt_s; /* seconds since one was replaced that may have been alive; -1: never */
};
enum rc pacer_look(struct db *db, struct pacer_lead *lead) MUST_CHECK;

/* Takes the lead from the holder of the epoch that was seen; epoch 0 when somebody was quicker.
 * me: who takes it, at which rate, and whether the old holder may still be alive. */
struct pacer_heir {
	const struct pacer_holder *holder;
	double cps;
	bool doubtful;
};
enum rc pacer_take(struct db *db, const struct pacer_lead *seen, const struct pacer_heir *me,
    int64_t *epoch) MUST_CHECK;

/* What the leader before may still do, as a new one must bear in mind from when it knows that it leads. */
struct pacer_care {
	int64_t quiet_us;   /* nothing may be claimed for so long */
	int64_t careful_us; /* and so long one dial less a second is granted; 0: not at all */
};
struct pacer_care pacer_care(const struct pacer_lead *old, const struct pacer_heir *me);
/* Lays it down. */
enum rc pacer_release(struct db *db, int64_t epoch) MUST_CHECK;

/* A sign of life; leads false when the epoch is no longer the newest. */
enum rc pacer_seen(struct db *db, int64_t epoch, double cps, bool *leads) MUST_CHECK;

enum pacer_answer {
	PACER_GONE, /* it does not wait any more */
	PACER_GRANTED,
	PACER_OFF,    /* it has been ended, or sleeps in the schedule */
	PACER_HELD,   /* it waits on, and so does what the scope says */
	PACER_DEPOSED /* the epoch is not the newest */
};
enum pacer_scope { PACER_CALL, PACER_LANE, PACER_CUSTOMER };

#define PACER_URL_SIZE 2084

struct pacer_grant {
	enum pacer_answer answer;
	enum pacer_scope scope; /* PACER_HELD */
	char attempt_id[40];
	char call_id[40];
	char to_number[24];
	char machine_detection[8];
	char from[24];            /* "": ours */
	char url[PACER_URL_SIZE]; /* of the customer's own agent; "": ours */
	int64_t wait_us;          /* held: until it may be tried again; -1 when nobody knows */
	int64_t next_no;          /* next waiting call of the same lane, 0 when none */
	int64_t in_flight;        /* for the next claim of this workspace; -1 unknown */
	int64_t lane_in_flight;   /* for the next of this campaign; -1 unknown */
	int weight;               /* granted: of the workspace */
};

struct pacer_wish {
	int64_t epoch;
	int64_t queue_no;
	int64_t asked_us; /* now, by CLOCK_BOOTTIME; the database is not told */
	/* The slot that the leader means is so long after the claim, and as much later as the claim may take: no dial
	 * leaves sooner than wait_us after the instant at which the database looked at its clock, nor later than
	 * wait_us, claim_us and PACER_WINDOW. */
	int64_t wait_us, claim_us;
	int64_t default_cap; /* calls.default_max_concurrent */
	/* What only the leader changes; it gives back what the grant before said. */
	int64_t in_flight; /* at least so many calls as the workspace has in flight; -1: unknown */
	int64_t lane_in_flight; /* the same of its campaign */
};

enum rc pacer_claim(
    struct db *db, const struct pacer_wish *wish, struct pacer_grant *grant) MUST_CHECK;

/* The slot of a claim and when its dial may be sent; like the instant at which it was answered, by CLOCK_BOOTTIME. */
struct pacer_window {
	int64_t slot_us, not_before_us, not_after_us;
};
/* False: it must not be sent, the answer came too late. */
bool pacer_window(
    const struct pacer_wish *wish, int64_t answered_us, struct pacer_window *window) MUST_CHECK;

/* How a dial ended: accepted, refused, throttled, not_sent, missed, unknown. */
struct pacer_report {
	const char *attempt_id;
	const char *answer;
	const char *call_sid; /* accepted */
	const char *reason;   /* a sentence for the call's summary */
	int64_t retry_s;      /* throttled: what the carrier asked for, else 0 */
};
/* again_us: when the call may be tried again, or -1 when it does not wait. */
enum rc pacer_report(
    struct db *db, const struct pacer_report *report, int64_t *again_us) MUST_CHECK;

#endif
