/* call.c: see call.h. */
#include "domain/call.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

void
call_wish_init(struct call_wish *wish)
{
	memset(wish, 0, sizeof *wish);
	id_make(wish->call_id, "call_");
	id_make(wish->task_id, "task_");
}

static const struct {
	const char *result;
	enum rc rc;
	enum call_refusal refusal;
} results[] = {
	{ "accepted", RC_OK, CALL_ACCEPTED },
	{ "replay", RC_OK, CALL_REPLAY },
	{ "past", RC_OK, CALL_PAST },
	{ "conflict", RC_OK, CALL_KEY_CONFLICT },
	{ "in_progress", RC_OK, CALL_KEY_RUNNING },
	{ "state_unknown", RC_OK, CALL_KEY_UNKNOWN },
	{ "maintenance", RC_OK, CALL_MAINTENANCE },
	{ "barred", RC_OK, CALL_BARRED },
	{ "no_credit", RC_OK, CALL_NO_CREDIT },
	{ "at_cap", RC_OK, CALL_AT_CAP },
	{ "unauthenticated", RC_UNAUTHENTICATED, CALL_ACCEPTED },
	{ "workspace_missing", RC_NO_WORKSPACE, CALL_ACCEPTED },
	{ "workspace_unknown", RC_NOT_FOUND, CALL_ACCEPTED },
};

enum rc
call_result(const char *result, enum call_refusal *refusal)
{
	for (size_t i = 0; result != NULL && i < sizeof results / sizeof results[0]; i++) {
		if (strcmp(results[i].result, result) != 0)
			continue;
		*refusal = results[i].refusal;
		return results[i].rc;
	}
	log_error("accepting a call came to something that is no result");
	return RC_BROKEN;
}

enum rc
call_acceptance_read(struct db *db, struct arena *a, const struct statement *statement,
    const char *values[], struct call_acceptance *acceptance)
{
	struct rows *rows;
	enum rc rc = db_run(db, statement, values, &rows);

	if (rc != RC_OK)
		return rc;
	rc = call_result(rows_text(rows, 0, 0), &acceptance->refusal);
	if (rc == RC_OK) {
		acceptance->workspace_id = rows_copy(a, rows, 0, 1);
		acceptance->status = (int)rows_int(rows, 0, 2);
		acceptance->body = rows_copy(a, rows, 0, 3);
	}
	rows_free(rows);
	return rc;
}

static const struct statement foretell = {
	"call_foretell",
	"SELECT result, workspace_id, status, body FROM fn.call_foretell($1::bytea, $2, $3, $4, $5,"
	" $6, $7, $8::bytea, $9)",
	9,
};

enum rc
call_foretell(struct db *db, struct arena *a, const struct credential *who,
    const struct call_wish *wish, struct call_acceptance *acceptance)
{
	char credits[24];
	const char *values[9] = {
		[5] = wish->idem_key,
		[6] = wish->idem_route,
		[7] = wish->idem_fingerprint,
		[8] = db_int(wish->credits, credits),
	};

	who_params(who, values);
	return call_acceptance_read(db, a, &foretell, values, acceptance);
}

static const struct statement dial_state = {
	"call_dial_state",
	"SELECT c.status, a.answer, c.call_sid, c.outcome_summary, call_is_final(c.status)"
	" FROM calls c LEFT JOIN attempts a ON a.attempt_id = c.attempt_id"
	" AND a.workspace_id = c.workspace_id WHERE c.call_id = $1",
	1,
};

enum rc
call_dial_state(struct db *db, struct arena *a, const char *call_id, struct call_dial *dial)
{
	const char *values[] = { call_id };
	const char *answer, *sid, *summary;
	struct rows *rows;
	enum rc rc = db_run(db, &dial_state, values, &rows);

	if (rc != RC_OK)
		return rc;
	answer = rows_text(rows, 0, 1);
	sid = rows_text(rows, 0, 2);
	summary = rows_text(rows, 0, 3);
	dial->status = arena_strdup(a, rows_text(rows, 0, 0));
	dial->call_sid = sid == NULL ? NULL : arena_strdup(a, sid);
	dial->reason = arena_strdup(a, summary == NULL ? "" : summary);
	dial->state = CALL_DIAL_WAITS;
	if (answer != NULL && strcmp(answer, "accepted") == 0)
		dial->state = CALL_DIALED;
	else if (answer != NULL && strcmp(answer, "unknown") == 0)
		dial->state = CALL_DIAL_LOST;
	else if (rows_bool(rows, 0, 4))
		dial->state = CALL_DIAL_FAILED;
	rows_free(rows);
	return RC_OK;
}

static const struct statement answer_store = {
	"call_answer_store",
	"UPDATE idempotency_keys SET status = $5, body = $6"
	" WHERE workspace_id = $1 AND route = $2 AND key = $3 AND call_id = $4 AND status IS NULL",
	6,
};

enum rc
call_answer_store(struct db *db, const char *workspace_id, const struct call_wish *wish, int status,
    const char *body)
{
	char number[24];
	const char *values[] = { workspace_id, wish->idem_route, wish->idem_key, wish->call_id,
		db_int(status, number), body };

	return db_run(db, &answer_store, values, NULL);
}

/* The public view of a call, but for the fields that a list leaves out. */
#define CALL_VIEW                                                                                    \
	" c.call_id, c.workspace_id AS customer_id, c.task_id, c.target_phone, c.language,"          \
	" c.status, c.call_sid, fn.iso(c.started_at) AS started_at, fn.iso(c.ended_at) AS ended_at," \
	" c.duration_sec, c.outcome_type, CASE WHEN call_is_final(c.status)"                         \
	" THEN c.outcome_summary END AS outcome_summary, c.charge_cents AS outcome_charge_cents,"    \
	" fn.iso(c.created_at) AS created_at, coalesce(r.state = 'stored', false) AS has_recording," \
	" CASE WHEN r.state = 'stored' THEN '/calls/' || c.call_id || '/recording' END"              \
	" AS recording_url, NULL AS reservation_signals, c.metadata"

static const struct statement show = {
	"call_show",
	"SELECT who.workspace_id, c.call_id IS NOT NULL," CALL_VIEW ","
	" (SELECT coalesce(json_agg(json_build_object('role', e.data->'role', 'text', e.data->'text',"
	" 'at_ms', e.data->'at_ms', 'at', fn.iso(e.created_at)) ORDER BY e.event_id), '[]')"
	" FROM call_events e WHERE e.call_id = c.call_id AND e.event_type = 'transcript')"
	" AS transcript_full, (SELECT json_agg(json_build_object('decision',"
	" e.data->'decision', 'text', e.data->'text', 'at', fn.iso(e.created_at)) ORDER BY e.event_id)"
	" FROM call_events e WHERE e.call_id = c.call_id AND e.event_type = 'supervisor')"
	" AS supervisor_decisions"
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" LEFT JOIN calls c ON c.call_id = $6 AND c.workspace_id = who.workspace_id"
	" LEFT JOIN recordings r ON r.call_id = c.call_id AND r.workspace_id = c.workspace_id",
	6,
};

enum rc
call_show(struct db *db, const struct credential *who, const char *call_id, struct rows **rows)
{
	const char *values[6] = { [5] = call_id };

	return who_run_one(db, who, &show, values, rows);
}

/* With a status and without are two statements: a plan that serves both would look at every call. */
#define LIST(in_status)                                                                                  \
	"SELECT who.workspace_id, $8::text IS NULL OR b.call_id IS NOT NULL, x.*"                        \
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who"                                                 \
	" LEFT JOIN calls b ON b.call_id = $8 AND b.workspace_id = who.workspace_id"                     \
	" LEFT JOIN LATERAL (SELECT" CALL_VIEW " FROM calls c"                                           \
	" LEFT JOIN recordings r ON r.call_id = c.call_id AND r.workspace_id = c.workspace_id"           \
	" WHERE c.workspace_id = who.workspace_id" in_status                                             \
	" AND c.created_at >= coalesce($7::timestamptz, '-infinity')"                                    \
	" AND (c.created_at, c.call_id) < (coalesce(b.created_at, 'infinity'), coalesce(b.call_id, ''))" \
	" ORDER BY c.created_at DESC, c.call_id DESC LIMIT $6) x ON true"

static const struct statement list = { "call_list", LIST(""), 8 };
static const struct statement list_in_status = {
	"call_list_in_status",
	LIST(" AND c.status = $9::call_status"),
	9,
};

enum rc
call_list(struct db *db, const struct credential *who, const struct call_filter *filter,
    bool *known, struct rows **rows)
{
	char limit[24];
	const char *values[9] = { [5] = db_int(filter->limit, limit),
		[6] = filter->since,
		[7] = filter->before,
		[8] = filter->status };
	enum rc rc;

	who_params(who, values);
	rc = db_run(db, filter->status == NULL ? &list : &list_in_status, values, rows);
	if (rc != RC_OK)
		return rc;
	rc = who_result(who, *rows);
	if (rc == RC_OK)
		*known = rows_bool(*rows, 0, 1);
	else
		rows_free(*rows);
	return rc;
}

static const struct statement owned = {
	"call_owned",
	"SELECT who.workspace_id, c.call_id IS NOT NULL"
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" LEFT JOIN calls c ON c.call_id = $6 AND c.workspace_id = who.workspace_id",
	6,
};

enum rc
call_owned(struct db *db, const struct credential *who, const char *call_id)
{
	const char *values[6] = { [5] = call_id };
	struct rows *rows;
	enum rc rc = who_run_one(db, who, &owned, values, &rows);

	if (rc == RC_OK)
		rows_free(rows);
	return rc;
}

static const struct statement events = {
	"call_events",
	"SELECT who.workspace_id, c.call_id IS NOT NULL, e.event_id, e.call_id, e.event_type,"
	" fn.iso(e.created_at) AS created_at, e.data"
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" LEFT JOIN calls c ON c.call_id = $6 AND c.workspace_id = who.workspace_id"
	" LEFT JOIN call_events e ON e.call_id = c.call_id AND e.event_id > $7"
	" ORDER BY e.event_id LIMIT 10000",
	7,
};

enum rc
call_events(struct db *db, const struct credential *who, const char *call_id, int64_t after,
    struct rows **rows)
{
	char number[24];
	const char *values[7] = { [5] = call_id, [6] = db_int(after, number) };

	return who_run_one(db, who, &events, values, rows);
}

static const struct statement why = {
	"call_why",
	"SELECT who.workspace_id, c.call_id IS NOT NULL, c.call_id, c.status, h.reason,"
	" fn.iso(h.until) AS until"
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" LEFT JOIN calls c ON c.call_id = $6 AND c.workspace_id = who.workspace_id"
	" LEFT JOIN LATERAL fn.call_holds(c, $7) h ON true",
	7,
};

enum rc
call_why(struct db *db, const struct credential *who, const char *call_id, int64_t default_cap,
    struct rows **rows)
{
	char cap[24];
	const char *values[7] = { [5] = call_id, [6] = db_int(default_cap, cap) };

	return who_run_one(db, who, &why, values, rows);
}

static const struct statement cancel = {
	"call_cancel",
	"SELECT who.workspace_id, coalesce(fn.call_cancel(who.workspace_id, $6), false)"
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who",
	6,
};

enum rc
call_cancel(struct db *db, const struct credential *who, const char *call_id, bool *cancelled)
{
	const char *values[6] = { [5] = call_id };
	struct rows *rows;
	enum rc rc;

	who_params(who, values);
	rc = db_run(db, &cancel, values, &rows);
	if (rc != RC_OK)
		return rc;
	rc = who_result(who, rows);
	if (rc == RC_NOT_FOUND) /* a workspace out of reach holds no call that could be cancelled */
		rc = RC_OK;
	*cancelled = rc == RC_OK && rows_bool(rows, 0, 1);
	rows_free(rows);
	return rc;
}
