/*
 * test_settings.c: the defaults that the contract names, which values a key takes, what holds
 * between two of them, and where a value comes from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prog/settings.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SID "AC0123456789abcdef0123456789abcdef"

static struct settings settings;
static char message[1024];
static char path[64];

static int
setup(void **state)
{
	(void)state;
	clearenv();
	memset(&settings, 0, sizeof(settings));
	path[0] = '\0';
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	settings_clear(&settings);
	if (path[0] != '\0')
		unlink(path);
	return 0;
}

/* Writes a file and returns its path. */
static const char *
file_of(const char *text)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/test_settings.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return path;
}

/* Reads with an empty file, so that no file of this host matters. */
static bool
read_environment(void)
{
	return settings_read("/dev/null", &settings, message, sizeof(message));
}

static void
test_defaults(void **state)
{
	(void)state;
	assert_true(read_environment());
	assert_string_equal(settings.server.public_url, "https://localhost:8443");
	assert_false(settings.server.gateway_fronted);
	assert_string_equal(settings.server.gateway_jwt_algorithm, "HS256");
	assert_string_equal(settings.server.log_level, "info");
	assert_string_equal(settings.server.data_dir, "/var/lib/offhook");
	assert_string_equal(settings.database.url, "postgresql:///offhook");
	assert_int_equal(settings.database.statement_timeout_ms, 5000);
	assert_int_equal(settings.api.requests_per_second, 200);
	assert_string_equal(settings.api.socket, "/run/offhook/api.sock");
	assert_false(settings.queue.enabled);
	assert_true(settings.queue.cps == 1.0);
	assert_int_equal(settings.calls.default_max_concurrent, 1);
	assert_int_equal(settings.calls.max_concurrent_ceiling, 100);
	assert_int_equal(settings.calls.credits_per_call, 1);
	assert_int_equal(settings.calls.charge_cents, 0);
	assert_int_equal(settings.calls.sync_wait_ms, 5000);
	assert_int_equal(settings.calls.max_duration_seconds, 1800);
	assert_int_equal(settings.calls.retention_days, 0);
	assert_string_equal(settings.twilio.account_sid, "");
	assert_string_equal(settings.twilio.api_url, "https://api.twilio.com");
	assert_int_equal(settings.twilio.timeout_ms, 10000);
	assert_string_equal(settings.voice.transport, "twiml");
	assert_string_equal(settings.voice.engine, "script");
	assert_string_equal(settings.s3.key_template, "{prefix}{recording_sid}.mp3");
	assert_string_equal(settings.smtp.tls, "opportunistic");
	assert_false(settings.webhooks.allow_private_networks);
	assert_int_equal(settings.events.max_streams, 10000);
}

static void
test_what_suits_the_host(void **state)
{
	(void)state;
	assert_true(read_environment());
	assert_true(settings.api.workers >= 16);
	assert_true(settings.api.workers == 16 * sysconf(_SC_NPROCESSORS_ONLN) ||
	    settings.api.workers == 48);
	assert_string_equal(settings.database.schema_dir, OFFHOOK_DATADIR "/sql");
	assert_string_equal(settings.skills.dir, OFFHOOK_DATADIR "/skills");
	settings_clear(&settings);
	setenv("OFFHOOK_API_WORKERS", "3", 1);
	setenv("OFFHOOK_DATABASE_SCHEMA_DIR", "/srv/sql", 1);
	assert_true(read_environment());
	assert_int_equal(settings.api.workers, 3);
	assert_string_equal(settings.database.schema_dir, "/srv/sql");
}

/* One value of one key, by the environment. */
static const struct {
	const char *variable, *value;
	bool ok;
} cases[] = {
	{ "OFFHOOK_SERVER_PUBLIC_URL", "https://calls.example.org", true },
	{ "OFFHOOK_SERVER_PUBLIC_URL", "https://calls.example.org:8443/voice", true },
	{ "OFFHOOK_SERVER_PUBLIC_URL", "https://[2001:db8::1]:8443", true },
	{ "OFFHOOK_SERVER_PUBLIC_URL", "http://localhost:8080", true },
	{ "OFFHOOK_SERVER_PUBLIC_URL", "http://127.0.0.1:8080", true },
	{ "OFFHOOK_SERVER_PUBLIC_URL", "http://[::1]:8080", true },
	{ "OFFHOOK_SERVER_PUBLIC_URL", "", false },
	{ "OFFHOOK_SERVER_PUBLIC_URL", "https://", false },
	{ "OFFHOOK_SERVER_PUBLIC_URL", "https://calls.example.org/", false },
	{ "OFFHOOK_SERVER_PUBLIC_URL", "https://calls.example.org/a/", false },
	{ "OFFHOOK_SERVER_PUBLIC_URL", "http://calls.example.org", false },
	{ "OFFHOOK_SERVER_PUBLIC_URL", "http://localhost.example.org", false },
	{ "OFFHOOK_SERVER_PUBLIC_URL", "http://127.0.0.1.example.org", false },
	{ "OFFHOOK_SERVER_PUBLIC_URL", "http://127.example.org", false },
	{ "OFFHOOK_SERVER_PUBLIC_URL", "https://user@calls.example.org", false },
	{ "OFFHOOK_SERVER_PUBLIC_URL", "https://calls.example.org:", false },
	{ "OFFHOOK_SERVER_PUBLIC_URL", "https://calls.example.org:123456", false },
	{ "OFFHOOK_SERVER_PUBLIC_URL", "https://calls.example.org/?a", false },
	{ "OFFHOOK_SERVER_PUBLIC_URL", "https://calls.example.org/a b", false },
	{ "OFFHOOK_SERVER_PUBLIC_URL", "ftp://calls.example.org", false },
	{ "OFFHOOK_TWILIO_API_URL", "http://127.0.0.1:9000", true },
	{ "OFFHOOK_TWILIO_API_URL", "http://sim.example.org", false },
	{ "OFFHOOK_TWILIO_ACCOUNT_SID", SID, true },
	{ "OFFHOOK_TWILIO_ACCOUNT_SID", "", true },
	{ "OFFHOOK_TWILIO_ACCOUNT_SID", SID "0", false },
	{ "OFFHOOK_TWILIO_ACCOUNT_SID", "AX0123456789abcdef0123456789abcdef", false },
	{ "OFFHOOK_TWILIO_ACCOUNT_SID", "AC0123456789abcdef0123456789abcdeg", false },
	{ "OFFHOOK_TWILIO_PHONE_NUMBER", "+15005550006", true },
	{ "OFFHOOK_TWILIO_PHONE_NUMBER", "", true },
	{ "OFFHOOK_TWILIO_PHONE_NUMBER", "5005550006", false },
	{ "OFFHOOK_TWILIO_TIMEOUT_MS", "99", false },
	{ "OFFHOOK_QUEUE_CPS", "0.01", true },
	{ "OFFHOOK_QUEUE_CPS", "10000", true },
	{ "OFFHOOK_QUEUE_CPS", "0", false },
	{ "OFFHOOK_QUEUE_CPS", "10001", false },
	{ "OFFHOOK_QUEUE_CPS", "fast", false },
	{ "OFFHOOK_QUEUE_ENABLED", "true", true },
	{ "OFFHOOK_QUEUE_ENABLED", "maybe", false },
	{ "OFFHOOK_CALLS_RETENTION_DAYS", "0", true },
	{ "OFFHOOK_CALLS_RETENTION_DAYS", "93", true },
	{ "OFFHOOK_CALLS_RETENTION_DAYS", "92", false },
	{ "OFFHOOK_CALLS_RETENTION_DAYS", "-1", false },
	{ "OFFHOOK_SERVER_LOG_LEVEL", "debug", true },
	{ "OFFHOOK_SERVER_LOG_LEVEL", "loud", false },
	{ "OFFHOOK_SERVER_DATA_DIR", "data", false },
	{ "OFFHOOK_SERVER_DATA_DIR", "", false },
	{ "OFFHOOK_SERVER_GATEWAY_JWT_ALGORITHM", "none", false },
	{ "OFFHOOK_DATABASE_URL", " ", false },
	{ "OFFHOOK_API_SOCKET", "/tmp/api.sock", true },
	{ "OFFHOOK_API_SOCKET",
	    "/tmp/0123456789012345678901234567890123456789012345678901234567890123456789"
	    "012345678901234/api.sock",
	    false },
	{ "OFFHOOK_VOICE_ENGINE", "gemini", true },
	{ "OFFHOOK_VOICE_ENGINE", "parrot", false },
	{ "OFFHOOK_GEMINI_URL", "ws://127.0.0.1:9000/live", true },
	{ "OFFHOOK_GEMINI_URL", "ws://gemini.example.org", false },
	{ "OFFHOOK_OPENAI_BASE_URL", "http://127.0.0.1:9000/v1", true },
	{ "OFFHOOK_S3_ENDPOINT", "", true },
	{ "OFFHOOK_S3_ENDPOINT", "minio:9000", false },
	{ "OFFHOOK_S3_REGION", "auto", true },
	{ "OFFHOOK_S3_REGION", "eu:s3", false },
	{ "OFFHOOK_S3_BUCKET", "recordings.example-1", true },
	{ "OFFHOOK_S3_BUCKET", "a/b", false },
	{ "OFFHOOK_S3_PREFIX", "calls of/2026/", true },
	{ "OFFHOOK_S3_PREFIX", "/calls/", false },
	{ "OFFHOOK_S3_PREFIX", "calls/../", false },
	{ "OFFHOOK_S3_KEY_TEMPLATE", "{prefix}{call_sid}/{recording_sid}.mp3", true },
	{ "OFFHOOK_S3_KEY_TEMPLATE", "{prefix}.mp3", false },
	{ "OFFHOOK_S3_KEY_TEMPLATE", "{recording_sid}{what}", false },
	{ "OFFHOOK_DEEPGRAM_BASE_URL", "http://127.0.0.1:9000", true },
	{ "OFFHOOK_DEEPGRAM_BASE_URL", "http://deepgram.example.org", false },
	{ "OFFHOOK_SMTP_URL", "smtps://mail.example.org:465", true },
	{ "OFFHOOK_SMTP_URL", "mail.example.org", false },
	{ "OFFHOOK_SMTP_URL", "smtp://mail.example.org:587", true },
	{ "OFFHOOK_SMTP_URL", "smtp://mail.example.org/name", false },
	{ "OFFHOOK_SMTP_URL", "smtp://user@mail.example.org", false },
	{ "OFFHOOK_SMTP_FROM", "offhook@mail.example.org", true },
	{ "OFFHOOK_SMTP_FROM", "Offhook <offhook@mail.example.org>", false },
	{ "OFFHOOK_SMTP_FROM", "offhook@mail.example.org\nRCPT", false },
	{ "OFFHOOK_SMTP_FROM", "offhook", false },
	{ "OFFHOOK_SMTP_FROM", "a@b@c", false },
};

static void
test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		clearenv();
		setenv(cases[i].variable, cases[i].value, 1);
		if (read_environment() != cases[i].ok)
			fail_msg("%s=%s", cases[i].variable, cases[i].value);
		if (!cases[i].ok && strstr(message, cases[i].variable) == NULL)
			fail_msg("%s is not named: %s", cases[i].variable, message);
		settings_clear(&settings);
	}
}

/* The names of other tools that settings are read from too; ours wins. */
static void
test_other_names(void **state)
{
	(void)state;
	setenv("TWILIO_ACCOUNT_SID", SID, 1);
	setenv("TWILIO_AUTH_TOKEN", "token", 1);
	setenv("TWILIO_PHONE_NUMBER", "+15005550006", 1);
	setenv("DATABASE_URL", "postgresql://other/db", 1);
	setenv("CALL_QUEUE_ENABLED", "1", 1);
	setenv("LOG_LEVEL", "debug", 1);
	setenv("OFFHOOK_SERVER_LOG_LEVEL", "error", 1);
	setenv("GEMINI_API_KEY", "g", 1);
	setenv("OPENAI_API_KEY", "o", 1);
	setenv("DEEPGRAM_API_KEY", "d", 1);
	setenv("AWS_ACCESS_KEY_ID", "a", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
	setenv("AWS_REGION", "eu-central-1", 1);
	setenv("CALL_BACKEND_URL", "https://backend.example.org", 1);
	assert_true(read_environment());
	assert_string_equal(settings.twilio.account_sid, SID);
	assert_string_equal(settings.twilio.auth_token, "token");
	assert_string_equal(settings.twilio.phone_number, "+15005550006");
	assert_string_equal(settings.database.url, "postgresql://other/db");
	assert_true(settings.queue.enabled);
	assert_string_equal(settings.server.log_level, "error");
	assert_string_equal(settings.gemini.api_key, "g");
	assert_string_equal(settings.openai.api_key, "o");
	assert_string_equal(settings.deepgram.api_key, "d");
	assert_string_equal(settings.s3.access_key, "a");
	assert_string_equal(settings.s3.secret_key, "s");
	assert_string_equal(settings.s3.region, "eu-central-1");
	assert_string_equal(settings.providers.call_backend_url, "https://backend.example.org");
}

static void
test_empty_environment_overrides(void **state)
{
	(void)state;
	setenv("OFFHOOK_TWILIO_PHONE_NUMBER", "", 1);
	assert_true(settings_read(file_of("[twilio]\nphone_number = +15005550006\n"), &settings,
	    message, sizeof(message)));
	assert_string_equal(settings.twilio.phone_number, "");
}

static void
test_what_holds_between_two(void **state)
{
	(void)state;
	setenv("GATEWAY_FRONTED", "true", 1);
	assert_false(read_environment());
	assert_non_null(strstr(message, "server.gateway_jwt_key_file"));
	setenv("OFFHOOK_SERVER_GATEWAY_JWT_KEY_FILE", "/etc/offhook/gateway.key", 1);
	assert_true(read_environment());
	settings_clear(&settings);

	setenv("OFFHOOK_CALLS_DEFAULT_MAX_CONCURRENT", "5", 1);
	setenv("OFFHOOK_CALLS_MAX_CONCURRENT_CEILING", "4", 1);
	assert_false(read_environment());
	assert_non_null(strstr(message, "calls.default_max_concurrent"));
	assert_null(settings.server.public_url); /* nothing is left behind */
}

static void
test_files(void **state)
{
	(void)state;
	assert_false(
	    settings_read("/nonexistent/offhook.conf", &settings, message, sizeof(message)));
	assert_non_null(strstr(message, "/nonexistent/offhook.conf"));
	assert_false(settings_read(
	    file_of("[queue]\ncps = 1\nspeed = 2\n"), &settings, message, sizeof(message)));
	assert_non_null(strstr(message, ":3"));
	assert_non_null(strstr(message, "queue.speed"));
	unlink(path);
	/* The default file need not be there. */
	if (access(SETTINGS_DEFAULT_PATH, F_OK) != 0)
		assert_true(settings_read(NULL, &settings, message, sizeof(message)));
}

/* The table itself: names of the right form, once each, with help, and defaults that are legal. */
static void
test_table(void **state)
{
	const struct conf_key *k, *other;

	(void)state;
	for (k = settings_keys; k->name != NULL; k++) {
		const char *dot = strchr(k->name, '.');

		assert_non_null(dot);
		assert_true(islower((unsigned char)k->name[0]) && islower((unsigned char)dot[1]));
		assert_null(strchr(dot + 1, '.'));
		assert_non_null(k->help);
		assert_true((k->check == NULL) == (k->must == NULL));
		for (other = settings_keys; other < k; other++) {
			assert_string_not_equal(other->name, k->name);
			assert_true(other->offset != k->offset);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_suits_the_host, setup, teardown),
		cmocka_unit_test_setup_teardown(test_values, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_environment_overrides, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_holds_between_two, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_table, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
