/*
 * openapi.c: the OpenAPI 3.1 document, made from the same tables that route requests, read input
 * and write answers, so that it cannot say anything else. Its longer prose is in describe.c.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "api/describe.h"
#include "api/routes.h"

static enum rc document(struct ask *);

static const struct route_answer document_answers[] = {
	{ 200, "Successful Response", "application/json" },
	{ 0 },
};

const struct route openapi_routes[] = {
	{ "GET", "/openapi.json", document, ROUTE_PUBLIC, .tag = "health", .operation = "openapi",
	    .summary = "This document", .answers = document_answers },
	{ .method = NULL },
};

/* What every route with a key takes and may answer, as the gate has it, and what any route may. */
static const struct field who_headers[] = {
	{ "X-Gateway-Context", FIELD_TEXT, .nullable = true, .title = "X-Gateway-Context",
	    .help = "Behind a gateway: its signed token, in place of a key." },
	{ "X-API-Key", FIELD_TEXT, .nullable = true, .title = "X-Api-Key",
	    .help = "The key; Authorization: Bearer is as good." },
	{ "X-Workspace-Id", FIELD_TEXT, .nullable = true, .title = "X-Workspace-Id",
	    .help = "The workspace that a key above a workspace acts in." },
	{ .name = NULL },
};
static const struct field who_query[] = {
	{ "workspace_id", FIELD_TEXT, .nullable = true, .title = "Workspace Id",
	    .help = "The same as the header X-Workspace-Id." },
	{ .name = NULL },
};
static const struct field query_key[] = {
	{ "api_key", FIELD_TEXT, .nullable = true, .title = "Api Key",
	    .help = "The key, for clients that cannot send a header." },
	{ .name = NULL },
};
static const struct route_answer keyed_answers[] = {
	{ 400, "A key above a workspace that names none.", "Error" },
	{ 401, "Missing or invalid API key.", "Error" },
	{ 429, "Too many requests with this key; try again after Retry-After.", "Error" },
	{ 0 },
};
static const struct route_answer reach_answers[] = {
	{ 404, "The workspace that was named does not exist within the key's reach.", "Error" },
	{ 0 },
};
static const struct route_answer strict_answers[] = {
	{ 422, "Validation Error", "HTTPValidationError" },
	{ 0 },
};
static const struct route_answer common_answers[] = {
	{ 503, "The service or its database is away; try again after Retry-After.", "Error" },
	{ 0 },
};
static const struct route_answer body_answers[] = {
	{ 413, "The body is larger than 1 MiB.", "Error" },
	{ 0 },
};
static const struct route_answer no_answers[] = { { 0 } };

static const struct named_schema *
find_schema(const char *name)
{
	for (const struct named_schema *const *table = schema_tables; *table != NULL; table++)
		for (const struct named_schema *s = *table; s->name != NULL; s++)
			if (strcmp(s->name, name) == 0)
				return s;
	return NULL;
}

/* The example of a body, from those of its fields; NULL when they have none. */
static json_t *
example_of(const char *schema)
{
	const struct named_schema *s = find_schema(schema);

	for (const struct made_schema *m = config_schemas; m->name != NULL; m++)
		if (strcmp(m->name, schema) == 0 && m->example != NULL)
			return json_loads(m->example, 0, NULL);
	if (s == NULL)
		return NULL;
	return s->fields != NULL ? valid_example(s->fields) : shape_example(s->shape);
}

/* A reference; "[]name" is an array of it, "name|other" either of them. */
static json_t *
reference(const char *name)
{
	const char *other = strchr(name, '|');
	char first[64];

	if (other != NULL) {
		snprintf(first, sizeof first, "%.*s", (int)(other - name), name);
		return json_pack("{s:[o, o]}", "anyOf", reference(first), reference(other + 1));
	}
	if (strncmp(name, "[]", 2) == 0)
		return json_pack("{s:s, s:o}", "type", "array", "items", reference(name + 2));
	return shape_reference(name);
}

/* Adds one kind of body: JSON by a schema, or whatever a media type holds. */
static void
add_content(json_t *content, const char *schema)
{
	json_t *json, *example;

	if (strchr(schema, '/') != NULL) {
		json_object_set_new(content, schema, json_pack("{s:{}}", "schema"));
		return;
	}
	json = json_pack("{s:o}", "schema", reference(schema));
	if ((example = example_of(schema)) != NULL)
		json_object_set_new(json, "example", example);
	json_object_set_new(content, "application/json", json);
}

/* What a body may be: the words of a list. */
static json_t *
content_of(const char *schemas)
{
	json_t *content = json_object();
	char word[64];

	while (*schemas != '\0') {
		size_t len = strcspn(schemas, " ");

		snprintf(word, sizeof word, "%.*s", (int)len, schemas);
		add_content(content, word);
		schemas += len;
		schemas += strspn(schemas, " ");
	}
	return content;
}

static const struct route_answer *
find_answer(const struct route_answer *answers, int status)
{
	for (; answers->status != 0; answers++)
		if (answers->status == status)
			return answers;
	return NULL;
}

/* A route's own word for a status, or else what all routes of its kind may answer. */
static const struct route_answer *
answer_of(const struct route *route, int status)
{
	const struct route_answer *own = route->answers != NULL ? route->answers : no_answers;
	const struct route_answer *found = find_answer(own, status);

	if (found == NULL && !(route->flags & ROUTE_PUBLIC))
		found = find_answer(keyed_answers, status);
	if (found == NULL && !(route->flags & (ROUTE_PUBLIC | ROUTE_REACH_403)))
		found = find_answer(reach_answers, status);
	if (found == NULL && !(route->flags & (ROUTE_PUBLIC | ROUTE_PLAIN)))
		found = find_answer(strict_answers, status);
	if (found == NULL && route->body != NULL)
		found = find_answer(body_answers, status);
	return found != NULL ? found : find_answer(common_answers, status);
}

static json_t *
answers_of(const struct route *route)
{
	json_t *answers = json_object();
	char name[16];

	for (int status = 200; status < 600; status++) {
		const struct route_answer *a = answer_of(route, status);
		json_t *answer;

		if (a == NULL)
			continue;
		answer = json_pack("{s:s}", "description", a->says);
		if (a->schema != NULL)
			json_object_set_new(answer, "content", content_of(a->schema));
		snprintf(name, sizeof name, "%d", status);
		json_object_set_new(answers, name, answer);
	}
	return answers;
}

static void
add_parameters(json_t *all, const struct field *fields, const char *where)
{
	json_t *some;

	if (fields == NULL)
		return;
	some = valid_parameters(fields, where);
	json_array_extend(all, some);
	json_decref(some);
}

/* The {names} of the path, the query's fields, the headers, and who asks. */
static json_t *
parameters_of(const struct route *route)
{
	json_t *all = json_array();
	char name[64];

	for (const char *p = strchr(route->path, '{'); p != NULL; p = strchr(p + 1, '{')) {
		snprintf(name, sizeof name, "%.*s", (int)strcspn(p + 1, "}"), p + 1);
		json_array_append_new(all,
		    json_pack("{s:s, s:s, s:b, s:{s:s}}", "name", name, "in", "path", "required", 1,
			"schema", "type", "string"));
	}
	add_parameters(all, route->query, "query");
	add_parameters(all, route->headers, "header");
	if (route->flags & ROUTE_QUERY_KEY)
		add_parameters(all, query_key, "query");
	if (!(route->flags & ROUTE_PUBLIC)) {
		add_parameters(all, who_headers, "header");
		add_parameters(all, who_query, "query");
	}
	return all;
}

/* The credentials of which one is needed; none for a public route. */
static json_t *
security_of(const struct route *route)
{
	json_t *any = json_array();

	if (route->flags & ROUTE_PUBLIC)
		return any;
	json_array_append_new(any, json_pack("{s:[]}", "ApiKey"));
	json_array_append_new(any, json_pack("{s:[]}", "Bearer"));
	json_array_append_new(any, json_pack("{s:[]}", "Gateway"));
	if (route->flags & ROUTE_QUERY_KEY)
		json_array_append_new(any, json_pack("{s:[]}", "QueryKey"));
	return any;
}

static json_t *
operation_of(const struct route *route)
{
	const char *description = describe_operation(route->operation);
	json_t *operation = json_pack("{s:[s], s:s, s:s, s:o, s:o, s:o}", "tags", route->tag,
	    "summary", route->summary, "operationId", route->operation, "parameters",
	    parameters_of(route), "responses", answers_of(route), "security", security_of(route));

	if (description != NULL)
		json_object_set_new(operation, "description", json_string(description));
	if (route->body != NULL)
		json_object_set_new(operation, "requestBody",
		    json_pack(
			"{s:b, s:o}", "required", 1, "content", content_of(route->body_schema)));
	return operation;
}

/* Calls see(route, arg) for each route of the document. */
static void
each_route(void (*see)(const struct route *route, json_t *arg), json_t *arg)
{
	for (const struct route *const *table = route_tables; *table != NULL; table++)
		for (const struct route *r = *table; r->method != NULL; r++)
			if (!(r->flags & ROUTE_HIDDEN))
				see(r, arg);
}

static void
add_path(const struct route *route, json_t *all)
{
	json_t *path = json_object_get(all, route->path);
	char method[16] = "";

	if (path == NULL) {
		path = json_object();
		json_object_set_new(all, route->path, path);
	}
	for (size_t i = 0; i < sizeof method - 1 && route->method[i] != '\0'; i++)
		method[i] = (char)tolower((unsigned char)route->method[i]);
	json_object_set_new(path, method, operation_of(route));
}

/* Each tag that a route bears, once, in the order of the routes. */
static void
add_tag(const struct route *route, json_t *all)
{
	const char *description = describe_tag(route->tag);
	json_t *tag;
	size_t i;

	json_array_foreach(all, i, tag)
	{
		if (strcmp(json_string_value(json_object_get(tag, "name")), route->tag) == 0)
			return;
	}
	tag = json_pack("{s:s}", "name", route->tag);
	if (description != NULL)
		json_object_set_new(tag, "description", json_string(description));
	json_array_append_new(all, tag);
}

static json_t *
titled(const char *type, const char *title)
{
	return json_pack("{s:s, s:s}", "type", type, "title", title);
}

/* One wrong field, as valid.h files it. */
static json_t *
validation_error(void)
{
	json_t *loc = json_pack("{s:s, s:s, s:{s:[{s:s}, {s:s}]}}", "type", "array", "title",
	    "Location", "items", "anyOf", "type", "string", "type", "integer");

	return json_pack("{s:s, s:s, s:{s:o, s:o, s:o, s:{s:s}, s:o}, s:[sss]}", "type", "object",
	    "title", "ValidationError", "properties", "loc", loc, "msg",
	    titled("string", "Message"), "type", titled("string", "Error Type"), "input", "title",
	    "Input", "ctx", titled("object", "Context"), "required", "loc", "msg", "type");
}

/* The two shapes of an error. */
static void
add_errors(json_t *all)
{
	json_object_set_new(all, "Error",
	    json_pack("{s:s, s:s, s:{s:{s:s, s:[{s:s}, {s:s}]}}, s:[s]}", "type", "object", "title",
		"Error", "properties", "detail", "title", "Detail", "anyOf", "type", "string",
		"type", "object", "required", "detail"));
	json_object_set_new(all, "ValidationError", validation_error());
	json_object_set_new(all, "HTTPValidationError",
	    json_pack("{s:s, s:s, s:{s:{s:s, s:s, s:o}}}", "type", "object", "title",
		"HTTPValidationError", "properties", "detail", "type", "array", "title", "Detail",
		"items", shape_reference("ValidationError")));
}

static void
add_schema(json_t *all, const struct named_schema *s)
{
	json_t *schema;

	if (s->fields == NULL) {
		schema = shape_schema(s->shape, s->name, s->help);
		shape_components(s->shape, all);
	} else {
		schema = valid_schema(s->fields, s->name);
		valid_components(s->fields, all);
		if (s->help != NULL)
			json_object_set_new(schema, "description", json_string(s->help));
	}
	json_object_set_new(all, s->name, schema);
}

static void
add_made(json_t *all, const struct made_schema *s)
{
	json_t *schema = s->make();

	json_object_set_new(schema, "title", json_string(s->name));
	json_object_set_new(schema, "description", json_string(s->help));
	json_object_set_new(all, s->name, schema);
}

static json_t *
schemas(void)
{
	json_t *all = json_object();

	for (const struct named_schema *const *table = schema_tables; *table != NULL; table++)
		for (const struct named_schema *s = *table; s->name != NULL; s++)
			add_schema(all, s);
	for (const struct made_schema *s = config_schemas; s->name != NULL; s++)
		add_made(all, s);
	add_errors(all);
	return all;
}

static json_t *
security_schemes(void)
{
	json_t *all = json_object();

	json_object_set_new(all, "ApiKey",
	    json_pack("{s:s, s:s, s:s}", "type", "apiKey", "in", "header", "name", "X-API-Key"));
	json_object_set_new(
	    all, "Bearer", json_pack("{s:s, s:s}", "type", "http", "scheme", "bearer"));
	json_object_set_new(all, "Gateway",
	    json_pack(
		"{s:s, s:s, s:s}", "type", "apiKey", "in", "header", "name", "X-Gateway-Context"));
	json_object_set_new(all, "QueryKey",
	    json_pack("{s:s, s:s, s:s}", "type", "apiKey", "in", "query", "name", "api_key"));
	return all;
}

static json_t *
make_document(const struct api_env *env)
{
	json_t *paths = json_object(), *tags = json_array();
	json_t *info = json_pack("{s:s, s:s, s:s, s:{s:s, s:s}}", "title", "Offhook", "version",
	    env->version, "description", describe_api(), "license", "name", "ISC", "identifier",
	    "ISC");

	each_route(add_path, paths);
	each_route(add_tag, tags);
	return json_pack("{s:s, s:o, s:[{s:s}], s:o, s:o, s:{s:o, s:o}}", "openapi", "3.1.0",
	    "info", info, "servers", "url", env->public_url, "tags", tags, "paths", paths,
	    "components", "schemas", schemas(), "securitySchemes", security_schemes());
}

/* Anybody may ask, as often as he likes, and it takes 50 ms to make: so a worker makes it once. Nothing of it changes
 * while a worker lives. */
static enum rc
document(struct ask *ask)
{
	static char *text;

	if (text == NULL) {
		json_t *made = make_document(ask->env);

		text = json_dumps(made, JSON_COMPACT);
		json_decref(made);
		if (text == NULL)
			return RC_BROKEN;
	}
	resp_json_text(ask->resp, 200, text);
	return RC_OK;
}
