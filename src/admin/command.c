/*
 * command.c: see command.h.
 */
#include "admin/command.h"

#include <stdio.h>
#include <string.h>

#include "admin/nouns.h"
#include "config.h"

const struct command_option no_options[] = { { .name = NULL } };

/* In the order of the help. */
static const struct command *const tables[] = { migrate_commands, config_commands, tree_commands,
	key_commands, credit_commands, maintenance_commands, dialing_commands, rule_commands,
	limit_commands, audit_commands, level_commands, call_commands, job_commands, queue_commands,
	webhook_commands, status_commands, reconcile_commands, doctor_commands, top_commands };

#define TABLES (sizeof(tables) / sizeof(tables[0]))

/* noun with verb, or (when there is no such row, or no verb) the noun alone. */
static const struct command *
find(const char *noun, const char *verb)
{
	const struct command *c, *alone = NULL;

	for (size_t t = 0; t < TABLES; t++) {
		for (c = tables[t]; c->noun != NULL; c++) {
			if (strcmp(c->noun, noun) != 0)
				continue;
			if (c->verb == NULL)
				alone = c;
			else if (verb != NULL && strcmp(c->verb, verb) == 0)
				return c;
		}
	}
	return alone;
}

/* ---- help ---- */

/* "key create" and its arguments, padded to the column of the explanations. */
static void
print_command(const struct command *c, FILE *to)
{
	int used = fprintf(to, "  %s%s%s%s%s", c->noun, c->verb != NULL ? " " : "",
	    c->verb != NULL ? c->verb : "", c->args[0] != '\0' ? " " : "", c->args);

	fprintf(to, "%*s%s\n", used < 38 ? 38 - used : 2, "", c->help);
}

/* All commands, or those of one noun. Returns how many. */
static int
print_commands(const char *noun, FILE *to)
{
	const struct command *c;
	int count = 0;

	for (size_t t = 0; t < TABLES; t++) {
		for (c = tables[t]; c->noun != NULL; c++) {
			if (noun == NULL || strcmp(c->noun, noun) == 0) {
				print_command(c, to);
				count++;
			}
		}
	}
	return count;
}

static void
print_common_options(FILE *to)
{
	fputs("  --config FILE      the settings, instead of the default file\n"
	      "  --json             print JSON\n"
	      "  --help             explain\n",
	    to);
}

static void
print_overview(FILE *to)
{
	fputs("usage: offhook COMMAND [ARGUMENTS] [OPTIONS]\n\ncommands:\n", to);
	print_commands(NULL, to);
	fputs("\noptions of every command:\n", to);
	print_common_options(to);
	fputs("  --version          print the version (without a command)\n\n"
	      "'offhook COMMAND --help' explains one. Exit status: 0 done, 1 refused or failed,\n"
	      "2 wrong usage. See offhook(1) and offhook.conf(5).\n",
	    to);
}

static void
print_help(const struct command *c)
{
	const struct command_option *o;

	printf("usage: offhook %s%s%s%s%s [OPTIONS]\n\n%s.\n\noptions:\n", c->noun,
	    c->verb != NULL ? " " : "", c->verb != NULL ? c->verb : "",
	    c->args[0] != '\0' ? " " : "", c->args, c->help);
	for (o = c->options; o->name != NULL; o++) {
		int used = printf("  %s%s%s", o->name, o->value != NULL ? " " : "",
		    o->value != NULL ? o->value : "");

		printf("%*s%s\n", used < 21 ? 21 - used : 2, "", o->help);
	}
	print_common_options(stdout);
}

/* ---- reading ---- */

/* Words that are no options, as they stood; one more than a command can take. */
struct words {
	const char *list[ADMIN_ARGS_MAX + 3];
	int count;
};

#define WORDS_MAX ((int)(sizeof(((struct words *)0)->list) / sizeof(char *)))

/* Whether the word at argv[0] is the option name, as "--name VALUE" or "--name=VALUE". */
static bool
is_option(const char *word, const char *name)
{
	size_t len = strlen(name);

	return strncmp(word, name, len) == 0 && (word[len] == '\0' || word[len] == '=');
}

/* The value of an option that stands at argv[*at], which then points to the last word used. */
static bool
take_value(int argc, char **argv, int *at, const char **out)
{
	const char *equals = strchr(argv[*at], '=');

	if (equals != NULL)
		*out = equals + 1;
	else if (*at + 1 < argc)
		*out = argv[++*at];
	else
		return false;
	return true;
}

/* An option of the command itself. */
static bool
take_own_option(struct admin *a, int argc, char **argv, int *at)
{
	const struct command_option *o = a->command->options;
	const char *name = argv[*at];

	for (int i = 0; o[i].name != NULL; i++) {
		if (!is_option(name, o[i].name))
			continue;
		if (a->options[i] != NULL) {
			admin_misuse("%s is given twice", o[i].name);
			return false;
		}
		if (o[i].value == NULL && strcmp(name, o[i].name) == 0) {
			a->options[i] = "";
			return true;
		}
		if (o[i].value != NULL && take_value(argc, argv, at, &a->options[i]))
			return true;
		admin_misuse(
		    "%s takes %s", o[i].name, o[i].value != NULL ? o[i].value : "no value");
		return false;
	}
	admin_misuse("there is no option %s: see 'offhook %s --help'", name, a->command->noun);
	return false;
}

/* How many words an argument text such as "SCOPE ID [PATH]" has, and how many of them are needed. */
static void
count_args(const char *args, int *needed, int *most)
{
	*needed = *most = 0;
	for (; *args != '\0'; args += strcspn(args, " "), args += strspn(args, " ")) {
		(*most)++;
		if (*args != '[')
			(*needed)++;
	}
}

/* The words behind noun and verb. */
static bool
take_args(struct admin *a, const struct words *words)
{
	const struct command *c = a->command;
	int skip = c->verb != NULL ? 2 : 1, needed, most;

	count_args(c->args, &needed, &most);
	a->arg_count = words->count - skip;
	if (a->arg_count < needed || a->arg_count > most) {
		admin_misuse("usage: offhook %s%s%s%s%s [OPTIONS]", c->noun,
		    c->verb != NULL ? " " : "", c->verb != NULL ? c->verb : "",
		    c->args[0] != '\0' ? " " : "", c->args);
		return false;
	}
	for (int i = 0; i < a->arg_count; i++)
		a->args[i] = words->list[skip + i];
	return true;
}

/* Options come before, between or after the words. "--" ends them: what follows are words. */
static bool
is_option_word(const char *word)
{
	return word[0] == '-' && (word[1] == '-' || strcmp(word, "-h") == 0);
}

/* The first two words name the command; the value of --config must not be taken for one. */
static void
peek_names(int argc, char **argv, const char *names[2])
{
	int count = 0;

	names[0] = names[1] = NULL;
	for (int i = 1; i < argc && count < 2; i++) {
		if (strcmp(argv[i], "--config") == 0)
			i++;
		else if (!is_option_word(argv[i]))
			names[count++] = argv[i];
		else if (strcmp(argv[i], "--") == 0)
			return;
	}
}

static bool
wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	}
	return false;
}

/* Without a command to run: help, the version, or what is wrong. */
static int
without_command(int argc, char **argv, const char *noun)
{
	if (noun == NULL && wants_help(argc, argv)) {
		print_overview(stdout);
		return ADMIN_DONE;
	}
	if (noun == NULL && argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("offhook " PACKAGE_VERSION);
		return ADMIN_DONE;
	}
	if (noun == NULL) {
		print_overview(stderr);
		return ADMIN_USAGE;
	}
	if (wants_help(argc, argv) && print_commands(noun, stdout) > 0)
		return ADMIN_DONE;
	admin_misuse("there is no such command: see 'offhook --help'");
	print_commands(noun, stderr);
	return ADMIN_USAGE;
}

static bool
take_option(struct admin *a, int argc, char **argv, int *at)
{
	if (strcmp(argv[*at], "--json") == 0) {
		a->json = true;
		return true;
	}
	if (!is_option(argv[*at], "--config"))
		return take_own_option(a, argc, argv, at);
	if (take_value(argc, argv, at, &a->config))
		return true;
	admin_misuse("--config takes FILE");
	return false;
}

int
command_read(struct admin *a, int argc, char **argv)
{
	struct words words = { .count = 0 };
	const char *names[2];
	bool only_words = false;

	peek_names(argc, argv, names);
	if (names[0] == NULL || (a->command = find(names[0], names[1])) == NULL)
		return without_command(argc, argv, names[0]);
	if (wants_help(argc, argv)) {
		print_help(a->command);
		return ADMIN_DONE;
	}
	for (int i = 1; i < argc; i++) {
		if (!only_words && strcmp(argv[i], "--") == 0) {
			only_words = true;
		} else if (!only_words && is_option_word(argv[i])) {
			if (!take_option(a, argc, argv, &i))
				return ADMIN_USAGE;
		} else if (words.count < WORDS_MAX) {
			words.list[words.count++] = argv[i];
		}
	}
	return take_args(a, &words) ? -1 : ADMIN_USAGE;
}
