/*
 * scheduler.c: offhook-scheduler, the master of everything that happens later: one child for each
 * kind of work. A second one on the same database stands by for the dialing and shares the rest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"
#include "prog/options.h"
#include "sys/daemon.h"
#include "sys/signals.h"
#include "sys/spool.h"
#include "sys/supervise.h"
#include "work/env.h"

#define PROGRAM "offhook-scheduler"
/* A dial whose answer is awaited may take 30 s; a recording's fetch is repeated by whoever comes
 * next. */
#define DRAIN_MS 32000
#define RING_S 60

struct scheduler {
	struct options options;
	struct settings settings;
	struct work_env env;
	char recordings_dir[512], spool_dir[512];
	volatile int64_t *in_hand; /* shared with the children */
};

static void
env_fill(struct scheduler *sched)
{
	const struct settings *s = &sched->settings;

	snprintf(sched->recordings_dir, sizeof sched->recordings_dir, "%s/recordings",
	    s->server.data_dir);
	snprintf(sched->spool_dir, sizeof sched->spool_dir, "%s/" SPOOL_FOLDER, s->server.data_dir);
	sched->env = (struct work_env){
		.database_url = s->database.url,
		.statement_timeout_ms = (int)s->database.statement_timeout_ms,
		.carrier = {
			.api_url = s->twilio.api_url,
			.account_sid = s->twilio.account_sid,
			.auth_token = s->twilio.auth_token,
			.from = s->twilio.phone_number,
			.public_url = s->server.public_url,
			.ca_file = s->webhooks.ca_file[0] != '\0' ? s->webhooks.ca_file : NULL,
			.timeout_ms = (int)s->twilio.timeout_ms,
			.max_talk_s = s->calls.max_duration_seconds,
			.ring_s = RING_S,
		},
		.store = {
			.endpoint = s->s3.endpoint,
			.region = s->s3.region,
			.bucket = s->s3.bucket,
			.prefix = s->s3.prefix,
			.access_key = s->s3.access_key,
			.secret_key = s->s3.secret_key,
			.key_template = s->s3.key_template,
			.ca_file = s->webhooks.ca_file[0] != '\0' ? s->webhooks.ca_file : NULL,
		},
		.stt = {
			.base_url = s->deepgram.base_url,
			.api_key = s->deepgram.api_key,
			.ca_file = s->webhooks.ca_file[0] != '\0' ? s->webhooks.ca_file : NULL,
		},
		.llm = {
			.base_url = s->openai.base_url,
			.api_key = s->openai.api_key,
			.model = s->openai.model,
			.ca_file = s->webhooks.ca_file[0] != '\0' ? s->webhooks.ca_file : NULL,
		},
		.talks = settings_talks(s),
		.prompt_price = s->openai.prompt_price,
		.completion_price = s->openai.completion_price,
		.context_tokens = s->openai.context_tokens,
		.mailer = {
			.url = s->smtp.url,
			.username = s->smtp.username,
			.password = s->smtp.password,
			.from = s->smtp.from,
			.tls = s->smtp.tls,
			.ca_file = s->webhooks.ca_file[0] != '\0' ? s->webhooks.ca_file : NULL,
		},
		.callrail = {
			.base_url = s->callrail.base_url,
			.ca_file = s->webhooks.ca_file[0] != '\0' ? s->webhooks.ca_file : NULL,
			.anywhere = s->webhooks.allow_private_networks,
		},
		.cps = s->queue.cps,
		.default_cap = s->calls.default_max_concurrent,
		.recordings_dir = sched->recordings_dir,
		.spool_dir = sched->spool_dir,
		.retention_days = (int)s->calls.retention_days,
		.ca_file = s->webhooks.ca_file[0] != '\0' ? s->webhooks.ca_file : NULL,
		.anywhere = s->webhooks.allow_private_networks,
		.backend_key = s->providers.call_backend_key[0] != '\0'
		    ? s->providers.call_backend_key
		    : NULL,
		.in_hand = sched->in_hand,
	};
}

static bool
reload(void *arg)
{
	struct scheduler *sched = arg;
	struct settings next = { 0 };
	enum log_level level;
	char error[512];

	daemon_reloading();
	if (!settings_read(sched->options.config, &next, error, sizeof error)) {
		log_error("the settings were not reloaded: %s", error);
		daemon_ready();
		return false;
	}
	settings_clear(&sched->settings);
	sched->settings = next;
	env_fill(sched);
	if (log_level_parse(next.server.log_level, &level))
		log_set_level(level);
	log_info("the settings were reloaded");
	daemon_ready();
	return true;
}

/* A number that children and master share; 0. */
static volatile int64_t *
shared_number(void)
{
	void *page = mmap(
	    NULL, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		log_fatal("out of memory");
	return page;
}

static bool
credentials_set(const struct settings *s)
{
	return s->twilio.account_sid[0] != '\0' && s->twilio.auth_token[0] != '\0' &&
	    s->twilio.phone_number[0] != '\0';
}

int
main(int argc, char **argv)
{
	struct scheduler sched = { 0 };
	struct child children[] = {
		{ .name = "dialer", .run = work_dial, .arg = &sched.env },
		{ .name = "waker", .run = work_wake, .arg = &sched.env },
		{ .name = "watcher", .run = work_watch, .arg = &sched.env },
		{ .name = "recorder", .run = work_record, .arg = &sched.env },
		{ .name = "merger", .run = work_merge, .arg = &sched.env },
		{ .name = "teller", .run = work_tell, .arg = &sched.env },
		{ .name = "reporter", .run = work_report, .arg = &sched.env },
		{ .name = "appraiser", .run = work_appraise, .arg = &sched.env },
		{ .name = "talker", .run = work_talk, .arg = &sched.env },
		{ .name = "processor", .run = work_process, .arg = &sched.env },
		{ .name = "importer", .run = work_unspool, .arg = &sched.env },
		{ .name = "poller", .run = work_poll, .arg = &sched.env },
		{ .name = "keeper", .run = work_keep, .arg = &sched.env },
	};
	struct supervisor supervisor = { children, sizeof children / sizeof children[0], DRAIN_MS,
		reload, NULL, &sched };
	int status;

	log_open(PROGRAM, LOG_LEVEL_INFO);
	daemon_title_init(argc, argv);
	options_read(&sched.options, PROGRAM,
	    "Dials the queued calls and does everything that happens later.", argc, argv);
	options_settings(&sched.options, &sched.settings);
	if (!credentials_set(&sched.settings))
		log_warning(
		    "twilio.account_sid, auth_token or phone_number is not set: every dial will"
		    " be refused");
	sched.in_hand = shared_number();
	env_fill(&sched);
	daemon_harden();
	if (!daemon_pid_file(sched.options.pid_file))
		log_fatal("the pid file cannot be written");
	signals_init();
	daemon_ready();
	status = supervise_run(&supervisor);
	daemon_stopping();
	settings_clear(&sched.settings);
	daemon_end();
	return status;
}
