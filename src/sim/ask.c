/* ask.c: reading requests and making answers, in the carrier's manner. */
#include "sim/ask.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "sim/timer.h"

#define STREAM_BLOCK (64 * 1024)

bool
ask_form(struct ask *a)
{
	const char *type = MHD_lookup_connection_value(a->conn, MHD_HEADER_KIND, "Content-Type");
	const char *wanted = "application/x-www-form-urlencoded";
	size_t len = strlen(wanted);

	if (type != NULL &&
	    (strncasecmp(type, wanted, len) != 0 ||
		(type[len] != '\0' && type[len] != ';' && type[len] != ' '))) {
		answer_error(a, 415, 20001, "Content-Type must be %s", wanted);
		return false;
	}
	if (type == NULL && a->body.len > 0) {
		answer_error(a, 415, 20001, "Content-Type must be %s", wanted);
		return false;
	}
	if (a->body.len == 0)
		return true;
	if (strlen(a->body.data) != a->body.len ||
	    (a->pair_count = str_form(a->body.data, a->pairs, ASK_PAIRS_MAX)) < 0) {
		a->pair_count = 0;
		answer_error(a, 400, 20422, "The body is not a form");
		return false;
	}
	return true;
}

struct query {
	struct ask *ask;
	const char *names;
	bool ok;
};

static bool
listed(const char *list, const char *name)
{
	size_t n;

	for (; *list != '\0'; list += n + (list[n] == ' ')) {
		n = strcspn(list, " ");
		if (strlen(name) == n && strncmp(list, name, n) == 0)
			return true;
	}
	return false;
}

static enum MHD_Result
on_query(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct query *q = arg;
	struct ask *a = q->ask;

	(void)kind;
	if (!listed(q->names, name) || ask_value(a, name) != NULL ||
	    a->pair_count == ASK_PAIRS_MAX) {
		q->ok = false;
		answer_error(a, 400, 20001, "Unknown or repeated parameter %.60s", name);
		return MHD_NO;
	}
	/* They live as long as the connection's memory, and nobody writes to them. */
	a->pairs[a->pair_count].name = (char *)(uintptr_t)name;
	a->pairs[a->pair_count].value = (char *)(uintptr_t)(value == NULL ? "" : value);
	a->pair_count++;
	return MHD_YES;
}

bool
ask_query(struct ask *a, const char *names)
{
	struct query q = { a, names, true };

	MHD_get_connection_values(a->conn, MHD_GET_ARGUMENT_KIND, on_query, &q);
	return q.ok;
}

const char *
ask_value(const struct ask *a, const char *name)
{
	for (int i = 0; i < a->pair_count; i++)
		if (strcmp(a->pairs[i].name, name) == 0)
			return a->pairs[i].value;
	return NULL;
}

/* --- answers --- */

static void
answer(struct ask *a, int status, struct MHD_Response *response, const char *type)
{
	if (response == NULL)
		abort();
	if (type != NULL)
		MHD_add_response_header(response, "Content-Type", type);
	a->status = status;
	a->response = response;
}

void
answer_json(struct ask *a, int status, json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);

	if (text == NULL)
		abort();
	json_decref(json);
	answer(a, status,
	    MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE),
	    "application/json");
}

void
answer_refusal(struct ask *a, const struct refusal *r)
{
	answer_error(a, r->http, r->code, "%s", r->message);
}

void
answer_error(struct ask *a, int status, int code, const char *fmt, ...)
{
	char message[300];
	json_t *text, *o = json_object();
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	/* A cut or foreign text may not be UTF-8. */
	text = json_string(message);
	json_object_set_new(o, "code", json_integer(code));
	json_object_set_new(
	    o, "message", text != NULL ? text : json_string("The request is not valid UTF-8"));
	json_object_set_new(
	    o, "more_info", json_sprintf("https://www.twilio.com/docs/errors/%d", code));
	json_object_set_new(o, "status", json_integer(status));
	answer_json(a, status, o);
	if (status == 401)
		MHD_add_response_header(
		    a->response, "WWW-Authenticate", "Basic realm=\"Twilio API\"");
}

void
answer_not_found(struct ask *a)
{
	answer_error(a, 404, 20404, "The requested resource %.200s was not found", a->path);
}

void
answer_empty(struct ask *a)
{
	answer(a, 204, MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT), NULL);
}

void
answer_nothing(struct ask *a)
{
	a->dropped = true;
}

void
answer_file(struct ask *a, int fd, const char *type)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		abort();
	answer(a, 200, MHD_create_response_from_fd64((uint64_t)st.st_size, fd), type);
}

/* --- streams --- */

struct stream {
	bool (*item)(size_t, json_t **);
	size_t number;
	struct buf ready; /* made, not yet sent */
	size_t sent;
	bool ended;
};

static void
fill(struct stream *s)
{
	json_t *json = NULL;
	char *text;

	buf_clear(&s->ready);
	s->sent = 0;
	world_lock();
	while (s->ready.len < STREAM_BLOCK / 2 && !s->ended) {
		if (!s->item(s->number, &json)) {
			buf_puts(&s->ready, s->number == 0 ? "[]" : "]");
			s->ended = true;
			break;
		}
		if (s->number++ == 0)
			buf_puts(&s->ready, "[");
		else if (json != NULL)
			buf_puts(&s->ready, ",\n");
		if (json == NULL)
			continue;
		text = json_dumps(json, JSON_COMPACT);
		if (text == NULL)
			abort();
		buf_puts(&s->ready, text);
		free(text);
		json_decref(json);
		json = NULL;
	}
	world_unlock();
}

static ssize_t
on_read(void *arg, uint64_t pos, char *out, size_t max)
{
	struct stream *s = arg;
	size_t n;

	(void)pos;
	if (s->sent == s->ready.len && !s->ended)
		fill(s);
	n = s->ready.len - s->sent;
	if (n == 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n > max)
		n = max;
	memcpy(out, s->ready.data + s->sent, n);
	s->sent += n;
	return (ssize_t)n;
}

static void
on_stream_end(void *arg)
{
	struct stream *s = arg;

	buf_free(&s->ready);
	free(s);
}

void
answer_stream(struct ask *a, bool (*item)(size_t, json_t **))
{
	struct stream *s = mem_zalloc(1, sizeof(*s));

	s->item = item;
	buf_init(&s->ready, 16 * STREAM_BLOCK);
	answer(a, 200,
	    MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, STREAM_BLOCK, on_read, s, on_stream_end),
	    "application/json");
}
