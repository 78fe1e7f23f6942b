/* booking.c: see booking.h. */
#include "domain/booking.h"

#include <string.h>

/* The public view of a booking. Its date is naive: no zone, as the venue said it. */
#define BOOKING_VIEW                                                                           \
	" b.booking_id, b.workspace_id AS customer_id, b.call_id, b.type, b.target_phone,"     \
	" b.venue_name, to_char(b.booking_date, 'YYYY-MM-DD\"T\"HH24:MI:SS') AS booking_date," \
	" b.guests, b.booking_holder_name, b.contact_phone, b.details,"                        \
	" fn.booking_status(b) AS status, b.language, b.refusal_reason,"                       \
	" fn.iso(b.created_at) AS created_at, fn.iso(b.updated_at) AS updated_at"

static const struct statement show = {
	"booking_show",
	"SELECT who.workspace_id, b.booking_id IS NOT NULL," BOOKING_VIEW
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" LEFT JOIN bookings b ON b.booking_id = fn.as_uuid($6) AND b.workspace_id = who.workspace_id",
	6,
};

enum rc
booking_show(
    struct db *db, const struct credential *who, const char *booking_id, struct rows **rows)
{
	const char *values[6] = { [5] = booking_id };

	return who_run_one(db, who, &show, values, rows);
}

static const struct statement list = {
	"booking_list",
	"SELECT who.workspace_id, true, x.* FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" LEFT JOIN LATERAL (SELECT" BOOKING_VIEW " FROM bookings b"
	" WHERE b.workspace_id = who.workspace_id"
	" AND ($6::text IS NULL OR fn.booking_status(b) = $6::booking_status)"
	" ORDER BY b.created_at DESC, b.booking_id DESC LIMIT $7) x ON true",
	7,
};

enum rc
booking_list(struct db *db, const struct credential *who, const char *status, int64_t limit,
    struct rows **rows)
{
	char number[24];
	const char *values[7] = { [5] = status, [6] = db_int(limit, number) };

	return who_run_one(db, who, &list, values, rows);
}

/* Columns from this one on are named as a brief names them (domain/manifest.c knows their bounds). */
#define FIND_FIRST_VALUE 5

static const struct statement find = {
	"booking_find",
	"SELECT who.workspace_id, b.booking_id IS NOT NULL, b.target_phone, b.language,"
	" fn.booking_status(b), b.booking_holder_name,"
	" to_char(b.booking_date, 'YYYY-MM-DD') AS booking_date,"
	" CASE WHEN b.has_time THEN to_char(b.booking_date, 'HH24:MI') END AS booking_time,"
	" b.guests, b.venue_name"
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" LEFT JOIN bookings b ON b.booking_id = fn.as_uuid($6) AND b.workspace_id = who.workspace_id",
	6,
};

static void
release_json(void *value)
{
	json_decref(value);
}

enum rc
booking_find(struct db *db, struct arena *a, const struct credential *who, const char *booking_id,
    struct booking *booking)
{
	const char *values[6] = { [5] = booking_id };
	struct rows *rows;
	enum rc rc = who_run_one(db, who, &find, values, &rows);

	if (rc != RC_OK)
		return rc;
	booking->target_phone = arena_strdup(a, rows_text(rows, 0, 2));
	booking->language = arena_strdup(a, rows_text(rows, 0, 3));
	booking->status = arena_strdup(a, rows_text(rows, 0, 4));
	booking->values = json_object();
	arena_on_free(a, release_json, booking->values);
	for (int i = FIND_FIRST_VALUE; i < rows_columns(rows); i++)
		if (rows_text(rows, 0, i) != NULL)
			(void)json_object_set_new(booking->values, rows_name(rows, i),
			    json_string(rows_text(rows, 0, i)));
	rows_free(rows);
	return RC_OK;
}
