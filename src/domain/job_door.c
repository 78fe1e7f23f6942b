/* job_door.c: see job_door.h. */
#include "domain/job_door.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"

/* Whoever waits for the answer has no use for one that takes longer: the wish is written down. */
#define PATIENCE_MS 3000
#define HASH_DIGITS 64

enum column { COLUMN_REACH, COLUMN_STATUS };

static const struct statement ask = {
	"job_door_ask",
	"SELECT r.reach, CASE WHEN r.reach = 'ok' THEN fn.job_process($6, $7, r.scope, $8) END"
	" FROM (SELECT c.scope, fn.config_reach(c.scope, c.scope_id, c.is_admin,"
	" 'workspace', $6) AS reach FROM fn.caller($1::bytea, $2, $3, $4, $5) c) r",
	8,
};

enum rc
job_door_ask(struct db *db, struct arena *a, const struct job_wish *wish, const char **status)
{
	const char *values[8] = { [5] = wish->tenant_id, [6] = wish->call_id };
	char at[CLOCK_ISO_SIZE];
	struct rows *rows;
	enum rc rc;

	if (wish->asked_us > 0) {
		clock_format_iso(wish->asked_us, at);
		values[7] = at;
	}
	who_params(&wish->who, values);
	db_patience(db, PATIENCE_MS);
	rc = db_run(db, &ask, values, &rows);
	db_patience(db, 0);
	if (rc != RC_OK)
		return rc;
	if (rows_count(rows) == 0)
		rc = RC_UNAUTHENTICATED;
	else if (strcmp(rows_text(rows, 0, COLUMN_REACH), "ok") != 0)
		rc = RC_FORBIDDEN;
	else
		*status = rows_copy(a, rows, 0, COLUMN_STATUS);
	rows_free(rows);
	return rc;
}

const char *
job_wish_owner(struct arena *a, const struct job_wish *wish)
{
	const struct credential *who = &wish->who;

	if (who->key_hash != NULL)
		return who->key_hash;
	return arena_printf(a, "%s/%s", who->scope, who->scope_id);
}

bool
job_wish_write(const struct job_wish *wish, struct buf *out)
{
	const struct credential *who = &wish->who;
	char at[CLOCK_ISO_SIZE];
	json_t *entry;
	char *text;

	clock_format_iso(wish->asked_us, at);
	entry = json_pack("{s:s, s:s, s:s}", "call_id", wish->call_id, "tenant_id", wish->tenant_id,
	    "received_at", at);
	if (who->key_hash != NULL) {
		json_object_set_new(entry, "key_hash", json_string(who->key_hash));
	} else {
		json_object_set_new(entry, "scope", json_string(who->scope));
		json_object_set_new(entry, "scope_id", json_string(who->scope_id));
		json_object_set_new(entry, "is_admin", json_boolean(who->is_admin));
	}
	text = json_dumps(entry, JSON_COMPACT);
	buf_puts(out, text);
	free(text);
	json_decref(entry);
	return !buf_failed(out);
}

/* The text of a field, in the arena; NULL when it is none of min to max characters. */
static const char *
text_of(struct arena *a, const json_t *entry, const char *name, size_t min, size_t max)
{
	const char *text = json_string_value(json_object_get(entry, name));
	size_t chars = text == NULL ? 0 : str_chars(text);

	return text == NULL || chars < min || chars > max ? NULL : arena_strdup(a, text);
}

static bool
is_hash(const char *text)
{
	return str_starts(text, "\\x") && strlen(text) == 2 + HASH_DIGITS &&
	    strspn(text + 2, "0123456789abcdef") == HASH_DIGITS;
}

static bool
is_scope(const char *text)
{
	static const char *const scopes[] = { "workspace", "organization", "partner", "platform" };

	for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++)
		if (strcmp(text, scopes[i]) == 0)
			return true;
	return false;
}

/* Either a key's hash, or a scope, its id and whether it is an admin's. */
static bool
read_who(struct arena *a, const json_t *entry, struct credential *who)
{
	const json_t *admin = json_object_get(entry, "is_admin");

	if (json_object_get(entry, "key_hash") != NULL) {
		who->key_hash = text_of(a, entry, "key_hash", 2 + HASH_DIGITS, 2 + HASH_DIGITS);
		return who->key_hash != NULL && is_hash(who->key_hash) &&
		    json_object_get(entry, "scope") == NULL;
	}
	who->scope = text_of(a, entry, "scope", 1, 16);
	who->scope_id = text_of(a, entry, "scope_id", 1, 64);
	who->is_admin = json_is_true(admin);
	return who->scope != NULL && is_scope(who->scope) && who->scope_id != NULL &&
	    str_tenant_id(who->scope_id) && json_is_boolean(admin);
}

bool
job_wish_read(struct arena *a, const char *text, size_t len, struct job_wish *wish)
{
	char why[64];
	json_t *entry = json_parse_strict(text, len, why);
	const char *at;
	bool good;

	*wish = (struct job_wish){ 0 };
	wish->call_id = text_of(a, entry, "call_id", JOB_CALL_MIN, JOB_CALL_MAX);
	wish->tenant_id = text_of(a, entry, "tenant_id", JOB_TENANT_MIN, JOB_TENANT_MAX);
	at = text_of(a, entry, "received_at", 1, CLOCK_ISO_SIZE);
	good = wish->call_id != NULL && wish->tenant_id != NULL && str_tenant_id(wish->tenant_id) &&
	    at != NULL && clock_parse_iso(at, &wish->asked_us) && read_who(a, entry, &wish->who);
	json_decref(entry);
	return good;
}
