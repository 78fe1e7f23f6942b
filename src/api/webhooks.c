/*
 * webhooks.c: a customer's webhook, and what was and is to be delivered to it. The rules are in
 * domain/outbox.h, which URLs are allowed in http/reach.h.
 */
#include "api/routes.h"
#include "domain/outbox.h"
#include "http/reach.h"

static enum rc set(struct ask *);
static enum rc clear(struct ask *);
static enum rc list(struct ask *);
static enum rc redeliver(struct ask *);

static const struct field set_fields[] = {
	{ "url", FIELD_TEXT, .required = true, .min = 1, .max = REACH_URL_MAX, .format = "uri",
	    .title = "Url", .example = "\"https://hooks.example.com/offhook\"",
	    .help = "HTTPS endpoint to POST ask_user questions to, and what comes of calls. A host"
		    " name, port 443 or 8443." },
	{ "regenerate_secret", FIELD_BOOL, .absent = "true", .title = "Regenerate Secret",
	    .example = "true",
	    .help =
		"If true, issue a new HMAC secret. For 24 hours messages are signed with the one"
		" before, too." },
	{ .name = NULL },
};

static const struct field list_fields[] = {
	{ "limit", FIELD_INT, .min = 1, .max = 200, .absent = "50", .title = "Limit",
	    .example = "10" },
	{ "status", FIELD_CHOICE, .title = "Status", .choices = "pending|delivered|dead",
	    .example = "\"dead\"" },
	{ "cursor", FIELD_TEXT, .max = 64, .title = "Cursor",
	    .help = "next_cursor of the page before." },
	{ .name = NULL },
};

static const struct route_answer set_answers[] = {
	{ 200, "Successful Response", "SetWebhookResponse" },
	{ 422, "Validation Error", "HTTPValidationError" },
	{ 0 },
};
static const struct route_answer clear_answers[] = {
	{ 200, "Successful Response", "ClearWebhookResponse" },
	{ 0 },
};
static const struct route_answer list_answers[] = {
	{ 200, "The deliveries, newest first.", "WebhookDeliveries" },
	{ 422, "Validation Error", "HTTPValidationError" },
	{ 0 },
};
static const struct route_answer redeliver_answers[] = {
	{ 200, "It is sent again now, and for a day if need be.", "WebhookDelivery" },
	{ 404, "No such delivery, or another customer's.", "Error" },
	{ 409, "There is no webhook to send it to.", "Error" },
	{ 0 },
};

const struct route webhook_routes[] = {
	{ "PUT", "/users/me/webhook", set, .body = set_fields, .body_schema = "SetWebhookRequest",
	    .tag = "users", .operation = "set_webhook_users_me_webhook_put",
	    .summary = "Set the ask_user webhook URL (optionally rotate the HMAC secret)",
	    .answers = set_answers },
	{ "DELETE", "/users/me/webhook", clear, .tag = "users",
	    .operation = "clear_webhook_users_me_webhook_delete",
	    .summary = "Remove the ask_user webhook URL and secret", .answers = clear_answers },
	{ "GET", "/users/me/webhook/deliveries", list, .query = list_fields, .tag = "users",
	    .operation = "list_deliveries_users_me_webhook_deliveries_get",
	    .summary = "What was and is to be delivered to the webhook", .answers = list_answers },
	{ "POST", "/users/me/webhook/deliveries/{delivery_id}/redeliver", redeliver, .tag = "users",
	    .operation = "redeliver_users_me_webhook_deliveries__delivery_id__redeliver_post",
	    .summary = "Deliver a message to the webhook again", .answers = redeliver_answers },
	{ .method = NULL },
};

static const struct shape set_shape[] = {
	{ "url", SHAPE_TEXT, .title = "Url" },
	{ "secret", SHAPE_TEXT, .nullable = true, .optional = true, .title = "Secret",
	    .help = "HMAC signing key — returned only on regeneration, shown ONCE. For Standard"
		    " Webhooks." },
	{ .name = NULL },
};
static const struct shape clear_shape[] = {
	{ "cleared", SHAPE_BOOL, .optional = true, .absent = "true", .title = "Cleared" },
	{ .name = NULL },
};
/* The columns of outbox_list(), in their order. */
static const struct shape delivery_shape[] = {
	{ "delivery_id", SHAPE_TEXT, .title = "Delivery Id",
	    .help = "The header webhook-id of the message, the same at every try." },
	{ "call_id", SHAPE_TEXT, .nullable = true, .title = "Call Id",
	    .help = "Null for what is told of a job." },
	{ "job_id", SHAPE_TEXT, .nullable = true, .title = "Job Id" },
	{ "event_id", SHAPE_INT, .nullable = true, .title = "Event Id",
	    .help = "Null for a status that is forwarded and for what is told of a job." },
	{ "event_type", SHAPE_TEXT, .title = "Event Type",
	    .help = "The event's; job.completed for a job that has; carrier_status is what the"
		    " carrier said to a call that has a status_callback_url." },
	{ "status", SHAPE_TEXT, .title = "Status", .help = "pending, delivered or dead" },
	{ "attempts", SHAPE_INT, .title = "Attempts" },
	{ "response_status", SHAPE_INT, .nullable = true, .title = "Response Status" },
	{ "error", SHAPE_TEXT, .nullable = true, .title = "Error" },
	{ "url", SHAPE_TEXT, .nullable = true, .title = "Url",
	    .help = "Where it goes; null: to the webhook." },
	{ "created_at", SHAPE_TIME, .title = "Created At" },
	{ "next_attempt_at", SHAPE_TIME, .nullable = true, .title = "Next Attempt At" },
	{ "delivered_at", SHAPE_TIME, .nullable = true, .title = "Delivered At" },
	{ .name = NULL },
};
static const struct shape list_shape[] = {
	{ "deliveries", SHAPE_ARRAY, .items = "object", .title = "Deliveries" },
	{ "next_cursor", SHAPE_TEXT, .nullable = true, .title = "Next Cursor" },
	{ .name = NULL },
};

const struct named_schema webhook_schemas[] = {
	{ "SetWebhookRequest", NULL, set_fields, NULL },
	{ "SetWebhookResponse", set_shape, NULL, NULL },
	{ "ClearWebhookResponse", clear_shape, NULL, NULL },
	{ "WebhookDelivery", delivery_shape, NULL,
	    "One message to the webhook or to a call's status_callback_url, and how far its"
	    " delivery has come." },
	{ "WebhookDeliveries", list_shape, NULL, "Objects as of WebhookDelivery." },
	{ .name = NULL },
};

static enum rc
set(struct ask *ask)
{
	const char *url = input_text(&ask->body, "url");
	const char *wrong = reach_url(url, ask->env->anywhere), *shown;
	char secret[OUTBOX_SECRET_SIZE];
	json_t *answer;
	enum rc rc;

	if (wrong != NULL) {
		input_error(&ask->body, "body", "url", "url_parsing",
		    arena_printf(ask->req->arena, "Value error, %s", wrong),
		    input_json(&ask->body, "url"));
		resp_json(ask->resp, 422, json_pack("{s:O}", "detail", ask->body.errors));
		return RC_INVALID;
	}
	outbox_secret_make(secret);
	rc = outbox_webhook_set(
	    ask->db, &ask->who, url, secret, input_bool(&ask->body, "regenerate_secret"), &shown);
	if (rc != RC_OK)
		return rc;
	answer = json_pack("{s:s, s:s?}", "url", url, "secret", shown);
	resp_json(ask->resp, 200, answer);
	return RC_OK;
}

static enum rc
clear(struct ask *ask)
{
	enum rc rc = outbox_webhook_clear(ask->db, &ask->who);

	if (rc == RC_OK)
		resp_json(ask->resp, 200, json_pack("{s:b}", "cleared", 1));
	return rc;
}

static enum rc
list(struct ask *ask)
{
	struct outbox_filter filter = {
		.limit = input_int(&ask->query, "limit"),
		.state = input_text(&ask->query, "status"),
		.after = input_text(&ask->query, "cursor"),
	};
	json_t *deliveries;
	struct rows *rows;
	const char *last = NULL;
	enum rc rc = outbox_list(ask->db, &ask->who, &filter, &rows);

	if (rc != RC_OK)
		return rc;
	deliveries = json_array();
	for (int i = 0; i < rows_count(rows); i++) {
		last = rows_text(rows, i, OUTBOX_FIRST_COLUMN);
		if (last != NULL)
			json_array_append_new(
			    deliveries, ask_row(delivery_shape, rows, i, OUTBOX_FIRST_COLUMN));
	}
	if (rows_count(rows) < filter.limit)
		last = NULL;
	resp_json(ask->resp, 200,
	    json_pack("{s:o, s:s?}", "deliveries", deliveries, "next_cursor", last));
	rows_free(rows);
	return RC_OK;
}

static enum rc
redeliver(struct ask *ask)
{
	struct rows *rows;
	enum rc rc = outbox_redeliver(ask->db, &ask->who, ask_path(ask, "delivery_id"), &rows);

	if (rc == RC_CONFLICT)
		resp_detail(ask->resp, 409,
		    "There is no webhook, or it has answered 410: set one with"
		    " PUT /users/me/webhook first");
	if (rc != RC_OK)
		return rc;
	resp_json(ask->resp, 200, ask_row(delivery_shape, rows, 0, OUTBOX_FIRST_COLUMN));
	rows_free(rows);
	return RC_OK;
}
