/*
 * events.h: calls and their events in a test's own database, for those who read them.
 */
#ifndef UNIT_STREAM_EVENTS_H
#define UNIT_STREAM_EVENTS_H

#include <stdint.h>

#include "db/db.h"

/* Brings the database to our schema, with a customer. */
void events_schema(struct db *db);
/* A call that waits, with its first event. call_id: 26 characters behind "call_". */
void events_call(struct db *db, const char *call_id);
/* So many events more, in one transaction. data is a JSON object without a quote of SQL. */
void events_add(struct db *db, const char *call_id, int count, const char *type, const char *data);

#endif
