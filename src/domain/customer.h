/* customer.h: a workspace as its own keys see it: profile, quota, limits. */
#ifndef DOMAIN_CUSTOMER_H
#define DOMAIN_CUSTOMER_H

#include <stdint.h>

#include "auth/who.h"
#include "base/err.h"
#include "db/db.h"

/* One row; columns from CUSTOMER_FIRST_COLUMN on are the fields of the profile, in its order
 * (api/users.c). default_cap: calls.default_max_concurrent. */
#define CUSTOMER_FIRST_COLUMN 1
enum rc customer_profile(struct db *db, const struct credential *who, int64_t default_cap,
    struct rows **rows) MUST_CHECK;

/* Sets the cap on calls in flight. */
enum rc customer_set_cap(struct db *db, const struct credential *who, int64_t cap) MUST_CHECK;

#endif
