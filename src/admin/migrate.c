/*
 * migrate.c: "offhook migrate": brings the database's schema up to this release.
 */
#include "db/migrate.h"

#include <stdio.h>

#include "admin/nouns.h"
#include "admin/print.h"

static int migrate(struct admin *);

const struct command migrate_commands[] = {
	{ "migrate", NULL, "", "Bring the database's schema up to this release", migrate,
	    no_options, 0 },
	{ .noun = NULL },
};

/* A line of progress: at once for people, kept for JSON. */
static void
hear(const char *line, void *arg)
{
	json_t *steps = arg;

	if (steps != NULL) {
		json_array_append_new(steps, json_string(line));
		return;
	}
	puts(line);
	fflush(stdout);
}

static int
migrate(struct admin *a)
{
	json_t *steps = a->json ? json_array() : NULL;
	enum rc rc = migrate_apply(a->db, a->settings->schema_dir, hear, steps);

	if (a->json)
		print_json(json_pack("{s:b, s:o}", "current", rc == RC_OK, "steps", steps));
	switch (rc) {
	case RC_OK:
		if (!a->json)
			puts("the schema is current");
		return ADMIN_DONE;
	case RC_LATER:
		return admin_refuse("the schema was not changed to its end: see that the database "
				    "runs and that database.url names it, then run this again");
	default:
		return admin_refuse(
		    "the schema in %s could not be applied: the lines before say why",
		    a->settings->schema_dir);
	}
}
