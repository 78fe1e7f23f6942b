/*
 * resp.c: see resp.h. JSON is written as the seed's server writes it: compact, UTF-8 as it is.
 */
#include "http/resp.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#define HEADERS_MAX 16384
#define DETAIL_MAX 2048
/* 15 digits give back every decimal of up to 15 digits as it was: 0.1, not 0.10000000000000001. */
#define DUMP_FLAGS (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

void
resp_init(struct resp *r)
{
	*r = (struct resp){ 0 };
	buf_init(&r->headers, HEADERS_MAX);
	buf_init(&r->body, RESP_BODY_MAX);
}

void
resp_clear(struct resp *r)
{
	r->status = 0;
	r->has_type = false;
	buf_clear(&r->headers);
	buf_clear(&r->body);
}

void
resp_free(struct resp *r)
{
	buf_free(&r->headers);
	buf_free(&r->body);
}

static bool
clean(const char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	}
	return true;
}

bool
resp_header(struct resp *r, const char *name, const char *value)
{
	if (*name == '\0' || !clean(name) || strpbrk(name, ": ") != NULL || !clean(value)) {
		log_warning("a header with a control character was not sent");
		return false;
	}
	buf_printf(&r->headers, "%s: %s\r\n", name, value);
	if (strcasecmp(name, "content-type") == 0)
		r->has_type = true;
	return true;
}

/* The beginning of every body. A second answer to one request replaces the first. */
static void
start_body(struct resp *r, int status, const char *type)
{
	r->status = status;
	buf_clear(&r->body);
	if (!r->has_type)
		(void)resp_header(r, "Content-Type", type);
}

static int
append(const char *bytes, size_t len, void *arg)
{
	buf_add(arg, bytes, len);
	return 0;
}

void
resp_json(struct resp *r, int status, json_t *body)
{
	start_body(r, status, "application/json");
	if (body == NULL || json_dump_callback(body, append, &r->body, DUMP_FLAGS) != 0) {
		log_error("the answer could not be written as JSON");
		r->status = 500;
		buf_clear(&r->body);
		buf_puts(&r->body, "{\"detail\":\"Internal Server Error\"}");
	}
	json_decref(body);
}

void
resp_json_text(struct resp *r, int status, const char *text)
{
	resp_text(r, status, "application/json", text);
}

void
resp_text(struct resp *r, int status, const char *type, const char *text)
{
	start_body(r, status, type);
	buf_puts(&r->body, text);
}

void
resp_hand_over(struct resp *r, const char *location)
{
	r->status = 200;
	buf_clear(&r->body);
	if (!resp_header(r, "X-Accel-Redirect", location))
		resp_detail(r, 500, "Internal Server Error");
}

/* A JSON string of any bytes: what is no UTF-8 loses its foreign bytes. */
static json_t *
any_string(const char *text)
{
	json_t *string = json_string(text);
	char *plain;

	if (string != NULL)
		return string;
	plain = mem_strdup(text);
	for (char *c = plain; *c != '\0'; c++) {
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	}
	string = json_string(plain);
	free(plain);
	return string;
}

void
resp_detail(struct resp *r, int status, const char *fmt, ...)
{
	char text[DETAIL_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	resp_json(r, status, json_pack("{s:o}", "detail", any_string(text)));
}

void
resp_error_code(struct resp *r, int status, const char *code, const char *message)
{
	resp_json(r, status,
	    json_pack(
		"{s:{s:s, s:o}}", "detail", "error_code", code, "message", any_string(message)));
}
