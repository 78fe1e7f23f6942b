/*
 * keys.c: "offhook key": API keys. A key is shown once, when it is made; the database has its
 * SHA-256 alone.
 */
#include <stdio.h>
#include <string.h>

#include "admin/nouns.h"
#include "admin/print.h"
#include "base/digest.h"
#include "base/id.h"

static int create(struct admin *);
static int revoke(struct admin *);
static int list(struct admin *);

static const struct command_option create_options[] = {
	{ "--scope", "SCOPE", "workspace, organization, partner or platform" },
	{ "--id", "ID", "which one; 'default' for the platform when absent" },
	{ "--admin", NULL, "an admin key, as far as its scope reaches" },
	{ .name = NULL },
};

const struct command key_commands[] = {
	{ "key", "create", "", "Make an API key and print it, this once", create, create_options,
	    0 },
	{ "key", "revoke", "KEY_ID", "Make a key invalid, at once and for good", revoke, no_options,
	    0 },
	{ "key", "list", "", "List the keys, revoked ones too", list, no_options, 0 },
	{ .noun = NULL },
};

static bool
read_scope(struct admin *a, const char **scope, const char **id)
{
	*scope = admin_option(a, "--scope");
	*id = admin_option(a, "--id");
	if (!admin_scope("--scope", *scope))
		return false;
	if (*id == NULL && strcmp(*scope, "platform") == 0)
		*id = "default";
	if (*id == NULL) {
		admin_misuse("--id must name the %s that the key is for", *scope);
		return false;
	}
	return admin_tenant_id("--id", *id);
}

/* The key alone goes to standard output, so that a script can take it from there. */
static void
tell_key(const char *key, const char *key_id)
{
	puts(key);
	fflush(stdout);
	fprintf(stderr, "keep it: it is not shown again; its id is %s\n", key_id);
}

static const struct statement sql_key_create = { "op_key_create",
	"SELECT fn.key_create($1::text, $2::bytea, $3::text, $4::text, $5::text, $6::boolean)", 6 };

static int
create(struct admin *a)
{
	const char *scope, *scope_id;
	bool is_admin = admin_option(a, "--admin") != NULL;
	char key[ID_KEY_SIZE], key_id[ID_SIZE], word[32];
	char hash[2 + 2 * DIGEST_SHA256_SIZE + 1] = "\\x";
	uint8_t digest[DIGEST_SHA256_SIZE];

	if (!read_scope(a, &scope, &scope_id))
		return ADMIN_USAGE;
	id_make(key_id, "key_");
	id_key_make(key);
	digest_sha256(key, strlen(key), digest);
	digest_hex(digest, sizeof(digest), hash + 2);
	const char *const values[] = { key_id, hash, key + strlen(key) - 4, scope, scope_id,
		db_bool(is_admin) };
	if (!admin_run_word(a, &sql_key_create, values, word))
		return ADMIN_FAILED;
	if (strcmp(word, "created") != 0)
		return admin_refuse("there is no %s %s: create it first", scope, scope_id);
	if (a->json)
		print_json(json_pack("{s:s, s:s, s:s, s:s, s:b}", "api_key", key, "api_key_id",
		    key_id, "scope", scope, "id", scope_id, "is_admin", (int)is_admin));
	else
		tell_key(key, key_id);
	return ADMIN_DONE;
}

static const struct statement sql_key_revoke = { "op_key_revoke", "SELECT fn.key_revoke($1::text)",
	1 };

static int
revoke(struct admin *a)
{
	const char *const values[] = { a->args[0] };
	char word[32];

	if (!admin_run_word(a, &sql_key_revoke, values, word))
		return ADMIN_FAILED;
	if (strcmp(word, "unknown") == 0)
		return admin_refuse("there is no key %s: see 'offhook key list'", a->args[0]);
	if (strcmp(word, "already") == 0)
		return admin_refuse("the key %s has been revoked before", a->args[0]);
	if (a->json)
		print_json(json_pack("{s:s, s:b}", "api_key_id", a->args[0], "revoked", 1));
	else
		printf("revoked %s\n", a->args[0]);
	return ADMIN_DONE;
}

static const struct statement sql_keys = { "op_keys",
	"SELECT api_key_id, last_4, scope, scope_id, is_admin, fn.iso(created_at),"
	" fn.iso(revoked_at) FROM api_keys ORDER BY created_at, api_key_id",
	0 };

static int
list(struct admin *a)
{
	static const struct column columns[] = {
		{ "api_key_id", "KEY ID", COLUMN_TEXT },
		{ "api_key_last_4", "LAST 4", COLUMN_TEXT },
		{ "scope", "SCOPE", COLUMN_TEXT },
		{ "id", "ID", COLUMN_TEXT },
		{ "is_admin", "ADMIN", COLUMN_BOOL },
		{ "created_at", "CREATED", COLUMN_TIME },
		{ "revoked_at", "REVOKED", COLUMN_TIME },
		{ .name = NULL },
	};

	return admin_list(a, &sql_keys, NULL, columns, "there are none");
}
