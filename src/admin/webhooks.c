/*
 * webhooks.c: "offhook webhooks": what was and is to be delivered to customers' webhooks, and
 * delivering it again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin/nouns.h"
#include "admin/print.h"

#define LIMIT_MAX 1000
#define LIMIT_DEFAULT "100"

static int list(struct admin *);
static int redeliver(struct admin *);

static const struct command_option list_options[] = {
	{ "--workspace", "ID", "only this workspace's" },
	{ "--status", "STATUS", "only pending, delivered or dead ones" },
	{ "--limit", "N", "how many at most: 1 to 1000, 100 when absent" },
	{ .name = NULL },
};

static const struct command_option redeliver_options[] = {
	{ "--workspace", "ID", "all dead ones of this workspace, in place of one DELIVERY_ID" },
	{ .name = NULL },
};

const struct command webhook_commands[] = {
	{ "webhooks", "list", "", "List deliveries to webhooks, newest first", list, list_options,
	    0 },
	{ "webhooks", "redeliver", "[DELIVERY_ID]", "Deliver again, for a day if need be",
	    redeliver, redeliver_options, 0 },
	{ .noun = NULL },
};

/* ---- list ---- */

static bool
is_status(const char *text)
{
	if (strcmp(text, "pending") == 0 || strcmp(text, "delivered") == 0 ||
	    strcmp(text, "dead") == 0)
		return true;
	admin_misuse("--status must be pending, delivered or dead");
	return false;
}

static const struct statement sql_deliveries = { "op_deliveries",
	"SELECT delivery_id, workspace_id, call_id, event_id, event_type, state, attempts,"
	" response_status, error, fn.iso(created_at), fn.iso(next_at), fn.iso(delivered_at)"
	" FROM fn.webhook_list($1::text, $2::text, NULL, $3::integer)",
	3 };

static int
list(struct admin *a)
{
	static const struct column columns[] = {
		{ "delivery_id", "DELIVERY", COLUMN_TEXT },
		{ "workspace_id", "WORKSPACE", COLUMN_TEXT },
		{ "call_id", NULL, COLUMN_TEXT },
		{ "event_id", NULL, COLUMN_INT },
		{ "event_type", "EVENT", COLUMN_TEXT },
		{ "status", "STATUS", COLUMN_TEXT },
		{ "attempts", "TRIES", COLUMN_INT },
		{ "response_status", NULL, COLUMN_INT },
		{ "error", "ERROR", COLUMN_TEXT },
		{ "created_at", "CREATED", COLUMN_TIME },
		{ "next_attempt_at", "NEXT TRY", COLUMN_TIME },
		{ "delivered_at", "DELIVERED", COLUMN_TIME },
		{ .name = NULL },
	};
	const char *workspace = admin_option(a, "--workspace");
	const char *status = admin_option(a, "--status"), *limit = admin_option(a, "--limit");
	int64_t number;

	if (limit == NULL)
		limit = LIMIT_DEFAULT;
	if ((workspace != NULL && !admin_tenant_id("--workspace", workspace)) ||
	    (status != NULL && !is_status(status)) ||
	    !admin_number("--limit", limit, 1, LIMIT_MAX, &number))
		return ADMIN_USAGE;
	const char *const values[] = { workspace, status, limit };
	return admin_list(a, &sql_deliveries, values, columns, "no such deliveries");
}

/* ---- redeliver ---- */

static const struct statement sql_redeliver = { "op_redeliver",
	"SELECT fn.webhook_redeliver(workspace_id, delivery_id) FROM webhook_deliveries"
	" WHERE delivery_id = $1",
	1 };

static int
redeliver_one(struct admin *a)
{
	const char *const values[] = { a->args[0] };
	struct rows *rows;
	bool known, done;

	if (!admin_run(a, &sql_redeliver, values, &rows))
		return ADMIN_FAILED;
	known = rows_count(rows) > 0;
	done = known && strcmp(rows_text(rows, 0, 0), "pending") == 0;
	rows_free(rows);
	if (!known)
		return admin_refuse("there is no delivery %s", a->args[0]);
	if (!done)
		return admin_refuse("its workspace has no webhook, or it has answered 410:"
				    " PUT /users/me/webhook sets one");
	if (a->json)
		print_json(json_pack("{s:i}", "redelivered", 1));
	else
		printf("delivering %s again\n", a->args[0]);
	return ADMIN_DONE;
}

static const struct statement sql_redeliver_dead = { "op_redeliver_dead",
	"SELECT count(*) FILTER (WHERE d.word = 'pending'), count(*) FROM"
	" (SELECT fn.webhook_redeliver(workspace_id, delivery_id) AS word"
	" FROM webhook_deliveries WHERE workspace_id = $1 AND state = 'dead') d",
	1 };

static int
redeliver_dead(struct admin *a, const char *workspace)
{
	const char *const values[] = { workspace };
	struct rows *rows;
	int64_t done, all;

	if (!admin_run(a, &sql_redeliver_dead, values, &rows))
		return ADMIN_FAILED;
	done = rows_int(rows, 0, 0);
	all = rows_int(rows, 0, 1);
	rows_free(rows);
	if (all == 0)
		return admin_refuse("the workspace %s has no dead deliveries", workspace);
	if (done == 0)
		return admin_refuse("the workspace %s has no webhook, or it has answered 410:"
				    " PUT /users/me/webhook sets one",
		    workspace);
	if (a->json)
		print_json(json_pack("{s:I}", "redelivered", (json_int_t)done));
	else
		printf("delivering %" PRId64 " again\n", done);
	return ADMIN_DONE;
}

static int
redeliver(struct admin *a)
{
	const char *workspace = admin_option(a, "--workspace");

	if ((workspace != NULL) == (a->arg_count > 0))
		return admin_misuse("name either DELIVERY_ID or --workspace ID");
	if (workspace == NULL)
		return redeliver_one(a);
	if (!admin_tenant_id("--workspace", workspace))
		return ADMIN_USAGE;
	return redeliver_dead(a, workspace);
}
