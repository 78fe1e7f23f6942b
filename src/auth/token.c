/*
 * token.c: see token.h. libjwt 1.10 takes the algorithm from the token, accepts an RSA public key
 * as an HMAC secret, and looks at no claim; so header and payload are read and judged here first,
 * and the library is left with the signature.
 */
#include "auth/token.h"

#include <ctype.h>
#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"

#define TOKEN_MAX 8192
#define KEY_MAX 16384
#define SKEW_S 60

struct token_rule {
	jwt_alg_t algorithm;
	char *name;
	unsigned char *key;
	size_t key_len;
};

static bool
read_key(struct token_rule *rule, const char *path, char *error, size_t error_size)
{
	FILE *f = fopen(path, "re");

	if (f == NULL) {
		snprintf(error, error_size, "%s: cannot be read", path);
		return false;
	}
	rule->key = mem_zalloc(1, KEY_MAX + 2);
	rule->key_len = fread(rule->key, 1, KEY_MAX + 1, f);
	fclose(f);
	if (rule->key_len > KEY_MAX) {
		snprintf(error, error_size, "%s: is too long for a key", path);
		return false;
	}
	/* libjwt wants the text of a PEM key as it is; the line end of a secret is an editor's. */
	while (rule->key_len > 0 &&
	    (rule->key[rule->key_len - 1] == '\n' || rule->key[rule->key_len - 1] == '\r'))
		rule->key[--rule->key_len] = '\0';
	if (rule->key_len == 0) {
		snprintf(error, error_size, "%s: holds no key", path);
		return false;
	}
	return true;
}

struct token_rule *
token_rule_new(const char *algorithm, const char *key_file, char *error, size_t error_size)
{
	struct token_rule *rule = mem_zalloc(1, sizeof *rule);

	rule->algorithm = jwt_str_alg(algorithm);
	rule->name = mem_strdup(algorithm);
	if (rule->algorithm == JWT_ALG_NONE || rule->algorithm == JWT_ALG_INVAL) {
		snprintf(error, error_size, "libjwt knows no algorithm %s", algorithm);
		token_rule_free(rule);
		return NULL;
	}
	if (!read_key(rule, key_file, error, error_size)) {
		token_rule_free(rule);
		return NULL;
	}
	return rule;
}

void
token_rule_free(struct token_rule *rule)
{
	if (rule == NULL)
		return;
	free(rule->name);
	free(rule->key);
	free(rule);
}

/* Decodes one part of a token: base64url without padding, nothing else. The length, or -1. */
static int
part_bytes(struct arena *a, const char *part, size_t len, uint8_t **bytes)
{
	char *text = arena_alloc(a, len + 4);

	*bytes = arena_alloc(a, len + 4);
	for (size_t i = 0; i < len; i++)
		text[i] = part[i] == '-'              ? '+'
		    : part[i] == '_'                  ? '/'
		    : isalnum((unsigned char)part[i]) ? part[i]
						      : '!';
	for (size_t i = len; i % 4 != 0; i++)
		text[i] = '=';
	return digest_unbase64(text, *bytes, len + 3);
}

/* The JSON of one part of a token, or NULL. */
static json_t *
part_json(struct arena *a, const char *part, size_t len)
{
	uint8_t *bytes;
	char why[64];
	int n = part_bytes(a, part, len, &bytes);

	return n < 0 ? NULL : json_parse_strict((const char *)bytes, (size_t)n, why);
}

static bool
header_right(const struct token_rule *rule, json_t *header)
{
	const char *alg = json_string_value(json_object_get(header, "alg"));
	json_t *typ = json_object_get(header, "typ");

	return alg != NULL && strcmp(alg, rule->name) == 0 &&
	    json_object_get(header, "crit") == NULL &&
	    (typ == NULL || (json_is_string(typ) && strcmp(json_string_value(typ), "JWT") == 0));
}

static bool
audience_right(json_t *aud)
{
	size_t i;
	json_t *one;

	if (json_is_string(aud))
		return strcmp(json_string_value(aud), "offhook") == 0;
	json_array_foreach(aud, i, one) if (json_is_string(one) &&
	    strcmp(json_string_value(one), "offhook") == 0) return true;
	return false;
}

static bool
times_right(json_t *payload)
{
	json_int_t now = clock_wall_us() / 1000000;
	json_t *exp = json_object_get(payload, "exp");
	json_t *nbf = json_object_get(payload, "nbf");
	json_t *iat = json_object_get(payload, "iat");

	if (!json_is_integer(exp) || json_integer_value(exp) <= now - SKEW_S)
		return false;
	if (iat != NULL &&
	    !(json_is_number(iat) && json_number_value(iat) <= (double)(now + SKEW_S)))
		return false;
	return nbf == NULL || (json_is_integer(nbf) && json_integer_value(nbf) <= now + SKEW_S);
}

/* The claims that we use; a scope that is absent is a workspace's. */
static bool
read_claims(struct arena *a, json_t *payload, struct token_claims *claims)
{
	const char *sub = json_string_value(json_object_get(payload, "sub"));
	const char *customer = json_string_value(json_object_get(payload, "customer_id"));
	json_t *scope = json_object_get(payload, "scope");
	json_t *admin = json_object_get(payload, "is_admin");
	const char *scope_text = scope == NULL ? "workspace" : json_string_value(scope);

	if (sub == NULL || sub[0] == '\0' || scope_text == NULL ||
	    (admin != NULL && !json_is_boolean(admin)))
		return false;
	if (strcmp(scope_text, "platform") == 0)
		customer = "platform";
	else if (strcmp(scope_text, "workspace") != 0 && strcmp(scope_text, "organization") != 0 &&
	    strcmp(scope_text, "partner") != 0)
		return false;
	if (customer == NULL || customer[0] == '\0')
		return false;
	claims->api_key_id = arena_strdup(a, sub);
	claims->scope = arena_strdup(a, scope_text);
	claims->scope_id = arena_strdup(a, customer);
	claims->is_admin = json_is_true(admin);
	return true;
}

static bool
signature_good(const struct token_rule *rule, const char *token)
{
	jwt_t *jwt = NULL;
	bool right = jwt_decode(&jwt, token, rule->key, (int)rule->key_len) == 0 &&
	    jwt_get_alg(jwt) == rule->algorithm;

	jwt_free(jwt);
	return right;
}

bool
token_verify(
    struct arena *a, const struct token_rule *rule, const char *token, struct token_claims *claims)
{
	const char *dot = strchr(token, '.');
	const char *dot2 = dot == NULL ? NULL : strchr(dot + 1, '.');
	json_t *header, *payload;
	uint8_t *signature;
	bool right;

	if (strlen(token) > TOKEN_MAX || dot2 == NULL || strchr(dot2 + 1, '.') != NULL)
		return false;
	/* libjwt reads a signature past what is none of base64url; here it is right or wrong. */
	if (part_bytes(a, dot2 + 1, strlen(dot2 + 1), &signature) <= 0)
		return false;
	header = part_json(a, token, (size_t)(dot - token));
	payload = part_json(a, dot + 1, (size_t)(dot2 - dot - 1));
	right = json_is_object(header) && json_is_object(payload) && header_right(rule, header) &&
	    audience_right(json_object_get(payload, "aud")) && times_right(payload) &&
	    read_claims(a, payload, claims) && signature_good(rule, token);
	json_decref(header);
	json_decref(payload);
	return right;
}
