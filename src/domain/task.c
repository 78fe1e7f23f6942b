/* task.c: see task.h. */
#include "domain/task.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "phone/zones.h"

#define ZONES_MAX (4 << 20)  /* many times what the table holds */
#define LIST_MAX (512 << 10) /* ten thousand ids of 31 characters fit */

/* Appends an element that needs no quoting to an array literal. */
static void
append(struct buf *list, const char *element)
{
	buf_printf(list, "%s%s", list->len == 0 ? "{" : ",", element);
}

/* The numbers that were met more than once, as JSON. */
static const char *
repeated(struct arena *a, json_t *seen)
{
	json_t *list = json_array(), *times;
	const char *number, *copy = NULL;
	char *text;

	json_object_foreach(seen, number, times)
	{
		if (json_integer_value(times) > 1)
			(void)json_array_append_new(list, json_string(number));
	}
	if (json_array_size(list) > 0) {
		text = json_dumps(list, JSON_COMPACT);
		copy = arena_strdup(a, text);
		free(text);
	}
	json_decref(list);
	return copy;
}

void
task_numbers(struct task_wish *task, struct arena *a, const json_t *numbers)
{
	json_t *seen = json_object(), *item;
	struct buf calls, phones;
	size_t i;

	buf_init(&calls, LIST_MAX);
	buf_init(&phones, LIST_MAX);
	json_array_foreach(numbers, i, item)
	{
		const char *number = json_string_value(item);
		json_int_t times = json_integer_value(json_object_get(seen, number));
		char call_id[ID_SIZE];

		(void)json_object_set_new(seen, number, json_integer(times + 1));
		if (times > 0)
			continue;
		id_make(call_id, "call_");
		append(&calls, call_id);
		append(&phones, number);
	}
	task->count = (int64_t)json_object_size(seen);
	task->calls = arena_printf(a, "%s}", calls.data);
	task->phones = arena_printf(a, "%s}", phones.data);
	task->duplicates = repeated(a, seen);
	buf_free(&calls);
	buf_free(&phones);
	json_decref(seen);
}

void
task_zones(struct task_wish *task, struct arena *a)
{
	json_t *known = json_object(); /* sets of zones, by their number */
	struct buf sets, of;
	const char *phone = task->phones + 1;

	buf_init(&sets, ZONES_MAX);
	buf_init(&of, LIST_MAX);
	for (int64_t i = 0; i < task->count; i++) {
		size_t len = strcspn(phone, ",}");
		const char *zones = phone_zones(arena_strndup(a, phone, len));
		json_int_t number = 0;

		if (zones != NULL) {
			number = json_integer_value(json_object_get(known, zones));
			if (number == 0) {
				number = (json_int_t)json_object_size(known) + 1;
				(void)json_object_set_new(known, zones, json_integer(number));
				append(&sets, arena_printf(a, "\"%s\"", zones));
			}
		}
		append(&of, arena_printf(a, "%d", (int)number));
		phone += len + 1;
	}
	task->zone_sets = arena_printf(a, "%s}", sets.len > 0 ? sets.data : "{");
	task->zone_of = arena_printf(a, "%s}", of.data);
	buf_free(&sets);
	buf_free(&of);
	json_decref(known);
}

static const struct statement accept_task = {
	"task_accept",
	"SELECT result, workspace_id, status, body FROM fn.task_accept($1::bytea, $2, $3, $4, $5,"
	" $6, $7, $8::bytea, $9, $10::task_kind, $11::text[], $12::text[], $13, $14, $15::json,"
	" $16::json, $17, $18, $19, $20::smallint, $21, $22::timestamptz, $23, $24, $25, $26, $27,"
	" $28, $29, $30, $31, $32, $33, $34::call_outcome[], $35::time, $36::time, $37::smallint[],"
	" $38, $39::json, $40, $41::text[], $42::integer[])",
	42,
};

enum rc
task_accept(struct db *db, struct arena *a, const struct credential *who,
    const struct call_wish *wish, const struct task_wish *task, struct call_acceptance *acceptance)
{
	char rank[24], delay[24], spacing[24], most[24], credits[24], price[24], minutes[24],
	    retries[24], after[24];
	const char *values[42] = {
		[5] = wish->idem_key,
		[6] = wish->idem_route,
		[7] = wish->idem_fingerprint,
		[8] = wish->task_id,
		[9] = task->kind,
		[10] = task->calls,
		[11] = task->phones,
		[12] = wish->brief,
		[13] = wish->language,
		[14] = wish->metadata,
		[15] = task->duplicates,
		[16] = task->from_number,
		[17] = task->webhook_url,
		[18] = task->status_callback_url,
		[19] = db_int(task->rank, rank),
		[20] = task->lane,
		[21] = task->starts_at,
		[22] = db_int(task->delay_s, delay),
		[23] = db_int(task->spacing_s, spacing),
		[24] = task->max_concurrent > 0 ? db_int(task->max_concurrent, most) : NULL,
		[25] = db_int(wish->credits, credits),
		[26] = db_int(wish->price_cents, price),
		[27] = task->message,
		[28] = task->minutes > 0 ? db_int(task->minutes, minutes) : NULL,
		[29] = task->note,
		[30] = task->name,
		[31] = db_int(task->retry_max, retries),
		[32] = task->retry_max > 0 ? db_int(task->retry_after_s, after) : NULL,
		[33] = task->retry_on,
		[34] = task->window_from,
		[35] = task->window_to,
		[36] = task->window_days,
		[37] = task->zone,
		[38] = task->each,
		[39] = task->more,
		[40] = task->zone_sets,
		[41] = task->zone_of,
	};

	who_params(who, values);
	return call_acceptance_read(db, a, &accept_task, values, acceptance);
}

static const struct statement show = {
	"task_show",
	"SELECT who.workspace_id, t.task_id IS NOT NULL, t.task_id, t.status, t.progress, t.message,"
	" t.result, t.error, t.created_at, t.updated_at"
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" LEFT JOIN LATERAL fn.task_show(who.workspace_id, $6, true) t ON true",
	6,
};

enum rc
task_show(struct db *db, const struct credential *who, const char *task_id, struct rows **rows)
{
	const char *values[6] = { [5] = task_id };

	return who_run_one(db, who, &show, values, rows);
}

static const struct statement active = {
	"task_active",
	"SELECT who.workspace_id, true, t.task_id, t.status, t.progress, t.message, t.total_calls,"
	" t.created_at, t.updated_at FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" LEFT JOIN LATERAL (SELECT s.*, a.n"
	" FROM fn.tasks_active(who.workspace_id, $6) WITH ORDINALITY AS a (task_id, n)"
	" CROSS JOIN LATERAL fn.task_show(who.workspace_id, a.task_id, false) s) t ON true"
	" ORDER BY t.n",
	6,
};

enum rc
task_active(struct db *db, const struct credential *who, int64_t limit, struct rows **rows)
{
	char number[24];
	const char *values[6] = { [5] = db_int(limit, number) };

	return who_run(db, who, &active, values, rows);
}

static const struct statement cancel = {
	"task_cancel",
	"SELECT who.workspace_id, coalesce(fn.task_cancel(who.workspace_id, $6), false)"
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who",
	6,
};

enum rc
task_cancel(struct db *db, const struct credential *who, const char *task_id, bool *cancelled)
{
	const char *values[6] = { [5] = task_id };
	struct rows *rows;
	enum rc rc;

	who_params(who, values);
	rc = db_run(db, &cancel, values, &rows);
	if (rc != RC_OK)
		return rc;
	rc = who_result(who, rows);
	*cancelled = rc == RC_OK && rows_bool(rows, 0, 1);
	rows_free(rows);
	return rc;
}

static const struct statement health_of = {
	"task_health",
	"SELECT alive, seen_at, answer, answer_at FROM fn.task_health()",
	0,
};

enum rc
task_health(struct db *db, struct arena *a, struct task_health *health)
{
	struct rows *rows;
	enum rc rc = db_run(db, &health_of, NULL, &rows);

	if (rc != RC_OK)
		return rc;
	*health = (struct task_health){ rows_bool(rows, 0, 0), rows_copy(a, rows, 0, 1),
		rows_copy(a, rows, 0, 2), rows_copy(a, rows, 0, 3) };
	rows_free(rows);
	return RC_OK;
}
