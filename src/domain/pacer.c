/* pacer.c: see pacer.h. */
#include "domain/pacer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define SECOND_US 1000000

int64_t
pacer_interval_us(double cps, bool cautious)
{
	double n = cps >= 1 ? floor(cps) : cps;

	if (cautious)
		n = n >= 2 ? n - 1 : n / 2;
	if (n < 1)
		return (int64_t)ceil(SECOND_US / n) + PACER_SLACK_US;
	return (int64_t)ceil((SECOND_US + PACER_SLACK_US) / n);
}

/* The time in which the promise counts, and the slack. */
static int64_t
whole_window_us(double cps)
{
	return (cps >= 1 ? SECOND_US : (int64_t)ceil(SECOND_US / cps)) + PACER_SLACK_US;
}

/* From the last slot of a leader to the first of its successor. At one rate the slots of both are one
 * row; where it was changed, no window may hold dials of both. */
static int64_t
gap_us(double before, double cps, bool cautious)
{
	int64_t gap = pacer_interval_us(cps, cautious);

	if (before > 0 && pacer_interval_us(before, false) == pacer_interval_us(cps, false))
		return gap;
	return clock_later(gap, whole_window_us(cps));
}

struct pacer_care
pacer_care(const struct pacer_lead *old, const struct pacer_heir *me)
{
	bool ever = me->doubtful || old->doubt_s >= 0;
	int64_t age_us = me->doubtful ? 0 : (int64_t)(old->doubt_s * SECOND_US);
	struct pacer_care care = { 0, 0 };

	/* The last late send counts in the windows that begin with it. */
	if (ever)
		care.careful_us = clock_later(
		    PACER_PAUSE_US + whole_window_us(me->cps) - age_us, 0);
	if (ever)
		care.quiet_us = clock_later(PACER_AHEAD_US - age_us, 0);
	care.quiet_us += gap_us(old->cps, me->cps, care.careful_us > 0);
	return care;
}

bool
pacer_window(const struct pacer_wish *wish, int64_t answered_us, struct pacer_window *window)
{
	window->slot_us = wish->asked_us + wish->wait_us + wish->claim_us;
	window->not_before_us = clock_later(window->slot_us, answered_us + wish->wait_us);
	window->not_after_us = window->slot_us + PACER_WINDOW_US;
	return window->not_before_us < window->not_after_us;
}

static const struct statement look = {
	"pacer_look",
	"SELECT epoch, host, pid, pid_start,"
	" coalesce(extract(epoch FROM clock_timestamp() - seen_at), -1)::float8, cps,"
	" (CASE WHEN doubted_at IS NULL THEN -1"
	" ELSE greatest(extract(epoch FROM clock_timestamp() - doubted_at), 0) END)::float8"
	" FROM pacer WHERE one",
	0,
};

enum rc
pacer_look(struct db *db, struct pacer_lead *lead)
{
	struct rows *rows;
	enum rc rc = db_run(db, &look, NULL, &rows);

	if (rc != RC_OK)
		return rc;
	memset(lead, 0, sizeof *lead);
	lead->epoch = rows_int(rows, 0, 0);
	snprintf(lead->holder.host, sizeof lead->holder.host, "%s", rows_text(rows, 0, 1));
	lead->holder.pid = rows_int(rows, 0, 2);
	lead->holder.pid_start = rows_int(rows, 0, 3);
	lead->seen_s = rows_real(rows, 0, 4);
	lead->cps = rows_real(rows, 0, 5);
	lead->doubt_s = rows_real(rows, 0, 6);
	rows_free(rows);
	return RC_OK;
}

static const struct statement take = {
	"pacer_take",
	"SELECT coalesce(fn.pacer_take($1, $2, $3, $4, $5, $6), 0)",
	6,
};

enum rc
pacer_take(
    struct db *db, const struct pacer_lead *before, const struct pacer_heir *me, int64_t *epoch)
{
	char expected[24], pid[24], start[24], rate[32];
	const char *values[] = { db_int(before->epoch, expected), me->holder->host,
		db_int(me->holder->pid, pid), db_int(me->holder->pid_start, start), rate,
		db_bool(me->doubtful) };
	struct rows *rows;
	enum rc rc;

	snprintf(rate, sizeof rate, "%.9g", me->cps);
	rc = db_run(db, &take, values, &rows);
	if (rc != RC_OK)
		return rc;
	*epoch = rows_int(rows, 0, 0);
	rows_free(rows);
	return RC_OK;
}

static const struct statement release = {
	"pacer_release",
	"SELECT fn.pacer_release($1)",
	1,
};

enum rc
pacer_release(struct db *db, int64_t epoch)
{
	char number[24];
	const char *values[] = { db_int(epoch, number) };

	return db_run(db, &release, values, NULL);
}

static const struct statement seen = {
	"pacer_seen",
	"SELECT fn.pacer_seen($1, $2)",
	2,
};

enum rc
pacer_seen(struct db *db, int64_t epoch, double cps, bool *leads)
{
	char number[24], rate[32];
	const char *values[] = { db_int(epoch, number), rate };
	struct rows *rows;
	enum rc rc;

	snprintf(rate, sizeof rate, "%.9g", cps);
	rc = db_run(db, &seen, values, &rows);
	if (rc != RC_OK)
		return rc;
	*leads = rows_bool(rows, 0, 0);
	rows_free(rows);
	return RC_OK;
}

/* Which of these words it is, their order that of an enumeration; the first when it is none. */
static int
word_index(const char *word, const char *const words[], int count)
{
	for (int i = 0; i < count; i++)
		if (word != NULL && strcmp(word, words[i]) == 0)
			return i;
	return 0;
}

static const char *
text_or_none(const struct rows *rows, int column)
{
	const char *text = rows_text(rows, 0, column);

	return text == NULL ? "" : text;
}

static const struct statement claim = {
	"pacer_claim",
	"SELECT result, scope, attempt_id, call_id, to_number, machine_detection, wait_us, next_no, in_flight,"
	" lane_in_flight, weight, from_number, url FROM fn.dial_claim($1, $2, $3, $4, $5, $6, $7)",
	7,
};

/* A number of the answer; -1 for NULL. */
static int64_t
known(const struct rows *rows, int column)
{
	return rows_text(rows, 0, column) == NULL ? -1 : rows_int(rows, 0, column);
}

static void
read_grant(const struct rows *rows, struct pacer_grant *grant)
{
	static const char *const answers[] = { "gone", "granted", "off", "held", "deposed" };
	static const char *const scopes[] = { "call", "lane", "customer" };

	memset(grant, 0, sizeof *grant);
	grant->answer = (enum pacer_answer)word_index(rows_text(rows, 0, 0), answers, 5);
	grant->scope = (enum pacer_scope)word_index(rows_text(rows, 0, 1), scopes, 3);
	if (grant->answer == PACER_GRANTED) {
		snprintf(grant->attempt_id, sizeof grant->attempt_id, "%s", rows_text(rows, 0, 2));
		snprintf(grant->call_id, sizeof grant->call_id, "%s", rows_text(rows, 0, 3));
		snprintf(grant->to_number, sizeof grant->to_number, "%s", rows_text(rows, 0, 4));
		snprintf(grant->machine_detection, sizeof grant->machine_detection, "%s",
		    rows_text(rows, 0, 5));
		snprintf(grant->from, sizeof grant->from, "%s", text_or_none(rows, 11));
		snprintf(grant->url, sizeof grant->url, "%s", text_or_none(rows, 12));
	}
	grant->wait_us = known(rows, 6);
	grant->next_no = rows_int(rows, 0, 7);
	grant->in_flight = known(rows, 8);
	grant->lane_in_flight = known(rows, 9);
	grant->weight = (int)rows_int(rows, 0, 10);
}

enum rc
pacer_claim(struct db *db, const struct pacer_wish *wish, struct pacer_grant *grant)
{
	char epoch[24], no[24], wait[24], takes[24], cap[24], in_flight[24], lane[24];
	const char *values[] = { db_int(wish->epoch, epoch), db_int(wish->queue_no, no),
		db_int(wish->wait_us, wait), db_int(wish->claim_us, takes),
		db_int(wish->default_cap, cap),
		wish->in_flight < 0 ? NULL : db_int(wish->in_flight, in_flight),
		wish->lane_in_flight < 0 ? NULL : db_int(wish->lane_in_flight, lane) };
	struct rows *rows;
	enum rc rc = db_run(db, &claim, values, &rows);

	if (rc != RC_OK)
		return rc;
	read_grant(rows, grant);
	rows_free(rows);
	return RC_OK;
}

static const struct statement report_dial = {
	"pacer_report",
	"SELECT fn.dial_result($1::uuid, $2, $3, $4, $5)",
	5,
};

enum rc
pacer_report(struct db *db, const struct pacer_report *report, int64_t *again_us)
{
	char retry[24];
	const char *values[] = { report->attempt_id, report->answer, report->call_sid,
		report->reason, db_int(report->retry_s, retry) };
	struct rows *rows;
	enum rc rc = db_run(db, &report_dial, values, &rows);

	if (rc != RC_OK)
		return rc;
	*again_us = rows_text(rows, 0, 0) == NULL ? -1 : rows_int(rows, 0, 0);
	rows_free(rows);
	return RC_OK;
}
