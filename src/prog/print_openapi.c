/*
 * print_openapi.c: prints the OpenAPI document as offhook-api answers it. The build makes the page
 * of the API from it (nginx/local.mk); it is not installed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/routes.h"
#include "base/log.h"
#include "config.h"

int
main(void)
{
	static const struct api_env env = { .version = PACKAGE_VERSION,
		.public_url = "https://localhost" };
	char method[] = "REQUEST_METHOD=GET", path[] = "DOCUMENT_URI=/openapi.json";
	char *environment[] = { method, path, NULL };
	struct arena *arena = arena_new();
	struct resp resp;
	struct req req;
	struct ask ask = { .req = &req, .resp = &resp, .env = &env };
	const char *why;
	bool done;

	log_open("print-openapi", LOG_LEVEL_INFO);
	resp_init(&resp);
	if (!req_init(&req, arena, environment, "", 0, &why))
		log_fatal("%s", why);
	gate_run(route_tables, &ask);
	done = resp.status == 200 && puts(resp.body.data) >= 0 && fflush(stdout) == 0;
	resp_free(&resp);
	arena_free(arena);
	return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
