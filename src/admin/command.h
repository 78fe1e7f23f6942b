/*
 * command.h: the command line "offhook NOUN [VERB] [ARGUMENTS] [--options]", by tables: a row a
 * command. The same rows find the command, check its arguments, and print its help.
 */
#ifndef ADMIN_COMMAND_H
#define ADMIN_COMMAND_H

#include "admin/admin.h"

struct command_option {
	const char *name;  /* "--limit" */
	const char *value; /* what stands for its value in the help; NULL: it takes none */
	const char *help;
};

enum {
	COMMAND_BARE = 1, /* needs no settings, so it runs when they are wrong too */
	COMMAND_SLOW = 2  /* may take minutes in the database */
};

struct command {
	const char *noun;
	const char *verb; /* NULL: the noun alone */
	const char *args; /* as in the help: "WORKSPACE N", "" for none; "[X]" may be left out */
	const char *help; /* one line */
	int (*run)(struct admin *);
	const struct command_option *options; /* ends with a row without a name; never NULL */
	unsigned flags;
};

extern const struct command_option no_options[];

/*
 * Reads the command line into a (all zero before). Returns -1 when a command is to be run, else
 * the exit status: help was printed, or the usage was wrong and that has been said.
 */
int command_read(struct admin *a, int argc, char **argv);

#endif
