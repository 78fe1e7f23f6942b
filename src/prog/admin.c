/*
 * admin.c: main of offhook, the operator's command: the command line, the settings, the command.
 */
#include <stdio.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/command.h"
#include "base/log.h"
#include "prog/settings.h"

#define ERROR_SIZE 1024

/* What the commands need of the settings. */
static void
hand_down(const struct settings *s, struct admin_settings *to)
{
	to->values = s;
	to->database_url = s->database.url;
	to->schema_dir = s->database.schema_dir;
	to->cps = s->queue.cps;
	to->max_concurrent_ceiling = s->calls.max_concurrent_ceiling;
	to->public_url = s->server.public_url;
	to->data_dir = s->server.data_dir;
	to->api_socket = s->api.socket;
	to->events_socket = s->events.socket;
	to->skills_dir = s->skills.dir;
	to->gateway_key_file = s->server.gateway_fronted ? s->server.gateway_jwt_key_file : "";
	to->ca_file = s->webhooks.ca_file;
	to->voice_transport = s->voice.transport;
	to->voice_engine = s->voice.engine;
	to->voice_socket = s->voice.socket;
	to->voice_listen_dir = s->voice.listen_dir;
	to->carrier_url = s->twilio.api_url;
	to->carrier_sid = s->twilio.account_sid;
	to->carrier_token = s->twilio.auth_token;
	to->carrier_number = s->twilio.phone_number;
	to->carrier_timeout_ms = s->twilio.timeout_ms;
	to->store = (struct store){ s->s3.endpoint, s->s3.region, s->s3.bucket, s->s3.prefix,
		s->s3.access_key, s->s3.secret_key, s->s3.key_template,
		s->webhooks.ca_file[0] != '\0' ? s->webhooks.ca_file : NULL };
	to->stt = (struct stt){ s->deepgram.base_url, s->deepgram.api_key, to->store.ca_file };
	to->llm = (struct llm){ .base_url = s->openai.base_url, .api_key = s->openai.api_key };
	to->talks = settings_talks(s);
	to->mailer = (struct mailer){ .url = s->smtp.url,
		.username = s->smtp.username,
		.password = s->smtp.password,
		.from = s->smtp.from,
		.tls = s->smtp.tls,
		.ca_file = to->store.ca_file };
}

/* The file that the settings come from, or NULL when there is none. */
static const char *
settings_file(const char *config)
{
	if (config != NULL)
		return config;
	return access(SETTINGS_DEFAULT_PATH, F_OK) == 0 ? SETTINGS_DEFAULT_PATH : NULL;
}

int
main(int argc, char **argv)
{
	struct settings settings = { 0 };
	struct admin_settings handed = { .keys = settings_keys };
	struct admin admin = { 0 };
	char error[ERROR_SIZE];
	int status;

	log_open("offhook", LOG_LEVEL_WARNING);
	if ((status = command_read(&admin, argc, argv)) >= 0)
		return status;
	handed.file = settings_file(admin.config);
	if (settings_read(admin.config, &settings, error, sizeof(error)))
		hand_down(&settings, &handed);
	else
		handed.error = error;

	if (handed.error != NULL && (admin.command->flags & COMMAND_BARE) == 0) {
		status = admin_refuse("%s", handed.error);
	} else {
		admin_open(&admin, &handed);
		status = admin.command->run(&admin);
		admin_close(&admin);
	}
	if (fflush(stdout) != 0 || ferror(stdout))
		status = admin_refuse("standard output could not be written");
	settings_clear(&settings);
	return status;
}
