/*
 * test_conf.c: what a configuration file may say, and the sentences for what it may not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "sys/conf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct settings {
	char *url, *token, *level;
	int64_t workers, offset;
	double cps;
	bool enabled;
};

static bool
is_url(const char *value)
{
	return value[0] == '\0' || str_starts(value, "https://");
}

static bool
is_even(const char *value)
{
	return (value[strlen(value) - 1] - '0') % 2 == 0;
}

static const struct conf_key keys[] = {
	{ .name = "server.url",
	    .type = CONF_TEXT,
	    .offset = offsetof(struct settings, url),
	    .absent = "https://localhost:8443",
	    .check = is_url,
	    .must = "an https URL",
	    .help = "Base of every URL handed out." },
	{ .name = "server.token",
	    .type = CONF_SECRET,
	    .offset = offsetof(struct settings, token),
	    .absent = "",
	    .also = "TEST_TOKEN",
	    .help = "A secret.",
	    .restart = true },
	{ .name = "server.log_level",
	    .type = CONF_CHOICE,
	    .offset = offsetof(struct settings, level),
	    .absent = "info",
	    .choices = "error|warning|info|debug",
	    .also = "TEST_LOG_LEVEL",
	    .help = "How much." },
	{ .name = "api.workers",
	    .type = CONF_INT,
	    .offset = offsetof(struct settings, workers),
	    .absent = "4",
	    .min = 2,
	    .max = 1000,
	    .also = "TEST_WORKERS",
	    .check = is_even,
	    .must = "an even number",
	    .help = "How many." },
	{ .name = "api.offset",
	    .type = CONF_INT,
	    .offset = offsetof(struct settings, offset),
	    .absent = "-3",
	    .min = -1e19,
	    .max = 1e19,
	    .help = "Any integer." },
	{ .name = "queue.cps",
	    .type = CONF_REAL,
	    .offset = offsetof(struct settings, cps),
	    .absent = "1.0",
	    .min = 0.01,
	    .max = 10000,
	    .help = "Calls per second." },
	{ .name = "queue.enabled",
	    .type = CONF_BOOL,
	    .offset = offsetof(struct settings, enabled),
	    .absent = "false",
	    .also = "TEST_ENABLED",
	    .help = "Whether." },
	{ .name = NULL },
};

static const char *const variables[] = { "OFFHOOK_SERVER_URL", "OFFHOOK_SERVER_TOKEN",
	"OFFHOOK_SERVER_LOG_LEVEL", "OFFHOOK_API_WORKERS", "OFFHOOK_API_OFFSET",
	"OFFHOOK_QUEUE_CPS", "OFFHOOK_QUEUE_ENABLED", "OFFHOOK_NO_SUCH_THING", "TEST_TOKEN",
	"TEST_LOG_LEVEL", "TEST_WORKERS", "TEST_ENABLED" };

static char path[64];
static struct settings settings;
static char error[512];

static int
clean_environment(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(variables); i++)
		unsetenv(variables[i]);
	return 0;
}

static int
make_path(void **state)
{
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/offhook-test-conf-XXXXXX");
	if ((fd = mkstemp(path)) < 0)
		return -1;
	close(fd);
	return 0;
}

static int
remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

static void
write_bytes(const char *bytes, size_t len)
{
	FILE *to = fopen(path, "we");

	assert_non_null(to);
	assert_int_equal(fwrite(bytes, 1, len, to), len);
	assert_int_equal(fclose(to), 0);
}

static bool
read_text(const char *text)
{
	write_bytes(text, strlen(text));
	memset(&settings, 0, sizeof(settings));
	error[0] = '\0';
	return conf_read(keys, &settings, path, error, sizeof(error));
}

static void
must_read(const char *text)
{
	if (!read_text(text))
		fail_msg("%s: %s", text, error);
}

/* The error is "PATH" and then the rest; nothing is left in the settings. */
static void
must_fail(const char *text, const char *rest)
{
	static const struct settings zero;
	char expected[640];

	snprintf(expected, sizeof(expected), "%s%s", path, rest);
	assert_false(read_text(text));
	assert_string_equal(error, expected);
	assert_memory_equal(&settings, &zero, sizeof(zero));
}

static void
defaults(void **state)
{
	(void)state;
	memset(&settings, 0, sizeof(settings));
	assert_true(conf_read(keys, &settings, NULL, error, sizeof(error)));
	assert_string_equal(settings.url, "https://localhost:8443");
	assert_string_equal(settings.token, "");
	assert_string_equal(settings.level, "info");
	assert_int_equal(settings.workers, 4);
	assert_int_equal(settings.offset, -3);
	assert_true(settings.cps == 1.0);
	assert_false(settings.enabled);
	conf_clear(keys, &settings);
	must_read("");
	conf_clear(keys, &settings);
	assert_null(settings.url);
	conf_clear(keys, &settings);
}

static void
a_whole_file(void **state)
{
	(void)state;
	must_read("# comment\n; comment\n\n \t # indented\n"
		  "[server]\r\nurl = https://example.org/#part ; why\r\n"
		  "\ttoken=\" a \\\"b\\\" \\\\ # c \" # d\n"
		  "log_level   =   DEBUG\n"
		  "[ api ] # here\nworkers=10 #\n");
	assert_string_equal(settings.url, "https://example.org/#part");
	assert_string_equal(settings.token, " a \"b\" \\ # c ");
	assert_string_equal(settings.level, "debug");
	assert_int_equal(settings.workers, 10);
	conf_clear(keys, &settings);
}

static void
values(void **state)
{
	static const struct {
		const char *written, *read;
	} cases[] = {
		{ "token = abc", "abc" },
		{ "token=abc", "abc" },
		{ "  token\t=\tabc \t", "abc" },
		{ "token =", "" },
		{ "token = ", "" },
		{ "token = \"\"", "" },
		{ "token = # nothing", "" },
		{ "token =#abc", "#abc" },
		{ "token =;abc", ";abc" },
		{ "token = a#b;c", "a#b;c" },
		{ "token = a #b", "a" },
		{ "token = a\t;b", "a" },
		{ "token = a b  c", "a b  c" },
		{ "token = a=b", "a=b" },
		{ "token = a\"b\"", "a\"b\"" },
		{ "token = a\\n", "a\\n" },
		{ "token = [x]", "[x]" },
		{ "token = \"a # b ; c\"", "a # b ; c" },
		{ "token = \" a \"", " a " },
		{ "token = \"a\\\"b\\\\\"", "a\"b\\" },
		{ "token = \"a\" # b", "a" },
		{ "token = Zürich ☎", "Zürich ☎" },
		{ "token = abc\r", "abc" },
	};
	char text[128];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		snprintf(text, sizeof(text), "[server]\n%s", cases[i].written);
		must_read(text);
		assert_string_equal(settings.token, cases[i].read);
		conf_clear(keys, &settings);
	}
}

static void
types(void **state)
{
	static const char *const yes[] = { "true", "on", "yes", "1", "True", "ON" };
	static const char *const no[] = { "false", "off", "no", "0", "False" };
	char text[64];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(yes); i++) {
		snprintf(text, sizeof(text), "[queue]\nenabled = %s\n", yes[i]);
		must_read(text);
		assert_true(settings.enabled);
		conf_clear(keys, &settings);
	}
	for (i = 0; i < COUNT(no); i++) {
		snprintf(text, sizeof(text), "[queue]\nenabled = %s\n", no[i]);
		must_read(text);
		assert_false(settings.enabled);
		conf_clear(keys, &settings);
	}
	must_read("[queue]\ncps = 0.01\n[api]\nworkers = 1000\noffset = -9223372036854775808\n");
	assert_true(settings.cps == 0.01);
	assert_int_equal(settings.workers, 1000);
	assert_true(settings.offset == INT64_MIN);
	conf_clear(keys, &settings);
	must_read("[server]\nlog_level = Warning\n[server]\ntoken = again\n");
	assert_string_equal(settings.level, "warning");
	assert_string_equal(settings.token, "again");
	conf_clear(keys, &settings);
}

static void
errors(void **state)
{
	static const struct {
		const char *text, *rest;
	} cases[] = {
		{ "\n[nothing]\n", ":2: unknown section [nothing]" },
		{ "[serve]\n", ":1: unknown section [serve]" },
		{ "[server]\nfoo = 1\n", ":2: unknown key server.foo" },
		{ "[server]\nworkers = 4\n", ":2: unknown key server.workers" },
		{ "[api]\nlog = 1\n", ":2: unknown key api.log" },
		{ "url = x\n", ":1: url stands before the first [section]" },
		{ "[api]\nworkers = 4\n\nworkers = 6\n",
		    ":4: api.workers stands already in line 2" },
		{ "[api]\nworkers = 4\n[queue]\n[api]\nworkers = 4\n",
		    ":5: api.workers stands already in line 2" },
		{ "[api]\nworkers = 1\n", ":2: api.workers must be a whole number from 2 to 1000" },
		{ "[api]\nworkers = 1001\n",
		    ":2: api.workers must be a whole number from 2 to 1000" },
		{ "[api]\nworkers =\n", ":2: api.workers must be a whole number from 2 to 1000" },
		{ "[api]\nworkers = four\n",
		    ":2: api.workers must be a whole number from 2 to 1000" },
		{ "[api]\nworkers = 5\n", ":2: api.workers must be an even number" },
		{ "[api]\noffset = 9223372036854775808\n",
		    ":2: api.offset must be a whole number from -9223372036854775808 to "
		    "9223372036854775807" },
		{ "[queue]\ncps = 0\n", ":2: queue.cps must be a number from 0.01 to 10000" },
		{ "[queue]\ncps = nan\n", ":2: queue.cps must be a number from 0.01 to 10000" },
		{ "[queue]\nenabled = maybe\n", ":2: queue.enabled must be true or false" },
		{ "[queue]\nenabled =\n", ":2: queue.enabled must be true or false" },
		{ "[server]\nlog_level = loud\n",
		    ":2: server.log_level must be error, warning, info or debug" },
		{ "[server]\nlog_level = inf\n",
		    ":2: server.log_level must be error, warning, info or debug" },
		{ "[server]\nlog_level = info|debug\n",
		    ":2: server.log_level must be error, warning, info or debug" },
		{ "[server]\nurl = ftp://x\n", ":2: server.url must be an https URL" },
		{ "[server]\ntoken = a\x01z\n",
		    ":2: server.token must be one line of UTF-8 without control characters, at most "
		    "4096 bytes" },
		{ "[server]\ntoken = \xff\n",
		    ":2: server.token must be one line of UTF-8 without control characters, at most "
		    "4096 bytes" },
		{ "[server]\ntoken = \"a\n", ":2: server.token: the quotes are not right" },
		{ "[server]\ntoken = \"a\"b\n", ":2: server.token: the quotes are not right" },
		{ "[server]\ntoken = \"a\"#b\n", ":2: server.token: the quotes are not right" },
		{ "[server]\ntoken = \"a\\n\"\n", ":2: server.token: the quotes are not right" },
		{ "[server]\ntoken = \"a\\", ":2: server.token: the quotes are not right" },
		{ "[server]\ntoken = \"", ":2: server.token: the quotes are not right" },
		{ "[server]\ntoken\n", ":2: neither [section] nor key = value" },
		{ "[server]\ntoken abc\n", ":2: neither [section] nor key = value" },
		{ "[server]\n= abc\n", ":2: neither [section] nor key = value" },
		{ "[server]\nToken = abc\n", ":2: neither [section] nor key = value" },
		{ "[server]\nserver.token = abc\n", ":2: neither [section] nor key = value" },
		{ "[server]\nto ken = abc\n", ":2: neither [section] nor key = value" },
		{ "\xef\xbb\xbf[server]\n", ":1: neither [section] nor key = value" },
		{ "[server\n", ":1: a section must be written [name]" },
		{ "[]\n", ":1: a section must be written [name]" },
		{ "[server] x\n", ":1: a section must be written [name]" },
		{ "[server]]\n", ":1: a section must be written [name]" },
		{ "[ser ver]\n", ":1: a section must be written [name]" },
		{ "[SERVER]\n", ":1: a section must be written [name]" },
		{ "[server.url]\n", ":1: a section must be written [name]" },
		{ "[", ":1: a section must be written [name]" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		must_fail(cases[i].text, cases[i].rest);
}

static void
lines_are_bounded(void **state)
{
	static const char front[] = "[server]\ntoken = ";
	const size_t start = strlen("[server]\n"), skip = strlen("token = ");
	char text[5000];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, front, strlen(front));
	text[start + 4096] = '\0';
	must_read(text);
	assert_int_equal(strlen(settings.token), 4096 - skip);
	conf_clear(keys, &settings);
	text[start + 4096] = 'x';
	text[start + 4097] = '\0';
	must_fail(text, ":2: the line is longer than 4096 bytes");
	/* Comments too: a file that is no configuration must not be read to its end. */
	text[start] = '#';
	must_fail(text, ":2: the line is longer than 4096 bytes");
	memset(text, 'a', 200);
	text[0] = '[';
	text[200] = '\0';
	must_fail(text, ":1: a section must be written [name]");
}

static void
zero_bytes_are_refused(void **state)
{
	static const char text[] = "[server]\ntoken = a\0b\n";

	(void)state;
	write_bytes(text, sizeof(text) - 1);
	memset(&settings, 0, sizeof(settings));
	assert_false(conf_read(keys, &settings, path, error, sizeof(error)));
	assert_true(str_ends(error, ":2: the line holds a zero byte"));
}

static void
files_that_cannot_be_read(void **state)
{
	(void)state;
	memset(&settings, 0, sizeof(settings));
	assert_false(conf_read(keys, &settings, "/no/such/file", error, sizeof(error)));
	assert_string_equal(error, "/no/such/file: No such file or directory");
	assert_false(conf_read(keys, &settings, "/tmp", error, sizeof(error)));
	assert_string_equal(error, "/tmp: Is a directory");
	assert_false(conf_read(keys, &settings, "/dev/zero", error, sizeof(error)));
	assert_string_equal(error, "/dev/zero:1: the line holds a zero byte");
	/* The sentence is cut, never written beyond its end. */
	assert_false(conf_read(keys, &settings, "/no/such/file", error, 8));
	assert_string_equal(error, "/no/suc");
}

static void
environment_goes_first(void **state)
{
	static const char file[] =
	    "[api]\nworkers = 8\n[server]\ntoken = file\nlog_level = debug\n";

	(void)state;
	must_read(file);
	assert_int_equal(settings.workers, 8);
	conf_clear(keys, &settings);
	setenv("TEST_WORKERS", "16", 1);
	setenv("TEST_TOKEN", "also", 1);
	must_read(file);
	assert_int_equal(settings.workers, 16);
	assert_string_equal(settings.token, "also");
	conf_clear(keys, &settings);
	setenv("OFFHOOK_API_WORKERS", "32", 1);
	setenv("OFFHOOK_SERVER_LOG_LEVEL", "ERROR", 1);
	must_read(file);
	assert_int_equal(settings.workers, 32);
	assert_string_equal(settings.level, "error");
	conf_clear(keys, &settings);
	/* Comments and quotes are of the file; here every byte counts. */
	setenv("OFFHOOK_SERVER_TOKEN", "\"a\" # b", 1);
	must_read(file);
	assert_string_equal(settings.token, "\"a\" # b");
	conf_clear(keys, &settings);
	setenv("OFFHOOK_NO_SUCH_THING", "x", 1);
	must_read(file);
	conf_clear(keys, &settings);
}

static void
empty_variables_are_empty_values(void **state)
{
	(void)state;
	setenv("OFFHOOK_SERVER_TOKEN", "", 1);
	setenv("TEST_TOKEN", "also", 1);
	setenv("OFFHOOK_SERVER_URL", "", 1);
	must_read("[server]\ntoken = file\n");
	assert_string_equal(settings.token, "");
	assert_string_equal(settings.url, "");
	conf_clear(keys, &settings);
	setenv("OFFHOOK_API_WORKERS", "", 1);
	assert_false(read_text(""));
	assert_string_equal(error,
	    "environment variable OFFHOOK_API_WORKERS: api.workers must be a "
	    "whole number from 2 to 1000");
}

static void
errors_name_the_variable(void **state)
{
	char text[5000];

	(void)state;
	setenv("TEST_ENABLED", "perhaps", 1);
	assert_false(read_text(""));
	assert_string_equal(
	    error, "environment variable TEST_ENABLED: queue.enabled must be true or false");
	unsetenv("TEST_ENABLED");
	setenv("OFFHOOK_SERVER_TOKEN", "two\nlines", 1);
	assert_false(read_text(""));
	assert_true(str_starts(error, "environment variable OFFHOOK_SERVER_TOKEN: server.token "));
	assert_null(strstr(error, "lines\n"));
	memset(text, 'x', sizeof(text));
	text[4097] = '\0';
	setenv("OFFHOOK_SERVER_TOKEN", text, 1);
	assert_false(read_text(""));
	text[4096] = '\0';
	setenv("OFFHOOK_SERVER_TOKEN", text, 1);
	must_read("");
	conf_clear(keys, &settings);
}

static void
a_wrong_value_is_found_under_a_right_one(void **state)
{
	(void)state;
	setenv("OFFHOOK_API_WORKERS", "8", 1);
	must_fail("[api]\nworkers = 0\n", ":2: api.workers must be a whole number from 2 to 1000");
}

static void
a_wrong_default_is_found(void **state)
{
	static const struct conf_key broken[] = {
		{ .name = "api.workers",
		    .type = CONF_INT,
		    .offset = offsetof(struct settings, workers),
		    .min = 1,
		    .max = 2 },
		{ .name = NULL },
	};

	(void)state;
	memset(&settings, 0, sizeof(settings));
	assert_false(conf_read(broken, &settings, NULL, error, sizeof(error)));
	assert_string_equal(error, "the default of api.workers must be a whole number from 1 to 2");
}

static void
effective_values(void **state)
{
	char out[64];

	(void)state;
	must_read(
	    "[server]\ntoken = hidden\nlog_level = Debug\n[queue]\ncps = 0.10\nenabled = on\n");
	assert_true(conf_get(keys, &settings, "server.url", out, sizeof(out)));
	assert_string_equal(out, "https://localhost:8443");
	assert_true(conf_get(keys, &settings, "server.log_level", out, sizeof(out)));
	assert_string_equal(out, "debug");
	assert_true(conf_get(keys, &settings, "api.offset", out, sizeof(out)));
	assert_string_equal(out, "-3");
	assert_true(conf_get(keys, &settings, "queue.cps", out, sizeof(out)));
	assert_string_equal(out, "0.1");
	assert_true(conf_get(keys, &settings, "queue.enabled", out, sizeof(out)));
	assert_string_equal(out, "true");
	snprintf(out, sizeof(out), "untouched");
	assert_false(conf_get(keys, &settings, "server.token", out, sizeof(out)));
	assert_string_equal(out, "untouched");
	assert_false(conf_get(keys, &settings, "server.none", out, sizeof(out)));
	assert_false(conf_get(keys, &settings, "server", out, sizeof(out)));
	assert_false(conf_get(keys, &settings, "server.url", out, 5));
	assert_false(conf_get(keys, &settings, "queue.cps", out, 3));
	conf_clear(keys, &settings);
}

static void
print_sample(const struct conf_key *of, char *text, size_t size)
{
	FILE *to = fmemopen(text, size, "w");

	assert_non_null(to);
	conf_print_sample(of, to);
	assert_int_equal(fclose(to), 0);
}

static void
sample_text(void **state)
{
	char text[4096];
	size_t i;

	(void)state;
	print_sample(keys, text, sizeof(text));
	assert_true(str_starts(text,
	    "[server]\n\n# Base of every URL handed out.\n# Takes an https "
	    "URL. Environment: OFFHOOK_SERVER_URL.\n"
	    "#url = https://localhost:8443\n"));
	assert_non_null(strstr(text,
	    "\n# Takes text. A change needs a restart. Environment: "
	    "OFFHOOK_SERVER_TOKEN or TEST_TOKEN.\n#token =\n"));
	assert_non_null(strstr(text, "\n[api]\n"));
	assert_non_null(strstr(text, "\n[queue]\n"));
	for (i = 0; keys[i].name != NULL; i++)
		assert_non_null(strstr(text, strchr(keys[i].name, '.') + 1));
	must_read(text);
	conf_clear(keys, &settings);
}

/* Whatever the default, taking out the comment sign gives it back. */
static void
sample_reads_back(void **state)
{
	static const char *const texts[] = { "plain", "", " in front", "behind ", "a # b", "a#b",
		"\"quoted\"", "back\\slash", " \\\" ", "a ;", "#", ";x", "a \"b\" c" };
	struct conf_key one[] = {
		{ .name = "server.token",
		    .type = CONF_TEXT,
		    .offset = offsetof(struct settings, token),
		    .help = "Help." },
		{ .name = NULL },
	};
	char text[512], *p;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(texts); i++) {
		one[0].absent = texts[i];
		print_sample(one, text, sizeof(text));
		p = strstr(text, "\n#token =");
		assert_non_null(p);
		p[1] = ' ';
		one[0].absent = "other";
		write_bytes(text, strlen(text));
		memset(&settings, 0, sizeof(settings));
		assert_true(conf_read(one, &settings, path, error, sizeof(error)));
		assert_string_equal(settings.token, texts[i]);
		conf_clear(one, &settings);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(defaults, clean_environment),
		cmocka_unit_test_setup(a_whole_file, clean_environment),
		cmocka_unit_test_setup(values, clean_environment),
		cmocka_unit_test_setup(types, clean_environment),
		cmocka_unit_test_setup(errors, clean_environment),
		cmocka_unit_test_setup(lines_are_bounded, clean_environment),
		cmocka_unit_test_setup(zero_bytes_are_refused, clean_environment),
		cmocka_unit_test_setup(files_that_cannot_be_read, clean_environment),
		cmocka_unit_test_setup(environment_goes_first, clean_environment),
		cmocka_unit_test_setup(empty_variables_are_empty_values, clean_environment),
		cmocka_unit_test_setup(errors_name_the_variable, clean_environment),
		cmocka_unit_test_setup(a_wrong_value_is_found_under_a_right_one, clean_environment),
		cmocka_unit_test_setup(a_wrong_default_is_found, clean_environment),
		cmocka_unit_test_setup(effective_values, clean_environment),
		cmocka_unit_test_setup(sample_text, clean_environment),
		cmocka_unit_test_setup(sample_reads_back, clean_environment),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
