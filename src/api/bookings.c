/* bookings.c: list and show bookings over HTTP. The rules are in domain/booking.h. */
#include <string.h>

#include "api/routes.h"
#include "domain/booking.h"

static enum rc list(struct ask *);
static enum rc show(struct ask *);

static const struct field list_fields[] = {
	{ "status", FIELD_TEXT, .nullable = true, .title = "Status", .example = "\"active\"",
	    .help = "Filter by booking status. One of: active, pending_user_confirm, past,"
		    " cancelled. Omit to return bookings regardless of status." },
	{ "limit", FIELD_INT, .min = 1, .max = 100, .absent = "20", .title = "Limit",
	    .example = "5" },
	{ .name = NULL },
};

static const struct route_answer list_answers[] = {
	{ 200, "Successful Response", "[]BookingDTO" },
	{ 400, "No such status; the message names those that there are.", "Error" },
	{ 422, "Validation Error", "HTTPValidationError" },
	{ 0 },
};
static const struct route_answer show_answers[] = {
	{ 200, "Successful Response", "BookingDTO" },
	{ 404, "No such booking, or another customer's.", "Error" },
	{ 0 },
};

const struct route booking_routes[] = {
	{ "GET", "/v1/booking/bookings", list, .query = list_fields, .tag = "bookings",
	    .operation = "list_bookings_v1_booking_bookings_get",
	    .summary = "List the customer's bookings (most recent first)",
	    .answers = list_answers },
	{ "GET", "/v1/booking/bookings/{booking_id}", show, .tag = "bookings",
	    .operation = "get_booking_v1_booking_bookings__booking_id__get",
	    .summary = "Get a single booking by id", .answers = show_answers },
	{ .method = NULL },
};

/* The public view of a booking: the columns of booking_show(), in their order. */
static const struct shape booking_shape[] = {
	{ "booking_id", SHAPE_TEXT, .title = "Booking Id",
	    .help = "UUID assigned at booking creation." },
	{ "customer_id", SHAPE_TEXT, .title = "Customer Id",
	    .help = "The customer that owns this booking." },
	{ "call_id", SHAPE_TEXT, .nullable = true, .optional = true, .title = "Call Id",
	    .help = "The call that produced this booking; null once that was removed." },
	{ "type", SHAPE_CHOICE, .choices = BOOKING_TYPES, .component = "BookingType",
	    .help = "Booking category." },
	{ "target_phone", SHAPE_TEXT, .title = "Target Phone", .help = "Phone the bot called." },
	{ "venue_name", SHAPE_TEXT, .nullable = true, .optional = true, .title = "Venue Name" },
	{ "booking_date", SHAPE_TIME, .nullable = true, .optional = true, .title = "Booking Date",
	    .help = "Combined date + time of the reservation (UTC, naive)." },
	{ "guests", SHAPE_INT, .nullable = true, .optional = true, .title = "Guests" },
	{ "booking_holder_name", SHAPE_TEXT, .nullable = true, .optional = true,
	    .title = "Booking Holder Name" },
	{ "contact_phone", SHAPE_TEXT, .nullable = true, .optional = true,
	    .title = "Contact Phone" },
	{ "details", SHAPE_TEXT, .nullable = true, .optional = true, .title = "Details" },
	{ "status", SHAPE_CHOICE, .choices = BOOKING_STATUSES, .component = "BookingStatus",
	    .help = "Booking lifecycle state." },
	{ "language", SHAPE_TEXT, .title = "Language" },
	{ "refusal_reason", SHAPE_TEXT, .nullable = true, .optional = true,
	    .title = "Refusal Reason",
	    .help = "When status indicates refusal, the reason returned by the venue (e.g. 'closed"
		    " today', 'fully booked')." },
	{ "created_at", SHAPE_TIME, .title = "Created At" },
	{ "updated_at", SHAPE_TIME, .title = "Updated At" },
	{ .name = NULL },
};

const struct named_schema booking_schemas[] = {
	{ "BookingDTO", booking_shape, NULL,
	    "Public read view of a customer-owned booking. Use the call's transcript endpoint for raw"
	    " conversation data." },
	{ .name = NULL },
};

/* Whether s is one of "a|b|c". */
static bool
is_status(const char *s)
{
	const char *at = BOOKING_STATUSES;

	for (size_t len; *at != '\0'; at += len + (at[len] == '|')) {
		len = strcspn(at, "|");
		if (strlen(s) == len && strncmp(at, s, len) == 0)
			return true;
	}
	return false;
}

static enum rc
list(struct ask *ask)
{
	const char *status = input_text(&ask->query, "status");
	struct rows *rows;
	enum rc rc;

	if (status != NULL && !is_status(status)) {
		resp_detail(ask->resp, 400,
		    "status must be one of: active, pending_user_confirm, past, cancelled");
		return RC_INVALID;
	}
	rc = booking_list(ask->db, &ask->who, status, input_int(&ask->query, "limit"), &rows);
	if (rc != RC_OK)
		return rc;
	resp_json(ask->resp, 200, ask_rows(booking_shape, rows, BOOKING_FIRST_COLUMN));
	rows_free(rows);
	return RC_OK;
}

static enum rc
show(struct ask *ask)
{
	struct rows *rows;
	enum rc rc = booking_show(ask->db, &ask->who, ask_path(ask, "booking_id"), &rows);

	if (rc != RC_OK)
		return rc;
	resp_json(ask->resp, 200, ask_row(booking_shape, rows, 0, BOOKING_FIRST_COLUMN));
	rows_free(rows);
	return RC_OK;
}
