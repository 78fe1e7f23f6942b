/*
 * ask.h: one request to the simulator and its answer. Handlers read an ask and answer it exactly
 * once; the server in server.c does the rest.
 */
#ifndef SIM_ASK_H
#define SIM_ASK_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/str.h"
#include "sim/call.h"
#include "sim/media.h"
#include "sim/param.h"
#include "sim/timer.h"

#define ASK_BODY_MAX (256 * 1024)
#define ASK_PAIRS_MAX 128
#define ASK_NAMES_MAX 3
#define ASK_NAME_SIZE 64

struct ask {
	struct MHD_Connection *conn;
	const char *method, *path;
	struct buf body;
	struct arrival arrival; /* when all of it was here */
	int64_t began_us;
	char names[ASK_NAMES_MAX][ASK_NAME_SIZE]; /* what stood at the {} of the route */
	struct str_pair pairs[ASK_PAIRS_MAX];     /* of the body or the query, once read */
	int pair_count;
	char to[24]; /* the number that a dial asked for, for the list of attempts */
	/* the answer */
	bool handled;
	bool dropped; /* no answer: the connection is closed */
	bool waiting; /* suspended, somebody else will resume it */
	int status;
	struct MHD_Response *response;
	struct media_job media;
	struct timer delay;
	TAILQ_ENTRY(ask) delayed;
};

struct route {
	const char *method;
	const char *path; /* {} stands for letters, digits and nothing else */
	void (*handle)(struct ask *);
};

/* Reads the form of a POST into pairs. False when it has been refused. */
bool ask_form(struct ask *a);
/* Reads the query into pairs, all of whose names must be in the list (space-separated; the query
 * of /sim and of media has none). False when it has been refused. */
bool ask_query(struct ask *a, const char *names);
/* The value of a pair, or NULL. */
const char *ask_value(const struct ask *a, const char *name);

/* Each of these is an answer. json is released. */
void answer_json(struct ask *a, int status, json_t *json);
void answer_refusal(struct ask *a, const struct refusal *r);
void answer_error(struct ask *a, int status, int code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void answer_not_found(struct ask *a);
void answer_empty(struct ask *a);
/* No byte comes back. */
void answer_nothing(struct ask *a);
void answer_file(struct ask *a, int fd, const char *type);
/* A JSON array that is written while it is sent. item() is called with 0, 1, 2 … and the world
 * lock held: false ends the array, a NULL out leaves the number out. */
void answer_stream(struct ask *a, bool (*item)(size_t number, json_t **out));

#endif
