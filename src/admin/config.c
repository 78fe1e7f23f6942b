/*
 * config.c: "offhook config": whether the settings are right, what one of them is, and a sample
 * of all.
 */
#include <stdio.h>

#include "admin/nouns.h"
#include "admin/print.h"
#include "domain/skill.h"

#define VALUE_SIZE 8192

static int check(struct admin *);
static int get(struct admin *);
static int sample(struct admin *);

const struct command config_commands[] = {
	{ "config", "check", "", "Say whether the settings are right, and what is wrong", check,
	    no_options, COMMAND_BARE },
	{ "config", "get", "KEY", "Print the value in effect of one setting (section.key)", get,
	    no_options, 0 },
	{ "config", "sample", "", "Print a file with every setting and its default", sample,
	    no_options, COMMAND_BARE },
	{ .noun = NULL },
};

/* The settings, and what they name that no program starts without: the manifests of the skills. */
static int
check(struct admin *a)
{
	const struct admin_settings *s = a->settings;
	char skill_error[VALUE_SIZE];
	const char *error = s->error;
	int status;

	if (error == NULL) {
		struct skill_set *skills = skill_set_load(
		    s->skills_dir, skill_error, sizeof(skill_error));

		error = skills == NULL ? skill_error : NULL;
		skill_set_free(skills);
	}
	status = error == NULL ? ADMIN_DONE : ADMIN_FAILED;
	if (a->json)
		print_json(json_pack(
		    "{s:b, s:s?, s:s?}", "ok", error == NULL, "file", s->file, "error", error));
	else if (error != NULL)
		admin_refuse("%s", error);
	else if (s->file != NULL)
		printf("%s: the settings are right\n", s->file);
	else
		puts("no file: the defaults and the environment are right");
	return status;
}

static int
get(struct admin *a)
{
	const char *name = a->args[0];
	char value[VALUE_SIZE];

	if (!conf_get(a->settings->keys, a->settings->values, name, value, sizeof(value)))
		return admin_refuse("there is no setting %s, or it is a secret, which is never "
				    "printed: see offhook.conf(5)",
		    name);
	if (a->json)
		print_json(json_pack("{s:s, s:s}", "key", name, "value", value));
	else
		puts(value);
	return ADMIN_DONE;
}

static int
sample(struct admin *a)
{
	conf_print_sample(a->settings->keys, stdout);
	return ADMIN_DONE;
}
