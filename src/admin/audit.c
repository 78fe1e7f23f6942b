/*
 * audit.c: "offhook audit": who changed what, and when. Rows are only ever added, by the database itself.
 */
#include <stdio.h>

#include "admin/nouns.h"
#include "admin/print.h"
#include "base/clock.h"

#define LIMIT_MAX 100000
#define LIMIT_DEFAULT "1000"

static int audit(struct admin *);

static const struct command_option audit_options[] = {
	{ "--since", "ISO8601", "from when on, e.g. 2026-11-20T22:00:00Z" },
	{ "--workspace", "ID", "what concerns this workspace alone" },
	{ "--limit", "N", "the newest so many; 1000 when absent" },
	{ .name = NULL },
};

const struct command audit_commands[] = {
	{ "audit", NULL, "", "Show who changed what, and when, oldest first", audit, audit_options,
	    0 },
	{ .noun = NULL },
};

static const struct statement sql_audit = { "op_audit",
	"SELECT audit_id, fn.iso(at), actor, action, what, subject, workspace_id, before, after"
	" FROM fn.audit_read($1::timestamptz, $2::text, $3::integer)",
	3 };

static int
audit(struct admin *a)
{
	static const struct column columns[] = {
		{ "audit_id", NULL, COLUMN_INT },
		{ "at", "AT", COLUMN_TIME },
		{ "actor", "WHO", COLUMN_TEXT },
		{ "action", "DID", COLUMN_TEXT },
		{ "what", "WHAT", COLUMN_TEXT },
		{ "subject", "WHICH", COLUMN_TEXT },
		{ "workspace_id", NULL, COLUMN_TEXT },
		{ "before", "BEFORE", COLUMN_JSON },
		{ "after", "AFTER", COLUMN_JSON },
		{ .name = NULL },
	};
	const char *since = admin_option(a, "--since"), *limit = admin_option(a, "--limit");
	const char *workspace = admin_option(a, "--workspace");
	char instant[CLOCK_ISO_SIZE];
	int64_t us, number;

	if (since != NULL) {
		if (!clock_parse_iso(since, &us))
			return admin_misuse("--since must be a time such as 2026-11-20T22:00:00Z");
		clock_format_iso(us, instant);
		since = instant;
	}
	if ((workspace != NULL && !admin_tenant_id("--workspace", workspace)) ||
	    (limit != NULL && !admin_number("--limit", limit, 1, LIMIT_MAX, &number)))
		return ADMIN_USAGE;
	const char *const values[] = { since, workspace, limit != NULL ? limit : LIMIT_DEFAULT };
	return admin_list(a, &sql_audit, values, columns, "nothing was changed");
}
