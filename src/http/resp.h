/*
 * resp.h: the answer to a request. Built in memory, written once. One header writer, which
 * refuses any byte below 0x20 and 0x7f, so that nothing from outside can end a line.
 */
#ifndef HTTP_RESP_H
#define HTTP_RESP_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"

#define RESP_BODY_MAX (32u << 20)

struct resp {
	int status;         /* 0 until set */
	struct buf headers; /* "Name: value\r\n"… without Status */
	struct buf body;
	bool has_type; /* a Content-Type was set */
};

void resp_init(struct resp *r);
void resp_clear(struct resp *r); /* for the next request; memory is kept */
void resp_free(struct resp *r);

/* An answer replaces an earlier one's status and body; a Content-Type that was set first stays. */

/* Adds a header; false (and nothing added) when name or value holds a control character. */
bool resp_header(struct resp *r, const char *name, const char *value);
/* Takes over (and releases) the JSON value as the body, with its content type. */
void resp_json(struct resp *r, int status, json_t *body);
/* A body that is JSON text already. */
void resp_json_text(struct resp *r, int status, const char *text);
void resp_text(struct resp *r, int status, const char *type, const char *text);
/* nginx is to answer in our place, from this location of its own (X-Accel-Redirect): no body, and no
 * type, which is for the one who answers to say. */
void resp_hand_over(struct resp *r, const char *location);
/* {"detail": "…"} from a format. */
void resp_detail(struct resp *r, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* {"detail": {"error_code": code, "message": message}} */
void resp_error_code(struct resp *r, int status, const char *code, const char *message);

#endif
