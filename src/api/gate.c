/*
 * gate.c: see gate.h. Who asks is verified by the handler's own statement, so an input error found
 * before it must not tell a stranger anything: then the gate verifies first, and 401 wins.
 */
#include "api/gate.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/digest.h"
#include "base/log.h"

static const char *
query_value(const void *arg, const char *name)
{
	return req_query(arg, name);
}

/* The route for the request, or NULL; allow gets the methods of the path, "" when it is unknown. */
static const struct route *
find_route(
    const struct route *const tables[], struct ask *ask, const char *method, struct buf *allow)
{
	for (; *tables != NULL; tables++) {
		for (const struct route *r = *tables; r->method != NULL; r++) {
			if (!router_match(ask->req->arena, r->path, ask->req->path, &ask->path))
				continue;
			if (strcmp(r->method, method) == 0)
				return r;
			buf_printf(allow, "%s%s", r->method,
			    strcmp(r->method, "GET") == 0 ? ", HEAD, " : ", ");
		}
	}
	return NULL;
}

static void
answer_no_route(struct ask *ask, struct buf *allow)
{
	if (allow->len == 0) {
		resp_detail(ask->resp, 404, "Not Found");
		return;
	}
	buf_puts(allow, "OPTIONS");
	if (strcmp(ask->req->method, "OPTIONS") == 0)
		resp_text(ask->resp, 200, "text/plain", "");
	else
		resp_detail(ask->resp, 405, "Method Not Allowed");
	resp_header(ask->resp, "Allow", allow->data);
}

static void
answer_unauthenticated(struct ask *ask)
{
	resp_clear(ask->resp);
	resp_detail(ask->resp, 401, ask->who.missing ? "missing API key" : "invalid API key");
	resp_header(ask->resp, "WWW-Authenticate", "Bearer realm=\"offhook\"");
}

/* The answer to a result, where the handler gave none of its own. */
static void
answer_result(struct ask *ask, enum rc rc)
{
	switch (rc) {
	case RC_OK:
		break;
	case RC_INVALID:
		resp_detail(ask->resp, 400, "Bad Request");
		break;
	case RC_UNAUTHENTICATED:
		answer_unauthenticated(ask);
		break;
	case RC_NO_WORKSPACE:
		resp_detail(ask->resp, 400,
		    "This key is above a workspace: name the one to act in by the header"
		    " X-Workspace-Id or by ?workspace_id=");
		break;
	case RC_FORBIDDEN:
		resp_detail(ask->resp, 403, "Forbidden");
		break;
	case RC_NOT_FOUND:
		resp_detail(ask->resp, 404, "Not Found");
		break;
	case RC_CONFLICT:
		resp_detail(ask->resp, 409, "Conflict");
		break;
	case RC_NO_CREDIT:
		resp_detail(ask->resp, 402, "No credits left in this workspace");
		break;
	case RC_LATER:
		resp_detail(ask->resp, 503, "The service is temporarily unavailable; try again");
		resp_header(ask->resp, "Retry-After", "2");
		break;
	case RC_BROKEN:
		resp_detail(ask->resp, 500, "Internal Server Error");
		break;
	}
}

static void
release_json(void *value)
{
	json_decref(value);
}

json_t *
ask_keep(struct ask *ask, json_t *value)
{
	arena_on_free(ask->req->arena, release_json, value);
	return value;
}

bool
ask_csv(const struct ask *ask)
{
	static const char type[] = "text/csv";
	const char *said = req_header(ask->req, "content-type");
	size_t len = sizeof type - 1;

	return said != NULL && strncasecmp(said, type, len) == 0 &&
	    strchr("; \t", said[len]) != NULL;
}

/* Reads query and body by the route's tables; an error is answered 422, or 400 where that is plain. */
static enum rc
read_input(const struct route *route, struct ask *ask)
{
	enum rc rc = RC_OK;
	struct input *in = &ask->query;
	const char *lacking;

	if (route->query != NULL)
		rc = valid_query(ask->req->arena, route->query, query_value, ask->req, &ask->query);
	if (rc == RC_OK && route->body != NULL && !(route->flags & ROUTE_CSV && ask_csv(ask))) {
		rc = valid_body(
		    ask->req->arena, route->body, ask->req->body, ask->req->body_len, &ask->body);
		in = &ask->body;
	}
	if (route->flags & ROUTE_NAMING && (lacking = valid_lacking(&ask->body)) != NULL) {
		resp_detail(ask->resp, 400, "%s is required", lacking);
		return RC_INVALID;
	}
	if (rc == RC_INVALID && route->flags & ROUTE_PLAIN)
		resp_detail(ask->resp, 400, "%s", valid_says(ask->req->arena, in));
	else if (rc == RC_INVALID)
		resp_json(ask->resp, 422, json_pack("{s:O}", "detail", in->errors));
	return rc;
}

static enum rc
run_route(const struct route *route, struct ask *ask)
{
	enum who_source source = route->flags & ROUTE_QUERY_KEY ? WHO_HEADERS_OR_QUERY
								: WHO_HEADERS;
	bool public = route->flags & ROUTE_PUBLIC;
	enum rc rc;

	ask->backend = route->flags & ROUTE_BACKEND && ask_from_backend(ask);
	public = public || ask->backend ||
	    (route->flags & ROUTE_TICKET && req_query(ask->req, "ticket") != NULL);
	if (!public) {
		rc = who_read(&ask->env->who, ask->req, source, &ask->who);
		if (rc != RC_OK)
			return rc;
	}
	rc = read_input(route, ask);
	if (rc == RC_OK)
		rc = route->handle(ask);
	if (rc == RC_INVALID && !public) {
		enum rc known = who_verify(ask->db, &ask->who, NULL);

		if (known == RC_LATER && route->flags & ROUTE_AWAY)
			return rc;
		if (known != RC_OK) {
			resp_clear(ask->resp);
			return known;
		}
	}
	return rc;
}

void
gate_run(const struct route *const tables[], struct ask *ask)
{
	const char *method = ask->req->method;
	const struct route *route;
	struct buf allow;
	enum rc rc;

	if (strcmp(method, "HEAD") == 0)
		method = "GET"; /* the server leaves the body out */
	buf_init(&allow, 256);
	route = find_route(tables, ask, method, &allow);
	if (route == NULL) {
		answer_no_route(ask, &allow);
	} else {
		rc = run_route(route, ask);
		if (ask->resp->status == 0)
			answer_result(ask, rc);
		if (ask->resp->status == 0) {
			log_error("%s %s gave no answer", route->method, route->path);
			resp_detail(ask->resp, 500, "Internal Server Error");
		}
	}
	buf_free(&allow);
}

const char *
ask_path(const struct ask *ask, const char *name)
{
	const char *value = router_value(&ask->path, name);

	return value == NULL ? "" : value;
}

bool
ask_from_backend(const struct ask *ask)
{
	const char *key = req_header(ask->req, "x-api-key"), *right = ask->env->backend.key;
	uint8_t sent[DIGEST_SHA256_SIZE], known[DIGEST_SHA256_SIZE];

	if (key == NULL || right == NULL || right[0] == '\0')
		return false;
	digest_sha256(key, strlen(key), sent);
	digest_sha256(right, strlen(right), known);
	return digest_equal(sent, sizeof sent, known, sizeof known);
}

struct row_columns {
	const struct rows *rows;
	const struct shape *shape;
	int row, first_column;
};

static const char *
row_value(const void *arg, int i)
{
	const struct row_columns *c = arg;
	const char *name = rows_name(c->rows, c->first_column + i);

	if (name == NULL || strcmp(name, c->shape[i].name) != 0) {
		log_error("column %d is %s, not %s", i, name == NULL ? "missing" : name,
		    c->shape[i].name);
		abort(); /* statement and shape stand in the sources: a broken build */
	}
	return rows_text(c->rows, c->row, c->first_column + i);
}

json_t *
ask_row(const struct shape *shape, const struct rows *rows, int row, int first_column)
{
	struct row_columns columns = { rows, shape, row, first_column };

	return shape_object(shape, row_value, &columns);
}

json_t *
ask_rows(const struct shape *shape, const struct rows *rows, int first_column)
{
	json_t *array = json_array();

	for (int i = 0; i < rows_count(rows); i++)
		if (rows_text(rows, i, first_column) != NULL)
			(void)json_array_append_new(array, ask_row(shape, rows, i, first_column));
	return array;
}
