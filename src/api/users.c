/* users.c: a customer's own profile and limits. The rules are in domain/customer.h. */
#include "api/routes.h"
#include "domain/customer.h"

static enum rc me(struct ask *);
static enum rc set_limits(struct ask *);

static const struct field limits_fields[] = {
	{ "max_concurrent_calls", FIELD_INT, .required = true, .min = 1, .max = 100,
	    .title = "Max Concurrent Calls", .example = "5",
	    .help =
		"Maximum number of calls the customer can have in flight simultaneously. Defaults"
		" to 1. Calls counted as in-flight: scheduled / dialing / in_progress." },
	{ .name = NULL },
};

static const struct route_answer me_answers[] = {
	{ 200, "Successful Response", "MeDTO" },
	{ 0 },
};
static const struct route_answer limits_answers[] = {
	{ 200, "Successful Response", "LimitsResponse" },
	{ 422, "Validation Error", "HTTPValidationError" },
	{ 0 },
};

const struct route user_routes[] = {
	{ "GET", "/users/me", me, .tag = "users", .operation = "me_users_me_get",
	    .summary = "Current user profile + quota", .answers = me_answers },
	{ "PUT", "/users/me/limits", set_limits, .body = limits_fields,
	    .body_schema = "SetLimitsRequest", .tag = "users",
	    .operation = "set_limits_users_me_limits_put",
	    .summary = "Set the max number of concurrent calls allowed for this customer",
	    .answers = limits_answers },
	{ .method = NULL },
};

static const struct shape me_shape[] = {
	{ "api_key_id", SHAPE_TEXT, .title = "Api Key Id" },
	{ "customer_id", SHAPE_TEXT, .title = "Customer Id" },
	{ "customer_name", SHAPE_TEXT, .title = "Customer Name" },
	{ "api_key_last_4", SHAPE_TEXT, .nullable = true, .title = "Api Key Last 4" },
	{ "status", SHAPE_TEXT, .title = "Status" },
	{ "quota_limit", SHAPE_INT, .title = "Quota Limit" },
	{ "current_usage", SHAPE_INT, .title = "Current Usage" },
	{ "quota_period", SHAPE_TEXT, .title = "Quota Period" },
	{ "ask_user_webhook_url", SHAPE_TEXT, .nullable = true, .title = "Ask User Webhook Url" },
	{ "ask_user_webhook_configured", SHAPE_BOOL, .title = "Ask User Webhook Configured" },
	{ "max_concurrent_calls", SHAPE_INT, .title = "Max Concurrent Calls" },
	{ "is_admin", SHAPE_BOOL, .optional = true, .absent = "false", .title = "Is Admin" },
	{ "maintenance", SHAPE_OBJECT, .nullable = true, .optional = true, .title = "Maintenance",
	    .help = "null, or an object with active (true), message and resume_at." },
	{ .name = NULL },
};

static const struct shape limits_shape[] = {
	{ "max_concurrent_calls", SHAPE_INT, .title = "Max Concurrent Calls" },
	{ .name = NULL },
};

const struct named_schema user_schemas[] = {
	{ "MeDTO", me_shape, NULL,
	    "Fields are intentionally minimal — we surface identity and quota plus whether a webhook"
	    " is configured. The HMAC secret is NEVER included; it's only shown once at"
	    " creation/rotation time." },
	{ "SetLimitsRequest", NULL, limits_fields, NULL },
	{ "LimitsResponse", limits_shape, NULL, NULL },
	{ .name = NULL },
};

static enum rc
me(struct ask *ask)
{
	struct rows *rows;
	enum rc rc = customer_profile(ask->db, &ask->who, ask->env->default_cap, &rows);

	if (rc != RC_OK)
		return rc;
	resp_json(ask->resp, 200, ask_row(me_shape, rows, 0, CUSTOMER_FIRST_COLUMN));
	rows_free(rows);
	return RC_OK;
}

static enum rc
set_limits(struct ask *ask)
{
	int64_t cap = input_int(&ask->body, "max_concurrent_calls");
	enum rc rc;

	if (cap > ask->env->cap_ceiling) {
		input_error(&ask->body, "body", "max_concurrent_calls", "less_than_equal",
		    arena_printf(ask->req->arena, "Input should be less than or equal to %lld",
			(long long)ask->env->cap_ceiling),
		    input_json(&ask->body, "max_concurrent_calls"));
		resp_json(ask->resp, 422, json_pack("{s:O}", "detail", ask->body.errors));
		return RC_INVALID;
	}
	rc = customer_set_cap(ask->db, &ask->who, cap);
	if (rc == RC_OK)
		resp_json(
		    ask->resp, 200, json_pack("{s:I}", "max_concurrent_calls", (json_int_t)cap));
	return rc;
}
