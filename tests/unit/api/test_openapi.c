/*
 * test_openapi.c: the OpenAPI document holds every public route and nothing else, every reference
 * in it leads somewhere, and what it says of a route is what the route's tables say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/routes.h"
#include "base/json.h"
#include "base/str.h"

static struct arena *a;
static json_t *document;

static int
setup(void **state)
{
	static const struct api_env env = { .version = "1.2.3", .public_url = "https://x.example" };
	char *environment[] = { (char[]){ "REQUEST_METHOD=GET" },
		(char[]){ "DOCUMENT_URI=/openapi.json" }, NULL };
	struct resp resp;
	struct req req;
	struct ask ask = { .req = &req, .resp = &resp, .env = &env };
	char why[64];

	(void)state;
	a = arena_new();
	resp_init(&resp);
	assert_true(req_init(&req, a, environment, "", 0, &(const char *){ NULL }));
	gate_run(route_tables, &ask);
	assert_int_equal(resp.status, 200);
	document = json_parse_strict(resp.body.data, resp.body.len, why);
	resp_free(&resp);
	assert_non_null(document);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	json_decref(document);
	arena_free(a);
	return 0;
}

/* The value at a path of names, NULL at the end; fails when there is none. */
static json_t *
at(json_t *from, ...)
{
	va_list names;
	const char *name;

	va_start(names, from);
	while ((name = va_arg(names, const char *)) != NULL) {
		from = json_object_get(from, name);
		if (from == NULL)
			fail_msg("no %s", name);
	}
	va_end(names);
	return from;
}

static const char *
lower(const char *method)
{
	char *text = arena_strdup(a, method);

	for (char *p = text; *p != '\0'; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
	return text;
}

static void
the_head_is_right(void **state)
{
	(void)state;
	assert_string_equal(json_string_value(at(document, "openapi", NULL)), "3.1.0");
	assert_string_equal(json_string_value(at(document, "info", "version", NULL)), "1.2.3");
	assert_string_equal(
	    json_string_value(at(json_array_get(at(document, "servers", NULL), 0), "url", NULL)),
	    "https://x.example");
	assert_non_null(at(document, "components", "securitySchemes", "ApiKey", NULL));
}

/* ---- routes ---- */

static void
every_route_is_there_and_no_other(void **state)
{
	const char *path, *method;
	json_t *operations, *operation;
	size_t routes = 0, found = 0;

	(void)state;
	for (const struct route *const *table = route_tables; *table != NULL; table++) {
		for (const struct route *r = *table; r->method != NULL; r++) {
			json_t *all = json_object_get(at(document, "paths", NULL), r->path);

			if (r->flags & ROUTE_HIDDEN) {
				assert_null(json_object_get(all, lower(r->method)));
				continue;
			}
			assert_non_null(json_object_get(all, lower(r->method)));
			routes++;
		}
	}
	json_object_foreach(at(document, "paths", NULL), path, operations)
	{
		json_object_foreach(operations, method, operation) found++;
	}
	assert_int_equal(found, routes);
	assert_in_range(routes, 10, 1000);
}

/* What OpenAPI asks of an operation, and what its route says of it. */
static void
check_operation(const struct route *route, json_t *operation, json_t *seen)
{
	const char *id = json_string_value(at(operation, "operationId", NULL));
	json_t *answers = at(operation, "responses", NULL), *parameter, *answer;
	const char *status;
	size_t i, names = 0;

	assert_non_null(id);
	assert_null(json_object_get(seen, id)); /* unique */
	json_object_set_new(seen, id, json_true());
	assert_true(json_string_length(at(operation, "summary", NULL)) > 0);
	assert_true(json_string_length(json_array_get(at(operation, "tags", NULL), 0)) > 0);
	assert_true(json_object_size(answers) > 0);
	json_object_foreach(answers, status, answer)
	{
		int64_t number;

		assert_true(str_int64(status, 100, 599, &number));
		assert_true(json_is_string(at(answer, "description", NULL)));
	}
	json_array_foreach(at(operation, "parameters", NULL), i, parameter)
	{
		const char *name = json_string_value(at(parameter, "name", NULL));
		const char *place = json_string_value(at(parameter, "in", NULL));

		assert_non_null(at(parameter, "schema", NULL));
		if (strcmp(place, "path") != 0)
			continue;
		names++;
		assert_true(json_is_true(at(parameter, "required", NULL)));
		assert_non_null(strstr(route->path, arena_printf(a, "{%s}", name)));
	}
	for (const char *p = route->path; *p != '\0'; p++)
		names -= *p == '{';
	assert_int_equal(names, 0);
	assert_int_equal(
	    json_object_get(operation, "requestBody") != NULL, route->body_schema != NULL);
	assert_int_equal(
	    json_array_size(at(operation, "security", NULL)) > 0, !(route->flags & ROUTE_PUBLIC));
}

static void
every_operation_is_complete(void **state)
{
	json_t *seen = json_object();

	(void)state;
	for (const struct route *const *table = route_tables; *table != NULL; table++)
		for (const struct route *r = *table; r->method != NULL; r++)
			if (!(r->flags & ROUTE_HIDDEN))
				check_operation(r,
				    at(document, "paths", r->path, lower(r->method), NULL), seen);
	json_decref(seen);
}

/* ---- references ---- */

static size_t references;

static void
check_references(json_t *value)
{
	static const char prefix[] = "#/components/schemas/";
	const char *name;
	json_t *one;
	size_t i;

	json_object_foreach(value, name, one)
	{
		if (strcmp(name, "$ref") == 0) {
			const char *target = json_string_value(one);

			assert_non_null(target);
			assert_true(str_starts(target, prefix));
			assert_true(json_is_object(at(
			    document, "components", "schemas", target + sizeof(prefix) - 1, NULL)));
			references++;
		}
		check_references(one);
	}
	json_array_foreach(value, i, one) check_references(one);
}

static void
every_reference_leads_somewhere(void **state)
{
	(void)state;
	references = 0;
	check_references(document);
	assert_in_range(references, 10, 10000);
}

static void
every_schema_is_an_object_of_known_fields(void **state)
{
	const char *name, *required_name;
	json_t *schema, *required;
	size_t i;

	(void)state;
	json_object_foreach(at(document, "components", "schemas", NULL), name, schema)
	{
		if (json_object_get(schema, "enum") != NULL)
			continue; /* a text with a name of its own */
		assert_string_equal(json_string_value(at(schema, "type", NULL)), "object");
		json_array_foreach(json_object_get(schema, "required"), i, required)
		{
			required_name = json_string_value(required);
			assert_non_null(
			    json_object_get(at(schema, "properties", NULL), required_name));
		}
	}
}

static void
every_tag_is_described_once(void **state)
{
	json_t *seen = json_object(), *tag;
	size_t i;

	(void)state;
	json_array_foreach(at(document, "tags", NULL), i, tag)
	{
		assert_true(json_string_length(at(tag, "description", NULL)) > 0);
		json_object_set_new(seen, json_string_value(at(tag, "name", NULL)), json_true());
	}
	assert_int_equal(json_object_size(seen), i);
	json_decref(seen);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_head_is_right),
		cmocka_unit_test(every_route_is_there_and_no_other),
		cmocka_unit_test(every_operation_is_complete),
		cmocka_unit_test(every_reference_leads_somewhere),
		cmocka_unit_test(every_schema_is_an_object_of_known_fields),
		cmocka_unit_test(every_tag_is_described_once),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
