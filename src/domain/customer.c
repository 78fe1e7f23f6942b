/* customer.c: see customer.h. */
#include "domain/customer.h"

static const struct statement profile = {
	"customer_profile",
	"SELECT who.workspace_id, coalesce($7, who.api_key_id) AS api_key_id,"
	" who.workspace_id AS customer_id,"
	" w.name AS customer_name, who.api_key_last_4, 'active' AS status,"
	" w.quota + coalesce(m.granted, 0) AS quota_limit,"
	" coalesce(m.reserved + m.settled, 0) AS current_usage, 'monthly' AS quota_period,"
	" h.url AS ask_user_webhook_url,"
	" h.url IS NOT NULL AND h.off_at IS NULL AS ask_user_webhook_configured,"
	" coalesce(w.max_concurrent, $6) AS max_concurrent_calls, who.is_admin,"
	" CASE WHEN t.active THEN json_build_object('active', true, 'message', t.message,"
	" 'resume_at', fn.iso(t.resume_at)) END AS maintenance"
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) who"
	" CROSS JOIN maintenance t"
	" LEFT JOIN workspaces w ON w.workspace_id = who.workspace_id"
	" LEFT JOIN webhooks h ON h.workspace_id = who.workspace_id"
	" LEFT JOIN credit_months m ON m.workspace_id = who.workspace_id"
	" AND m.month = credit_month(clock_timestamp())",
	7,
};

enum rc
customer_profile(
    struct db *db, const struct credential *who, int64_t default_cap, struct rows **rows)
{
	char cap[24];
	const char *values[7] = { [5] = db_int(default_cap, cap), [6] = who->api_key_id };

	return who_run(db, who, &profile, values, rows);
}

static const struct statement set_cap = {
	"customer_set_cap",
	"WITH who AS (SELECT c.workspace_id, " WHO_ACTS
	" FROM fn.caller($1::bytea, $2, $3, $4, $5) c), done AS (UPDATE workspaces w SET max_concurrent = $6 FROM who"
	" WHERE w.workspace_id = who.workspace_id)"
	" SELECT workspace_id FROM who",
	6,
};

enum rc
customer_set_cap(struct db *db, const struct credential *who, int64_t cap)
{
	char number[24];
	const char *values[6] = { [5] = db_int(cap, number) };
	struct rows *rows;
	enum rc rc;

	who_params(who, values);
	rc = db_run(db, &set_cap, values, &rows);
	if (rc != RC_OK)
		return rc;
	rc = who_result(who, rows);
	rows_free(rows);
	return rc;
}
