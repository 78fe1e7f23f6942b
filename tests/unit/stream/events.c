/* events.c: see events.h. */
#include "unit/stream/events.h"

#include <stdio.h>

#include "base/mem.h"
#include "unit/database.h"

void
events_schema(struct db *db)
{
	database_migrate(db);
	database_script(db, "SELECT fn.workspace_create('ws1', 'default', 'w', 1000, 10)");
}

void
events_call(struct db *db, const char *call_id)
{
	struct arena *a = arena_new();

	database_script(db,
	    arena_printf(a,
		"INSERT INTO calls (call_id, workspace_id, task_id, status, direct, target_phone, brief, language, kind,"
		" ask_user_mode, machine_detection, credits_reserved, price_cents) VALUES ('%s', 'ws1', 'task_1', 'queued',"
		" false, '+12025550123', 'b', 'en', 'other', 'any', 'off', 0, 0);"
		"INSERT INTO call_events (call_id, event_id, workspace_id, event_type, data) VALUES ('%s', 1, 'ws1',"
		" 'status_change', '{}')",
		call_id, call_id));
	arena_free(a);
}

void
events_add(struct db *db, const char *call_id, int count, const char *type, const char *data)
{
	struct arena *a = arena_new();

	database_script(db,
	    arena_printf(a, "SELECT fn.event_add('%s', '%s', '%s') FROM generate_series(1, %d)",
		call_id, type, data, count));
	arena_free(a);
}
