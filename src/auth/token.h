/*
 * token.h: the gateway's token (X-Gateway-Context), a JWT. The only user of libjwt, and the
 * keeper of what libjwt does not check: the algorithm is the configured one and none other, the
 * key is never empty, exp is there and has not passed, nbf and iat have, aud is ours, no claim comes
 * twice. There is one key, so what the token says of keys (kid, jwk, jku, x5u) is not looked at.
 */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

struct token_rule; /* an algorithm and its key */

/* algorithm: HS256, RS256, ES256 or EdDSA where the library has it. A newline at the end of the
 * key file is no part of the key. NULL with a sentence in error. */
struct token_rule *token_rule_new(
    const char *algorithm, const char *key_file, char *error, size_t error_size);
void token_rule_free(struct token_rule *rule);

struct token_claims {
	const char *api_key_id; /* sub */
	const char *scope;    /* "workspace" (the default), "organization", "partner", "platform" */
	const char *scope_id; /* customer_id */
	bool is_admin;
};

/* Whether the token is exactly right. Texts of the claims are in the arena. */
bool token_verify(
    struct arena *a, const struct token_rule *rule, const char *token, struct token_claims *claims);

#endif
