/* options.h: the command line that the daemons share. */
#ifndef PROG_OPTIONS_H
#define PROG_OPTIONS_H

#include "prog/settings.h"

struct options {
	const char *config;   /* --config FILE, or NULL */
	const char *pid_file; /* --pid-file FILE, or NULL */
};

/* Reads --config, --pid-file, --help and --version. Ends the program with status 0 after the last
 * two, with 2 and a sentence after anything that it does not know. about: one line for --help. */
void options_read(
    struct options *options, const char *program, const char *about, int argc, char **argv);

/* Reads the settings, or ends the program with a sentence; sets the log's level. */
void options_settings(const struct options *options, struct settings *settings);

#endif
