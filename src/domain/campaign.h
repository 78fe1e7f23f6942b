/*
 * campaign.h: campaigns as their owner sees and stops them. How they are accepted and cancelled is
 * task.h's; the rules stand in sql/functions/16_campaigns.sql.
 */
#ifndef DOMAIN_CAMPAIGN_H
#define DOMAIN_CAMPAIGN_H

#include "auth/who.h"
#include "db/db.h"

/* Rows whose columns from CAMPAIGN_FIRST_COLUMN on are the fields of a campaign, in their order
 * (api/campaigns.c). */
#define CAMPAIGN_FIRST_COLUMN 2

/* Newest first, behind the one with that id (or NULL), at most limit. NULL there in the only row when
 * there are none. */
enum rc campaign_list(struct db *db, const struct credential *who, const char *after, int64_t limit,
    struct rows **rows) MUST_CHECK;

/* One row. RC_NOT_FOUND alike for none and another's. */
enum rc campaign_show(struct db *db, const struct credential *who, const char *campaign_id,
    struct rows **rows) MUST_CHECK;

/* Pauses or resumes one, also when it is so already. RC_NOT_FOUND; RC_CONFLICT: it is over. */
enum rc campaign_pause(
    struct db *db, const struct credential *who, const char *campaign_id, bool pause) MUST_CHECK;

#endif
