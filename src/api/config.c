/* config.c: the configuration of the levels of the tree. The rules are in domain/config.h. */
#include "domain/config.h"

#include "api/routes.h"
#include "domain/setting.h"

static enum rc show(struct ask *);
static enum rc change(struct ask *);

static const struct field show_fields[] = {
	{ "effective", FIELD_BOOL, .absent = "false", .title = "Effective",
	    .help =
		"What holds there: the level's own settings, then those of each level above, then"
		" the defaults; and under sources where each value comes from." },
	{ .name = NULL },
};

/* The catalogue says what a patch may hold. */
static const struct field change_fields[] = {
	{ .name = NULL },
};

#define FORBIDDEN                                                                                  \
	{                                                                                          \
		403,                                                                               \
		    "Neither the key's own level nor one below it; the platform's is for admins.", \
		    "Error"                                                                        \
	}
#define UNKNOWN                                                                     \
	{                                                                           \
		404, "There is no such level, for a key that reaches all.", "Error" \
	}

static const struct route_answer show_answers[] = {
	{ 200, "The settings of the level, or what holds there.", "Config|EffectiveConfig" },
	{ 400, "effective is not true or false.", "Error" },
	FORBIDDEN,
	UNKNOWN,
	{ 0 },
};
static const struct route_answer change_answers[] = {
	{ 200, "The level's own settings as they are now.", "Config" },
	{ 400, "No setting, or not as it must be: the sentence names it. Nothing was changed.",
	    "Error" },
	FORBIDDEN,
	UNKNOWN,
	{ 0 },
};

const struct route config_routes[] = {
	{ "GET", "/api/v1/config/{scope}/{id}", show, ROUTE_PLAIN | ROUTE_REACH_403,
	    .query = show_fields, .tag = "config", .operation = "config_get",
	    .summary = "The settings of a workspace, organization, partner or the platform",
	    .answers = show_answers },
	{ "PATCH", "/api/v1/config/{scope}/{id}", change, ROUTE_PLAIN | ROUTE_REACH_403,
	    .body = change_fields, .body_schema = "ConfigPatch", .tag = "config",
	    .operation = "config_patch", .summary = "Change settings by a JSON merge patch",
	    .answers = change_answers },
	{ .method = NULL },
};

static json_t *
config_schema(void)
{
	return setting_schema(false);
}

static json_t *
patch_schema(void)
{
	return setting_schema(true);
}

static json_t *
effective_schema(void)
{
	json_t *schema = setting_schema(false);
	json_t *sources = json_pack("{s:s, s:{s:s}, s:s}", "type", "object", "additionalProperties",
	    "type", "string", "description",
	    "By the path of a setting, such as processing.auto: SCOPE/ID of the level that sets it,"
	    " or default.");

	json_object_set_new(json_object_get(schema, "properties"), "sources", sources);
	json_object_set_new(schema, "required", json_pack("[s]", "sources"));
	return schema;
}

static const char config_example[] =
    "{\"processing\": {\"auto\": true, \"filters\": {\"min_duration_seconds\": 10}},"
    " \"email\": {\"recipients\": [\"office@example.com\"]}}";
static const char patch_example[] =
    "{\"processing\": {\"auto\": null, \"filters\": {\"min_duration_seconds\": 10}}}";

const struct made_schema config_schemas[] = {
	{ "Config", "What one level itself sets.", config_schema, config_example },
	{ "ConfigPatch", "A JSON merge patch (RFC 7396): null removes.", patch_schema,
	    patch_example },
	{ "EffectiveConfig", "What holds at a level, and where it comes from.", effective_schema,
	    NULL },
	{ .name = NULL },
};

static struct config_level
level_of(const struct ask *ask)
{
	return (struct config_level){ ask_path(ask, "scope"), ask_path(ask, "id") };
}

static enum rc
show(struct ask *ask)
{
	struct config_level level = level_of(ask);
	json_t *document, *sources;
	enum rc rc;

	if (!input_bool(&ask->query, "effective")) {
		rc = config_own(ask->db, ask->req->arena, &ask->who, &level, &document);
	} else {
		rc = config_effective(
		    ask->db, ask->req->arena, &ask->who, &level, &document, &sources);
		if (rc == RC_OK)
			json_object_set_new(document, "sources", sources);
	}
	if (rc == RC_OK)
		resp_json(ask->resp, 200, document);
	return rc;
}

static enum rc
change(struct ask *ask)
{
	struct config_level level = level_of(ask);
	const char *why;
	json_t *document, *leaves = setting_patch(ask->req->arena, ask->body.root, &why);
	enum rc rc;

	if (leaves == NULL) {
		resp_detail(ask->resp, 400, "%s", why);
		return RC_INVALID;
	}
	rc = config_change(ask->db, &ask->who, &level, ask_keep(ask, leaves));
	if (rc == RC_OK)
		rc = config_own(ask->db, ask->req->arena, &ask->who, &level, &document);
	if (rc == RC_OK)
		resp_json(ask->resp, 200, document);
	return rc;
}
