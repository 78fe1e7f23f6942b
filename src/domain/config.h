/*
 * config.h: the configuration of the levels of the tree. A level is a scope (platform, partner,
 * organization, workspace) and an id, "default" for the platform. What each may say is the catalogue's
 * (domain/setting.h); which level decides, and who may ask, is sql/functions/01_settings.sql's.
 */
#ifndef DOMAIN_CONFIG_H
#define DOMAIN_CONFIG_H

#include <jansson.h>
#include <stdbool.h>

#include "auth/who.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/db.h"

struct config_level {
	const char *scope, *id;
};

/*
 * What a level itself sets, as nested objects: a new reference. Secrets are cut to their last four
 * characters. RC_FORBIDDEN when it is not the caller's to see, RC_NOT_FOUND when there is none and the
 * caller would reach it.
 */
enum rc config_own(struct db *db, struct arena *a, const struct credential *who,
    const struct config_level *level, json_t **document) MUST_CHECK;

/*
 * What holds at a level, defaults included; and by path where each value comes from: "SCOPE/ID", or
 * "default". Two new references; results as of config_own().
 */
enum rc config_effective(struct db *db, struct arena *a, const struct credential *who,
    const struct config_level *level, json_t **document, json_t **sources) MUST_CHECK;

/* Sets what setting_patch() made, all of it or nothing. Results as of config_own(). */
enum rc config_change(struct db *db, const struct credential *who, const struct config_level *level,
    json_t *leaves) MUST_CHECK;

#endif
