/*
 * booking.h: what a call has booked. Bookings are made, and cancelled, by the end of a call
 * (sql/functions/13_bookings.sql); here they are read.
 */
#ifndef DOMAIN_BOOKING_H
#define DOMAIN_BOOKING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "auth/who.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/db.h"

#define BOOKING_STATUSES "active|pending_user_confirm|past|cancelled"
#define BOOKING_TYPES "restaurant|doctor|hotel|other"

/* Rows whose columns from BOOKING_FIRST_COLUMN on are the fields of a booking, in their order
 * (api/bookings.c). RC_NOT_FOUND alike for none and another's. */
#define BOOKING_FIRST_COLUMN 2
enum rc booking_show(struct db *db, const struct credential *who, const char *booking_id,
    struct rows **rows) MUST_CHECK;

/* Newest first, at most limit; status may be NULL. A row without bookings has NULL in
 * BOOKING_FIRST_COLUMN. */
enum rc booking_list(struct db *db, const struct credential *who, const char *status, int64_t limit,
    struct rows **rows) MUST_CHECK;

/* What a call about a booking needs of it. Texts are in the arena. */
struct booking {
	const char *target_phone;
	const char *language;
	const char *status;
	json_t *values; /* what a brief may name (domain/manifest.c); owned by the arena */
};
/* RC_NOT_FOUND as above. */
enum rc booking_find(struct db *db, struct arena *a, const struct credential *who,
    const char *booking_id, struct booking *booking) MUST_CHECK;

#endif
