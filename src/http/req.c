/*
 * req.c: see req.h. Parameters are looked up where libfcgi keeps them, by a linear scan: a request
 * has some thirty and a handler asks for a few.
 */
#include "http/req.h"

#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "base/str.h"

#define HEADER_NAME_MAX 64

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Text of a query with %XX and '+' resolved, or NULL when that is not possible or gives a zero
 * byte or no UTF-8. */
static char *
decode(struct arena *a, const char *s, size_t len)
{
	char *text = arena_strndup(a, s, len);
	size_t out = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			int high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
			int low = i + 2 < len ? hex_digit(text[i + 2]) : -1;

			if (high < 0 || low < 0 || high + low == 0)
				return NULL;
			c = (char)(high * 16 + low);
			i += 2;
		}
		text[out++] = c;
	}
	text[out] = '\0';
	return str_utf8(text, out) ? text : NULL;
}

const char *
req_param(const struct req *r, const char *name)
{
	size_t len = strlen(name);

	for (char **e = r->environment; *e != NULL; e++) {
		if (strncmp(*e, name, len) == 0 && (*e)[len] == '=')
			return *e + len + 1;
	}
	return NULL;
}

const char *
req_header(const struct req *r, const char *name)
{
	char param[HEADER_NAME_MAX + 6] = "HTTP_";
	size_t len = strlen(name);

	/* The two that CGI passes without the prefix. */
	if (strcmp(name, "content-type") == 0)
		return req_param(r, "CONTENT_TYPE");
	if (strcmp(name, "content-length") == 0)
		return req_param(r, "CONTENT_LENGTH");
	if (len > HEADER_NAME_MAX)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		param[5 + i] = c == '-' ? '_' : (c >= 'a' && c <= 'z') ? (char)(c - 'a' + 'A') : c;
	}
	return req_param(r, param);
}

const char *
req_query(const struct req *r, const char *name)
{
	const char *at = r->query;

	while (*at != '\0') {
		size_t len = strcspn(at, "&");
		size_t name_len = strcspn(at, "=&");
		const char *given = decode(r->arena, at, name_len);

		if (given != NULL && strcmp(given, name) == 0) {
			if (name_len == len)
				return "";
			return decode(r->arena, at + name_len + 1, len - name_len - 1);
		}
		at += len;
		at += *at == '&';
	}
	return NULL;
}

int
req_id_sane(const char *s)
{
	size_t len = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

	return len >= 1 && len <= 64 && s[len] == '\0';
}

static const char *
choose_id(const struct req *r)
{
	const char *given = req_header(r, "x-request-id");
	char *made;

	if (given != NULL && req_id_sane(given))
		return given;
	made = arena_alloc(r->arena, ID_SIZE);
	id_make(made, "req_");
	return made;
}

static const char *
param_or(const struct req *r, const char *name, const char *otherwise)
{
	const char *value = req_param(r, name);

	return value != NULL ? value : otherwise;
}

bool
req_init(struct req *r, struct arena *a, char **environment, const char *body, size_t body_len,
    const char **why)
{
	*r = (struct req){ .arena = a, .environment = environment };
	r->request_id = choose_id(r);
	r->method = param_or(r, "REQUEST_METHOD", "");
	r->path = param_or(r, "DOCUMENT_URI", param_or(r, "SCRIPT_NAME", ""));
	r->query = param_or(r, "QUERY_STRING", "");
	r->uri = param_or(r, "REQUEST_URI", r->path);
	r->body = body;
	r->body_len = body_len;

	/* A zero byte in the path would have cut the parameter short; the raw text still shows it. */
	if (r->path[0] != '/' || !str_utf8(r->path, strlen(r->path)) ||
	    strstr(r->uri, "%00") != NULL) {
		*why = "The path is malformed";
		return false;
	}
	if (r->query[0] != '\0' && decode(a, r->query, strlen(r->query)) == NULL) {
		*why = "The query string is malformed";
		return false;
	}
	return true;
}
