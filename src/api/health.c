/* health.c: liveness, readiness, and figures for Prometheus. */
#include <string.h>
#include <unistd.h>

#include "api/routes.h"
#include "db/migrate.h"
#include "domain/figures.h"
#include "sys/spool.h"

static enum rc alive(struct ask *);
static enum rc ready(struct ask *);
static enum rc metrics(struct ask *);

static const struct route_answer alive_answers[] = {
	{ 200, "Successful Response", "Health" },
	{ 0 },
};
static const struct route_answer ready_answers[] = {
	{ 200, "Successful Response", "Health" },
	{ 503, "The database is away, or its schema is not this release's.", "Error" },
	{ 0 },
};
static const struct route_answer metrics_answers[] = {
	{ 200, "Figures as Prometheus reads them.", "text/plain" },
	{ 403, "Asked from an address that nginx was not told of.", "Error" },
	{ 0 },
};

const struct route health_routes[] = {
	{ "GET", "/healthz", alive, ROUTE_PUBLIC, .tag = "health", .operation = "healthz",
	    .summary = "The service is up", .answers = alive_answers },
	{ "GET", "/readyz", ready, ROUTE_PUBLIC, .tag = "health", .operation = "readyz",
	    .summary = "The database is reachable and its schema is current",
	    .answers = ready_answers },
	{ "GET", "/metrics", metrics, ROUTE_PUBLIC, .tag = "health", .operation = "metrics",
	    .summary = "Figures for Prometheus", .answers = metrics_answers },
	{ .method = NULL },
};

static const struct shape health_shape[] = {
	{ "status", SHAPE_TEXT, .title = "Status" },
	{ "version", SHAPE_TEXT, .optional = true, .title = "Version" },
	{ .name = NULL },
};

const struct named_schema health_schemas[] = {
	{ "Health", health_shape, NULL, NULL },
	{ .name = NULL },
};

static enum rc
alive(struct ask *ask)
{
	resp_json(
	    ask->resp, 200, json_pack("{s:s, s:s}", "status", "ok", "version", ask->env->version));
	return RC_OK;
}

static enum rc
ready(struct ask *ask)
{
	bool current;
	enum rc rc = migrate_current(ask->db, ask->env->sql_dir, &current);

	if (rc != RC_OK) {
		resp_detail(ask->resp, 503, "The database cannot be reached");
		resp_header(ask->resp, "Retry-After", "2");
	} else if (!current) {
		resp_detail(
		    ask->resp, 503, "The schema is not this release's: run offhook migrate");
		resp_header(ask->resp, "Retry-After", "10");
	} else {
		resp_json(ask->resp, 200, json_pack("{s:s}", "status", "ready"));
	}
	return RC_OK;
}

/* What waits on this host until the database is back; nothing where there is no folder for it. */
static void
add_spool(const struct ask *ask, struct buf *text)
{
	struct spool_list list;
	int dir = spool_open(arena_printf(ask->req->arena, "%s/" SPOOL_FOLDER, ask->env->data_dir));

	if (dir < 0)
		return;
	if (spool_list(dir, &list)) {
		buf_printf(text, "# TYPE offhook_spool_entries gauge\noffhook_spool_entries %d\n",
		    list.count);
		spool_list_free(&list);
	}
	close(dir);
}

static enum rc
metrics(struct ask *ask)
{
	struct rows *rows;
	struct buf text;
	const char *before = "";
	enum rc rc = figures_read(ask->db, &rows);

	if (rc != RC_OK)
		return rc;
	buf_init(&text, 64 << 10);
	for (int i = 0; i < rows_count(rows); i++) {
		const char *name = rows_text(rows, i, FIGURE_NAME);
		const char *label = rows_text(rows, i, FIGURE_LABEL);

		if (strcmp(name, before) != 0)
			buf_printf(&text, "# TYPE offhook_%s %s\n", name,
			    strstr(name, "_total") != NULL ? "counter" : "gauge");
		before = name;
		buf_printf(&text, label == NULL ? "offhook_%s%s %s\n" : "offhook_%s{%s} %s\n", name,
		    label == NULL ? "" : label, rows_text(rows, i, FIGURE_VALUE));
	}
	rows_free(rows);
	add_spool(ask, &text);
	resp_text(ask->resp, 200, "text/plain; version=0.0.4", text.data);
	buf_free(&text);
	return RC_OK;
}
