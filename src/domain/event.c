/* event.c: see event.h. */
#include "domain/event.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

bool
call_event_read(const struct rows *rows, int row, int first_column, struct call_event *event)
{
	if (rows_text(rows, row, first_column) == NULL)
		return false;
	event->event_id = rows_int(rows, row, first_column);
	event->call_id = rows_text(rows, row, first_column + 1);
	event->event_type = rows_text(rows, row, first_column + 2);
	event->created_at = rows_text(rows, row, first_column + 3);
	event->data = rows_text(rows, row, first_column + 4);
	return true;
}

/* JSON text has line ends between its tokens alone, where a blank is as good. */
static void
add_on_one_line(struct buf *out, const char *json)
{
	for (;;) {
		size_t len = strcspn(json, "\r\n");

		buf_add(out, json, len);
		if (json[len] == '\0')
			return;
		buf_puts(out, " ");
		json += len + 1;
	}
}

/* Ids, types and times are of our own making and hold nothing that JSON would escape; data is of
 * the database's type json, which holds nothing else. */
void
call_event_body(const struct call_event *event, struct buf *out)
{
	buf_printf(out,
	    "{\"event_id\": %" PRId64 ", \"call_id\": \"%s\", \"event_type\": \"%s\","
	    " \"created_at\": \"%s\", \"data\": ",
	    event->event_id, event->call_id, event->event_type, event->created_at);
	add_on_one_line(out, event->data);
	buf_puts(out, "}");
}

static const struct statement last_seq = {
	"event_last_seq",
	"SELECT last_value FROM call_event_seq",
	0,
};

enum rc
call_event_last_seq(struct db *db, int64_t *seq)
{
	struct rows *rows;
	enum rc rc = db_run(db, &last_seq, NULL, &rows);

	if (rc != RC_OK)
		return rc;
	*seq = rows_int(rows, 0, 0);
	rows_free(rows);
	return RC_OK;
}

#define EVENT_COLUMNS \
	" e.event_id, e.call_id, e.event_type, fn.iso(e.created_at) AS created_at, e.data"

static const struct statement news = {
	"event_news",
	"(SELECT e.seq," EVENT_COLUMNS " FROM call_events e WHERE e.seq = ANY ($2::bigint[]))"
	" UNION ALL (SELECT e.seq," EVENT_COLUMNS " FROM call_events e WHERE e.seq > $1"
	" ORDER BY e.seq LIMIT 250) ORDER BY seq",
	2,
};

enum rc
call_event_news(struct db *db, int64_t after, const char *missing, struct rows **rows)
{
	char number[24];
	const char *values[] = { db_int(after, number), missing };

	return db_run(db, &news, values, rows);
}

static const struct statement replay = {
	"event_replay",
	"SELECT call_is_final(c.status)," EVENT_COLUMNS
	" FROM calls c LEFT JOIN LATERAL (SELECT x.* FROM call_events x"
	" WHERE x.call_id = c.call_id AND x.event_id > $2 ORDER BY x.event_id LIMIT $3) e ON true"
	" WHERE c.call_id = $1 ORDER BY e.event_id",
	3,
};

enum rc
call_event_replay(struct db *db, const char *call_id, int64_t after, int limit, struct rows **rows)
{
	char from[24], most[24];
	const char *values[] = { call_id, db_int(after, from), db_int(limit, most) };

	return db_run(db, &replay, values, rows);
}

static const struct statement stand = {
	"event_stand",
	"SELECT x.call_id, coalesce(c.event_count, 0), fn.call_settled(x.call_id)"
	" FROM unnest($1::text[]) x (call_id) LEFT JOIN calls c ON c.call_id = x.call_id",
	1,
};

enum rc
call_event_stand(struct db *db, const char *calls, struct rows **rows)
{
	const char *values[] = { calls };

	return db_run(db, &stand, values, rows);
}
