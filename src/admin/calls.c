/*
 * calls.c: "offhook calls": calls of all customers, as the database has them. People see masked
 * numbers; JSON has them whole.
 */
#include <stdio.h>
#include <string.h>

#include "admin/nouns.h"
#include "admin/print.h"

#define LIMIT_MAX 1000
#define LIMIT_DEFAULT "100"

static int list(struct admin *);
static int show(struct admin *);
static int cancel(struct admin *);

static const struct command_option list_options[] = {
	{ "--workspace", "ID", "only this workspace's" },
	{ "--status", "STATUS", "only those in this status, such as queued or in_progress" },
	{ "--limit", "N", "how many at most: 1 to 1000, 100 when absent" },
	{ .name = NULL },
};

const struct command call_commands[] = {
	{ "calls", "list", "", "List calls, newest first", list, list_options, 0 },
	{ "calls", "show", "CALL_ID", "Show all about one call", show, no_options, 0 },
	{ "calls", "cancel", "CALL_ID", "Cancel a call; one that talks is hung up", cancel,
	    no_options, 0 },
	{ .noun = NULL },
};

/* ---- list ---- */

static bool
is_status(const char *text)
{
	static const char *const words[] = { "scheduled", "queued", "dialing", "dial_unknown",
		"in_progress", "completed", "failed", "cancelled", "expired" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i]) == 0)
			return true;
	}
	admin_misuse("--status must be scheduled, queued, dialing, dial_unknown, in_progress, "
		     "completed, failed, cancelled or expired");
	return false;
}

static const struct statement sql_calls = { "op_calls",
	"SELECT call_id, workspace_id, status, target_phone, fn.iso(created_at),"
	" fn.iso(started_at), fn.iso(ended_at), duration_sec, outcome_type, charge_cents"
	" FROM fn.calls_newest($1::text, $2::text, $3::integer)",
	3 };

static int
list(struct admin *a)
{
	static const struct column columns[] = {
		{ "call_id", "CALL", COLUMN_TEXT },
		{ "workspace_id", "WORKSPACE", COLUMN_TEXT },
		{ "status", "STATUS", COLUMN_TEXT },
		{ "target_phone", "TO", COLUMN_PHONE },
		{ "created_at", "CREATED", COLUMN_TIME },
		{ "started_at", NULL, COLUMN_TIME },
		{ "ended_at", "ENDED", COLUMN_TIME },
		{ "duration_sec", "TALKED", COLUMN_REAL },
		{ "outcome_type", "OUTCOME", COLUMN_TEXT },
		{ "charge_cents", NULL, COLUMN_INT },
		{ .name = NULL },
	};
	const char *workspace = admin_option(a, "--workspace");
	const char *status = admin_option(a, "--status"), *limit = admin_option(a, "--limit");
	int64_t number;

	if (limit == NULL)
		limit = LIMIT_DEFAULT;
	if ((workspace != NULL && !admin_tenant_id("--workspace", workspace)) ||
	    (status != NULL && !is_status(status)) ||
	    !admin_number("--limit", limit, 1, LIMIT_MAX, &number))
		return ADMIN_USAGE;
	const char *const values[] = { workspace, status, limit };
	return admin_list(a, &sql_calls, values, columns, "no such calls");
}

/* ---- show ---- */

static const struct statement sql_call = { "op_call",
	"SELECT c.call_id, c.workspace_id, c.task_id, c.status, c.direct, c.target_phone, c.brief,"
	" c.language, c.kind, c.parsed_slots, c.ask_user_mode, c.machine_detection, c.metadata,"
	" fn.iso(c.created_at), fn.iso(c.not_after), c.queue_no, c.dials, c.attempt_id, c.call_sid,"
	" fn.iso(c.started_at), fn.iso(c.answered_at), fn.iso(c.ended_at), c.duration_sec,"
	" c.answered_by, c.agent_spoke, c.agent_ended, c.verdict, c.outcome_type,"
	" c.outcome_summary, c.credits_reserved, c.price_cents, c.charge_cents, c.event_count,"
	" r.state, r.recording_sid, r.duration_sec, r.bytes"
	" FROM calls c LEFT JOIN recordings r USING (call_id, workspace_id) WHERE c.call_id = $1",
	1 };

static const struct column call_columns[] = {
	{ "call_id", "call", COLUMN_TEXT },
	{ "workspace_id", "workspace", COLUMN_TEXT },
	{ "task_id", "task", COLUMN_TEXT },
	{ "status", "status", COLUMN_TEXT },
	{ "direct", "direct", COLUMN_BOOL },
	{ "target_phone", "to", COLUMN_PHONE },
	{ "brief", "brief", COLUMN_TEXT },
	{ "language", "language", COLUMN_TEXT },
	{ "kind", "kind", COLUMN_TEXT },
	{ "parsed_slots", "slots", COLUMN_JSON },
	{ "ask_user_mode", "ask user mode", COLUMN_TEXT },
	{ "machine_detection", "machine detection", COLUMN_TEXT },
	{ "metadata", "metadata", COLUMN_JSON },
	{ "created_at", "created", COLUMN_TIME },
	{ "not_after", "not after", COLUMN_TIME },
	{ "queue_no", "queue number", COLUMN_INT },
	{ "dials", "dials", COLUMN_INT },
	{ "attempt_id", "newest attempt", COLUMN_TEXT },
	{ "call_sid", "carrier's id", COLUMN_TEXT },
	{ "started_at", "dialed", COLUMN_TIME },
	{ "answered_at", "answered", COLUMN_TIME },
	{ "ended_at", "ended", COLUMN_TIME },
	{ "duration_sec", "talked", COLUMN_REAL },
	{ "answered_by", "answered by", COLUMN_TEXT },
	{ "agent_spoke", "agent spoke", COLUMN_BOOL },
	{ "agent_ended", "agent hung up", COLUMN_BOOL },
	{ "verdict", "agent's verdict", COLUMN_TEXT },
	{ "outcome_type", "outcome", COLUMN_TEXT },
	{ "outcome_summary", "summary", COLUMN_TEXT },
	{ "credits_reserved", "credits reserved", COLUMN_INT },
	{ "price_cents", "price in cents", COLUMN_INT },
	{ "charge_cents", "charge in cents", COLUMN_INT },
	{ "event_count", "events", COLUMN_INT },
	{ "recording_state", "recording", COLUMN_TEXT },
	{ "recording_sid", "recording's id", COLUMN_TEXT },
	{ "recording_duration_sec", "recorded", COLUMN_REAL },
	{ "recording_bytes", "recorded bytes", COLUMN_INT },
	{ .name = NULL },
};

static const struct statement sql_attempts = { "op_attempts",
	"SELECT attempt_id, state, answer, epoch, fn.iso(created_at), fn.iso(slot_at), call_sid,"
	" progress, checks, fn.iso(check_at), fn.iso(deadline_at), fn.iso(hangup_at)"
	" FROM attempts WHERE call_id = $1 ORDER BY created_at",
	1 };

static const struct column attempt_columns[] = {
	{ "attempt_id", "ATTEMPT", COLUMN_TEXT },
	{ "state", "STATE", COLUMN_TEXT },
	{ "answer", "ANSWER", COLUMN_TEXT },
	{ "epoch", NULL, COLUMN_INT },
	{ "created_at", "GRANTED", COLUMN_TIME },
	{ "slot_at", NULL, COLUMN_TIME },
	{ "call_sid", "CARRIER'S ID", COLUMN_TEXT },
	{ "progress", NULL, COLUMN_INT },
	{ "checks", "CHECKS", COLUMN_INT },
	{ "check_at", "NEXT CHECK", COLUMN_TIME },
	{ "deadline_at", NULL, COLUMN_TIME },
	{ "hangup_at", "TO BE HUNG UP", COLUMN_TIME },
	{ .name = NULL },
};

static const struct statement sql_events = { "op_events",
	"SELECT event_id, event_type, fn.iso(created_at), data FROM call_events WHERE call_id = $1"
	" ORDER BY event_id",
	1 };

static const struct column event_columns[] = {
	{ "event_id", "EVENT", COLUMN_INT },
	{ "event_type", "TYPE", COLUMN_TEXT },
	{ "created_at", "AT", COLUMN_TIME },
	{ "data", "DATA", COLUMN_JSON },
	{ .name = NULL },
};

struct shown {
	struct rows *call, *attempts, *events;
};

static void
print_call(const struct admin *a, const struct shown *s)
{
	json_t *object;

	if (a->json) {
		object = print_object(call_columns, s->call, 0);
		json_object_set_new(object, "attempts", print_array(attempt_columns, s->attempts));
		json_object_set_new(object, "events", print_array(event_columns, s->events));
		print_json(object);
		return;
	}
	print_record(call_columns, s->call, 0, stdout);
	putchar('\n');
	print_table(attempt_columns, s->attempts, "never dialed", stdout);
	putchar('\n');
	print_table(event_columns, s->events, "no events", stdout);
}

static int
show(struct admin *a)
{
	const char *const values[] = { a->args[0] };
	struct shown s = { NULL, NULL, NULL };
	int status = ADMIN_FAILED;

	if (!admin_run(a, &sql_call, values, &s.call))
		return ADMIN_FAILED;
	if (rows_count(s.call) == 0) {
		admin_refuse("there is no call %s", a->args[0]);
	} else if (admin_run(a, &sql_attempts, values, &s.attempts) &&
	    admin_run(a, &sql_events, values, &s.events)) {
		print_call(a, &s);
		status = ADMIN_DONE;
	}
	rows_free(s.call);
	rows_free(s.attempts);
	rows_free(s.events);
	return status;
}

/* ---- cancel ---- */

static const struct statement sql_call_cancel = { "op_call_cancel",
	"SELECT fn.call_cancel(workspace_id, call_id) FROM calls WHERE call_id = $1", 1 };

static int
cancel(struct admin *a)
{
	const char *const values[] = { a->args[0] };
	struct rows *rows;
	bool known, done;

	if (!admin_run(a, &sql_call_cancel, values, &rows))
		return ADMIN_FAILED;
	known = rows_count(rows) > 0;
	done = known && rows_bool(rows, 0, 0);
	rows_free(rows);
	if (!known)
		return admin_refuse("there is no call %s", a->args[0]);
	if (!done)
		return admin_refuse("the call %s has ended already", a->args[0]);
	if (a->json)
		print_json(json_pack("{s:s, s:b}", "call_id", a->args[0], "cancelled", 1));
	else
		printf("cancelled %s\n", a->args[0]);
	return ADMIN_DONE;
}
