/* options.c: see options.h. */
#include "prog/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "config.h"

static void
help(const char *program, const char *about)
{
	printf("usage: %s [--config FILE] [--pid-file FILE]\n\n%s\n\n"
	       "  --config FILE    the settings (default %s)\n"
	       "  --pid-file FILE  write the master's process id there\n"
	       "  --help           this text\n"
	       "  --version        the version\n\n"
	       "Stays in the foreground and logs to standard error. SIGTERM drains and ends it,\n"
	       "SIGHUP reads the settings again. See %s(8) and offhook.conf(5).\n",
	    program, about, SETTINGS_DEFAULT_PATH, program);
}

void
options_read(struct options *options, const char *program, const char *about, int argc, char **argv)
{
	static const struct option known[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "pid-file", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*options = (struct options){ NULL, NULL };
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'c':
			options->config = optarg;
			break;
		case 'p':
			options->pid_file = optarg;
			break;
		case 'h':
			help(program, about);
			exit(0);
		case 'v':
			printf("%s %s\n", program, PACKAGE_VERSION);
			exit(0);
		default:
			fprintf(stderr, "Try %s --help\n", program);
			exit(2);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "%s takes no argument like %s; try %s --help\n", program,
		    argv[optind], program);
		exit(2);
	}
}

void
options_settings(const struct options *options, struct settings *settings)
{
	enum log_level level;
	char error[512];

	if (!settings_read(options->config, settings, error, sizeof error))
		log_fatal("%s", error);
	if (log_level_parse(settings->server.log_level, &level))
		log_set_level(level);
}
