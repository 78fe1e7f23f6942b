/*
 * who.h: who asks. A credential is read from the request without the database; whether it is
 * good, and for which workspace, is decided inside the very statement that does the work
 * (fn.caller in sql/functions), so that a check costs no round trip of its own and a revoked key
 * is refused at once.
 */
#ifndef AUTH_WHO_H
#define AUTH_WHO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "db/db.h"
#include "http/req.h"

struct token_rule;

/* What the process knows beforehand. */
struct who_env {
	const struct token_rule *gateway; /* NULL: server.gateway_fronted is off */
	bool has_bootstrap;
	uint8_t bootstrap_hash[DIGEST_SHA256_SIZE]; /* of the bootstrap admin key */
};

/* Reads OFFHOOK_BOOTSTRAP_ADMIN_API_KEY (or BOOTSTRAP_ADMIN_API_KEY) from the environment and
 * removes both. Returns false when one is set but shorter than 16 characters. */
bool who_env_bootstrap(struct who_env *env);

/* Either key_hash, or (NULL) a scope that has been verified already. Texts live in the request's
 * arena. */
struct credential {
	bool missing;         /* nothing was sent at all */
	const char *key_hash; /* bytea text, "\x…" */
	const char *scope;    /* "workspace", "organization", "partner", "platform" */
	const char *scope_id;
	const char *api_key_id; /* as the gateway knows it, or NULL */
	bool is_admin;
	const char *workspace; /* named by X-Workspace-Id or ?workspace_id=, or NULL */
};

enum who_source { WHO_HEADERS, WHO_HEADERS_OR_QUERY /* ?api_key= too */ };

/* RC_OK, or RC_UNAUTHENTICATED when nothing was sent (missing) or what was sent can be no key. */
enum rc who_read(const struct who_env *env, const struct req *req, enum who_source source,
    struct credential *who) MUST_CHECK;

/* How many parameters every statement that asks fn.caller begins with ($1 to $5). */
#define WHO_PARAMS 5
void who_params(const struct credential *who, const char *values[WHO_PARAMS]);

/* Of "SELECT … FROM fn.caller(…) c": a column that names the caller in the audit log, for a statement that
 * changes something which is written down there. */
#define WHO_ACTS "fn.act_as($1::bytea, c.api_key_id, c.scope) AS actor"

/*
 * What the rows of such a statement say about the caller; its first column is the caller's
 * workspace_id. RC_OK; RC_UNAUTHENTICATED (no row); RC_NO_WORKSPACE; RC_NOT_FOUND (it named one
 * that it does not reach).
 */
enum rc who_result(const struct credential *who, const struct rows *rows) MUST_CHECK;

/*
 * Runs such a statement: fills $1 to $5 into values, and says what its rows say of the caller. The rows
 * are there for RC_OK alone, to be freed by whoever asked.
 */
enum rc who_run(struct db *db, const struct credential *who, const struct statement *statement,
    const char *values[], struct rows **rows) MUST_CHECK;
/* The same about one thing of the caller's: its second column says whether there is one, else
 * RC_NOT_FOUND. */
enum rc who_run_one(struct db *db, const struct credential *who, const struct statement *statement,
    const char *values[], struct rows **rows) MUST_CHECK;

/* Asks the database who this is, for when there is nothing else to ask it. is_admin may be NULL.
 * A caller above a workspace that named none is fine here. */
enum rc who_verify(struct db *db, const struct credential *who, bool *is_admin) MUST_CHECK;

#endif
