/* settings.c: the options of offhook-sim, one row each, and the two questions asked of them. */
#include "sim/settings.h"

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/str.h"
#include "config.h"

static struct settings set = {
	.recordings = "/tmp",
	.ring_ms = 300,
	.talk_ms = 600,
	.tape_ms = 600000,
};

static const char usage_text[] =
    "usage: offhook-sim --listen HOST:PORT --account-sid SID --auth-token TOKEN [options]\n"
    "\n"
    "  --listen HOST:PORT    where to answer (numeric address; port 0 picks a free one)\n"
    "  --account-sid SID     the account, AC and 32 hex digits [TWILIO_ACCOUNT_SID]\n"
    "  --auth-token TOKEN    its secret, also the key of signatures [TWILIO_AUTH_TOKEN]\n"
    "  --api-key SID         an API key that may be used instead, SK and 32 hex digits\n"
    "  --api-secret SECRET   the secret of that key\n"
    "  --cps N               calls dialed a second, the others wait; 0 is no limit [0]\n"
    "  --from NUMBER,...     numbers that may call [any]\n"
    "  --ledger FILE         append every change of a call as a line of JSON\n"
    "  --ca-file FILE        certificates that https callbacks are checked against\n"
    "  --pid-file FILE       write the process id there once requests are answered\n"
    "  --recordings DIR      where recordings are kept while the program runs [/tmp]\n"
    "  --ring-ms N           how long a callee lets it ring [300]\n"
    "  --talk-ms N           how long a callee speaks at each turn [600]\n"
    "  --latency-ms N        how late every REST answer is [0]\n"
    "  --tape-ms N           how much sound of each media stream is kept [600000]\n"
    "  --help, --version\n";

enum option_kind { OPTION_TEXT, OPTION_MS };

static const struct option_row {
	const char *name;
	enum option_kind kind;
	void *where;
} rows[] = {
	{ "account-sid", OPTION_TEXT, &set.account_sid },
	{ "auth-token", OPTION_TEXT, &set.auth_token },
	{ "api-key", OPTION_TEXT, &set.api_key },
	{ "api-secret", OPTION_TEXT, &set.api_secret },
	{ "from", OPTION_TEXT, &set.from },
	{ "ledger", OPTION_TEXT, &set.ledger },
	{ "ca-file", OPTION_TEXT, &set.ca_file },
	{ "pid-file", OPTION_TEXT, &set.pid_file },
	{ "recordings", OPTION_TEXT, &set.recordings },
	{ "ring-ms", OPTION_MS, &set.ring_ms },
	{ "talk-ms", OPTION_MS, &set.talk_ms },
	{ "latency-ms", OPTION_MS, &set.latency_ms },
	{ "tape-ms", OPTION_MS, &set.tape_ms },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void
read_listen(const char *text)
{
	const char *colon = strrchr(text, ':');
	int64_t port;

	if (colon == NULL || colon == text || !str_int64(colon + 1, 0, 65535, &port))
		errx(2, "--listen %s: not HOST:PORT", text);
	free(set.listen_host);
	set.listen_host = mem_strdup(text);
	set.listen_host[colon - text] = '\0';
	set.listen_port = (uint16_t)port;
}

static void
read_row(const struct option_row *row, const char *text)
{
	int64_t n;

	if (row->kind == OPTION_TEXT) {
		*(const char **)row->where = text;
		return;
	}
	if (!str_int64(text, 0, 600000, &n))
		errx(2, "--%s %s: not a number of milliseconds from 0 to 600000", row->name, text);
	*(int *)row->where = (int)n;
}

static bool
sid_like(const char *s, const char *prefix)
{
	return strlen(s) == 34 && str_starts(s, prefix) && strspn(s + 2, "0123456789abcdef") == 32;
}

static void
check(void)
{
	if (set.listen_host == NULL)
		errx(2, "--listen is missing (see --help)");
	if (set.account_sid == NULL || !sid_like(set.account_sid, "AC"))
		errx(2, "--account-sid: AC and 32 lower-case hex digits are needed");
	if (set.auth_token == NULL || set.auth_token[0] == '\0')
		errx(2, "--auth-token is missing");
	if ((set.api_key == NULL) != (set.api_secret == NULL))
		errx(2, "--api-key and --api-secret belong together");
	if (set.api_key != NULL && !sid_like(set.api_key, "SK"))
		errx(2, "--api-key: SK and 32 lower-case hex digits are needed");
}

void
settings_read(int argc, char **argv)
{
	enum { OPT_LISTEN = 100, OPT_CPS, OPT_HELP, OPT_VERSION };
	struct option options[ROWS + 5] = { { 0 } };
	int c;

	for (size_t i = 0; i < ROWS; i++)
		options[i] = (struct option){ rows[i].name, required_argument, NULL, (int)i };
	options[ROWS] = (struct option){ "listen", required_argument, NULL, OPT_LISTEN };
	options[ROWS + 1] = (struct option){ "cps", required_argument, NULL, OPT_CPS };
	options[ROWS + 2] = (struct option){ "help", no_argument, NULL, OPT_HELP };
	options[ROWS + 3] = (struct option){ "version", no_argument, NULL, OPT_VERSION };

	set.account_sid = getenv("TWILIO_ACCOUNT_SID");
	set.auth_token = getenv("TWILIO_AUTH_TOKEN");
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c >= 0 && (size_t)c < ROWS) {
			read_row(&rows[c], optarg);
		} else if (c == OPT_LISTEN) {
			read_listen(optarg);
		} else if (c == OPT_CPS) {
			if (!str_double(optarg, 0, 1000000, &set.cps))
				errx(2, "--cps %s: not a number from 0 to 1000000", optarg);
		} else if (c == OPT_HELP) {
			fputs(usage_text, stdout);
			exit(0);
		} else if (c == OPT_VERSION) {
			puts("offhook-sim " PACKAGE_VERSION);
			exit(0);
		} else {
			fputs("See offhook-sim --help.\n", stderr);
			exit(2);
		}
	}
	if (optind < argc)
		errx(2, "%s: no argument is expected", argv[optind]);
	check();
}

void
settings_set_port(uint16_t port)
{
	bool six = strchr(set.listen_host, ':') != NULL && set.listen_host[0] != '[';

	set.listen_port = port;
	snprintf(set.base_url, sizeof(set.base_url), six ? "http://[%.45s]:%u" : "http://%.45s:%u",
	    set.listen_host, port);
}

const struct settings *
settings(void)
{
	return &set;
}

void
settings_close(void)
{
	free(set.listen_host);
	set.listen_host = NULL;
}

static bool
pair_ok(const char *user, const char *password, const char *id, const char *secret)
{
	return id != NULL && strcmp(user, id) == 0 &&
	    digest_equal(password, strlen(password), secret, strlen(secret));
}

bool
settings_credentials_ok(const char *user, const char *password)
{
	return pair_ok(user, password, set.account_sid, set.auth_token) ||
	    pair_ok(user, password, set.api_key, set.api_secret);
}

bool
settings_from_ok(const char *number)
{
	const char *p = set.from;
	size_t len;

	if (p == NULL || *p == '\0')
		return true;
	for (;; p += len + 1) {
		len = strcspn(p, ",");
		if (strlen(number) == len && strncmp(number, p, len) == 0)
			return true;
		if (p[len] == '\0')
			return false;
	}
}
