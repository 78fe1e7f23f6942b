/*
 * who.c: see who.h. The order of precedence: the gateway's token when the server is fronted by
 * one, then X-API-Key, then Authorization: Bearer, then (recordings alone) ?api_key=.
 */
#include "auth/who.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/token.h"
#include "base/id.h"
#include "base/str.h"

#define BOOTSTRAP_MIN 16

bool
who_env_bootstrap(struct who_env *env)
{
	const char *key = getenv("OFFHOOK_BOOTSTRAP_ADMIN_API_KEY");
	bool sane = true;

	if (key == NULL)
		key = getenv("BOOTSTRAP_ADMIN_API_KEY");
	if (key != NULL && key[0] != '\0') {
		sane = strlen(key) >= BOOTSTRAP_MIN;
		env->has_bootstrap = sane;
		digest_sha256(key, strlen(key), env->bootstrap_hash);
	}
	unsetenv("OFFHOOK_BOOTSTRAP_ADMIN_API_KEY");
	unsetenv("BOOTSTRAP_ADMIN_API_KEY");
	return sane;
}

/* The key as it was sent, or NULL. */
static const char *
sent_key(const struct req *req, enum who_source source)
{
	const char *key = req_header(req, "x-api-key");
	const char *bearer;

	if (key != NULL && key[0] != '\0')
		return key;
	bearer = req_header(req, "authorization");
	if (bearer != NULL && strncasecmp(bearer, "Bearer ", 7) == 0) {
		bearer += 7;
		return bearer + strspn(bearer, " ");
	}
	if (source == WHO_HEADERS_OR_QUERY)
		return req_query(req, "api_key");
	return NULL;
}

static const char *
named_workspace(const struct req *req)
{
	const char *name = req_header(req, "x-workspace-id");

	if (name == NULL || name[0] == '\0')
		name = req_query(req, "workspace_id");
	return name != NULL && name[0] != '\0' ? name : NULL;
}

static enum rc
key_credential(
    const struct who_env *env, const struct req *req, const char *key, struct credential *who)
{
	uint8_t hash[DIGEST_SHA256_SIZE];
	char hex[2 * DIGEST_SHA256_SIZE + 1];

	digest_sha256(key, strlen(key), hash);
	if (env->has_bootstrap &&
	    digest_equal(hash, sizeof hash, env->bootstrap_hash, sizeof hash)) {
		who->scope = "platform";
		who->scope_id = "platform";
		who->is_admin = true;
		return RC_OK;
	}
	if (!id_key_valid(key))
		return RC_UNAUTHENTICATED;
	digest_hex(hash, sizeof hash, hex);
	who->key_hash = arena_printf(req->arena, "\\x%s", hex);
	return RC_OK;
}

static enum rc
gateway_credential(
    const struct who_env *env, const struct req *req, const char *context, struct credential *who)
{
	struct token_claims claims;

	if (!token_verify(req->arena, env->gateway, context, &claims))
		return RC_UNAUTHENTICATED;
	who->scope = claims.scope;
	who->scope_id = claims.scope_id;
	who->api_key_id = claims.api_key_id;
	who->is_admin = claims.is_admin;
	return RC_OK;
}

enum rc
who_read(const struct who_env *env, const struct req *req, enum who_source source,
    struct credential *who)
{
	const char *context = req_header(req, "x-gateway-context");
	const char *key;

	memset(who, 0, sizeof *who);
	who->workspace = named_workspace(req);
	if (who->workspace != NULL && !str_tenant_id(who->workspace))
		who->workspace = "?"; /* no workspace can have this id */
	if (env->gateway != NULL && context != NULL)
		return gateway_credential(env, req, context, who);
	key = sent_key(req, source);
	if (key == NULL || key[0] == '\0') {
		who->missing = true;
		return RC_UNAUTHENTICATED;
	}
	return key_credential(env, req, key, who);
}

void
who_params(const struct credential *who, const char *values[WHO_PARAMS])
{
	values[0] = who->key_hash;
	values[1] = who->scope;
	values[2] = who->scope_id;
	values[3] = db_bool(who->is_admin);
	values[4] = who->workspace;
}

enum rc
who_result(const struct credential *who, const struct rows *rows)
{
	if (rows_count(rows) == 0)
		return RC_UNAUTHENTICATED;
	if (rows_text(rows, 0, 0) != NULL)
		return RC_OK;
	return who->workspace == NULL ? RC_NO_WORKSPACE : RC_NOT_FOUND;
}

enum rc
who_run(struct db *db, const struct credential *who, const struct statement *statement,
    const char *values[], struct rows **rows)
{
	enum rc rc;

	who_params(who, values);
	rc = db_run(db, statement, values, rows);
	if (rc != RC_OK)
		return rc;
	rc = who_result(who, *rows);
	if (rc != RC_OK)
		rows_free(*rows);
	return rc;
}

enum rc
who_run_one(struct db *db, const struct credential *who, const struct statement *statement,
    const char *values[], struct rows **rows)
{
	enum rc rc = who_run(db, who, statement, values, rows);

	if (rc == RC_OK && !rows_bool(*rows, 0, 1)) {
		rows_free(*rows);
		rc = RC_NOT_FOUND;
	}
	return rc;
}

static const struct statement verify = {
	"who_verify",
	"SELECT c.workspace_id, c.is_admin FROM fn.caller($1, $2, $3, $4, $5) c",
	WHO_PARAMS,
};

enum rc
who_verify(struct db *db, const struct credential *who, bool *is_admin)
{
	const char *values[WHO_PARAMS];
	struct rows *rows;
	enum rc rc;

	who_params(who, values);
	rc = db_run(db, &verify, values, &rows);
	if (rc != RC_OK)
		return rc;
	rc = rows_count(rows) == 0 ? RC_UNAUTHENTICATED : RC_OK;
	if (rc == RC_OK && is_admin != NULL)
		*is_admin = rows_bool(rows, 0, 1);
	rows_free(rows);
	return rc;
}
