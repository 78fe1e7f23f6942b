/*
 * openapi.c: the OpenAPI 3.1 document, made from the same tables that route requests, read input
 * and write answers, so that it cannot say anything else.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "api/routes.h"

static enum rc document(struct ask *);

const struct route openapi_routes[] = {
	{ "GET", "/openapi.json", document, ROUTE_PUBLIC, .tag = "health", .operation = "openapi",
	    .summary = "This document" },
	{ .method = NULL },
};

/* A reference; "[]name" is an array of it, "name|other" either of them. */
static json_t *
schema_ref(const char *name)
{
	const char *other = strchr(name, '|');
	char ref[128];

	if (other != NULL) {
		snprintf(ref, sizeof ref, "%.*s", (int)(other - name), name);
		return json_pack("{s:[o, o]}", "anyOf", schema_ref(ref), schema_ref(other + 1));
	}
	if (strncmp(name, "[]", 2) == 0)
		return json_pack("{s:s, s:o}", "type", "array", "items", schema_ref(name + 2));
	snprintf(ref, sizeof ref, "#/components/schemas/%s", name);
	return json_pack("{s:s}", "$ref", ref);
}

static json_t *
json_content(const char *schema)
{
	return json_pack("{s:{s:o}}", "application/json", "schema", schema_ref(schema));
}

static json_t *
answers_of(const struct route *route)
{
	json_t *answers = json_object();
	char status[8];

	for (const struct route_answer *a = route->answers; a != NULL && a->status != 0; a++) {
		json_t *answer = json_pack("{s:s}", "description", a->says);

		if (a->schema != NULL)
			json_object_set_new(answer, "content", json_content(a->schema));
		snprintf(status, sizeof status, "%d", a->status);
		json_object_set_new(answers, status, answer);
	}
	if (json_object_size(answers) == 0)
		json_object_set_new(
		    answers, "200", json_pack("{s:s}", "description", "Successful Response"));
	return answers;
}

/* The {names} of the path, then the query's fields. */
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
	if (route->query != NULL) {
		json_t *query = valid_parameters(route->query, "query");

		json_array_extend(all, query);
		json_decref(query);
	}
	return all;
}

static json_t *
operation_of(const struct route *route)
{
	json_t *operation = json_pack("{s:[s], s:s, s:s, s:o, s:o}", "tags", route->tag, "summary",
	    route->summary, "operationId", route->operation, "parameters", parameters_of(route),
	    "responses", answers_of(route));

	if (route->body != NULL)
		json_object_set_new(operation, "requestBody",
		    json_pack(
			"{s:b, s:o}", "required", 1, "content", json_content(route->body_schema)));
	if (!(route->flags & ROUTE_PUBLIC))
		json_object_set_new(
		    operation, "security", json_pack("[{s:[]}, {s:[]}]", "ApiKey", "Bearer"));
	return operation;
}

static json_t *
paths(void)
{
	json_t *all = json_object();

	for (const struct route *const *table = route_tables; *table != NULL; table++) {
		for (const struct route *r = *table; r->method != NULL; r++) {
			char method[16] = "";
			json_t *path = json_object_get(all, r->path);

			if (r->flags & ROUTE_HIDDEN)
				continue;
			if (path == NULL) {
				path = json_object();
				json_object_set_new(all, r->path, path);
			}
			for (size_t i = 0; i < sizeof method - 1 && r->method[i] != '\0'; i++)
				method[i] = (char)tolower((unsigned char)r->method[i]);
			json_object_set_new(path, method, operation_of(r));
		}
	}
	return all;
}

/* The two shapes of an error (contract section 4). */
static void
add_errors(json_t *all)
{
	json_object_set_new(all, "Error",
	    json_pack("{s:s, s:{s:{s:[{s:s}, {s:s}]}}, s:[s]}", "type", "object", "properties",
		"detail", "anyOf", "type", "string", "type", "object", "required", "detail"));
	json_object_set_new(all, "ValidationError",
	    json_pack("{s:s, s:{s:{s:s, s:{s:[{s:s}, {s:s}]}}, s:{s:s}, s:{s:s}, s:{}, s:{s:s}},"
		      " s:[sss]}",
		"type", "object", "properties", "loc", "type", "array", "items", "anyOf", "type",
		"string", "type", "integer", "msg", "type", "string", "type", "type", "string",
		"input", "ctx", "type", "object", "required", "loc", "msg", "type"));
	json_object_set_new(all, "HTTPValidationError",
	    json_pack("{s:s, s:{s:{s:s, s:o}}}", "type", "object", "properties", "detail", "type",
		"array", "items", schema_ref("ValidationError")));
}

static json_t *
schemas(void)
{
	json_t *all = json_object();

	for (const struct named_schema *const *table = schema_tables; *table != NULL; table++)
		for (const struct named_schema *s = *table; s->name != NULL; s++)
			json_object_set_new(all, s->name,
			    s->fields != NULL ? valid_schema(s->fields, s->name)
					      : shape_schema(s->shape, s->name, s->help));
	add_errors(all);
	return all;
}

static enum rc
document(struct ask *ask)
{
	json_t *security = json_pack("{s:{s:s, s:s, s:s}, s:{s:s, s:s}}", "ApiKey", "type",
	    "apiKey", "in", "header", "name", "X-API-Key", "Bearer", "type", "http", "scheme",
	    "bearer");

	resp_json(ask->resp, 200,
	    json_pack("{s:s, s:{s:s, s:s}, s:[{s:s}], s:o, s:{s:o, s:o}}", "openapi", "3.1.0",
		"info", "title", "Offhook", "version", ask->env->version, "servers", "url",
		ask->env->public_url, "paths", paths(), "components", "schemas", schemas(),
		"securitySchemes", security));
	return RC_OK;
}
