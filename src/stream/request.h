/*
 * request.h: what nginx asks of offhook-events. A worker of offhook-api has checked key and
 * ownership and made the target; nothing that a client sent stands in it.
 */
#ifndef STREAM_REQUEST_H
#define STREAM_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"

#define REQUEST_ID_MAX 64

struct request {
	char call_id[ID_SIZE];
	int64_t after;                       /* the last event that the client has */
	char request_id[REQUEST_ID_MAX + 1]; /* for X-Request-Id; "" when there is none */
};

/* Reads the head of a request, of which the first line counts:
 *     GET /_events/{call_id}?after=N&request=ID HTTP/1.1
 * False when it is anything else. */
bool request_parse(const char *head, size_t len, struct request *r);

#endif
